"""Secrets in a hub's answers: known values, then issued tokens by their shape, then literals under secret names.

What is found is never printed: route, place, kind and a fingerprint.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import html
import itertools
import json
import os
import re
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from readiness.facts.deployment import hub_config
from readiness.facts.release import env_file
from readiness.facts.secretscan.stream_search import fingerprint, tokens
from readiness.support import Unreadable
from readiness.support.redaction import encodings, plainly_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness.config import Config
    from readiness.facts.http import HttpAnswer

SHORTEST: Final = 8
"""Characters below which a value is no secret worth the name."""
_MOST: Final = 50
"""Pieces of one text that are decoded at most."""
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_BETWEEN: Final = re.compile(r"(?<=[0-9a-fA-F]{2})[:\s,]{1,2}(?:0x)?(?=[0-9a-fA-F]{2}(?![0-9a-zA-Z]))")
_HEX: Final = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){16,4096}(?![0-9a-fA-F])")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{20,16384}={0,2}")
_REFERENCE: Final = re.compile(r"\$\{[^}]+\}|\$\([^)]+\)|op://\S+|vault:\S+|<[^>]*>|[*x•.]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLeak:
    """One secret that an answer discloses: where, of which kind, and the first 8 hex digits of its SHA-256."""

    route: str
    place: str
    kind: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.route} at {self.place}: {self.kind} (fingerprint {self.fingerprint})"


def known_values(config: Config) -> Mapping[str, str]:
    """Secret value to what it is called: env file, deployed configuration, environment, token. Never print the keys."""
    values: dict[str, str] = {}

    def learn(name: str, value: object) -> None:
        if isinstance(value, str) and len(value) >= SHORTEST and not _REFERENCE.fullmatch(value):
            values.setdefault(value, f"the value of {name}")

    if config.target.token_env:
        learn(config.target.token_env, os.environ.get(config.target.token_env))
    for name, value in _deployed_pairs(config):
        learn(name, value)
    for name, value in os.environ.items():
        if plainly_secret_name(name):
            learn(name, value)
    return values


def _deployed_pairs(config: Config) -> Iterator[tuple[str, object]]:
    # what cannot be read is searched for by pattern alone
    with contextlib.suppress(Unreadable):
        yield from ((name, value) for name, value in env_file.of(config).items() if plainly_secret_name(name))
    try:
        data = hub_config.read(config).data
    except Unreadable:
        return
    yield from ((path, value) for path, key, value in _strings(data, "") if plainly_secret_name(key))


def find_leaks(answer: HttpAnswer, route: str, known: Mapping[str, str]) -> list[AnswerLeak]:
    """Every secret that `answer` discloses, in its body or its headers, each once."""
    leaks: dict[str, AnswerLeak] = {}
    needles = [(value, kind, encodings(value)) for value, kind in known.items()]
    for place, key, text in _texts(answer):
        for value, kind in _secrets_in(key, text, needles):
            leaks.setdefault(value, AnswerLeak(route=route, place=place, kind=kind, fingerprint=fingerprint(value)))
    return list(leaks.values())


def _texts(answer: HttpAnswer) -> Iterator[tuple[str, str, str]]:
    yield "the reason phrase", "", answer.reason
    for name, value in answer.headers.items():
        yield f"header {name}", "", value
        if len(name) >= SHORTEST:
            yield "a header's name", "", name
    text = answer.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        yield "the body", "", text
    else:
        yield from _strings(body, "$")


def _strings(value: Any, path: str, key: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - any JSON
    """Every string below `value` with its path and the key it stands under; keys count as strings too."""
    waiting = [(value, path, key)]
    while waiting:
        value, path, key = waiting.pop()
        if isinstance(value, str):
            yield path, key, value
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield f"{path} (a key)", "", str(name)
                waiting.append((inner, f"{path}.{str(name)[:60]}", str(name)))
        elif isinstance(value, list):
            waiting.extend((inner, f"{path}[{number}]", key) for number, inner in enumerate(value))


def _spellings(text: str) -> list[str]:
    """A text, and what whoever reads it makes of it: entities, escapes, base64 and hexadecimal undone, lines put together, twice over."""
    known, last = [text], [text]
    for _ in range(2):
        last = [again for one in last for again in _decoded(one) if again and again not in known][:_MOST]
        known += last
    return known


def _decoded(text: str) -> Iterator[str]:
    if "&" in text:
        yield html.unescape(text)
    if "%" in text:
        yield unquote(text, errors="ignore")
    if "\\u" in text:
        yield _ESCAPE.sub(lambda place: chr(int(place[1], 16)), text)
    if "\n" in text or "\r" in text:
        yield "".join(text.split())
    if not text.isascii():
        yield _UNSEEN.sub("", text)
    if ":" in text or "0x" in text:
        yield _BETWEEN.sub("", text).replace("0x", "")
    for place in itertools.islice(_HEX.finditer(text), _MOST):
        yield bytes.fromhex(place[0]).decode("utf-8", "ignore")
    for place in itertools.islice(_BASE64.finditer(text), _MOST):
        plain = place[0].rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(ValueError):
            yield _unpacked(base64.b64decode(plain + "=" * (-len(plain) % 4))).decode("utf-8", "ignore")


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return zlib.decompressobj(31).decompress(raw, 1_000_000)
    except zlib.error:
        return raw


def _secrets_in(
    key: str, text: str, needles: Sequence[tuple[str, str, Mapping[str, str]]]
) -> Iterator[tuple[str, str]]:
    if len(text) < SHORTEST:
        return
    hit = False
    spellings = _spellings(text)
    for value, kind, forms in needles:
        # the names of headers are in lower case, whoever wrote them
        how = next(
            (how for one in spellings for form, how in forms.items() if form in one or form.lower() == one), None
        )
        if how is not None:
            hit = True
            yield value, f"{kind}{' ' if how else ''}{how}"
    if hit:
        return
    for one in spellings:
        # what was put together or undone may be made of words that only then look like a token
        for value, kind in tokens(one, spelt=one is text):
            hit = True
            yield value, f"looks like {kind}"
    if not hit and plainly_secret_name(key) and not _REFERENCE.fullmatch(text) and " " not in text.strip():
        yield text, f"a literal {key[:40]}"
