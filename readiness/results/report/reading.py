"""From `readiness.json` back to a Report: the inverse of `to_json`, for whoever shows or merges what a run left.

A document may come from another machine: it is held against the schema first, and every text is made plain and bounded anew.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.findings import Limits, Outcome, Severity
from readiness.results.report.document import SCHEMA_FILE, SCHEMA_VERSION
from readiness.results.report.model import (
    Action,
    Category,
    Comparison,
    Escalation,
    History,
    HubProcess,
    InventoryTool,
    PastCheck,
    PastRun,
    ReleasePhase,
    ReleaseRun,
    Report,
    Rollback,
    Row,
    RunInfo,
    SinceReady,
    ToolInventory,
    spelled,
)
from readiness.support import one_line, visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jsonschema import Draft202012Validator

_TEXT: Final = 8_000
"""Characters kept of any text: above every bound of a report as it was made, so that what is ours is never cut."""
_SHOWN: Final = 80
_NEAR: Final = Fraction(1, 10)
"""How far a number as it is shown lies from the exact one at the most: scores are floored to a tenth."""
_MOST: Final = 1e12
"""Seconds, milliseconds or bytes beyond this are nothing that anybody measured."""


def read(document: Mapping[str, Any]) -> Report:
    """The report that `document` tells of; scores and points are exact as far as it says what rounding took.

    Raises ReadinessError, with the place, where it is no report or a damaged one.
    """
    _check(document)
    try:
        return _report(document)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise ReadinessError(f"not a report that can be read: {one_line(error, _SHOWN)}") from None


def _check(document: Any) -> None:  # noqa: ANN401 - whatever somebody's JSON holds
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        problem = (
            "it has no schema_version" if version is None else f"its schema_version is {one_line(version, _SHOWN)!r}"
        )
        raise ReadinessError(
            f"not a report of this tool: {problem}; expected a readiness.json of version {SCHEMA_VERSION}"
        )
    try:
        error = next(_validator().iter_errors(document), None)
    except RecursionError:
        raise ReadinessError("not a report that can be read: nested too deeply") from None
    if error is not None:
        expected = one_line(json.dumps(error.validator_value), _SHOWN)
        raise ReadinessError(
            f"not a report that can be read: {one_line(error.json_path, _SHOWN)} is "
            f"{visible_text(one_line(repr(error.instance)[:_TEXT], _TEXT), _SHOWN)}; expected {error.validator} {expected}"
        )


@functools.cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _report(document: Mapping[str, Any]) -> Report:
    run, verdict, exact = document["run"], document["verdict"], document.get("exact", {})
    return Report(
        run=_run(run, _process(document.get("process"))),
        environment=_line(run["environment"]),
        target=_line(run["target"]),
        release=_line(run["release"]),
        demo=run["demo"],
        first_look=_maybe(run["first_look"]),
        status=verdict["status"],
        decision=verdict["decision"],
        because=_line(verdict["because"]),
        score=_exact(verdict["score"], exact.get("score")),
        headline=_exact(verdict["headline"], exact.get("headline")),
        best_case=_exact(verdict["best_case"], exact.get("best_case")),
        proven=_exact(verdict["proven"], exact.get("proven")),
        cap=_maybe(verdict["cap"]),
        stage=verdict["stage"],
        gate={_line(name): float(_number(value)) for name, value in verdict["gate"].items()},
        categories=tuple(
            Category(name=_line(c["name"]), score=_exact(c["score"], c.get("score_exact")), weight=_exact(c["weight"]))
            for c in verdict["categories"]
        ),
        rows=tuple(_row(finding_rows) for finding_rows in document["findings"]),
        rollback=_rollback(document["rollback"]),
        comparison=_comparison(document["comparison"]),
        contacts={_line(role): _line(who) for role, who in document["contacts"].items()},
        trouble=_lines(document["trouble"]),
        notes=_lines(document["notes"]),
        exit_code=verdict["exit_code"],
        inventory=_inventory(document.get("inventory")),
        load=_bounded(document.get("load")),
        escalation=tuple(Escalation(**_fields(step)) for step in document.get("escalation", ())),
        history=_history(document.get("history")),
        release_run=_release_run(document.get("release_run")),
    )


def _run(run: Mapping[str, Any], process: HubProcess | None) -> RunInfo:
    return RunInfo(
        id=_line(run["id"]),
        started=_moment(run["started"]),
        finished=_moment(run["finished"]),
        seconds=_number(run["seconds"]),
        selection=_line(run["selection"]),
        versions={_line(what): _line(version) for what, version in run["versions"].items()},
        plan_hash=_line(run["plan_hash"]),
        process=process,
    )


def _process(process: Mapping[str, Any] | None) -> HubProcess | None:
    if process is None:
        return None
    return HubProcess(
        pid=process["pid"],
        started=None if process["started"] is None else _moment(process["started"]),
        version=_line(process["version"]),
        machine=_line(process["machine"]),
        exposed=process.get("exposed") is True,
    )


def _row(document: Mapping[str, Any]) -> Row:
    texts = {name: visible_text(document[name], _TEXT) for name in ("reason", "expected", "actual", "remedy")}
    lines = {name: _line(document[name]) for name in ("check", "title", "category", "marker", "unit", "nodeid")}
    maybe: dict[str, Any] = {
        name: _maybe(document.get(name)) for name in ("instance", "rollback", "waiver", "blocked_by", "path")
    }
    return Row(
        severity=Severity(document["severity"]),
        outcome=Outcome(document["outcome"]),
        attempts=int(_number(document["attempts"])),
        seconds=_number(document["seconds"]),
        points_lost=_exact(document["points_lost"], document.get("points_exact")),
        notes=tuple(visible_text(note, _TEXT) for note in document["notes"]),
        line=None if document.get("line") is None else int(_number(document["line"])),
        limits=_limits(document.get("limits")),
        **texts,
        **lines,
        **maybe,
    )


def _limits(document: Mapping[str, Any] | None) -> Limits | None:
    if document is None:
        return None
    numbers: dict[str, Any] = {
        name: None if document[name] is None else _number(document[name]) for name in ("warning", "critical")
    }
    return Limits(better=document["better"], **numbers)


def _rollback(plan: Mapping[str, Any] | None) -> Rollback | None:
    if plan is None:
        return None
    actions = tuple(Action(**_fields({k: a[k] for k in Action.__slots__})) for a in plan["actions"])
    return Rollback(**_fields({k: plan[k] for k in Rollback.__slots__}) | {"actions": actions})


def _comparison(document: Mapping[str, Any] | None) -> Comparison | None:
    if document is None:
        return None
    still = tuple((_line(entry["name"]), _line(entry["since"])) for entry in document["still_failing"])
    return Comparison(**_fields({k: document[k] for k in Comparison.__slots__}) | {"still_failing": still})


def _inventory(document: Mapping[str, Any] | None) -> ToolInventory | None:
    if document is None:
        return None
    entries = tuple(InventoryTool(**_fields({k: e[k] for k in InventoryTool.__slots__})) for e in document["entries"])
    return ToolInventory(**_fields({k: document[k] for k in ToolInventory.__slots__}) | {"entries": entries})


def _history(document: Mapping[str, Any] | None) -> History | None:
    if document is None:
        return None
    since = document["since_ready"]
    return History(
        runs=tuple(PastRun(**_dated({k: run[k] for k in PastRun.__slots__})) for run in document["runs"]),
        checks=tuple(PastCheck(key=_line(c["key"]), outcomes=spelled(c["outcomes"])) for c in document["checks"]),
        left_out=document["left_out"],
        flaky=_lines(document["flaky"]),
        since_ready=None if since is None else _since_ready(since),
    )


def _since_ready(since: Mapping[str, Any]) -> SinceReady:
    versions = tuple((_line(v["what"]), _line(v["then"]), _line(v["now"])) for v in since["versions"])
    return SinceReady(**_dated({k: since[k] for k in SinceReady.__slots__}) | {"versions": versions})


def _release_run(document: Mapping[str, Any] | None) -> ReleaseRun | None:
    if document is None:
        return None
    phases = tuple(ReleasePhase(**_fields({k: p[k] for k in ReleasePhase.__slots__})) for p in document["phases"])
    # absent in reports of versions before them
    names = {"deployed": "", "before": ""}
    return ReleaseRun(**_dated({k: (names | dict(document))[k] for k in ReleaseRun.__slots__}) | {"phases": phases})


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as a dataclass holds them: texts plain, lists of texts as tuples, numbers finite."""
    return {name: _field(value) for name, value in data.items()}


def _dated(data: Mapping[str, Any]) -> dict[str, Any]:
    moments = {name: _moment(data[name]) for name in ("started", "finished") if data.get(name) is not None}
    return _fields(data) | moments


def _field(value: Any) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, str):
        return _line(value)
    if isinstance(value, list):
        return tuple(_line(one) for one in value if isinstance(one, str))
    return _number(value) if isinstance(value, float) else value


def _bounded(value: Any) -> Any:  # noqa: ANN401 - the picture of a load: any JSON that the schema lets through
    if isinstance(value, str):
        return _line(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    return {_line(key): _bounded(one) for key, one in value.items()} if isinstance(value, dict) else value


def _line(value: str) -> str:
    return one_line(value, _TEXT)


def _maybe(value: str | None) -> str | None:
    return None if value is None else _line(value)


def _lines(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(_line(value) for value in values)


def _number(value: float) -> float:
    if not math.isfinite(value) or abs(value) > _MOST:
        raise ValueError(f"{value} is no number that a report may hold")
    return value


def _exact(value: float, fraction: str | None = None) -> Fraction:
    """The decimal that is written there, not the binary number nearest to it; the exact one where both are the same.

    A fraction that says something else than the number that people see is not believed: `_number` is what was promised.
    """
    rounded = Fraction(str(_number(value)))
    exact = rounded if fraction is None else Fraction(fraction)
    return exact if abs(exact - rounded) <= _NEAR else rounded


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
