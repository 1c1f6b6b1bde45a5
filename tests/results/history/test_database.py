"""The database of the history: made from the runs' files, mended wherever it is damaged, written by many at once."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.findings import Limits, Outcome
from readiness.results.history import database, store
from readiness.results.history.comparison import compare
from readiness.results.history.database import DATABASE, RunDatabase
from readiness.results.history.store import entry_of, read_entry
from readiness.results.report import PastCheck, read, to_json
from readiness.results.verdict.verdict import Decision, Status
from tests.results.report.factory import judged, report, run_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.results.report import History, Report

P, F, U, D = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.DEGRADED


def _run(number: int, outcomes: str = "pp", status: Status = Status.CONDITIONAL, **more: Any) -> Report:
    """Run `number`, with a letter an outcome; its checks are called by letters, too."""
    found = {"p": P, "f": F, "u": U, "d": D, "y": Outcome.FLAKY, "w": Outcome.WAIVED}
    rows = [judged(name, found[letter]) for name, letter in zip("abcdefgh", outcomes, strict=False) if letter != "-"]
    return report(rows, status, Decision.KEEP_AND_WATCH, **{"run": run_info(number)} | more)


def _keep(folder: Path, *runs: Report, limit: int = 500) -> None:
    for run in runs:
        store.keep(compare(run, folder), folder, limit)


def _ids(folder: Path) -> list[str]:
    """Ids of the runs that the database tells of."""
    with RunDatabase(folder / "history") as runs:
        return sorted(entry.id for entry in runs.entries())


def _after(folder: Path, run: Report) -> History:
    found = compare(run, folder).history
    assert found is not None
    return found


def test_an_entry_tells_what_the_file_tells(tmp_path: Path) -> None:
    """A run's entry is the same whether it is made of the report or of the file that is left of it."""
    slow = judged("api-answers-fast", D, actual="612.5", unit="ms", limits=Limits(critical=500, unit="ms"))
    run = report([slow, judged("disk", F, 3, instance="web1"), judged("b")], run=run_info(3))
    path = store.keep(run, tmp_path, 10)
    entry, names = entry_of(path.name, run)
    assert read_entry(path.name, json.loads(path.read_bytes())) == (entry, names)
    assert (names, entry.outcomes, entry.p95_ms) == (["api-answers-fast", "b", "disk[web1]"], "dpf", 612.5)
    with RunDatabase(path.parent) as runs:
        assert list(runs.entries()) == [entry]
        assert runs.names([entry.names, "unknown"]) == {entry.names: names}


@pytest.mark.parametrize(
    ("load", "p95"),
    [
        ({"percentiles": {"p95": [8.1, 8.7, 9.9]}}, 8.7),
        ({"percentiles": {"p95": [None, None, None]}}, 40.0),
        ({"percentiles": {}}, 40.0),
        (None, 40.0),
    ],
)
def test_latency_is_that_of_the_load_else_of_a_check(load: Any, p95: float) -> None:
    """The load's 95th percentile as measured comes first; else a check's measure, in milliseconds whatever its unit."""
    run = report([judged("llm-p95-latency", P, actual="0.04", unit="s"), judged("api-answers-fast", U)])
    assert entry_of("a", dataclasses.replace(run, load=load))[0].p95_ms == p95


def test_each_check_is_told_over_the_last_runs(tmp_path: Path) -> None:
    """Outcomes stand oldest first, this run last; a run that did not plan a check has none; what always passed comes last."""
    _keep(tmp_path, _run(1, "ppp"), _run(2, "pfp"), _run(3, "p-u"))
    found = _after(tmp_path, _run(4, "ppf"))
    assert [run.id for run in found.runs] == ["run0001", "run0002", "run0003", "run0004"]
    assert found.checks == (
        PastCheck(key="b", outcomes=("passed", "failed", None, "passed")),
        PastCheck(key="c", outcomes=("passed", "passed", "unknown", "failed")),
        PastCheck(key="a", outcomes=("passed",) * 4),
    )
    assert (found.runs[1].score, found.runs[1].status, found.left_out) == (100.0, "CONDITIONAL", 0)


def test_only_the_last_thirty_comparable_runs_are_told(tmp_path: Path) -> None:
    """Runs of another selection, target or environment stand in the same history and in nobody else's report."""
    _keep(tmp_path, *(_run(n) for n in range(1, 41)), *(_run(n, run=run_info(n, selection="e2e")) for n in (50, 51)))
    _keep(tmp_path, _run(52, settings={"environment": "staging"}), _run(53, settings={"demo": True}))
    found = _after(tmp_path, _run(60))
    assert [run.id for run in found.runs] == [f"run{n:04d}" for n in (*range(12, 41), 60)]
    assert compare(_run(55, run=run_info(55, selection="load")), tmp_path).history is None


@pytest.mark.parametrize(
    ("past", "flaky"),
    [
        (["p", "f", "p", "f"], True),  # by turns
        (["p", "f", "f", "p"], False),  # one outage
        (["p", "u", "p", "u"], False),  # not asked: says nothing
        (["f", "u", "p", "f", "p"], True),
        (["y", "p", "p", "y"], True),  # passed only at another attempt, twice
        (["p", "w", "p", "w"], True),
        (["p", "p", "y"], False),
    ],
)
def test_flaky_is_what_passes_and_fails_by_turns(tmp_path: Path, past: list[str], *, flaky: bool) -> None:
    """One outage is none; what could not be asked is no evidence of either."""
    _keep(tmp_path, *(_run(n, outcome) for n, outcome in enumerate(past[:-1], start=1)))
    assert _after(tmp_path, _run(len(past), past[-1])).flaky == (("a",) if flaky else ())


def test_what_changed_since_ready_reaches_over_other_runs(tmp_path: Path) -> None:
    """The last READY run is found behind later ones; versions, new and gone checks are told with the outcomes."""
    old = {"hub": "4.2.1", "readiness": "0.1.0"}
    _keep(
        tmp_path, _run(1, "ppfppp", Status.READY, run=run_info(1, versions=old)), _run(2, "ffffff"), _run(3, "ffffff")
    )
    since = _after(tmp_path, _run(4, "fup-dpp", run=run_info(4, versions={"hub": "4.3.0"}))).since_ready
    assert since is not None
    assert (since.id, since.runs_since, since.same_plan) == ("run0001", 3, True)
    assert (since.newly_failing, since.newly_unknown, since.newly_degraded) == (("a",), ("b",), ("e",))
    assert (since.fixed, since.added, since.removed) == (("c",), ("g",), ("d",))
    assert since.versions == (("hub", "4.2.1", "4.3.0"), ("readiness", "0.1.0", ""))


def test_two_ready_runs_in_a_row_leave_nothing_to_tell(tmp_path: Path) -> None:
    """Where all is well and was, nothing changed since; where no READY run is known, nothing can be told."""
    _keep(tmp_path, _run(1, "pp", Status.READY))
    assert _after(tmp_path, _run(2, "pp", Status.READY)).since_ready is None
    assert _after(tmp_path, _run(2, "pf")).since_ready is not None
    _keep(tmp_path / "other", _run(1, "pf"))
    assert _after(tmp_path / "other", _run(2, "pf")).since_ready is None


def test_the_history_survives_being_written_and_read(tmp_path: Path) -> None:
    """A report with a real history comes back from its document as it was."""
    _keep(tmp_path, _run(1, "pp", Status.READY), _run(2, "fp"), _run(3, "pp"))
    run = compare(_run(4, "fu"), tmp_path)
    document = json.loads(json.dumps(to_json(run)))
    assert read(document).history == run.history
    assert to_json(read(document)) == document


def _removed(path: Path) -> None:
    path.unlink()


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _flipped(path: Path) -> None:
    """One bit of one outcome."""
    content = path.read_bytes()
    place = content.index(b"pfp")
    path.write_bytes(content[:place] + b"rfp" + content[place + 3 :])


def _doubled(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _rubbish(path: Path) -> None:
    path.write_bytes(b"\x00\xff{}\n[1,2\n" + path.read_bytes())


def _overwritten(path: Path) -> None:
    """All pages but the first."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))


def _changed(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement)

    return change


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "removed": _removed,
    "truncated": _truncated,
    "torn": _torn,
    "emptied": _emptied,
    "flipped": _flipped,
    "doubled": _doubled,
    "rubbish": _rubbish,
    "overwritten": _overwritten,
    "another version": _changed("PRAGMA user_version = 7"),
    "other tables": _changed("ALTER TABLE runs RENAME TO something"),
    "without names": _changed("DELETE FROM names"),
    "names of others": _changed("UPDATE names SET checks = '[\"x\"]'"),
    "names that are no JSON": _changed("UPDATE names SET checks = '['"),
    "a forged verdict": _changed("UPDATE runs SET status = 'READY'"),
    "a forged figure": _changed("UPDATE runs SET score = 'much'"),
    "a run of no file": _changed("INSERT INTO runs (file, size, changed, checksum) VALUES ('x', 1, 1, 1)"),
    "a pipe": _pipe,
    "a folder": _folder,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_database_is_made_anew_from_the_files(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Whatever became of the database, the history tells the same, without waiting; and the next run finds it mended."""
    _keep(tmp_path, _run(1, "pp", Status.READY), _run(2, "pfp"), _run(3, "pp"))
    before = _after(tmp_path, _run(4, "ff"))
    damage(tmp_path / "history" / DATABASE)
    assert _after(tmp_path, _run(4, "ff")) == before
    _keep(tmp_path, _run(4, "ff"))
    assert _ids(tmp_path) == ["run0001", "run0002", "run0003", "run0004"]


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    """The files are the truth: what a row says of a file as it was counts no longer."""
    _keep(tmp_path, _run(1), _run(2))
    assert _ids(tmp_path) == ["run0001", "run0002"]
    path = min((tmp_path / "history").glob("*.json"))
    path.write_text(path.read_text().replace('"run0001"', '"run0009"'))
    assert _ids(tmp_path) == ["run0002", "run0009"]


def test_a_database_that_cannot_be_written_is_held_in_memory(tmp_path: Path) -> None:
    """Where a folder lies in its place, the history tells what it holds, and the report says why that took longer."""
    _keep(tmp_path, _run(1), _run(2, "pf"))
    folder = tmp_path / "history"
    (folder / DATABASE).unlink()
    (folder / DATABASE).mkdir()
    (folder / store.LOCK).unlink()
    (folder / store.LOCK).mkdir()
    assert _ids(tmp_path) == ["run0001", "run0002"]
    assert [check.key for check in _after(tmp_path, _run(3)).checks] == ["b", "a"]
    (note,) = compare(_run(3), tmp_path).notes
    assert "history/runs.sqlite3 cannot be used (" in note
    assert "which takes longer" in note


def test_a_history_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an artefact of CI the database is used as it is; where it is not up to date, its rows are in memory only."""
    _keep(tmp_path, _run(1), _run(2))
    assert _ids(tmp_path) == ["run0001", "run0002"]
    content = (tmp_path / "history" / DATABASE).read_bytes()
    connect = database._connect

    def read_only(path: Path, _: str) -> sqlite3.Connection:
        return connect(path, "ro")

    monkeypatch.setattr(database, "_connect", read_only)
    with RunDatabase(tmp_path / "history") as runs:
        assert (len(list(runs.entries())), runs.problem) == (2, "")
    _keep(tmp_path, _run(3))
    with RunDatabase(tmp_path / "history") as runs:
        assert len(list(runs.entries())) == 3
        assert "attempt to write a readonly database" in runs.problem
    assert (tmp_path / "history" / DATABASE).read_bytes() == content


def test_a_database_that_another_program_locks_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is never given back costs the wait and no past run."""
    monkeypatch.setattr(store, "WAIT", 0.1)
    _keep(tmp_path, _run(1), _run(2))
    with contextlib.closing(sqlite3.connect(tmp_path / "history" / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with RunDatabase(tmp_path / "history") as runs:
            assert sorted(entry.id for entry in runs.entries()) == ["run0001", "run0002"]
            assert "database is locked" in runs.problem
    assert _ids(tmp_path) == ["run0001", "run0002"]


def test_a_file_that_is_no_run_is_opened_once_and_passed_over(tmp_path: Path, monkeypatch: Any) -> None:
    """Rubbish with the name of a run stands in the database as such: it hides nothing and is not read again."""
    _keep(tmp_path, _run(1))
    odd = tmp_path / "history" / "20260101T000000.000000Z-odd.json"
    odd.write_text("[]")
    assert _ids(tmp_path) == ["run0001"]
    monkeypatch.setattr(store, "read_document", lambda path: pytest.fail(f"{path} was opened"))
    assert _ids(tmp_path) == ["run0001"]


def test_retention_holds_for_files_and_rows(tmp_path: Path) -> None:
    """Runs that were dropped are in no report; the database does not grow for ever, and a page made of a run goes with it."""
    _keep(tmp_path, _run(1), limit=3)
    page = next((tmp_path / "history").glob("*.json")).with_suffix(".html")
    page.write_text("a page")
    _keep(tmp_path, *(_run(n) for n in range(2, 75)), limit=3)
    assert _ids(tmp_path) == ["run0072", "run0073", "run0074"]
    assert len(list((tmp_path / "history").glob("*.json"))) == 3
    assert (tmp_path / "history" / DATABASE).stat().st_size < 65_536
    assert not page.exists()


def test_a_run_removed_by_hand_is_forgotten(tmp_path: Path) -> None:
    """The files are what counts: without its file a run is in no history."""
    _keep(tmp_path, *(_run(n) for n in range(1, 5)))
    sorted((tmp_path / "history").glob("*.json"))[1].unlink()
    assert _ids(tmp_path) == ["run0001", "run0003", "run0004"]


def _many(folder: str, worker: int) -> None:
    for number in range(8):
        run = _run(worker * 100 + number, "pfpf"[: worker + 1])
        store.keep(compare(run, Path(folder)), Path(folder), 500)


def test_runs_that_end_at_once_lose_no_run(tmp_path: Path) -> None:
    """Four processes with plans of their own write 32 runs: each is in the database, once and whole."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(str(tmp_path), worker)) for worker in range(4)]
    for process in workers:
        process.start()
    for process in workers:
        process.join(60)
    assert [process.exitcode for process in workers] == [0] * 4
    assert _ids(tmp_path) == sorted(f"run{worker * 100 + number:04d}" for worker in range(4) for number in range(8))
    with contextlib.closing(sqlite3.connect(tmp_path / "history" / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (32,)
        assert connection.execute("SELECT count(*) FROM names").fetchone() == (4,)
