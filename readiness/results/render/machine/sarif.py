"""`readiness.sarif`: what is not well as SARIF 2.1.0, which code scanning shows on the lines at fault.

Passed and not applicable checks are left out: consumers raise an alert for every result, whatever its kind.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from readiness.findings import Outcome, Severity
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import MAX_ROWS, Places, Room, visible, worst
from readiness.results.report import iso, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.results.report import Report, Row

ROOM: Final = 4_000_000
"""Characters of text in one document; consumers take at most 10 MB, compressed."""
_MESSAGE: Final = 1_000
_HELP: Final = 2_000
_TOLD: Final = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.FLAKY, Outcome.WAIVED)
_LEVELS: Final = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_NOWHERE: Final = "readiness.toml"
_LINK: Final = re.compile(r"\](?=\()")
"""What would make a link of a message, `[text](target)`."""
_PLACEHOLDER: Final = re.compile(r"\{(\d+)\}")
"""What would be replaced in a message, `{0}`."""
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report) -> str:
    """One run with its rules, its results worst first, and the verdict as properties."""
    told = [row for row in report.rows if row.outcome in _TOLD]
    rows = worst(told)
    room, places = Room(ROOM), Places(report)
    rules: dict[str, int] = {}
    for row in rows:
        rules.setdefault(row.check, len(rules))
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(report, rows, rules, room)},
                "automationDetails": {"id": f"readiness/{visible(report.environment)}/{visible(report.run.id)}"},
                "invocations": [_invocation(report, len(told) - len(rows))],
                "results": [_result(row, rules[row.check], room, places) for row in rows],
                "properties": _verdict(report),
            }
        ],
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"


def fingerprint(row: Row) -> str:
    """What makes two findings of different runs the same one: check, instance and file, never line, reason or number."""
    identity = "\0".join((row.check, row.instance or "", row.path or ""))
    return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def message(text: str) -> str:
    """`text` as the text of a SARIF message: it leads nowhere, and nothing is put into it."""
    return _PLACEHOLDER.sub(r"{{\1}}", _LINK.sub("] ", visible(text)))


def _driver(report: Report, rows: Iterable[Row], rules: dict[str, int], room: Room) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.check not in found:
            found[row.check] = _rule(row, room)
    driver: dict[str, Any] = {"name": "mcp-hub-readiness", "rules": [found[check] for check in rules]}
    if version := report.run.versions.get("readiness"):
        driver["version"] = visible(version)
    return driver


def _rule(row: Row, room: Room) -> dict[str, Any]:
    title = message(room.take(row.title or row.check, _MESSAGE))
    tags = list(dict.fromkeys(visible(part) for part in row.category.split("/")))
    return {
        "id": visible(row.check),
        "shortDescription": {"text": title},
        # code scanning asks for both of these, also where there is no more to say
        "fullDescription": {"text": title},
        "help": {"text": message(room.take(row.remedy, _HELP)) or title},
        "defaultConfiguration": {"level": _LEVELS[row.severity]},
        "properties": {"tags": tags} | ({"rollback": visible(row.rollback)} if row.rollback else {}),
    }


def _result(row: Row, rule: int, room: Room, places: Places) -> dict[str, Any]:
    unknown = row.outcome is Outcome.UNKNOWN
    said = words.said(row) or row.title
    result: dict[str, Any] = {
        "ruleId": visible(row.check),
        "ruleIndex": rule,
        # the standard's word for "not enough is known to decide"; it leaves such a result no level
        "kind": "open" if unknown else "fail",
        "level": "none" if unknown else _level(row),
        "message": {"text": message(room.take(f"{words.label(row.outcome.value)}: {said}", _MESSAGE))},
        "locations": [_location(row, places)],
        "partialFingerprints": {"readiness/v1": fingerprint(row)},
        "properties": {
            "outcome": row.outcome.value,
            "severity": row.severity.value,
            "pointsLost": round(float(row.points_lost), 4),
        }
        | ({"file": visible(row.place)} if row.path else {}),
    }
    if row.outcome is Outcome.WAIVED:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": message(room.take(row.waiver or "", _MESSAGE))}
        ]
    return result


def _level(row: Row) -> str:
    """By severity where a check failed; what is only not as good as it should be is a warning at most."""
    level = _LEVELS[row.severity]
    return "warning" if level == "error" and row.outcome is not Outcome.FAILED else level


def _location(row: Row, places: Places) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": visible(row.key), "kind": "member"}]}
    inside = places.inside(row)
    # code scanning refuses the whole file for one result without a place in the repository: what is about no file there
    # stands where its check is configured; what is about a whole file, on its first line
    uri = quote(inside, safe="/", errors="replace") if inside else _NOWHERE
    line = max(row.line or 1, 1) if inside else 1
    location["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return location


def _invocation(report: Report, left_out: int) -> dict[str, Any]:
    messages = [*report.trouble]
    if left_out:
        messages.append(f"{left_out} more findings are not in this file; readiness.json names them")
    invocation: dict[str, Any] = {
        "executionSuccessful": not report.trouble,
        "startTimeUtc": iso(report.run.started),
        "endTimeUtc": iso(report.run.finished),
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": message(sentence)}} for sentence in messages[:100]
        ],
    }
    if report.exit_code is not None:
        invocation["exitCode"] = report.exit_code
    return invocation


def _verdict(report: Report) -> dict[str, Any]:
    return {
        "status": report.status,
        "decision": report.decision,
        "because": visible(report.because),
        "score": shown(report.score),
        "headline": shown(report.headline),
        "proven": shown(report.proven, 2),
        "findings": words.counts(report),
        "namedAtMost": MAX_ROWS,
    }
