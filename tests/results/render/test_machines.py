"""The renderings for machines: each is read back by a consumer that somebody else wrote, and says what the report says."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness.cli import nagios as nagios_command
from readiness.config import schema
from readiness.errors import ReadinessError
from readiness.findings import Outcome, Severity
from readiness.results import render
from readiness.results.render import wording as words
from readiness.results.render.machine import github, nagios, sarif
from readiness.results.render.machine.bounded import Room
from tests.results.render.readers import READERS, Read
from tests.results.report.factory import judged, report
from tests.results.report.scenes import HOSTILE, SCENES
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.results.report import Report, Row

MACHINES: Final = tuple(form for form in render.FORMATS if form not in render.DEFAULT)
TOLD: Final = {
    # what a format leaves out, and what it cannot tell apart: outcome in the report to outcome in the format
    "readiness.junit.xml": dict.fromkeys(("passed", "flaky", "degraded", "waived"), "ok"),
    "readiness.sarif": {"passed": None, "not_applicable": None},
}


def rendered(found: Report, formats: tuple[str, ...] = MACHINES) -> dict[str, str]:
    """Each file of `formats` with its content; a fault of a rendering fails the test."""
    problems: list[str] = []
    files = dict(render._rendered(found, formats, problems))
    assert problems == []
    return files


def counts(found: Report, name: str) -> dict[str, int]:
    """The findings of a report by outcome, as far as the file `name` tells them apart."""
    told: dict[str, int] = {}
    for row in found.rows:
        outcome = TOLD.get(name, {}).get(row.outcome.value, row.outcome.value)
        if outcome is not None:
            told[outcome] = told.get(outcome, 0) + 1
    return told


OF_THE_SERVICE: Final = frozenset({"readiness.nagios", "readiness.badge.json", "readiness.badge.svg", "readiness.md"})
"""Views that people watch: after a proven rollback they show the service, where others keep the verdict on the release."""


def read_all(found: Report, files: dict[str, str] | None = None) -> dict[str, Read]:
    """Every file of `found` as its consumer reads it; those that tell counts and verdict must tell the report's."""
    read = {name: READERS[name](text) for name, text in (files or rendered(found)).items()}
    for name, told in read.items():
        service = words.service(found)
        of_service = service is not None and name in OF_THE_SERVICE
        assert told.status in {None, service.status if service and of_service else found.status}, name
        if told.counts is not None:
            assert {k: n for k, n in told.counts.items() if n} == counts(found, name), name
    return read


def test_the_configuration_knows_every_format() -> None:
    """What `[report] formats` takes is what can be written, and every file has a reader in these tests."""
    assert schema.FORMATS == render.FORMATS
    assert set(render.DEFAULT) < set(render.FORMATS)
    machines = {name for form in MACHINES for name, _, _ in render.FILES[form]}
    assert machines == set(READERS)


def test_the_page_about_formats_names_every_file() -> None:
    """The table in docs/formats.md has a row for each format, with the files that it writes."""
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (.*?) \|", page))
    assert {form: re.findall(r"`([^`]+)`", files) for form, files in rows.items()} == {
        form: [name for name, _, _ in files] for form, files in render.FILES.items()
    }


@pytest.mark.parametrize("scene", SCENES)
def test_every_consumer_reads_what_the_report_says(scene: str) -> None:
    """Verdict and counts come out of every format, of every scene, also of the one whose every text is hostile."""
    read = read_all(SCENES[scene]())
    assert sum(told.status is not None for told in read.values()) == 9


def test_markdown_tells_how_the_release_went() -> None:
    """What is pasted into an incident channel names the phases, what changed since the last READY run, and whom to call."""
    text = rendered(SCENES["rolled_back"](), ("markdown",))["readiness.md"]
    assert "- release ROLLED BACK VERIFIED: hub-is-ready failed after the deploy" in text
    assert "ready failed, verify failed, bake skipped, rollback passed" in text
    assert (
        "since the last READY run (2026-09-21 11:13 UTC): newly failing hub-is-ready; newly unknown tools-are-listed"
        in text
    )
    assert "hub 4.2.1 → 4.3.0" in text
    assert "People:" not in text
    assert text.startswith(
        "## ✅ SERVICE OK: 4.3.0 was rolled back\n\n**4.2.1 answers again: the release before answers"
    )
    assert "### Mend in 4.3.0 before it is deployed again" in text
    assert "- 4.3.0 was NOT READY, score " in text


def _at(row: Row, **more: Any) -> Row:
    return dataclasses.replace(row, **more)


NASTY: Final = (
    HOSTILE,
    "\r\n::error file=x::owned\r\n::set-output name=x::y\n##[error]x\n##vso[task.complete]",
    "]]><!-- & --> <failure/>",
    'a"b\\c\n{} \\',
    "# SKIP # TODO \\# SKIP",
    "x | score=100;;;0;100",
    "[click](http://evil.example) {0} ![x](y) @everyone #1 `` ` | <br>\n\n# h\n- l",
    "%0A%25,:%3A",
    "\x00\x1b[2J\ud800\udfff\ufffe\x85\u2028",
    "../../../etc/passwd",
    "/etc/../etc/passwd",
)
TEXT: Final = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(codec=None), max_size=40),
    st.text(alphabet="\n\r\t |#:%,\\\"'`<>&[](){}*_~@!-+=1.;ok", max_size=40),
)


def _spoilt(scene: str, words: list[str]) -> Report:
    """A report whose texts went through no other door: as if read from a file that anybody may have written."""
    found, (a, b, c, d, e, f) = SCENES[scene](), words
    rows = tuple(
        _at(row, reason=a, actual=b, expected=c, instance=None if n % 2 else f"{d}{n}", title=e, remedy=f, unit=d,
            category=f"{e}/{a}" if n % 3 else row.category, waiver=b if row.outcome is Outcome.WAIVED else None,
            path=(None, d, f"config/{c}")[n % 3], line=(None, 3, 0, -1)[n % 4], notes=(a, f), rollback=e)
        for n, row in enumerate(found.rows[:8])
    )  # fmt: skip
    return dataclasses.replace(
        found, rows=rows, because=a, trouble=(b, c), environment=d, target=e, cap=f, release=b, demo=len(f) % 2 == 1,
        contacts={a: b, "on_call": c}, run=dataclasses.replace(found.run, id=f, versions={"hub": a, "readiness": b}),
    )  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    scene=st.sampled_from(["conditional", "hub_down", "incomplete", "before_deploy", "rolled_back"]),
    words=st.lists(TEXT, min_size=6, max_size=6),
)
def test_no_text_breaks_out_of_any_format(scene: str, words: list[str]) -> None:
    """Whatever stands in a report, each consumer reads the same verdict and counts, and nothing that it would obey."""
    found = _spoilt(scene, words)
    files = rendered(found)
    for name, told in read_all(found, files).items():
        if name == "readiness.github.txt":
            assert all(kind in {"error", "warning", "notice"} for kind, _, _ in told.found)
    for name, text in files.items():
        obeyed = [line for line in text.splitlines() if line.lstrip().startswith(("::set", "##["))]
        assert obeyed == [], name
        text.encode("utf-8")


def _mixed() -> Report:
    """One finding of each outcome on a line of a file, and two that look the same."""
    rows = [
        judged(f"on-{outcome.value.replace('_', '-')}", outcome, 1.0, severity=Severity.CRITICAL, reason=f"is {outcome}",
               remedy="Mend `it`.", path="config/hub.json", line=7 + n, waiver="known (Maya, until 2027-01-01)"
               if outcome is Outcome.WAIVED else None)
        for n, outcome in enumerate(Outcome)
    ]  # fmt: skip
    rows += [judged("twice", Outcome.FAILED, 1.0, instance="«redacted»", path="config/hub.json") for _ in "ab"]
    return report(rows, settings={"path": None})


def test_findings_stand_on_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the release is named as the checkout names it, whatever folder of it the release is."""
    found = dataclasses.replace(_mixed(), release=str(tmp_path / "deploy" / "hub"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    read = read_all(found)
    on = {
        props["title"]: (kind, props.get("file"), props.get("line"))
        for kind, props, _ in read["readiness.github.txt"].found
    }
    assert on["failed: on-failed"] == ("error", "deploy/hub/config/hub.json", "12")
    assert on["unknown: on-unknown"] == ("warning", "deploy/hub/config/hub.json", "11")
    physical = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]
        for result in read["readiness.sarif"].found["results"]
    }
    assert physical["on-failed"] == {
        "artifactLocation": {"uri": "deploy/hub/config/hub.json"}, "region": {"startLine": 12}}  # fmt: skip
    issues = {issue["check_name"]: issue for issue in read["gl-code-quality-report.json"].found}
    assert issues["on-failed"]["location"] == {"path": "deploy/hub/config/hub.json", "lines": {"begin": 12}}
    assert (issues["on-failed"]["severity"], issues["on-waived"]["severity"]) == ("blocker", "info")
    case = next(case for case in read["readiness.junit.xml"].found if case.name == "on-failed")
    assert (case._elem.get("file"), case._elem.get("line")) == ("deploy/hub/config/hub.json", "12")


def test_a_file_outside_the_checkout_is_on_no_line_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release elsewhere, the embedded one and an absolute path leave an annotation without a file, never a wrong one."""
    monkeypatch.chdir(tmp_path)
    found = _mixed()
    for other in (found, dataclasses.replace(found, release=str(tmp_path), demo=True)):
        read = read_all(other)
        assert all("file" not in props for _, props, _ in read["readiness.github.txt"].found)
        assert read["gl-code-quality-report.json"].found == []
    absolute = dataclasses.replace(found, rows=tuple(_at(row, path="/etc/nginx/nginx.conf") for row in found.rows))
    (first, *_) = read_all(absolute)["readiness.sarif"].found["results"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "readiness.toml"
    assert first["properties"]["file"].startswith("/etc/nginx/nginx.conf")


def test_what_is_unknown_is_not_told_to_be_mended() -> None:
    """A remedy mends what is bad: beside what is unknown, or waived, nobody is told to do it."""
    row = judged(
        "on-unknown", Outcome.UNKNOWN, 9.0, severity=Severity.CRITICAL, reason="not reached", remedy="Restart it."
    )
    waived = judged("on-waived", Outcome.WAIVED, 9.0, reason="slow", remedy="Restart it.", waiver="known (Maya)")
    found = report([row, waived])
    for form in ("markdown", "github", "junit", "tap"):
        text = "".join(render.made(found, form).values())
        assert "Restart it" not in text, form
        assert "not reached" in text, form
    bad = report(
        [judged("on-failed", Outcome.FAILED, 9.0, severity=Severity.CRITICAL, reason="down", remedy="Restart it.")]
    )
    for form in ("markdown", "github", "junit", "tap"):
        assert "Restart it" in "".join(render.made(bad, form).values()), form


def test_code_scanning_takes_a_report_whose_findings_lie_in_no_file() -> None:
    """One result without a place in the repository has the whole upload refused: such findings stand in readiness.toml."""
    (result, *_) = read_all(report([judged("hub-answers", Outcome.FAILED, 9.0)]))["readiness.sarif"].found["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "readiness.toml"}, "region": {"startLine": 1}}


def test_unknown_is_never_failed() -> None:
    """Each format that can tell the two apart does."""
    read = read_all(_mixed())
    results = {result["ruleId"]: result for result in read["readiness.sarif"].found["results"]}
    assert (results["on-unknown"]["kind"], results["on-unknown"]["level"]) == ("open", "none")
    assert (results["on-failed"]["kind"], results["on-failed"]["level"]) == ("fail", "error")
    assert results["on-waived"]["suppressions"][0]["status"] == "accepted"
    cases = {case.name: case for case in read["readiness.junit.xml"].found}
    kinds = {name: [type(result).__name__ for result in case.result] for name, case in cases.items()}
    assert (kinds["on-unknown"], kinds["on-failed"]) == (["Error"], ["Failure"])
    assert kinds["on-not-applicable"] == ["Skipped"]
    assert kinds["on-degraded"] == kinds["on-flaky"] == kinds["on-waived"] == kinds["on-passed"] == []
    outcomes = {s.labels["check"]: s.value for s in read["readiness.prom"].found["readiness_check_outcome"].samples}
    assert (outcomes["on-unknown"], outcomes["on-failed"], outcomes["on-not-applicable"]) == (4, 5, -1)


def test_equal_series_are_one_and_counted(tmp_path: Path) -> None:
    """Two findings that look the same once secrets are hidden keep one series, and the file says that one is left out."""
    found = read_all(dataclasses.replace(_mixed(), release=str(tmp_path)))["readiness.prom"].found
    assert found["readiness_findings_left_out"].samples[0].value == 1


def test_fingerprints_outlive_a_changed_line_and_reason() -> None:
    """The same finding in the next run is the same alert; another instance, check or file is another one."""
    row = _mixed().rows[0]
    assert sarif.fingerprint(row) == sarif.fingerprint(_at(row, line=99, reason="other", outcome=Outcome.FAILED))
    others = [_at(row, instance="x"), _at(row, check="x"), _at(row, path="x")]
    assert len({sarif.fingerprint(one) for one in (row, *others)}) == 4


def test_the_worst_are_annotated_and_the_verdict_is_among_them() -> None:
    """Of many failures ten errors are shown, the first says the verdict, and the rest are those to mend first."""
    rows = [judged(f"low-{n}", Outcome.FAILED, 1.0, severity=Severity.LOW) for n in range(30)]
    rows.append(judged("worst", Outcome.FAILED, 9.0, severity=Severity.CRITICAL))
    found = dataclasses.replace(report(rows), status="NOT READY", decision="ROLL BACK")
    lines = list(github.commands(found))
    assert len(lines) == 10
    assert lines[0].startswith("::error title=NOT READY%3A ROLL BACK%2C score")
    assert "worst" in lines[1]


@pytest.mark.parametrize(
    ("status", "name", "exits"),
    [("READY", "OK", 0), ("CONDITIONAL", "WARNING", 1), ("NOT READY", "CRITICAL", 2), ("INCOMPLETE", "UNKNOWN", 3)],
)
def test_a_verdict_has_its_status_of_a_monitoring_plugin(status: str, name: str, exits: int) -> None:
    """INCOMPLETE is UNKNOWN: what could not be proven is neither fine nor broken."""
    found = dataclasses.replace(report(), status=status)
    assert nagios.nagios_status(found) == exits
    assert nagios.render(found).startswith(f"READINESS {name} - {status}, ")


def test_a_pager_hears_what_was_seen() -> None:
    """The line of a monitoring plugin is all that a phone shows: the check that decided, and what it saw."""
    found = dataclasses.replace(SCENES["hub_down"](), because="1 critical check failed: hub-answers")
    seen = next(row for row in found.rows if row.outcome is Outcome.FAILED).reason
    assert f"{found.because}; {seen}" in nagios.render(found)


def _reported(folder: Path, found: Report) -> Path:
    render.write_all(found, folder, ("json",))
    return folder


def test_the_verb_answers_as_the_rendering_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verdict that a fresh report holds is one line and the exit status that monitoring systems read."""
    for number, (scene, exits) in enumerate(
        [("ready", 0), ("conditional", 1), ("hub_down", 2), ("incomplete", 3), ("demo", 3)]
    ):
        found = SCENES[scene]()
        now = time.time() - 60 + number  # one after the other: an earlier run writes nothing over a later one
        found = dataclasses.replace(found, run=dataclasses.replace(found.run, started=now, finished=now))
        if scene == "conditional":
            found = dataclasses.replace(found, score=Fraction("97.5"))  # what its findings make it: it is judged again
        status = nagios_command.main(["--readiness-report", str(_reported(tmp_path, found))])
        assert (status, capsys.readouterr().out) == (exits, nagios.render(found))


def test_a_report_that_proves_nothing_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Too old, from the future, absent, damaged, none at all or asked for wrongly: 3, and a line that says why."""
    file = _reported(tmp_path, report()) / "readiness.json"
    finished = report().run.finished
    for now, why in ((finished + 1801, "too old"), (finished - 61, "future")):
        told, status = nagios_command.answer(file, now, 1800.0)
        assert (status, told.startswith("READINESS UNKNOWN - "), why in told, told.count("\n")) == (3, True, True, 1)
    assert nagios_command.answer(file, finished + 1799, 1800.0)[1] == 0
    for content in ("", "{", "[]", "[" * 100_000, '{"schema_version": "1"}', '{"schema_version": "9"}'):
        file.write_text(content)
        told, status = nagios_command.answer(file, finished, 1800.0)
        assert (status, told.startswith("READINESS UNKNOWN - "), told.count("\n")) == (3, True, 1), content[:20]
    assert nagios_command.main(["--readiness-report", str(tmp_path / "nowhere")]) == 3
    assert "run readiness check" in capsys.readouterr().out
    assert nagios_command.main(["--max-age", "soon"]) == 3


def test_ten_thousand_findings_stay_small_and_quick() -> None:
    """Each format is bounded, whatever the texts are; the counts are still of all. Seconds here are minutes too many."""
    long = report(
        [judged("long", Outcome.FAILED, 0.01, reason="r" * 3900, title="t" * 900, actual="a" * 900, remedy="m" * 3900)]
    )
    rows = tuple(
        _at(long.rows[0], check=f"check-{n}", outcome=(Outcome.FAILED, Outcome.UNKNOWN)[n % 2], reason=f"{n} {long.rows[0].reason}",
            path=f"config/{n}.json", line=n + 1)
        for n in range(10_000)
    )  # fmt: skip
    found = dataclasses.replace(long, rows=rows, release=".")
    started = time.process_time()
    files = rendered(found)
    busy = time.process_time() - started
    sizes = {name: len(text.encode()) for name, text in files.items()}
    assert {name: size for name, size in sizes.items() if size > 12_000_000} == {}
    assert sizes["readiness.md"] < github.SUMMARY_BYTES
    assert sizes["readiness.github.txt"] < 40_000
    assert busy < 30
    tight = READERS["readiness.prom"](files["readiness.prom"])
    assert tight.counts is not None
    assert (tight.counts["failed"], tight.counts["unknown"]) == (5000, 5000)
    assert tight.found["readiness_findings_left_out"].samples[0].value == 8000


def test_room_is_shared() -> None:
    """Who comes first gets it; afterwards every text keeps its beginning, and a cut is seen."""
    room = Room(100)
    assert room.take("a" * 90, 1000) == "a" * 90
    assert room.take("b" * 90, 1000) == "b" * 59 + "…"
    assert room.take("short", 1000) == "short"


SURROUNDINGS: Final = (
    ({}, ()),
    ({"CI": "true", "GITHUB_STEP_SUMMARY": "x"}, ()),
    ({"GITHUB_ACTIONS": "true"}, ("github",)),
    ({"GITLAB_CI": "true"}, ("gitlab",)),
)


@pytest.mark.parametrize(("environ", "formats"), SURROUNDINGS)
def test_a_run_knows_the_ci_system_around_it(environ: dict[str, str], formats: tuple[str, ...]) -> None:
    """By the variable that the system documents, and never by a guess."""
    assert render.surroundings(environ) == formats


def test_one_broken_rendering_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one format is told, and every other file is written."""
    monkeypatch.setattr(sarif, "render", lambda _: 1 / 0)
    with pytest.raises(ReadinessError, match=r"cannot make readiness\.sarif, by a fault of ours: ZeroDivisionError"):
        render.write_all(report(), tmp_path, ("sarif", "tap", "json"))
    assert {path.name for path in tmp_path.glob("readiness.*")} == {"readiness.tap", "readiness.json"}


def test_nothing_is_imported_that_was_not_asked_for(tmp_path: Path) -> None:
    """A run that writes JSON loads no other rendering, and no rendering for machines loads the page's template engine."""
    code = (
        "import sys; from pathlib import Path; from readiness.results import render; from tests.results.report.scenes import ready\n"
        "def loaded(): return sorted(n.removeprefix('readiness.results.render.') for n in sys.modules if n.startswith('readiness.results.render.'))\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "render.write_all(ready(), folder, ('json',)); print(loaded())\n"
        f"render.write_all(ready(), folder, {MACHINES!r}); print('page.html' in loaded(), 'jinja2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["['write']", "False False"], done.stderr


def test_a_summary_is_added_and_never_overfills_its_file(tmp_path: Path) -> None:
    """What another part of the step wrote stays; a full file and one that is none give a sentence."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert github.append_summary(str(summary), "after") is None
    assert summary.read_text() == "before\nafter\n"
    summary.write_bytes(b"x" * (github.SUMMARY_BYTES - 3))
    assert "full" in str(github.append_summary(str(summary), "after"))
    assert "could not be written" in str(github.append_summary(str(tmp_path), "after"))
    assert "could not be written" in str(github.append_summary(str(tmp_path / "no" / "folder"), "after"))


def test_a_summary_belongs_to_a_workflow(tmp_path: Path) -> None:
    """The report is added where GitHub says that this is one of its jobs, and nowhere else."""
    summary = tmp_path / "summary.md"
    around = {"GITHUB_STEP_SUMMARY": str(summary)}
    assert render.add_to_summary(report(), around) is None
    assert not summary.exists()
    assert render.add_to_summary(report(), around | {"GITHUB_ACTIONS": "true"}) is None
    assert "READY: KEEP" in summary.read_text()
    assert render.add_to_summary(report(), {"GITHUB_ACTIONS": "true"}) is None


def test_gitlab_gets_both_of_its_artifacts(tmp_path: Path) -> None:
    """Asking for `gitlab` and `junit` writes the JUnit file once."""
    paths = render.write_all(report(), tmp_path, ("gitlab", "junit"))
    assert [path.name for path in paths] == ["gl-code-quality-report.json", "readiness.junit.xml"]
    assert json.loads(paths[0].read_text()) == []
