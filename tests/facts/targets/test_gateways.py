"""LiteLLM and ContextForge, from their recorded answers: ready, the servers behind them, the build, and what is never asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from readiness.cli import init
from readiness.findings import Outcome
from tests.facts.targets.test_kinds import GENERIC, configured, judged, outcomes
from tests.helpers.mcp_target import ECHO, NOW, McpTarget, serve

RECORDED = Path(__file__).parent / "recorded"
CALL = (
    '[[expect.tool_call]]\nserver = "billing"\ntool = "echo"\narguments = { message = "ready?" }\ncontains = "ready?"\n'
)
SERVERS = "mcp-servers-are-connected"


def recorded(name: str) -> dict[str, Any]:
    """The GETs of a product as they were recorded, as routes of a double."""
    document = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return {route: (answer["status"], answer["body"]) for route, answer in document.items()}


def gateway(name: str) -> McpTarget:
    """A double of a gateway with its recorded routes and two tools of one server."""
    endpoint = "/mcp/" if name == "contextforge" else "/mcp"
    tools = [tool | {"name": f"billing-{tool['name']}"} for tool in (ECHO, NOW)]
    return McpTarget(name=name, endpoint=endpoint, routes=recorded(name), tools=tools, has_sessions=name == "litellm")


@pytest.mark.parametrize("name", ["litellm", "contextforge"])
def test_a_healthy_gateway_passes_every_check_that_applies(name: str, tmp_path: Path) -> None:
    """With all servers well everything that applies passes, and nothing is asked that costs money or is a hub's."""
    with serve(gateway(name)) as target:
        config = configured(tmp_path, target.url, name, rest=CALL)
        assert outcomes(config, tmp_path / "run", (*GENERIC, SERVERS)) == {}
        assert not {path for path in target.paths() if path.startswith("/api/")}
        assert name != "litellm" or "/health" not in target.paths()


def test_an_unhealthy_server_of_litellm_is_named(tmp_path: Path) -> None:
    """One MCP server that never starts fails the check of servers, while readiness stays healthy."""
    with serve(gateway("litellm")) as target:
        route = "/v1/mcp/server/health"
        target.routes[route] = (200, [dict(one) for one in target.routes[route][1]])
        target.routes[route][1][0]["status"] = "unhealthy"
        found = judged(
            configured(tmp_path, target.url, "litellm", rest=CALL), tmp_path / "run", ["hub-is-ready", SERVERS]
        )
    assert found["hub-is-ready"].outcome is Outcome.PASSED
    assert (found[SERVERS].outcome, found[SERVERS].reason) == (
        Outcome.FAILED,
        "1 of 2 servers are not connected: everything is unhealthy",
    )


OUTCOMES = "litellm.ai/server_outcomes"
NO_RIGHT = (403, {"error": "no admin"})


def listing(target: McpTarget, **outcomes: dict[str, Any]) -> Any:
    """A list of tools that says how each server's part of it ended."""
    return lambda: {"result": {"tools": target.tools, "_meta": {OUTCOMES: outcomes}}}


def test_a_server_that_litellm_could_not_list_is_named(tmp_path: Path) -> None:
    """It serves the tools of the others, and its own health may call that server well: the list's own word counts."""
    with serve(gateway("litellm")) as target:
        config = configured(tmp_path, target.url, "litellm", rest=CALL)
        well = {"billing": {"status": "ok", "tool_count": 2}}
        target.listing = listing(target, **well, everything={"status": "ok", "tool_count": 13})
        assert outcomes(config, tmp_path / "well", ["hub-is-ready", SERVERS]) == {}
        target.listing = listing(target, **well, everything={"status": "forbidden", "http_status": 403})
        lost = {
            SERVERS: (
                "failed",
                "1 of 2 servers are not connected: everything is not in the agents' list (forbidden, HTTP 403)",
            )
        }
        assert outcomes(config, tmp_path / "lost", ["hub-is-ready", SERVERS]) == lost
        target.routes["/v1/mcp/server"] = target.routes["/v1/mcp/server/health"] = NO_RIGHT
        assert outcomes(config, tmp_path / "without the right", ["hub-is-ready", SERVERS]) == lost


def test_an_unreachable_gateway_of_contextforge_is_named(tmp_path: Path) -> None:
    """A gateway that is enabled and was not reachable fails; one that is disabled is not expected."""
    with serve(gateway("contextforge")) as target:
        status, gateways = target.routes["/gateways"]
        lost = gateways[1] | {"reachable": False, "lastError": "no route"}
        target.routes["/gateways"] = (status, [gateways[0], lost])
        config = configured(tmp_path, target.url, "contextforge", rest=CALL)
        assert outcomes(config, tmp_path / "a", [SERVERS]) == {
            SERVERS: ("failed", "1 of 2 servers are not connected: everything is not reachable (no route)")
        }
        target.routes["/gateways"] = (status, [gateways[0], lost | {"enabled": False}])
        assert outcomes(config, tmp_path / "b", [SERVERS]) == {}


@pytest.mark.parametrize(
    ("name", "route", "answer", "told"),
    [
        ("contextforge", "/health", (200, {"status": "unhealthy"}), "unhealthy (/health answers 200)"),
        ("contextforge", "/ready", (503, {"status": "not ready"}), "not ready (/ready answers 503)"),
        ("litellm", "/health/readiness", (503, {"status": "unhealthy"}), "unhealthy (/health/readiness answers 503)"),
    ],
)
def test_a_gateway_that_is_not_ready_says_so(
    name: str, route: str, answer: tuple[int, Any], told: str, tmp_path: Path
) -> None:
    """What its own routes say about being ready is judged, also where the status is 200."""
    with serve(gateway(name)) as target:
        target.routes[route] = answer
        found = judged(configured(tmp_path, target.url, name, rest=CALL), tmp_path / "run", ["hub-is-ready"])
    assert found["hub-is-ready"].outcome is Outcome.FAILED
    assert told in found["hub-is-ready"].reason
    assert found["hub-is-ready"].reason.endswith("while agents are offered 2 tools")
    assert "the hub" not in found["hub-is-ready"].reason


@pytest.mark.parametrize(
    ("name", "routes"), [("litellm", ("/v1/mcp/server", "/v1/mcp/server/health")), ("contextforge", ("/gateways",))]
)
def test_what_may_not_be_read_is_unknown(name: str, routes: tuple[str, ...], tmp_path: Path) -> None:
    """A key without the right to list servers leaves them unproven, not bad, and everything else as it was."""
    with serve(gateway(name)) as target:
        for route in routes:
            target.routes[route] = NO_RIGHT
        found = outcomes(configured(tmp_path, target.url, name, rest=CALL), tmp_path / "run", (*GENERIC, SERVERS))
    assert {check: outcome for check, (outcome, _) in found.items()} == {SERVERS: "unknown"}


@pytest.mark.parametrize(
    ("name", "shown"), [("contextforge", 'version = "1.0.7-20260921"'), ("litellm", '# version = ""  # it shows none')]
)
def test_a_first_file_names_the_build_and_a_call_of_each_server(name: str, shown: str, tmp_path: Path) -> None:
    """The version is the product's and not its library's; names of tools begin with their server's, also that of an echo."""
    double = gateway(name)
    double.tools += [tool | {"name": f"stock-{tool['name']}"} for tool in (NOW,)]
    double.version = "1.30.0"
    with serve(double) as target:
        text, _ = init.first_file(target.url + double.endpoint, None, tmp_path)
    assert shown in text
    assert "1.30.0" not in text
    assert [line for line in text.splitlines() if line.startswith("tool = ")] == [
        'tool = "billing-echo"',
        'tool = "stock-now"',
    ]


def test_the_build_of_contextforge_is_read_at_its_own_route(tmp_path: Path) -> None:
    """`/version` names the build; another one than was deployed is told."""
    check = "hub-is-the-expected-release"
    with serve(gateway("contextforge")) as target:
        right = configured(tmp_path, target.url, "contextforge", 'version = "1.0.7-20260921"', CALL)
        assert outcomes(right, tmp_path / "a", [check]) == {}
        wrong = configured(tmp_path, target.url, "contextforge", 'version = "1.0.8"', CALL)
        assert outcomes(wrong, tmp_path / "b", [check])[check][0] == "failed"
