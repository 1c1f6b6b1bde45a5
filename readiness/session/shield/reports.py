"""Takes secrets out of pytest's reports, in place: every class stays, so that every reporter still understands them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

from readiness.support.text import without_ci_commands

if TYPE_CHECKING:
    import pytest

    from readiness.support.redaction.redactor import Redactor

_PLAIN: Final = frozenset(
    {
        "_id",
        "_nodeid",
        "nodeid",
        "location",
        "keywords",
        "outcome",
        "when",
        "duration",
        "start",
        "stop",
        "longrepr",
        "sections",
        "user_properties",
        "result",
        "call",
        "node",
        "item_index",
        "worker_id",
        "testrun_uid",
        "rerun",
        "readiness",
    }
)
"""Attributes that hold no text of a stranger's, or are treated by name; node ids were redacted at collection.

`readiness` is this project's own finding, redacted by whoever made it.
"""

_SEALED: Final = _PLAIN - {"longrepr", "sections", "user_properties", "location", "keywords"} | {"$report_type"}
_JUNIT: Final = frozenset({"classname", "name", "file", "line", "time", "url"})
_WITHHELD: Final = "«withheld: this report could not be redacted»"
_DEPTH: Final = 60
_OBEYING: Final = ("GITHUB_ACTIONS", "TF_BUILD")
"""Variables of CI systems that obey what stands in a job's output."""


def unremarkable(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a report carries nothing but facts of pytest's own; most reports of passed tests do."""
    data = report.__dict__
    return (
        data.get("longrepr") is None
        and not data.get("sections")
        and not data.get("user_properties")
        and data.keys() <= _PLAIN
    )


def clean_report(report: pytest.TestReport | pytest.CollectReport, redactor: Redactor) -> None:
    """Redact and bound everything in `report` that a test, a fixture or a hub had a hand in."""
    data = report.__dict__
    try:
        data["longrepr"] = _clean_longrepr(data.get("longrepr"), redactor)
    except Exception:  # noqa: BLE001 - rather no explanation than one that nobody looked at
        data["longrepr"] = _WITHHELD
    data["sections"] = [(redactor.clean(name), redactor.clean(content)) for name, content in data.get("sections") or ()]
    if data.get("user_properties"):
        data["user_properties"] = redactor.value(data["user_properties"])
    for name in data.keys() - _PLAIN:
        data[name] = _clean_extra(data[name], redactor)


def tamed(redactor: Redactor) -> Redactor:
    """`redactor`; inside a CI system that obeys what is printed, one whose texts it takes for no command."""
    return cast("Redactor", _Tamed(redactor)) if any(name in os.environ for name in _OBEYING) else redactor


class _Tamed:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the redactor's own
        return getattr(self._redactor, name)

    def clean(self, value: object) -> str:
        """As the redactor's."""
        return without_ci_commands(self._redactor.clean(value))


def portable(data: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A serialised report as execnet can carry it: plain types, no lone surrogate, nothing huge."""
    return {
        name: value
        if name in _SEALED
        else _clean_extra(value, redactor)
        if name != "longrepr"
        else redactor.value(value)
        for name, value in data.items()
    }


def clean_repr(shown: Any, redactor: Redactor) -> None:  # noqa: ANN401 - any of pytest's TerminalRepr classes
    """Redact what `shown` would print, in place."""
    _walk_attributes(shown, redactor, set(), 0)


def clean_junit(xml: Any, redactor: Redactor) -> None:  # noqa: ANN401 - pytest's LogXML, which has no public face
    """Redact what a JUnit file is about to hold besides reports: attributes and properties, of test cases and the suite."""
    xml.global_properties[:] = redactor.value(xml.global_properties)
    for reporter in xml.node_reporters_ordered:
        pending = vars(reporter)
        if "properties" in pending:
            pending["properties"] = redactor.value(pending["properties"])
            _clean_attributes(pending["attrs"], redactor)
            continue
        element = reporter.to_xml()  # a finished test case is an XML element already
        _clean_attributes(element.attrib, redactor)
        for entry in element.iterfind("properties/property"):
            for name, value in entry.attrib.items():
                entry.set(name, redactor.clean(value))


def _clean_attributes(attributes: dict[str, str], redactor: Redactor) -> None:
    for name in attributes.keys() - _JUNIT:
        attributes[name] = redactor.clean(attributes[name])


def _clean_longrepr(longrepr: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - pytest's union of five types
    if longrepr is None:
        return None
    if isinstance(longrepr, str):
        return redactor.clean(longrepr)
    if isinstance(longrepr, tuple):  # path, line and reason of a skip
        return tuple(part if isinstance(part, int) else redactor.clean(part) for part in longrepr)
    if not hasattr(longrepr, "toterminal") or not hasattr(longrepr, "__dict__"):
        return redactor.clean(longrepr)
    clean_repr(longrepr, redactor)
    if not type(longrepr).__module__.startswith("_pytest."):
        text = str(longrepr)  # a stranger's class may keep its text where no walk finds it
        if redactor.text(text) != text:
            return redactor.clean(text)
    return longrepr


def _walk_attributes(obj: Any, redactor: Redactor, seen: set[int], depth: int) -> None:  # noqa: ANN401 - as above
    if id(obj) in seen or depth > _DEPTH:
        return
    seen.add(id(obj))
    for name, value in vars(obj).items():
        new = _walk(value, redactor, seen, depth + 1)
        if new is not value:
            object.__setattr__(obj, name, new)


def _walk(value: Any, redactor: Redactor, seen: set[int], depth: int) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, str):
        return redactor.clean(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        shown = redactor.clean(path)
        return value if shown == path else shown
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return _clean_lines(value, redactor)
    if isinstance(value, (list, tuple)):
        return (
            type(value)(_walk(part, redactor, seen, depth) for part in value) if _bare(value) else redactor.value(value)
        )
    if isinstance(value, dict):
        return redactor.value(value)
    if hasattr(value, "toterminal") and hasattr(value, "__dict__"):
        _walk_attributes(value, redactor, seen, depth)
    return value


def _bare(value: list[Any] | tuple[Any, ...]) -> bool:
    return type(value) in {list, tuple}


def _clean_lines(lines: list[str], redactor: Redactor) -> list[str]:
    """Lines of one text are looked at together: a private key, or a message of 50 MB, spans many of them.

    A native traceback's lines bring their own line ends.
    """
    joint = "" if any(line.endswith("\n") for line in lines) else "\n"
    text = joint.join(lines)
    shown = redactor.clean(text)
    if shown == text:
        return lines
    return shown.split("\n") if joint else shown.splitlines(keepends=True)


def _clean_extra(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - whatever plugins hang on a report
    if isinstance(value, list):
        return _extras(value, redactor)
    if isinstance(value, (str, bytes, dict, tuple, set, frozenset)):
        return redactor.value(value)
    if hasattr(value, "msg") and hasattr(
        value, "kwargs"
    ):  # the context of a subtest: frozen, and it quotes when copied
        for name in ("msg", "kwargs"):
            object.__setattr__(value, name, redactor.value(getattr(value, name)))
    elif hasattr(value, "toterminal") and hasattr(value, "__dict__"):
        clean_repr(value, redactor)
    return value


def _extras(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - pytest-html's list of dicts, by convention only
    if isinstance(value, list):
        return [_extras(part, redactor) for part in value]
    if isinstance(value, dict) and value.get("format_type") in {"image", "video"}:  # no text inside, and too big to cut
        return {key: part if key == "content" else redactor.value(part) for key, part in value.items()}
    return redactor.value(value)
