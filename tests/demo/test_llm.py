"""The provider's double answers as a provider does, and the demonstration's settings lead there."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from readiness import demo
from readiness.config.demo import NOBODY, demo_settings
from readiness.demo.hub.analysis import AnalysisError
from readiness.demo.llm.client import TIMEOUT, HttpAnalyser, KeyMissingError, read_analysis
from readiness.demo.llm_control import LlmControl, OrderError, main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def hub() -> Iterator[demo.DemoHub]:
    """One embedded hub, with the double beside it."""
    with demo.start() as running:
        yield running


def test_only_the_samples_key_is_valid(hub: demo.DemoHub) -> None:
    """The key that the settings' command resolves lists models; any other, or none, is refused."""
    settings = demo_settings(hub.release)
    url = settings["llm"]["base_url"]["openai"] + "/models"
    reference = "op://mcp-hub/openai/credential"
    argv = [*settings["secrets"]["resolve"], reference]
    key = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    good = httpx.get(url, headers={"authorization": f"Bearer {key}"})
    assert (good.status_code, "gpt-4o-mini" in [model["id"] for model in good.json()["data"]]) == (200, True)
    for headers in ({}, {"authorization": f"Bearer {key}x"}, {"authorization": reference}):
        assert httpx.get(url, headers=headers).status_code == 401
    assert httpx.get(url + "/nothing", headers={"authorization": f"Bearer {key}"}).status_code == 404


def test_nonsense_gets_no_answer_and_hurts_nobody(hub: demo.DemoHub) -> None:
    """A request with an endless head, or none at all, is dropped; the next one is answered."""
    url = httpx.URL(demo_settings(hub.release)["llm"]["base_url"]["openai"])
    for nonsense in (b"x" * 100_000, b"\r\n\r\n", b"GET"):
        with socket.create_connection((url.host, url.port or 0), timeout=5) as client:
            try:
                client.sendall(nonsense)
                client.shutdown(socket.SHUT_WR)
                client.recv(1000)
            except ConnectionError:
                continue
    assert httpx.get(f"{url}/models").status_code == 401


def test_what_is_written_about_ports_is_true(hub: demo.DemoHub) -> None:
    """The env file's PORT is where the hub listens, before and after it started."""
    assert f"PORT={hub.port}\n" in hub.env_file.read_text(encoding="utf-8")


def test_a_demonstration_without_its_note_asks_nobody(tmp_path: Path) -> None:
    """Whatever became of the note beside the release, a real provider is never asked."""
    for content in (None, "", "[]", "{}"):
        if content is not None:
            (tmp_path / "demo.json").write_text(content)
        assert demo_settings(tmp_path / "release")["llm"]["base_url"]["openai"] == NOBODY


# --- the hub asks it, and it can be broken while it runs ---


@pytest.fixture
def asking() -> Iterator[Asking]:
    """A hub of its own, whose breaker rests for a moment only, and an agent in it."""
    with demo.start(breaker_rest=0.3) as running, httpx.Client(base_url=running.url, timeout=10) as client:
        end = time.monotonic() + 5
        while client.get("/api/health").json()["state"] != "ready" and time.monotonic() < end:
            time.sleep(0.02)
        yield Asking(running, client)


class Asking:
    """An agent that asks a hub for analyses, each time another."""

    def __init__(self, hub: demo.DemoHub, client: httpx.Client) -> None:
        self.hub, self.client, self.asked = hub, client, 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        client.headers["accept"] = "application/json, text/event-stream"
        client.headers["mcp-session-id"] = self.rpc("initialize", hello).headers["mcp-session-id"]

    def rpc(self, method: str, params: dict[str, Any]) -> httpx.Response:
        """One request."""
        return self.client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    def ask(self) -> tuple[bool, dict[str, Any]]:
        """Whether it is an error, and what it says."""
        self.asked += 1
        prompt = {"prompt": f"echo message {self.asked}"}
        answer = self.rpc("tools/call", {"name": "hub__analyze_prompt", "arguments": prompt})
        result = json.loads(answer.text.strip().splitlines()[-1].removeprefix("data: "))["result"]
        return result.get("isError", False), json.loads(result["content"][0]["text"])

    def llm(self) -> dict[str, Any]:
        """What the hub says about its LLM."""
        return dict(self.client.get("/api/filtering/stats").json()["llm"])

    def lives(self) -> bool:
        """Whether the same process answers all that needs no LLM."""
        call = {"server_name": "memory", "tool": "read_graph", "arguments": {}}
        health = self.client.get("/api/health").json()
        works = self.client.post("/api/servers/tools", json=call).status_code == 200
        listed = "hub__analyze_prompt" in self.rpc("tools/list", {}).text
        return works and listed and health["workspaces"]["allActive"][str(self.hub.port)]["pid"] == self.hub.pid


FAILURES = {
    "429": "The LLM answered 429: Rate limit",
    "401": "The LLM answered 401: Incorrect API key",
    "500": "The LLM answered 500: The server had an error",
    "down": "The LLM refuses connections",
    "nonsense": "The LLM's answer is no analysis",
    "disconnecting": "The LLM ended the connection without an answer",
}


def test_the_hub_survives_every_fault_of_its_llm(asking: Asking) -> None:
    """Whatever the LLM does, an analysis ends as an error in words, the rest of the hub works, and all is well afterwards."""
    for order, words in FAILURES.items():
        asking.hub.llm(order)
        failed, said = asking.ask()
        assert (failed, words in said["error"]) == (True, True), said
        assert asking.lives()
        asking.hub.llm("up")
        assert asking.ask()[1]["categories"] == ["utility"]
    told = asking.llm()
    assert (told["totalCalls"], told["failedCalls"]) == (2 * len(FAILURES), len(FAILURES))
    assert told["circuitBreakerState"] == "closed"


def test_a_slow_llm_is_waited_for_and_not_for_ever(asking: Asking) -> None:
    """Half a second late is an answer, and counted as such; a minute late is an error after the client's own limit."""
    asking.hub.llm("slow", 0.5)
    assert asking.ask()[1]["categories"] == ["utility"]
    assert asking.llm()["p95Latency"] >= 450
    asking.hub.llm("slow")
    started = time.monotonic()
    assert asking.ask() == (True, {"error": f"The LLM did not answer within {TIMEOUT:g} s"})
    assert time.monotonic() - started < TIMEOUT + 2


def test_the_breaker_opens_rests_and_recovers(asking: Asking) -> None:
    """Five failures in a row open it; then nobody is asked, until after its rest one call tries and closes it."""
    asking.hub.llm("down")
    for _ in range(5):
        assert asking.llm()["circuitBreakerState"] == "closed"
        asking.ask()
    assert asking.llm()["circuitBreakerState"] == "open"
    calls = asking.llm()["totalCalls"]
    assert asking.ask() == (True, {"error": "Circuit breaker is open"})
    time.sleep(0.35)
    assert "refuses" in asking.ask()[1]["error"]  # half-open: one try, and open again
    assert (asking.llm()["totalCalls"], asking.llm()["circuitBreakerState"]) == (calls + 1, "open")
    asking.hub.llm("up")
    time.sleep(0.35)
    assert asking.ask()[1]["categories"] == ["utility"]
    assert asking.llm()["circuitBreakerState"] == "closed"


def test_orders_by_command(hub: demo.DemoHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command breaks and mends the double of the hub whose release it names, and returns when that is in force."""
    url = demo_settings(hub.release)["llm"]["base_url"]["openai"] + "/models"
    command = [sys.executable, "-m", "readiness.demo.llm_control"]
    subprocess.run([*command, "down", "--release", str(hub.release)], timeout=20, check=True)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=2)
    monkeypatch.setenv("MCP_HUB_RELEASE", str(hub.release))
    assert main(["429"]) == 0
    assert httpx.get(url, timeout=2).status_code == 429
    assert main(["up"]) == 0
    assert httpx.get(url, timeout=2).status_code == 401


def test_orders_that_cannot_be_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown order, wild seconds, no hub named, and a hub that is gone are status 2 and a sentence."""
    monkeypatch.delenv("MCP_HUB_RELEASE", raising=False)
    assert main(["up"]) == 2
    assert "which hub?" in capsys.readouterr().err
    release = ["--release", str(tmp_path / "release")]
    assert main(["sideways", *release]) == 2
    assert "is no order: one of down, up" in capsys.readouterr().err
    assert main(["slow", "--seconds", "nan", *release]) == 2
    assert "no number of seconds" in capsys.readouterr().err
    assert main(["up", "--release", str(tmp_path / "gone" / "release")]) == 2
    assert "its folder is gone" in capsys.readouterr().err
    with pytest.raises(OrderError, match="did not obey within"):
        LlmControl(tmp_path).give("up", patience=0.05)


def test_no_llm_beyond_loopback_and_none_without_a_key() -> None:
    """The embedded hub never speaks to a real provider, and a key that is missing is told as such."""
    for url in ("https://127.0.0.1:9/v1", "http://api.example.com/v1"):
        with pytest.raises(AnalysisError, match="loopback only"):
            asyncio.run(HttpAnalyser(url, "key", "m").analyse("x", {}))
    with pytest.raises(KeyMissingError, match="not set"):
        asyncio.run(HttpAnalyser(NOBODY, None, "m").analyse("x", {}))


ANSWERS = {
    "no status": b"HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}",
    "enormous": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000,
    "half": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}",
    "html": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<p/>",
    "deep": b"HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n" + b"[" * 90_000,
    "no choices": b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"choices":[]}',
    "refused in html": b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\n<p/>",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_strange_answers_are_errors_in_words(name: str) -> None:
    """Whatever a port answers, the client says so in a sentence, and quickly."""

    async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWERS[name])
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(strange, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await HttpAnalyser(f"http://127.0.0.1:{port}/v1", "key", "m", timeout=2).analyse("x", {"a": frozenset()})

    with pytest.raises(AnalysisError, match=r"^The LLM('s| answered 503| ended)"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"categories": ["a"], "confidence": 2, "reasoning": ""}, "confidence outside"),
        ({"categories": ["a"], "confidence": float("nan"), "reasoning": ""}, "confidence outside"),
        ({"categories": ["other"], "confidence": 1, "reasoning": ""}, "no category that there is"),
        ({"categories": 7, "confidence": 1, "reasoning": ""}, "no analysis"),
        ([], "no analysis"),
    ],
)
def test_analyses_are_validated(content: object, words: str) -> None:
    """An analysis that promises nothing usable is an error, never an empty success."""
    whole = json.dumps({"choices": [{"message": {"content": json.dumps(content)}}]}).encode()
    with pytest.raises(AnalysisError, match=words):
        read_analysis(whole, {"a": frozenset()})
