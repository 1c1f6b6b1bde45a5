"""The page over all runs: one pass over the index, bounded whatever the history holds, harmless, and readable by all."""

from __future__ import annotations

import datetime as dt
import re
import tracemalloc
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import pytest

from readiness.cli.report import main
from readiness.results import render
from readiness.results.history import database, store
from readiness.results.history.all_runs import GROUPS, POINTS, RECENT, WEEKS, DayOfRuns, first_day, overview
from readiness.results.history.store import HistoryEntry, names_digest
from readiness.results.render.page import runs as runs_page
from readiness.results.verdict.verdict import Status
from readiness.session.conclusion import Conclusion
from tests.helpers.browser import chromium
from tests.results.report.factory import judged, report, run_info
from tests.results.report.scenes import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from readiness.results.report import Report

DAY = 86_400.0
NAMES: Final = [f"check-{n:03d}" for n in range(150)]
STATUSES = ("READY", "CONDITIONAL", "READY", "INCOMPLETE", "READY", "NOT READY")


def _entry(number: int, **more: Any) -> HistoryEntry:
    """The line of a run, four a day."""
    started = 1_700_000_000.0 + number * DAY / 4
    stamp = f"{dt.datetime.fromtimestamp(started, dt.UTC):%Y%m%dT%H%M%S.%f}Z"
    status = STATUSES[number % len(STATUSES)]
    values: dict[str, Any] = {
        "file": f"{stamp}-run{number:06d}.json", "target": "https://hub.example.com", "environment": "production",
        "selection": "health", "demo": False, "status": status, "decision": "KEEP", "id": f"run{number:06d}",
        "started": started, "finished": started + 2, "score": 90.0 + number % 7, "headline": 90.0 + number % 7,
        "p95_ms": 12.5, "plan_hash": "8f2c", "versions": {"hub": "4.3.0"}, "names": names_digest(NAMES), "outcomes": "p" * 150,
    }  # fmt: skip
    return HistoryEntry(**values | more)


def _fill(directory: Path, entries: list[HistoryEntry]) -> database.RunDatabase:
    """A history of these lines, with an empty file for each run."""
    folder = directory / "history"
    folder.mkdir(parents=True)
    rows = {entry.file: database.entry_row(entry, NAMES) for entry in entries}
    for file in rows:
        (folder / file).touch()
    with mock.patch.object(database, "read_row", lambda _, file: rows[file]):
        return database.RunDatabase(folder)


def _page(directory: Path) -> str:
    return runs_page.write(directory).read_text(encoding="utf-8")


def test_ten_thousand_runs_are_seen_in_one_pass(tmp_path: Path) -> None:
    """All are counted, the last ones listed, older ones summed up by day and month, and little is held for it."""
    index = _fill(tmp_path, [_entry(n) for n in range(10_000)])
    tracemalloc.start()
    found = overview(index)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 3 * 2**20
    assert (found.runs, len(found.recent), found.recent[0].id) == (10_000, RECENT, "run009999")
    assert [entry.id for entry in found.recent] == sorted((entry.id for entry in found.recent), reverse=True)
    assert [(group.runs, len(group.points)) for group in found.groups] == [(10_000, POINTS)]
    last = max(found.days)
    assert min(found.days) == first_day(last)
    assert len(found.days) == (WEEKS - 1) * 7 + last.weekday() + 1
    assert sum(day.runs for day in (*found.days.values(), *found.months.values())) == 10_000
    page = _page(tmp_path)
    assert len(page) < 200_000
    assert page.count("<tr") == RECENT + 1 + len(found.months) + 1


def test_a_day_shows_its_worst_verdict() -> None:
    """NOT READY is worse than INCOMPLETE, which is worse than CONDITIONAL; runs and the lowest score are counted."""
    day = DayOfRuns(worst="READY")
    for status, score in (("READY", 100.0), ("NOT READY", 74.9), ("INCOMPLETE", 60.0), ("CONDITIONAL", 89.9)):
        day.add(_entry(1, status=status, headline=score))
    assert (day.worst, day.runs, day.ready, day.low) == ("NOT READY", 4, 1, 60.0)


def test_targets_beyond_a_number_are_counted(tmp_path: Path) -> None:
    """Many targets do not make the page or its memory grow: those asked last are drawn, the others counted."""
    index = _fill(tmp_path, [_entry(n, target=f"https://hub{n}.example.com") for n in range(300)])
    found = overview(index)
    assert (len(found.groups), found.left_out) == (GROUPS, 300 - GROUPS)
    assert found.groups[0].last.target == "https://hub299.example.com"


def test_an_empty_history_says_what_to_do(tmp_path: Path) -> None:
    """Without a run the page names the command that makes the first."""
    assert "No run has been kept yet: <code>pytest -m health</code>" in _page(tmp_path)


def test_a_run_is_linked_to_its_page_or_its_document(tmp_path: Path, capsys: Any) -> None:
    """The last run to its page on top, one that was rendered again to that, any other to its JSON; every link leads somewhere."""
    runs = [report(run=run_info(number)) for number in (1, 2, 3)]
    paths = [store.keep(run, tmp_path, 10) for run in runs]
    render.write_all(runs[2], tmp_path)
    assert main(["run0002", "--readiness-report", str(tmp_path), "--output", str(paths[1].with_suffix(".html"))]) == 0
    assert main(["--index", "--readiness-report", str(tmp_path)]) == 0
    written = tmp_path / "history" / "index.html"
    assert capsys.readouterr().out.endswith(f"{written}\n")
    links = re.findall(r'href="([^"#]+)"', written.read_text())
    assert links == [
        "../readiness.html",
        paths[2].name,
        paths[1].with_suffix(".html").name,
        paths[1].name,
        paths[0].name,
    ]
    assert all((written.parent / link).is_file() for link in links)


def test_each_run_keeps_a_page_up_to_date_that_somebody_asked_for(tmp_path: Path) -> None:
    """Nobody pays for a page that nobody wants; once it is there, the next run is on it."""

    def end(number: int) -> list[str]:
        ended = Conclusion(
            report=report(run=run_info(number)), status=Status.READY, exit_code=0, trouble=(), directory=tmp_path,
            formats=("json",), keep=10,
        )  # fmt: skip
        ended.write(junit=None)
        return ended.problems

    assert end(1) == []
    assert not (tmp_path / "history" / "index.html").exists()
    assert "run0001" in _page(tmp_path)
    assert end(2) == []
    assert "run0002" in (tmp_path / "history" / "index.html").read_text()
    for number in range(2_000):
        (tmp_path / "history" / f"20000101T000000.{number:06d}Z-old.json").touch()
    assert not store.page_wanted(tmp_path), "a long history would hold each run up"


def _hostile() -> Report:
    settings = {"environment": "staging"}
    return report(
        [judged("a")], run=run_info(2, id=HOSTILE, selection=HOSTILE, versions={"hub": HOSTILE}), settings=settings
    )


def test_what_a_run_says_of_itself_is_escaped(tmp_path: Path) -> None:
    """Markup, escapes and overrides in an id, a version or a selection stand on the page as text."""
    store.keep(_hostile(), tmp_path, 10)
    page = _page(tmp_path)
    assert "<img src=x" not in page
    assert "<script" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert not set(page) & {"\x1b", "\u202e", "\u200b", "\x00"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(scheme: Any, browser: Browser, tmp_path: Path) -> None:
    """Axe finds no fault, nothing is asked for or complained about, nothing sticks out at 360 px, wide or on paper."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    _fill(tmp_path, [_entry(n, selection=("health", "e2e", "x" * 150)[n % 3]) for n in range(48)])
    store.keep(_hostile(), tmp_path, 10_000)
    file = runs_page.write(tmp_path)
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    try:
        seen: list[str] = []
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url) if request.url != file.as_uri() else None)
        page.goto(file.as_uri(), timeout=20_000)
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(over) == 0
        found = axe.run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found] == []
        page.set_viewport_size({"width": 1920, "height": 900})
        assert page.evaluate(over) == 0
        page.emulate_media(media="print")
        assert page.evaluate(over) == 0
        assert seen == []
    finally:
        page.close()
