"""Secrets and internals in answers are found and never repeated."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from readiness.config.model import Config, Target
from readiness.facts.http.answer import HttpAnswer
from readiness.facts.hub.disclosure import internals_in
from readiness.facts.secretscan.hub_answers import find_leaks, known_values

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "correct-horse-battery-staple"


def answer(body: Any, **headers: str) -> HttpAnswer:
    """A JSON answer, or text."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return HttpAnswer(method="GET", url="http://h/api/x", status=200, headers=headers, body=data)


def test_known_values_are_found_wherever_they_stand() -> None:
    """In a value, in a key, in a header, in text that is no JSON; the place is named and the value is not."""
    known = {VALUE: "the value of DB_PASSWORD"}
    places = {
        "$.a[1].b": answer({"a": [0, {"b": f"x{VALUE}y"}]}),
        "$ (a key)": answer({VALUE: 1}),
        "header x-debug": answer({}, **{"x-debug": VALUE}),
        "the body": answer(f"<html>{VALUE}"),
    }
    for place, given in places.items():
        (leak,) = find_leaks(given, "GET /api/x", known)
        assert leak.place == place
        assert leak.fingerprint == hashlib.sha256(VALUE.encode()).hexdigest()[:8]
        assert "DB_PASSWORD" in str(leak)
        assert VALUE not in str(leak)


@pytest.mark.parametrize(
    ("form", "how"),
    [
        (base64.b64encode(f"hub:{VALUE}".encode()).decode(), "in base64"),
        (base64.urlsafe_b64encode(f"\xff{VALUE}?".encode()).decode().rstrip("="), "in base64"),
        (VALUE.encode().hex(), "in hexadecimal"),
        (VALUE.encode().hex().upper(), "in hexadecimal"),
        (quote("pass/word & more"), "URL-encoded"),
        (json.dumps('with "quotes" inside')[1:-1], "JSON-escaped"),
    ],
)
def test_known_values_are_found_in_every_encoding(form: str, how: str) -> None:
    """What a file search and the redactor know is no less a leak in an answer; the encoding is named."""
    known = {VALUE: "the value of A", "pass/word & more": "the value of B", 'with "quotes" inside': "the value of C"}
    (leak,) = find_leaks(answer({"a": f"before {form} after"}), "GET /api/x", known)
    assert leak.kind.endswith(f" {how}"), leak


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sk-" + "ant-api03-" + "a" * 30, "Anthropic"),
        ("sk-" + "proj-" + "Ab1" * 12, "OpenAI"),
        ("AI" + "za" + "B" * 35, "Google"),
        ("use gh" + "p_" + "a1" * 18, "GitHub"),
        ("AK" + "IA" + "ABCDEFGHIJKLMNOP", "AWS"),
        ("xo" + "xb-" + "1" * 24, "Slack"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\\n" + "Ab1" * 14, "private key"),
    ],
)
def test_providers_formats_are_recognised(text: str, kind: str) -> None:
    """Each provider's prefix is known by name."""
    (leak,) = find_leaks(answer({"description": text}), "GET /api/x", {})
    assert kind in leak.kind


@pytest.mark.parametrize(
    "body",
    [
        {"apiKey": "${OPENAI_API_KEY}"},
        {"apiKey": ""},
        {"token": "short"},
        {"properties": {"token": {"type": "string", "description": "an access token of the service"}}},
        {"secret": "op://vault/item/field"},
        {"password": "********"},
        {"sessionId": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        {"name": "task-force-one-with-a-rather-long-name"},
        {"totalTokens": 12345678},
    ],
)
def test_references_and_plain_words_are_no_secrets(body: dict[str, Any]) -> None:
    """References, placeholders, schemas, hex ids and words that merely look close raise no alarm."""
    assert find_leaks(answer(body), "GET /api/x", {}) == []


def test_a_literal_under_a_telling_key_is_one() -> None:
    """A configuration that holds its key in clear is reported by path."""
    body = {"config": {"toolFiltering": {"llmCategorization": {"apiKey": "a-private-models-key"}}}}
    (leak,) = find_leaks(answer(body), "GET /api/config", {})
    assert str(leak).startswith("GET /api/config at $.config.toolFiltering.llmCategorization.apiKey: a literal apiKey")


def test_known_values_come_from_the_release_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Env file, literal keys of the configuration, telling variables and the token; never references or short values."""
    (tmp_path / "config").mkdir()
    config = {"mcpServers": {"a": {"env": {"A_TOKEN": "literal-in-the-config", "B_TOKEN": "${B_TOKEN}"}}}}
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps(config))
    (tmp_path / ".env.production").write_text("API_KEY=from-the-env-file\nPIN_TOKEN=1234\nNODE_ENV=production-like\n")
    monkeypatch.setenv("OTHER_API_KEY", "from-the-environment")
    monkeypatch.setenv("MY_HUB", "token-under-a-plain-name")
    found = known_values(Config(target=Target(release=tmp_path, token_env="MY_HUB")))
    expected = {"literal-in-the-config", "from-the-env-file", "from-the-environment", "token-under-a-plain-name"}
    assert expected <= set(found)
    assert not {"1234", "production-like", "${B_TOKEN}"} & set(found)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (
            "Error: x\n    at Router.handle (/opt/hub/node_modules/express/index.js:281:3)",
            ["a stack trace", "a file of the program"],
        ),
        ('{"stack": "at node:internal/process/task_queues:95:5"}', ["a stack trace", "a file of the program"]),
        ("Traceback (most recent call last):", ["a stack trace"]),
        ("Cannot find /home/hub/app/src/server.ts", ["a file of the program"]),
        ('{"error": "Missing server name", "code": "VALIDATION_ERROR", "timestamp": "2026-11-22T20:07:20.881Z"}', []),
        ("<pre>Cannot GET /api/nope</pre>", []),
    ],
)
def test_internals_are_told_from_plain_errors(text: str, kinds: list[str]) -> None:
    """Stacks and files of the program are found; what the hub normally answers is not taken for them."""
    assert internals_in(text) == kinds
