"""The plan: what a run has to prove, known before anything is narrowed.

It is `catalogue.json` (generated from the decorators) for the selected phases, plus whatever else was collected. What
`-k`, `--lf` or node ids then leave out stays in the plan and is unknown.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.findings import OPT_IN_PHASES, PHASES, Check, Planned, Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import pytest

CATALOGUE_FILE: Final = Path(__file__).with_name("catalogue.json")
_DECORATED: Final = "slow"
"""A keyword that `readiness.check` always sets: without it somebody wrote the bare marker."""
_BEFORE: Final = frozenset({"preflight", "infra"})


class PlanError(ReadinessError):
    """A suite contradicts itself: one id on two functions, two phases on one check."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One collected test function that is a check; `selected` is False where the run was narrowed past it."""

    check: Check
    instance: str | None
    nodeid: str
    function: str
    markers: frozenset[str]
    selected: bool = True


@functools.cache
def _catalogue(file: Path) -> tuple[tuple[Check, str], ...]:
    entries = json.loads(file.read_text(encoding="utf-8"))["checks"]
    return tuple((Check.from_json({k: v for k, v in e.items() if k != "file"}), e["file"]) for e in entries)


def catalogue() -> tuple[tuple[Check, str], ...]:
    """Every check that ships, with the file it stands in (`smoke/test_health.py`)."""
    return _catalogue(CATALOGUE_FILE)


def catalogue_json(items: Iterable[PlannedItem], files: Callable[[PlannedItem], str]) -> str:
    """The text of `catalogue.json` for collected `items`; `files` gives each item's path below its suite."""
    entries = {item.check.id: item.check.to_json() | {"file": files(item)} for item in items}
    ordered = sorted(entries.values(), key=lambda e: (PHASES.index(e["phase"]), e["file"], e["id"]))
    return json.dumps({"checks": ordered}, indent=1, ensure_ascii=True) + "\n"


def matches(expression: str, markers: Collection[str]) -> bool:
    """Whether a `-m` expression selects a test that bears `markers`; an empty one selects everything."""
    if not expression:
        return True
    return bool(_compiled(expression).evaluate(lambda name, **_: name in markers))


@functools.lru_cache(maxsize=8)
def _compiled(expression: str) -> Any:  # noqa: ANN401 - pytest's own type is private
    from _pytest.mark.expression import Expression

    try:
        return Expression.compile(expression)
    except SyntaxError:
        # pytest itself refuses the expression, with a better message, a moment later
        return Expression.compile("readiness_never_selected")


def selected_phases(expression: str, items: Iterable[PlannedItem] = ()) -> frozenset[str]:
    """Phases of which an entry or item satisfies `-m`; without `-m` every phase that need not be named."""
    if not expression:
        return frozenset(PHASES) - OPT_IN_PHASES
    phases = {phase for phase in PHASES if matches(expression, {phase, "check"})}
    return frozenset(phases | {item.check.phase for item in items if matches(expression, item.markers)})


def item_of(item: pytest.Item) -> PlannedItem | None:
    """Read a collected test's declaration; None for a test that is no check. Raises PlanError."""
    marker = item.get_closest_marker("check")
    if marker is None:
        return None
    declared = _declared(item, marker)
    markers = _shared(frozenset([mark.name for mark in item.iter_markers()]))
    phase = _phase(item.nodeid, markers, declared.pop("phase", None))
    function = getattr(item, "function", None)
    stage = declared.pop("stage", None)
    topic = declared.pop("topic", None) or item.path.stem.removeprefix("test_")
    check = Check(
        id=marker.args[0],
        title=_title(function, marker.args[0]),
        phase=phase,
        topic=topic,
        severity=Severity(declared.pop("severity")),
        stage=Stage(stage) if stage else (Stage.BEFORE if phase in _BEFORE else Stage.AFTER),
        **declared,
    )
    callspec = getattr(item, "callspec", None)
    return PlannedItem(
        check=check,
        instance=callspec.id if callspec is not None else None,
        nodeid=item.nodeid,
        function=f"{item.path}::{getattr(function, '__qualname__', item.name)}",
        markers=markers if phase in markers else _shared(markers | {phase}),
    )


def _declared(item: pytest.Item, marker: pytest.Mark) -> dict[str, Any]:
    """What the decorator declares; a bare `pytest.mark.check(...)` is held to the same rules and given the same defaults."""
    if len(marker.args) != 1:
        raise PlanError(f"{item.nodeid}: @check wants exactly one id, got {len(marker.args)}")
    if _DECORATED in marker.kwargs:
        return dict(marker.kwargs)
    from readiness.checks import check

    try:
        return dict(check(*marker.args, **marker.kwargs).kwargs)
    except (TypeError, ValueError) as error:
        raise PlanError(f"{item.nodeid}: {error}; write it with `from readiness import check`") from None


@functools.lru_cache(maxsize=256)
def _shared(markers: frozenset[str]) -> frozenset[str]:
    """One set for all tests that bear the same markers: ten thousand of them are 7 MB."""
    return markers


def _phase(nodeid: str, markers: frozenset[str], declared: str | None) -> str:
    phases = sorted((markers & frozenset(PHASES)) | ({declared} if declared else set()))
    if len(phases) > 1:
        raise PlanError(f"{nodeid}: a check bears one phase, this one bears {' and '.join(phases)}; remove one marker")
    return phases[0] if phases else "health"


def _title(function: object, check_id: str) -> str:
    doc = (getattr(function, "__doc__", None) or "").strip()
    return " ".join(doc.split("\n\n")[0].split()) or check_id.replace("-", " ")


def build(
    items: Sequence[PlannedItem],
    *,
    phases: frozenset[str],
    narrowed_by: str,
    adjust: Callable[[Planned], Planned],
) -> dict[str, Planned]:
    """Merge the catalogue of `phases` with the collected `items` into the plan, id by id.

    `narrowed_by` names what may have left something out ("-k smoke"). `adjust` applies the configuration: limits and
    applicability.
    """
    by_id: dict[str, list[PlannedItem]] = {}
    for item in items:
        if item.check.phase in phases:
            by_id.setdefault(item.check.id, []).append(item)
    checks = {check.id: check for check, _ in catalogue() if check.phase in phases}
    checks |= {check_id: group[0].check for check_id, group in by_id.items()}
    plan = {}
    for check_id, check in checks.items():
        group = by_id.get(check_id, [])
        left_out = None
        if not group or not any(item.selected for item in group):
            left_out = f"left out of this run{narrowed_by}"
        instances = tuple(dict.fromkeys(item.instance for item in group)) or (None,)
        plan[check_id] = adjust(Planned(check=check, instances=instances, left_out=left_out))
    return plan


def plan_document(items: list[PlannedItem], errors: list[str]) -> str:
    """The plan of a worker as one ASCII JSON string."""
    return json.dumps(
        {
            "checks": [check.to_json() for check in {item.check.id: item.check for item in items}.values()],
            "items": [
                [item.check.id, item.instance, item.nodeid, item.function, sorted(item.markers), item.selected]
                for item in items
            ],
            "errors": errors,
        }
    )


def read_plan_document(text: str) -> tuple[list[PlannedItem], list[str]]:
    """Inverse of `plan_document`."""
    data = json.loads(text)
    known = {entry["id"]: Check.from_json(entry) for entry in data["checks"]}
    return [
        PlannedItem(
            check=known[check_id],
            instance=instance,
            nodeid=nodeid,
            function=function,
            markers=frozenset(markers),
            selected=selected,
        )
        for check_id, instance, nodeid, function, markers, selected in data["items"]
    ], list(data["errors"])


def write_atomically(path: Path, text: str) -> None:
    """Write a small private file so that a reader sees all of it or nothing. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)
