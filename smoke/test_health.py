"""The hub that was deployed answers, is ready, serves its servers and tools to agents, and stays up."""

from __future__ import annotations

import time

import pytest

from readiness import Limits, check, compared, measure, mended_by, note, unknown, warn

_OFTEN = 10.0
"""Seconds between two lines that say what is waited for."""

pytestmark = pytest.mark.health

READY = ("ready", "restarted")
"""`restarted` stays for ever after a restart over the API: it is ready too."""
SECOND_READ = 1.1
"""Seconds after which an uptime that is counted in whole seconds must have grown."""
TURNS = (
    "two hubs answer by turns, processes {} and {}: sessions break where the balancer is not sticky, and nothing of one is "
    "proven by the other; set [target] internal_url to one hub's own port, and judge each"
)
GONE = "listed as connected with an uptime of 0: its process is gone"


@check(
    "hub-answers",
    severity="critical",
    rollback="startup-failure",
    settle="probe",
    remedy="Look whether the process runs and listens: `systemctl status mcp-hub`, `ss -ltnp`; then at its log.",
)
def test_hub_answers(hub_unprobed):
    """An MCP Hub answers on its port, in JSON and in time."""
    trouble = hub_unprobed.trouble()
    assert not trouble, hub_unprobed.beside_its_health(trouble)


@check(
    "hub-is-ready",
    severity="critical",
    rollback="startup-failure",
    settle="startup",
    after=("hub-answers",),
    remedy="Look at the hub's log; a server that never connects keeps the hub starting: mend or disable it.",
)
def test_hub_is_ready(hub):
    """The hub reports that it is ready, not merely alive."""
    health = hub.health()
    compared(expected=" or ".join(READY), actual=health.state)
    if health.state in READY:
        return
    waiting = [one.name for one in (health.servers if hub.kind.is_hub else ()) if one.status == "connecting"]
    held_up = f"; still connecting: {', '.join(waiting)}" if waiting else ""
    pytest.fail(f"the hub's state is {health.state!r}{held_up}{hub.beside_its_agents()}", pytrace=False)


@check(
    "hub-is-the-expected-release",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    needs=("version",),
    after=("hub-answers",),
    remedy="Restart the service on the new release, or correct [target] version: `systemctl restart mcp-hub`.",
)
def test_hub_is_the_expected_release(hub, deployed):
    """What answers is the version that was deployed."""
    expected = deployed.version()
    if expected is None:
        unknown("no version is expected: set [target] version, or release to a tree with a package.json")
    running = hub.version()
    compared(expected=expected, actual=running)
    assert running.removeprefix("v") == expected.removeprefix("v"), f"{running} answers, {expected} was deployed"


@check(
    "hub-process-is-the-one-deployed",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    needs=("identity",),
    after=("hub-answers",),
    remedy="Stop the older process that still holds the port, then start the service again: `ss -ltnp` names it.",
)
def test_hub_process_is_the_one_deployed(hub, deployed):
    """The process that answers is the one that the deploy started, not an older one on the same port."""
    identity = hub.identity()
    claimed, told = identity.claimed_pid, deployed.config.target.pid
    compared(expected=f"pid {told or claimed or identity.pid}", actual=f"pid {identity.pid}")
    if identity.by == "socket":
        note(f"/api/events names no process, or was not opened: {identity.pid} is the owner of port {identity.port}")
    deployed_pid = told or claimed
    if deployed_pid not in {None, identity.pid} and hub.answers_by_turns(deployed_pid):
        pytest.fail(TURNS.format(deployed_pid, identity.pid), pytrace=False)
    assert claimed in {None, identity.pid}, (
        f"process {identity.pid} answers, but the last hub started for port {identity.port} was process {claimed}: "
        "it never got the port"
    )
    assert told in {None, identity.pid}, f"process {identity.pid} answers, but {told} was deployed"
    if claimed is None and identity.port is not None:
        warn(f"port {identity.port} is missing from the hub's workspaces: another hub was started on it, and left")
    built = deployed.built()
    if built is not None and identity.started is not None and identity.started <= built - 2:
        older = "the process is older than the release on disk"
        if identity.clock == "hub":
            unknown(f"{older} by the hub's own clock alone, which may have been set since: ask on the hub's own host")
        pytest.fail(f"{older}: it was never restarted", pytrace=False)


@check(
    "mcp-servers-are-connected",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    needs=("server_status",),
    after=("hub-answers",),
    remedy="Read the server's error in the hub's log, mend its command or variables, then stop and start that server.",
)
def test_mcp_servers_are_connected(hub, deployed):
    """Every MCP server that was deployed is connected, and its process is alive."""
    expected = deployed.servers()
    if expected == ():
        note("no servers are declared")
        return
    if expected is None:
        note("a first look: held against the hub's own list of servers")
    states = _states(hub, expected)
    assert states, "the hub runs without any MCP server; if that is meant, declare [expect] servers = []"
    lost = {name: state for name, state in states.items() if state != "connected"}
    told = ", ".join(f"{name} is {state}" for name, state in lost.items())
    enough = deployed.config.expect.min_servers or len(states)
    compared(expected=f"{len(states)} connected", actual=f"{len(states) - len(lost)} connected")
    if any(state == "without an uptime" for state in lost.values()):
        unknown(f"whether it still runs cannot be told: {told}")
    _say_the_call(hub, lost)
    assert len(states) - len(lost) >= enough, f"{len(lost)} of {len(states)} servers are not connected: {told}"
    if lost:
        warn(f"{len(lost)} of {len(states)} servers are not connected: {told}")
    torn = [s for s in hub.health().servers if s.name in states and s.status == "connected" and s.error]
    if torn:
        warn(f"connected, and with an error all the same: {', '.join(f'{s.name} ({s.error[:80]})' for s in torn[:5])}")


def _say_the_call(hub, lost):
    """Let the remedy be the call to paste, where stopping and starting a server is all or the last of what mends it."""
    gone = [name for name, state in lost.items() if state == GONE]
    down = [name for name, state in lost.items() if state.startswith("disconnected")]
    calls = "".join(f"\n    {hub.call_that_restarts(name)}" for name in (gone or down)[:3])
    if gone:
        mended_by(
            f"Stop and start it, then read in the hub's log why it ended; the hub does not do that by itself:{calls}"
        )
    elif down:
        mended_by(
            f"Read the server's error in the hub's log, mend its command or variables, then stop and start it:{calls}"
        )


def _states(hub, expected):
    """Each expected server's state; connected means that its uptime, too, says that the process lives."""
    until = time.monotonic() + SECOND_READ
    while True:
        servers = hub.health().servers
        names = tuple(server.name for server in servers) if expected is None else expected
        states = {name: _state([server for server in servers if server.name == name]) for name in names}
        # a server that was just started shows 0 for a second, one that was killed shows it for ever
        if GONE not in states.values() or time.monotonic() >= until:
            return states
        time.sleep(0.1)
        hub.new_attempt()


def _state(entries):
    """The state of one server; of one that is listed several times, the first that is not good."""
    states = [_state_of(entry) for entry in entries] or ["not listed"]
    return next((state for state in states if state != "connected"), "connected")


def _state_of(server):
    if server.status == "unauthorized":
        where = f" at {server.sign_in}" if server.sign_in else ""
        return f"unauthorized: it waits until somebody signs in{where} (the hub's own interface opens it: authorizationUrl)"
    if server.status != "connected":
        return f"{server.status} ({server.error[:80]})" if server.error else server.status
    if not server.counts_up:
        return "connected"
    if server.uptime is None:
        return "without an uptime"
    return "connected" if server.uptime > 0 else GONE


@check(
    "tools-are-listed",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    after=("hub-answers",),
    remedy="A hub without tools has no working servers: see mcp-servers-are-connected; rename servers that clash.",
)
def test_tools_are_listed(hub, deployed):
    """The hub lists the tools of its servers, each once."""
    wrong = hub.wrong(hub.tools)
    assert not wrong, hub.beside_its_health(wrong)
    names = _tool_names(hub)
    compared(expected="at least 1 tool", actual=f"{len(names)} tools")
    if not names and deployed.declared_empty:
        note("no servers are declared, so there are no tools")
        return
    assert names, "the hub lists no tools"
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    assert not twice, f"listed more than once: {', '.join(map(_named, twice[:5]))}"
    known = hub.health().servers if hub.kind.is_hub else ()  # no other kind says how much each server offers
    bare = [one.name for one in known if one.status == "connected" and one.offers == 0]
    awaited = [f"{c.server}/{c.tool}" for c in deployed.config.expect.tool_calls if c.server in bare]
    awaited = [one for one in awaited if tuple(one.split("/", 1)) not in names]
    assert not awaited, f"connected without offering anything, though a call is expected: {', '.join(awaited[:5])}"
    hub.new_attempt()
    gone = sorted(set(names) - set(_tool_names(hub)))
    assert not gone, f"listed, and a moment later no more: {', '.join(map(_named, gone[:5]))}"
    bare = [name for name in bare if name not in {one.server for one in deployed.config.expect.other_calls}]
    if bare:
        warn(f"connected, and offering nothing, no tool, no resource, no prompt: {', '.join(bare[:5])}")


def _named(name):
    return "/".join(filter(None, name))


def _tool_names(hub):
    return [(tool.server, tool.name) for tool in hub.tools()]


@check(
    "mcp-endpoint-answers",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    after=("hub-answers",),
    remedy="Agents connect to /mcp; behind a proxy forward /mcp and the announced /messages without buffering.",
)
def test_mcp_endpoint_answers(hub):
    """An agent can open a session on /mcp, and it is answered."""
    sessions = []
    wrong = hub.wrong(lambda: sessions.append(hub.agent_session()))
    assert not wrong, wrong
    note(f"spoken over {sessions[0].transport}, protocol {sessions[0].protocol}")


@check(
    "hub-stays-up",
    severity="critical",
    rollback="startup-failure",
    settle="probe",
    limits=Limits(critical=30, unit="s", better="higher"),
    needs=("identity",),
    after=("hub-answers",),
    last=True,
    remedy="Something ends the hub after its start: read the log's last lines and `journalctl -u mcp-hub`.",
)
def test_hub_stays_up(hub, first_identity, limits, progress):
    """The process that answered first still answers at the end, and is not freshly started."""
    if first_identity is None:
        unknown("which process answered at the run's start was never learnt")
    now, least = hub.identity(), limits.critical or 0
    end, said = time.monotonic() + least, -_OFTEN
    while (missing := least - now.up_for(first_identity)) > 0 and not now.is_restart_of(first_identity):
        left = end - time.monotonic()
        if missing > 1 and time.monotonic() - said >= _OFTEN:
            said = time.monotonic()
            progress(f"waiting: the hub has been up {max(now.up_for(first_identity), 0):.0f} s of {least:g}")
        # looked at while it waits: a hub that dies now must not keep the run waiting for the rest of the time
        time.sleep(max(0.01, min(missing + 0.01, left + 0.01, 1.0)))
        hub.new_attempt()
        now = hub.identity()
    if now.pid != first_identity.pid and hub.answers_by_turns(first_identity.pid):
        pytest.fail(TURNS.format(first_identity.pid, now.pid), pytrace=False)
    assert now.pid == first_identity.pid, (
        f"process {first_identity.pid} answered at the run's start, {now.pid} at its end: the hub was restarted"
    )
    assert not now.is_restart_of(first_identity), (
        f"process {now.pid} started {now.age:.0f} s ago, after the run's first look: the hub was restarted"
    )
    if now.clock != "kernel":
        note(
            "its process is not seen on this host: counted is what was watched, or the hub's own clock where it runs as ours"
        )
    measure(int(10 * now.up_for(first_identity)) / 10, what="up for")


@check(
    "mcp-servers-stay-connected",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    needs=("server_history",),
    after=("hub-answers",),
    last=True,
    remedy="Run that server's command by hand and see why it ends; the hub does not start one again by itself.",
)
def test_mcp_servers_stay_connected(hub, deployed, first_identity, server_turns):
    """Every MCP server that was connected in this run still is at its end, and did not come and go."""
    expected = deployed.servers()
    if expected == ():
        note("no servers are declared")
        return
    if first_identity is not None and hub.identity().is_restart_of(first_identity):
        unknown("the hub itself was restarted during the run, see hub-stays-up")
    states, turns = _states(hub, expected), server_turns()
    lost = [f"{turns.words(name)}, and is {state}" for name, state in states.items() if _is_lost(name, state, turns)]
    _say_the_call(hub, {name: state for name, state in states.items() if _is_lost(name, state, turns)})
    enough = deployed.config.expect.min_servers or len(states)
    compared(expected=f"{len(states)} connected", actual=f"{len(states) - len(lost)} connected")
    assert not lost or len(states) - len(lost) >= enough, "; ".join(lost)
    again = [turns.words(name) for name in states if turns.downs(name) > 1]
    assert not again, f"what ends again and again: {'; '.join(again)}"
    for words in lost + [
        turns.words(name) for name in states if turns.downs(name) == 1 and states[name] == "connected"
    ]:
        warn(words)


def _is_lost(name, state, turns):
    return state not in {"connected", "without an uptime"} and turns.was_connected(name)
