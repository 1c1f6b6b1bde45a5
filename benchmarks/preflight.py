"""Speed of preflight over a large release: the sample release, 5,000 tracked files more and 200 MB of logs.

    python benchmarks/preflight.py              about two minutes
    python benchmarks/preflight.py 0.1          a tenth of it
    python benchmarks/preflight.py 1 profile    where the seconds of everything but the searches go

Static checks only: build, tests and lint are declared away, and no provider answers. Prints what the checks cost over the start of
pytest (goals: at most 2 s without the four searches for secrets; those, which look for patterns as well, at most 10 times `grep -rF -f`
for the same values, see secretscan.py for the values alone), the peak memory (at most 150 MB), and what `-n 2` gains: little,
where xdist gives both long searches to one worker. Runs are interleaved; nothing here fails, since a test that judged time would
fail on a busy machine.
"""

from __future__ import annotations

import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from run import timed
from secretscan import tree, values

from readiness.demo.release import Sample, sample
from readiness.session.invocation import suite_folders

RUNS: Final = 5
SEARCHES: Final = tuple(f"test_no_secret_in_{place}" for place in ("configuration", "tracked_files", "logs", "backups"))
REASON: Final = 'expected = false, reason = "measured are the static checks"'
CONFIG: Final = """
environment = "local"
[target]
url = "http://127.0.0.1:9"
release = "{release}"
version = "4.3.0"
state = "{state}"
unit = "systemd/mcp-hub.service"
scripts = true
[expect]
servers = ["everything", "memory"]
build = {{ {reason} }}
tests = {{ {reason} }}
lint = {{ {reason} }}
[secrets]
resolve = ["{reader}"]
[llm]
base_url.openai = "http://127.0.0.1:9/v1"
[release]
previous = "../releases/4.2.1"
rehearsal = "../rehearsal.json"
"""


def prepared(folder: Path, scale: float) -> tuple[Sample, Path, Path]:
    """The release with the filler in it, its readiness.toml, and the values to look for, one a line."""
    made = sample(folder / "host")
    tree(made.release, scale)
    git = ["git", "-C", str(made.release), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["add", "src"], ["commit", "-qm", "More sources\n\nReviewed-by: B <b@example.com>"]):
        subprocess.run([*git, *words], check=True, timeout=120)
    known = [made.key, *values()]
    with (made.release / ".env.production").open("a") as file:
        file.writelines(f"KEY_{number}={value}\n" for number, value in enumerate(known[1:]))
    listed = folder / "values"
    listed.write_text("\n".join(known) + "\n")
    told = folder / "readiness.toml"
    told.write_text(CONFIG.format(release=made.release, state=made.state, reader=made.reader, reason=REASON))
    return made, told, listed


class Preflight:
    """Runs of `pytest -m preflight` over one release, with what each took."""

    def __init__(self, folder: Path, told: Path) -> None:
        self.folder = folder
        self.options = [
            *("-m", "preflight", "-q", "-p", "no:cacheprovider", "--readiness-config", str(told)),
            *(f"--readiness-report={folder / 'reports'}", str(suite_folders()["preflight"])),
        ]
        self.peak = 0.0
        self.report = folder / "reports" / "readiness.json"

    def run(self, *more: str) -> float:
        """Seconds of one run, whatever its verdict."""
        self.report.unlink(missing_ok=True)
        wall, _, peak = timed([sys.executable, "-m", "pytest", *self.options, *more], cwd=self.folder, any_verdict=True)
        self.peak = max(self.peak, peak)
        return wall

    def slowest(self) -> str:
        """The checks of the last run that took longest, with their seconds."""
        rows = json.loads(self.report.read_text())["findings"]
        rows.sort(key=lambda row: -(row["seconds"] or 0))
        return ", ".join(f"{row['check']} {row['seconds']:.2f}" for row in rows[:8])

    def outcomes(self) -> str:
        """How many findings of the last run had which outcome."""
        found = [row["outcome"] for row in json.loads(self.report.read_text())["findings"]]
        return ", ".join(f"{found.count(name)} {name}" for name in sorted(set(found)))


def grep(release: Path, listed: Path) -> float:
    """Seconds for grep over what git, logs, configuration and backups hold; exits where grep itself failed."""
    started = time.perf_counter()
    command = ["grep", "-rF", "-f", listed, "--exclude-dir=.git", release]
    done = subprocess.run(command, capture_output=True, timeout=600, check=False)
    if done.returncode > 1:
        raise SystemExit(f"grep ended with {done.returncode}: {done.stderr[-300:]!r}")
    return time.perf_counter() - started


def profile(preflight: Preflight) -> None:
    """Print where the time goes that is not spent searching."""
    into = preflight.folder / "profile"
    command = [sys.executable, "-m", "cProfile", "-o", str(into), "-m", "pytest", *preflight.options]
    timed([*command, *ELSE], cwd=preflight.folder, any_verdict=True)
    stats = pstats.Stats(str(into))
    stats.sort_stats("cumulative").print_stats("readiness|preflight", 45)


ELSE: Final = ("-k", " and ".join(f"not {name}" for name in SEARCHES))
NOTHING: Final = ("-k", "no_check_has_this_name")


def main() -> None:
    """Make the files, measure, print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made, told, listed = prepared(folder, scale)
        preflight = Preflight(folder, told)
        if "profile" in sys.argv[2:]:
            profile(preflight)
            return
        preflight.run("-n", "2"), grep(made.release, listed)  # warm: bytecode, file cache
        rows = []
        for _ in range(RUNS):
            start, rest, whole = preflight.run(*NOTHING), preflight.run(*ELSE), preflight.run()
            told_slow, told_all = preflight.slowest(), preflight.outcomes()
            rows.append((start, rest, whole, preflight.run("-n", "2"), grep(made.release, listed)))
    tell(rows, preflight.peak)
    print(f"slowest: {told_slow}\nfindings: {told_all}")


def tell(rows: list[tuple[float, ...]], peak: float) -> None:
    """Print the medians of the rounds."""

    def median(figures: list[float]) -> str:
        return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"

    print(f"start of pytest, nothing selected: {median([row[0] for row in rows])} s")
    print(f"everything but the searches, over start-up: {median([row[1] - row[0] for row in rows])} s (goal <= 2)")
    print(f"the four searches: {median([row[2] - row[1] for row in rows])} s, "
          f"{median([(row[2] - row[1]) / row[4] for row in rows])} x grep (goal <= 10, patterns included)")  # fmt: skip
    print(f"all: {median([row[2] for row in rows])} s; with -n 2: {median([row[3] for row in rows])} s, "
          f"{median([row[2] / row[3] for row in rows])} times as fast")  # fmt: skip
    print(f"memory: {peak:.0f} MiB at the peak of the largest process (goal <= 150 MB)")


if __name__ == "__main__":
    main()
