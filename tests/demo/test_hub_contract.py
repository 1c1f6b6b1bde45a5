"""The embedded hub answers as the recorded 4.3.0 does: the same routes, statuses, keys and types."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from readiness import demo
from readiness.demo.hub.managed import built_in_of
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = json.loads((ROOT / "tests" / "data" / "contract" / "mcp-hub-4.3.0.json").read_text(encoding="utf-8"))
# values whose keys are names of the deployment, not of the contract
FREE = ("$.config", "$.workspaces.allActive", "$.workspaces", "$.data.url")
LEGACY_ONLY = {("POST", "/mcp")}  # the embedded hub speaks Streamable HTTP there, which the recorded one did not


@pytest.fixture(scope="module")
def hub() -> Iterator[demo.DemoHub]:
    """A healthy hub in its own process, ready."""
    with demo.start() as started:
        end = time.monotonic() + 5
        while httpx.get(f"{started.url}/api/health").json()["state"] != "ready" and time.monotonic() < end:
            time.sleep(0.02)
        yield started


@pytest.fixture(scope="module")
def client(hub: demo.DemoHub) -> Iterator[httpx.Client]:
    """An HTTP client of it."""
    with httpx.Client(base_url=hub.url, timeout=5) as opened:
        yield opened


def differences(recorded: object, found: object, at: str = "$") -> list[str]:
    """Where `found` lacks a key of `recorded`, or has another type; additions are allowed."""
    if isinstance(recorded, dict):
        if not isinstance(found, dict):
            return [f"{at}: {found!r} is no object"]
        if at in FREE:
            return []
        missing = [f"{at}.{key}: missing" for key in recorded if key not in found]
        both = [key for key in recorded if key in found]
        return missing + [line for key in both for line in differences(recorded[key], found[key], f"{at}.{key}")]
    if isinstance(recorded, list):
        if not isinstance(found, list):
            return [f"{at}: {found!r} is no list"]
        # lists were cut to two items when they were recorded: the same places hold the same kinds of things
        pairs = zip(recorded, found, strict=False)
        return [line for n, (a, b) in enumerate(pairs) for line in differences(a, b, f"{at}[{n}]")]
    number = isinstance(recorded, (int, float)) and isinstance(found, (int, float))
    same = type(recorded) is type(found) or (number and not isinstance(recorded, bool))
    return [] if same else [f"{at}: {found!r} is not like {recorded!r}"]


def _name(exchange: dict[str, Any]) -> str:
    request = exchange["request"]
    return f"{request['method']} {request['path']} {json.dumps(request.get('json', ''))[:50]}"


@pytest.mark.parametrize(
    "exchange", [e for e in RECORDED if (e["request"]["method"], e["request"]["path"]) not in LEGACY_ONLY], ids=_name
)
def test_recorded_exchange(client: httpx.Client, exchange: dict[str, Any]) -> None:
    """Every recorded request gets the recorded status, content type, keys and types."""
    request, response = exchange["request"], exchange["response"]
    found = client.request(request["method"], request["path"], json=request.get("json"))
    assert (found.status_code, found.headers["content-type"]) == (response["status"], response["content_type"])
    if "_text" in response["json"]:
        assert found.text == response["json"]["_text"]
        return
    body = found.json()
    assert differences(response["json"], body) == []
    for key in ("error", "code"):
        assert body.get(key) == response["json"].get(key)
    if request["path"] == "/api/servers/tools" and found.status_code == 200:
        assert body["result"] == response["json"]["result"]


def test_comparison_notices_what_it_should() -> None:
    """The comparison itself finds a missing key, another type and text in a list's place."""
    assert differences({"a": 1, "b": [{"c": "x"}]}, {"a": 2.0, "b": [{"c": "y", "d": 1}], "e": 0}) == []
    assert len(differences({"a": 1, "b": [{"c": "x"}], "f": True}, {"a": "1", "b": [{}]})) == 3


def test_identity(hub: demo.DemoHub, client: httpx.Client) -> None:
    """Health, workspaces and the listening process agree about the pid, and the release's version runs."""
    health = client.get("/api/health").json()
    package = json.loads((hub.release / "package.json").read_text(encoding="utf-8"))
    active = health["workspaces"]["allActive"][str(hub.port)]
    assert (health["version"], package["version"]) == ("4.3.0", "4.3.0")
    assert (active["pid"], active["port"]) == (hub.pid, hub.port)
    assert active["config_files"] == [str(hub.config_file)]
    assert {server["config_source"] for server in health["servers"]} == {str(hub.config_file)}
    os.kill(hub.pid, 0)


def test_uptime_grows(client: httpx.Client) -> None:
    """A connected server's uptime is larger after more than a second."""
    first = {server["name"]: server["uptime"] for server in client.get("/api/servers").json()["servers"]}
    time.sleep(1.05)
    second = {server["name"]: server["uptime"] for server in client.get("/api/servers").json()["servers"]}
    assert set(first) == {"everything", "memory"}
    assert all(second[name] > first[name] for name in first)


def test_no_secret_in_any_answer(hub: demo.DemoHub, client: httpx.Client) -> None:
    """The key that the environment file names is in the process and in none of its answers."""
    key = hub.scratch.sample.key
    for path in ("health", "servers", "tools", "filtering/stats", "config", "workspaces", "marketplace", "nope"):
        assert key not in client.get(f"/api/{path}").text
    stored = client.get("/api/config").json()["config"]["toolFiltering"]["llmCategorization"]["apiKey"]
    assert stored == "${OPENAI_API_KEY}"
    environment = Path(f"/proc/{hub.pid}/environ")
    if environment.exists():
        assert f"OPENAI_API_KEY={key}".encode() in environment.read_bytes()


def test_idle_telemetry(client: httpx.Client) -> None:
    """The assessment's telemetry is published, and a hub nobody has asked has counted nothing."""
    stats = client.get("/api/filtering/stats").json()
    llm, cache = stats["llm"], stats["llmCache"]
    assert (llm["enabled"], llm["provider"], llm["totalCalls"]) == (True, "openai", 0)
    assert (llm["successRate"], llm["p95Latency"], llm["p99Latency"]) == (None, None, None)
    assert (llm["queueDepth"], llm["circuitBreakerState"], llm["failures"]) == (0, "closed", 0)
    assert cache.keys() >= {"hitRate", "size", "hits", "misses"}


def test_events(hub: demo.DemoHub, client: httpx.Client) -> None:
    """The stream begins with log, hub_state and subscription_event, and hub_state names the process."""
    names, data = [], {}
    with client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                names.append(value)
            elif key == "data":
                data[names[-1]] = json.loads(value)
            if len(data) == 3:
                break
    assert names[:3] == ["log", "hub_state", "subscription_event"]
    assert (data["hub_state"]["pid"], data["hub_state"]["state"]) == (hub.pid, "ready")


def test_event_streams_are_bounded(hub: demo.DemoHub) -> None:
    """The fifty-first stream at once is refused, and room returns when readers leave."""
    with httpx.Client(base_url=hub.url, timeout=5, limits=httpx.Limits(max_connections=60)) as many:
        request = many.build_request("GET", "/api/events")
        opened = [many.send(request, stream=True) for _ in range(50)]
        try:
            assert {stream.status_code for stream in opened} == {200}
            assert many.get("/api/events").status_code == 503
        finally:
            for stream in opened:
                stream.close()
        end, status = time.monotonic() + 3, 503
        while status != 200 and time.monotonic() < end:
            with many.stream("GET", "/api/events") as stream:
                status = stream.status_code
        assert status == 200


def test_pages_and_misses(client: httpx.Client) -> None:
    """Unknown paths outside /api answer 200 with HTML as in 4.3.0, unknown API paths and methods 404."""
    page = client.get("/health")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert client.post("/api/health").status_code == 404
    assert "Cannot DELETE /api/servers" in client.delete("/api/servers").text


@pytest.mark.parametrize("path", ["/api/servers/tools", "/mcp", "/messages?sessionId=x"])
def test_bodies_are_bounded(client: httpx.Client, path: str) -> None:
    """A body over 100 KB is refused with 413, whether its length is announced or not."""
    big = b'{"a":"' + b"x" * 110_000 + b'"}'
    announced = client.post(path, content=big)
    chunked = client.post(path, content=iter([big[:60_000], big[60_000:]]))
    expected = 404 if "sessionId" in path else 413
    assert (announced.status_code, chunked.status_code) == (expected, expected)


def test_bad_bodies(client: httpx.Client) -> None:
    """Text that is no JSON gets Express's 400; a missing tool name is named."""
    broken = client.post("/api/servers/tools", content=b"{bad")
    assert (broken.status_code, "Bad Request" in broken.text) == (400, True)
    missing = client.post("/api/servers/tools", json={"server_name": "everything"})
    assert (missing.status_code, missing.json()["data"]) == (400, {"field": "tool"})
    assert client.post("/api/config", json={}).status_code == 403


def test_real_calls(client: httpx.Client) -> None:
    """Tools do what they say: a sum, a graph that remembers, an error result for wrong arguments."""

    def call(server: str, tool: str, **arguments: object) -> dict[str, Any]:
        body = {"server_name": server, "tool": tool, "arguments": arguments}
        return dict(client.post("/api/servers/tools", json=body).json()["result"])

    assert "is 5" in call("everything", "add", a=2, b=3)["content"][0]["text"]
    assert call("everything", "add", a="x", b=3)["isError"] is True
    call("memory", "create_entities", entities=[{"name": "Ada", "entityType": "person"}])
    assert call("memory", "search_nodes", query="ada")["structuredContent"]["entities"][0]["name"] == "Ada"
    call("memory", "delete_entities", entityNames=["Ada"])
    assert call("memory", "read_graph")["structuredContent"] == {"entities": [], "relations": []}


def test_stop_start_restart(client: httpx.Client) -> None:
    """A stopped server offers nothing until it is started; after a restart the state is `restarted`."""
    stopped = client.post("/api/servers/stop", json={"server_name": "memory"}).json()["server"]
    assert (stopped["status"], stopped["capabilities"]["tools"]) == ("disconnected", [])
    refused = client.post("/api/servers/tools", json={"server_name": "memory", "tool": "read_graph"})
    assert (refused.status_code, refused.json()["error"]) == (500, "Server not initialized")
    started = client.post("/api/servers/start", json={"server_name": "memory"}).json()["server"]
    assert (started["status"], len(started["capabilities"]["tools"])) == ("connected", 5)
    assert client.post("/api/restart").json()["status"] == "ok"
    health = client.get("/api/health").json()
    assert (health["state"], {one["status"] for one in health["servers"]}) == ("restarted", {"connected"})
    assert client.get("/api/refresh").json()["status"] == "ok"


def test_log(hub: demo.DemoHub) -> None:
    """The log is JSON lines, and the only error is the one of every offline start."""
    lines = [json.loads(line) for line in hub.log_file.read_text(encoding="utf-8").splitlines()]
    assert [line["code"] for line in lines if line["level"] >= 50] == ["MARKETPLACE_INIT_ERROR"]


def test_files_are_older_than_the_process(hub: demo.DemoHub) -> None:
    """What was deployed is older than the process that runs it, and its environment is private."""
    first = json.loads(hub.log_file.read_text(encoding="utf-8").splitlines()[0])["time"] / 1000
    for path in (hub.config_file, hub.env_file, hub.release / "package.json"):
        assert path.stat().st_mtime < first - 30
    assert hub.env_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "definition", "kind"),
    [
        ("everything", {"command": "node", "args": ["x"]}, "everything"),
        ("brave-search", {"command": "python", "args": ["-m", "readiness.demo.stdio", "everything"]}, "everything"),
        ("memory", {"command": "python", "args": ["-m", "readiness.demo.stdio", "everything"]}, "everything"),
        ("brave-search", {"command": "npx", "args": ["-y", "brave"]}, None),
        ("x", None, None),
    ],
)
def test_a_server_may_have_any_name(name: str, definition: object, kind: str | None) -> None:
    """Which built-in server it is says what the configuration runs, else its name."""
    assert built_in_of(name, definition, ("everything", "memory")) == kind
