"""The hub's process is the only one, runs what was deployed, may open and write what it needs, and shows nobody a secret."""

from __future__ import annotations

import dataclasses
import math

import pytest

from readiness import Limits, check, compared, listed, measure, note, unknown, warn

pytestmark = pytest.mark.infra

SLACK = 2.0
"""Seconds: the kernel's clock ticks and a file's time are not the same clock."""
GB = 1e9
HOUR = 3600.0
NAMED = 8
"""How many findings a reason names."""
SHARES = (75.0, 90.0)
"""Per cent of MemoryMax past which the hub and its servers are in danger, and past which they are about to be killed."""


def _pids(processes):
    return ", ".join(str(one.pid) for one in processes)


@check(
    "process-is-single-and-fresh",
    severity="high",
    needs=("hub_host",),
    topic="service",
    stage="after",
    remedy="End what is not the service's (`systemctl status mcp-hub` names its process), then `systemctl restart mcp-hub`.",
)
def test_process_is_single_and_fresh(processes, places, other_supervisor):
    """One process is the hub, it owns the hub's port, and it started after its program and its configuration were written."""
    hubs = processes.hubs()
    if not hubs and not processes.sees_owners:
        unknown("no process looks like the hub, and sudo -n is refused: who owns its port cannot be seen")
    compared(expected="1 process", actual=f"{len(hubs)} processes")
    assert hubs, "no process of the hub is running on the host"
    assert len(hubs) == 1, (
        f"{len(hubs)} processes are this hub (pid {_pids(hubs)}): a second one corrupts what both write"
    )
    hub, port = hubs[0], processes.port()
    if port is None:
        unknown("the hub's port is not known: set [target] internal_url")
    if other_supervisor is None or other_supervisor.kind != "docker":
        _owns(processes, hub, port)
    else:
        note(f"in a container, its port is docker's to publish: who owns port {port} was not asked")
    _is_fresh(places, hub)
    others = processes.others()
    if others:
        note(f"hubs of other ports run beside it (pid {_pids(others)}): those of one HOME share a state file")


def _owns(processes, hub, port):
    assert processes.listening, f"nothing listens on port {port}, and the hub (pid {hub.pid}) runs"
    if not processes.sees_owners:
        warn(f"who owns port {port} cannot be seen: sudo -n is refused")
        return
    owners = processes.owners()
    mine = {one.pid for one in processes.family(hub)}
    assert not owners or mine & set(owners), (
        f"port {port} belongs to pid {', '.join(map(str, owners))}, not to the hub (pid {hub.pid})"
    )


def _is_fresh(places, hub):
    if hub.started is None:
        unknown(f"since when the hub (pid {hub.pid}) runs cannot be told")
    newer = []
    for place in places.running():
        found = places.stat(place)
        if found.there and found.changed > hub.started + SLACK:
            newer.append(f"{place.what} {place.shown} by {_ago(found.changed - hub.started)}")
    assert not newer, f"the hub (pid {hub.pid}) is older than {'; '.join(newer)}: what was deployed does not run"


def _ago(seconds):
    return f"{seconds / HOUR:.1f} hours" if seconds >= HOUR else f"{seconds / 60:.1f} minutes"


@check(
    "open-file-limit-is-high",
    severity="medium",
    topic="service",
    needs=("supervision", "hub_host"),
    limits=Limits(critical=65_536, unit="files", better="higher"),
    remedy="Set `LimitNOFILE=65536` (`systemctl edit mcp-hub`; docker: `--ulimit nofile=65536`), then restart the hub.",
)
def test_open_file_limit_is_high(processes, service):
    """The hub may open enough files: every client and every MCP server takes some."""
    running = processes.open_files()
    limit, whose = (running[0], "the running hub may open") if running else (service.open_files(), "the unit allows")
    if limit is None:
        unknown("neither the running hub nor the unit tells how many files it may open: set LimitNOFILE=65536")
    if math.isinf(limit):
        note("there is no limit")
        return
    measure(limit, what=whose)


@check(
    "unit-can-write-its-state",
    severity="high",
    topic="service",
    needs=("supervision", "hub_host"),
    remedy="Give the folder to the service's user (`chown -R mcp-hub: FOLDER`), and name it in ReadWritePaths= or StateDirectory= of the unit.",
)
def test_unit_can_write_its_state(processes, places, service, other_supervisor):
    """The service's user may write the folder of the hub's state, and its sandbox lets it."""
    state = places.state()
    if places.state_is_a_mistake(state) and processes.likely():
        unknown(f"[target] state names {state.asked}, which is not there, and a hub is running: correct [target] state")
    if other_supervisor is not None:
        uid, gids, who = processes.hub().uid, (), f"the hub's user ({processes.hub().uid})"
    else:
        closed = places.closed_by(state.asked)
        assert not closed, (
            f"{service.name} has {closed}, and nothing in it opens {state.asked}: the hub cannot write its state"
        )
        own = places.closed_writes()
        assert not own, f"{service.name}: {own}: what the hub is to write there it cannot"
        told = places.identity()
        if told is None:
            unknown(f"the unit's user does not exist: who would write {state.asked} cannot be told")
        (uid, gids), who = told, places.user()
    assert not state.read_only, f"{state.nearest.path} is on a file system that is mounted read-only"
    found = state.nearest
    if not places.may_write(found, uid, gids):
        if other_supervisor is not None and places.may_write(found, uid, (found.gid,)):
            unknown(f"only the group {found.gid} may write {found.path}, and the groups of {who} are not known")
        missing = "" if found.path == state.asked else f" (where {state.asked} is to be made)"
        pytest.fail(
            f"{who} may not write {found.path}{missing}: mode {found.mode:o}, owner {found.uid}, group {found.gid}",
            pytrace=False,
        )


@check(
    "no-orphaned-mcp-servers",
    severity="medium",
    needs=("hub_host",),
    topic="service",
    remedy="End them (`kill PID`), and set `KillMode=control-group` in the unit, so that servers end with their hub.",
)
def test_no_orphaned_mcp_servers(processes):
    """No MCP server of a hub that is gone is still running."""
    found = processes.orphans()
    named = ", ".join(f"{one.program.rpartition('/')[2][:40]} (pid {one.pid})" for one in found[:NAMED])
    compared(expected="0 servers without a hub", actual=len(found))
    assert not found, f"{len(found)} MCP servers have outlived their hub: {named}"


@check(
    "mcp-servers-run-once",
    severity="medium",
    needs=("hub_host",),
    topic="service",
    remedy="Restart the hub to end the copies, and see its log for why it starts that server again and again without ending it.",
)
def test_mcp_servers_run_once(processes):
    """The hub keeps no copies of an MCP server beside the one that it uses."""
    found = processes.copies()
    named = "; ".join(
        f"{len(one)} times {one[0].program.rpartition('/')[2][:40]} (pid {', '.join(str(copy.pid) for copy in one[:NAMED])})"
        for one in found[:NAMED]
    )
    compared(expected="one process for each server", actual=f"{len(found)} servers with copies")
    assert not found, f"copies of MCP servers pile up under the hub: {named}"


@check(
    "no-secret-in-process-list",
    severity="critical",
    needs=("hub_host",),
    topic="service",
    waivable=False,
    remedy="Hand it over in a file that only the service's user can read (EnvironmentFile=, LoadCredential=) and not on a command line or in Environment=; then rotate it.",
)
def test_no_secret_in_process_list(exposure):
    """No user of the host can read a secret off a command line or out of the unit's environment."""
    found = exposure.found()
    for missed in exposure.missed:
        note(f"looked for by shape alone: {missed}")
    assert not found, f"every user of the host can read secrets: {listed(found, NAMED)}"


@check(
    "memory-use-is-safe",
    severity="high",
    needs=("hub_host",),
    topic="resources",
    limits=Limits(warning=6, critical=7, unit="GB"),
    remedy="Restart the hub (`systemctl restart mcp-hub`) and find what grows: `readiness baseline`, the drill memory-is-stable-under-soak; MemoryMax= bounds it.",
)
def test_memory_use_is_safe(memory, limits):
    """The hub holds no more memory than it should: by its limit, by its unit's, by what it held before."""
    resident = memory.resident() / GB
    before = memory.baseline()
    critical = limits.critical if limits.critical is not None else math.inf
    bounds = limits if before is None else dataclasses.replace(limits, critical=min(critical, 4 * before / GB))
    if before is not None and critical > 4 * before / GB:
        note(f"its baseline was {before / GB:.3g} GB: four times that is its limit")
        bounds = dataclasses.replace(
            bounds, warning=None if bounds.warning is None else min(bounds.warning, bounds.critical)
        )
    measure(resident, limits=bounds, what="the hub holds")
    most = memory.most()
    if most is None:
        return
    share = 100.0 * memory.of_family() / most
    told = f"the hub and its servers hold {share:.0f} % of MemoryMax ({most / GB:.3g} GB)"
    assert share <= SHARES[1], f"{told}: past 100 % the kernel kills one of them"
    if share > SHARES[0]:
        warn(told)
