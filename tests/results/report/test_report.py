"""The report: its document keeps its promise, and no text in it is more than plain."""

from __future__ import annotations

import copy
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from readiness.config.model import Target
from readiness.findings import Finding, Limits, Outcome, Severity
from readiness.results.report import SCHEMA_FILE, build, iso, shown, to_json
from readiness.results.verdict.verdict import Decision, Status
from readiness.support.text import fold, one_line, shorten, visible_text, width
from tests.results.report.factory import config, judged, judgement, planned_action, report, rollback_plan, run_info
from tests.results.report.scenes import HOSTILE, SCENES

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
HOUSE = Draft202012Validator(SCHEMA)


def _undocumented(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Keys of `value` that `schema` does not describe."""
    if isinstance(value, dict) and "properties" in schema:
        found = [f"{at}.{key}" for key in value if key not in schema["properties"]]
        known = [key for key in value if key in schema["properties"]]
        return found + [k for key in known for k in _undocumented(value[key], schema["properties"][key], f"{at}.{key}")]
    if isinstance(value, list) and "items" in schema:
        return [key for item in value for key in _undocumented(item, schema["items"], at)]
    return []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def test_the_schema_is_a_valid_schema() -> None:
    """The shipped schema is itself valid against JSON Schema 2020-12."""
    assert list(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(SCHEMA)) == []


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_every_report_fits_the_schema_that_describes_every_key(scene: Any) -> None:
    """Each scene's document validates, and holds no key that the schema leaves undescribed."""
    document = json.loads(json.dumps(to_json(scene()), allow_nan=False))
    HOUSE.validate(document)
    assert _undocumented(document, SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict", "status"), "GREEN"),
        (("verdict", "score"), 101),
        (("verdict", "decision"), "MAYBE"),
        (("findings", 0, "outcome"), "skipped"),
        (("findings", 0, "points_lost"), -1),
        (("run", "started"), "yesterday"),
        (("schema_version",), "2"),
    ],
)
def test_the_schema_refuses_what_no_report_may_say(path: tuple[Any, ...], value: Any) -> None:
    """A document with a wrong word or a number out of range is not valid."""
    document: Any = to_json(report())
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert not HOUSE.is_valid(document)


def test_a_promised_key_cannot_go_missing() -> None:
    """Dropping any key of the promised document makes it invalid."""
    document = to_json(SCENES["conditional"]())
    for section in ("run", "verdict", "rollback", "comparison"):
        for key in document[section]:
            broken = copy.deepcopy(document)
            del broken[section][key]
            assert not HOUSE.is_valid(broken), (section, key)


def test_no_text_of_a_report_is_more_than_plain_and_bounded() -> None:
    """Hostile texts hold no control, bidi, zero-width or surrogate character, and none is long."""
    texts = _texts(to_json(SCENES["hostile"]()))
    assert max(map(len, texts)) < 4_100
    odd = {char for text in texts for char in text if not char.isprintable() and char not in "\n\t"}
    assert odd == set()
    assert any("\\x1b[2J" in text and "\\u202e" in text and "\\ud800" in text for text in texts)


def test_scores_are_floored_never_rounded_up() -> None:
    """89.99 is shown as 89.9, and 0.999 proven as 0.99."""
    found = to_json(report(about={"score": Fraction("89.99"), "proven": Fraction("0.9999")}))["verdict"]
    assert (found["score"], found["proven"]) == (89.9, 0.99)
    assert shown(Fraction(2, 3) * 100) == 66.6


def test_a_login_in_a_url_never_reaches_the_report() -> None:
    """User and password of the target's URL are left out of target and command."""
    found = report(settings={"target": Target(url="https://ops:hunter2@hub.example.com:8443/x"), "path": None})
    assert found.target == "https://hub.example.com:8443/x"
    assert "hunter2" not in json.dumps(to_json(found))


def test_the_first_look_names_a_command_that_survives_a_shell() -> None:
    """The init command quotes what a shell would split."""
    found = report(settings={"path": None, "target": Target(url="http://h:1/?a=b&c", release=Path("/opt/a b"))})
    assert found.first_look == "readiness init --url 'http://h:1/?a=b&c' --release '/opt/a b'"
    assert report().first_look is None


def test_a_rollback_plan_is_shown() -> None:
    """Mode, actions, refusal and triggers are taken over."""
    step = planned_action("previous-release", ("startup-failure",), "it failed", "planned")
    shown_plan = report(rollback=rollback_plan(mode="auto", actions=(step,), fired=("startup-failure",))).rollback
    assert shown_plan is not None
    assert (shown_plan.mode, shown_plan.wanted, shown_plan.actions[0].triggers) == ("auto", True, ("startup-failure",))
    refused = to_json(report(rollback=rollback_plan(refused="the window is over")))["rollback"]
    assert refused["refused"] == "the window is over"
    assert to_json(report(rollback=None))["rollback"] is None


def test_a_finding_keeps_what_was_measured() -> None:
    """Instance, values, attempts and points of a row stand in the document."""
    row = judged("disk", Outcome.FAILED, 12.5, instance="web1", actual="96", expected="≤ 95", unit="%", attempts=3,
                 severity=Severity.CRITICAL, blocked_by=None)  # fmt: skip
    found = to_json(report([row], Status.NOT_READY, Decision.HOLD))["findings"][0]
    assert {k: found[k] for k in ("instance", "actual", "unit", "attempts", "points_lost", "severity")} == {
        "instance": "web1", "actual": "96", "unit": "%", "attempts": 3, "points_lost": 12.5, "severity": "critical"}  # fmt: skip


def test_a_measure_keeps_its_limits_all_the_way() -> None:
    """From a worker's text to the document: a number with finite limits is a measure, anything else is none."""
    limits = Limits(warning=500.0, critical=2000.0, unit="ms")
    rows = [
        judged("api-answers-fast", actual=actual, unit="ms", limits=bounds)
        for actual, bounds in (("612", limits), ("fast", limits), ("1", Limits(critical=math.inf)), ("1", None))
    ]
    carried = [Finding.from_json(json.loads(json.dumps(row.finding.to_json()))) for row in rows]
    assert carried == [row.finding for row in rows]
    made = report(rows)
    assert [row.value for row in made.rows] == [612.0, None, None, None]
    told = [row["limits"] for row in to_json(made)["findings"]]
    assert told == [{"better": "lower", "warning": 500.0, "critical": 2000.0}] * 2 + [None, None]


def test_odd_times_do_not_cost_the_report() -> None:
    """A clock far off and a NaN duration still give a valid document."""
    info = run_info(started=1e30, finished=float("inf"), seconds=float("nan"))
    found = build(judgement([judged("a")]), decision=Decision.KEEP, config=config(), run=info)
    assert list(HOUSE.iter_errors(json.loads(json.dumps(to_json(found), allow_nan=False)))) == []


def test_moments_sort_as_texts() -> None:
    """A later moment has the greater text, also within a second."""
    assert iso(1_790_000_000.1) < iso(1_790_000_000.25) < iso(1_790_000_001)


@given(st.text(st.characters(), max_size=200), st.integers(1, 120))
def test_any_text_becomes_plain_within_its_limit(text: str, limit: int) -> None:
    """Whatever comes in, what comes out is visible, encodable and at most the limit and its remark long."""
    found = visible_text(text, limit)
    assert all(char.isprintable() or char in "\n\t" for char in found)
    found.encode("utf-8")
    assert len(found) <= limit + 40
    assert "\n" not in one_line(text, limit)


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=80), st.integers(1, 60))
def test_a_shortened_text_fits_its_columns(text: str, columns: int) -> None:
    """Wide and combining characters are counted as a terminal shows them."""
    assert width(shorten(text, columns)) <= columns


@given(st.lists(st.text("ab\u4e2d", max_size=30), max_size=20), st.integers(10, 60), st.integers(1, 4))
def test_a_folded_text_fits_and_loses_nothing_silently(words: list[str], columns: int, most: int) -> None:
    """Folding keeps to columns and lines, and whatever is missing is marked."""
    text = " ".join(word for word in words if word)
    folded = fold(text, columns, most)
    assert 1 <= len(folded) <= most
    assert all(width(piece) <= columns for piece in folded)
    if not folded[-1].endswith("\N{HORIZONTAL ELLIPSIS}"):
        assert "".join("".join(folded).split()) == text.replace(" ", "")
        if all(width(word) <= columns - 2 for word in words):
            assert " ".join(" ".join(folded).split()) == text


def test_hostile_text_stays_readable() -> None:
    """Control characters are shown as their escapes, and stacked accents are thinned."""
    found = visible_text(HOSTILE, 4_000)
    assert "\\x1b[2J" in found
    assert "e\u0301\u0301\u0301" not in found
    assert "\u4e2d\u6587" in found
