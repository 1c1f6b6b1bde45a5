"""Secrets in streams of bytes: known values in all their encodings first, then issued tokens by their shape.

Known values are looked for by plain substring search, one form after the other: three times as fast as one regular
expression of them all. What is found is never kept: place, kind and a fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import TYPE_CHECKING, Final

from readiness.support.redaction import TOKENS, encodings, to_bytes, token_shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SHORTEST: Final = 8
"""Characters below which a value is a word: it would be found everywhere."""
_LONGEST: Final = 4096
"""Characters of a value that are looked for: the beginning of a longer one gives it away."""
_REACH: Final = 4096
"""Bytes kept from one piece to the next, at least: more than the longest match of a pattern."""

_SHAPES: Final = tuple(shape for shape in TOKENS if shape.kind)
_SHORT_HEAD: Final = 4
"""Characters up to which a head also stands inside other words, where it begins no token."""
_LONG: Final = 20
"""Characters that the rest of most tokens has at least."""
_CLASS: Final = re.compile(r"\[[^\]]*\]|\\.")


def _together() -> re.Pattern[bytes]:
    """All shapes as one expression that starts with an anchor: the last character of a token's head.

    Anchors are five rare characters, where the heads' own first letters would take three times as long; one branch an
    anchor, in place of one a shape, makes it three times as fast again in source texts.
    """
    branches: dict[str, list[str]] = {}
    plain: dict[str, list[str]] = {}
    before: dict[str, set[str]] = {}
    for number, shape in enumerate(_SHAPES):
        head = shape.head
        alone = f"(?<![A-Za-z0-9_]{head})" if len(head.replace("\\", "")) <= _SHORT_HEAD else ""
        is_plain = not shape.more and bool(shape.chars) and shape.issued >= _LONG and "[" not in head and len(head) > 2  # noqa: PLR2004 - as many as are looked back
        if is_plain:
            before.setdefault(head[-1], set()).add(head.replace("\\", "")[-3:])
        kind = plain if is_plain else branches
        kind.setdefault(head[-1], []).append(f"(?P<k{number}>(?<={head}){alone}{shape.whole})")
    # most heads are of this sort: what cannot be the rest of any is passed over before each is tried
    for anchor, shapes in plain.items():
        last = f"(?<={'|'.join(re.escape(end) for end in sorted(before[anchor]))})"
        branches.setdefault(anchor, []).append(f"{last}(?=[A-Za-z0-9_+/=.-]{{{_LONG}}})(?:{'|'.join(shapes)})")
    # what stands before a dot, which is frequent in texts, in all heads that end in one
    dotted = "".join(shape.head[-3] for shape in _SHAPES if shape.head.endswith("."))
    return re.compile(
        "|".join(
            re.escape(anchor) + (rf"(?<=[{dotted}]\.)" if anchor == "." else "") + f"(?:{'|'.join(shapes)})"
            for anchor, shapes in branches.items()
        ).encode()
    )


def _begin(match: re.Match[bytes]) -> tuple[str, int]:
    """The kind of token that matches, and where it begins: the match itself begins at the anchor."""
    shape = _SHAPES[int((match.lastgroup or "k0")[1:])]
    return shape.kind, match.start() - len(_CLASS.sub("x", shape.head)) + 1


_ANY: Final = _together()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One secret in one stream: the offset of its first byte, its kind, the first 8 hex digits of its SHA-256."""

    offset: int
    kind: str
    fingerprint: str
    doubt: str = ""
    """Why it is none, though it has the shape of one."""


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


def search_stream(
    stream: Iterable[tuple[int, bytes]],
    needles: Needles,
    *,
    patterns: bool = True,
    doubt: Callable[[str], str] = lambda _: "",
) -> list[Hit]:
    """Every secret in a stream of (offset, bytes), each once with its first place, in order.

    Pieces that follow each other are searched across their border; a jump in the offsets is a hole. Errors of the
    stream pass through. `doubt` says of a value that was found by its shape why it is none.
    """
    finder = _Finder(needles, doubt, patterns=patterns)
    for offset, piece in stream:
        finder.take(offset, piece)
    return finder.done()


class _Finder:
    def __init__(self, needles: Needles, doubt: Callable[[str], str], *, patterns: bool) -> None:
        self.needles, self.patterns, self.doubt = needles, patterns, doubt
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
            kind, begin = _begin(match)
            value = window[begin : match.end()]
            text = value.decode("ascii", "replace")
            if not token_shaped(text) or self._is_known(value):
                continue
            hit = Hit(
                offset=start + begin,
                kind=f"looks like {kind}",
                fingerprint=fingerprint(value),
                doubt=self.doubt(text),
            )
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


def tokens(text: str, *, spelt: bool = False) -> Iterator[tuple[str, str]]:
    """What in `text` has the shape of an issued token: the value and its kind; `spelt`: fillers and examples too."""
    raw = to_bytes(text)
    for match in _ANY.finditer(raw):
        kind, begin = _begin(match)
        value = raw[begin : match.end()].decode("ascii", "replace")
        if spelt or token_shaped(value):
            yield value, kind
