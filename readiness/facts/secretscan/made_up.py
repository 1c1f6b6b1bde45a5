"""Tells a key that somebody made up for a test or an example from one that was issued."""

from __future__ import annotations

import collections
import math
import re
import zlib
from typing import Final

from readiness.support.redaction import TOKEN_PREFIX

_FOLDERS: Final = re.compile(
    r"(?i)(?:__)?(?:tests?|specs?|e2e|testdata|test[-_]data|fixtures?|mocks?|examples?|samples?|cypress)(?:__)?"
)
_FILE: Final = re.compile(r"(?i)(?:^|[._-])(?:tests?|specs?|fixtures?|examples?|samples?|mocks?|conftest)(?:[._-]|$)")
_WORDS: Final = re.compile(
    r"(?i)(?:^|[^a-z])(?:tests?|testing|examples?|samples?|dummy|fake|mock(?:ed)?|(?:in)?valid|placeholder|not[-_]?real|"
    r"change[-_]?me|redacted|sandbox)(?:[^a-z]|$)"
)
_CHECKSUMMED: Final = re.compile(r"(?:gh[pousr]|npm)_([0-9A-Za-z]{30})([0-9A-Za-z]{6})")
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LOW: Final = 3.0
"""Bits a character below which no generator made a text of the length of a key."""
_RANDOM: Final = 0.85
"""Share of the entropy that a random text of its length has, from which a text counts as random."""


def is_of_tests(path: str) -> bool:
    """Whether a file of the release is one of tests, fixtures or examples, by its folders or its name."""
    *folders, name = path.split("/")
    return any(_FOLDERS.fullmatch(folder) for folder in folders) or _FILE.search(name) is not None


def doubt(path: str, value: str, *, issued: bool) -> str:
    """Why a value in a tracked file is no secret; an empty text where it may be one.

    `issued`: it has the shape of an issuer's tokens, and does not only stand under a telling name. One that its own checksum
    proves is real wherever it stands.
    """
    if _checksum_holds(value):
        return ""
    if _WORDS.search(value):
        return "it says itself that it is for tests or an example"
    body = TOKEN_PREFIX.sub("", value)
    entropy = _entropy(body)
    if entropy < _LOW:
        return f"it repeats itself ({entropy:.1f} bits a character)"
    return _among_tests(value, body, issued=issued) if is_of_tests(path) else ""


def _among_tests(value: str, body: str, *, issued: bool) -> str:
    """Why a value in a file of tests is no secret; an empty text where it is as random as an issued one."""
    if "PRIVATE KEY" in value:
        return "a private key among tests"
    if _checksum_holds(value) is False:
        return "among tests, and its checksum is wrong: it was never issued"
    if not issued:
        return "a literal among tests or examples"
    entropy = _entropy(body)
    return "" if entropy >= _RANDOM * math.log2(max(2, min(len(body), len(_DIGITS)))) else "among tests, and not random"


def _checksum_holds(value: str) -> bool | None:
    """Whether the checksum in a token is right; None for kinds of tokens that have none."""
    match = _CHECKSUMMED.fullmatch(value)
    if match is None:
        return None
    number, digits = zlib.crc32(match[1].encode("ascii")), ""
    while number:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits.rjust(6, "0") == match[2]


def _entropy(text: str) -> float:
    """Bits a character, by how often each occurs."""
    counts = collections.Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts) if text else 0.0
