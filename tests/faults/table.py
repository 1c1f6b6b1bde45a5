"""What every table of faults has in common: what a fault says, what must come of it, and how it stands on a page."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
from typing import TYPE_CHECKING, Any, Final

from tests.faults.runner import EXITS
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.faults.hub.model import Ends
    from tests.faults.runner import Result


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnyFault:
    """One way to be broken (or a near miss, which changes nothing), and all that must come of it.

    `expected` names the checks that end otherwise than passed or not applicable: everything not named must be well.
    `words` stand in the reasons of what did not pass, each at least once.
    """

    name: str
    sentence: str
    expected: Mapping[str, str] = dataclasses.field(default_factory=dict)
    words: tuple[str, ...] = ()

    @property
    def near_miss(self) -> bool:
        """Whether nothing must change."""
        return not self.expected


# --- what must come of it -------------------------------------------------------------------------------------------


def assert_found_exactly(fault: AnyFault, result: Result, *, but: frozenset[str] = frozenset()) -> None:
    """What is named is found, in words that an operator can look for, and nothing else; `but` may end in any way."""
    found = {check: outcome for check, outcome in result.troubled.items() if check not in but}
    assert found == dict(fault.expected), result
    reasons = "\n".join(result.reasons.values())
    assert [word for word in fault.words if word not in reasons] == [], result
    assert "Traceback" not in reasons, result


def assert_ends_as_written(ends: Ends, result: Result) -> None:
    """The verdict, the decision, the exit code, and the triggers of the rollback that is planned."""
    assert (result.status, result.decision) == (ends.status, ends.decision), result
    assert sorted(result.fired) == sorted(ends.fired), result.report["rollback"]
    assert result.exit_code == EXITS[ends.status], result


def verdict(expected: Mapping[str, str], severity: Mapping[str, str]) -> str:
    """The verdict that follows from the outcomes of critical checks."""
    critical = {outcome for check, outcome in expected.items() if severity.get(check) == "critical"}
    if "failed" in critical:
        return "NOT READY"
    if "unknown" in critical:
        return "INCOMPLETE"
    # a single degraded check that is not critical changes nothing
    return "CONDITIONAL" if critical or {"failed", "unknown"} & set(expected.values()) else "READY"


@functools.cache
def severities(suite: str) -> Mapping[str, str]:
    """Each check of a folder of checks and its severity, by its decorator."""
    names = [path.stem for path in sorted((ROOT / suite).glob("test_*.py"))]
    modules = [importlib.import_module(f"{suite}.{name}") for name in names]
    functions = [value for module in modules for value in vars(module).values() if callable(value)]
    marks = [mark for function in functions for mark in getattr(function, "pytestmark", [])]
    return {mark.args[0]: mark.kwargs["severity"] for mark in marks if mark.name == "check"}


@functools.cache
def catalogued(phase: str) -> frozenset[str]:
    """The ids of a phase's checks, from the catalogue."""
    entries = json.loads((ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8"))
    return frozenset(entry["id"] for entry in entries["checks"] if entry["phase"] == phase)


def assert_well_formed(faults: Sequence[Any], checks: Iterable[str]) -> None:
    """Names are unique, checks exist, and whatever is found has words that an operator can look for."""
    names = [fault.name for fault in faults]
    assert len(names) == len(set(names))
    for fault in faults:
        assert set(fault.expected) <= set(checks), fault.name
        assert bool(fault.words) != fault.near_miss, fault.name


# --- on a page ------------------------------------------------------------------------------------------------------

VERDICT_ONLY: Final = "| what is wrong | what is found | verdict |\n|---|---|---|"
WITH_DECISION: Final = "| what is broken | what is found | verdict | decision | trigger |\n|---|---|---|---|---|"


def cell(text: str) -> str:
    """A text as it stands in a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ").replace("*.", "\\*.")


def outcomes(expected: Mapping[str, str], checks: int = 0) -> str:
    """What is found, outcome by outcome; more than half of all `checks` are counted (0: each is named)."""
    by_outcome: dict[str, list[str]] = {}
    for check, outcome in expected.items():
        by_outcome.setdefault(outcome, []).append(check)
    return "; ".join(f"{outcome}: {_named(names, checks)}" for outcome, names in sorted(by_outcome.items()))


def _named(names: Sequence[str], checks: int) -> str:
    if not checks or len(names) <= checks // 2:
        return ", ".join(f"`{name}`" for name in names)
    return "all checks" if len(names) == checks else f"{len(names)} of {checks} checks"


def row(title: str, *cells: str) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell(text) for text in (title, *cells)) + " |"


def titled(fault: Any) -> str:
    """A fault's first cell."""
    return f"**{fault.name}**: {fault.sentence}"


def page(
    head: str, faults: Sequence[Any], columns: str, cells: Callable[[Any], Sequence[str]], kind: str = "faults"
) -> str:
    """All faults, with what `cells` say of each, then the near misses."""
    broken = [fault for fault in faults if not fault.near_miss]
    well = [fault for fault in faults if fault.near_miss]
    lines = [head, f"## {len(broken)} {kind}", "", columns, *(row(titled(fault), *cells(fault)) for fault in broken)]
    lines += ["", f"## {len(well)} near misses: nothing must change", "", "| what looks wrong |", "|---|"]
    return "\n".join([*lines, *(row(titled(fault)) for fault in well)]) + "\n"


def with_decision(fault: Any, checks: int) -> tuple[str, ...]:
    """What is found, and what follows from it."""
    triggers = ", ".join(fault.ends.fired) or "none"
    return (outcomes(fault.expected, checks), fault.ends.status, fault.ends.decision, triggers)
