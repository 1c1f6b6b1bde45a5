"""Ask the real checks about a made run, without a pytest of its own: milliseconds a fault."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from load import test_load
from readiness import checks
from readiness.config import Config
from readiness.errors import Unknown
from readiness.facts.load import baseline as load_baseline
from readiness.findings import Limits
from tests.faults.load.build import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.load.load_run import LoadRun
    from tests.faults.load.model import LoadFault


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one check made of a run."""

    outcome: str
    reason: str
    fires: bool


def suite() -> dict[str, tuple[Callable[..., None], dict[str, Any]]]:
    """Every check of `load/`: its function and its declaration."""
    found = {}
    for function in vars(test_load).values():
        for mark in getattr(function, "pytestmark", []):
            if mark.name == "check":
                found[str(mark.args[0])] = (function, dict(mark.kwargs))
    return found


def judge(fault: LoadFault) -> dict[str, Found]:
    """What each check finds; "blocked" where the check that it follows failed."""
    made = run(fault)
    found = {name: _one(function, declared, fault, made) for name, (function, declared) in suite().items()}
    return {
        name: Found(outcome="blocked", reason=one.reason, fires=False)
        if any(found[root].outcome == "failed" for root in suite()[name][1]["after"])
        else one
        for name, one in found.items()
    }


def _one(function: Callable[..., None], declared: dict[str, Any], fault: LoadFault, made: LoadRun) -> Found:
    limits = declared["limits"] or Limits()
    recorder = checks.Recorder(limits=declared["limits"])
    given = {
        "readiness_config": Config(),
        "load_run": made,
        "limits": limits,
        "load_baseline": lambda: _difference(fault, made),
    }
    token = checks.current.set(recorder)
    try:
        function(**{name: given[name] for name in inspect.signature(function).parameters})
    except Unknown as error:
        return Found(outcome="unknown", reason=str(error), fires=False)
    except (AssertionError, pytest.fail.Exception) as error:
        return Found(outcome="failed", reason=str(error), fires=recorder.fires and bool(declared["rollback"]))
    finally:
        checks.current.reset(token)
    return Found(
        outcome="degraded" if recorder.degraded else "passed", reason="; ".join(recorder.degraded), fires=False
    )


def _difference(fault: LoadFault, made: LoadRun) -> load_baseline.LoadDifference | str:
    if fault.before is None:
        return "nothing to compare with yet"
    before = run(dataclasses.replace(fault, server=fault.before))
    return load_baseline.load_difference(before.latencies, made.judged)
