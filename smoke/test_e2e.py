"""The agent's path: a session opens, lists, analyses, calls, is kept apart from others, and leaves the hub as it was."""

from __future__ import annotations

import dataclasses
import json

import pytest

from readiness import Limits, check, compared, listed, measure, mended_by, note, unknown, warn

pytestmark = pytest.mark.e2e

OPENED = "mcp-session-initialises"
LISTED = "tools-list-over-mcp"
ANALYSED = "prompt-analysis-exposes-tools"
CONNECTIONS = 8
"""New connections that one session is asked over: of two processes in turn or by chance, one meets nearly surely the other."""
SHORT_STALL, LONG_STALL = 50, 300
"""Milliseconds that a hub may stand still while a session closes, and that one of `KNOWN_TO_STALL` may."""
KNOWN_TO_STALL = frozenset({"4.2.1"})
"""Versions that write a long log entry whenever a session closes."""


@check(
    "mcp-session-initialises",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    after=("hub-answers",),
    remedy="Agents connect to /mcp; behind a proxy forward /mcp and the announced /messages without buffering.",
)
def test_mcp_session_initialises(agent):
    """An agent's own SDK opens a session and agrees on a protocol."""
    sessions = []
    wrong = agent.wrong(lambda: sessions.append(agent.opened()))
    _report_what_broke_inside(agent, wrong, "initialize")
    assert not wrong, wrong
    note(f"spoken over {sessions[0].wire}, protocol {sessions[0].protocol}, with {sessions[0].server or 'no name'}")
    _note_time(agent, "initialize")


def _report_what_broke_inside(agent, wrong, asked):
    if remedy := agent.report_of(wrong, asked):
        mended_by(remedy)


def _note_time(agent, method):
    if words := agent.took(method):
        note(words)


@check(
    "tools-list-over-mcp",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    after=("hub-answers", OPENED),
    remedy="Compare with GET /api/tools: restart a server whose tools are missing, rename servers and tools that clash.",
)
def test_tools_list_over_mcp(agent, deployed):
    """An agent is offered tools, each with its server's name, once, and with a schema that it can use."""
    lists = []
    wrong = agent.wrong(lambda: lists.append(agent.listed()))
    _report_what_broke_inside(agent, wrong, "tools/list")
    assert not wrong, agent.hub.beside_its_health(wrong)
    tools = lists[0]
    _note_time(agent, "tools/list")
    compared(expected="at least 1 tool", actual=f"{len(tools)} tools")
    if not tools and deployed.declared_empty:
        note("no servers are declared, so there are no tools")
        return
    assert tools, "the agent is offered no tools"
    problems = agent.wrong_list(tools)
    assert not problems, "; ".join(problems[:5])
    gone = agent.not_offered(tools)
    assert not gone, f"listed over HTTP, not offered to agents: {', '.join(gone[:5])}"


@check(
    "prompt-analysis-exposes-tools",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    needs=("filtering", "llm", "prompt_analysis"),
    after=("hub-answers", LISTED),
    remedy="Read the hub's log about its LLM (key, quota, baseURL); llmCategorization decides which tools an agent gets.",
)
def test_prompt_analysis_exposes_tools(agent):
    """The analysis of a prompt exposes the tools of the categories that it promises, and no others."""
    found = []
    wrong = agent.wrong(lambda: found.append(agent.analysis()))
    assert not wrong, wrong
    analysis = found[0]
    assert not analysis.trouble, analysis.trouble
    named = ", ".join(analysis.categories[:5])
    compared(expected=f"the tools of {named}", actual=f"{len(analysis.exposed)} tools exposed")
    assert analysis.exposed, f"it promised {named}, and the agent is offered no further tool"
    lacking = sorted((analysis.promised or frozenset()) - analysis.exposed)
    assert not lacking, f"it promised {named}, and these were not exposed: {', '.join(lacking[:5])}"
    assert not analysis.strange, f"it promised {named}, and exposed also {', '.join(sorted(analysis.strange)[:5])}"
    if analysis.promised is None:
        note("this hub publishes no categories of its tools: which ones it promised cannot be told")


@check(
    "tool-list-change-is-notified",
    severity="medium",
    needs=("filtering", "llm", "prompt_analysis"),
    after=("hub-answers", ANALYSED),
    remedy="Agents keep the list they have until notifications/tools/list_changed comes: see the hub's and proxy's streams.",
)
def test_tool_list_change_is_notified(agent):
    """An agent is told when its list of tools has changed."""
    analysis = agent.analysis()
    if not analysis.exposed:
        unknown(f"blocked by {ANALYSED}: the list did not change")
    assert agent.notice(analysis), "the list of tools changed, and the agent was not notified of it"


@check(
    "tool-call-returns-its-result",
    severity="critical",
    rollback="validation-failure",
    settle="probe",
    after=("hub-answers", LISTED, ANALYSED),
    remedy="Call it by hand (POST /api/servers/tools) and read the hub's log; stop and start a server that is not connected.",
)
def test_tool_call_returns_its_result(agent, deployed, tool_call, readiness_config):
    """A real call on each configured server gives the answer that is expected."""
    if tool_call is None:
        if deployed.declared_empty:
            note("no servers are declared, so there is nothing to call")
            return
        if not readiness_config.target.kind.is_hub:
            unknown(
                'no harmless call is configured: add to readiness.toml [[expect.tool_call]] tool = "…", contains = "…"'
            )
        unknown("no server is configured: add [expect] servers, and an [[expect.tool_call]] for each")
    if tool_call.other is not None and not tool_call.other.resource:
        note(f"nothing is called on {tool_call.server}: {tool_call.other.nothing_to_call}")
    elif tool_call.call is None and tool_call.other is None:
        unknown(
            f"no harmless call of {tool_call.server} is configured: add to readiness.toml "
            f'[[expect.tool_call]] server = "{tool_call.server}", tool = "…", contains = "…"; '
            'or resource = "…" in place of the tool, or nothing_to_call = "why"'
        )
    wrong = agent.wrong_asked(tool_call)
    _note_time(agent, "tools/call")
    asked = tool_call.call or tool_call.other
    compared(expected=asked.contains or "an answer", actual="" if wrong else "it came")
    if tool_call.call is not None:
        _report_what_broke_inside(
            agent, wrong, f"tools/call {tool_call.call.tool} {json.dumps(dict(tool_call.call.arguments))[:500]}"
        )
    if wrong and agent.enough_without(tool_call.server):
        warn(wrong)
        return
    assert not wrong, agent.hub.beside_its_health(wrong)


@check(
    "agents-get-in-through-the-public-address",
    severity="critical",
    settle="probe",
    needs=("public_address",),
    after=("hub-answers", OPENED),
    remedy="Connect as an agent does, to [target] url + /mcp: let the proxy forward POST, GET and DELETE of /mcp and POST of "
    "/messages, without a login page, without a challenge and without buffering.",
)
def test_agents_get_in_through_the_public_address(agent, front):
    """A session and a call work at the address that agents use, and not only at the hub's own port."""
    if front is None:
        note("[target] url is where every other check asks")
        return
    way = agent.way_in(front)
    compared(expected="a session, its tools and a call", actual=way.wrong or f"{len(way.tools)} tools")
    assert not way.wrong, way.wrong
    assert way.tools or not way.gone, "through [target] url: no tool is offered"
    if way.gone:
        warn(f"offered at the hub's own port, and not through [target] url: {', '.join(way.gone[:5])}")
    note(f"called through [target] url: {way.called or 'nothing, since no configured call is offered at once'}")


@check(
    "session-outlives-silence",
    severity="medium",
    needs=("held_session",),
    after=("hub-answers", OPENED),
    remedy="Something cuts streams that are silent: let the proxy keep them open (nginx: proxy_read_timeout 1h for /mcp and /messages).",
)
def test_session_outlives_silence(agent, readiness_config):
    """A session in which nothing is asked for a while can be used afterwards."""
    seconds = readiness_config.probe.hold
    wrong = agent.held(seconds)
    compared(expected="its tools are listed", actual=wrong or f"after {seconds:g} s they are")
    assert not wrong, wrong


@check(
    "unknown-tool-is-a-protocol-error",
    severity="medium",
    after=("hub-answers", OPENED),
    remedy="An agent that misspells a tool must hear of it: report it with the hub's version.",
)
def test_unknown_tool_is_a_protocol_error(agent):
    """A call of a tool that does not exist ends as a protocol error."""
    refusals = []
    wrong = agent.wrong(lambda: refusals.append(agent.refusals.unknown_tool()))
    assert not wrong, wrong
    compared(expected="a protocol error", actual=refusals[0].how)
    assert refusals[0].refused, str(refusals[0])
    if refusals[0].odd:
        warn(str(refusals[0]))


@check(
    "malformed-requests-are-refused",
    severity="medium",
    after=("hub-answers", OPENED),
    remedy="What breaks the protocol must end as an error, at once: report it with the hub's version.",
)
def test_malformed_requests_are_refused(agent):
    """Wrong arguments, huge ones, broken JSON, unknown protocols and ended or foreign sessions are refused, and the session lives on."""
    refusals = []
    wrong = agent.wrong(lambda: refusals.extend(agent.refusals.every()))
    assert not wrong, wrong
    told = [refusal for refusal in refusals if not refusal.refused]
    compared(expected=f"{len(refusals)} refused", actual=f"{len(refusals) - len(told)} refused")
    assert not told, "; ".join(map(str, told))
    broken = agent.refusals.still_works()
    assert not broken, f"afterwards the session is broken: {broken}"
    for refusal in refusals:
        if refusal.odd:
            warn(str(refusal))


@check(
    "concurrent-sessions-work",
    severity="high",
    limits=Limits(critical=3, unit="sessions", better="higher"),
    after=("hub-answers", LISTED),
    remedy="See the hub's log and its limits on connections (LimitNOFILE, the proxy's worker_connections).",
)
def test_concurrent_sessions_work(agent, limits):
    """Several agents at once each get a session and the answers to their own calls."""
    wanted = agent.at_once(limits.critical)
    opened = agent.open_together(wanted)
    try:
        assert not opened.trouble, f"{len(opened.sessions)} of {wanted} sessions opened: {opened.trouble}"
        mixed = agent.mixed_up(opened.sessions)
        compared(expected=f"{wanted} sessions", actual=f"{wanted - len(mixed)} sessions")
        assert not mixed, f"of {wanted} sessions at once: {'; '.join(mixed[:5])}"
    finally:
        agent.closed(*opened.sessions)


@check(
    "sessions-survive-new-connections",
    severity="high",
    needs=("sessions",),
    after=("hub-answers", OPENED),
    remedy="Several processes behind one address share no sessions: let the balancer send a session to one of them (by "
    "Mcp-Session-Id or cookie), run one, or keep the sessions in a common store.",
)
def test_sessions_survive_new_connections(agent, front):
    """A session is known on every connection, whichever process of several answers it."""
    answers = []
    wrong = agent.wrong(lambda: answers.append(agent.strange_connections(front, CONNECTIONS)))
    assert not wrong, wrong
    if answers[0] is None:
        note("initialize gave no session id: each request stands alone")
        return
    compared(expected="the session is known on every connection", actual=f"{len(answers[0])} do not know it")
    assert not answers[0], (
        f"{len(answers[0])} of {CONNECTIONS} new connections do not know the session: {answers[0][0]}"
    )


@check(
    "sessions-are-isolated",
    severity="critical",
    rollback="security",
    after=("hub-answers", LISTED, ANALYSED),
    remedy="Agents see each other's tools or answers: let nobody in, go back, and report it with the hub's version and log.",
)
def test_sessions_are_isolated(agent):
    """An agent gets neither the tools that another one was shown nor an answer to what it did not ask."""
    proofs = agent.crosstalk()
    compared(expected="nothing of another session", actual=f"{len(proofs)} times what is another's")
    assert not proofs, listed(proofs, 2)


@check(
    "session-close-does-not-stall-the-hub",
    severity="high",
    limits=Limits(warning=SHORT_STALL, critical=1000, unit="ms"),
    after=("hub-answers", OPENED),
    remedy="Each agent that leaves freezes the hub for all others: see its log for what it writes then, and update it.",
)
def test_session_close_does_not_stall_the_hub(agent, limits):
    """The hub goes on answering while an agent's session closes."""
    stall = agent.stall(limits.warning)
    note(f"health was asked {stall.samples} times while a session closed")
    version = agent.hub.health().version if agent.hub.kind.is_hub else None
    if version in KNOWN_TO_STALL and limits.warning == SHORT_STALL:
        # nobody can mend it in place, so it is no warning about this deploy
        note(f"MCP Hub {version} is known to stand still for up to {LONG_STALL} ms whenever a session closes")
        limits = dataclasses.replace(limits, warning=LONG_STALL)
    measure(round(stall.seconds * 1000, 1), limits=limits, what="health stood still for")


@check(
    "hub-survives-the-workflow",
    severity="critical",
    rollback="validation-failure",
    after=("hub-answers", OPENED),
    remedy="Something that an agent does ends or cripples the hub: read its log's last lines, and hold the deploy.",
)
def test_hub_survives_the_workflow(agent_afterwards, hub_unprobed, before_the_workflow):
    """After all this the same process answers as fast as before, with the same servers."""
    agent, hub = agent_afterwards, hub_unprobed
    if "identity" in hub.kind.lacks:
        _survived(agent, hub)
        return
    if before_the_workflow is None:
        unknown("which process answered before the workflow was never learnt")
    hub.new_attempt()
    gone = hub.trouble()
    deed = f"; {agent.last_deed}" if agent.last_deed else ""
    assert not gone, f"process {before_the_workflow['pid']} answered before the workflow, and now: {gone}{deed}"
    slow = agent.closed_all()
    hub.new_attempt()
    now = hub.identity().pid
    compared(expected=f"process {before_the_workflow['pid']}", actual=f"process {now}")
    if now != before_the_workflow["pid"] and hub.answers_by_turns(before_the_workflow["pid"]):
        pytest.fail(f"two hubs answer by turns, processes {before_the_workflow['pid']} and {now}", pytrace=False)
    assert now == before_the_workflow["pid"], (
        f"process {before_the_workflow['pid']} answered before the workflow, {now} after it: the hub was restarted{deed}"
    )
    lost = sorted(set(before_the_workflow["connected"]) - set(agent.connected()))
    assert not lost, f"connected before the workflow, and no longer: {', '.join(lost)}"
    assert slow is None, f"health took {agent.usual * 1000:.0f} ms before the workflow, and {slow:.2f} s long after it"


def _survived(agent, hub):
    """Of a target that names no process: that it still answers, as fast as before."""
    if not agent.has_begun:
        unknown("no agent was at work before this")
    hub.new_attempt()
    gone = hub.trouble()
    compared(expected="it answers", actual=gone or "it does")
    assert not gone, f"it answered before the workflow, and now: {gone}"
    slow = agent.closed_all()
    assert slow is None, (
        f"an answer took {agent.usual * 1000:.0f} ms before the workflow, and {slow:.2f} s long after it"
    )
