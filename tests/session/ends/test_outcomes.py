"""Mixed outcomes: what each becomes, whatever runs the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.session.ends.conftest import Project

MIXED = '''
@check("all-is-well", severity="critical")
def test_pass():
    """All is well."""

@check("value-is-right", severity="medium", remedy="mend the value")
def test_fail():
    """The value is right."""
    assert 1 == 2, "the value is 1, not 2"

@check("failed-by-word", severity="low")
def test_word():
    """Failed by pytest.fail."""
    pytest.fail("said so")

@check("raises", severity="low")
def test_raises():
    """Raises something else."""
    raise OSError("no route")

@check("skips", severity="low")
def test_skips():
    """Skips at run time."""
    pytest.skip("not today")

@check("expected-to-fail", severity="low")
@pytest.mark.xfail(reason="known")
def test_xfail():
    """Expected to fail."""
    assert False

@check("passes-unexpectedly", severity="low")
@pytest.mark.xfail
def test_xpass():
    """Passes although expected to fail."""

@check("passes-unexpectedly-strict", severity="low")
@pytest.mark.xfail(strict=True)
def test_xpass_strict():
    """Passes although strictly expected to fail."""

@pytest.fixture
def broken():
    raise AssertionError("set-up is no evidence")

@check("set-up-breaks", severity="low")
def test_setup(broken):
    """Its set-up breaks."""

@pytest.fixture
def breaks_later():
    yield
    raise AssertionError("tear-down is no evidence")

@check("tear-down-breaks", severity="low")
def test_teardown(breaks_later):
    """Its tear-down breaks."""

@check("says-unknown", severity="low")
def test_unknown():
    """Says that it cannot know."""
    unknown("nobody publishes that")

@check("warns", severity="low")
def test_warns():
    """Warns and goes on."""
    warn("close to the edge")

@check("is-within-limits", severity="low", limits=Limits(warning=5, critical=10, unit="ms"))
def test_measure():
    """Equal to a limit is inside it."""
    measure(5)

@check("is-past-warning", severity="low", limits=Limits(warning=5, critical=10, unit="ms"))
def test_measure_warning():
    """Past its warning limit."""
    measure(5.1)

@check("is-past-critical", severity="low", limits=Limits(warning=5, critical=10, unit="ms"))
def test_measure_critical():
    """Past its critical limit."""
    measure(10.1)

@check("is-not-a-number", severity="low", limits=Limits(critical=10))
def test_nan():
    """Not a number."""
    measure(float("nan"))

@check("has-too-few-samples", severity="low", limits=Limits(critical=10, samples=20))
def test_samples():
    """Too few samples."""
    measure(3, n=19)

@check("has-no-parameters", severity="low")
@pytest.mark.parametrize("host", [])
def test_empty(host):
    """An empty parameter set proves nothing."""

@check("group-of-assertions", severity="low")
def test_group():
    """A group of assertions only is a failure."""
    raise ExceptionGroup("both", [AssertionError("one"), AssertionError("two")])

@check("group-with-a-stranger", severity="low")
def test_mixed_group():
    """A group with anything else proves nothing."""
    raise ExceptionGroup("both", [AssertionError("one"), OSError("two")])

@check("subtest-fails", severity="low")
def test_subtest(subtests):
    """A failed subtest fails its check."""
    with subtests.test("inner"):
        assert False, "inner broke"

@check("each-host", severity="low")
@pytest.mark.parametrize("host", ["a", "b"])
def test_hosts(host):
    """One instance a host."""
    assert host == "a", "host b is down"
'''

EXPECTED = {
    "all-is-well": "passed",
    "value-is-right": "failed",
    "failed-by-word": "failed",
    "raises": "unknown",
    "skips": "unknown",
    "expected-to-fail": "unknown",
    "passes-unexpectedly": "passed",
    "passes-unexpectedly-strict": "unknown",
    "set-up-breaks": "unknown",
    "tear-down-breaks": "unknown",
    "says-unknown": "unknown",
    "warns": "degraded",
    "is-within-limits": "passed",
    "is-past-warning": "degraded",
    "is-past-critical": "failed",
    "is-not-a-number": "unknown",
    "has-too-few-samples": "unknown",
    "has-no-parameters[NOTSET]": "unknown",
    "group-of-assertions": "failed",
    "group-with-a-stranger": "unknown",
    "subtest-fails": "failed",
    "each-host[a]": "passed",
    "each-host[b]": "failed",
}


@pytest.fixture(params=[[], ["-n2"], pytest.param(["-n0"], marks=pytest.mark.matrix)], ids=["plain", "n2", "n0"])
def mode(request: pytest.FixtureRequest) -> list[str]:
    """As in every file here; what comes of an outcome is asked in workers every day."""
    return list(request.param)


def test_every_outcome_is_what_the_rules_say(project: Project, mode: list[str]) -> None:
    """Each way a test function can end becomes the outcome that scoring promises, in every mode."""
    project.suite(MIXED)
    ended = project.run("-m", "health", *mode)
    assert ended.outcomes() == EXPECTED
    assert ended.status == "CONDITIONAL"  # best case below 75 with that many failures
    assert ended.code == 0


def test_reasons_are_the_authors_words(project: Project) -> None:
    """A finding carries the message of the assertion, the measured value and the limit, not a traceback."""
    project.suite(MIXED)
    report = project.run("-m", "health").report
    assert report is not None
    found = {f["check"]: f for f in report["findings"] if f["instance"] in {None, "b"}}
    assert found["value-is-right"]["reason"] == "the value is 1, not 2"
    assert found["value-is-right"]["remedy"] == "mend the value"
    assert "10.1 ms" in found["is-past-critical"]["reason"]
    assert found["is-past-critical"]["actual"] == "10.1"
    assert found["each-host"]["reason"] == "host b is down"
    assert found["raises"]["reason"] == "OSError: no route"
    assert found["set-up-breaks"]["reason"].startswith("setup: ")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", "READY", 0),
        ("warn('close')", "READY", 0),
        ("unknown('no')", "INCOMPLETE", 12),
        ("pytest.skip('no')", "INCOMPLETE", 12),
        ("pytest.xfail('no')", "INCOMPLETE", 12),
        ("assert False", "NOT READY", 1),
    ],
)
def test_the_only_critical_check_decides(project: Project, mode: list[str], body: str, status: str, code: int) -> None:
    """One critical check beside many passing ones makes the verdict that scoring promises."""
    project.suite(
        f'@check("decides", severity="critical")\ndef test_it():\n    """Decides."""\n    {body or "pass"}\n'
        + "".join(f'@check("ok-{i}", severity="critical")\ndef test_ok_{i}():\n    """Is well."""\n' for i in range(9))
    )
    ended = project.run("-m", "health", *mode)
    if body.startswith("warn"):
        status = "CONDITIONAL"  # a critical check that is degraded
    assert (ended.status, ended.code) == (status, code)


def test_a_failure_that_does_not_block_exits_0_and_says_so(project: Project, mode: list[str]) -> None:
    """A failed low check gives CONDITIONAL and 0 (10 when strict), and the terminal says that it does not block."""
    project.suite(
        '@check("small", severity="low")\ndef test_small():\n    """Small."""\n    assert False, "a trifle"\n'
        + "".join(f'@check("ok-{i}", severity="critical")\ndef test_ok_{i}():\n    """Is well."""\n' for i in range(9))
    )
    ended = project.run("-m", "health", *mode)
    assert (ended.status, ended.code) == ("CONDITIONAL", 0)
    assert "does not block" in ended.out
    assert project.run("-m", "health", "--readiness-strict", *mode).code == 10


def test_nothing_but_passes_is_ready(project: Project, mode: list[str]) -> None:
    """A healthy run is READY, KEEP, 100.0 and exit 0."""
    project.suite('@check("fine", severity="critical")\ndef test_fine():\n    """Fine."""\n')
    ended = project.run("-m", "health", *mode)
    assert ended.report is not None
    verdict = ended.report["verdict"]
    assert (verdict["status"], verdict["decision"], verdict["score"], ended.code) == ("READY", "KEEP", 100.0, 0)


NOTHING = """
from readiness import Limits, compared, measure, note

@check("no-secret-in-files", severity="critical")
def test_files():
    compared(expected="0 secrets", actual="0 secrets in 0 files")

@check("all-keys-work", severity="low")
def test_keys():
    note("0 of 0 keys were tried")

@check("few-errors", severity="low", limits=Limits(critical=0.1))
def test_measured():
    measure(0.0, n=0)

@check("bad-files", severity="low")
def test_bad():
    compared(expected="0 secrets", actual="1 secrets in 0 files")
    assert False, "one is open"

@check("ended-in-time", severity="low")
def test_times():
    compared(expected="an end", actual="status 0 in 0 s, 2 failures in 0.3 s, 3 of 10, 1 seen in 0 of 10 files")
    note("rehearsed on 2026-01-31, in 0 s")
    measure(0.0, n=1, limits=Limits(critical=1))
"""


def test_a_share_of_nothing_is_unknown(project: Project) -> None:
    """A check that passes on "0 in 0" was not proven, whatever it measures or notes; a failure stays one, and no time is a share."""
    project.suite(NOTHING)
    report = project.run("-m", "health").report
    assert report is not None
    found = {one["check"]: one for one in report["findings"]}
    outcomes = {check: one["outcome"] for check, one in found.items()}
    assert outcomes == {
        "no-secret-in-files": "unknown",
        "all-keys-work": "unknown",
        "few-errors": "unknown",
        "bad-files": "failed",
        "ended-in-time": "passed",
    }
    assert found["no-secret-in-files"]["reason"] == "nothing was looked at, so nothing is proven: 0 secrets in 0 files"


UNSHOWN = '''
from _pytest._code import ExceptionInfo

def _broken(*_, **__):
    raise SystemError("AST constructor recursion depth mismatch (before=63, after=65)")

@pytest.fixture(autouse=True)
def _busy_interpreter(monkeypatch):
    monkeypatch.setattr(ExceptionInfo, "getrepr", _broken)
    yield

@check("value-is-right", severity="critical")
def test_fail():
    """The value is right."""
    assert 1 == 2, "the value is 1, not 2"

@check("all-is-well", severity="critical")
def test_pass():
    """All is well."""
'''


def test_a_traceback_that_cannot_be_shown_ends_no_run(project: Project, mode: list[str]) -> None:
    """CPython may fail to parse a source beside another thread: the check has failed all the same, in its own words."""
    project.suite(UNSHOWN)
    ended = project.run("-m", "health", *mode)
    assert ended.outcomes() == {"value-is-right": "failed", "all-is-well": "passed"}
    assert (ended.code, ended.status) == (1, "NOT READY")
    assert "INTERNALERROR" not in ended.out
    assert "the value is 1, not 2" in ended.out
    assert "pytest could not show where: SystemError: AST constructor recursion depth mismatch" in ended.out
