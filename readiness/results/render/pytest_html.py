"""pytest-html's page: our verdict in one line, and our escaping of what that page inserts as HTML.

pytest-html 4.2 puts test ids, names of extras, links, metadata and summary strings into its page without escaping them
(the cells of a row become `innerHTML`). A parametrised id that holds markup would run in the reader's browser.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness.support import visible_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.results.report import Report

_SAFE_LINK: Final = re.compile(r"(?:https?://|data:(?:text/plain|application/json)[;,]|[\w./-]+$)", re.IGNORECASE)
"""What a link may lead to: the web, text that pytest-html embedded itself, a file beside the page."""
_SHOWN: Final = 2_000
_DEPTH: Final = 5


def escaped(value: object) -> str:
    """`value` as HTML text, also safe between quotes; control characters are shown, long text is cut."""
    return html.escape(visible_text(value, _SHOWN), quote=True)


def summary_line(report: Report) -> str:
    """The verdict in one line of HTML for `pytest_html_results_summary`."""
    score = int(report.headline * 10) / 10
    stamp = "DEMO: " if report.demo else ""
    return (
        f"<p><strong>{stamp}{escaped(report.status)}: {escaped(report.decision)}</strong>, score {score:.1f}. "
        f"{escaped(report.because)}</p>"
    )


class HtmlShield:
    """A plugin object that escapes what pytest-html is handed; register it on the controller where `--html` is given."""

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[Any]) -> None:  # noqa: ANN401 - any kind of report
        """Write the cell of the test id anew, before other plugins see it: it comes with the raw text in it."""
        test_id = report.nodeid if report.when == "call" else f"{report.nodeid}::{report.when}"
        for index, cell in enumerate(cells):
            if isinstance(cell, str) and cell.startswith('<td class="col-testId">'):
                cells[index] = f'<td class="col-testId">{escaped(test_id)}</td>'

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Escape the names and links of extras before pytest-html reads them."""
        for extra in getattr(report, "extras", None) or ():
            if isinstance(extra, dict):
                _tame(extra)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Escape the metadata that becomes the page's environment table."""
        try:
            from pytest_metadata.plugin import metadata_key  # type: ignore[import-untyped, unused-ignore]
        except ImportError:  # pytest-html without pytest-metadata 3 shows none
            return
        metadata = session.config.stash.get(metadata_key, None)
        if metadata is not None:
            for key in list(metadata):
                metadata[key] = _escaped_value(metadata[key])


def _tame(extra: dict[str, Any]) -> None:
    """Escape an extra in place, once; a link that could run something leads nowhere."""
    if extra.get("tamed"):  # one dict may hang on several reports of a test
        return
    extra["tamed"] = True
    extra["name"] = escaped(extra.get("name") or "")
    kind = extra["format_type"] = escaped(extra.get("format_type") or "")
    content = extra.get("content")
    if kind == "url":
        extra["content"] = escaped(content) if _SAFE_LINK.match(str(content)) else "#"
    elif kind in {"image", "video"} and isinstance(content, str):
        extra["content"] = html.escape(content, quote=True)


def _escaped_value(value: Any, depth: int = _DEPTH) -> Any:  # noqa: ANN401 - whatever a plugin put into the metadata
    if isinstance(value, dict) and depth:
        return _escaped_mapping(value, depth - 1)
    if isinstance(value, (list, tuple)) and depth:
        return [_escaped_value(item, depth - 1) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return escaped(value)


def _escaped_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {escaped(key): _escaped_value(item, depth) for key, item in value.items()}
