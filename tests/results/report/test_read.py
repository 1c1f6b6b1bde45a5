"""Reading a report back: the exact inverse of writing it, and a clear refusal of whatever is none."""

from __future__ import annotations

import copy
import dataclasses
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from readiness.errors import ReadinessError
from readiness.findings import Outcome, Severity
from readiness.results.report import (
    SCHEMA_FILE,
    Escalation,
    History,
    PastCheck,
    PastRun,
    ReleasePhase,
    ReleaseRun,
    Report,
    SinceReady,
    causes,
    read,
    to_json,
)
from readiness.results.verdict.verdict import Decision, Status
from tests.results.report.factory import config, judged, report
from tests.results.report.scenes import HOSTILE, SCENES
from tests.sources import ROOT

SAMPLE = ROOT / "reports" / "sample" / "readiness.json"
HOUSE = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _as_shown(text: str) -> str:
    """`text` as a report holds it in one line."""
    return report([judged("a", instance=text)]).rows[0].instance or ""


TEXTS = st.sampled_from(["", "a", "disk[web1]", "p95 612 ms", HOSTILE, "é中文", "two\nlines"]).map(_as_shown)
NUMBERS = st.floats(0, 1e6).map(lambda value: round(value, 3))
SCORES = st.integers(0, 1000).map(lambda tenths: tenths / 10)
MOMENTS = st.integers(0, 4_000_000_000_000_000).map(lambda micros: micros / 1e6)
OUTCOMES = st.sampled_from([outcome.value for outcome in Outcome])
KEYS = st.lists(TEXTS, max_size=3).map(tuple)
PAST = st.builds(
    PastRun, id=TEXTS, started=MOMENTS, status=st.sampled_from(list(map(str, Status))), score=SCORES, headline=SCORES,
    decision=st.sampled_from(list(map(str, Decision))), p95_ms=st.none() | NUMBERS, plan_hash=TEXTS, selection=TEXTS,
)  # fmt: skip
CHECKS = st.builds(PastCheck, key=TEXTS, outcomes=st.lists(st.none() | OUTCOMES, max_size=4).map(tuple))
SINCE = st.builds(
    SinceReady, id=TEXTS, started=MOMENTS, runs_since=st.integers(0, 500), score_change=SCORES, same_plan=st.booleans(),
    newly_failing=KEYS, newly_unknown=KEYS, newly_degraded=KEYS, fixed=KEYS, added=KEYS, removed=KEYS,
    versions=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
)  # fmt: skip
HISTORIES = st.builds(
    History, runs=st.lists(PAST, max_size=3).map(tuple), checks=st.lists(CHECKS, max_size=3).map(tuple),
    left_out=st.integers(0, 9), flaky=KEYS, since_ready=st.none() | SINCE,
)  # fmt: skip
PHASES = st.builds(
    ReleasePhase, name=TEXTS, status=st.sampled_from(["passed", "failed", "unknown", "skipped"]), seconds=NUMBERS, detail=TEXTS,
)  # fmt: skip
RELEASES = st.builds(
    ReleaseRun, id=TEXTS, outcome=st.sampled_from(["KEPT", "ROLLBACK_FAILED", ""]), because=TEXTS, command=TEXTS,
    started=MOMENTS, finished=st.none() | MOMENTS, phases=st.lists(PHASES, max_size=3).map(tuple),
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.sampled_from(Outcome), st.sampled_from(Severity), st.sampled_from([None, "web1", HOSTILE]),
        st.fractions(0, 12, max_denominator=997), st.none() | st.just("scripts/run.sh"),
    ),
    max_size=8,
)  # fmt: skip


def _as_file(found: Report) -> dict[str, Any]:
    """The document as it comes from a file."""
    document: dict[str, Any] = json.loads(json.dumps(to_json(found), allow_nan=False))
    return document


def _generated(rows: list[Any], extra: dict[str, Any]) -> Report:
    made = [
        judged(f"check-{i}", outcome, severity=severity, instance=instance, path=path, reason=f"why {i % 3}")
        for i, (outcome, severity, instance, _, path) in enumerate(rows)
    ]
    points = [dataclasses.replace(row, points_lost=lost) for row, (*_, lost, _) in zip(made, rows, strict=True)]
    return dataclasses.replace(report(points, about={"score": Fraction(1)}), **extra)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_what_is_read_back_is_what_was_written(scene: Any) -> None:
    """Every scene's document is the document of the report that is read from it, and its numbers are the exact ones."""
    run = scene()
    document = _as_file(run)
    back = read(document)
    assert to_json(back) == document
    assert (back.score, back.headline, back.best_case, back.proven) == (
        run.score,
        run.headline,
        run.best_case,
        run.proven,
    )
    assert [category.score for category in back.categories] == [category.score for category in run.categories]


def test_a_fraction_that_contradicts_its_number_is_not_believed() -> None:
    """Nobody gets a verdict's score by writing 100 behind the figure that people see."""
    document = _as_file(report(about={"score": Fraction(2, 3)}))
    assert document["exact"]["score"] == "2/3"
    document["exact"]["score"] = "300/3"
    assert read(document).score == Fraction("0.6")


def test_a_fraction_that_nobody_could_write_down_is_left_out() -> None:
    """An odd plan's denominator of hundreds of digits costs the report nothing but that exactness."""
    document = _as_file(report([judged("a")], about={"score": 50 + Fraction(1, 7**200)}))
    assert "score" not in document["exact"]
    assert read(document).score == 50


def test_the_sample_of_a_real_run_is_read_back() -> None:
    """A report that a run wrote comes back whole; what its version did not know yet is made up by nobody."""
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    again = to_json(read(document))
    told = {key: again[key] for key in document if key not in {"findings", "causes"}}
    assert told == {key: document[key] for key in told}
    assert [
        {key: found[key] for key in old} for found, old in zip(again["findings"], document["findings"], strict=True)
    ] == document["findings"]
    assert [cause["findings"] for cause in again["causes"]] == [cause["findings"] for cause in document["causes"]]
    assert (again["history"], again["release_run"]) == (document.get("history"), document.get("release_run"))


@settings(deadline=None)
@given(
    rows=ROWS,
    extra=st.fixed_dictionaries(
        {"history": st.none() | HISTORIES, "release_run": st.none() | RELEASES, "score": SCORES.map(Fraction)}
    ),
)
def test_reading_is_the_inverse_of_writing(rows: list[Any], extra: dict[str, Any]) -> None:
    """Any report with a history, a release and odd points fits the schema, and comes back with its causes in order."""
    found = _generated(rows, extra)
    document = _as_file(found)
    HOUSE.validate(document)
    again = read(document)
    assert to_json(again) == document
    assert [row.points_lost for row in again.rows] == [row.points_lost for row in found.rows]
    assert causes(again).ranked == causes(found).ranked
    assert again.history == found.history
    assert again.release_run == found.release_run


def test_a_report_of_an_earlier_version_is_read() -> None:
    """What later versions added may be absent."""
    document = _as_file(report())
    for key in ("history", "release_run", "escalation", "inventory", "load", "causes", "exact"):
        del document[key]
    del document["verdict"]["gate"]["high_failures"]
    found = read(document)
    assert (found.history, found.release_run, found.escalation) == (None, None, ())
    assert "high_failures" not in found.gate


DAMAGED: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "an outcome of its own": (("findings", 0, "outcome"), "fine", "findings"),
    "a score as text": (("verdict", "score"), "82", "verdict.score"),
    "a score that is endless": (("run", "seconds"), float("inf"), "no number"),
    "a flood of seconds": (("run", "seconds"), 1e300, "no number"),
    "a day that does not exist": (("run", "started"), "2026-99-99T00:00:00.000000Z", "month"),
    "points divided by nothing": (("findings", 0, "points_exact"), "1/0", "points_exact"),
    "points as a power": (("findings", 0, "points_exact"), "1e999999999", "points_exact"),
    "no list of findings": (("findings",), None, "findings"),
    "another version": (("schema_version",), "2", "schema_version"),
    "outcomes in another alphabet": (("history",), {"runs": [], "checks": [{"key": "a", "outcomes": "pX"}]}, "history"),
}


@pytest.mark.parametrize(("path", "value", "told"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_document_is_refused_with_the_place(path: tuple[Any, ...], value: Any, told: str) -> None:
    """A wrong word, number or moment ends in one clear sentence and never in a crash or a hang."""
    document: Any = copy.deepcopy(_as_file(report()))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ReadinessError, match=told) as refused:
        read(document)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("document", [None, [], "text", 7, {}, {"schema_version": ["1"]}, {"schema_version": "1"}])
def test_what_is_no_report_at_all_is_refused(document: Any) -> None:
    """Any other JSON is told apart from a report."""
    with pytest.raises(ReadinessError, match="not a report"):
        read(document)


def test_texts_from_elsewhere_are_made_plain_again() -> None:
    """A document that somebody else wrote cannot bring an escape sequence or a megabyte into a rendering."""
    document = _as_file(report())
    document["verdict"]["because"] = "\x1b[2J\u202e" + "x" * 1_000_000
    document["run"]["versions"] = {"hub\x07": "4\x9b31m"}
    found = read(document)
    assert found.because.startswith("\\x1b[2J\\u202e")
    assert len(found.because) < 9_000
    assert found.run.versions == {"hub\\x07": "4\\x9b31m"}


def test_the_escalation_path_says_who_is_due_now() -> None:
    """On call for every failure, the lead for a critical one, security for its own; an all-clear calls nobody."""
    calm = report(settings={"contacts": dict.fromkeys(("on_call", "tech_lead", "product", "security"), "A")})
    assert [(step.role, step.due) for step in calm.escalation] == [
        ("on_call", False), ("tech_lead", False), ("product", False), ("security", False)]  # fmt: skip
    bad = report(
        [judged("api-requires-authentication", Outcome.FAILED, topic="security", severity=Severity.CRITICAL)],
        Status.NOT_READY, settings={"contacts": {"security": "B", "on_call": "A", "tech_lead": ""}},
    )  # fmt: skip
    assert bad.escalation == (
        Escalation(role="on_call", contact="A", hears="every failed check, and every run that proves too little", due=True),
        Escalation(role="security", contact="B", hears="every failed check of security", due=True),
    )  # fmt: skip
    assert report(settings={"contacts": {}}).escalation == ()
    assert config().contacts["on_call"] == report().escalation[0].contact
