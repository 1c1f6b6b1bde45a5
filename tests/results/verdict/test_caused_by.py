"""A check says that another one tells its cause: borne out by that one's failure, dropped where nothing else would tell."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness.config.model import GateSettings
from readiness.findings import Finding, Outcome, Planned
from readiness.results.verdict.verdict import Evidence, Judgement, Status, judge
from readiness.session.plan.planning import catalogue
from tests.faults.preflight.mutation import remove
from tests.results.verdict.judging import found, planned
from tests.results.verdict.test_score_properties import assert_not_better, evidence, gates, worse
from tests.sources import ROOT
from tests.suites.assessment.judge import run

if TYPE_CHECKING:
    from pathlib import Path

SAYS = re.compile(r'(?:caused_by\(|^(?:IS_THERE|UNIT|PACKAGE) = |, )"([a-z-]+)"')


def verdict(*findings: Finding, away: tuple[str, ...] = ()) -> Judgement:
    """Judge these findings; `away` are checks that do not apply."""
    plan = [
        planned(name, **({"not_applicable": "declared away"} if name in away else {}))
        for name in dict.fromkeys([*(finding.check for finding in findings), *away])
    ]
    return judge(Evidence(plan=plan, findings=findings), GateSettings())


def told(judgement: Judgement) -> dict[str, tuple[str, str | None]]:
    """Check to outcome and what blocks it."""
    return {row.check.id: (row.finding.outcome.value, row.finding.blocked_by) for row in judgement.rows}


def says(check: str, outcome: str, cause: str) -> Finding:
    """A finding that names the check which tells its cause."""
    return dataclasses.replace(found(check, outcome), reason=f"{check} is wrong", blocked_by=cause)


def test_a_failure_that_another_explains_is_blocked_by_it() -> None:
    """One thing to mend is told once, with what was found of the others, and through a row of causes the last is named."""
    judgement = verdict(found("unit", "failed"), says("there", "failed", "unit"), says("size", "failed", "there"))
    assert told(judgement) == {"unit": ("failed", None), "there": ("unknown", "unit"), "size": ("unknown", "unit")}
    assert judgement.rows[-1].finding.reason == "blocked by unit: there is wrong"


@pytest.mark.parametrize("outcome", ["passed", "degraded", "waived", "unknown"])
def test_a_failure_that_nothing_explains_stays_one(outcome: str) -> None:
    """Where the named check did not fail, nobody else tells: what is proven bad stays so."""
    judgement = verdict(found("unit", outcome), says("there", "failed", "unit"))
    assert told(judgement)["there"] == ("failed", None)
    assert judgement.rows[0].finding.reason in {"there is wrong", found("unit", outcome).reason}


def test_a_cause_that_does_not_apply_or_is_not_planned_explains_nothing() -> None:
    """Declaring the cause away hides no failure."""
    assert told(verdict(says("there", "failed", "unit"), away=("unit",)))["there"] == ("failed", None)
    assert told(verdict(says("there", "failed", "elsewhere")))["there"] == ("failed", None)


def test_what_is_unknown_may_wait_for_what_is_unknown() -> None:
    """An unknown check is blocked by a failed or an unknown one alike, and by no other."""
    assert told(verdict(found("unit", "unknown"), says("x", "unknown", "unit")))["x"] == ("unknown", "unit")
    assert told(verdict(found("unit", "passed"), says("x", "unknown", "unit")))["x"] == ("unknown", None)


def test_a_circle_explains_nothing() -> None:
    """Two failures that name each other are two failures."""
    judgement = verdict(says("a", "failed", "b"), says("b", "failed", "a"), says("c", "failed", "a"))
    assert {outcome for outcome, _ in told(judgement).values()} == {"failed"}
    assert judgement.status is not Status.READY


def test_what_explains_a_check_and_rests_on_it_is_blocked_all_the_same() -> None:
    """Naming a cause gives back nothing that the plain failure took: half a cause that passed stays unproven."""
    plan = [planned("root", after=("leaf",), instances=("one", "two")), planned("leaf")]
    halves = (found("root", "failed", "one"), found("root", "passed", "two"))
    plain, named = (
        judge(Evidence(plan=plan, findings=[*halves, leaf]), GateSettings())
        for leaf in (found("leaf", "failed"), says("leaf", "failed", "root"))
    )
    assert (named.score, named.headline) == (plain.score, plain.headline)
    assert [row.finding.blocked_by for row in named.rows if row.finding.instance == "two"] == ["leaf"]


@given(data=st.data(), before=evidence(), gate=gates())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
def test_losing_evidence_never_helps_whatever_explains_what(
    data: st.DataObject, before: Evidence, gate: GateSettings
) -> None:
    """Named causes, borne out or not, circles included, make no worsening look better, and hide no run's last failure."""
    names = [entry.check.id for entry in before.plan]
    cause: Any = st.sampled_from([None, *names]) if names else st.none()
    bad = {Outcome.FAILED, Outcome.UNKNOWN}
    before = dataclasses.replace(
        before,
        findings=[
            dataclasses.replace(one, blocked_by=data.draw(cause)) if one.outcome in bad else one
            for one in before.findings
        ],
    )
    first = judge(before, gate)
    assert_not_better(first, judge(worse(data.draw, before), gate))
    plain = [dataclasses.replace(one, blocked_by=None) for one in before.findings]
    other = judge(dataclasses.replace(before, findings=plain), gate)
    assert (first.score, first.headline) == (other.score, other.headline)
    outcomes = [[row.finding.outcome for row in judgement.rows] for judgement in (first, other)]
    assert (Outcome.FAILED in outcomes[0]) == (Outcome.FAILED in outcomes[1])


def test_every_named_cause_is_a_check() -> None:
    """What preflight names as a cause is the id of a check of preflight."""
    known = {check.id for check, _ in catalogue() if check.phase == "preflight"}
    named = {
        name
        for file in sorted((ROOT / "preflight").glob("test_*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if "caused_by" in line or line.startswith(("IS_THERE", "UNIT", "PACKAGE")) or "_read(" in line
        for name in SAYS.findall(line)
    }
    assert named >= {"artifact-is-executable", "release-is-what-the-unit-runs", "artifact-runs-and-reports-its-version"}
    assert named <= known


def test_a_planned_cause_names_its_own_check_in_vain() -> None:
    """A check that names itself is its own cause: it fails."""
    plan = [Planned(check=planned("a").check)]
    judgement = judge(Evidence(plan=plan, findings=[says("a", "failed", "a")]), GateSettings())
    assert told(judgement) == {"a": ("failed", None)}


def test_a_missing_artifact_is_one_thing_to_mend(tmp_path: Path) -> None:
    """In a real run without the built file one check fails, and whatever else needs the file waits below it."""
    with contextlib.redirect_stdout(io.StringIO()):
        report = run(tmp_path, remove("dist/cli.js")).report
    about = [cause for cause in report["causes"] if "artifact-is-executable" in cause["findings"]]
    assert [(cause["findings"], sorted(cause["blocked"]), cause["path"]) for cause in about] == [
        (
            ["artifact-is-executable"],
            ["artifact-runs-and-reports-its-version", "artifact-size-is-plausible"],
            "dist/cli.js",
        )
    ]
    assert report["causes"][0] == about[0]
    mentioned = [row["check"] for row in report["findings"] if "dist/cli.js is missing" in row["reason"]]
    assert sorted(mentioned) == sorted([*about[0]["findings"], *about[0]["blocked"]])
