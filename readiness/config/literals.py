"""Find literal secrets: a configuration names secrets, it never holds them. What is found is never repeated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness.support.redaction.patterns import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 24
"""Levels of nesting that are looked into; no configuration needs more."""

_LEFT: Final = r"(?<![A-Za-z0-9])"
_SHORTEST: Final = 8
"""Characters after a token's prefix: no configuration has a use for the beginning of one either."""
_TOKENS: Final = tuple(
    ("an API key (sk-…)" if shape.kind == "an OpenAI key" else shape.kind, re.compile(_LEFT + shape.source(_SHORTEST)))
    for shape in TOKENS
    if shape.kind
)
_KINDS: Final = (
    *_TOKENS,
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/(?:services|workflows)/\S+", re.IGNORECASE)),
    ("a Discord webhook", re.compile(r"discord(?:app)?\.com/api/webhooks/\S+", re.IGNORECASE)),
    ("a password in a URL", re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]*:[^\s?#]+@")),
    ("a bearer token", re.compile(r"\b(?:bearer|basic)\s+(?!\$)[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE)),
    (
        "a secret in an option or a query",
        re.compile(
            r"(?:--?|[?&])(?:[a-z_-]*[_-])?(?:api[_-]?key|token|secret|password|passwd)=(?![$&\s]|$)\S", re.IGNORECASE
        ),
    ),
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\$\{[^}]*\}|\$[A-Za-z_]\w*|op://.*|vault://.*|")
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SECRET_WORDS: Final = frozenset({"key", "token", "secret", "password", "passwd", "passphrase", "credential", "apikey"})
_SECRET_ENDS: Final = ("apikey", "accesskey", "privatekey", "token", "secret", "password", "passwd")


def literal_kind(text: str) -> str | None:
    """What kind of literal secret `text` holds, in words; None if it looks like none."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), None)


def is_reference(text: str) -> bool:
    """Whether `text` only names a secret (`${VAR}`, `op://…`) or is empty."""
    return _REFERENCE.fullmatch(text) is not None


def names_secret(name: str) -> bool:
    """Whether a key called `name` is one that holds a secret: api_key, authToken, password and the like."""
    words = [word.lower().removesuffix("s") for word in _WORDS.findall(name)]
    return bool(words) and (words[-1] in _SECRET_WORDS or words[-1].endswith(_SECRET_ENDS))


def could_be_secret(text: str) -> bool:
    """Whether `text` is better not shown: a known kind, a UUID, or a long run of mixed letters and digits."""
    if literal_kind(text) is not None or _UUID.search(text):
        return True
    return any(_random(run) for run in re.findall(r"[A-Za-z0-9+=]{12,}", text))


def _random(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    mixed_case = run != run.lower() and run != run.upper()
    return (len(run) >= 16 and 3 <= digits < len(run)) or (len(run) >= 20 and mixed_case)  # noqa: PLR2004 - 64 bits up


def token_like(name: str) -> bool:
    """Whether what stands where a variable's name should be looks like the secret itself."""
    long = 24  # letters without a break; names in capitals may be that long
    runs = name.split("_")
    return literal_kind(name) is not None or any(
        _random(run) or (len(run) >= long and run != run.upper()) for run in runs
    )


def find_literals(document: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The place of every literal secret in a parsed file, with its kind; neither values nor keys are shown.

    Raises RecursionError past MAX_DEPTH levels.
    """
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while stack:
        path, value = stack.pop()
        if len(path) > MAX_DEPTH:
            raise RecursionError
        if isinstance(value, dict):
            stack.extend(((*path, key), inner) for key, inner in value.items())
            yield from (((*path, key), kind) for key in value if (kind := literal_kind(key)))
        elif isinstance(value, list):
            stack.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif isinstance(value, str) and (kind := literal_kind(value) or _named(path, value)):
            yield path, kind


def _named(path: tuple[str | int, ...], value: str) -> str | None:
    names = [part for part in path if isinstance(part, str)]
    if not names or is_reference(value) or not names_secret(names[-1]):
        return None
    # `key` alone is a usual argument of a tool that looks something up
    harmless = "arguments" in names[:-1] and names[-1] == "key" and not could_be_secret(value)
    return None if harmless else "a literal value under a key that names a secret"
