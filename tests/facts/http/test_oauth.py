"""Who has no credentials finds the login: each way in which that goes wrong is named, and what is well is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from readiness.findings import Outcome
from readiness.session.plan.planning import catalogue
from tests.facts.targets.test_kinds import CALL, configured, judged, scope_of
from tests.helpers.mcp_target import McpTarget, serve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.findings import Finding

CHECK = "agents-find-the-login"
EXPECTED = "[expect]\noauth = true\n"
RESOURCE = "/.well-known/oauth-protected-resource/mcp"
SERVER = "/.well-known/oauth-authorization-server"


def well(target: McpTarget) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The two documents and the challenge of a target in order, which is its own authorization server."""
    resource = {"resource": f"{target.url}/mcp", "authorization_servers": [target.url]}
    server = {"issuer": target.url, "code_challenge_methods_supported": ["plain", "S256"]}
    return resource, server, f'Bearer scope="mcp", resource_metadata="{target.url}{RESOURCE}"'


def found(  # noqa: PLR0913 - what a target is, one keyword each
    folder: Path,
    *,
    status: int = 401,
    challenge: str | None = None,
    resource: Mapping[str, Any] | None = None,
    server: Mapping[str, Any] | None = None,
    without: tuple[str, ...] = (),
    moved: Mapping[str, str] | None = None,
    setting: str = "",
) -> Finding:
    """What the check finds of a target in order that is changed so; `{url}` in a text is its address."""
    with serve() as target:
        own, authority, usual = well(target)

        def filled(document: Mapping[str, Any]) -> dict[str, Any]:
            return {
                key: [one.format(url=target.url) for one in value]
                if isinstance(value, list)
                else value.format(url=target.url)
                if isinstance(value, str)
                else value
                for key, value in document.items()
            }

        routes = {RESOURCE: own | filled(resource or {}), SERVER: authority | filled(server or {})}
        for old, new in (moved or {}).items():
            routes[new] = routes.pop(old)
        target.routes = {route: (200, body) for route, body in routes.items() if route not in without}
        shown = usual if challenge is None else challenge.format(url=target.url)
        target.refuse = lambda _m, path, headers: (
            (status, {"www-authenticate": shown} if shown else {}, "")
            if path == "/mcp" and status != 200 and "authorization" not in headers
            else None
        )
        setting = 'token_env = "OAUTH_TOKEN"\n' + setting.format(url=target.url)
        return judged(configured(folder, target.url, target=setting, rest=EXPECTED + CALL), folder / "run", [CHECK])[
            CHECK
        ]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself has credentials."""
    monkeypatch.setenv("OAUTH_TOKEN", "a-token-for-the-run-itself")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"status": 200}, "initialize without credentials answered 200"),
        ({"status": 403}, "initialize without credentials answered 403: agents begin to log in at a 401 alone"),
        ({"status": 500}, "answered 500"),
        (
            {"challenge": "", "without": (RESOURCE,)},
            "(WWW-Authenticate) is missing, and not Bearer; the protected resource's metadata",
        ),
        ({"challenge": 'Basic realm="x"'}, "names 'Basic', and not Bearer"),
        ({"without": (RESOURCE,)}, f"the protected resource's metadata is not served at {RESOURCE}"),
        ({"challenge": 'Bearer resource_metadata="https://login.invalid/x"'}, "leads to another host, login.invalid"),
        ({"resource": {"resource": "{url}/other"}}, "they refuse the token"),
        ({"resource": {"resource": "{url}/mc"}}, "they refuse the token"),
        ({"resource": {"resource": "http://10.0.0.1:8000/mcp"}}, "its `resource` is 'http://10.0.0.1:8000/mcp'"),
        ({"resource": {"resource": 7}}, "its `resource` is '7'"),
        ({"resource": {"authorization_servers": []}}, "it names no authorization server"),
        ({"resource": {"authorization_servers": 7}}, "it names no authorization server"),
        ({"without": (SERVER,)}, "serves no metadata"),
        ({"server": {"issuer": "https://evil.invalid"}}, "is of another issuer, 'https://evil.invalid'"),
        ({"server": {"code_challenge_methods_supported": ["plain"]}}, "does not offer S256"),
        ({"server": {"code_challenge_methods_supported": None}}, "does not offer S256"),
        ({"setting": 'authorization_server = "{url}/realm"'}, "and not the configured one"),
    ],
)
def test_a_way_that_leads_nowhere_is_named(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    """Failed, with what an agent meets there."""
    finding = found(tmp_path, **given)
    assert finding.outcome is Outcome.FAILED
    assert words in finding.reason


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"challenge": "Bearer resource_metadata={url}" + RESOURCE},
        {"challenge": 'bearer error="invalid_token", resource_metadata="{url}' + RESOURCE + '"'},
        {"challenge": 'Bearer resource_metadata="{url}/meta"', "moved": {RESOURCE: "/meta"}},
        {"resource": {"resource": "{url}/mcp/"}},
        {"resource": {"resource": "{url}"}},
        {"resource": {"authorization_servers": ["{url}/"]}},
        {"moved": {SERVER: "/.well-known/openid-configuration"}},
        {"resource": {"authorization_servers": ["{url}/realms/one"]}, "server": {"issuer": "{url}/realms/one"}, "moved": {SERVER: f"{SERVER}/realms/one"}},
        {"resource": {"authorization_servers": ["{url}/realms/one"]}, "server": {"issuer": "{url}/realms/one"}, "moved": {SERVER: "/realms/one/.well-known/openid-configuration"}},
        {"setting": 'authorization_server = "{url}"'},
    ],
)  # fmt: skip
def test_a_way_that_leads_to_the_login_passes(given: dict[str, Any], tmp_path: Path) -> None:
    """Forms that agents understand are well."""
    finding = found(tmp_path, **given)
    assert (finding.outcome, finding.reason) == (Outcome.PASSED, "")


def test_what_agents_have_to_guess_is_a_warning(tmp_path: Path) -> None:
    """A challenge that names no metadata still works for those that try the usual place."""
    finding = found(tmp_path, challenge="Bearer")
    assert finding.outcome is Outcome.DEGRADED
    assert "names no resource_metadata" in finding.reason


def test_nobody_is_asked_who_was_not_named(tmp_path: Path) -> None:
    """An authorization server on another host is unknown until the configuration names it."""
    finding = found(tmp_path, resource={"authorization_servers": ["https://login.invalid"]})
    assert finding.outcome is Outcome.UNKNOWN
    assert "login.invalid was not asked: set [target] authorization_server" in finding.reason


def test_without_the_claim_it_does_not_apply(tmp_path: Path) -> None:
    """A server with keys of its own has no such metadata, and is not blamed."""
    scope = scope_of(configured(tmp_path, "http://127.0.0.1:9"))
    check = next(check for check, _ in catalogue() if check.id == CHECK)
    assert scope.adjust_check(check).not_applicable == "[expect] oauth is not set: no login by OAuth is expected"
