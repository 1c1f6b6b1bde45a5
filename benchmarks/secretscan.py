"""Speed of the search for secrets, as a ratio to `grep -rF -f` over the same files for the same values, in one run.

    python benchmarks/secretscan.py            5,000 files and 200 MB of logs, about a minute
    python benchmarks/secretscan.py 0.1        a tenth of it

Prints the median ratio of interleaved pairs with known values alone (goal: at most 5) and with patterns (at most 10), and the peak
memory of the process that searches (at most 150 MB). Nothing here fails: a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import json
import random
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.config.model import Config, Target
from readiness.facts.secretscan.stream_search import Needles, search_stream
from readiness.facts.secretscan.targets import SecretSearch
from readiness.support import file_streams

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = 5
FILES = 5_000
LOG_BYTES = 200_000_000
LOGS = 8
WORDS = (
    *(
        "request",
        "response",
        "tools",
        "session",
        "server",
        "memory",
        "everything",
        "connected",
        "hub",
        "state",
        "cache",
    ),
    *(
        "filter",
        "prompt",
        "analyze",
        "skip",
        "task-runner",
        "export",
        "function",
        "return",
        "const",
        "await",
        "handler",
    ),
)


def values() -> dict[str, str]:
    """Twelve keys as an env file may hold them."""
    keys = [f"sk-proj-{secrets.token_urlsafe(48)}" for _ in range(4)]
    keys += [f"AIza{secrets.token_urlsafe(26)[:35]}" for _ in range(4)]
    keys += [secrets.token_hex(16) for _ in range(4)]
    return {key: f"the value of KEY_{number}" for number, key in enumerate(keys)}


def tree(folder: Path, scale: float) -> None:
    """Source files of 4 KB, and logs of pino's JSON lines."""
    rng = random.Random(1)
    lines = [" ".join(rng.choices(WORDS, k=9)) + ";\n" for _ in range(500)]
    lines += [f"const {word}Token = process.env.{word.upper()}_API_KEY;\n" for word in WORDS if "-" not in word]
    for number in range(int(FILES * scale)):
        file = folder / "src" / f"{number % 50}" / f"{number}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(rng.choices(lines, k=60)))
    (folder / "logs").mkdir(exist_ok=True)
    block = "".join(entry(rng, number) for number in range(20_000)).encode()
    for number in range(LOGS):
        with (folder / "logs" / f"hub.log.{number}").open("wb") as log:
            written = 0
            while written < LOG_BYTES * scale / LOGS:
                written += log.write(block)


def entry(rng: random.Random, number: int) -> str:
    """One line as the hub logs it: words, a hex id, a time."""
    text = " ".join(rng.choices(WORDS, k=8))
    line = {"level": 30, "time": 1_763_860_000_000 + number, "id": f"{rng.getrandbits(128):032x}", "msg": text}
    return json.dumps(line) + "\n"


def scan(folder: Path, needles: Needles, *, patterns: bool) -> float:
    """Seconds for a search over everything below `folder`."""
    started = time.perf_counter()
    found = 0
    for path in file_streams.walk(folder).files:
        found += len(search_stream(file_streams.pieces(path), needles, patterns=patterns))
    if found:
        raise SystemExit(f"{found} values found where there are none")
    return time.perf_counter() - started


def checks(folder: Path) -> float:
    """Seconds for what the four checks search, guesses at literals in source texts included."""
    started = time.perf_counter()
    places = SecretSearch(Config(target=Target(release=folder, state="state")))
    for found in (places.configuration(), places.tracked(), places.logs(), places.backups()):
        if found.leaks or found.unread:
            raise SystemExit(f"found {found.leaks[:3]}, unread {found.unread[:3]}")
    return time.perf_counter() - started


def grep(folder: Path, patterns: Path, *, found: bool = False) -> float:
    """Seconds for grep over the same."""
    started = time.perf_counter()
    done = subprocess.run(["grep", "-rF", "-f", patterns, folder], capture_output=True, timeout=600, check=False)
    if done.returncode != int(not found):
        raise SystemExit(f"grep ended with {done.returncode}: {done.stderr[-300:]!r}")
    return time.perf_counter() - started


def pairs(name: str, goal: float, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Print the median ratio of interleaved pairs."""
    ours(), theirs()  # warm: the file cache
    measured = [(ours(), theirs()) for _ in range(PAIRS)]
    ratios = sorted(a / b for a, b in measured)
    a, b = (statistics.median(column) for column in zip(*measured, strict=True))
    print(
        f"{name}: {statistics.median(ratios):.2f} x grep ({ratios[0]:.2f} to {ratios[-1]:.2f}; {a:.2f} s against {b:.2f} s; "
        f"{PAIRS} pairs; goal <= {goal:g})",
        flush=True,
    )


def main() -> None:
    """Make the files, measure, print."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    known = values()
    needles = Needles(known)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "release"
        tree(folder, scale)
        listed = Path(name) / "values"
        listed.write_text("\n".join(known) + "\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pairs(
            f"{len(known)} known values in {len(needles.forms)} forms", 5,
            lambda: scan(folder, needles, patterns=False), lambda: grep(folder, listed),
        )  # fmt: skip
        pairs(
            "the same with patterns", 10,
            lambda: scan(folder, needles, patterns=True), lambda: grep(folder, listed),
        )  # fmt: skip
        (folder / ".env.production").write_text("".join(f"{name[13:]}={key}\n" for key, name in known.items()))
        (folder / "config").mkdir()
        (folder / "config" / "mcp-hub.json").write_text("{}\n")
        pairs("the four checks of places", 10, lambda: checks(folder), lambda: grep(folder, listed, found=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {peak / 1024:.0f} MiB at its peak, {before / 1024:.0f} MiB before the search (goal <= 150 MB)")


if __name__ == "__main__":
    main()
