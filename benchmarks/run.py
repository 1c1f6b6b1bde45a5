"""Speed, as ratios measured in one run: pairs are interleaved, so that a machine whose speed drifts does no harm.

    python benchmarks/run.py            all of them, about two minutes
    python benchmarks/run.py health     the named ones

Every figure is the median of the pairs' ratios, with the range beside it. Nothing here fails: limits are goals, printed beside the
figure, and a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from readiness import demo
from readiness.session.plan.plan import suite_folders

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

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
    assert client.get(path).status_code == 200
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


def timed(
    command: list[str], *, cwd: Path, any_verdict: bool = False, **environment: str
) -> tuple[float, float, float]:
    """Run to the end; wall seconds, CPU seconds, peak MiB of the process. Exits where it failed; a verdict may be one."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MCP_HUB", "READINESS"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, env=env | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        out = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode not in ({0, 1, 5, 10, 12} if any_verdict else {0, 10}):
        raise SystemExit(
            f"{' '.join(command)} ended with {process.returncode}:\n{out.decode(errors='replace')[-3000:]}"
        )
    scale = 1024 if sys.platform.startswith("linux") else 1024 * 1024
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale


def pairs(name: str, goal: str, one: Callable[[], float], other: Callable[[], float], runs: int) -> None:
    """Print the median ratio of interleaved pairs."""
    one(), other()  # warm: bytecode, file cache
    measured = [(one(), other()) for _ in range(runs)]
    ratios = sorted(a / b for a, b in measured)
    a, b = (statistics.median(column) for column in zip(*measured, strict=True))
    print(f"{name}: {statistics.median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f}; "
          f"{a:.3f} s against {b:.3f} s; {runs} pairs; goal {goal})", flush=True)  # fmt: skip


def health(folder: Path) -> None:
    """`pytest -m health` and `readiness check -m health` against a bare pytest that does 8 GETs on the same hub."""
    reference = folder / "reference"
    reference.mkdir()
    (reference / "test_reference.py").write_text(REFERENCE)
    with demo.start() as hub:
        time.sleep(2.5)  # an uptime above a second needs no second look
        config = folder / "readiness.toml"
        config.write_text(DECLARED.format(url=hub.url, release=hub.release))
        python = sys.executable
        smoke = str(suite_folders()["smoke"])
        options = [
            "--readiness-config",
            str(config),
            "--readiness-report",
            str(folder / "reports"),
            "-p",
            "no:cacheprovider",
        ]
        bare = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_reference.py"]
        ours = [python, "-m", "pytest", "-m", "health", *options, smoke]
        check = [python, "-m", "readiness", "check", "-m", "health", *options, smoke]
        pairs(
            "pytest -m health / bare pytest, plugins autoloaded", "<= 1.5",
            lambda: timed(ours, cwd=folder)[0],
            lambda: timed(bare, cwd=reference, MCP_HUB_URL=hub.url)[0], 9,
        )  # fmt: skip
        pairs(
            "readiness check -m health / bare pytest, autoload off", "<= 2.0",
            lambda: timed(check, cwd=folder)[0],
            lambda: timed(bare, cwd=reference, MCP_HUB_URL=hub.url, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")[0], 9,
        )  # fmt: skip


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


def trivial(folder: Path) -> None:
    """10,000 trivial checks with the plugin, and the same file in pytest without it."""
    (folder / "test_trivial.py").write_text(TRIVIAL_CHECKS)
    (folder / "readiness.toml").write_text('environment = "local"\n[target]\nurl = "http://127.0.0.1:9"\n')
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  check\n  health\n")
    (folder / "nocatalogue.py").write_text(
        "import pathlib\nfrom readiness.session.plan import plan as planning\n"
        "p = pathlib.Path(__file__).with_name('c.json')\np.write_text('{\"checks\": []}')\nplanning.CATALOGUE_FILE = p\n"
    )
    base = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "health"]
    runs: dict[str, list[tuple[float, float, float]]] = {"bare": [], "ours": []}

    def run_bare() -> float:
        runs["bare"].append(timed([*base, "-p", "no:readiness.plugin", "."], cwd=folder))
        return runs["bare"][-1][1]

    def run_ours() -> float:
        runs["ours"].append(timed([*base, "-p", "nocatalogue", "."], cwd=folder, PYTHONPATH=str(folder)))
        return runs["ours"][-1][1]

    pairs("10,000 trivial checks / the same without the plugin, CPU seconds", "<= 1.15", run_ours, run_bare, 7)
    memory = {name: statistics.median(r[2] for r in found) for name, found in runs.items()}
    print(f"    memory: {memory['ours'] - memory['bare']:+.1f} MiB ({memory['bare']:.0f} MiB bare; goal <= 40 MB more)")
    page = folder / "reports" / "readiness.html"
    print(f"    page: {page.stat().st_size / 1e6:.2f} MB (goal <= 2 MB)")


BENCHMARKS = {"health": health, "trivial": trivial}


def main() -> None:
    """Run the named benchmarks, or all."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in sys.argv[1:] or list(BENCHMARKS):
        with tempfile.TemporaryDirectory() as folder:
            BENCHMARKS[name](Path(folder))


if __name__ == "__main__":
    main()
