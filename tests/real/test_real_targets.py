"""Real MCP servers and bridges, as `readiness init` finds them and `readiness check` judges them: healthy, and broken in their own ways."""

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
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from tests.helpers.few_plugins import FEW
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FOLDER: Final = ROOT / ".tools" / "targets"
EVERYTHING: Final = "mcp-server-everything stdio"
CHILD: Final = "server-everything"
TOKEN: Final = "token-of-the-real-targets"
OPEN_TO_ALL: Final = {"cors-is-restricted": "failed"}
"""What the SDK's own HTTP servers do: they answer `Access-Control-Allow-Origin: *`."""
FASTMCP: Final = """
import os, sys
from fastmcp import FastMCP
from fastmcp.server.auth import StaticTokenVerifier
auth = StaticTokenVerifier(tokens={os.environ["KEY"]: {"client_id": "tests", "scopes": []}}) if os.environ.get("KEY") else None
server = FastMCP("billing", version="3.1.4", auth=auth)
@server.tool
def echo(message: str) -> str:
    "Echo it."
    return "Echo: " + message
server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """How one product is started on a port, what `init` is told, and what a healthy one comes to: outcomes besides well ones.

    Every one of them answers an unknown tool with a result that calls itself an error: a warning.
    """

    name: str
    argv: tuple[str, ...]
    path: str = "/mcp"
    kind: str = "mcp"
    needs: str = "npm"
    key: bool = False
    config: str = ""
    expected: Mapping[str, str] = dataclasses.field(default_factory=dict)


EVERY: Final = (
    Product(name="fastmcp", argv=("PYTHON", "-c", FASTMCP, "PORT"), needs="fastmcp"),
    Product(name="fastmcp-with-a-key", argv=("PYTHON", "-c", FASTMCP, "PORT"), needs="fastmcp", key=True),
    Product(name="server-everything", argv=("mcp-server-everything", "streamableHttp"), expected=OPEN_TO_ALL),
    Product(
        name="mcp-proxy",
        argv=("mcp-proxy", "--port", "PORT", "--host", "127.0.0.1", "--shell", EVERYTHING),
        kind="bridge",
        expected=OPEN_TO_ALL,
    ),
    Product(
        name="supergateway",
        argv=("supergateway", "--stdio", EVERYTHING, "--outputTransport", "streamableHttp", "--stateful", "--port", "PORT"),
        expected={"errors-hide-internals": "failed"},
    ),
)  # fmt: skip
CROSSED: Final = Product(
    name="supergateway-sse", argv=("supergateway", "--stdio", EVERYTHING, "--port", "PORT"), path="/sse"
)
BY_NAME: Final = {product.name: product for product in EVERY}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A product that runs."""

    process: subprocess.Popen[bytes]
    port: int
    environ: dict[str, str]

    def child(self) -> psutil.Process:
        """The MCP server that a bridge started: the innermost process."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return next(one for one in reversed(below) if CHILD in " ".join(one.cmdline()) and not one.children())


def _require(needs: str) -> None:
    """Skip with the reason where a product is not installed: only what a registry does not give is no failure in CI."""
    if (FOLDER / f"{needs}.unavailable").exists():
        pytest.skip(f"{needs}: its registry does not give it")
    if not (FOLDER / f"{needs}.wanted").exists():
        pytest.skip(f"{needs} is not installed: run make targets")
    if needs == "npm" and shutil.which("node") is None:
        pytest.skip("node is not installed")


@contextlib.contextmanager
def running(product: Product, folder: Path) -> Iterator[Running]:
    """Start a product on loopback in a process group of its own, and end that group."""
    _require(product.needs)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    tools = f"{FOLDER / 'npm' / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": tools, "HOME": str(folder), "PORT": str(port), "KEY": TOKEN if product.key else ""}
    words = {"PORT": str(port), "PYTHON": str(FOLDER / "fastmcp" / "bin" / "python")}
    argv = [words.get(word, word) for word in product.argv]
    with (folder / "product.log").open("wb") as log, subprocess.Popen(
        argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    ) as process:  # fmt: skip
        try:
            _wait(process, port)
            yield Running(process=process, port=port, environ=environ)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"it did not listen on {port}")


def _command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    return subprocess.run(
        [sys.executable, "-m", "readiness", *arguments], cwd=folder, env=kept | FEW | {"KEY": TOKEN},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def _found(product: Product, port: int, folder: Path) -> None:
    """Let `init` find out what answers, and hold its finding against the product."""
    key = ("--token-env", "KEY") if product.key else ()
    ended = _command(folder, "init", "--url", f"http://127.0.0.1:{port}{product.path}", *key)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    written = (folder / "readiness.toml").read_text(encoding="utf-8")
    assert f'kind = "{product.kind}"' in written
    (folder / "readiness.toml").write_text(written + product.config + "\n[probe]\ninterval = 0.2\n", encoding="utf-8")


def _judged(folder: Path) -> dict[str, Any]:
    """Run the two phases of a running service as a user does, and read the report."""
    ended = _command(folder, "check", "-m", "health or e2e")
    path = folder / "reports" / "readiness.json"
    assert path.is_file(), ended.stdout + ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr + path.read_text(encoding="utf-8")
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def _outcomes(report: Mapping[str, Any], *outcomes: str) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in report["findings"] if row["outcome"] in outcomes}


@pytest.mark.parametrize("product", EVERY, ids=lambda product: product.name)
def test_a_healthy_product_gets_a_verdict_that_its_maintainer_would_sign(product: Product, tmp_path: Path) -> None:
    """Two commands from an address to a verdict: nothing is wrong but what that product is known for."""
    with running(product, tmp_path) as one:
        _found(product, one.port, tmp_path)
        report = _judged(tmp_path)
    assert _outcomes(report, "failed", "unknown") == product.expected, report["verdict"]
    assert report["verdict"]["status"] == ("CONDITIONAL" if product.expected else "READY")


def _killed(one: Running) -> None:
    one.child().kill()


def _stopped(one: Running) -> None:
    one.child().suspend()


def _ended(one: Running) -> None:
    os.killpg(one.process.pid, signal.SIGKILL)
    one.process.wait(10)


@pytest.mark.parametrize(
    ("name", "break_it", "named"),
    [
        pytest.param("mcp-proxy", _killed, "tools-are-listed", id="the child of mcp-proxy is killed"),
        pytest.param(
            "mcp-proxy",
            _stopped,
            "tools-are-listed",
            id="the child of mcp-proxy stands still",
            marks=pytest.mark.matrix,
        ),
        pytest.param("fastmcp", _ended, "hub-answers", id="a FastMCP server is gone"),
    ],
)
def test_a_broken_product_is_not_ready(
    name: str, break_it: Callable[[Running], None], named: str, tmp_path: Path
) -> None:
    """Its own health may be green: an agent gets nothing, and the check that names it says so."""
    with running(BY_NAME[name], tmp_path) as one:
        _found(BY_NAME[name], one.port, tmp_path)
        break_it(one)
        report = _judged(tmp_path)
    assert report["verdict"]["status"] == "NOT READY", report["verdict"]
    assert _outcomes(report, "failed").get(named) == "failed", report["verdict"]


def test_answers_that_go_to_every_agent_are_critical(tmp_path: Path) -> None:
    """Supergateway's default mode sends each agent's answers to all others: proven on the wire."""
    with running(CROSSED, tmp_path) as one:
        _found(CROSSED, one.port, tmp_path)
        report = _judged(tmp_path)
    assert report["verdict"]["status"] == "NOT READY"
    assert _outcomes(report, "failed")["sessions-are-isolated"] == "failed"
