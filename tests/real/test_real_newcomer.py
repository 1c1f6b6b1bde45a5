"""What a newcomer does with a hub from npm, from the README to a green preflight, and in a CI that shares the work between jobs."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.conftest import EVERYTHING, MEMORY, RealHub, free_port, node
from tests.real.test_real_npm import Repository, make, wrong
from tests.results.render import readers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.conftest import Judge

ADDED = """
[release]
previous = "../before"
[contacts]
on_call = "Ada Engineer <ada@example.com>"
"""


@pytest.mark.matrix
def test_from_the_readme_to_a_green_preflight(tmp_path: Path) -> None:
    """init, a check, a backup, and what preflight asked for: DEPLOY. Nothing of what init wrote was changed."""
    folder = tmp_path / "hub"
    make(folder)
    make(tmp_path / "before")
    servers = {"everything": {"command": "mcp-server-everything", "args": ["stdio"]}}
    (folder / "mcp-servers.json").write_text(json.dumps({"mcpServers": servers}))
    (folder / ".gitignore").write_text("node_modules\nreadiness-backups\nreports\n")
    for name in ("everything", "memory"):  # the tests' hub has them beside it, as a repository has its dependencies
        assert (folder / "node_modules" / ".bin" / f"mcp-server-{name}").exists()
    home, port = tmp_path / "home", free_port()
    (home / ".local" / "state").mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_HUB", "XDG_"))}
    binaries = os.pathsep.join([str(folder / "node_modules" / ".bin"), os.path.dirname(str(node())), kept["PATH"]])  # noqa: PTH120
    with (tmp_path / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            ["mcp-hub", "--port", str(port), "--config", "./mcp-servers.json"],
            executable=str(folder / "node_modules" / ".bin" / "mcp-hub"), cwd=folder,
            env=kept | {"HOME": str(home), "PATH": binaries}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    hub = RealHub(folder=tmp_path, port=port, process=process)
    try:
        hub.wait_ready()
        made = Repository(folder)
        done = made.run("init", "--url", hub.url)
        assert done.returncode == 0, done.stderr
        done = made.run("check", "-m", "health")
        assert (done.returncode, "READY: KEEP" in done.stdout) == (0, True), done.stdout
        path = folder / "readiness.toml"
        path.write_text(path.read_text() + ADDED)
        git = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        message = "Begin\n\nReviewed-by: Bo Reviewer <bo@example.com>"
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", message]):
            subprocess.run([*git, *words], check=True, timeout=60)
        record = {"finished": dt.datetime.now(dt.UTC).isoformat(), "seconds": 20, "result": "verified"}
        (folder / "reports" / "rehearsal.json").write_text(json.dumps(record))
        assert made.run("backup").returncode == 0
        code, report = made.judged()
        assert wrong(report) == {}
        assert (code, report["verdict"]["status"], report["verdict"]["decision"]) == (0, "READY", "DEPLOY")
    finally:
        hub.stop()


def test_a_ci_with_shards_uploads_what_it_found(
    hubs: Any, judge: Judge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs, one of which meets a dead server: annotations in its log, one verdict, and a SARIF that GitHub takes."""
    from readiness.cli.report import main

    hub = hubs({"everything": EVERYTHING, "memory": MEMORY})
    hub.wait_ready()
    hub.child("server-memory").kill()
    judge.configure(hub)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    summary = judge.folder / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    shards = {name: judge.folder / name for name in ("health", "alerts")}
    logs = {
        name: judge.start("-m", name, f"--readiness-report={folder}").communicate(timeout=120)[0]
        for name, folder in shards.items()
    }
    lines = [line for line in logs["health"].splitlines(keepends=True) if line.startswith("::error ")]
    told = readers.github("".join(lines)).found
    assert any("mcp-servers-are-connected" in properties["title"] for _, properties, _ in told), logs["health"]
    assert all(not properties.get("file", "").startswith("/") for _, properties, _ in told)
    assert not [line for line in logs["alerts"].splitlines() if line.startswith("::error ")]
    assert "mcp-servers-are-connected" in summary.read_text()
    whole, sarif = judge.folder / "whole", judge.folder / "whole.sarif"
    assert main(["--merge", *map(str, shards.values()), "--output", str(whole)]) == 1
    assert main([str(whole), "--format", "sarif", "--output", str(sarif)]) in {0, 1}
    capsys.readouterr()
    read = readers.sarif(sarif.read_text())
    assert (read.status, (read.counts or {}).get("failed")) == ("NOT READY", 1)
    merged = json.loads((whole / "readiness.json").read_text())
    assert {one["marker"] for one in merged["findings"]} == {"health", "alerts"}
