"""The embedded target as a plain MCP server and as a bridge: found by init, judged well, and broken in the ways of the kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness import demo
from readiness.cli import init
from readiness.config.loading import load
from tests.facts.targets.test_kinds import GENERIC, outcomes

if TYPE_CHECKING:
    from pathlib import Path

QUICK = "\n[probe]\nattempts = 1\ninterval = 0.05\ntimeout = 2.0\nsettle = 0.5\n"


def checked(kind: str, fault: str | None, folder: Path) -> dict[str, tuple[str, str]]:
    """What is not passed of the file that init writes for an embedded target of that kind; the fault comes after it."""
    file = folder / "readiness.toml"
    with demo.start(kind=kind) as hub:
        port = hub.port
        assert init.main(["--url", f"{hub.url}/mcp", "--output", str(file)]) == 0
    assert f'kind = "{kind}"' in file.read_text()
    file.write_text(file.read_text() + QUICK)
    with demo.start(fault, kind=kind, port=port):
        return outcomes(load(file=file, report_dir=folder / "reports"), folder / "run")


@pytest.mark.parametrize("kind", ["mcp", "bridge"])
def test_a_well_target_passes(kind: str, tmp_path: Path) -> None:
    """Nothing of the embedded target is told to be wrong where nothing is."""
    assert checked(kind, None, tmp_path) == {}


def test_a_bridge_whose_child_is_dead_is_named_by_its_list(tmp_path: Path) -> None:
    """The status says configured and initialize answers; the list is an error, and that is told."""
    wrong = checked("bridge", "server-down", tmp_path)
    failed = {name for name, (outcome, _) in wrong.items() if outcome == "failed"}
    assert failed == {"tools-are-listed", "tools-list-over-mcp"}
    assert set(wrong) <= set(GENERIC)


def test_a_server_whose_tools_fail_is_named_by_its_call(tmp_path: Path) -> None:
    """Tools are listed and every call is an error: the check that calls is the one that fails."""
    wrong = checked("mcp", "tools-fail", tmp_path)
    assert {name for name, (outcome, _) in wrong.items() if outcome == "failed"} == {"tool-call-returns-its-result"}
