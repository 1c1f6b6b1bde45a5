"""`readiness report`: runs found by name, shown again, compared, merged and listed; clear words for whatever is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.__main__ import main as readiness
from readiness.cli.report import find, load, main, shards
from readiness.findings import Outcome, Severity
from readiness.results import render
from readiness.results.history import store
from readiness.results.history.comparison import compare
from readiness.results.report import ReleaseRun, Report, read, to_json
from readiness.results.verdict.verdict import Decision, Status
from tests.results.report.factory import judged, report, run_info
from tests.results.report.scenes import SCENES

if TYPE_CHECKING:
    from pathlib import Path

P, F, U = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN
BAD = {"status": Status.NOT_READY, "decision": Decision.HOLD}


def _run(number: int, outcome: Outcome = P, **more: Any) -> Report:
    """A run of two checks, NOT READY where the first failed."""
    lost = 0 if outcome is P else 50
    rows = [
        judged("a", outcome, lost, severity=Severity.CRITICAL, reason="" if outcome is P else "it broke"),
        judged("b"),
    ]
    verdict = {"status": Status.READY, "decision": Decision.KEEP} if outcome is P else BAD
    code = 0 if outcome is P else 1
    return report(rows, **{"run": run_info(number), "exit_code": code} | verdict | more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    """A working directory whose `reports/` holds three runs: READY, NOT READY, READY of another version."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "reports"
    last = run_info(3, id="3c0ffee", versions={"hub": "4.3.1"})
    for run in (_run(1), _run(2, F), _run(3, run=last)):
        store.keep(compare(run, directory), directory, 10)
        render.write_all(run, directory)
    return tmp_path


def _fresh(number: int, outcome: Outcome = P, ago: float = 60, **more: Any) -> Report:
    """A run that ended `ago` seconds before now, as a job hands it to the merge."""
    ended = time.time() - ago
    return _run(number, outcome, run=run_info(number, started=ended - 1.5, finished=ended, **more))


def _write(path: Path, run: Report) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(run)))
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", "3c0ffee"), ("3c", "3c0ffee"), ("run0001", "run0001"), ("last-ready", "3c0ffee"),
        ("reports", "3c0ffee"), ("reports/readiness.json", "3c0ffee"), ("./reports", "3c0ffee"),
    ],
)  # fmt: skip
def test_a_run_is_found_by_what_people_call_it(folder: Path, name: str, expected: str) -> None:
    """The beginning of an id, the last one, the last good one, a file or a folder."""
    assert find(name, folder / "reports").run.id == expected


def test_that_no_run_was_ready_is_said(tmp_path: Path, capsys: Any) -> None:
    """Asking for the last READY run where there is none does not look like a misspelt id."""
    store.keep(_run(1, F), tmp_path, 10)
    assert readiness(["report", "last-ready", "--readiness-report", str(tmp_path)]) == 4
    assert "none of the 1 runs in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "2 runs begin with 'run': run0002, run0001; give more of the id"),
        (["nope"], "no run begins with 'nope'; the newest are 3c0ffee, run0002, run0001"),
        (["--", ""], "3 runs begin with ''"),
        (["last", "--readiness-report", "elsewhere"], "there is no run in"),
        (["gone.json"], "gone.json: there is no such file; expected a readiness.json"),
        (["elsewhere/"], "elsewhere: there is no such file"),
        (["last", "--format", "papyrus"], "'papyrus' is not known"),
        (["last", "--output", "run.papyrus"], "no format is known by this ending; add --format"),
        (["last", "--format", "badge"], "--format badge is several files: give a folder to --output"),
        (["--compare", "last", "run0001", "--format", "html"], "a comparison is text, markdown or json"),
        (["--merge", "gone"], "nothing to merge: no shard left a report"),
        (["--merge", "reports", "--expect", "nonsense"], "--expect 'nonsense' selects no phase"),
        (["\x1b[2Jrun"], r"no run begins with '\\x1b[2Jrun'"),
    ],
)
def test_what_is_wrong_is_said_and_how_to_mend_it(folder: Path, capsys: Any, arguments: list[str], told: str) -> None:
    """Each wrong call ends with 4 and one sentence that names what was given and what there is."""
    assert folder.exists()
    assert readiness(["report", *arguments]) == 4
    said = capsys.readouterr()
    assert told in said.err
    assert "\x1b" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--shards", "2"], ["--expect", "health"], ["--max-age", "2h"], ["--readiness-strict"], ["run0001", "--list"], ["run0001", "--index"],
        ["run0001", "--merge", "reports"], ["--list", "--number", "0"], ["--merge", "reports", "--shards", "0"],
        ["--list", "--index"], ["--nonsense"],
    ],
)  # fmt: skip
def test_a_call_that_makes_no_sense_is_refused(folder: Path, capsys: Any, arguments: list[str]) -> None:
    """Options that belong elsewhere, or exclude each other, end with 4 before anything is read."""
    assert folder.exists()
    assert main(arguments) == 4
    assert "readiness report" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff", b'{"schema_version":"9"}', None])
def test_a_damaged_file_is_named_with_what_was_expected(tmp_path: Path, content: bytes | None, capsys: Any) -> None:
    """Whatever lies at the path, also a pipe that nobody writes to, is told in a sentence, at once."""
    path = tmp_path / "readiness.json"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert readiness(["report", str(path)]) == 4
    said = capsys.readouterr().err
    assert str(path) in said
    assert "expected" in said or "nested" in said


def test_a_run_is_shown_again_as_it_was(folder: Path, capsys: Any) -> None:
    """The terminal says what the run said; JSON and HTML are those of the run, on the screen or in a file."""
    assert main(["run0002"]) == 0
    assert capsys.readouterr().out.startswith("NOT READY: HOLD, score 50")
    assert main(["run0002", "--format", "json"]) == 0
    kept = next((folder / "reports" / "history").glob("*run0002.json"))
    assert json.loads(capsys.readouterr().out) == json.loads(kept.read_text())
    assert main(["run0002", "--output", "sub/page.html"]) == 0
    assert capsys.readouterr().out == "sub/page.html\n"
    assert (folder / "sub" / "page.html").read_text() == render.made(load(kept), "html")["readiness.html"]


def test_the_last_run_tells_of_the_release_that_it_was_part_of(folder: Path) -> None:
    """What was written on top afterwards, with the phases of the release, is shown; a report of another run there is not."""
    release = ReleaseRun(id="r1", outcome="KEPT", because="", command="deploy", started=1.0, finished=2.0)
    top = dataclasses.replace(_run(3, run=run_info(3, id="3c0ffee")), release_run=release)
    _write(folder / "reports" / "readiness.json", top)
    assert find("last", folder / "reports").release_run == release
    assert find("run0001", folder / "reports").release_run is None
    (folder / "reports" / "readiness.json").write_text("{")
    assert find("last", folder / "reports").run.id == "3c0ffee"


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_every_format_shows_what_is_read_back_as_it_showed_the_run(scene: Any) -> None:
    """A rendering of the document equals the rendering of the report that it was made of, in every format there is."""
    run = scene()
    back = read(json.loads(json.dumps(to_json(run))))
    for form in render.FORMATS:
        assert render.made(back, form) == render.made(run, form), form


def test_a_folder_takes_the_files_of_a_format(folder: Path, capsys: Any) -> None:
    """Without a format JSON and the page; a format of several files needs a folder."""
    assert main(["last", "--output", "out"]) == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["readiness.html", "readiness.json"]
    assert main(["last", "--output", "out", "--format", "badge"]) == 0
    assert len(list((folder / "out").iterdir())) == 4
    assert "out/readiness.html\n" in capsys.readouterr().out


def test_two_runs_are_compared(folder: Path, capsys: Any) -> None:
    """Score, outcomes and versions of both ends, for a terminal, a merge request and a program."""
    assert main(["--compare", "run0001", "run0002"]) == 0
    told = capsys.readouterr().out
    assert "before: run0001" in told
    assert "score -50.0: by outcomes alone, both had to prove the same" in told
    assert "newly failing: 1\n  a\n" in told
    assert main(["--compare", "run0002", "last", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "- hub: 4.3.0 → 4.3.1" in told
    assert "- fixed: 1\n  - a\n" in told
    assert main(["--compare", "run0002", "last", "--output", str(folder / "d.json")]) == 0
    document = json.loads((folder / "d.json").read_text())
    assert (document["before"]["status"], document["after"]["id"]) == ("NOT READY", "3c0ffee")
    assert document["comparison"]["fixed"] == ["a"]


def test_a_comparison_splits_what_the_plan_changed(tmp_path: Path, capsys: Any) -> None:
    """Where two runs had to prove different things, the change of the score is told in its two parts."""
    one = _write(tmp_path / "1.json", _run(1))
    other = report([judged("a", F, 50), judged("new", F, 50)], run=run_info(2, plan_hash="other"), about={"score": 0})
    two = _write(tmp_path / "2.json", other)
    assert main(["--compare", str(one), str(two)]) == 0
    assert "by what had to be proven" in capsys.readouterr().out


def test_hostile_names_are_harmless_in_a_comparison(tmp_path: Path, capsys: Any) -> None:
    """What a report of somebody else says is escaped in Markdown and plain in a terminal."""
    bad = "<img src=x>[x](http://evil.example)\x1b[2J"
    one = _write(tmp_path / "1.json", report([judged("a", P, instance=bad)], run=run_info(1)))
    two = _write(tmp_path / "2.json", report([judged("a", F, 9, instance=bad)], run=run_info(2, id=bad)))
    for form in ("markdown", "text"):
        assert main(["--compare", str(one), str(two), "--format", form]) == 0
        assert "\x1b" not in (told := capsys.readouterr().out)
        assert ("\\<img" in told) is (form == "markdown")
        assert ("](http://" in told) is (form == "text")


def test_shards_are_merged_into_one_verdict(folder: Path, capsys: Any) -> None:
    """Reports below a folder and files, each once; the exit code is that of the merged verdict."""
    _write(folder / "shards" / "one" / "readiness.json", _fresh(5))
    _write(folder / "shards" / "two" / "deep" / "readiness.json", _fresh(6, F, ago=30))
    (folder / "shards" / "two" / "history").mkdir()
    _write(folder / "shards" / "two" / "history" / "readiness.json", _fresh(7))
    assert len(shards(folder / "shards")) == 2
    assert main(["--merge", "shards", "shards/one/readiness.json", "--shards", "2", "--output", "merged"]) == 1
    merged = json.loads((folder / "merged" / "readiness.json").read_text())
    assert (merged["verdict"]["status"], merged["verdict"]["exit_code"]) == ("NOT READY", 1)
    assert merged["notes"][0] == "made of 2 runs: run0005, run0006"
    said = capsys.readouterr().err
    assert said == f"NOT READY: {merged['verdict']['decision']}, {merged['verdict']['because']}\n"
    assert main(["--merge", "shards/one", "--readiness-strict"]) == 0
    assert capsys.readouterr().err == ""


def test_a_missing_or_damaged_shard_makes_the_merge_incomplete(folder: Path, capsys: Any) -> None:
    """Never READY on what is left: fewer shards, an unreadable one, an empty folder, a selection that did not report."""
    one = _write(folder / "one.json", _fresh(5, selection="health"))
    (folder / "two.json").write_text("{")
    (folder / "empty").mkdir()
    for more in (["--shards", "2"], ["two.json"], ["empty"], ["gone.json"], ["--expect", "e2e"]):
        assert main(["--merge", str(one), *more, "--format", "json"]) == 12, more
        said = capsys.readouterr()
        assert json.loads(said.out)["verdict"]["status"] == "INCOMPLETE"
        assert said.err.startswith("readiness report: ")
    assert main(["--merge", str(one), "--expect", "e2e", "--format", "json"]) == 12
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {row["outcome"] for row in findings if row["marker"] == "e2e"} == {"unknown"}
    assert main(["--merge", str(one), "--expect", "health", "--shards", "1"]) == 0


def test_a_conditional_merge_is_strict_where_it_is_asked_to_be(folder: Path, capsys: Any) -> None:
    """With --readiness-strict, CONDITIONAL ends with 10."""
    run = dataclasses.replace(_fresh(5), status="CONDITIONAL")
    _write(folder / "a" / "readiness.json", run)
    _write(folder / "b" / "readiness.json", _fresh(6, ago=30))
    assert main(["--merge", "a", "b"]) == 0
    assert main(["--merge", "a", "b", "--readiness-strict"]) == 10
    assert "CONDITIONAL" in capsys.readouterr().out


def test_an_old_shard_is_no_evidence(folder: Path, capsys: Any) -> None:
    """A shard of nine days ago, beside a new one or alone, and one of a wrong clock, end with 12; --max-age allows them."""
    old = _write(folder / "old.json", _fresh(5, ago=9 * 86_400))
    new = _write(folder / "new.json", _fresh(6))
    ahead = _write(folder / "ahead.json", _fresh(7, ago=-3_600))
    assert main(["--merge", str(old), str(new)]) == 12
    assert "(run0005) is too old: it ended 9 days before the newest began, more than 3 h" in capsys.readouterr().err
    assert main(["--merge", str(old)]) == 12
    assert "(run0005) is too old: it ended 9 days ago, more than 3 h; --max-age" in capsys.readouterr().err
    assert main(["--merge", str(ahead)]) == 12
    assert "(run0007) began 60 min from now: a clock is wrong" in capsys.readouterr().err
    assert main(["--merge", str(old), str(new), "--max-age", "240h"]) == 0
    assert main(["--merge", str(new)]) == 0


def test_a_report_that_was_edited_is_not_believed(folder: Path, capsys: Any) -> None:
    """Findings that failed under a verdict that says READY: shown, merged and monitored as what they are."""
    bad = _fresh(5, F)
    edited = dataclasses.replace(bad, status="READY", decision="KEEP", exit_code=0, because="2 checks passed")
    path = _write(folder / "edited" / "readiness.json", edited)
    sentence = "the report says READY, and its findings make it NOT READY"
    assert main(["--merge", str(path)]) == 1
    assert sentence in capsys.readouterr().err
    assert main([str(path)]) == 0
    assert sentence in capsys.readouterr().out
    assert readiness(["nagios", "--readiness-report", str(path.parent)]) == 2
    assert capsys.readouterr().out.startswith("READINESS CRITICAL - NOT READY")


def test_the_list_shows_the_newest_first(folder: Path, capsys: Any) -> None:
    """A line a run with verdict, score and id, at most as many as asked for, and how many there are."""
    assert main(["--list", "--number", "2", "--readiness-report", str(folder / "reports")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [name in line for name, line in zip(("3c0ffee", "run0002"), lines[1:3], strict=True)] == [True, True]
    assert "NOT READY" in lines[2]
    assert lines[3].startswith("3 runs in ")
