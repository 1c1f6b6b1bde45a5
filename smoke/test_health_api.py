"""The API keeps to its contract, answers quickly, still lists every tool, and each under a name that agents can use."""

from __future__ import annotations

import pytest

from readiness import Limits, check, compared, listed, measure, note, unknown, warn

pytestmark = pytest.mark.health

APART = 2.2
"""Seconds within which what is counted in whole seconds has grown."""
SAMPLES = 20
BUDGET = 10.0
"""Seconds that sampling may take: a slow hub need not be asked twenty times to be proven slow."""


@check(
    "api-matches-its-contract",
    severity="high",
    settle="probe",
    topic="health",
    needs=("hub_api",),
    after=("hub-answers",),
    remedy="Compare the answer with the release's API: clients read these fields. Something in between may rewrite it.",
)
def test_api_matches_its_contract(hub, contract):
    """Every route that this version serves answers in the shape its clients rely on."""
    broken, absent = contract.problems(hub)
    if absent:
        note(f"not served by this version: {', '.join(absent)}")
    assert not broken, "; ".join(broken[:5])


@check(
    "api-answers-fast",
    severity="medium",
    settle="probe",
    topic="health",
    limits=Limits(critical=500, unit="ms", samples=SAMPLES),
    after=("hub-answers",),
    remedy="Look at the hub's CPU, at sessions that just closed and at its log's size: each can hold it up for seconds.",
)
def test_api_answers_fast(hub, limits):
    """95 % of a short series of requests are answered within the limit."""
    hub.pulse_seconds()  # the first one pays for what others left behind
    wanted = max(limits.samples, 1)
    taken: list[float] = []
    while len(taken) < wanted and sum(taken) < BUDGET * 1000:
        taken.append(hub.pulse_seconds() * 1000)
    # what was not sampled counts as instant: slow enough even so is proven slow
    least = sorted([0.0] * (wanted - len(taken)) + taken)
    p95 = least[-(-95 * wanted // 100) - 1]
    proven = len(taken) == wanted or limits.beyond(p95, limits.critical)
    measure(round(p95, 1), n=wanted if proven else len(taken), what="p95")


@check(
    "health-answers-agree",
    severity="critical",
    settle="probe",
    topic="health",
    needs=("hub_api",),
    after=("hub-answers",),
    last=True,
    remedy="Ask /api/health a few times by hand: look for a second hub, a balancer or a cache behind the address, and for what "
    "changes in the hub's log at those times.",
)
def test_health_answers_agree(hub, readiness_config):
    """What health says in one look it says in the next, and nothing in it contradicts the rest."""
    looks = hub.looked_apart(min(APART, 1.1 * readiness_config.probe.interval))
    wrong = looks.contradictions()
    compared(expected="answers that agree", actual="; ".join(wrong) or f"{looks.count} that agree")
    assert not wrong, "; ".join(wrong)
    for text in looks.oddities():
        warn(text)


@check(
    "events-stream",
    severity="medium",
    settle="probe",
    topic="health",
    needs=("hub_api",),
    after=("hub-answers",),
    remedy="Clients follow /api/events: let the proxy stream it (no buffering), and see whether the hub is overloaded.",
)
def test_events_stream(hub):
    """The event stream opens and begins with the hub's state."""
    wrong = hub.wrong(hub.hub_state)
    assert not wrong, wrong


@check(
    "tools-are-the-accepted-ones",
    severity="high",
    settle="probe",
    topic="health",
    needs=("accepted_tools",),
    after=("hub-answers",),
    remedy="Read what changed: agents act on it. If it is meant, `readiness baseline --accept-tools`; else take the server away.",
)
def test_tools_are_the_accepted_ones(hub, accepted_tools):
    """Agents are offered the tools that a person accepted: names, descriptions, schemas and annotations, on all pages."""
    differences = accepted_tools.differences(hub.server_tools())
    compared(expected="the accepted tools", actual=f"{len(differences)} differences")
    assert not differences, listed(differences, 6)


@check(
    "no-tool-disappeared",
    severity="high",
    settle="probe",
    topic="health",
    after=("hub-answers",),
    remedy="If the tool was taken away on purpose, delete inventory.json from the report folder; else see its server.",
)
def test_no_tool_disappeared(hub, inventory):
    """Every tool of the last good run is still listed."""
    now = inventory.of(hub.server_tools(), hub.tools())
    inventory.note(now)
    before = inventory.last_good()
    if before is None:
        # nothing can have disappeared from nothing: were this unknown, no first run could ever be READY
        note("the first inventory of this environment: nothing to compare with")
        return
    gone = [
        f"{server}/{tool}".lstrip("/")
        for server, tools in before.items()
        for tool in tools
        if tool not in now.get(server, {})
    ]
    changed = [
        f"{server}/{tool}".lstrip("/")
        for server, tools in before.items()
        for tool in tools
        if now.get(server, {}).get(tool, tools[tool]) != tools[tool]
    ]
    compared(expected=f"{sum(map(len, before.values()))} known tools", actual=f"{len(gone)} of them missing")
    if changed:
        note(f"changed since the last good run: {', '.join(changed[:5])}")
    assert not gone, f"gone since the last good run: {', '.join(gone[:8])}"


@check(
    "server-names-stay-distinct",
    severity="medium",
    settle="probe",
    topic="health",
    needs=("server_status",),
    after=("hub-answers",),
    remedy="Rename one of the servers in the hub's configuration: agents see letters and digits, all else becomes _.",
)
def test_server_names_stay_distinct(hub, deployed):
    """Agents can tell every server's tools from every other's by their names."""
    servers, clashes = hub.health().servers, hub.name_clashes()
    if not servers and deployed.declared_empty:
        note("no servers are declared")
        return
    if not servers:
        unknown("the hub lists no servers: no name was looked at")
    compared(expected=f"{len(servers)} servers with names of their own", actual=f"{len(clashes)} clashes")
    assert not clashes, "; ".join(clashes[:5])


@check(
    "tool-names-are-short-enough",
    severity="medium",
    settle="probe",
    topic="health",
    limits=Limits(critical=64, unit="characters"),
    after=("hub-answers", "tools-are-listed"),
    remedy="Shorten the server's name in the hub's configuration: it stands in front of each of its tools, with __.",
)
def test_tool_names_are_short_enough(hub, deployed, limits):
    """No tool's name is longer than the APIs of language models take: one that is breaks the whole agent."""
    names = hub.offered_names()
    if not names and deployed.declared_empty:
        note("no servers are declared, so there are no tools")
        return
    if not names:
        unknown("the hub lists no tools: no name was looked at")
    longest = max(map(len, names))
    too_long = [name for name in names if limits.beyond(len(name), limits.critical)]
    compared(expected=f"at most {limits.critical:g} characters", actual=f"{longest} characters")
    assert not too_long, (
        f"with the server's name in front, as agents see them, {len(too_long)} of {len(names)} names are longer than "
        f"{limits.critical:g} characters: {', '.join(f'{name[:120]} ({len(name)})' for name in too_long[:5])}"
    )
    measure(longest, what="the longest name has")
