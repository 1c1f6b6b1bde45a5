"""Secrets in streams of bytes: known values in all their encodings first, then the shapes that providers give their keys.

Known values are looked for by plain substring search, one form after the other: three times as fast as one regular
expression of them all. What is found is never kept: place, kind and a fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import TYPE_CHECKING, Final

from readiness.support.redaction.names import token_shaped
from readiness.support.redaction.patterns import encodings, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHORTEST: Final = 8
"""Characters below which a value is a word: it would be found everywhere."""
_LONGEST: Final = 4096
"""Characters of a value that are looked for: the beginning of a longer one gives it away."""
_REACH: Final = 4096
"""Bytes kept from one piece to the next, at least: more than the longest match of a pattern."""

_SHAPES: Final = (
    # kind, bytes before the anchor that belong to the token, what stands before it, what follows
    ("an Anthropic key", 2, rb"(?<=sk-)(?<![A-Za-z0-9_]sk-)", rb"ant-[A-Za-z0-9_-]{20,256}"),
    ("an OpenAI key", 2, rb"(?<=sk-)(?<![A-Za-z0-9_]sk-)", rb"(?!ant-)[A-Za-z0-9_-]{20,256}"),
    ("a Google key", 0, rb"(?<=A)(?<![A-Za-z0-9_-]A)", rb"Iza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("an AWS key", 0, rb"(?<=A)(?<![A-Za-z0-9]A)", rb"(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a GitHub token", 3, rb"(?<=gh[pousr]_)", rb"[A-Za-z0-9]{30,255}"),
    ("a GitHub token", 10, rb"(?<=github_pat_)", rb"[A-Za-z0-9_]{40,255}"),
    ("a GitLab token", 5, rb"(?<=glpat-)", rb"[A-Za-z0-9_-]{20,255}"),
    ("a Slack token", 4, rb"(?<=xox[abeoprs]-)", rb"[A-Za-z0-9-]{20,255}"),
    ("an npm token", 3, rb"(?<=npm_)(?<![A-Za-z0-9_]npm_)", rb"[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("a Hugging Face token", 2, rb"(?<=hf_)(?<![A-Za-z0-9_]hf_)", rb"[A-Za-z0-9]{30,60}(?![A-Za-z0-9])"),
    ("a Stripe key", 7, rb"(?<=[sr]k_live_)", rb"[A-Za-z0-9]{16,255}"),
    ("a Vault token", 3, rb"(?<=hvs\.)(?<![A-Za-z0-9_]hvs\.)", rb"[A-Za-z0-9_-]{20,255}"),
    ("a SendGrid key", 2, rb"(?<=SG\.)(?<![A-Za-z0-9_]SG\.)", rb"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    ("a Google token", 4, rb"(?<=ya29\.)", rb"[A-Za-z0-9_-]{20,512}"),
    ("a Google key", 2, rb"(?<=AQ\.)(?<![A-Za-z0-9_]AQ\.)", rb"Ab[A-Za-z0-9_-]{30,255}"),
    (
        "a JSON web token",
        2,
        rb"(?<=eyJ)(?<![A-Za-z0-9_-]eyJ)",
        rb"[A-Za-z0-9_-]{8,1024}\.eyJ[A-Za-z0-9_-]{8,1024}\.[A-Za-z0-9_-]{16,1024}",
    ),
    (
        "a private key",
        4,
        rb"(?<=-----)",
        rb"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[^-]{1,200}?[A-Za-z0-9+/]{40}",
    ),
)
_RARE: Final = {b".": rb"(?<=[sG9Q]\.)"}
"""What stands before an anchor that is frequent in texts, in all its shapes."""


def _together() -> re.Pattern[bytes]:
    """All shapes as one expression that starts with an anchor: the last character of a token's prefix.

    Anchors are five rare characters, where the prefixes' own first letters would take three times as long; one branch an
    anchor, in place of one a shape, makes it three times as fast again in source texts.
    """
    branches: dict[bytes, list[bytes]] = {}
    for number, (_, _, before, after) in enumerate(_SHAPES):
        anchor = before[before.index(b")") - 1 : before.index(b")")]
        branches.setdefault(anchor, []).append(b"(?P<k%d>%b%b)" % (number, before, after))
    return re.compile(
        b"|".join(
            re.escape(anchor) + _RARE.get(anchor, b"") + b"(?:" + b"|".join(shapes) + b")"
            for anchor, shapes in branches.items()
        )
    )


_ANY: Final = _together()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One secret in one stream: the offset of its first byte, its kind, the first 8 hex digits of its SHA-256."""

    offset: int
    kind: str
    fingerprint: str


def fingerprint(value: str | bytes) -> str:
    """The first 8 hex digits of the SHA-256 of a secret: enough to tell two apart, too little to find one."""
    return hashlib.sha256(value if isinstance(value, bytes) else to_bytes(value)).hexdigest()[:8]


class Needles:
    """Known values in all their encodings, ready to be looked for."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """`known`: value to what it is called. Values under SHORTEST characters are left out and counted."""
        self.short = sum(len(value) < SHORTEST for value in known)
        self.forms: list[tuple[bytes, str, str]] = []
        for value, name in known.items():
            if len(value) < SHORTEST:
                continue
            mark = fingerprint(value)
            for form, how in encodings(value[:_LONGEST]).items():
                self.forms.append((to_bytes(form), f"{name}{' ' if how else ''}{how}", mark))
        self.reach = max([_REACH, *(len(form) for form, _, _ in self.forms)])

    def __repr__(self) -> str:
        return f"Needles({len(self.forms)} forms)"


def search(stream: Iterable[tuple[int, bytes]], needles: Needles, *, patterns: bool = True) -> list[Hit]:
    """Every secret in a stream of (offset, bytes), each once with its first place, in order.

    Pieces that follow each other are searched across their border; a jump in the offsets is a hole. Errors of the
    stream pass through.
    """
    finder = _Finder(needles, patterns=patterns)
    for offset, piece in stream:
        finder.take(offset, piece)
    return finder.done()


class _Finder:
    def __init__(self, needles: Needles, *, patterns: bool) -> None:
        self.needles, self.patterns = needles, patterns
        self.forms = list(needles.forms)
        self.found: dict[str, Hit] = {}
        self.values: list[bytes] = []
        self.tail, self.next = b"", 0
        self.open: Hit | None = None
        """A match that touches the end of what was read: the next piece may make it longer."""

    def take(self, offset: int, piece: bytes) -> None:
        if offset != self.next or not self.tail:
            self._settle()
            self.tail = b""
        window = self.tail + piece if self.tail else piece
        start = offset - len(self.tail)
        self.open = None
        for entry in [entry for entry in self.forms if entry[0] in window]:
            self._known(entry, start + window.index(entry[0]))
        if self.patterns:
            self._shapes(window, start)
        self.next = offset + len(piece)
        self.tail = window[-self.needles.reach :]

    def _known(self, entry: tuple[bytes, str, str], offset: int) -> None:
        form, kind, mark = entry
        self.values.append(form)
        self.forms.remove(entry)  # once is enough
        before = self.found.get(mark)
        if before is None or offset < before.offset:
            self.found[mark] = Hit(offset=offset, kind=kind, fingerprint=mark)

    def _shapes(self, window: bytes, start: int) -> None:
        # the first byte of a tail has lost what stood before it, and was searched with it already
        for match in _ANY.finditer(window, 1 if self.tail else 0):
            kind, before = _SHAPES[int((match.lastgroup or "k0")[1:])][:2]
            begin = match.start() - before
            value = window[begin : match.end()]
            if not token_shaped(value.decode("ascii", "replace")) or self._is_known(value):
                continue
            hit = Hit(offset=start + begin, kind=f"looks like {kind}", fingerprint=fingerprint(value))
            if match.end() == len(window):
                self.open = hit
            else:
                self.found.setdefault(hit.fingerprint, hit)

    def _is_known(self, value: bytes) -> bool:
        return any(form in value or value in form for form in self.values)

    def _settle(self) -> None:
        if self.open is not None:
            self.found.setdefault(self.open.fingerprint, self.open)
            self.open = None

    def done(self) -> list[Hit]:
        self._settle()
        return sorted(self.found.values(), key=lambda hit: hit.offset)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """What in `text` has the shape of a provider's key: the value and its kind."""
    raw = to_bytes(text)
    for match in _ANY.finditer(raw):
        kind, before = _SHAPES[int((match.lastgroup or "k0")[1:])][:2]
        value = raw[match.start() - before : match.end()].decode("ascii", "replace")
        if token_shaped(value):
            yield value, kind
