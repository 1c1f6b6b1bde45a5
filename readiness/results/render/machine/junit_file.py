"""`readiness.junit.xml`: every finding as a test case, made from the report itself and so from no run of pytest's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from readiness.findings import Outcome
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import Places, Room, one_line, visible
from readiness.results.render.machine.junit import verdict_case
from readiness.results.report import iso
from readiness.support import without_ci_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.results.report import Report, Row

ROOM: Final = 6_000_000
"""Characters of text in one document."""
_TEXT: Final = 3_000
_MESSAGE: Final = 500
_TAGS: Final = {Outcome.FAILED: "failure", Outcome.UNKNOWN: "error", Outcome.NOT_APPLICABLE: "skipped"}
"""What is waived, degraded or flaky passes, and says what it is as output; unknown is never failed."""


def render(report: Report) -> str:
    """One suite a category, one case a finding, and first of all the verdict as a case of its own."""
    root = ET.Element("testsuites", name="readiness")
    _suite(root, "readiness", [verdict_case(report)], report)
    room, places = Room(ROOM), Places(report)
    categories: dict[str, list[Row]] = {}
    for row in report.rows:
        categories.setdefault(row.category, []).append(row)
    for name, rows in categories.items():
        _suite(root, name, [_case(row, room, places) for row in rows], report)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{report.run.seconds:.3f}")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, name: str, cases: Sequence[ET.Element], report: Report) -> None:
    tags = [child.tag for case in cases for child in case]
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": one_line(name), "tests": str(len(cases))}
        | {count: str(tags.count(tag)) for count, tag in counts.items()},
        time=f"{sum(float(case.get('time', '0')) for case in cases):.3f}",
        timestamp=iso(report.run.started)[:19],
    )
    suite.extend(cases)


def _case(row: Row, room: Room, places: Places) -> ET.Element:
    classname = f"readiness.{row.category.replace('/', '.')}"
    case = ET.Element("testcase", classname=one_line(classname), name=one_line(row.key), time=f"{row.seconds:.3f}")
    if file := places.inside(row):
        case.set("file", file)
        if row.line:
            case.set("line", str(row.line))
    if row.outcome is Outcome.PASSED:
        return case
    said = one_line(words.said(row)[:_TEXT])
    if tag := _TAGS.get(row.outcome):
        detail = ET.SubElement(case, tag, message=room.take(said, _MESSAGE))
        if row.outcome is Outcome.NOT_APPLICABLE:
            return case
        detail.set("type", row.severity.value)
    else:
        detail = ET.SubElement(case, "system-out")
    detail.text = room.take(without_ci_commands(visible("\n".join(_sentences(row, said))[: 2 * _TEXT])), _TEXT)
    return case


def _sentences(row: Row, message: str) -> list[str]:
    sentences = [
        f"{words.label(row.outcome.value)}, {row.severity.value}, {words.points(row.points_lost)} points",
        row.title,
    ]
    sentences += [message, *row.notes]
    if remedy := words.to_do(row):
        sentences.append(f"do: {remedy}")
    return [sentence for sentence in sentences if sentence]
