"""Every kind of target is judged as what it is: what it lacks is left out with a reason, what it has is asked at its own routes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config import KINDS
from readiness.config.loading import load
from readiness.findings import Finding, Outcome
from readiness.session.plan.planning import Scope, catalogue
from readiness.session.run_one import CheckRunner
from readiness.session.setup import deployed_claims
from tests.helpers.mcp_target import ECHO, serve

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from readiness.config.model import Config

QUICK = "[probe]\nattempts = 1\ninterval = 0.05\ntimeout = 2.0\nsettle = 0.5\n"
CALL = '[[expect.tool_call]]\ntool = "echo"\narguments = { message = "ready?" }\ncontains = "ready?"\n'
GENERIC = (
    *("hub-answers", "hub-is-ready", "tools-are-listed", "mcp-endpoint-answers", "api-answers-fast"),
    *(
        "api-discloses-no-secret",
        "errors-hide-internals",
        "no-tool-disappeared",
        "tool-names-are-short-enough",
        "cors-is-restricted",
        "mcp-session-initialises",
    ),
    *("tools-list-over-mcp", "tool-call-returns-its-result", "unknown-tool-is-a-protocol-error"),
    *("malformed-requests-are-refused", "concurrent-sessions-work", "sessions-are-isolated"),
    *("session-close-does-not-stall-the-hub", "hub-survives-the-workflow"),
)
"""Checks that every endpoint is asked, in an order in which a run asks them."""


def configured(folder: Path, url: str, kind: str = "mcp", target: str = "", rest: str = CALL) -> Config:
    """The configuration of a target of `kind` at `url`."""
    # a gateway's budget of requests is tried with the manners: here it would only be waited for
    target += "" if "request_budget" in target else "\nrequest_budget = 100000"
    text = f'environment = "local"\n[target]\nkind = "{kind}"\nurl = "{url}"\n{target}\n{QUICK}{rest}'
    (folder / "readiness.toml").write_text(text)
    return load(file=folder / "readiness.toml", report_dir=folder / "reports")


def scope_of(config: Config) -> Scope:
    """How the plan of a run judges applicability."""
    return Scope(config, lambda: deployed_claims(config))


def judged(config: Config, folder: Path, checks: Iterable[str]) -> dict[str, Finding]:
    """The worst finding of each of `checks`."""
    folder.mkdir(exist_ok=True)
    with CheckRunner(config, scope_of(config), str, folder, settle=False) as runner:
        return {check: runner.run(check)[-1].finding for check in checks}


def outcomes(config: Config, folder: Path, checks: Iterable[str] = GENERIC) -> dict[str, Any]:
    """The outcome and reason of each of `checks` that did not simply pass."""
    found = judged(config, folder, checks)
    return {name: (one.outcome.value, one.reason) for name, one in found.items() if one.outcome is not Outcome.PASSED}


def test_a_healthy_mcp_server_passes_every_check_that_applies(tmp_path: Path) -> None:
    """Nothing of a plain MCP server is asked at a hub's routes, and everything that applies is passed."""
    with serve() as target:
        config = configured(tmp_path, target.url)
        assert outcomes(config, tmp_path / "run") == {}
        assert target.paths() == {"/mcp", "/readiness-no-such-route"}


@pytest.mark.parametrize("phase", ["health", "e2e"])
def test_what_is_left_out_is_what_the_kind_lacks(phase: str, tmp_path: Path) -> None:
    """Each check of a phase is planned, or not applicable with a sentence that names the kind or a claim."""
    scope = scope_of(configured(tmp_path, "http://127.0.0.1:9"))
    planned = {check.id: scope.adjust_check(check) for check, _ in catalogue() if check.phase == phase}
    out = {name for name, one in planned.items() if one.not_applicable}
    assert out.isdisjoint(GENERIC)
    for one in planned.values():
        reason = one.not_applicable or ""
        assert not reason or any(
            words in reason for words in ("kind mcp", "expected", "not set", "names no accepted list")
        ), reason
        if not reason:
            assert " hub " not in f" {one.check.title} {one.check.remedy} ", one.check.id


def test_a_hub_is_spoken_of_as_before() -> None:
    """The default kind changes no word."""
    for check, _ in catalogue():
        assert KINDS["mcp-hub"].speak(check.title) == check.title
    words = "Look at the hub's log: `systemctl status mcp-hub` says why an MCP Hub is down; the hub is gone"
    assert KINDS["mcp"].speak(words) == (
        "Look at the MCP server's log: its own supervisor (systemctl, docker, kubectl) says why an MCP server is down; "
        "the MCP server is gone"
    )


def test_a_call_that_fails_fails_its_check_alone(tmp_path: Path) -> None:
    """A server whose tools are listed and do not answer is not ready, by the check that calls."""
    with serve(
        call=lambda *_: {"result": {"isError": True, "content": [{"type": "text", "text": "no upstream"}]}}
    ) as target:
        bad = outcomes(configured(tmp_path, target.url), tmp_path / "run", GENERIC[:13])
    assert bad == {"tool-call-returns-its-result": ("failed", "echo answered an error: no upstream")}


@pytest.mark.parametrize(
    ("kind", "routes", "green"),
    [
        ("bridge", {"/ping": (200, "pong")}, "/ping"),
        ("bridge", {"/status": (200, {"server_instances": {"a": "configured"}})}, "/status"),
        ("mcp", {"/healthz": (200, "ok")}, "/healthz"),
        ("mcp", {"/healthz": (200, "<!doctype html><title>App</title>")}, ""),
        ("mcp", {"/health": (503, {"status": "unhealthy"})}, ""),
        ("mcp", {}, ""),
        ("litellm", {"/health/readiness": (200, {"status": "healthy"}), "/health": (200, "ok")}, "/health/readiness"),
        ("litellm", {"/health/readiness": (503, {"status": "unhealthy"}), "/health": (200, "ok")}, ""),
    ],
)
def test_green_health_beside_a_list_that_fails_is_named(
    kind: str, routes: dict[str, Any], green: str, tmp_path: Path
) -> None:
    """Its own health may be green while agents get nothing: the check says so, and asks for no route that costs money."""
    with serve(listing=lambda: {"error": {"code": 0, "message": ""}}, routes=routes) as target:
        config = configured(tmp_path, target.url, kind)
        bad = outcomes(config, tmp_path / "run", ["mcp-session-initialises", "tools-list-over-mcp"])
    words = f", while its own {green} says that all is well" if green else ""
    assert bad == {"tools-list-over-mcp": ("failed", f"tools/list: answered error 0: MCPError{words}")}
    assert kind != "litellm" or "/health" not in target.paths()


def test_an_endpoint_that_refuses_the_list_fails(tmp_path: Path) -> None:
    """The empty error that a bridge gives for a dead child is a failed list, not an empty pass."""
    with serve(listing=lambda: {"error": {"code": 0, "message": ""}}) as target:
        bad = outcomes(configured(tmp_path, target.url), tmp_path / "run", GENERIC[:12])
    assert {name for name, (outcome, _) in bad.items() if outcome == "failed"} == {
        "tools-are-listed",
        "tools-list-over-mcp",
    }


@pytest.mark.parametrize(
    ("path", "endpoint"), [("/mcp", "/mcp"), ("/servers/a/mcp", "/servers/a/mcp"), ("/sse", "/sse")]
)
def test_the_address_of_the_endpoint_is_understood(path: str, endpoint: str, tmp_path: Path) -> None:
    """`url` may be what an agent is told; it is taken apart into an address and the path where agents connect."""
    config = configured(tmp_path, f"http://127.0.0.1:1{path}")
    rest = config.target.url or ""
    assert rest.removeprefix("http://127.0.0.1:1") + config.target.endpoint_path == endpoint


def test_a_version_is_held_against_what_the_endpoint_says(tmp_path: Path) -> None:
    """The build that answers is read where `[identity]` says, and a wrong one is told."""
    with serve(routes={"/health": (200, {"build": {"commit": "abc123"}})}) as target:
        plain = configured(tmp_path, target.url, target='version = "3.1.5"')
        wrong = judged(plain, tmp_path / "a", ["hub-is-the-expected-release"])["hub-is-the-expected-release"]
        assert (wrong.outcome, wrong.reason) == (Outcome.FAILED, "3.1.4 answers, 3.1.5 was deployed")
        own = dataclasses.replace(
            plain,
            target=dataclasses.replace(plain.target, version="abc123"),
            identity=dataclasses.replace(plain.identity, version="/health build.commit"),
        )
        assert outcomes(own, tmp_path / "b", ["hub-is-the-expected-release"]) == {}


def test_whoever_gets_in_without_credentials_is_named(tmp_path: Path) -> None:
    """An endpoint that must authenticate is asked without: open is failed, 401 is passed."""
    claim = "[expect]\nauthentication = true\n" + CALL
    with serve() as target:
        config = configured(tmp_path, target.url, rest=claim)
        found = outcomes(config, tmp_path / "a", ["api-requires-authentication"])
        assert found["api-requires-authentication"][0] == "failed"
        assert "/mcp: open, answered 200" in found["api-requires-authentication"][1]
        target.credentials["authorization"] = "Bearer secret-of-tests"
        assert outcomes(config, tmp_path / "b", ["hub-answers"])["hub-answers"][0] == "unknown"


def test_names_that_stand_twice_are_told_without_a_server(tmp_path: Path) -> None:
    """A name that is listed twice is failed, in words that need no server."""
    with serve(tools=[ECHO, ECHO]) as target:
        bad = outcomes(configured(tmp_path, target.url), tmp_path / "run", ["tools-are-listed"])
    assert bad == {"tools-are-listed": ("failed", "listed more than once: echo")}


def test_a_key_in_a_tools_description_is_told(tmp_path: Path) -> None:
    """What agents are told before they call anything holds no provider's key."""
    key = "sk-ant-api03-" + "Zk39fQm2Lw8Rt5Vx" * 5 + "-Qw7tZAAA"
    with serve(tools=[ECHO | {"description": f"Uses {key}"}]) as target:
        found = outcomes(configured(tmp_path, target.url), tmp_path / "run", ["api-discloses-no-secret"])
    assert found["api-discloses-no-secret"][0] == "failed"
    assert "tools/list" in found["api-discloses-no-secret"][1]
    assert key not in found["api-discloses-no-secret"][1]


def test_a_stack_trace_in_a_refusal_is_told(tmp_path: Path) -> None:
    """An endpoint that answers what it cannot read with its own stack discloses how it is built."""
    trace = 'Traceback (most recent call last):\n  File "/srv/app/server.py", line 3'

    def refuse(method: str, path: str, _: object) -> tuple[int, dict[str, str], str] | None:
        return (404, {}, trace) if (method, path) == ("GET", "/readiness-no-such-route") else None

    with serve(refuse=refuse) as target:
        found = outcomes(configured(tmp_path, target.url), tmp_path / "run", ["errors-hide-internals"])
    assert found["errors-hide-internals"][0] == "failed"


SESSIONS = ("mcp-session-initialises", "sessions-survive-new-connections", "malformed-requests-are-refused")


def test_what_has_no_sessions_cannot_lose_them(tmp_path: Path) -> None:
    """Where initialize gives no id, or an agent may not delete a session, nothing is wrong; an unknown session that is 400 is a warning."""
    with serve(has_sessions=False) as target:
        assert outcomes(configured(tmp_path, target.url), tmp_path / "stateless", SESSIONS) == {}
    no_delete = lambda method, *_: (405, {}, "") if method == "DELETE" else None  # noqa: E731 - three lines for less
    with serve(refuse=no_delete) as target:
        assert outcomes(configured(tmp_path, target.url), tmp_path / "not deleted", SESSIONS) == {}
    known = lambda method, _, headers: (  # noqa: E731 - as above
        (400, {}, "") if method == "POST" and headers.get("mcp-session-id") not in {None, *target.sessions} else None
    )
    with serve(refuse=known) as target:
        bad = outcomes(configured(tmp_path, target.url), tmp_path / "400", SESSIONS)
    assert {check: outcome for check, (outcome, _) in bad.items()} == {"malformed-requests-are-refused": "degraded"}


REPORT = "Report this to the MCP server's authors, with this"
RESTART = ""
"""Nothing in place of the check's own remedy."""


@pytest.mark.parametrize(
    ("error", "begins"),
    [
        ({"code": -32603, "message": "Cannot read properties of undefined"}, REPORT),
        ({"code": -32603, "message": "Not connected"}, RESTART),
        ({"code": -32603, "message": "connect ECONNREFUSED 127.0.0.1:9"}, RESTART),
        ({"code": -32602, "message": "unknown argument"}, RESTART),
    ],
)
def test_an_error_inside_the_target_is_for_its_authors(error: dict[str, Any], begins: str, tmp_path: Path) -> None:
    """Who reads of it is given what to report, and not the advice to restart a server; what a dead server causes keeps that advice."""
    with serve(call=lambda *_: {"error": error}) as target:
        found = judged(configured(tmp_path, target.url), tmp_path / "run", ["tool-call-returns-its-result"])
    call = found["tool-call-returns-its-result"]
    assert call.outcome is Outcome.FAILED
    assert call.remedy.startswith(begins)
    assert bool(call.remedy) == bool(begins)
    if begins:
        assert 'Asked: tools/call echo {"message": "ready?"}. Answered: ' in call.remedy
        assert "-32603" in call.remedy
