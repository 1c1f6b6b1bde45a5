"""The agent's path as a run: its order among the phases, its claim, and many agents at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness import demo
from readiness.cli.init import HubProfile, compose
from readiness.config.model import Config, Target
from readiness.facts.deployment.deployment import claims
from tests.helpers.few_plugins import FEW
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOML = """
environment = "local"
[target]
url = "{url}"
version = "4.3.0"
state = "{state}"
[expect]
servers = ["everything", "memory"]
filtering = true
llm = true
telemetry = true
release = {{ expected = false, reason = "the embedded hub's is judged elsewhere" }}
[[expect.tool_call]]
server = "everything"
tool = "echo"
arguments = {{ message = "ready?" }}
contains = "Echo: ready?"
[[expect.tool_call]]
server = "memory"
tool = "read_graph"
contains = "entities"
[limits.hub-stays-up]
critical = 0
[limits.concurrent-sessions-work]
critical = {agents}
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[demo.DemoHub]:
    """A healthy embedded hub."""
    with demo.start() as started:
        yield started


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest on the smoke suite, as an operator in `folder` runs it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))} | FEW
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(ROOT / "smoke"), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def judged(folder: Path, hub: demo.DemoHub, agents: int, *arguments: str) -> tuple[dict[str, Any], str]:
    """The report of a run against the embedded hub, and what it said."""
    text = TOML.format(url=hub.url, state=hub.state_dir, agents=agents)
    (folder / "readiness.toml").write_text(text)
    done = run(folder, *arguments)
    return json.loads((folder / "reports" / "readiness.json").read_text()), done.stdout


def not_well(report: dict[str, Any]) -> dict[str, str]:
    """Checks that neither passed nor were declared away; how long a busy machine stalls is no matter here."""
    fine = {"passed", "not_applicable"}
    rows = [row for row in report["findings"] if row["outcome"] not in fine]
    return {row["check"]: row["reason"] for row in rows if row["check"] != "session-close-does-not-stall-the-hub"}


def test_phases_run_in_their_order(tmp_path: Path) -> None:
    """What disturbs a hub comes after what looks at it, and what watches the whole run after everything."""
    done = run(tmp_path, "--collect-only", "-q", "-m", "health or alerts or e2e", "--readiness-demo")
    files = [line.partition("::")[0].rpartition("test_")[2] for line in done.stdout.splitlines() if "::" in line]
    names = [line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    watched = ["test_hub_stays_up", "test_mcp_servers_stay_connected", "test_health_answers_agree"]
    assert names[-4:] == ["test_hub_survives_the_workflow", *watched]
    last_look = max(i for i, file in enumerate(files[:-3]) if file not in {"e2e.py", "alerts.py"})
    assert (
        last_look < files.index("alerts.py") < len(files) - 1 - files[::-1].index("alerts.py") < files.index("e2e.py")
    )


def test_fifty_agents_in_one_run(tmp_path: Path, hub: demo.DemoHub) -> None:
    """Fifty sessions at once are judged in one run; the hub has no agent left afterwards."""
    report, out = judged(tmp_path, hub, 50, "-m", "e2e")
    assert not_well(report) == {}, out[-3000:]
    assert report["verdict"]["status"] == "READY"
    [window] = json.loads((tmp_path / "reports" / "e2e-windows.json").read_text())
    assert window["since"] < window["until"] <= time.time()


@pytest.mark.matrix
def test_beside_health_in_two_workers(tmp_path: Path, hub: demo.DemoHub) -> None:
    """Spread over two workers, health and the workflow take turns and find nothing wrong with each other."""
    report, out = judged(tmp_path, hub, 3, "-m", "health or e2e", "-n2")
    assert not_well(report) == {}, out[-3000:]


@pytest.mark.parametrize(
    ("filtering", "expected"),
    [
        ({"enabled": True, "mode": "prompt-based"}, True),
        ({"enabled": True, "mode": "category"}, False),
        ({"enabled": True}, False),
        ({"enabled": False, "mode": "prompt-based"}, False),
        (None, False),
    ],
)
def test_the_deployed_configuration_claims_prompt_analysis(
    tmp_path: Path,
    filtering: dict[str, Any] | None,
    expected: bool,  # noqa: FBT001 - a row
) -> None:
    """Agents get their tools by a prompt only where the deployed file says so; else a reason stands there."""
    (tmp_path / "config").mkdir()
    config = {"mcpServers": {}} | ({} if filtering is None else {"toolFiltering": filtering})
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps(config))
    claim = claims(Config(target=Target(release=tmp_path)))["prompt_analysis"]
    assert claim.expected is expected
    assert bool(claim.reason) is not expected


def test_a_first_file_claims_prompt_analysis_only_where_it_was_seen() -> None:
    """`readiness init` writes the claim, or why not; a hub that filters nothing gets no line about it."""
    seen = HubProfile(
        url="http://127.0.0.1:3000", claims={"filtering": True, "prompt_analysis": "filtering had the mode static"}
    )
    assert 'prompt_analysis = { expected = false, reason = "filtering had the mode static" }' in compose(seen, None)
    assert "prompt_analysis" not in compose(HubProfile(url="http://127.0.0.1:3000"), None)
