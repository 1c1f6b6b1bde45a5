"""Speed, as ratios measured in one run: pairs are interleaved, so that a machine whose speed drifts does no harm.

    python benchmarks/run.py                 all of them, about three minutes
    python benchmarks/run.py health modules  the named ones: unrelated, health, modules, trivial
    python benchmarks/run.py --runs 1        so many pairs each, to see that they still run

unrelated  what the plugin costs a suite that is none of its business, and what the plugins cost that come with it
health     `readiness check -m health` with its reports against a bare pytest that makes 8 GETs, on the embedded hub and,
           where `make hub` has installed it, on the real one
modules    how many modules of this package a run loads
trivial    10,000 checks that do nothing

Every figure is the median of the pairs' ratios, with the range beside it. Nothing here fails: limits are goals, printed beside the
figure, and a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from readiness import demo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""The environment in which pytest loads no plugin by itself."""
VERDICTS = frozenset({0, 1, 5, 10, 12})

REFERENCE = """
import os
import httpx
import pytest

PATHS = ["/api/health", "/api/servers", "/api/tools", "/api/filtering/stats",
         "/api/config", "/api/workspaces", "/api/health", "/api/tools"]

@pytest.fixture(scope="session")
def client():
    with httpx.Client(base_url=os.environ["MCP_HUB_URL"], timeout=5) as client:
        yield client

@pytest.mark.parametrize("path", PATHS)
def test_get(client, path):
    assert client.get(path).status_code < 500
"""

UNRELATED = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_trivial(number):
    assert number >= 0
"""

TRIVIAL_CHECKS = """
import pytest
from readiness import check
pytestmark = pytest.mark.health

def _make(n):
    @check(f"trivial-{n}", severity="low")
    def test_trivial():
        assert True
    return test_trivial

for _n in range(10_000):
    globals()[f"test_trivial_{_n}"] = _make(_n)
"""

COUNTER = """
import atexit, sys

def _count():
    found = [name for name in sys.modules if name == "readiness" or name.startswith("readiness.")]
    print("MODULES", len(found), file=sys.__stdout__, flush=True)

atexit.register(_count)
"""

DECLARED = """
environment = "local"
[target]
url = "{url}"
release = "{release}"
version = "4.3.0"
[expect]
servers = ["everything", "memory"]
filtering = true
llm = true
config_api = true
tools_api = true
[limits.hub-stays-up]
critical = 0
"""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one process and those it waited for took: seconds, and MiB at the peak of the first."""

    wall: float
    cpu: float
    memory: float


def run(command: list[str], *, cwd: Path, statuses: frozenset[int], **environment: str) -> tuple[str, Cost]:
    """Run to the end; what it printed and what it cost. Exits where it ended with another status than one of `statuses`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MCP_HUB", "READINESS"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=env | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        output = (process.stdout.read() if process.stdout else b"").decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode not in statuses:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output[-3000:]}")
    scale = 1024 if sys.platform.startswith("linux") else 1024 * 1024
    return output, Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def timed(
    command: list[str], *, cwd: Path, any_verdict: bool = False, **environment: str
) -> tuple[float, float, float]:
    """As `run`: wall seconds, CPU seconds, peak MiB of the process. `any_verdict`: one that is not READY will do."""
    cost = run(command, cwd=cwd, statuses=VERDICTS if any_verdict else frozenset({0, 10}), **environment)[1]
    return cost.wall, cost.cpu, cost.memory


def pairs(name: str, one: Callable[[], Cost], other: Callable[[], Cost], runs: int, **goals: str) -> None:
    """Print the median ratios of interleaved pairs, for each of `goals`: wall or cpu."""
    one(), other()  # warm: bytecode, file cache
    measured = [(one(), other()) for _ in range(runs)]
    print(f"{name} ({runs} pairs)")
    for what, goal in goals.items():
        ratios = sorted(getattr(a, what) / getattr(b, what) for a, b in measured)
        a, b = (statistics.median(getattr(cost, what) for cost in column) for column in zip(*measured, strict=True))
        print(f"    {what:<4} {statistics.median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f}; "
              f"{a:.3f} s against {b:.3f} s; goal {goal})", flush=True)  # fmt: skip


def _dependencies_plugins() -> list[str]:
    """`-p` options for the pytest plugins of this package's own dependencies, itself among them."""
    own = {"mcp-hub-readiness", "locust", "pytest-html", "pytest-metadata", "pytest-xdist", "pytest-testinfra", "anyio"}
    found = [p for p in importlib.metadata.entry_points(group="pytest11") if p.dist is not None and p.dist.name in own]
    return [part for plugin in found for part in ("-p", plugin.name)]


def unrelated(folder: Path, runs: int | None) -> None:
    """20 trivial tests with the plugin and without it, and with all plugins that come with it."""
    (folder / "test_unrelated.py").write_text(UNRELATED)

    def cost(*options: str, **environment: str) -> Callable[[], Cost]:
        return lambda: run([*PYTEST, *options, "."], cwd=folder, statuses=frozenset({0}), **environment)[1]

    pairs(
        "20 unrelated tests, with the plugin / without it",
        cost(), cost("-p", "no:readiness.plugin"), runs or 15, cpu="<= 1.05",
    )  # fmt: skip
    pairs(
        "20 unrelated tests, with every plugin that our dependencies bring / none",
        cost(*_dependencies_plugins(), **ALONE), cost(**ALONE), runs or 15, cpu="see docs/install.md",
    )  # fmt: skip


@contextlib.contextmanager
def _embedded_hub(folder: Path) -> Iterator[str]:
    """The embedded hub, declared in a readiness.toml; its URL."""
    with demo.start() as hub:
        time.sleep(2.5)  # an uptime above a second needs no second look
        (folder / "readiness.toml").write_text(DECLARED.format(url=hub.url, release=hub.release))
        yield hub.url


@contextlib.contextmanager
def _real_hub(folder: Path) -> Iterator[str]:
    """The real hub from npm, declared as an operator of 4.2.1 does; its URL."""
    from tests.real import conftest as real

    hub = real.start(folder / "hub", real.SERVERS, real.free_port())
    try:
        hub.wait_ready()
        time.sleep(2.5)
        real.Judge(folder).configure(hub)
        yield hub.url
    finally:
        hub.stop()


def _real_hub_is_installed() -> bool:
    sys.path.insert(0, str(ROOT))
    from tests.real import conftest as real

    return (real.BIN / "mcp-hub").exists() and real.node() is not None


def health(folder: Path, runs: int | None) -> None:
    """`readiness check -m health` and `pytest -m health` against a bare pytest that does 8 GETs on the same hub."""
    hubs = {"embedded": _embedded_hub} | ({"real": _real_hub} if _real_hub_is_installed() else {})
    for name, hub in hubs.items():
        place = folder / name
        (place / "hub").mkdir(parents=True)
        (place / "reference").mkdir()
        (place / "reference" / "test_reference.py").write_text(REFERENCE)
        with hub(place) as url:
            _health(name, place, url, runs or 9)


def _health(name: str, place: Path, url: str, runs: int) -> None:
    smoke = str(ROOT / "smoke")
    options = ["--readiness-config", str(place / "readiness.toml"), "--readiness-report", str(place / "reports")]
    options += ["-p", "no:cacheprovider", "-m", "health", smoke]

    def ours(*command: str) -> Callable[[], Cost]:
        return lambda: run([sys.executable, "-m", *command, *options], cwd=place, statuses=VERDICTS)[1]

    def bare() -> Cost:
        command = [*PYTEST, "test_reference.py"]
        return run(command, cwd=place / "reference", statuses=frozenset({0}), MCP_HUB_URL=url, **ALONE)[1]

    pairs(
        f"{name} hub: readiness check -m health with reports / 8 GETs in a bare pytest",
        ours("readiness", "check"), bare, runs, wall="<= 1.25", cpu="<= 1.25",
    )  # fmt: skip
    pairs(
        f"{name} hub: pytest -m health with all plugins / 8 GETs in a bare pytest",
        ours("pytest"), bare, runs, wall="none", cpu="none",
    )  # fmt: skip


def modules(folder: Path, _runs: int | None) -> None:
    """Modules of this package in a run of health at a port where nobody answers, and in a collection of something else."""
    (folder / "counter.py").write_text(COUNTER)
    dead, elsewhere = folder / "dead", folder / "elsewhere"
    dead.mkdir()
    (dead / "readiness.toml").write_text('environment = "local"\n[target]\nurl = "http://127.0.0.1:9"\n')
    elsewhere.mkdir()
    (elsewhere / "test_unrelated.py").write_text(UNRELATED)
    for name, goal, cwd, arguments in (
        ("pytest -m health at a dead port", 60, dead, ["-m", "health", str(ROOT / "smoke")]),
        ("pytest --collect-only elsewhere", 6, elsewhere, ["--collect-only"]),
    ):
        command = [*PYTEST, "-p", "counter", *arguments]
        output, _ = run(command, cwd=cwd, statuses=VERDICTS, PYTHONPATH=str(folder))
        count = next(line.split()[1] for line in output.splitlines() if line.startswith("MODULES "))
        print(f"{name}: {count} modules of readiness (goal <= {goal})", flush=True)


def trivial(folder: Path, runs: int | None) -> None:
    """10,000 trivial checks with the plugin, and the same file in pytest without it."""
    (folder / "test_trivial.py").write_text(TRIVIAL_CHECKS)
    (folder / "readiness.toml").write_text('environment = "local"\n[target]\nurl = "http://127.0.0.1:9"\n')
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  check\n  health\n")
    (folder / "nocatalogue.py").write_text(
        "import pathlib\nfrom readiness.session.plan import planning as plan\n"
        "p = pathlib.Path(__file__).with_name('c.json')\np.write_text('{\"checks\": []}')\nplan.CATALOGUE_FILE = p\n"
    )
    memory: dict[str, list[float]] = {"bare": [], "ours": []}

    def cost(name: str, *options: str, **environment: str) -> Callable[[], Cost]:
        def once() -> Cost:
            command = [*PYTEST, "-m", "health", *options, "."]
            found = run(command, cwd=folder, statuses=frozenset({0, 10}), **environment)[1]
            memory[name].append(found.memory)
            return found

        return once

    ours = cost("ours", "-p", "nocatalogue", PYTHONPATH=str(folder))
    bare = cost("bare", "-p", "no:readiness.plugin")
    pairs("10,000 trivial checks / the same without the plugin", ours, bare, runs or 7, cpu="<= 1.15")
    more, without = (statistics.median(memory[name]) for name in ("ours", "bare"))
    print(f"    memory: {more - without:+.1f} MiB ({without:.0f} MiB bare; goal <= 40 MB more)")
    page = folder / "reports" / "readiness.html"
    print(f"    page: {page.stat().st_size / 1e6:.2f} MB (goal <= 2 MB)")


BENCHMARKS = {"unrelated": unrelated, "health": health, "modules": modules, "trivial": trivial}


def main() -> None:
    """Run the named benchmarks, or all."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--runs", type=int, help="pairs of each, instead of its own number")
    given = parser.parse_args()
    for name in given.names or list(BENCHMARKS):
        with tempfile.TemporaryDirectory() as folder:
            BENCHMARKS[name](Path(folder), given.runs)


if __name__ == "__main__":
    main()
