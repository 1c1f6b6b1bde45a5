"""The verdict as one synthetic test case in the JUnit file that pytest wrote: suite properties are lost under xdist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from readiness.errors import ReadinessError
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import visible
from readiness.support import file_reading, file_writing, without_ci_commands

if TYPE_CHECKING:
    from readiness.results.report import Cause, Report

MAX_BYTES: Final = 256 * 1024 * 1024
CLASS: Final = "readiness"
NAME: Final = "verdict"
_TAGS: Final = {"NOT READY": "failure", "INCOMPLETE": "error"}


def add_verdict(path: str | Path, report: Report) -> str | None:
    """Add the test case `readiness.verdict` to the JUnit file at `path`; once more replaces it.

    NOT READY is a failure, INCOMPLETE an error, CONDITIONAL and READY pass with what they say as output. Returns a
    sentence where the file cannot be used, and then leaves it as it is; None: it was added. Never raises.
    """
    file = Path(path).expanduser()
    content = file_reading.content_or_none(file, MAX_BYTES)
    if content is None:
        return f"the verdict is not in {file}: the file is missing, too large or no regular file"
    # no document type: pytest writes none, and it is the way entities grow without bound
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
        return f"the verdict is not in {file}: it declares a document type, which pytest does not write"
    try:
        root = ET.fromstring(content)  # noqa: S314 - bounded, without a document type, written by pytest in this run
    except (ET.ParseError, ValueError, LookupError) as error:
        return f"the verdict is not in {file}: it is no XML ({error})"
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    if suite is None or root.tag not in {"testsuite", "testsuites"}:
        return f"the verdict is not in {file}: it holds no test suite"
    _forget(root, suite)
    suite.append(verdict_case(report))
    _count(root, suite, report, 1)
    try:
        file_writing.replace_file(
            file, '<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(root, encoding="unicode")
        )
    except ReadinessError as error:
        return f"the verdict is not in {file}: {error}"
    return None


def verdict_case(report: Report) -> ET.Element:
    """The test case `readiness.verdict`: it fails for NOT READY, errs for INCOMPLETE, and says why in its text."""
    case = ET.Element("testcase", classname=CLASS, name=NAME, time="0.000")
    tag = _TAGS.get(report.status)
    text = without_ci_commands(visible("\n".join(_sentences(report))))
    if tag:
        element = ET.SubElement(
            case, tag, type=report.status, message=visible(f"{report.status}, {report.decision}: {report.because}")
        )
        element.text = text
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _sentences(report: Report) -> list[str]:
    grouped = words.shape(report)
    sentences = [
        f"{report.status}, {report.decision}, score {words.number(report.headline)}",
        report.because,
        words.capped(report),
        words.best_case(report),
        *report.trouble,
        words.rollback_sentence(report),
        *(_told(cause) for cause in grouped.lost[:20]),
        *(_told(cause) for cause in grouped.unknown[:20]),
    ]
    return [sentence for sentence in sentences if sentence]


def _told(cause: Cause) -> str:
    sentence = f"{cause.row.outcome.value}: {cause.row.key} {words.points(cause.row.points_lost)}"
    return f"{sentence}, and the same for {', '.join(row.key for row in cause.also[:20])}" if cause.also else sentence


def _forget(root: ET.Element, suite: ET.Element) -> None:
    for case in suite.findall("testcase"):
        if case.get("classname") == CLASS and case.get("name") == NAME:
            suite.remove(case)
            tag = next((child.tag for child in case if child.tag in _TAGS.values()), None)
            _add(root, suite, "tests", -1)
            if tag:
                _add(root, suite, f"{tag}s", -1)


def _count(root: ET.Element, suite: ET.Element, report: Report, by: int) -> None:
    _add(root, suite, "tests", by)
    tag = _TAGS.get(report.status)
    if tag:
        _add(root, suite, f"{tag}s", by)


def _add(root: ET.Element, suite: ET.Element, name: str, by: int) -> None:
    for element in {id(suite): suite, id(root): root}.values():
        count = element.get(name, "")
        if count.isascii() and count.isdigit() and len(count) < 10:  # noqa: PLR2004 - a count, not a bomb
            element.set(name, str(max(int(count) + by, 0)))
