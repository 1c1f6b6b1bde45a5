"""The API keeps to its contract, answers quickly, and still lists every tool."""

from __future__ import annotations

import pytest

from readiness import Limits, check, compared, measure, note

pytestmark = pytest.mark.health

SAMPLES = 20
BUDGET = 10.0
"""Seconds that sampling may take: a slow hub need not be asked twenty times to be proven slow."""


@check(
    "api-matches-its-contract",
    severity="high",
    settle="probe",
    topic="health",
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
    hub.time("/api/health")  # the first one pays for what others left behind
    wanted = max(limits.samples, 1)
    taken: list[float] = []
    while len(taken) < wanted and sum(taken) < BUDGET * 1000:
        taken.append(hub.time("/api/health") * 1000)
    # what was not sampled counts as instant: slow enough even so is proven slow
    least = sorted([0.0] * (wanted - len(taken)) + taken)
    p95 = least[-(-95 * wanted // 100) - 1]
    proven = len(taken) == wanted or limits.beyond(p95, limits.critical)
    measure(round(p95, 1), n=wanted if proven else len(taken), what="p95")


@check(
    "events-stream",
    severity="medium",
    settle="probe",
    topic="health",
    after=("hub-answers",),
    remedy="Clients follow /api/events: let the proxy stream it (no buffering), and see whether the hub is overloaded.",
)
def test_events_stream(hub):
    """The event stream opens and begins with the hub's state."""
    wrong = hub.wrong(hub.hub_state)
    assert not wrong, wrong


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
    gone = [f"{server}/{tool}" for server, tools in before.items() for tool in tools if tool not in now.get(server, {})]
    changed = [
        f"{server}/{tool}"
        for server, tools in before.items()
        for tool in tools
        if now.get(server, {}).get(tool, tools[tool]) != tools[tool]
    ]
    compared(expected=f"{sum(map(len, before.values()))} known tools", actual=f"{len(gone)} of them missing")
    if changed:
        note(f"changed since the last good run: {', '.join(changed[:5])}")
    assert not gone, f"gone since the last good run: {', '.join(gone[:8])}"
