"""The history: comparable runs compared, damaged files passed over, replaced whole, bounded in number."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from readiness.errors import ReadinessError
from readiness.findings import Outcome, Severity
from readiness.results import render
from readiness.results.history import RunMarker, newer_than, store, told_of
from readiness.results.history.comparison import compare
from readiness.results.report import to_json
from readiness.results.verdict.verdict import CategoryScore, Status
from readiness.support import locks
from tests.results.report.factory import judged, report, run_info

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.results.report import Report

P, F, U, W, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.WAIVED, Outcome.NOT_APPLICABLE


def _run(number: int, outcomes: dict[str, Outcome], *, plan: str = "same", **more: Any) -> Report:
    """A run of equal checks in one category, with the exact score that scoring gives them."""
    counted = [outcome for outcome in outcomes.values() if outcome is not N]
    score = sum((100 * o.worth / len(counted) for o in counted), start=Fraction(0))
    rows = [judged(name, outcome, 0, severity=Severity.HIGH) for name, outcome in outcomes.items()]
    category = CategoryScore(name="health/health", score=score, weight=Fraction(1))
    about = {"score": score, "headline": score, "best_case": score, "categories": (category,)}
    return report(rows, Status.CONDITIONAL, about=about, run=run_info(number, plan_hash=plan), **more)


def test_the_same_plan_subtracts(tmp_path: Path) -> None:
    """What changed between two runs of one plan is named, and the scores subtract."""
    store.keep(_run(1, {"a": P, "b": F, "c": P, "d": F}), tmp_path, 10)
    found = compare(_run(2, {"a": F, "b": P, "c": U, "d": F}), tmp_path).comparison
    assert found is not None
    assert (found.previous, found.same_plan, found.score_change, found.plan_change) == ("run0001", True, -25.0, 0.0)
    assert (found.newly_failing, found.newly_unknown, found.fixed) == (("a",), ("c",), ("b",))
    assert [name for name, _ in found.still_failing] == ["d"]


def test_still_failing_keeps_the_first_date(tmp_path: Path) -> None:
    """Through several runs, and through a waiver, the date is that of the first failure."""
    first = _run(1, {"a": F, "b": P})
    for number, outcome in ((1, F), (2, F), (3, W)):
        store.keep(compare(_run(number, {"a": outcome, "b": P}), tmp_path), tmp_path, 10)
    found = compare(_run(4, {"a": F, "b": P}), tmp_path).comparison
    assert found is not None
    assert found.still_failing == (("a", to_json(first)["run"]["started"]),)


def test_a_changed_plan_is_told_apart_from_changed_outcomes(tmp_path: Path) -> None:
    """A check added failing costs by the plan; a common check that fails costs by its outcome."""
    store.keep(_run(1, {"a": P, "b": P, "gone": P}), tmp_path, 10)
    found = compare(_run(2, {"a": F, "b": P, "new": F, "new2": P}, plan="other"), tmp_path).comparison
    assert found is not None
    assert (found.same_plan, found.score_change) == (False, -50.0)
    assert (found.outcome_change, found.plan_change) == (-25.0, -25.0)
    assert (found.added, found.removed, found.newly_failing) == (("new", "new2"), ("gone",), ("a",))


def test_a_check_declared_away_is_a_change_of_the_plan(tmp_path: Path) -> None:
    """A failed check that becomes not applicable raises the score by the plan alone, and counts as no fix."""
    store.keep(_run(1, {"a": P, "b": F}), tmp_path, 10)
    found = compare(_run(2, {"a": P, "b": N}, plan="other"), tmp_path).comparison
    assert found is not None
    assert (found.outcome_change, found.plan_change, found.replanned, found.fixed) == (0.0, 50.0, ("b",), ())


def test_instances_are_compared_one_by_one(tmp_path: Path) -> None:
    """The instance that fails anew is named; its sibling is not."""
    before = report([judged("disk", P, instance="web1"), judged("disk", F, 50, instance="web2")], run=run_info(1))
    store.keep(before, tmp_path, 10)
    now = report([judged("disk", F, 50, instance="web1"), judged("disk", F, 50, instance="web2")], run=run_info(2))
    found = compare(now, tmp_path).comparison
    assert found is not None
    assert (found.newly_failing, [n for n, _ in found.still_failing]) == (("disk[web1]",), ["disk[web2]"])


@pytest.mark.parametrize(
    "other",
    [
        {"settings": {"environment": "staging"}},
        {"settings": {"demo": True}},
        {"run": run_info(1, selection="e2e")},
        {"run": run_info(9)},
    ],
    ids=["environment", "demo", "selection", "started-later"],
)
def test_only_comparable_runs_are_compared(tmp_path: Path, other: dict[str, Any]) -> None:
    """Another environment, target, selection or a later start is never the run before."""
    store.keep(report(**{"run": run_info(1)} | other), tmp_path, 10)
    assert compare(report(run=run_info(2)), tmp_path).comparison is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"run": 3}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"run": {"started": 5}}',
        None,
        "folder",
        "pipe",
    ],
)
def test_damaged_and_foreign_files_are_passed_over(tmp_path: Path, content: bytes | str | None) -> None:
    """Whatever lies in the history with a run's name, the good run behind it is found, without waiting."""
    store.keep(_run(1, {"a": P}), tmp_path, 10)
    odd = tmp_path / "history" / "20990101T000000.000000Z-odd.json"
    if content == "folder":
        odd.mkdir()
    elif content == "pipe":
        os.mkfifo(odd)
    elif content is None:
        odd.symlink_to("/dev/zero")
    else:
        odd.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = compare(_run(2, {"a": F}), tmp_path).comparison
    assert found is not None
    assert found.previous == "run0001"


def test_a_run_with_damaged_findings_is_not_compared(tmp_path: Path) -> None:
    """A document whose head is right and whose findings are not leaves the report as it was."""
    path = store.keep(_run(1, {"a": P}), tmp_path, 10)
    document = json.loads(path.read_text())
    document["findings"] = [{"check": "a"}]
    path.write_text(json.dumps(document))
    assert compare(_run(2, {"a": F}), tmp_path).comparison is None


def test_the_history_is_bounded_and_leaves_strangers_alone(tmp_path: Path) -> None:
    """Only the newest runs stay; a file of another name is never removed."""
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "notes.json").write_text("mine")
    for number in range(1, 7):
        store.keep(_run(number, {"a": P}), tmp_path, 3)
    names = sorted(path.name for path in (tmp_path / "history").glob("*.json"))
    assert [name[-12:] for name in names] == ["run0004.json", "run0005.json", "run0006.json", "notes.json"[-12:]]


def test_an_id_cannot_leave_the_history(tmp_path: Path) -> None:
    """A run's id with separators in it becomes a plain file name."""
    path = store.keep(report(run=run_info(1, id="../../etc/passwd\n")), tmp_path, 5)
    assert path.parent == tmp_path / "history"
    assert path.is_file()


def test_the_run_that_started_last_stays_on_top(tmp_path: Path) -> None:
    """An earlier run that ends later writes nothing; its own later writing and a newer run do."""
    assert len(render.write_all(report(run=run_info(2)), tmp_path)) == 2
    assert render.write_all(report(run=run_info(1)), tmp_path) == []
    assert json.loads((tmp_path / "readiness.json").read_text())["run"]["id"] == "run0002"
    assert len(render.write_all(report(run=run_info(2)), tmp_path)) == 2
    assert len(render.write_all(report(run=run_info(3)), tmp_path)) == 2
    assert "run0003" in (tmp_path / "readiness.html").read_text()


def test_a_clock_that_was_wrong_does_not_stay_on_top_for_ever(tmp_path: Path) -> None:
    """A recorded start in the future is taken for a wrong clock, and damaged marks for none."""
    render.write_all(report(run=run_info(1, started=time.time() + 1e6)), tmp_path)
    assert render.write_all(report(run=run_info(2)), tmp_path) != []
    (tmp_path / render.LOCK).write_text("{damaged")
    assert render.write_all(report(run=run_info(1)), tmp_path) != []


def test_many_runs_at_once_leave_the_last_one_whole(tmp_path: Path) -> None:
    """Of runs writing at the same time the one that started last ends on top, and both files are its own."""
    runs = [report(run=run_info(number)) for number in range(1, 9)]
    threads = [threading.Thread(target=render.write_all, args=(run, tmp_path)) for run in reversed(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert json.loads((tmp_path / "readiness.json").read_text())["run"]["id"] == "run0008"
    assert "run0008" in (tmp_path / "readiness.html").read_text()
    assert list(tmp_path.glob(".*.tmp")) == []


def test_a_held_lock_is_waited_for_only_so_long(tmp_path: Path) -> None:
    """A lock that another run never gives back costs the wait and no report."""
    with locks.locked(tmp_path / "lock", 1) as mine:
        began = time.monotonic()
        with locks.locked(tmp_path / "lock", 0.1) as theirs:
            assert (mine, theirs) == (True, False)
        assert time.monotonic() - began < 2


def test_a_file_in_the_way_is_said_so(tmp_path: Path) -> None:
    """Where the report folder is a file, the error names it for an operator."""
    (tmp_path / "reports").write_text("")
    for write in (lambda d: render.write_all(report(), d), lambda d: store.keep(report(), d, 5)):
        with pytest.raises(ReadinessError, match="a file is in the way"):
            write(tmp_path / "reports")


def test_a_full_disk_leaves_the_old_report_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When flushing fails the old file stays whole, nothing temporary is left, and the text says why."""
    render.write_all(report(run=run_info(1)), tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReadinessError, match=r"cannot write .*readiness\.json: No space left on device"):
        render.write_all(report(run=run_info(2)), tmp_path)
    assert json.loads((tmp_path / "readiness.json").read_text())["run"]["id"] == "run0001"
    assert list(tmp_path.glob(".*.tmp")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_said_so(tmp_path: Path) -> None:
    """A read-only folder gives the reason in words."""
    tmp_path.chmod(0o500)
    with pytest.raises(ReadinessError, match="Permission denied"):
        render.write_all(report(), tmp_path)


def test_an_unknown_format_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    """One bad format costs no other report."""
    with pytest.raises(ReadinessError, match="'pdf' is not known; valid: json, html"):
        render.write_all(report(), tmp_path, ("pdf", "json"))
    assert (tmp_path / "readiness.json").is_file()


def test_a_link_laid_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    """A symbolic link named like the report is replaced; what it leads to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "readiness.json").symlink_to(victim)
    render.write_all(report(), tmp_path)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "readiness.json").is_symlink()


def test_leftovers_of_killed_runs_are_swept(tmp_path: Path) -> None:
    """An old temporary file goes, a fresh one may be another run's and stays."""
    folder = tmp_path / "history"
    folder.mkdir()
    for name, age in ((".old.json.1.ab.tmp", 7200), (".new.json.1.ab.tmp", 0)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    store.keep(report([judged("a", severity=Severity.LOW)]), tmp_path, 5)
    assert [path.name for path in folder.glob(".*.tmp")] == [".new.json.1.ab.tmp"]


def test_a_copy_of_a_run_does_not_keep_it_alive(tmp_path: Path) -> None:
    """A check forks, and the run is killed: the copy that lives on holds no lock, and the run has left no report."""
    ready, told = os.pipe()
    run = os.fork()
    if not run:
        RunMarker(tmp_path, "dead", started=time.time(), selection="health")
        copy = os.fork()
        if copy:
            os.write(told, str(copy).encode())
        time.sleep(60)
        os._exit(0)
    copy = int(os.read(ready, 32))
    try:
        assert newer_than(tmp_path, 0.0) is None
        os.kill(run, signal.SIGKILL)
        os.waitpid(run, 0)
        dead = newer_than(tmp_path, 0.0)
        assert dead is not None
        assert dead.id == "dead"
    finally:
        os.kill(copy, signal.SIGKILL)


@pytest.mark.parametrize("told", ["NaN", "1e999", "-5", "1", "true", "1e17", "null", '"x"'])
def test_a_marker_that_names_no_moment_of_its_own_is_as_old_as_its_file(tmp_path: Path, told: str) -> None:
    """Whatever it says of its beginning, and whatever a wrong clock wrote into the report: the run left none since."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "x.run").write_text(f'{{"run": "x", "started": {told}}}')
    for started in (time.time() - 60, time.time() + 50):
        run = newer_than(tmp_path, started)
        assert run is not None
        assert "left no report" in told_of(run)


def test_where_there_is_no_room_for_a_marker_the_report_on_top_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without an inode left: nobody could know of the run, so that nothing is known, and no READY from before."""
    (tmp_path / "readiness.json").write_text("{}")
    really = os.open

    def full(path: Any, *arguments: Any, **keywords: Any) -> int:
        if str(path).endswith(".run"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", full)
    marker = RunMarker(tmp_path, "full", started=time.time(), selection="health")
    assert marker.problem == "No space left on device"
    marker.end(is_reported=False)
    assert not (tmp_path / "readiness.json").exists()
