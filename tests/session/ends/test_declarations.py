"""A mistake in how a check is declared: it ends the run with its reason, and no check is dropped or replaced in silence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from readiness.findings import Check, Severity

if TYPE_CHECKING:
    from tests.session.ends.conftest import Project

OK = '@check("fine", severity="low")\ndef test_fine():\n    """Is well."""\n'
SHIPPED = Check(id="hub-answers", title="It answers.", phase="health", topic="x", severity=Severity.CRITICAL)

MISTAKES = {
    "severity": (
        '@check("mine", severity="criticl")\ndef test_mine():\n    """Mine."""\n',
        "severity='criticl' is not valid; expected: critical, high, medium, low; did you mean \"critical\"?",
    ),
    "bare-marker": (
        '@pytest.mark.check("mine", severity="criticl")\ndef test_mine():\n    """Mine."""\n',
        'did you mean "critical"?; write it with `from readiness import check`',
    ),
    "shipped-id": (
        '@check("hub-answers", severity="low")\ndef test_mine():\n    """Mine."""\n',
        "'hub-answers' is that of a check that ships (smoke/test_health.py)",
    ),
    "id-twice": (OK.replace("test_fine", "test_other"), "'fine' stands on two functions"),
    "after": (
        '@check("mine", severity="low", after=("hub-answer",))\ndef test_mine():\n    """Mine."""\n',
        "waits for 'hub-answer' (after=…), and no check has that id; did you mean \"hub-answers\"?",
    ),
    "marker": (
        '@pytest.mark.healht\n@check("mine", severity="low")\ndef test_mine():\n    """Mine."""\n',
        "there is no phase 'healht'; did you mean \"health\"?",
    ),
    "function-twice": (
        '@check("mine", severity="low")\ndef test_fine():\n    """Mine."""\n',
        "is called test_fine too, and replaces this check; rename one",
    ),
    "name": (
        '@check("mine", severity="low")\ndef billing_answers():\n    """Mine."""\n',
        "@check stands on a function that pytest does not collect; call it test_billing_answers",
    ),
}


def test_all_mistakes_are_told_at_once(project: Project) -> None:
    """Exit 4 with a sentence for each: nobody mends them one run after the other."""
    project.catalogue([SHIPPED.to_json() | {"file": "smoke/test_health.py"}])
    project.suite(OK)
    told = {name: sentence for name, (_, sentence) in MISTAKES.items() if name != "severity"}
    for name in told:
        project.suite(
            OK.replace("fine", f"fine-{name}", 1) + MISTAKES[name][0].replace('"mine"', f'"mine-{name}"'),
            f"test_{name}.py",
        )
    ended = project.run("-m", "health")
    assert ended.code == 4, ended.out[-3000:]
    said = " ".join(ended.out.split())
    assert [name for name, sentence in told.items() if sentence not in said] == []
    assert ended.report is None


@pytest.mark.parametrize(
    "mistake",
    [name if name in {"severity", "shipped-id"} else pytest.param(name, marks=pytest.mark.matrix) for name in MISTAKES],
)
def test_a_mistake_ends_the_run_with_its_reason(project: Project, mistake: str) -> None:
    """Exit 4, or pytest's 2 for a file that does not import; what was meant is said, and nothing is READY."""
    text, sentence = MISTAKES[mistake]
    project.catalogue([SHIPPED.to_json() | {"file": "smoke/test_health.py"}])
    project.suite(OK + text)
    ended = project.run("-m", "health")
    assert ended.code == (2 if mistake == "severity" else 4), ended.out[-3000:]
    assert sentence in " ".join(ended.out.split())
    assert ended.report is None or ended.status == "INCOMPLETE"


def test_workers_tell_what_they_met(project: Project) -> None:
    """Under xdist all mistakes of a file are in the report, which is INCOMPLETE: an error at collection would lose its message."""
    project.catalogue([SHIPPED.to_json() | {"file": "smoke/test_health.py"}])
    texts = [text for name, (text, _) in MISTAKES.items() if name in {"name", "marker", "shipped-id"}]
    project.suite(OK + "".join(text.replace("test_mine", f"test_{i}") for i, text in enumerate(texts)))
    ended = project.run("-m", "health", "-n2")
    assert (ended.status, ended.code) == ("INCOMPLETE", 12)
    assert ended.report is not None
    told = json.dumps(ended.report)
    assert all(part in told for part in ("call it test_billing_answers", "healht", "hub-answers' is that of"))


def test_a_misspelt_name_in_the_configuration_is_refused(project: Project, mode: list[str]) -> None:
    """A limit for a check that is a letter wrong ends with 4 before any check runs, and leaves the last report as it was."""
    project.suite('@check("latency", severity="high")\ndef test_latency():\n    """Fast."""\n')
    assert project.run("-m", "health", "test_suite.py").status == "READY"
    toml = project.folder / "readiness.toml"
    toml.write_text(f"{toml.read_text()}[limits.latenci]\ncritical = 5\n")
    ended = project.run("-m", "health", "test_suite.py", *mode)
    assert (ended.code, ended.status) == (4, "READY")
    assert '[limits.latenci] = "latenci": there is no such check; did you mean "latency"?' in ended.out
    assert "INTERNALERROR" not in ended.out
    assert list((project.folder / "reports" / "journal").iterdir()) == []


def test_a_name_that_nothing_goes_by_is_conditional_at_best(project: Project, mode: list[str]) -> None:
    """It may be that of a check which this run does not collect: a line on the terminal, and the reason of the verdict."""
    project.suite('@check("latency", severity="high")\ndef test_latency():\n    """Fast."""\n')
    toml = project.folder / "readiness.toml"
    toml.write_text(f"{toml.read_text()}[limits.throughput]\ncritical = 5\n")
    ended = project.run("-m", "health", "test_suite.py", *mode)
    assert (ended.code, ended.status) == (0, "CONDITIONAL")
    out = " ".join(ended.out.split())
    assert out.count('[limits.throughput] = "throughput": there is no such check') >= 2


@pytest.mark.parametrize(
    ("command", "marker", "sentence"),
    [
        (("pytest",), "preflight", "0 checks here: the suites that ship are not below this folder; run: readiness check -m preflight"),
        (("pytest",), "helth", 'there is no marker "helth"; did you mean "health"?'),
        (("readiness", "check"), "helth", 'there is no marker "helth"; did you mean "health"?'),
        (("readiness", "check"), "smoke", 'there is no marker "smoke"; did you mean "health"?'),
        (("readiness", "check"), "health and nonsense", "no check that was collected is what -m 'health and nonsense' asks for"),
    ],
)  # fmt: skip
def test_zero_checks_get_a_sentence(project: Project, command: tuple[str, ...], marker: str, sentence: str) -> None:
    """A phase whose suite is not here, or a word that is none: pytest's exit 5 with the reason and what to type."""
    ended = project.run("-m", marker, command=command, MCP_HUB_RELEASE=".")
    assert ended.code == 5
    assert sentence in ended.out
    assert ended.report is None or ended.status == "INCOMPLETE"


def test_a_word_of_the_selection_that_is_misspelt_is_told(project: Project, mode: list[str]) -> None:
    """Where the rest of `-m` selects something, a line says which word did nothing."""
    project.suite('@check("latency", severity="high")\ndef test_latency():\n    """Fast."""\n')
    ended = project.run("-m", "health or alrts", "test_suite.py", *mode)
    assert 'there is no marker "alrts"; did you mean "alerts"?' in ended.out
    assert "did you mean" not in project.run("-m", "health and not alerts", "test_suite.py", *mode).out


@pytest.mark.parametrize("command", [("pytest",), ("readiness", "check")])
def test_only_collecting_is_no_run(project: Project, command: tuple[str, ...]) -> None:
    """`--collect-only` shows the plan, ends with 0, and neither writes a report nor makes the last one out of date."""
    project.suite('@check("latency", severity="high")\ndef test_latency():\n    """Fast."""\n')
    ended = project.run("-m", "health", "--collect-only", "test_suite.py", command=command)
    assert (ended.code, ended.report) == (0, None)
    assert "readiness plan: 1 checks" in ended.out


def test_a_run_that_is_refused_has_no_verdict(project: Project) -> None:
    """What is refused once it is known what was collected, as without a target, ends with 4 and that sentence alone."""
    (project.folder / "readiness.toml").unlink()
    project.suite('@check("latency", severity="high")\ndef test_latency():\n    """Fast."""\n')
    ended = project.run("test_suite.py", command=("readiness", "check"))
    assert (ended.code, ended.report) == (4, None)
    assert "nothing says which hub or release to look at" in ended.out
    assert "INCOMPLETE" not in ended.out


def test_there_is_one_list_and_one_count(project: Project) -> None:
    """`readiness check` leaves pytest's list and count of tests away, with -v it does not; a plain test that fails is named."""
    project.suite('@check("bad", severity="critical")\ndef test_bad():\n    """Bad."""\n    assert False\n')
    command = ("readiness", "check")
    ended = project.run("-m", "health", "test_suite.py", command=command)
    assert ended.out.count("FAILED") == 1
    assert "short test summary" not in ended.out
    assert "1 failed in" not in ended.out
    assert "FAILED test_suite.py::test_bad" in project.run("-m", "health", "test_suite.py", "-v", command=command).out
    project.suite(
        '@check("ok", severity="low")\ndef test_ok():\n    """Ok."""\n\n\ndef test_plain():\n    assert False\n'
    )
    ended = project.run("-m", "health", "test_suite.py", command=command)
    assert ended.code == 1
    assert "FAILED test_suite.py::test_plain" in ended.out
