"""The search itself: every encoding, every border, and nothing that only looks like a secret."""

from __future__ import annotations

import base64
import json
import random
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.facts.secretscan.heuristics import Guesser, secret_literals
from readiness.facts.secretscan.stream_search import Hit, Needles, fingerprint, search_stream, tokens

VALUE = 'p@ss/w"ord+é 1longer'
TOKENS = {
    "an Anthropic key": "sk-ant-" + "api03-A1b2C3d4E5f6G7h8I9j0",
    "an OpenAI key": "sk-proj-" + "A1b2C3d4E5f6G7h8I9j0",
    "a Google key": "AIza" + "SyB1c2D3e4F5g6H7i8J9k0LmNoPqRsTuVwX",
    "an AWS key": "AKIA" + "Q3EGRT5XKLM2NOPQ",
    "a GitHub token": "ghp_" + "a1B2c3D4e5" * 3,
    "a GitLab token": "glpat-" + "A1b2C3d4E5f6G7h8I9j0",
    "a Slack token": "xoxb-" + "1029384756-A1b2C3d4E5f6",
    "an npm token": "npm_" + "a1B2c3D4e5F6" * 3,
    "a Hugging Face token": "hf_" + "a1B2c3D4e5F6" * 3,
    "a Stripe key": "sk_" + "live_A1b2C3d4E5f6G7h8",
    "a Vault token": "hvs." + "A1b2C3d4E5f6G7h8I9j0",
    "a SendGrid key": "SG." + "A1b2C3d4E5f6G7h8" + "." + "I9j0K1l2M3n4O5p6",
    "a Google token": "ya29." + "A1b2C3d4E5f6G7h8I9j0",
    "a DigitalOcean token": "dop" + "_v1_" + "a1b2c3d4e5f60718" * 4,
    "a Doppler token": "dp" + ".st.prd." + "A1b2C3d4E5f6G7h8I9j0" * 2,
    "a PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJ" + "A1b2C3d4E5f6G7h8" * 4,
    "a Twilio key": "SK" + "a1b2c3d4e5f60718" * 2,
    "a JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxIn0abc.A1b2C3d4E5f6G7h8",
    "a private key": "-----BEGIN EC PRIVATE " + "KEY-----\n" + base64.b64encode(bytes(range(100, 160))).decode(),
}


def needles(*values: str) -> Needles:
    """Values to look for."""
    return Needles({value: f"the value of V{number}" for number, value in enumerate(values)})


def cut(data: bytes, size: int) -> list[tuple[int, bytes]]:
    """`data` in pieces."""
    return [(start, data[start : start + size]) for start in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("form", "how"),
    [
        (VALUE, ""),
        (quote(VALUE, safe=""), " URL-encoded"),
        (quote(VALUE, safe="").lower(), None),
        (json.dumps(VALUE), " JSON-escaped"),
        (json.dumps(VALUE, ensure_ascii=False), " JSON-escaped"),
        (VALUE.encode().hex(), " in hexadecimal"),
        (VALUE.encode().hex().upper(), " in hexadecimal"),
        *(
            (base64.b64encode(b"x" * n + VALUE.encode() + b"y" * m).decode(), " in base64")
            for n in range(3)
            for m in (0, 4)
        ),
        (base64.urlsafe_b64encode(VALUE.encode()).decode(), " in base64"),
    ],
)
def test_known_values_are_found_in_their_encodings(form: str, how: str | None) -> None:
    """Plain, URL-encoded, JSON-escaped, hexadecimal, and base64 at every alignment."""
    data = b"before " + form.encode() + b" after"
    [hit] = search_stream([(0, data)], needles(VALUE), patterns=False)
    assert hit.fingerprint == fingerprint(VALUE)
    assert hit.offset >= len(b"before ")
    if how is not None:
        assert hit.kind == f"the value of V0{how}"


@pytest.mark.parametrize("kind", TOKENS)
def test_unknown_tokens_are_found_by_their_shape(kind: str) -> None:
    """Each provider's token is told by its kind, wherever it stands."""
    for before, after in (("", ""), ("x=", "\n"), ('{"key":"', '"}'), ("\n", " tail"), ("Bearer ", ",")):
        data = f"{before}{TOKENS[kind]}{after}".encode()
        assert [hit.kind for hit in search_stream([(0, data)], needles())] == [f"looks like {kind}"], data


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_borders_hide_nothing(size: int) -> None:
    """Whatever the size of the pieces, the same is found at the same places."""
    parts = [b"start", VALUE.encode(), base64.b64encode(b"a" + VALUE.encode() + b"bc")]
    data = b" | ".join([*parts, *(token.encode() for token in TOKENS.values()), b"end"])
    whole = search_stream([(0, data)], needles(VALUE))
    assert len(whole) == 1 + len(TOKENS)
    assert search_stream(cut(data, size), needles(VALUE)) == whole


@settings(max_examples=60, deadline=None)
@given(
    st.text(min_size=8, max_size=80).filter(lambda text: len(text.encode("utf-8", "surrogatepass")) >= 8),
    st.binary(max_size=200),
    st.integers(1, 50),
)
def test_any_value_is_found_in_any_surroundings(value: str, around: bytes, size: int) -> None:
    """Arbitrary text as a secret, between arbitrary bytes, in pieces of any size."""
    data = around + value.encode("utf-8", "surrogatepass") + around
    hits = search_stream(cut(data, size), needles(value), patterns=False)
    assert [hit.fingerprint for hit in hits] == [fingerprint(value)]


def test_a_long_stream_finds_a_value_once() -> None:
    """A value on every line is one finding, with the place of its first."""
    data = b"".join(b"line %d sk-proj-A1b2C3d4E5f6G7h8I9j0\n" % n for n in range(5000))
    known = search_stream(cut(data, 4096), needles("sk-proj-" + "A1b2C3d4E5f6G7h8I9j0"))
    assert [(hit.offset, hit.kind) for hit in known] == [(7, "the value of V0")]
    assert [hit.offset for hit in search_stream(cut(data, 4096), needles())] == [7]


def test_a_hole_joins_nothing() -> None:
    """Two pieces with a hole between them are no neighbours."""
    value = b"A1b2C3d4E5f6"
    pieces = [(0, b"x" * 10 + value[:6]), (5000, value[6:] + b"x" * 10)]
    assert search_stream(pieces, needles(value.decode())) == []


def test_a_known_value_is_not_told_twice() -> None:
    """What is known is not reported again by its shape, also where only a part has one."""
    value = f"Bearer-{TOKENS['an OpenAI key']}"
    [hit] = search_stream([(0, value.encode())], needles(value))
    assert hit.kind == "the value of V0"


def test_short_values_are_counted_and_left_out() -> None:
    """What would be found everywhere is not looked for, and said."""
    made = needles("short", "long-enough-1")
    assert made.short == 1
    assert search_stream([(0, b"short")], made) == []


def test_nothing_shows_a_value() -> None:
    """Neither what is looked for nor what is found prints a secret."""
    made = needles(VALUE)
    [hit] = search_stream([(0, VALUE.encode())], made)
    assert VALUE not in repr(made) + repr(hit)
    assert hit == Hit(offset=0, kind="the value of V0", fingerprint=fingerprint(VALUE))


@pytest.mark.parametrize(
    "text",
    [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
        '"integrity": "sha512-eyJ9AIzaZ0AKIA/gh_sk-/xoxb+Yw2vT5q8sLpQ0d7fC1nRk4uHjXb6mEa3oGzVtWiPyNcKlSe=="',
        "OPENAI_API_KEY=your_api_key_here",
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ANTHROPIC_API_KEY=sk-ant-api03-REPLACE-WITH-YOUR-KEY-1234",
        "sk-1234567890abcdefghijklmnopqrstuvwxyz",
        "AKIAIOSFODNN7EXAMPLE",
        "the task-management-of-risk-assessment-2024-q3-report",
        "disk-usage-of-desk-sk-learn-pipelines",
        "ghp_short",
        "npm_config_registry_and_npm_lifecycle_event",
        "AIzaTooShort123",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ1l5b2x4bXk3c2d0",
        "SG.short.one",
    ],
)
def test_look_alikes_are_no_secrets(text: str) -> None:
    """Hashes, ids, placeholders and words with a key's beginning are passed over."""
    assert search_stream([(0, text.encode())], needles()) == []
    assert list(tokens(text)) == []


def test_noise_is_no_secret() -> None:
    """A megabyte of random bytes and one of random base64 hold none."""
    noise = random.Random(7).randbytes(1 << 20)
    assert search_stream(cut(noise, 65536), needles()) == []
    assert search_stream(cut(base64.b64encode(noise), 65536), needles()) == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("db.js", 'x\nconst dbPassword = "t7Kq-93mZ!wPvL2";', 2),
        ("app.yml", "a: 1\n\n\napi_key: q8Ws7Ed6Rf5Tg4Yh3\n", 4),
        ("azure.txt", f"AccountKey={base64.b64encode(bytes(range(64))).decode()}", 1),
        ("url.md", "git clone https://deploy:t7Kq93mZwPvL2x@git.example.org/x.git", 1),
        ("mail.py", f"k = '{'0a1b2c3d4e5f6a7b' * 2}-us12'", 1),
    ],
)
def test_detect_secrets_finds_what_has_no_shape_here(name: str, text: str, line: int) -> None:
    """Literals under telling names and the formats of further services, with their line."""
    assert {found for _, _, found in Guesser().guesses(name, text.encode())} == {line}


def test_no_service_is_asked_about_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library could send a secret to its service to have it verified; the search never lets it."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a secret would have left this machine")

    guesser = Guesser()
    for plugin in guesser._plugins:
        monkeypatch.setattr(type(plugin), "verify", refused)
    text = f"{'0a1b2c3d4e5f6a7b' * 2}-us12 and xoxb-1029384756-1029384756-A1b2C3d4E5f6 and sk_live_A1b2C3d4E5f6G7h8I9j0K1l2"
    assert list(guesser.guesses("x.js", f'apiKey = "{text.split(maxsplit=1)[0]}" {text}'.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "const apiKey = process.env.OPENAI_API_KEY;",
        'apiKey: "${OPENAI_API_KEY}",',
        'password = "password"',
        'const token = "test-token";',
        'secret: "op://vault/item/field",',
        "password = getPassword(user1, 'prompt2')",
        'token_url = "https://login.example.com/oauth2/v1/token"',
        'const tokenLimit = "maximum_tokens_per_request_2048";',
        "https://user:password@example.com/",
        "max_tokens = 4096",
        f'"integrity": "sha512-{base64.b64encode(random.Random(3).randbytes(64)).decode()}", "token": 1',
        'API_KEY="<your key 1 goes here>"',
        "x" * 3000 + 'password = "t7Kq-93mZ!wPvL2"',
        'password = "t7Kq-93mZ!wPvL2"\0',
    ],
)
def test_programs_that_handle_secrets_hold_none(text: str) -> None:
    """Look-ups, references, placeholders, tests' words, minified lines and binary files."""
    assert list(Guesser().guesses("app.js", text.encode())) == []


def test_literals_of_a_configuration() -> None:
    """Under secret names, in environments, headers and arguments; references and switches are none."""
    data = {
        "apiKey": "blue-Horse7",
        "maxTokens": "many-tokens-42",
        "servers": {
            "a": {"args": ["--token", "t0ps3cret", "--password=hunter22x", "--port", "7000"]},
            "b": {"env": {"B_TOKEN": "${B_TOKEN}", "C_KEY": "op://v/i/k", "MODE": "prompt-based"}},
            "c": {"headers": {"Authorization": "Bearer abc123def456", "Accept": "text/event-stream"}},
        },
        "password": "your_password_here",
    }
    assert {(path, value) for path, _, value in secret_literals(data)} == {
        ("apiKey", "blue-Horse7"),
        ("servers.a.args", "t0ps3cret"),
        ("servers.a.args", "hunter22x"),
        ("servers.c.headers.Authorization", "abc123def456"),
    }


def test_a_configuration_that_is_very_deep_is_walked() -> None:
    """No depth of nesting ends the search."""
    data: object = {"password": "blue-Horse7"}
    for _ in range(50_000):
        data = [data]
    assert [value for _, _, value in secret_literals(data)] == ["blue-Horse7"]
