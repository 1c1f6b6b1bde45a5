"""Short ways to make plans and findings for the tests of the judging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness.config.model import GateSettings
from readiness.findings import Check, Finding, Outcome, Planned, Severity, Stage
from readiness.results.verdict.verdict import Evidence, Judgement, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def check(name: str, severity: str = "low", **more: Any) -> Check:
    """A check of `health/a`."""
    return Check(**{"id": name, "title": name, "phase": "health", "topic": "a", "severity": Severity(severity)} | more)


def planned(name: str, severity: str = "low", **more: Any) -> Planned:
    """A planned check; keywords go to Planned where it has them, else to Check."""
    own = {k: more.pop(k) for k in list(more) if k in Planned.__dataclass_fields__}
    return Planned(check=check(name, severity, **more), **own)


def found(name: str, outcome: str, instance: str | None = None, **more: Any) -> Finding:
    """A finding."""
    return Finding(check=name, outcome=Outcome(outcome), instance=instance, **more)


def crowd(number: int, outcome: str = "passed", severity: str = "low") -> list[tuple[str, str]]:
    """`number` checks alike, as `judged` takes them."""
    return [(severity, outcome)] * number


def judged(
    *groups: Iterable[tuple[str, str]],
    gate: GateSettings | None = None,
    trouble: Sequence[str] = (),
    cap: str | None = None,
    stage: Stage = Stage.AFTER,
    weights: Mapping[str, Any] | None = None,
) -> Judgement:
    """Judge (severity, outcome) pairs: check `low-3` is the fourth pair if its severity is low."""
    pairs = [pair for group in groups for pair in group]
    plan = [planned(f"{severity}-{i}", severity, stage=stage) for i, (severity, _) in enumerate(pairs)]
    findings = [found(p.check.id, outcome) for p, (_, outcome) in zip(plan, pairs, strict=True)]
    evidence = Evidence(plan=plan, findings=findings, trouble=trouble, cap=cap)
    return judge(evidence, gate or GateSettings(weights=dict(weights or {})))
