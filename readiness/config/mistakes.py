"""Collect every mistake of a configuration, each with its place, the bad value, what is valid and the nearest right key."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ConfigError
from readiness.support.redaction import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file to a value."""

HIDDEN: Final = "[redacted]"
MAX_SHOWN: Final = 60
MAX_MISTAKES: Final = 50
"""Mistakes printed at once; the rest is counted."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
_TWO_LEVELS: Final = frozenset({"limits", "notify"})
_ARRAYS: Final = (("waiver",), ("expect", "tool_call"), ("rollback", "action"))


class Bad(Exception):  # noqa: N818 - caught where the place is known, never seen by a user
    """A value is not valid; `wanted` completes "expected …", `hint` says how to mend it."""

    def __init__(self, wanted: str, *, hint: str = "", hide: bool = False, show: str | None = None) -> None:
        super().__init__(wanted)
        self.wanted, self.hint, self.hide, self.show = wanted, hint, hide, show


@dataclasses.dataclass(slots=True)
class Mistakes:
    """What is wrong with one source (a file, or the environment): the first mistake at each place."""

    source: str
    texts: dict[Path, str] = dataclasses.field(default_factory=dict)

    def add(self, path: Path, text: str) -> None:
        """Note a mistake; a place that has one keeps it."""
        self.texts.setdefault(path, f"{self.source}: {text}" if self.source else text)

    def raise_all(self) -> None:
        """Raise ConfigError with everything that was noted, if anything was."""
        if not self.texts:
            return
        lines = list(self.texts.values())
        more = [f"… and {len(lines) - MAX_MISTAKES} more"] if len(lines) > MAX_MISTAKES else []
        raise ConfigError("\n".join(lines[:MAX_MISTAKES] + more))


@dataclasses.dataclass(frozen=True, slots=True)
class SettingPlace:
    """A place in the file, where mistakes are noted."""

    book: Mistakes
    path: Path = ()

    def at(self, *parts: str | int) -> SettingPlace:
        """The place below this one."""
        return SettingPlace(self.book, (*self.path, *parts))

    def wrong(self, value: Any, bad: Bad) -> None:  # noqa: ANN401 - whatever the file holds
        """Note that `value` is not valid here."""
        hide = bad.hide or any(names_secret(part) for part in self.path[-1:] if isinstance(part, str))
        text = shown(value, hide=hide) if bad.show is None else bad.show
        hint = f"; {bad.hint}" if bad.hint else ""
        self.book.add(self.path, f"{render(self.path)} = {text}: expected {bad.wanted}{hint}")

    def unknown_key(self, key: str, valid: Iterable[str], otherwise: str = "", near: str | None = None) -> None:
        """Note a key that does not exist, with the nearest one that does, or else the hint `otherwise`."""
        options = list(valid)
        near = near or nearest(key, options)
        hint = f"did you mean {json.dumps(near)}? " if near else otherwise
        path = (*self.path, key)
        self.book.add(path, f"{render(path)}: there is no such key; {hint}valid here: {', '.join(options)}")

    def missing(self, key: str, wanted: str) -> None:
        """Note that a required key is absent."""
        path = (*self.path, key)
        self.book.add(path, f"{render(path)} is missing: expected {wanted}")


def nearest(name: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The option most like `name`, ignoring case; None if none is like it (a ratio of at least `cutoff`)."""
    import difflib  # only when something is misspelt

    by_lower = {option.lower(): option for option in options}
    close = difflib.get_close_matches(name[:80].lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else None


_LONG: Final = 6
"""Letters of a word in which two may be wrong; in a shorter one it is one."""


def near_miss(name: str, options: Iterable[str]) -> str:
    """The option that `name` must have been meant for: the same words, but for a letter or two of one; empty: none.

    Words that differ in a number alone, `llm-p95` and `llm-p99`, are different names, and so are those with a word more.
    """
    mine = _words(name)
    for option in sorted(options):
        words = _words(option)
        if "".join(mine) == "".join(words):
            return option
        different = [pair for pair in zip(mine, words, strict=False) if pair[0] != pair[1]]
        if len(mine) == len(words) and len(different) == 1 and _is_slip(*different[0]):
            return option
    return ""


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name[:120].lower()) if word]


def _is_slip(one: str, other: str) -> bool:
    """Whether two words differ by a letter or two that were left out, added, changed or swapped; never in their digits."""
    if re.sub(r"\D", "", one) != re.sub(r"\D", "", other):
        return False
    most = 2 if min(len(one), len(other)) >= _LONG else 1
    return min(len(one), len(other)) > 2 and _distance(one, other) <= most  # noqa: PLR2004 - of two letters one is half


def _distance(one: str, other: str) -> int:
    """How many letters have to be left out, added, changed or swapped with the next to make one word of the other."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """`did you mean "x"?`, or nothing."""
    near = nearest(name, options)
    return f"did you mean {json.dumps(near)}?" if near else ""


def shown(value: Any, *, hide: bool = False) -> str:  # noqa: ANN401, PLR0911 - one line a type a file may hold
    """`value` as a mistake shows it: short, on one line, and hidden if it could be a secret."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if hide:
        return HIDDEN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a huge number"  # noqa: PLR2004 - TOML's own range
    if isinstance(value, (float, Decimal)):
        return str(value)[:MAX_SHOWN].lower()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return quoted(str(value))


def quoted(text: str) -> str:
    """`text` in quotes: printable, at most MAX_SHOWN characters, without credentials and queries of a URL."""
    bare = re.sub(r"//.*@", f"//{HIDDEN}@", text, flags=re.DOTALL)
    bare = re.sub(r"(//[^?]*\?).+", rf"\1{HIDDEN}", bare, flags=re.DOTALL)
    if could_be_secret(bare):
        return HIDDEN
    cut = bare if len(bare) <= MAX_SHOWN else bare[:MAX_SHOWN] + "…"
    return json.dumps(printable(cut), ensure_ascii=False)


def printable(text: str) -> str:
    """`text` with everything that is not printable replaced by a space: no line breaks, no terminal tricks."""
    return "".join(character if character.isprintable() else " " for character in text)


def render(path: Path) -> str:
    """A place as people write it: `[limits.llm-success-rate] critical`, `[[waiver]] 2 expires`."""
    for array in _ARRAYS:
        size = len(array)
        if path[:size] == array and len(path) > size and isinstance(path[size], int):
            return f"[[{'.'.join(array)}]] {int(path[size]) + 1} {_dotted(path[size + 1 :])}".rstrip()
    if len(path) <= 1:
        return _dotted(path)
    head = 2 if path[0] in _TWO_LEVELS else 1
    return f"[{_dotted(path[:head])}] {_dotted(path[head:])}".rstrip()


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + _name(part)
    return text


def _name(key: str) -> str:
    if could_be_secret(key):
        return HIDDEN
    return key if _BARE.fullmatch(key) else quoted(key)


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
