"""What answers at an address is told by its own words, and a run of the wrong kind says so instead of judging."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import init
from readiness.facts.http import HttpAnswer, HttpTransport, TransportSettings, detect, why_refused
from readiness.findings import Outcome
from tests.facts.targets.test_gateways import gateway
from tests.facts.targets.test_kinds import configured, judged, outcomes
from tests.helpers.mcp_target import McpTarget, serve

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS: dict[str, tuple[McpTarget, str, str, str]] = {
    "litellm": (gateway("litellm"), "litellm", "/mcp", "/health/liveliness answers"),
    "contextforge": (gateway("contextforge"), "contextforge", "/mcp/", "/health has mcp_runtime"),
    "mcp-proxy of PyPI": (
        McpTarget(endpoint="/servers/a/mcp", routes={"/status": (200, {"server_instances": {"a": "configured"}})}),
        "bridge",
        "/servers/a/mcp",
        "/status has server_instances",
    ),
    "mcp-proxy of npm": (
        McpTarget(routes={"/ping": (200, "pong")}),
        "bridge",
        "/mcp",
        "initialize was answered at /mcp",
    ),
    "plain": (
        McpTarget(routes={"/health": (200, {"status": "healthy"})}),
        "mcp",
        "/mcp",
        "initialize was answered at /mcp",
    ),
    "with a slash": (McpTarget(endpoint="/mcp/"), "mcp", "/mcp/", "initialize was answered at /mcp/"),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_told_by_its_own_words(name: str) -> None:
    """Kind, endpoint and what showed them; LiteLLM's costly route is never asked before it is known to be none."""
    double, kind, endpoint, why = PRODUCTS[name]
    with serve(double) as target:
        found = detect(HttpTransport(TransportSettings(base=target.url)))
    assert found is not None
    assert (found.kind, found.endpoint, found.why) == (kind, endpoint, why)
    assert kind != "litellm" or "/health" not in target.paths()


def refusing(status: int, body: str = "", **headers: str) -> Any:
    """A refusal of every POST, and of nothing else."""
    return lambda method, *_: (status, headers, body) if method == "POST" else None


@pytest.mark.parametrize(
    ("refuse", "remedy"),
    [
        (
            refusing(401, "", **{"WWW-Authenticate": 'Bearer resource_metadata="x"'}),
            'WWW-Authenticate: Bearer resource_metadata="x"',
        ),
        (refusing(421, "Invalid Host header"), "it refuses the host name 127.0.0.1"),
        (
            refusing(403, "Access is only allowed at localhost:1; host not allowed"),
            "it refuses the host name 127.0.0.1",
        ),
        (refusing(403, "Invalid Origin header"), "it checks the Origin"),
        (refusing(403, "insufficient scope"), "may not connect"),
        (refusing(307, "", Location="/mcp/"), 'a POST is not led on: set [target] endpoint = "/mcp/"'),
        (refusing(308, "", Location="https://mcp.example.com/mcp"), "set [target] url to that"),
    ],
)
def test_refusals_are_told_apart(refuse: Any, remedy: str, tmp_path: Path) -> None:
    """Each way in which an endpoint lets nobody in is unknown with its own remedy, never a server that is down."""
    with serve(refuse=refuse) as target:
        found = judged(configured(tmp_path, target.url), tmp_path / "run", ["hub-answers"])["hub-answers"]
    assert found.outcome is Outcome.UNKNOWN
    assert remedy in found.reason


def test_a_run_of_the_wrong_kind_says_what_answers(tmp_path: Path) -> None:
    """A hub is expected and an MCP server answers: unknown, with the setting that has it judged."""
    with serve() as target:
        config = configured(tmp_path, target.url, "mcp-hub", rest="")
        found = judged(config, tmp_path / "run", ["hub-answers"])["hub-answers"]
    assert found.outcome is Outcome.UNKNOWN
    assert found.reason == (
        'no MCP Hub answers there, but an MCP server "billing" 3.1.4 over Streamable HTTP at /mcp: set [target] kind = "mcp"'
    )


def test_another_path_is_told(tmp_path: Path) -> None:
    """The kind is right and the path is wrong: unknown, with the path."""
    with serve(endpoint="/mcp/") as target:
        found = judged(configured(tmp_path, target.url), tmp_path / "run", ["hub-answers"])["hub-answers"]
    assert (found.outcome, found.reason.rpartition(": ")[2]) == (Outcome.UNKNOWN, 'set [target] endpoint = "/mcp/"')


@pytest.mark.parametrize("kind", ["mcp", "mcp-hub"])
def test_what_is_nothing_known_is_failed_as_before(kind: str, tmp_path: Path) -> None:
    """A web server without any endpoint is no target of another kind: the check fails."""
    with serve(endpoint="/elsewhere") as target:
        found = judged(configured(tmp_path, target.url, kind, rest=""), tmp_path / "run", ["hub-answers"])
    assert found["hub-answers"].outcome is Outcome.FAILED


def test_a_hub_whose_own_routes_are_gone_is_failed(tmp_path: Path) -> None:
    """A hub that is forwarded only in part names itself to agents: that is its fault, and no other product."""
    with serve(name="mcp-hub") as target:
        config = configured(tmp_path, target.url, "mcp-hub", rest="")
        assert outcomes(config, tmp_path / "run", ["hub-answers"])["hub-answers"][0] == "failed"


KEYS = {
    "bearer": ("", "k-123456789", {"authorization": "Bearer k-123456789"}),
    "own header": ('token_header = "X-API-Key"', "k-123456789", {"x-api-key": "k-123456789"}),
    "litellm": (
        'token_header = "x-litellm-api-key: Bearer"',
        "sk-12345678",
        {"x-litellm-api-key": "Bearer sk-12345678"},
    ),
    "basic": (
        'token_header = "Authorization: Basic"',
        "ann:secret-1234",
        {"authorization": "Basic " + base64.b64encode(b"ann:secret-1234").decode()},
    ),
    "several": (
        'token_header = "X-API-Key"\nheaders = { X-Tenant = "TENANT_OF_TESTS" }',
        "k-123456789",
        {"x-api-key": "k-123456789", "x-tenant": "tenant-42-of-tests"},
    ),
}


@pytest.mark.parametrize("way", KEYS)
def test_credentials_go_in_the_header_that_is_named(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain probe and the agent's SDK both get in, by whichever headers the target asks for."""
    lines, token, headers = KEYS[way]
    monkeypatch.setenv("KEY_OF_TESTS", token)
    monkeypatch.setenv("TENANT_OF_TESTS", "tenant-42-of-tests")
    with serve(credentials=headers) as target:
        config = configured(tmp_path, target.url, target=f'token_env = "KEY_OF_TESTS"\n{lines}')
        assert (
            outcomes(
                config, tmp_path / "run", ["hub-answers", "mcp-session-initialises", "tool-call-returns-its-result"]
            )
            == {}
        )
    assert token not in repr(config)


def test_the_values_of_all_headers_are_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a variable of [target] holds is taken out of texts, and so is what Basic makes of it."""
    from readiness.config.loading import redactor_for

    environ = {"KEY_OF_TESTS": "ann:secret-1234", "TENANT_OF_TESTS": "tenant-42-of-tests"}
    config = configured(
        tmp_path,
        "http://127.0.0.1:9",
        target='token_env = "KEY_OF_TESTS"\ntoken_header = "Authorization: Basic"\nheaders = { X-Tenant = "TENANT_OF_TESTS" }',
    )
    encoded = base64.b64encode(b"ann:secret-1234").decode()
    shown = redactor_for(config, environ).text(f"a tenant-42-of-tests b Basic {encoded} c ann:secret-1234 d")
    assert "tenant-42-of-tests" not in shown
    assert encoded not in shown
    assert "secret-1234" not in shown


@pytest.mark.parametrize("name", ["plain", "contextforge", "with a slash"])
def test_a_first_file_has_the_target_judged(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`readiness init` writes the kind with what showed it, and the file it writes finds the target well."""
    double, kind, _, why = PRODUCTS[name]
    with serve(double) as target:
        file = tmp_path / "readiness.toml"
        assert init.main(["--url", f"{target.url}/mcp", "--output", str(file)]) == 0
        assert f'kind = "{kind}"  # ' in capsys.readouterr().out
        from readiness.config.loading import load

        assert why.partition(" at ")[0] in file.read_text()
        config = load(file=file, report_dir=tmp_path / "reports")
        assert outcomes(config, tmp_path / "run", ["hub-answers", "tool-call-returns-its-result"]) == {}


def test_a_first_look_says_how_to_hand_over_a_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that asks for credentials is named with its challenge; with the variable the file is written."""
    monkeypatch.setenv("KEY_OF_TESTS", "k-123456789")
    file = tmp_path / "readiness.toml"
    with serve(credentials={"x-api-key": "k-123456789"}) as target:
        assert init.main(["--url", target.url, "--output", str(file)]) == 1
        assert 'WWW-Authenticate: Bearer realm="mcp"' in (told := capsys.readouterr().err)
        assert "--token-env NAME" in told
        given = ["--token-env", "KEY_OF_TESTS", "--token-header", "X-API-Key"]
        assert init.main(["--url", target.url, "--output", str(file), *given]) == 0
    text = file.read_text()
    assert 'token_env = "KEY_OF_TESTS"\ntoken_header = "X-API-Key"\n' in text
    assert "k-123456789" not in text


def test_a_first_look_names_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where agents' sessions cannot be opened for want of a library, the next step installs it first."""
    monkeypatch.setattr(init, "missing_libraries", lambda _: ["mcp"])
    with serve() as target:
        assert init.main(["--url", f"{target.url}/mcp", "--output", str(tmp_path / "readiness.toml")]) == 0
    shown = capsys.readouterr().out
    assert "\nnext: pip install 'mcp-hub-readiness[e2e]', then readiness check\n" in shown


def test_a_session_that_the_next_request_does_not_find_is_named(tmp_path: Path) -> None:
    """Two processes that share no sessions, asked in turn: neither a first look nor a run advises to look whether one listens."""
    lost = lambda method, _, headers: (404, {}, "") if "mcp-session-id" in headers and method == "POST" else None  # noqa: E731 - shorter
    with serve(refuse=lost) as target:
        why = init.look_for_endpoint(f"{target.url}/mcp", {})
        found = judged(configured(tmp_path, target.url), tmp_path / "run", ["hub-answers"])["hub-answers"]
    words = "answered 404 in the session that initialize opened a moment before"
    assert isinstance(why, str)
    assert words in why
    assert found.outcome is Outcome.FAILED
    assert words in found.reason


@pytest.mark.parametrize(
    ("given", "location", "words"),
    [
        (
            "https://mcp.example.com/mcp",
            "http://mcp.example.com/mcp/",
            "let the proxy pass on X-Forwarded-Proto and Host",
        ),
        (
            "https://mcp.example.com/mcp",
            "http://mcp.example.com:8000/mcp",
            "let the proxy pass on X-Forwarded-Proto and Host",
        ),
        ("https://mcp.example.com/mcp", "http://other.example.com/mcp", "set [target] url to that"),
        ("http://mcp.example.com/mcp", "https://mcp.example.com/mcp", "set [target] url to that"),
        ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp/", 'set [target] endpoint = "/mcp/"'),
    ],
)
def test_where_a_post_is_led_says_what_to_mend(given: str, location: str, words: str) -> None:
    """A server that does not know that it is behind TLS leads agents to plain HTTP, which is not to be followed."""
    answer = HttpAnswer(
        method="POST", url=given, status=307, headers={"location": location}, body=b"", seconds=0.1, redirect=location
    )
    assert words in why_refused(answer, "/mcp", has_credentials=False)
