"""`readiness init` writes a first file that loads, from hubs that are well, old, hostile, slow or no hubs at all."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness.cli import init as firstfile
from readiness.cli import init as firstlook
from readiness.config.loading import load
from readiness.errors import ReadinessError
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATA = ROOT / "tests" / "data" / "contract"
Answers = dict[str, tuple[int, str, bytes]]


def recorded(version: str) -> Answers:
    """What a real hub of `version` answered to each GET."""
    answers: Answers = {}
    for one in json.loads((DATA / f"mcp-hub-{version}.json").read_text(encoding="utf-8")):
        request, response = one["request"], one["response"]
        if request["method"] == "GET":
            body = response["json"].get("_text") or json.dumps(response["json"])
            answers[request["path"]] = (response["status"], response["content_type"], body.encode())
    return answers


def changed(answers: Answers, path: str, change: Callable[[Any], Any]) -> Answers:
    """`answers` with the JSON of one route changed."""
    status, kind, body = answers[path]
    document = json.loads(body)
    return answers | {path: (status, kind, json.dumps(change(document) or document).encode())}


class Server(http.server.ThreadingHTTPServer):
    """Answers from a table; a callable in it takes the request over."""

    daemon_threads = True
    answers: dict[str, Any]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of a `Server`."""

    def do_GET(self) -> None:
        """Answer as the table says."""
        answer = self.server.answers.get(self.path, (404, "text/html", b"no"))  # type: ignore[attr-defined]
        if callable(answer):
            answer(self)
            return
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def serving(answers: dict[str, Any]) -> Iterator[str]:
    """The URL of a server with these answers."""
    server = Server(("127.0.0.1", 0), Handler)
    server.answers = answers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own units say nothing about the hubs of these tests."""
    monkeypatch.setattr(firstlook, "UNIT_FOLDERS", ())


def init(url: str, folder: Path, *arguments: str) -> int:
    """Run the verb with an output in `folder`."""
    return firstfile.main(["--url", url, "--output", str(folder / "readiness.toml"), *arguments])


def names_in(folder: Path) -> list[str]:
    """What stands in `folder`: no temporary file may be left there."""
    return sorted(path.name for path in folder.iterdir())


def test_an_old_hub_is_declared_with_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What 4.2.1 cannot show becomes a reason that names its version."""
    with serving(recorded("4.2.1")) as url:
        assert init(url, tmp_path) == 0
    config = load(file=tmp_path / "readiness.toml", environ={})
    assert config.environment == "local"
    assert (config.target.url, config.target.version) == (url, "4.2.1")
    assert config.target.config == "/opt/mcp-hub/config/mcp-hub.json"
    assert config.expect.servers == ("everything", "memory")
    reasons = {name: config.claim(name).reason for name in ("filtering", "llm", "telemetry", "config_api", "tools_api")}
    assert reasons == {
        "filtering": "4.2.1 publishes no filtering statistics",
        "llm": "4.2.1 publishes no LLM state",
        "telemetry": "4.2.1 publishes no LLM metrics",
        "config_api": "4.2.1 has no /api/config",
        "tools_api": "4.2.1 has no /api/tools",
    }
    assert all(config.claim(name).expected is False for name in reasons)
    (call,) = config.expect.tool_calls
    assert (call.server, call.tool, dict(call.arguments), call.contains) == (
        "everything",
        "echo",
        {"message": "ready?"},
        "ready?",
    )
    out = capsys.readouterr().out
    assert 'servers = ["everything", "memory"]' in out
    assert "no harmless tool call was found for memory" in out
    assert out.rstrip().endswith("next: readiness check -m health")
    assert (tmp_path / "readiness.toml").stat().st_mode & 0o111 == 0
    assert names_in(tmp_path) == ["readiness.toml"]


def test_a_new_hub_claims_what_it_serves(tmp_path: Path) -> None:
    """4.3.0 filters with an LLM and serves its configuration and tools, but publishes no LLM metrics."""
    release = tmp_path / "opt"
    (release / "config").mkdir(parents=True)

    def moved(health: Any) -> None:
        only = next(iter(health["workspaces"]["allActive"].values()))
        only["config_files"] = [str(release / "config" / "hub.json")]

    with serving(changed(recorded("4.3.0"), "/api/health", moved)) as url:
        assert init(url, tmp_path, "--release", str(release)) == 0
    config = load(file=tmp_path / "readiness.toml", environ={})
    assert all(config.claim(name).expected for name in ("filtering", "llm", "config_api", "tools_api"))
    assert config.claim("telemetry").reason == "this hub publishes no LLM metrics"
    assert config.target.version is None
    assert config.target.release == release
    assert config.target.config == "config/hub.json"
    assert "literal apiKey" not in (tmp_path / "readiness.toml").read_text()


def test_a_file_is_never_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody wrote stays until --force, and a failed look replaces nothing even then."""
    file = tmp_path / "readiness.toml"
    file.write_text("# mine\n")
    with serving(recorded("4.2.1")) as url:
        assert init(url, tmp_path) == 1
        assert file.read_text() == "# mine\n"
        assert "--force" in capsys.readouterr().err
        with pytest.raises(ReadinessError, match="already"):
            firstfile.write(file, "late", force=False)
        assert file.read_text() == "# mine\n"
        assert init(url, tmp_path, "--force") == 0
    written = file.read_text()
    assert "[target]" in written
    assert init("http://127.0.0.1:9", tmp_path, "--force") == 1
    assert file.read_text() == written
    assert names_in(tmp_path) == ["readiness.toml"]


NO_HUB = {
    "nothing": {},
    "html": {"/api/health": (200, "text/html", b"<html>ok</html>")},
    "another service": {"/api/health": (200, "application/json", b'{"status": "ok"}')},
    "a list": {"/api/health": (200, "application/json", b"[]")},
    "cut json": {"/api/health": (200, "application/json", b'{"server_id": "mcp-hub"')},
    "credentials": {"/api/health": (401, "application/json", b"{}")},
    "an error": {"/api/health": (500, "application/json", b'{"server_id": "mcp-hub"}')},
    "too much": {"/api/health": (200, "application/json", b'{"a": "' + b"x" * (9 * 1024 * 1024) + b'"}')},
}


@pytest.mark.parametrize("name", NO_HUB)
def test_what_is_no_hub_gives_one_sentence_and_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Something else answers there: exit 1, one line, nothing written."""
    with serving(NO_HUB[name]) as url:
        assert init(url, tmp_path) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert url in error
    assert names_in(tmp_path) == []


def test_nothing_there_gives_one_sentence_and_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused connection is said in one line."""
    assert init("http://127.0.0.1:9", tmp_path) == 1
    assert capsys.readouterr().err.startswith("readiness init: no hub answers at http://127.0.0.1:9")
    assert names_in(tmp_path) == []


def redirect(target: str) -> Callable[[Handler], None]:
    """A handler that redirects to `target`."""

    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_redirects_to_other_hosts_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hub that sends us elsewhere is not described by what stands there."""
    with (
        serving(recorded("4.2.1")) as other,
        serving({"/api/health": redirect(other.replace("127.0.0.1", "localhost") + "/api/health")}) as url,
    ):
        assert init(url, tmp_path) == 1
    assert "redirects to another host" in capsys.readouterr().err


def test_a_look_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that drips its headers does not hold the look beyond its seconds; a slow route hides no other."""
    over = threading.Event()

    def drip(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            while not over.wait(0.1):
                handler.wfile.write(b"H")
                handler.wfile.flush()

    started = time.monotonic()
    with serving({"/api/health": drip}) as url, pytest.raises(ReadinessError, match="no hub answers"):
        firstlook.look(url, seconds=0.5)
    assert time.monotonic() - started < 3
    monkeypatch.setattr(firstlook, "ONE_REQUEST", 0.3)
    with serving(recorded("4.3.0") | {"/api/filtering/stats": drip}) as url:
        seen = firstlook.look(url)
    over.set()
    assert seen.claims == {"config_api": True, "tools_api": True}
    assert set(seen.unclear) == {"filtering", "llm", "telemetry"}


HOSTILE = [
    'a"]\n[rollback]\nmode = "auto"\n#',
    "\x1b[31mred\x1b[0m",
    "\u202eevil",
    "sk-ant-REDACTED",
    "x" * 5000,
    "back\\slash",
    "'quote'",
    "日本語",
    "",
    " ",
    None,
    7,
    ["list"],
    "${HOME}",
    "\x00",
    "\x7f\x85\u2028",
    "a" * 198 + "\\u",
]


def with_names(names: list[Any]) -> Answers:
    """A 4.2.1 hub whose servers, and one tool of each, have these names."""
    tool = {"inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
    servers = [{"name": n, "status": "connected", "capabilities": {"tools": [tool | {"name": n}]}} for n in names]
    return changed(recorded("4.2.1"), "/api/servers", lambda document: document | {"servers": servers})


def test_hostile_names_stay_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that try to write settings, colours or secrets end as harmless strings, or are left out."""
    with serving(with_names(HOSTILE)) as url:
        assert init(url, tmp_path) == 0
    config = load(file=tmp_path / "readiness.toml", environ={})
    assert config.rollback.mode == "plan"
    assert config.expect.servers is not None
    assert 'a"][rollback]mode = "auto"#' in config.expect.servers
    assert "日本語" in config.expect.servers
    assert "x" * 200 in config.expect.servers
    text = (tmp_path / "readiness.toml").read_text(encoding="utf-8") + capsys.readouterr().out
    assert "sk-ant-" not in text
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert {call.tool for call in config.expect.tool_calls} == {
        "back\\slash",
        "'quote'",
        "日本語",
        "${HOME}",
        "a" * 198 + "\\u",
    }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(max_size=20), max_size=5),
    junk=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["servers", "name", "enabled", "llm", "config", "capabilities", "tools", "allActive", "1"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ),
)
def test_any_answers_give_a_file_that_loads(tmp_path: Path, names: list[str], junk: Any) -> None:
    """Whatever shape the answers have, the composed file loads, with the servers that can be named."""
    health = {"server_id": "mcp-hub", "state": junk, "version": junk, "workspaces": junk}
    tools = [{"name": name, "inputSchema": junk, "annotations": {"readOnlyHint": True}} for name in names]
    records = [{"name": name, "status": "connected", "capabilities": {"tools": tools}} for name in names]
    answers = {route: answer_of(junk) for route in firstlook.ROUTES} | {"/api/servers": answer_of({"servers": records})}
    seen = firstlook._seen("http://127.0.0.1:1", health, answers)
    file = tmp_path / "readiness.toml"
    file.write_text(firstfile.compose(seen, None), encoding="utf-8")
    config = load(file=file, environ={})
    assert (config.expect.servers or ()) == seen.servers


def answer_of(document: Any) -> Any:
    """A good answer with this JSON."""
    from readiness.facts.http.answer import HttpAnswer

    headers = {"content-type": "application/json"}
    body = json.dumps(document).encode()
    return HttpAnswer(method="GET", url="http://127.0.0.1:1/x", status=200, headers=headers, body=body)


def test_only_harmless_tools_are_called() -> None:
    """Tools that write, need arguments, destroy, or show the environment are never put into a first file."""
    reads = {"readOnlyHint": True}
    tools = [
        {"name": "get-env", "annotations": reads},
        {"name": "delete_all"},
        {"name": "wipe", "annotations": {"readOnlyHint": True, "destructiveHint": True}},
        {"name": "search", "annotations": reads, "inputSchema": {"required": ["query"]}},
        {"name": "fetch", "annotations": reads | {"openWorldHint": True}},
        {"name": "truthy", "annotations": {"readOnlyHint": "yes"}},
        {"name": "read_graph", "annotations": reads, "inputSchema": {"type": "object"}},
    ]
    record = {"name": "memory", "capabilities": {"tools": tools}}
    call = firstlook._harmless_call(record)
    assert call is not None
    assert (call.tool, call.message) == ("read_graph", None)
    assert firstlook._harmless_call({"name": "a", "capabilities": {"tools": tools[:4]}}) is None


def test_a_server_without_tools_is_declared_with_what_it_has() -> None:
    """Resources or prompts are why nothing of a server is called; one that offers nothing, or is away, needs a person."""
    record = {
        "name": "docs",
        "status": "connected",
        "capabilities": {"tools": [], "resources": [{"uri": "x"}], "prompts": [{}]},
    }
    call = firstlook._harmless_call(record)
    assert call is not None
    assert firstlook._call_lines(call) == ['server = "docs"', 'nothing_to_call = "resources and prompts only"']
    assert firstlook._harmless_call(record | {"status": "disconnected"}) is None
    assert firstlook._harmless_call(record | {"capabilities": {}}) is None


def test_a_hub_without_servers_or_readiness_is_not_taken_at_its_word(tmp_path: Path, capsys: Any) -> None:
    """An empty or starting hub must not make emptiness the expectation."""
    answers = changed(recorded("4.2.1"), "/api/servers", lambda document: document | {"servers": []})
    answers = changed(answers, "/api/health", lambda document: document | {"state": "starting"})
    with serving(answers) as url:
        assert init(url, tmp_path) == 0
    assert load(file=tmp_path / "readiness.toml", environ={}).expect.servers is None
    assert "the hub is not ready (starting)" in capsys.readouterr().out


def test_the_unit_knows_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub's systemd unit is visible, its command line says which configuration runs."""
    unit = (
        "[Service]\nWorkingDirectory=/opt/hub\nExecStart=-/usr/bin/node dist/cli.js \\\n --port %s --config hub.json\n"
    )
    (tmp_path / "other-hub.service").write_text(unit % 1)
    (tmp_path / "mcp-hub.service").write_text(unit % 3000)
    (tmp_path / "broken-hub.service").write_text("ExecStart='unclosed\n")
    assert firstlook.unit_config([tmp_path], "3000") == ("/opt/hub/hub.json", "/opt/hub")
    assert firstlook.unit_config([tmp_path], "4000") is None
    monkeypatch.setattr(firstlook, "UNIT_FOLDERS", (tmp_path,))
    assert firstlook._deployed("http://127.0.0.1:3000", {}) == ("/opt/hub/hub.json", "/opt/hub")
    assert firstlook._deployed("https://hub.example.com:3000", {}) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--url"], ["--url", "hub"], ["--url", "http://a:b@hub"], ["--url", "http://hub", "--nonsense"]],
)
def test_a_wrong_call_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4 with words, and no password repeated."""
    assert firstfile.main(arguments) == 4
    assert "a:b" not in capsys.readouterr().err


def test_a_release_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt release is found now, not at the first preflight; a folder is no output."""
    assert init("http://127.0.0.1:9", tmp_path, "--release", str(tmp_path / "gone")) == 1
    assert "no such directory" in capsys.readouterr().err
    assert firstfile.main(["--url", "http://127.0.0.1:9", "--output", str(tmp_path)]) == 1
    assert "is a directory" in capsys.readouterr().err


def test_a_production_hub_is_declared_as_one(tmp_path: Path) -> None:
    """Off the loopback the file says production, which asks for authentication and TLS."""
    text = firstfile.compose(firstlook.HubProfile(url="https://hub.example.com"), None)
    file = tmp_path / "readiness.toml"
    file.write_text(text)
    config = load(file=file, environ={})
    assert config.production
    assert config.claim("tls").expected is True
    assert config.claim("llm").expected is None


def test_what_was_not_looked_at_is_declared_so(tmp_path: Path) -> None:
    """Without a release, on another host or with a log without levels, the file says so instead of leaving it unknown."""
    seen = firstlook.HubProfile(url="http://127.0.0.1:7000", version="4.2.1")
    text = firstfile.compose(seen, None)
    assert "no release tree was named" in text
    assert "the log file of 4.2.1 carries no levels" in text
    assert "another host" in firstfile.compose(
        firstlook.HubProfile(url="https://hub.example.com", version="4.3.0"), None
    )
    assert "logs" not in firstfile.compose(firstlook.HubProfile(url="http://127.0.0.1:7000", version="4.3.0"), tmp_path)


def test_what_others_may_reach_is_not_called_local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By loopback, with a socket that others reach or that is not seen: the line says so, `--environment` or a person decides."""
    for exposed, why in ((True, "listens on more than loopback"), (None, "was not seen")):
        text = firstfile.compose(firstlook.HubProfile(url="http://127.0.0.1:3000", exposed=exposed), None)
        assert 'environment = "development"' in text
        assert why in text
    seen = firstlook.HubProfile(url="http://127.0.0.1:3000", exposed=False)
    assert 'environment = "local"' in firstfile.compose(seen, None)
    assert firstfile._asked() is None
    for said, expected in (("prod\n", "production"), ("\n", None), ("no idea\n", None), ("STAGING\n", "staging")):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        monkeypatch.setattr("sys.stderr", io.StringIO())
        for stream in (sys.stdin, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)
        assert firstfile._asked() == expected
    monkeypatch.undo()
    with serving(recorded("4.2.1")) as url:
        assert init(url, tmp_path, "--environment", "staging") == 0
    assert load(file=tmp_path / "readiness.toml", environ={}).environment == "staging"
