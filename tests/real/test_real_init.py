"""`readiness init` and then `check`, on healthy hubs as people run them: what it writes is true, and makes a good verdict at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from readiness.demo import start as start_demo
from tests.helpers.few_plugins import FEW
from tests.real.conftest import BIN, RealHub, free_port, node
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODULES = BIN.parent
SERVERS = {
    "everything": {"command": "./node_modules/.bin/mcp-server-everything", "args": ["stdio"]},
    "memory": {"command": "./node_modules/.bin/mcp-server-memory"},
}
CALLERS = "nobody checked who may call this hub, which listens on more than loopback"


def from_npm(folder: Path, port: int) -> list[str]:
    """A repository whose dependency is the hub, run by its script `start`."""
    (folder / "node_modules").symlink_to(MODULES)
    start = f"mcp-hub --port {port} --config ./mcp-servers.json"
    package = {"name": "acme", "version": "1.4.0", "scripts": {"start": start}, "dependencies": {"mcp-hub": "4.2.1"}}
    (folder / "package.json").write_text(json.dumps(package))
    return ["./node_modules/.bin/mcp-hub", "--port", str(port), "--config", "./mcp-servers.json"]


def from_source(folder: Path, port: int) -> list[str]:
    """A clone: the hub's own package, which says no version when it runs; a file of the scripts lies where a hub's usually does."""
    (folder / "node_modules").symlink_to(MODULES)
    (folder / "src" / "utils").mkdir(parents=True)
    (folder / "config").mkdir()
    (folder / "config" / "mcp-hub.json").write_text('{"mcpServers": {"another": {"command": "gone"}}}')
    shutil.copy(MODULES / "mcp-hub" / "package.json", folder)
    text = (MODULES / "mcp-hub" / "dist" / "cli.js").read_text()
    (folder / "src" / "utils" / "cli.js").write_text(text.replace('"4.2.1"', "process.env.VERSION"))
    return ["node", "src/utils/cli.js", "--port", str(port), "--config", "./mcp-servers.json"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[Callable[[Path, int], list[str]]], RealHub]]:
    """Start a hub in a tree that a function makes; it is ended afterwards."""
    started: list[RealHub] = []

    def make(tree: Callable[[Path, int], list[str]]) -> RealHub:
        folder, home, port = tmp_path / "tree", tmp_path / "home", free_port()
        folder.mkdir()
        home.mkdir()
        command = tree(folder, port)
        (folder / "mcp-servers.json").write_text(json.dumps({"mcpServers": SERVERS}))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_HUB", "XDG_"))}
        kept |= {"HOME": str(home), "PATH": f"{os.path.dirname(str(node()))}{os.pathsep}{kept['PATH']}"}  # noqa: PTH120
        with (tmp_path / "hub.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env=kept, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        (folder / "hub.log").symlink_to(tmp_path / "hub.log")
        started.append(RealHub(folder=folder, port=port, process=process))
        started[-1].wait_ready()
        return started[-1]

    yield make
    for hub in started:
        hub.stop()


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb of readiness in `folder`, with nobody at the terminal."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MCP_HUB", "PYTEST", "READINESS"))
    }
    return subprocess.run(
        [sys.executable, "-m", "readiness", *arguments], cwd=folder, env=kept | FEW, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def written_and_judged(folder: Path, url: str) -> tuple[dict[str, Any], str]:
    """The file that `init` writes there, and what the check after it prints; it was READY or CONDITIONAL."""
    written = call(folder, "init", "--url", url)
    assert written.returncode == 0, written.stderr
    path = folder / "readiness.toml"
    file = tomllib.loads(path.read_text())
    path.write_text(path.read_text() + "[limits.hub-stays-up]\ncritical = 0\n")  # else it is watched for 20 seconds
    done = call(folder, "check", "-m", "health")
    report = json.loads((folder / "reports" / "readiness.json").read_text())
    assert report["verdict"]["status"] in {"READY", "CONDITIONAL"}, done.stdout
    outcomes = {one["outcome"] for one in report["findings"]}
    assert outcomes <= {"passed", "not_applicable", "degraded"}, done.stdout
    assert done.returncode == 0
    return file, done.stdout


def shown(text: str) -> list[str]:
    """What a run prints below its last rule, without figures, folders, moments and line breaks; a warning that comes and goes left out."""
    below = text.partition("READY: ")[2].partition("exit 0")[0]
    below = re.sub(r"(?m)^DEGRADED .*\n(?:  .*\n)*", "", below)
    below = re.sub(r"\d+ checks (?:proven, with 1 warning: \S+|passed)", "N checks passed", below)
    below = below.replace("1 degraded, ", "")
    words = re.sub(r"/\S*reports", "/FOLDER/reports", " ".join(below.split()))
    return re.sub(r"\d+(?:\.\d+)?", "N", words).split()


@pytest.mark.matrix
@pytest.mark.parametrize("page", ["README.md", "docs/healthy-hub.md"])
def test_what_a_page_shows_is_what_a_run_prints(running: Callable[..., RealHub], page: str) -> None:
    """The output on the page has the shape of a run's on a healthy hub from npm, after `init`; only figures differ."""
    hub = running(from_npm)
    text = (ROOT / page).read_text()
    assert call(hub.folder, "init", "--url", hub.url).returncode == 0
    done = call(hub.folder, "check", "-m", "health or alerts or e2e")
    assert done.returncode == 0, done.stdout
    assert shown(done.stdout) == shown(text), done.stdout
    counted = [
        re.findall(r"collected (\d+) items|(\d+) checks to prove|(\d+) not applicable", one)
        for one in (done.stdout, text)
    ]
    assert page == "README.md" or counted[0] == counted[1], done.stdout


@pytest.mark.parametrize("tree", [from_npm, from_source])
def test_a_healthy_hub_is_judged_by_what_init_wrote(
    running: Callable[..., RealHub], tree: Callable[[Path, int], list[str]]
) -> None:
    """Release, version and configuration come from the process; who may call it is not made up, and said at once."""
    hub = running(tree)
    file, out = written_and_judged(hub.folder, hub.url)
    assert file["target"].pop("state") == str(hub.folder.parent / "home" / ".local" / "state" / "mcp-hub")
    assert file["target"] | {"url": ""} == {"url": "", "release": ".", "version": "4.2.1", "config": "mcp-servers.json"}
    assert file["environment"] == "development"
    assert file["expect"]["unit"]["expected"] is file["expect"]["env_file"]["expected"] is False
    assert file["expect"]["servers"] == ["everything", "memory"]
    assert [one["server"] for one in file["expect"]["tool_call"]] == ["everything", "memory"]
    assert file["probe"]["settle"] == 330
    above = out.partition("= readiness")[2].splitlines()[:6]
    assert any(line.startswith(CALLERS) for line in above), out
    page = (hub.folder / "reports" / "readiness.html").read_text()
    assert CALLERS[1:] in page.partition("</header>")[0]
    assert CALLERS in call(hub.folder, "report", "--format", "markdown").stdout


def test_the_embedded_hub_is_judged_by_what_init_wrote(tmp_path: Path) -> None:
    """It listens on loopback alone: `local`, and nothing to say about callers."""
    with start_demo() as hub:
        file, out = written_and_judged(tmp_path, hub.url)
    assert file["environment"] == "local"
    assert (file["target"]["config"], file["target"]["version"]) == ("config/mcp-hub.json", "4.3.0")
    assert file["target"]["release"].endswith("/release")
    assert file["target"]["env_file"] == ".env.production"
    assert "nobody checked" not in out
