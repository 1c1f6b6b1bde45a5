"""What the embedded hub and its sample release declare about themselves: the settings of a run with --readiness-demo."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

TOLD: Final = "demo.json"
"""The file beside the release in which the demonstration says what differs from start to start."""
NOBODY: Final = "http://127.0.0.1:9/v1"
"""The discard port, at which no provider answers."""
SOAK: Final = 0.05
"""Minutes of the drill's soak."""
LEAK: Final = 1_000
"""MB an hour that memory may seem to grow by in three seconds."""
IN_PROCESS: Final = "the embedded hub keeps its MCP servers in its own process: none of them can be killed alone"
UNSUPERVISED: Final = (
    "the embedded hub is a child of the run that judges it: nothing else starts, limits or restarts it"
)
UNKEPT: Final = "the embedded hub's log is removed with it"
UNDEPLOYED: Final = "the embedded hub is started for each run, and never deployed"
ELSEWHERE: Final = {
    "nginx": "no proxy stands before the embedded hub: nobody else uses it",
    "proxy": "no proxy stands before the embedded hub: nobody else uses it",
    "rate_limit": "no proxy stands before the embedded hub: nobody else uses it",
    "firewall": "the embedded hub listens on loopback: what else this machine lets in is not for the demonstration to judge",
    "clock": "what keeps this machine's clock right is not for the demonstration to judge",
}
"""Claims that belong to a host which serves people."""
MACHINE: Final = {
    "host-has-enough-cores": {"warning": 1, "critical": 0.1},
    "host-has-enough-memory": {"warning": 0.5, "critical": 0.25},
    "host-has-enough-disk": {"warning": 0.5, "critical": 0.1},
    "disk-use-is-safe": {"warning": 99, "critical": 100},
    "inodes-are-free": {"warning": 99, "critical": 100},
    "cpu-use-is-safe": {"warning": 100, "critical": 100},
}
"""What the embedded hub needs of a machine, by the units of the checks: a small or busy one shows it as well as a large one."""
LOAD: Final = {"rate": 20, "duration": 16}
"""A load that any machine can give itself beside the hub, and just long enough to tell a p99."""
SCRIPTS_NEED: Final = ("bash", "flock")
"""What the sample's lifecycle scripts call beside the smallest tools of a system; a site brings the rest."""
PEOPLE: Final = ("on_call", "tech_lead", "product", "security")


def demo_settings(release: Path | None = None) -> dict[str, Any]:
    """The demonstration's settings, in the shape of a parsed readiness.toml; a new dict at each call.

    `release` is the sample release of the hub that runs; None: it has not started yet.
    """
    claimed = dict.fromkeys(("filtering", "llm", "telemetry", "config_api", "tools_api"), True)
    echo = {"server": "everything", "tool": "echo", "arguments": {"message": "ready?"}, "contains": "Echo: ready?"}
    graph = {"server": "memory", "tool": "read_graph", "arguments": {}, "contains": "entities"}
    settings: dict[str, Any] = {
        "environment": "local",
        "target": {
            "version": "4.3.0",
            "state": "../home/.local/state/mcp-hub",
            "unit": "systemd/mcp-hub.service",
            "scripts": True,
        },
        # the embedded hub connects nothing that would take longer
        "probe": {"settle": 30},
        "expect": claimed | {"servers": ["everything", "memory"], "min_servers": 2, "tool_call": [echo, graph]},
        # the embedded hub was started for this very run: how long it has been up says nothing
        "limits": {"hub-stays-up": {"critical": 0}, "memory-is-stable-under-soak": {"critical": LEAK}},
        # with a shell and nothing else: a machine without Node builds and tests the sample too
        "release": {name: ["/bin/sh", f"tools/{name}.sh"] for name in ("build", "test", "lint")}
        | {"previous": "../releases/4.2.1", "rehearsal": "../rehearsal.json"},
        "contacts": {role: f"{role.replace('_', '-')}@example.com" for role in PEOPLE},
    }
    settings["expect"]["deployments"] = {"expected": False, "reason": UNDEPLOYED}
    settings["expect"]["supervision"] = {"expected": False, "reason": UNSUPERVISED}
    settings["expect"]["log_keeping"] = {"expected": False, "reason": UNKEPT}
    settings["expect"] |= {key: {"expected": False, "reason": why} for key, why in ELSEWHERE.items()}
    settings["limits"] |= MACHINE
    settings["expect"] |= _without_tools() | {"server_processes": {"expected": False, "reason": IN_PROCESS}}
    settings["drill"], settings["load"] = _drill(release), dict(LOAD)
    if release is not None:
        settings["secrets"] = {"resolve": [str(release.parent / "vault" / "read")]}
        settings["llm"] = {"base_url": {"openai": _llm(release.parent / TOLD)}}
    return settings


def _drill(release: Path | None) -> dict[str, Any]:
    """Drills are allowed: nobody else uses it. Its soak is short: it shows how one runs, not what leaks over hours."""
    drill: dict[str, Any] = {"allowed": True, "soak": SOAK, "rate": 50}
    if release is not None:
        control = [sys.executable, "-P", "-m", "readiness.demo.llm_control", "--release", str(release)]
        drill |= {"llm_down": [*control, "down"], "llm_up": [*control, "up"]}
    return drill


def _without_tools() -> dict[str, Any]:
    """What this machine cannot show: the sample needs neither Node nor git, and a machine without them is no worse."""
    wanted = {
        "runtime": ("node", "the sample's artifact runs in any shell"),
        "git": ("git", "nothing is released here"),
    }
    claims = {
        key: {"expected": False, "reason": f"{tool} is not installed; {why}"}
        for key, (tool, why) in wanted.items()
        if shutil.which(tool) is None
    }
    if missing := [name for name in SCRIPTS_NEED if shutil.which(name) is None]:
        reason = f"{', '.join(missing)}: not installed, and the sample's own scripts deploy and roll back by it"
        claims["rollback"] = {"expected": False, "reason": reason}
    return claims


def _llm(file: Path) -> str:
    """The base URL of the provider's double; never the provider's own, whatever happened to the demonstration."""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["llm"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOBODY
