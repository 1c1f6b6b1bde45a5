"""Speed of going back: a bad deploy on the embedded hub, from its failed verdict to the end, in mode auto.

    PYTHONPATH=. python benchmarks/rollback.py          about a minute
    PYTHONPATH=. python benchmarks/rollback.py 9        so many times instead of five

Prints what lies between the failed verdict and the first instruction of the action (goal: under 1 s), what the rollback costs
beyond the action and the verifying run (goal: under 2 s), and the whole bad deploy from its record to the outcome (goal: under
20 s); beside each the same as a multiple of an interpreter's bare start, measured in turn with it, so that a busy machine shows.
Nothing here fails, since a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.operations.deploys import journal
from tests.operations.rollback.test_run import ASK, Supervised

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS: Final = 5
GOALS: Final = {"to_action": 1.0, "beyond": 2.0, "whole": 20.0}
WORDS: Final = {
    "to_action": "from the failed verdict to the action's first instruction",
    "beyond": "beyond the action and the verifying run",
    "whole": "the whole, from the deploy's record to the outcome",
}
STAMP: Final = "import pathlib, time\npathlib.Path({file!r}).write_text(str(time.time()))\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds of one rollback; `bare` is an interpreter's start just before it."""

    to_action: float
    beyond: float
    whole: float
    bare: float


def once(folder: Path) -> Took:
    """Deploy badly, judge, roll back, verify. Raises RuntimeError where that did not end as it should."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, timeout=60)
    bare = time.perf_counter() - began
    site = Supervised(folder)
    try:
        stamp = folder / "began"
        (folder / "ask.py").write_text(STAMP.format(file=str(stamp)) + ASK.format(folder=str(folder), extra=""))
        deployed = time.time()
        site.deployed("server-down")
        done = site.call("check", "-m", "health", "-q")
        ended = time.time()
        if "ROLLED_BACK_VERIFIED" not in done.stdout:
            raise RuntimeError(done.stdout + done.stderr)
        return _took(site.state, deployed, float(stamp.read_text()), ended, bare)
    finally:
        site.end()


def _took(state: journal.State, deployed: float, acted: float, ended: float, bare: float) -> Took:
    verdict = dt.datetime.fromisoformat(state.plan["run"]["finished"]).timestamp()
    at = {kind: float(state.first(kind)["at"]) for kind in journal.KINDS if state.first(kind)}
    action = at[journal.ENDED] - at[journal.STARTED]
    verifying = at[journal.VERIFIED] - at[journal.VERIFY]
    return Took(
        to_action=acted - verdict, beyond=ended - verdict - action - verifying, whole=ended - deployed, bare=bare
    )


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    count = int(argv[0]) if argv else RUNS
    found = []
    for _ in range(count):
        with tempfile.TemporaryDirectory(prefix="readiness-bench-") as name:
            found.append(once(Path(name).resolve()))
    sys.stdout.write(f"{count} bad deploys of the embedded hub, each rolled back and verified in mode auto\n")
    for name, words in WORDS.items():
        seconds = [getattr(one, name) for one in found]
        ratio = statistics.median(getattr(one, name) / one.bare for one in found)
        sys.stdout.write(
            f"{words}: {statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), goal {GOALS[name]:g} s; "
            f"{ratio:.1f} x an interpreter's start\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
