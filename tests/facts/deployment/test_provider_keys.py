"""Keys against a loopback server that speaks the three providers' list of models: every answer has its meaning."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, LlmSettings, ProbeSettings, SecretSettings, Target
from readiness.facts.deployment.provider_keys import PROVIDERS, Key, ProviderKeys
from tests.helpers.wires import Connection, Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = Callable[[Connection], None]

KEYS = {
    "gemini": "AIza" + "SyB1c2D3e4F5g6H7i8J9k0LmNoPqRsTuVwX",
    "openai": "sk-proj-" + "A1b2C3d4E5f6G7h8I9j0",
    "anthropic": "sk-ant-" + "api03-A1b2C3d4E5f6G7h8I9j0",
}
VARIABLES = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
LISTS: dict[str, Any] = {
    "gemini": {"models": [{"name": "models/gemini-2.0-flash"}]},
    "openai": {"object": "list", "data": [{"id": "gpt-4o-mini"}]},
    "anthropic": {"data": [{"id": "claude-3-5-haiku"}], "has_more": False},
}


def provider(connection: Connection) -> None:
    """The three APIs in one: each takes its own key from its own header, and refuses as it does in the wild."""
    fields = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in connection.head.decode().split("\r\n")[1:])
    }
    path = connection.path.partition("?")[0]
    if path == "/v1beta/models":
        good = fields.get("x-goog-api-key") == KEYS["gemini"]
        refusal = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}
        connection.answer(LISTS["gemini"] if good else refusal, status=200 if good else 400)
    elif path == "/v1/models" and "x-api-key" in fields:
        good = fields["x-api-key"] == KEYS["anthropic"] and bool(fields.get("anthropic-version"))
        connection.answer(LISTS["anthropic"] if good else {"type": "error"}, status=200 if good else 401)
    elif path == "/v1/models":
        good = fields.get("authorization") == f"Bearer {KEYS['openai']}"
        connection.answer(LISTS["openai"] if good else {"error": {}}, status=200 if good else 401)
    else:
        connection.answer({}, status=404)


def keys_of(tmp_path: Path, env: str, base: dict[str, str], **more: Any) -> ProviderKeys:
    """The keys of a deployment with this env file, tried at `base`."""
    (tmp_path / ".env.production").write_text(env, encoding="utf-8")
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps(more.pop("hub", {})), encoding="utf-8")
    config = Config(
        path=tmp_path / "readiness.toml",
        target=Target(release=tmp_path),
        probe=ProbeSettings(timeout=more.pop("timeout", 10.0)),
        llm=LlmSettings(base_url=base),
    )
    return ProviderKeys(dataclasses.replace(config, **more))


def said(keys: ProviderKeys) -> list[tuple[str, str]]:
    """What each trial came to, and why."""
    return [(trial.said, trial.why) for trial in map(keys.trial, keys.found())]


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_valid_key_works_and_travels_in_a_header(name: str, tmp_path: Path) -> None:
    """Each provider's API takes its key, which stands in no address."""
    with Wires(provider) as wires:
        keys = keys_of(tmp_path, f"{VARIABLES[name]}={KEYS[name]}\n", {name: wires.url})
        assert [what for what, _ in said(keys)] == ["works"]
        assert len(wires.requests) == 1
        assert KEYS[name] not in wires.requests[0]


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_revoked_key_is_refused(name: str, tmp_path: Path) -> None:
    """A key that a provider does not know any more failed, also where the answer is a 400 as Gemini's is."""
    with Wires(provider) as wires:
        keys = keys_of(tmp_path, f"{VARIABLES[name]}={KEYS[name][:-1]}Z\n", {name: wires.url})
        [(what, why)] = said(keys)
        assert what == "refused", why
        assert KEYS[name][:12] not in why


def answers(body: Any, status: int, headers: str = "") -> Answer:
    """A server that says the same to everybody."""
    return lambda connection: connection.answer(body, status=status, headers=headers)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (answers({}, 429), "too many requests"),
        (answers({}, 500), "answered 500"),
        (answers({}, 404), "the base URL is not that of such an API"),
        (answers(b"<html>", 200), "no list of models"),
        (answers({"data": "many"}, 200), "no list of models"),
        (answers(b"[" * 100_000, 200), "no list of models"),
        (answers({"error": {"message": "bad request"}}, 400), "answered 400"),
        (answers(b"", 302, "location: http://127.0.0.1:9/login\r\n"), "answered 302"),
        (lambda connection: connection.drip(b"HTTP/1.1 200 OK\r\n" * 9), "no complete answer"),
        (lambda connection: connection.reset(), "127.0.0.1"),
        (lambda connection: connection.send(b"nonsense\r\n\r\n"), "127.0.0.1"),
    ],
    ids=["429", "500", "404", "html", "wrong-shape", "deep", "other-400", "redirect", "slow", "reset", "nonsense"],
)
def test_what_proves_nothing_is_unclear(answer: Answer, word: str, tmp_path: Path) -> None:
    """Whatever lies with the network or the provider says nothing about the key."""
    with Wires(answer) as wires:
        keys = keys_of(tmp_path, f"OPENAI_API_KEY={KEYS['openai']}\n", {"openai": wires.url}, timeout=1.0)
        [(what, why)] = said(keys)
    assert (what, word in why) == ("unclear", True), why


@pytest.mark.parametrize("status", [401, 403])
def test_refusals_fail(status: int, tmp_path: Path) -> None:
    """401 and 403 are about the key."""
    with Wires(answers({}, status)) as wires:
        keys = keys_of(tmp_path, f"ANTHROPIC_API_KEY={KEYS['anthropic']}\n", {"anthropic": wires.url})
        assert said(keys) == [("refused", f"127.0.0.1:{wires.port} refuses it ({status})")]


def test_an_unreachable_provider_is_no_dead_hub(tmp_path: Path) -> None:
    """A refused connection is the provider's, and never proves the hub down."""
    keys = keys_of(tmp_path, f"OPENAI_API_KEY={KEYS['openai']}\n", {"openai": f"http://127.0.0.1:{free_port()}/v1"})
    [(what, why)] = said(keys)
    assert (what, "refused" in why) == ("unclear", True)


def test_a_key_leaves_only_where_it_was_meant_to(tmp_path: Path) -> None:
    """No key goes out in a first look, nor over plain HTTP to another machine."""
    env = f"OPENAI_API_KEY={KEYS['openai']}\n"
    assert "first look" in said(keys_of(tmp_path, env, {}, path=None))[0][1]
    assert "plain HTTP" in said(keys_of(tmp_path, env, {"openai": "http://llm.invalid/v1"}))[0][1]


def test_base_urls_may_end_with_a_version() -> None:
    """A base URL as clients know it, with its version, and a bare one lead to the same place."""
    openai, gemini = PROVIDERS["openai"], PROVIDERS["gemini"]
    assert openai.url("http://h/v1") == openai.url("http://h/") == "http://h/v1/models"
    assert openai.url("http://h/proxy/v1/") == "http://h/proxy/v1/models"
    assert gemini.url("http://h") == "http://h/v1beta/models?pageSize=1"
    assert openai.url(None).startswith("https://api.openai.com/v1/")


def test_the_configurations_base_url_counts(tmp_path: Path) -> None:
    """The hub's own `baseURL` is where its key is meant for, and whose keys have no known form."""
    with Wires(answers(LISTS["openai"], 200)) as wires:
        llm = {"provider": "openai", "apiKey": "${LOCAL_KEY}", "baseURL": f"{wires.url}/v1"}
        keys = keys_of(tmp_path, "LOCAL_KEY=anything\n", {}, hub={"toolFiltering": {"llmCategorization": llm}})
        [key] = keys.found()
        assert (key.name, key.foreign, keys.misshapen(key)) == ("LOCAL_KEY", True, "")
        assert said(keys)[0][0] == "works"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        *((name, value, "") for name, value in KEYS.items()),
        ("gemini", "AQ.Ab8RN6" + "x1Y2z3" * 8, ""),
        ("openai", "sk-svcacct-" + "A1b2C3d4E5f6G7h8I9j0", ""),
        ("openai", KEYS["anthropic"], "is a key of anthropic"),
        ("anthropic", KEYS["openai"], "is a key of openai"),
        ("gemini", KEYS["gemini"][:-1], "it has 38 characters"),
        ("openai", "your_api_key_here", "placeholder"),
        ("openai", "optional", "placeholder"),
        ("openai", f"{KEYS['openai']} ", "white space"),
        ("openai", f"{KEYS['openai']}\n", "white space"),
        ("openai", f'"{KEYS["openai"]}"', "quotation mark"),
        ("anthropic", "x", "is no key of anthropic"),
    ],
)
def test_the_form_of_a_key(name: str, value: str, word: str, tmp_path: Path) -> None:
    """Each provider's keys are known by their form, and what is wrong is said without showing one."""
    keys = keys_of(tmp_path, "", {})
    found = keys.misshapen(Key(provider=name, name="KEY", value=value))
    assert (bool(found), word in found) == (bool(word), True), found
    assert len(value) < 12 or value[:12] not in found


def test_references_are_resolved_once_and_never_shown(tmp_path: Path) -> None:
    """The configured command turns a reference into the key; it is asked once for both checks."""
    reader = tmp_path / "read"
    reader.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho {KEYS["openai"]}\n', encoding="utf-8")
    reader.chmod(0o700)
    with Wires(provider) as wires:
        env = 'OPENAI_API_KEY="$(op read op://vault/item/key)"\n'
        keys = keys_of(tmp_path, env, {"openai": wires.url}, secrets=SecretSettings(resolve=(str(reader),)))
        [key] = keys.found()
        assert keys.misshapen(key) == ""
        assert said(keys)[0][0] == "works"
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "op://vault/item/key\n"
    assert KEYS["openai"] not in repr((key, keys.trial(key)))


@pytest.mark.parametrize(
    ("script", "word"),
    [("exit 3", "ended with status 3"), ("true", "answered nothing"), ("printf 'a\\nb\\n'", "more than one line")],
)
def test_a_manager_that_does_not_answer_leaves_the_key_unclear(script: str, word: str, tmp_path: Path) -> None:
    """A locked or talkative manager is no fault of the key."""
    reader = tmp_path / "read"
    reader.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    reader.chmod(0o700)
    keys = keys_of(tmp_path, "OPENAI_API_KEY=op://v/i/k\n", {}, secrets=SecretSettings(resolve=(str(reader),)))
    [(what, why)] = said(keys)
    assert (what, word in why) == ("unclear", True), why
