"""Which values count as secret, and where they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness.config.loading import redactor_for, secrets_for
from readiness.config.model import Config, Target
from readiness.support.redaction.patterns import looks_random
from readiness.support.redaction.redactor import config_secrets, env_file_values, references, secret_name, secrets_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("OPENAI_API_KEY", True),
        ("dbPassword", True),
        ("SENTRY_DSN", True),
        ("BASIC_AUTH", True),
        ("SESSION_COOKIE", True),
        ("TLS_PRIVATE", True),
        ("GIT_AUTHOR_NAME", False),
        ("KEYBOARD", False),
        ("PWD", False),
        ("PUBLIC_KEY", False),
        ("TOKEN_TTL", False),
        ("MAX_TOKENS", False),
        ("PATH", False),
    ],
)
def test_names_say_what_is_secret(name: str, *, secret: bool) -> None:
    """Words that mean a secret count; words that merely contain them do not."""
    assert secret_name(name) is secret


def test_env_files_are_read_tolerantly() -> None:
    """Quotes, export, comments, blank and broken lines, CRLF, a BOM and keys of many lines."""
    text = (
        "\ufeff# comment\r\nexport A=one # note\r\nB='two # not'\r\nC=\"three\\nlines\"\r\n\r\n=broken\r\nD = spaced \r\n"
        'E="-----BEGIN X-----\nabc\n-----END X-----"\nF=a#b\nG=\nH: yaml\n'
    )
    assert env_file_values(text) == {
        "A": "one",
        "B": "two # not",
        "C": "three\nlines",
        "D": "spaced",
        "E": "-----BEGIN X-----\nabc\n-----END X-----",
        "F": "a#b",
        "G": "",
        "H": "yaml",
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HUB_TOKEN", "correct horse battery", {"correct horse battery"}),
        ("HUB_TOKEN", "production", set()),
        ("HUB_TOKEN", "${OTHER}", set()),
        ("HUB_TOKEN", "********", set()),
        ("DB_PASSWORD", "12345678", {"12345678"}),
        ("DB_PASSWORD", "123456", set()),
        ("TLS_KEY", "/etc/ssl/private/hub.key", set()),
        ("DATABASE_URL", "postgres://hub:Tr0ub%21dor@db/hub", {"Tr0ub%21dor", "Tr0ub!dor"}),
        ("HOOK", "https://h.example/x/a8f3K29xQm41Lz80V", {"a8f3K29xQm41Lz80V"}),
        ("SOMETHING", "a8f3K29xQm41Lz80V", {"a8f3K29xQm41Lz80V"}),
        ("SOMETHING", "hub.example.com:7000", set()),
        ("SOMETHING", "30s", set()),
        ("MCP_HUB_ENV", '{"LOG": "x", "API_KEY": "a8f3K29xQm41"}', {"a8f3K29xQm41"}),
    ],
)
def test_what_counts_as_a_secret(name: str, value: str, expected: set[str]) -> None:
    """A declared secret counts whatever it looks like; of the rest, what is not evidently harmless; of a URL, its secret parts."""
    assert {secret.value for secret in secrets_in(name, value)} == expected


def test_configurations_give_up_their_literals() -> None:
    """Literal secrets under env, headers, arguments and secret names are known; references are followed by name."""
    data = {
        "mcpServers": {
            "a": {
                "command": "x",
                "env": {"ANYTHING": "a8f3K29xQm41"},
                "args": ["--api-key", "b8f3K29xQm42", "--token=c8f3K29xQm43"],
            },
            "b": {"url": "https://h/", "headers": {"Authorization": "Bearer d8f3K29xQm44"}},
        }
    }
    assert {s.value for s in config_secrets(data)} == {"a8f3K29xQm41", "b8f3K29xQm42", "c8f3K29xQm43", "d8f3K29xQm44"}
    assert references('{"a": "${ONE}", "b": "${env:TWO} ${ONE}"}') == ("ONE", "TWO")


def test_a_run_knows_its_files(tmp_path: Path) -> None:
    """Environment, declared token, env files, deployed configuration (JSON5 too) and referenced variables all count."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mcp-hub.json").write_text("{// note\n'llm': {'apiKey': 'e8f3K29xQm45', 'x': '${REFERRED}'},}")
    (tmp_path / ".env.production").write_text("DEPLOYMENT=f8f3K29xQm46zz\n")
    (tmp_path / ".env").write_text("LOCAL_TOKEN=g8f3K29xQm47\n")
    (tmp_path / "readiness.toml").write_text('[notify.critical]\nurls = ["${HOOK}"]\n')
    environ = {
        "ODD": "h8f3K29xQm48",
        "REFERRED": "i8f3K29xQm49",
        "HOOK": "https://h/j8f3K29xQm50aaaa",
        "S": "k8f3K29xQm51",
    }
    config = Config(path=tmp_path / "readiness.toml", target=Target(release=tmp_path, token_env="ODD"))
    values = {secret.value for secret in secrets_for(config, environ)}
    assert values == {
        "e8f3K29xQm45",
        "f8f3K29xQm46zz",
        "g8f3K29xQm47",
        "h8f3K29xQm48",
        "i8f3K29xQm49",
        "j8f3K29xQm50aaaa",
    }
    redactor = redactor_for(config, environ)
    assert redactor.names("see h8f3K29xQm48 and g8f3K29xQm47") == ("ODD", "LOCAL_TOKEN")


@pytest.mark.parametrize(
    ("text", "random"), [("everything", False), ("a8f3K29x", True), ("${TOKEN12}", False), ("short1", False)]
)
def test_random_texts_are_told_from_words(text: str, *, random: bool) -> None:
    """Digits among letters make a token of a text; a reference is none."""
    assert looks_random(text) is random
