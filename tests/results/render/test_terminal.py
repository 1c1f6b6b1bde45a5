"""The terminal's summary: the verdict first, at most 25 lines, nothing a terminal would obey."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from readiness.findings import Outcome, Severity
from readiness.results.render.page.html import render
from readiness.results.render.terminal import MAX_LINES, lines
from readiness.results.verdict.verdict import Decision, Status
from readiness.support.text import width
from tests.results.report.factory import judged, report, rollback_plan
from tests.results.report.scenes import SCENES

PATHS = [Path("reports/readiness.json"), Path("reports/readiness.html")]


@pytest.mark.parametrize("columns", [60, 79, 120, 200])
@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_fits(scene: str, columns: int) -> None:
    """No scene takes more than 25 lines or the given columns, and nothing in it is a control character."""
    told = lines(SCENES[scene](), columns, color=False, paths=PATHS, problems=["disk full\x1b[2J"])
    assert len(told) <= MAX_LINES
    assert all(char.isprintable() for text in told for char in text)
    assert all(width(text) <= columns for text in told if not text.startswith(("next: ", "report: ")))


@pytest.mark.parametrize("scene", SCENES)
def test_the_first_lines_are_verdict_decision_score_and_reason(scene: str) -> None:
    """The first line holds word, decision and score, the second the reason."""
    found = SCENES[scene]()
    told = lines(found, 200, color=False)
    if scene == "rolled_back":
        assert told[0] == "SERVICE OK: 4.3.0 was rolled back"
        assert told[2].startswith(f"4.3.0 was NOT READY, score 29.5: {found.because}"), told[2]
        assert "on call" not in "\n".join(told)
        return
    assert f"{found.status}: {found.decision}, score " in told[0]
    assert told[1].startswith(found.because[:40])


def test_hold_says_what_it_asks_for() -> None:
    """The one decision whose word does not say it carries its half sentence; the others do not."""
    told = lines(report(status=Status.INCOMPLETE, decision=Decision.HOLD), 120, color=False)
    assert told[2] == "hold: deploy nothing and roll nothing back until a person has looked"
    assert not any(text.startswith("hold:") for text in lines(report(), 120, color=False))


def test_a_rollback_that_waits_for_a_person_names_the_command() -> None:
    """The last line is what to type, where a plan waits for somebody; not where it is carried out without."""
    planned = SCENES["hub_down"]()
    assert planned.rollback is not None
    asked = dataclasses.replace(planned, rollback=dataclasses.replace(planned.rollback, mode="ask"))
    assert lines(asked, exit_status=1)[-1] == "next: readiness rollback"
    assert lines(planned, exit_status=1)[-1] == "exit 1: not ready"
    assert lines(SCENES["rolled_back"](), exit_status=1)[-1] == "exit 1: 4.3.0 was not ready, and is gone"


def test_the_summary_says_which_hub_it_speaks_of() -> None:
    """A mail at night names target and environment; a demonstration judges nobody's hub."""
    assert "1 failed, 23 unknown, of https://hub.example.com (production)" in lines(SCENES["hub_down"](), 100)
    assert not [text for text in lines(SCENES["demo"]()) if ", of " in text]


def test_a_dead_hub_is_told_in_few_lines() -> None:
    """One root cause with its values, remedy and what it blocks; the rollback, the person, the report, the exit."""
    told = lines(SCENES["hub_down"](), 100, color=False, paths=PATHS, exit_status=1)
    assert told[0] == "NOT READY: ROLL BACK, score 0.0"
    assert "FAILED critical hub-answers -8.0, and 23 checks blocked by it (-92.0)" in told
    said = " ".join(" ".join(told).split())
    assert "GET http://127.0.0.1:7000/api/health: connection refused, 3 times within 4 s (expected an answer" in said
    assert "measured" not in said  # the reason has it already
    assert any(text.startswith("  do: Look at the hub's log") for text in told)
    assert "journalctl -u mcp-hub -n 100 --no-pager; systemctl status mcp-hub" in said
    assert told[-4:] == [
        "rollback planned: previous-release (planned)",
        "on call: Ops rota, +44 20 7946 0018",
        "report: reports/readiness.html",
        "exit 1: not ready",
    ]


def test_counts_best_case_and_change_are_told() -> None:
    """The rest of what the page says: counts by outcome, best case, change since the last run."""
    told = "\n".join(lines(SCENES["conditional"](), 200, color=False))
    assert "up to 89.2 if 1 unknown check passes" in told
    assert "1 failed, 1 unknown, 1 degraded, 1 waived, 20 passed" in told
    assert "-6.1 since 2026-09-21 13:06 (-4.7 outcomes, -1.4 a changed plan), 1 newly failing" in told


@pytest.mark.parametrize(
    ("scene", "status", "words"),
    [
        ("conditional", 0, "exit 0: what failed or is unknown does not block"),
        ("ready", 0, "exit 0: ready"),
        ("ready", 1, "exit 1: a test that is no check failed"),
        ("conditional", 10, "exit 10: conditional, which --readiness-strict does not let pass"),
        ("incomplete", 12, "exit 12: incomplete; what is missing has to be found out first"),
        (
            "incomplete",
            2,
            "exit 2: pytest was interrupted or could not import a file of checks; the verdict stands beside it",
        ),
        ("incomplete", 3, "exit 3: pytest's own status; the verdict above stands beside it"),
    ],
)
def test_the_exit_status_is_explained(scene: str, status: int, words: str) -> None:
    """The last line says what the number means."""
    assert lines(SCENES[scene](), 100, color=False, exit_status=status)[-1] == words


def test_a_first_look_ends_with_the_next_command_whole() -> None:
    """The command to run next is the last line and never cut, however narrow the terminal."""
    assert lines(SCENES["first_look"](), 60, color=False)[-1] == (
        "next: readiness init --url http://127.0.0.1:3000 --release '/opt/mcp hub'"
    )


def test_a_remedy_is_for_what_is_bad() -> None:
    """What failed comes with what mends it; what is unknown comes with its reason alone, here and under a mark on the page."""
    told = "\n".join(lines(SCENES["conditional"](), 200, color=False))
    assert "do: Look for a slow MCP server" in told
    assert "4.3.0 publishes no llmCache" in told
    assert "do: Declare it in" not in told
    assert "Should it prove bad" in render(SCENES["conditional"]())


def test_a_demo_is_stamped() -> None:
    """The embedded hub is named in the first line."""
    assert lines(SCENES["demo"](), 80, color=False)[0].startswith("DEMO READY")


@pytest.mark.parametrize("count", [1, 5, 6, 7, 8, 20, 500])
def test_as_many_findings_as_fit_and_the_rest_counted(count: int) -> None:
    """Every finding is either named or counted, worst first, and the worst are told in full."""
    rows = [
        judged(f"check-{n:03}", Outcome.FAILED, 90 / count - n / 10_000, severity=Severity.HIGH, reason="refused",
               actual="1", expected="2", remedy="mend it")
        for n in range(count)
    ]  # fmt: skip
    told = lines(report(rows, Status.NOT_READY, Decision.HOLD), 80, color=False, paths=PATHS, exit_status=1)
    assert len(told) <= MAX_LINES
    named = [text.split()[2] for text in told if text.startswith("FAILED")]
    assert named == [f"check-{n:03}" for n in range(len(named))]
    rest = [int(found[1]) for text in told if (found := re.fullmatch(r"and (\d+) more, in the report", text))]
    assert len(named) + sum(rest) == count
    assert told[told.index(next(t for t in told if "check-000" in t)) + 2] == "  do: mend it"


def test_colour_wraps_and_never_breaks_the_text() -> None:
    """With colour the same texts come, each reset at its end."""
    found = SCENES["conditional"]()
    plain, colourful = lines(found, 80, color=False), lines(found, 80, color=True)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in colourful] == plain
    assert all(text.endswith("\x1b[0m") for text in colourful if "\x1b" in text)
    assert colourful[0].startswith("\x1b[1;33m")


REMEDY = "Read the error in the log, mend the command or its variables, then stop and start that server and ask again."


def failing(count: int, columns: int = 60, **about: str) -> str:
    """The summary of so many failed checks."""
    rows = [judged(f"c-{n}", Outcome.FAILED, 1, reason=f"refused {n}", remedy=REMEDY) for n in range(count)]
    return "\n".join(lines(report(rows, Status.NOT_READY, Decision.HOLD, about=dict(about)), columns, color=False))


def test_long_texts_go_on_below_while_there_is_room() -> None:
    """Reason and remedy of the worst findings are told whole over several lines; those after them are at least named."""
    assert "  do: Read the error in the log, mend the command or its\n    variables," in failing(1)
    assert " ".join(failing(3).split()).count(REMEDY) == 3
    crowded = failing(40)
    assert crowded.count("\n") == MAX_LINES - 1
    assert " ".join(crowded.split()).count(REMEDY) in {1, 2, 3}
    first, last = crowded.index("FAILED medium c-0"), crowded.rindex("FAILED medium c-")
    assert first < crowded.index("do: Read") < last
    assert re.search(r"FAILED medium c-\d+ -1\.0\nFAILED medium c-\d+ -1\.0\nand \d+ more, in the report", crowded)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("count", [1, 40])
def test_the_binding_reason_is_never_cut(count: int, columns: int) -> None:
    """However narrow the terminal and however much there is to tell, the sentence that decided stands there whole."""
    because = "4 critical checks failed: " + ", ".join(f"a-check-with-a-rather-long-name-{n}" for n in range(9))
    told = failing(count, columns, because=because)
    assert because.replace(" ", "") in told.replace("\n", "").replace(" ", "")
    assert told.count("\n") < MAX_LINES
    assert "exit 1" not in told
    assert "FAILED medium c-0" in told


def test_what_is_said_twice_is_told_once() -> None:
    """A reason that the next finding shares is not repeated, and a value that the reason names is not either."""
    rows = [judged(f"c-{n}", Outcome.FAILED, 2, reason="the release cannot be read") for n in range(2)]
    rows.append(judged("c-2", Outcome.FAILED, 1, reason="4.2.1 answers", actual="4.2.1", expected="4.3.0"))
    told = lines(report(rows, Status.NOT_READY, Decision.HOLD), 80, color=False)
    assert "\n".join(told).count("the release cannot be read") == 1
    assert "FAILED medium c-1 -2.0: as above" in told
    assert "  4.2.1 answers (expected 4.3.0)" in told
    many = [judged(f"c-{n:02}", Outcome.FAILED, 2, reason=f"reason {n // 2}", remedy="") for n in range(40)]
    crowded = lines(report(many, Status.NOT_READY, Decision.HOLD), 80, color=False)
    repeated = [index for index, text in enumerate(crowded) if text.endswith(": as above")]
    assert repeated
    assert all(crowded[index - 1].startswith("  reason ") for index in repeated)


def test_what_to_do_next_is_not_cut_at_the_terminals_edge() -> None:
    """Why nothing is rolled back ends with what to do instead: that goes on below."""
    refused = "no deploy is recorded, so nothing shows that one caused this: hold, restart, page"
    found = report(status=Status.NOT_READY, decision=Decision.HOLD, rollback=rollback_plan(refused=refused))
    assert "hold, restart, page" in "\n".join(lines(found, 60, color=False)).replace("\n  ", " ")


def test_trouble_is_bounded() -> None:
    """A hundred broken suites leave room for everything else."""
    told = lines(report(trouble=[f"suite {n} broke" for n in range(100)]), 80, color=False, exit_status=12)
    assert sum("the run itself broke" in text for text in told) == 3
    assert "  and 97 more like it, in the report" in told


@pytest.mark.parametrize("columns", range(40, 80, 3))
def test_no_line_begins_as_a_command_of_ci(columns: int) -> None:
    """Wherever a text of the hub's is broken, no line begins as GitHub or Azure would obey it."""
    said = "a hub that says ::error file=x::owned and ##vso[task.complete] and ::stop-commands::x " * 3
    rows = [
        judged("c-0", Outcome.FAILED, 1, reason=said, remedy=said),
        judged("c-1", Outcome.FAILED, 1, reason="::add-mask::1"),
    ]
    told = lines(report(rows, Status.NOT_READY, Decision.HOLD, about={"because": f"::error::{said}"}), columns)
    assert [text for text in told if re.match(r"\s*(::|##)", text)] == []
    assert all(width(text) <= columns for text in told)
    assert "  |::error" in "\n".join(told) or "|::error" in told[1]


def test_a_check_of_several_parts_is_one_check_wherever_checks_are_counted() -> None:
    """The reason counts checks, the last line findings: where they differ the line says so, and no two numbers contradict."""
    rows = [judged("hub-answers", Outcome.FAILED, 5, reason="refused")]
    rows += [judged("a-call", Outcome.UNKNOWN, 3, instance=name, blocked_by="hub-answers") for name in ("one", "two")]
    told = "\n".join(lines(report(rows), 100))
    assert "and 1 check blocked by it" in told
    assert "1 failed, 2 unknown (a check counts for each server or host)" in told
