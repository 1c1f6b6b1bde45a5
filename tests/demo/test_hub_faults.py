"""Every named fault changes what its sentence says, and what a healthy hub never shows."""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from readiness.demo.faults.table import FAULTS, DemoError, find
from tests.demo import agent_looks as demo_agent_looks
from tests.demo.hub_probe import META, SECONDS, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.demo.hub_probe import Probe


def _statuses(probe: Probe) -> set[int]:
    return {probe.get().status_code for _ in range(4)}


def _waits(probe: Probe, seconds: float = SECONDS) -> bool:
    started = time.monotonic()
    probe.get()
    return time.monotonic() - started >= seconds


def _starts_slowly(probe: Probe) -> bool:
    first = probe.json()["state"]
    late = probe.hub.traits.connect_seconds >= SECONDS
    return late and first == "starting" and probe.settled()["state"] == "ready"


def _degrades(probe: Probe) -> bool:
    first = probe.get().status_code
    time.sleep(SECONDS + 0.05)
    return (first, probe.get().status_code) == (200, 503)


def _duplicates(probe: Probe) -> bool:
    names = probe.tools()
    listed = [tool["name"] for server in probe.settled()["servers"] for tool in server["capabilities"]["tools"]]
    return len(names) == 2 * len(set(names)) and len(listed) == 2 * len(set(listed))


def _dead_but_connected(probe: Probe) -> bool:
    answer = probe.call()
    return (
        probe.status() == "connected"
        and "read_graph" in probe.tools()
        and answer.json().get("error") == "Not connected"
    )


def _answers(status: int, kind: str = "json") -> Callable[[Probe], bool]:
    def seen(probe: Probe) -> bool:
        answer = probe.get()
        other = probe.http.post("/api/servers/tools", json={})
        return {answer.status_code, other.status_code} == {status} and kind in answer.headers["content-type"]

    return seen


# what to look at, by fault: true of the hub that has it, false of a healthy one
SEEN: dict[str, Callable[[Probe], bool]] = {
    "starting-for-ever": lambda p: p.settled()["state"] == "starting" and p.status() == "connecting",
    "starts-slowly": _starts_slowly,
    "error-state": lambda p: (p.settled()["state"], p.json()["status"]) == ("error", "ok"),
    "stopping": lambda p: p.settled()["state"] == "stopping",
    "flapping": lambda p: _statuses(p) == {200, 503},
    "degrades-after": _degrades,
    "server-down": lambda p: p.status() == "disconnected" and p.status("everything") == "connected",
    "server-killed": _dead_but_connected,
    "server-unauthorized": lambda p: p.status() == "unauthorized",
    "odd-server-names": lambda p: p.status("高德地图") == p.status("My Server (prod)") == "connected",
    "server-names-clash": lambda p: p.status("maps-eu") == p.status("maps.eu") == "connected",
    "no-servers": lambda p: p.settled()["servers"] == [] and p.settled()["state"] == "ready",
    "zero-tools": lambda p: p.tools() == [] and p.status() == "connected",
    "tool-missing": lambda p: bool(p.tools()) and "add" not in p.tools(),
    "duplicate-tools": _duplicates,
    "tools-fail": lambda p: p.call().json()["result"].get("isError") is True,
    "tools-answer-wrongly": lambda p: p.call().json()["result"]["content"][0]["text"] == "42",
    "wrong-version": lambda p: p.json()["version"] != "4.3.0",
    "stale-identity": lambda p: p.json()["workspaces"]["allActive"][str(p.hub.port)]["pid"] != p.hub.hub_state()["pid"],
    "foreign-server": lambda p: p.json()["server_id"] != "mcp-hub",
    "leaking-config": lambda p: p.hub.environment["OPENAI_API_KEY"] in p.get("/api/config").text,
    "stack-traces": lambda p: all("MCPHub.js" in p.get(path).text for path in ("/api/marketplace", "/api/nope")),
    "wildcard-cors": lambda p: p.get().headers.get("access-control-allow-origin") == "*",
    "open-admin": lambda p: p.http.post("/api/config", json={}).status_code == 400,
    "noisy-log": lambda p: (p.hub.state_dir / "logs" / "mcp-hub.log").read_text().count('"level": 50') > 1,
    "silent": lambda p: p.times_out(),
    "slow": _waits,
    "html-answers": _answers(200, "html"),
    "error-in-200": lambda p: p.get().status_code == 200 and "error" in p.json(),
    "truncated-json": lambda p: p.fails(json.JSONDecodeError),
    "cut-bodies": lambda p: p.fails(httpx.RemoteProtocolError),
    "endless-body": lambda p: p.endless(),
    "wrong-types": lambda p: isinstance(p.json("/api/servers")["servers"], str),
    "not-a-number": lambda p: "NaN" in p.get().text,
    "invalid-utf8": lambda p: p.fails(UnicodeDecodeError),
    "lone-surrogates": lambda p: "\ud800" in p.json()["servers"][0]["description"],
    "redirect-loop": lambda p: p.get().headers.get("location") == "/api/health",
    "unauthorized": _answers(401),
    "forbidden": _answers(403),
    "not-found": _answers(404),
    "rate-limited": _answers(429),
    "internal-errors": _answers(500),
    "bad-gateway": _answers(502, "html"),
    "server-errors": _answers(503),
    "filtering-off": lambda p: p.stats()["enabled"] is False and META not in p.listed(p.session()),
    "llm-off": lambda p: p.stats()["llm"]["enabled"] is False and "error" in json.dumps(p.analyse(p.session())),
    "no-telemetry": lambda p: not {"llm", "llmCache"} & p.stats().keys(),
    "telemetry-malformed": lambda p: p.stats()["llm"]["successRate"] == "187%",
    "breaker-open": lambda p: p.stats()["llm"]["circuitBreakerState"] == "open" and p.stats()["llm"]["failures"] >= 3,
    "breaker-half-open": lambda p: p.stats()["llm"]["circuitBreakerState"] == "half-open",
    "success-rate-low": lambda p: p.stats()["llm"]["successRate"] == 0.75 and p.stats()["llm"]["totalCalls"] >= 20,
    "llm-slow": lambda p: (p.stats()["llm"]["p95Latency"] or 0) > 5_000,
    "cache-cold": lambda p: p.stats()["llmCache"]["hitRate"] == 0.1,
    "queue-deep": lambda p: p.stats()["llm"]["queueDepth"] > 50,
    "cost-spike": lambda p: p.stats()["llm"]["costPerDay"] > 100,
    "events-silent": lambda p: p.first_events() == 0,
    "mcp-silent": lambda p: p.mcp_times_out(),
    "mcp-missing": lambda p: p.rpc("ping").status_code == 404 and p.get("/api/health").status_code == 200,
    "legacy-only": lambda p: p.rpc("ping").status_code == 404,
    "messages-missing": lambda p: "Cannot POST" in p.http.post("/messages?sessionId=x", json={}).text,
    "exposes-nothing": lambda p: p.exposes_nothing(),
    "list-change-silent": lambda p: "list_changed" not in p.analyse(p.session()),
    "sessions-leak": lambda p: p.others_see(),
    "unknown-tool-succeeds": lambda p: p.unknown_tool_result(),
    "close-stalls": lambda p: p.closing_stalls(),
    **demo_agent_looks.SEEN,
}
ALONE = {"third-session-refused", "llm-failure-kills"}  # what looks at these leaves traces in a healthy hub
PROCESS = {"dies-after", "restarts", "memory-grows"}  # shown where each hub has a process of its own


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[str | None], Probe]]:
    """Serves a hub with a fault, or a healthy one for None."""
    with serving() as start:
        yield start


@pytest.fixture(scope="module")
def healthy(serve: Callable[[str | None], Probe]) -> Iterator[Probe]:
    """A hub without any fault."""
    with serve(None) as probe:
        yield probe


@pytest.mark.parametrize("name", SEEN)
def test_fault_is_seen(serve: Callable[[str | None], Probe], healthy: Probe, name: str) -> None:
    """A client sees the fault on the hub that has it, and not on the healthy one."""
    # of a fault that begins at the start, only a hub that starts now tells anything
    begins = FAULTS[name].llm is not None or name in ALONE | {"starting-for-ever", "starts-slowly"}
    with serve(name) as broken:
        # looked at before another one starts: a fault of the start is over soon
        assert SEEN[name](broken) is True
        with serve(None) if begins else contextlib.nullcontext(healthy) as sound:
            assert SEEN[name](sound) is False


def test_every_fault_has_its_look() -> None:
    """No fault of the table goes untried."""
    assert SEEN.keys() | PROCESS == FAULTS.keys()
    assert len(FAULTS) >= 115


def test_table_reads_well() -> None:
    """Names are kebab-case, sentences end, and those that mention seconds have a number of them."""
    for name, fault in FAULTS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert fault.sentence.endswith(".")
        assert ("SECONDS" in fault.sentence) == (fault.seconds is not None)


def test_unknown_name_gets_a_suggestion() -> None:
    """A misspelt name is refused with the nearest right one, and a wild one with where the list is."""
    assert find("slow") is FAULTS["slow"]
    with pytest.raises(DemoError, match="did you mean 'server-killed'"):
        find("server-kiled")
    with pytest.raises(DemoError, match="--list-faults"):
        find("qqqq")


def test_killed_server_comes_back_by_stop_and_start(serve: Callable[[str | None], Probe]) -> None:
    """As in the real hub, a killed server stays dead until it is stopped and started."""
    with serve("server-killed") as probe:
        assert probe.call().json()["error"] == "Not connected"
        for verb in ("stop", "start"):
            assert probe.http.post(f"/api/servers/{verb}", json={"server_name": "memory"}).status_code == 200
        assert "entities" in probe.call().json()["result"]["structuredContent"]
