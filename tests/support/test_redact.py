"""The Redactor: no twelve characters of a known value in any form, and nothing innocent touched."""

from __future__ import annotations

import base64
import enum
import html
import json
import re
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from readiness.support.redaction.patterns import hidden_values, shown_arguments
from readiness.support.redaction.redactor import LIMIT, RUN, Redactor, Secret, bounded, known_secrets, scrub

TOKEN = "Zq8/Lw3+Rt6=Yb1&Nc9 Pd5\"Hg2'Jk7"
PLAIN = "a7Gk29xQm41Lz80Vt63Rw55Yb"
_ANY = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C",)), max_size=25)
SECRETS = st.builds("{}{}{}".format, _ANY, st.sampled_from(["a7Gk29xQm41L", "&\"'<\\ü/+% ~Zt4", "0f3a9b2c4d5e"]), _ANY)


def lower_hex(text: str) -> str:
    """Percent escapes in lower case, as some programs write them."""
    return re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), text)


def every_form(value: str) -> list[str]:
    """The encodings that are promised, made by the standard library alone."""
    raw = value.encode("utf-8", "surrogateescape")
    found = [value, quote(value), quote(value, safe=""), quote_plus(value), lower_hex(quote(value, safe="")), raw.hex()]
    found += [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1], repr(raw)[2:-1]]
    found += [raw.hex().upper(), html.escape(value), json.dumps(json.dumps(value)[1:-1])[1:-1]]
    for before in range(3):
        padded = b"\0" * before + raw + b"\0" * (-(len(raw) + before) % 3)
        found += [base64.b64encode(padded).decode()[4:-4], base64.urlsafe_b64encode(padded).decode()[4:-4]]
    return found


def shared_run(form: str, text: str) -> str | None:
    """The first run of RUN characters of `form` that stands in `text`."""
    runs = (form[i : i + RUN] for i in range(len(form) - RUN + 1))
    return next((run for run in runs if run in text and run.count(run[0]) < RUN - 2), None)


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.integers(0, 20), st.integers(0, 60))
@example(TOKEN, 0, 60)
@example(PLAIN, 3, 18)
def test_no_run_of_a_known_value_survives(value: str, cut: int, end: int) -> None:
    """Whole or cut on either side, in any encoding and at any offset, no twelve characters of it are left."""
    redactor = Redactor({"MCP_HUB_TOKEN": value})
    for form in every_form(value):
        for piece in {form, form[cut:], form[:end], form[cut : cut + RUN]}:
            for before in ("", "x", "E   ab "):
                assert shared_run(form, redactor.text(f"{before}{piece}| and more")) is None, form


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_redacting_twice_changes_nothing(text: str) -> None:
    """What was redacted once is clean."""
    redactor = Redactor({"A": PLAIN, "B": "short12"})
    once = redactor.text(text + PLAIN + " short12 " + text)
    assert redactor.text(once) == once
    assert PLAIN not in once


def test_the_name_stands_where_the_value_stood() -> None:
    """A reader learns which variable was shown, and everything around it."""
    text = Redactor({"MCP_HUB_TOKEN": PLAIN}).text(f"GET /api -> 401 for {PLAIN}, retry")
    assert text == "GET /api -> 401 for «redacted:MCP_HUB_TOKEN», retry"


def test_a_hostile_name_is_tamed() -> None:
    """A variable's name cannot bring markup, or the value, into the report."""
    assert Redactor({"<b>\n": PLAIN}).text(PLAIN) == "«redacted:_b__»"


def test_colours_do_not_hide_a_secret() -> None:
    """A highlighter that cuts a value in pieces with colours is seen through; innocent colours stay."""
    redactor = Redactor({"T": PLAIN})
    assert redactor.text("\x1b[31m" + "\x1b[0m".join(PLAIN) + "\x1b[0m") == "«redacted:T»"
    assert redactor.text("\x1b[31mred\x1b[0m and plain") == "\x1b[31mred\x1b[0m and plain"


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("hunter2", "password hunter2!", "password «redacted:P»!"),
        ("hunter2", "hunter22 and xhunter2", "hunter22 and xhunter2"),
        ("hunter2", base64.b64encode(b"admin:hunter2").decode(), None),
        ("abc", "abc", "abc"),
        ("", "nothing", "nothing"),
    ],
)
def test_short_values_are_found_whole_only(value: str, text: str, shown: str | None) -> None:
    """Six to eleven characters: whole and as a word of their own; fewer are not looked for."""
    result = Redactor({"P": value}).text(text)
    assert result == shown if shown is not None else "«redacted:P»" in result


def test_whole_secrets_leave_their_parts_alone() -> None:
    """A value that reads like a sentence is redacted as such, and its words stay readable."""
    redactor = Redactor([Secret("TITLE", "the hub of production", whole=True)])
    assert redactor.text("x the hub of production y, the hub of prod") == "x «redacted:TITLE» y, the hub of prod"


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodWIifQ.c2lnbmF0dXJlMTIz"
HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
UNKNOWN = {
    "openai": "sk-proj-Ab12Cd34Ef56Gh78Ij90",
    "anthropic": "sk-ant-api03-Ab12Cd34Ef56",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "github": "ghp_1234567890abcdefghijABCDEFGHIJ",
    "github-fine": "github_pat_11AAAAAAA0abcdefghij_klmnop",
    "gitlab": "glpat-abcDEF123456ghijkl78",
    "slack": "xoxb-123456789012-abcdefGHIJ",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "jwt": JWT,
    "bearer": "Bearer a8f3K29xQm41Lz",
    "basic": "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "header-dict": "{'authorization': 'Token 9f8e7d6c5b4a39281706'}",
    "header-tuple": "(b'x-api-key', b'9f8e7d6c5b4a3928abcd')",
    "cookie": "Set-Cookie: sid=9f8e7d6c5b4a; Path=/",
    "userinfo": "postgres://hub:Tr0ub4dor@db:5432/hub",
    "token-url": "https://9f8e7d6c5b4a3928@example.com/",
    "slack-hook": "https://hooks.slack.com/services/T00AA11/B22CC33/d4E5f6G7h8",
    "quoted": '"apiKey": "9f8e7d6c5b4a"',
    "assignment": "OPENAI_KEY=9f8e7d6c5b4a",
    "query": "GET /x?access_token=9f8e7d6c5b4a",
    "digitalocean": f"dop_v1_{HEX}{HEX}",
    "doppler": f"dp.st.prd.{'Ab12Cd34' * 5}",
    "pypi": f"pypi-AgEIcHlwaS5vcmcCJ{'Ab12Cd34' * 8}",
    "twilio": f"SK{HEX}",
    "azure-client": f"q1W8Q~{'Ab12Cd34' * 4}",
    "azure-storage": f"AccountName=x;AccountKey={'Ab12Cd34' * 10}abcdef==;EndpointSuffix=y",
    "aws-secret": "aws_secret_access_key = Ab12Cd34xUtnFEMI/K7MDENG/bPxRfiCYzz12345",
    "hex-yaml": f"encryption_key: {HEX}",
    "hex-named": f'"sessionSecret": "{HEX}"',
    "hex-env": f"SIGNING_KEY=0x{HEX}",
    "yaml-quoted": 'encryption_key: "9f8e7d6c5b4a"',
    "option": "deploy.sh --db-password=Tr0ub4dor",
    "option-word": "deploy.sh --api-token=Tr0ub4dor now",
    "option-quoted": "deploy.sh --password='Tr0ub4dor MIIEvQ'",
    "redirect-userinfo": "location: //hub:Tr0ub4dor@internal/login",
    "redirect-query": "location: https://h/login?user=a&password=Tr0ub4dor",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nE   MIIEvQIBADANBgkqhkiG9w0B\nE   AQEFAASC\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("around", ["see {} there", "({})", "x\\n{}\\n", "%20{}"])
def test_unknown_secrets_are_known_by_their_shape(kind: str, around: str) -> None:
    """Tokens of known providers, headers, URLs, assignments and private keys are found without knowing the value."""
    shown = Redactor().text(around.format(UNKNOWN[kind]))
    assert "«redacted:" in shown
    for secret in (
        "Ab12Cd34",
        "1234567890",
        "9f8e7d6c",
        "abcDEF123456",
        "IOSFODNN7",
        "eyJzdWI",
        "K29xQm41",
        "dXNlcjpw",
    ):
        assert secret not in shown
    for secret in ("Tr0ub4dor", "T00AA11", "d4E5f6G7h8", "MIIEvQ", "AQEFAASC"):
        assert secret not in shown


INNOCENT = [
    "smoke/test_hub.py::test_tools_work[everything__echo]",
    "0f3a9b2c4d5e6f708192a3b4c5d6e7f8 d41d8cd9-8f00-b204-e980-0998ecf8427e",
    "http://127.0.0.1:7000/api/health?state=ready answered 200 in 0.4 s",
    "the disk-based cache of risk-averse task-runner-2024-11-23-final",
    'Authorization: required; WWW-Authenticate: Bearer realm="hub"',
    "Bearer authentication required",
    "token = None, key = 'everything', secret: false, password = getpass()",
    "cookie: none; key=value; tokens: 4096; max_tokens=128000",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEbGx\n-----END CERTIFICATE-----",
    'apiKey: \'${OPENAI_API_KEY}\' and "token": "$(op read op://hub/token)"',
    "user@example.com wrote to /opt/mcp-hub/dist/cli.js",
    "========================= 3 failed, 12 passed in 4.21s =========================",
    "production localhost true info 7000 prompt-based",
    "deploy.sh --token=$TOKEN --token-file=/run/token --auth=none --password=${PASSWORD} --key-type=rsa",
    'etag: "0f3a9b2c4d5e6f708192a3b4c5d6e7f8", cache_key: 0f3a9b2c4d5e6f708192a3b4c5d6e7f8',
    "plan_hash=0f3a9b2c4d5e6f708192a3b4c5d6e7f8 sha256: 0f3a9b2c4d5e6f708192a3b4c5d6e7f80f3a9b2c4d5e6f708192a3b4c5d6e7f8",
    "see //host:8080/x and http://h/?password=<redacted>&secret=${SECRET}",
    "SKIPPED 0f3a9b2c4d5e6f708192a3b4c5d6e7f8; adp.pt.x; MASK0123456789",
]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("deploy", "--token", "hunter2", "now"), "deploy --token «redacted:argument» now"),
        (("deploy", "--db-password=hunter2"), "deploy --db-password=«redacted:argument»"),
        (("env", "DB_PASSWORD=hunter2", "PORT=7000", "deploy"), "env DB_PASSWORD=«redacted:argument» PORT=7000 deploy"),
        (("deploy", "--password", "--yes", "4.3.1"), "deploy --password --yes 4.3.1"),
        (
            ("deploy", "--token-file", "/run/token", "--key=/etc/x.pem"),
            "deploy --token-file /run/token --key=/etc/x.pem",
        ),
        (("deploy", "--token", "$TOKEN", "--secret=${S}"), "deploy --token $TOKEN --secret=${S}"),
    ],
)
def test_what_a_secret_option_is_given_is_hidden(command: tuple[str, ...], shown: str) -> None:
    """A word that no shape gives away is hidden by the option or the variable that it is given to."""
    assert " ".join(shown_arguments(command)) == shown
    assert hidden_values(command) == (["hunter2"] if "hunter2" in command or "hunter2" in " ".join(command) else [])


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_texts_pass(text: str) -> None:
    """Ids, paths, words, references and settings stay as they are, also next to a full set of known values."""
    environ = {
        "MCP_HUB_TOKEN": PLAIN,
        "API_KEY": "true",
        "DB_PASSWORD": "production",
        "AUTHOR": "mcp-hub/dist/cli.js",
        "SSH_AUTH_SOCK": "/tmp/ssh-x/agent.1",
        "PWD": "/opt/mcp-hub/dist",
        "PATH": "/usr/bin",
    }
    env_file = "PORT=7000\nLOG_LEVEL=info\nNODE_ENV=production\nHUB_URL=http://127.0.0.1:7000/api/health\nDIR=/opt/mcp-hub/dist\n"
    assert Redactor(known_secrets(environ, env_file=env_file)).text(text) == text


class Colour(enum.StrEnum):
    """An Enum, which execnet cannot carry."""

    RED = "red"


def test_value_rebuilds_what_can_travel() -> None:
    """Containers keep their kind; Enums, subclasses and strangers become plain; every text is cleaned."""

    class Odd:
        def __str__(self) -> str:
            return f"odd {PLAIN}"

    class Text(str):
        __slots__ = ()

    redactor = Redactor({"T": PLAIN})
    given_: Any = {"a": [1, None, True, 2.5, Colour.RED, Text("x")], PLAIN: (Odd(), {"\ud800"}), "n": 10**5000}
    result = redactor.value(given_)
    assert result["a"] == [1, None, True, 2.5, "red", "x"]
    assert {type(part) for part in result["a"]} == {int, type(None), bool, float, str}
    assert result["«redacted:T»"] == ("odd «redacted:T»", {"\\ud800"})
    assert isinstance(result["n"], str)


def test_nothing_makes_it_fail() -> None:
    """Endless nesting, texts that raise and undecodable bytes come out as something harmless."""

    class Bad:
        def __str__(self) -> str:
            raise RuntimeError(PLAIN)

    redactor = Redactor({"T": PLAIN, "S": "\udcff\udcfeabcdefghijkl", "N": None})  # type: ignore[dict-item]
    nested: list[Any] = []
    nested.append(nested)
    assert PLAIN not in redactor.text(Bad())
    assert "«withheld" in redactor.clean(Bad())
    assert str(redactor.value(nested)).endswith("]")
    assert redactor.text(b"\xff\xfe " + PLAIN.encode()) == "\\xff\\xfe «redacted:T»"
    assert redactor.text("\udcff\udcfeabcdefghijkl") == "«redacted:S»"


def test_huge_texts_are_cut_and_say_so() -> None:
    """Head and tail of 50 MB remain, with the number of characters between; a token at the cut is not halved."""
    text = "head " + "x y " * 12_500_000 + "tail"
    start = time.perf_counter()
    shown = Redactor({"T": PLAIN}).clean(text)
    assert time.perf_counter() - start < 2
    assert len(shown) < LIMIT + 100
    assert shown.startswith("head x")
    assert shown.endswith("tail")
    assert "characters cut" in shown
    half = bounded("a" * 30 + " secret-at-the-cut " + "b" * 200 + " other-secret " + "c" * 30, 80)
    assert "secret" not in half.replace("[", "")


def test_lone_surrogates_are_written_out() -> None:
    """They cross neither execnet nor a UTF-8 file; everything else stays."""
    assert scrub("a\ud800b ü 🎉") == "a\\ud800b ü 🎉"


@pytest.mark.parametrize(
    "evil", ["eyJ", "sk-", "-----BEGIN PRIVATE KEY-----", "://a:", "cookie=a=", "authorization: ", "\\neyJa"]
)
def test_no_text_makes_it_slow(evil: str) -> None:
    """A hub that answers with a megabyte of beginnings of secrets cannot hold up the run."""
    text = evil * (1_000_000 // len(evil))
    redactor = Redactor({"T": PLAIN})
    start = time.process_time()
    redactor.text(text)
    assert time.process_time() - start < 1.5


def test_clean_text_costs_little() -> None:
    """10,000 short strings against 20 known values, in CPU time: 0.05 s on an idle machine, here with room for a busy one."""
    redactor = Redactor({f"K{n}": f"{n:02d}{PLAIN}{n * 7919}" for n in range(20)})
    texts = [f"smoke/test_hub.py::test_{n} GET /api/health 200 state ready in {n} ms" for n in range(10_000)]
    redactor.text("build the index")
    start = time.process_time()
    assert [redactor.text(text) for text in texts] == texts
    assert time.process_time() - start < 0.2
    megabyte = "\n".join(texts * 2)[:1_000_000]
    start = time.process_time()
    assert redactor.text(megabyte) == megabyte
    assert time.process_time() - start < 0.5


def test_values_can_be_learnt_later() -> None:
    """A reference that was resolved during the run is known from then on."""
    redactor = Redactor()
    assert redactor.text(PLAIN) == PLAIN
    redactor.learn("RESOLVED", PLAIN)
    assert redactor.text(PLAIN) == "«redacted:RESOLVED»"


def test_no_escape_sequence_hides_a_secret_or_costs_the_text() -> None:
    """A secret cut by colours or a link, or hidden in a link's target, is found; a text that only has such sequences stays."""
    redactor = Redactor({"TOKEN": TOKEN})
    link, end = "\x1b]8;;http://h/\x07", "\x1b]8;;\x07"
    for cut in ("\x1b[31m", "\x1b[38;5;1m", "\x1b[?25l", link, end, "\x1b\\", "\x1b(B"):
        half = len(TOKEN) // 2
        assert redactor.clean(f"a {TOKEN[:half]}{cut}{TOKEN[half:]} b") == "a «redacted:TOKEN» b"
    assert TOKEN not in redactor.clean(f"\x1b]8;;http://h/{TOKEN}\x07click{end}")
    for harmless in (f"{link}click{end}", "\x1b]", "\x1b", "\x1b[", "a\x1b]8;;" + "x" * 10_000, "\x1b" * 10_000):
        assert redactor.text(harmless) == harmless


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    """Control characters and overrides come out as escapes; tabs, line ends and colours stay."""
    redactor = Redactor()
    assert redactor.clean("\x1b[2J\x1b]8;;x\x07\x9b31m\r\u202e\x00") == r"\x1b[2J\x1b]8;;x\x07\x9b31m\r\u202e\x00"
    for kept in ("a\tb\nc\r\nd", "\x1b[31mred\x1b[0m", "\x1b[38;5;1mred\x1b[m", "\u4e2d \u00fc \U0001f600 \u05d0"):
        assert redactor.clean(kept) == kept
