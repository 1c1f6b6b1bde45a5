"""What the history costs: `python benchmarks/history.py [RUNS]` makes that many runs and prints times and memory.

Runs are written as the tool writes them, but for the flush to disk; every figure is from one process, the memory is what
Python allocated at the most. The database is read, and the page is made of it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness.findings import Outcome
from readiness.results.history import database, store
from readiness.results.history.all_runs import overview
from readiness.results.history.comparison import compare
from readiness.results.history.store import entry_of
from readiness.results.render.page import runs as runs_page
from readiness.results.report import to_json
from readiness.results.verdict.verdict import Decision, Status
from tests.results.report.factory import judged, report, run_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.results.report import Report

CHECKS = 150
DECISIONS = {
    Status.READY: Decision.KEEP,
    Status.CONDITIONAL: Decision.KEEP_AND_WATCH,
    Status.NOT_READY: Decision.HOLD,
    Status.INCOMPLETE: Decision.HOLD,
}


def a_run(number: int, chance: random.Random) -> Report:
    """Run `number` of `CHECKS` checks, one in twelve of them not READY."""
    status = chance.choices(list(Status), [11, 2, 1, 1])[0]
    bad = {Status.READY: 0, Status.CONDITIONAL: 3, Status.NOT_READY: 20, Status.INCOMPLETE: 30}[status]
    outcome = Outcome.UNKNOWN if status is Status.INCOMPLETE else Outcome.FAILED
    rows = [
        judged(f"a-check-with-a-name-{i}", outcome if i < bad else Outcome.PASSED, 100 / CHECKS if i < bad else 0)
        for i in range(CHECKS)
    ]
    rows.append(judged("api-answers-fast", actual=f"{chance.uniform(2, 80):.1f}", unit="ms"))
    info = run_info(0, id=f"run{number:06d}", started=1_750_000_000.0 + number * 3301, selection=chance.choice(("health", "health", "e2e")))  # fmt: skip
    return report(rows, status, DECISIONS[status], run=info)


def fill(folder: Path, runs: int) -> None:
    """A database of `runs` runs, and a file for each: empty, so that a benchmark of 10,000 takes no gigabyte."""
    chance = random.Random(7)
    rows = {}
    for number in range(runs):
        run = a_run(number, chance)
        name = store.file_name(run)
        rows[name] = database.entry_row(*entry_of(name, run))
        (folder / name).touch()
    with mock.patch.object(database, "read_row", lambda _, file: rows[file]), database.RunDatabase(folder) as filled:
        assert not filled.problem


def looked_through(folder: Path) -> None:
    """Open the database and make an overview of it."""
    with database.RunDatabase(folder) as runs:
        overview(runs)


def measured(name: str, act: Callable[[], object]) -> None:
    """Print the best of three times, and the memory at the most of a fourth."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    tracemalloc.start()
    act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    sys.stdout.write(f"  {name:<44} {min(times) * 1000:8.1f} ms   {peak / 2**20:6.2f} MiB\n")


def main() -> None:
    """Measure a tenth of the runs and all of them."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for number in (runs // 10, runs):
        with tempfile.TemporaryDirectory() as place:
            directory = Path(place)
            folder = directory / store.FOLDER
            folder.mkdir()
            fill(folder, number)
            size = (folder / database.DATABASE).stat().st_size
            sys.stdout.write(f"{number:,} runs of {CHECKS} checks, database of {size / 2**20:.1f} MiB\n")
            run = a_run(number + 1, random.Random(1))
            measured("compare a run with those before it", lambda: compare(run, directory))  # noqa: B023 - called at once
            measured("keep it", lambda: store.keep(run, directory, 10 * number))  # noqa: B023
            measured("its document, for comparison", lambda: to_json(run))  # noqa: B023
            measured("look through the database", lambda: looked_through(folder))  # noqa: B023
            measured("write index.html", lambda: runs_page.write(directory))  # noqa: B023


if __name__ == "__main__":
    main()
