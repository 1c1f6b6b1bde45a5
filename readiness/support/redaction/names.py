"""Which names mean a secret, and which values are none: numbers, switches, paths, hosts, references, common words.

Pure tables and predicates, shared by what hides secrets and by what looks for them.
"""

from __future__ import annotations

import re
from typing import Final

from readiness.support.redaction.patterns import looks_random, provider_token

_ANYWHERE: Final = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|COOKIE|API_?KEY|PRIVATE", re.IGNORECASE
)
_AS_WORD: Final = frozenset({"KEY", "KEYS", "AUTH", "AUTHORIZATION", "DSN", "PASS", "PWD", "JWT", "PAT", "WEBHOOK"})
_ABOUT: Final = frozenset(
    {
        "ALGORITHM",
        "COUNT",
        "DIR",
        "ENABLED",
        "FILE",
        "HEADER",
        "HOST",
        "LIMIT",
        "METHOD",
        "MODE",
        "PATH",
        "PORT",
        "PROVIDER",
        "TIMEOUT",
        "TTL",
        "TYPE",
    }
)
_PLAIN: Final = re.compile(
    r"(?i)(?:api[_-]?key|secret|token|password|passwd|credentials?|authorization|private[_-]?key)$"
)
_PUBLIC: Final = re.compile(r"PUBLIC|^O?L?D?PWD$|MAX_?TOKENS", re.IGNORECASE)
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

COMMON: Final = frozenset(
    {
        "true",
        "false",
        "enabled",
        "disabled",
        "required",
        "optional",
        "default",
        "defaults",
        "production",
        "development",
        "staging",
        "testing",
        "localhost",
        "prompt-based",
        "server-allowlist",
        "category",
        "static",
        "password",
        "secret",
        "anonymous",
        "nobody",
        "example",
        "changeit",
        "undefined",
        "gemini",
        "openai",
        "anthropic",
        "debug",
        "warning",
        "critical",
        "notice",
        "verbose",
        "silent",
    }
)
_NUMBER: Final = re.compile(r"[-+]?[\d_]+(?:\.\d+)*\s?(?:ms|s|m|h|d|[kmgt]i?b?|%)?", re.IGNORECASE)
SHORT_NUMBER: Final = re.compile(r"[-+]?\d{1,7}")
_HOST: Final = re.compile(
    r"\[?[0-9a-f]*:[0-9a-f:.]+\]?(?::\d+)?|[a-z0-9-]{1,40}(?:\.[a-z0-9-]{1,40})+(?::\d+)?|[a-z-]{1,40}:\d+"
)
_ROOTS: Final = (
    "etc|home|usr|var|opt|tmp|run|root|srv|mnt|data|app|bin|lib|dev|proc|private|Users|Library|nix|workspace"
)
PATH: Final = re.compile(rf"(?:file://)?(?:~|\.{{1,2}}|/(?:{_ROOTS}))(?:/[\w.@ -]*)*")
_SUFFIXES: Final = (
    "json5?|toml|ya?ml|pem|key|crt|[cm]?js|ts|py|sh|log|sock|db|sqlite|env|conf|cfg|ini|txt|lock|service|html"
)
_FILE: Final = re.compile(rf"[\w.-]+(?:/[\w.-]+)*\.(?:{_SUFFIXES})")
WORDY: Final = re.compile(r"v?[A-Za-z]{0,15}\d{0,4}(?:[-_., /:=][A-Za-z]{0,15}\d{0,3})*")
WORDY_SECRET: Final = 16
REFERENCE: Final = re.compile(r"\$\{[^}]*\}|\$\(.*\)|\$\w+|op://.*|vault:.*", re.DOTALL)


_WORDS: Final = "change[-_]?(?:me|it)|replace|placeholder|example|dummy|fake|sample|todo|fixme|redacted|none|null|optional|required|insert"
_PLACEHOLDER: Final = re.compile(
    rf"(?i)(?<![a-z])your[-_ ]|[-_ ]here\b|(?<![a-z0-9])(?:{_WORDS})(?![a-z0-9])|^<[^>]*>$|^\[[^\]]*\]$|x{{4}}|\*{{3}}|\.{{3}}|…"
)
_MADE_UP: Final = re.compile(r"(?i)0123456|1234567|abcdefg|EXAMPLE|(.)\1{5}")
_FEW: Final = 8


def placeholder(value: str) -> bool:
    """Whether a value stands where a secret is still to be put: your_api_key_here, sk-xxxx, <token>, optional."""
    return _PLACEHOLDER.search(value) is not None


def token_shaped(value: str) -> bool:
    """Whether a text could be an issued token: letters and digits, many different ones, neither counted nor spelt out."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and len(set(value)) > _FEW and not placeholder(value) and not _MADE_UP.search(value)


def secret_value(name: str, value: str) -> bool:
    """Whether the variable or key `name` holds a secret in `value`, which is then worth looking for elsewhere."""
    plain = value.strip()
    if (
        len(set(plain)) < _FEW // 2
        or plain.lower() in COMMON
        or REFERENCE.fullmatch(plain)
        or SHORT_NUMBER.fullmatch(plain)
    ):
        return False
    if provider_token(plain):
        return not placeholder(plain)
    return secret_name(name) and not PATH.fullmatch(plain) and not placeholder(plain)


def secret_name(name: str) -> bool:
    """Whether a variable or key of this name holds a secret: API_KEY, dbPassword, SENTRY_DSN; not AUTHOR or TOKEN_TTL."""
    return mentions_secret(name) and _PARTS.split(name)[-1].upper() not in _ABOUT


def plainly_secret_name(name: str) -> bool:
    """Whether a name ends in a word that means nothing but a secret: narrower than `secret_name`, for names of others."""
    return _PLAIN.search(name) is not None


def mentions_secret(name: str) -> bool:
    """Whether a name mentions a secret at all: TOKEN_TTL does."""
    if _PUBLIC.search(name):
        return False
    return _ANYWHERE.search(name) is not None or any(part.upper() in _AS_WORD for part in _PARTS.split(name))


def harmless_value(value: str) -> bool:
    """Whether a value under an unsuspicious name is a number, a path, a file or a host."""
    if any(len(part) >= WORDY_SECRET and looks_random(part) for part in re.split(r"[.:/]", value)):
        return False
    return any(shape.fullmatch(value) for shape in (_NUMBER, _HOST, PATH, _FILE))
