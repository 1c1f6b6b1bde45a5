"""The pages of real runs and of ten thousand findings, opened in a browser: nothing is asked for or complained about."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

from readiness.findings import Outcome
from readiness.results.render.page.html import render
from readiness.results.verdict.verdict import Decision, Status
from tests.helpers.browser import chromium
from tests.helpers.page_runs import ROOT, broken_hub, interrupted, run
from tests.helpers.wires import free_port
from tests.results.report.factory import judged, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.matrix
SAMPLE: Final = ROOT / "reports" / "sample" / "readiness.toml"
_OVER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all that look."""
    with chromium() as found:
        yield found


def _looked_at(browser: Browser, file: Path, *, axe: bool = True) -> str:
    """The text of the page as it was read on a phone at night and on a screen by day; asserts that it is sound."""
    seen: list[str] = []
    for width, scheme in ((360, "dark"), (1280, "light")):
        page = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme)  # type: ignore[arg-type]
        try:
            page.on("console", lambda message: seen.append(message.text))
            page.on("pageerror", lambda error: seen.append(str(error)))
            page.on("request", lambda asked: seen.append(asked.url) if asked.url != file.as_uri() else None)
            page.goto(file.as_uri(), timeout=30_000)
            assert page.evaluate(_OVER) == 0
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert page.evaluate(_OVER) == 0
            if axe and scheme == "dark":
                tool = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
                assert [fault["id"] for fault in tool.run(page).response["violations"]] == []
            text = page.inner_text("body")
        finally:
            page.close()
    assert seen == []
    return text


def test_a_healthy_run(browser: Browser, tmp_path: Path) -> None:
    """The embedded hub, whole: READY, stamped as a demonstration, with what was measured drawn against its limits."""
    assert run(tmp_path, "-m", "health or alerts", "--readiness-demo") == 0
    text = _looked_at(browser, tmp_path / "readiness.html")
    assert "READY" in text
    assert "DEMO" in text
    assert "Measured against limits" in text


def test_runs_that_get_worse(browser: Browser, tmp_path: Path) -> None:
    """A degraded and a failed run of one hub after another: the last page tells what changed, and draws both."""
    port = free_port()
    settings = tmp_path / "readiness.toml"
    settings.write_text(SAMPLE.read_text(encoding="utf-8").replace("47313", str(port)), encoding="utf-8")
    more = ("-m", "alerts", "--readiness-config", str(settings))
    with broken_hub(port, "queue-deep"):
        assert run(tmp_path, *more) == 0
    first = _looked_at(browser, tmp_path / "readiness.html")
    shutil.copy(tmp_path / "readiness.html", tmp_path / "degraded.html")
    with broken_hub(port, "breaker-open"):
        assert run(tmp_path, *more) == 1
    second = _looked_at(browser, tmp_path / "readiness.html")
    assert "CONDITIONAL" in first
    assert "KEEP AND WATCH" in first
    assert "NOT READY" in second
    assert "Newly failing" in second
    assert "The last 2 runs" in second


def test_an_interrupted_run(browser: Browser, tmp_path: Path) -> None:
    """Ctrl-C in the middle: the page says that the run broke, and lists what was never asked as unknown."""
    assert interrupted(tmp_path, "-m", "preflight or health", "--readiness-demo") == 2
    text = _looked_at(browser, tmp_path / "readiness.html")
    assert "INCOMPLETE" in text
    assert "The run itself broke" in text
    assert "What could not be proven" in text


def test_ten_thousand_findings(browser: Browser, tmp_path: Path) -> None:
    """Every one of them is on the page that the browser shows, and a link to the last one leads to it."""
    kinds = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED, Outcome.DEGRADED, Outcome.NOT_APPLICABLE)
    rows = [
        judged(f"check-{n}", kinds[n % 5], 0.009, reason=f"connection refused by host {n} " * 5) for n in range(10_000)
    ]
    file = tmp_path / "readiness.html"
    file.write_text(render(report(rows, Status.NOT_READY, Decision.HOLD)), encoding="utf-8")
    _looked_at(browser, file, axe=False)
    page = browser.new_page()
    try:
        page.goto(f"{file.as_uri()}#check-9997", timeout=30_000)
        assert page.evaluate("document.querySelectorAll('[id^=check-]').length") == 10_000
        assert page.locator("#check-9997").is_visible()
    finally:
        page.close()
