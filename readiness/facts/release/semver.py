"""Versions and npm's ranges of them: `>=18 <21 || 22.x`, `^1.2.3`, `~1.2`, `1.2 - 2.3`, as node-semver reads them."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

_VERSION: Final = re.compile(r"[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_PARTIAL: Final = re.compile(
    r"[v=\s]*(?:(\d+)|[xX*])(?:\.(?:(\d+)|[xX*]))?(?:\.(?:(\d+)|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_HYPHEN: Final = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")
_SPACED: Final = re.compile(r"(>=|<=|>|<|=|~>|~|\^)\s+")
_OPERATOR: Final = re.compile(r"(>=|<=|>|<|=|~>|~|\^)?(.*)")

Numbers = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """Major, minor, patch, and the parts of a pre-release."""

    numbers: Numbers
    pre: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Numbers, bool, tuple[tuple[int, int, str], ...]]:
        """Sorts as versions do: a pre-release before its release, numbers in it before words."""
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre)
        return (self.numbers, not self.pre, parts)

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers)) + (f"-{'.'.join(self.pre)}" if self.pre else "")


def version(text: str) -> Version | None:
    """The version that `text` is, or None; a leading v is fine."""
    match = _VERSION.fullmatch(text.strip())
    if match is None or len(text) > 256:  # noqa: PLR2004 - node-semver's own limit
        return None
    return Version((int(match[1]), int(match[2]), int(match[3])), tuple(match[4].split(".")) if match[4] else ())


@dataclasses.dataclass(frozen=True, slots=True)
class _Bound:
    operator: str
    version: Version

    def admits(self, other: Version) -> bool:
        a, b = other.key, self.version.key
        return {">=": a >= b, ">": a > b, "<": a < b, "<=": a <= b, "=": a == b}[self.operator]


def satisfies(text: str, wanted: str) -> bool | None:
    """Whether the version `text` is in the range `wanted`; None where either cannot be read.

    A pre-release is in a range only if the range names a pre-release of the same three numbers, as in node-semver.
    """
    found = version(text)
    sets = ranges(wanted)
    if found is None or sets is None:
        return None
    return any(_admitted(found, bounds) for bounds in sets)


def _admitted(found: Version, bounds: list[_Bound]) -> bool:
    if not all(bound.admits(found) for bound in bounds):
        return False
    return not found.pre or any(bound.version.pre and bound.version.numbers == found.numbers for bound in bounds)


def ranges(wanted: str) -> list[list[_Bound]] | None:
    """The alternatives of a range, each a list of bounds that all hold; None where it is no range."""
    if len(wanted) > 1000:  # noqa: PLR2004 - nobody writes such a range
        return None
    found: list[list[_Bound]] = []
    for alternative in wanted.split("||"):
        hyphen = _HYPHEN.fullmatch(alternative)
        words = [f">={hyphen[1]}", f"<={hyphen[2]}"] if hyphen else _SPACED.sub(r"\1", alternative).split()
        bounds: list[_Bound] = []
        for word in words:
            part = _comparator(word)
            if part is None:
                return None
            bounds += part
        found.append(bounds)
    return found


def exact(wanted: str) -> bool:
    """Whether a range admits a single version."""
    return version(wanted) is not None


def bounded(wanted: str) -> bool | None:
    """Whether every alternative ends somewhere; None where it is no range."""
    sets = ranges(wanted)
    if sets is None:
        return None
    return all(any(bound.operator in {"<", "<=", "="} for bound in bounds) for bounds in sets)


def _comparator(word: str) -> list[_Bound] | None:
    split = _OPERATOR.fullmatch(word)
    operator, rest = (split[1] or "", split[2]) if split else ("", word)
    match = _PARTIAL.fullmatch(rest) if rest else None
    if match is None:
        return [] if word in {"", "*", "x", "X"} else None
    parts = [int(part) if part is not None else None for part in match.group(1, 2, 3)]
    major, minor, patch = parts
    if major is None:
        return [] if operator not in {">", "<"} else [_Bound("<", Version((0, 0, 0), ("0",)))]
    low = Version((major, minor or 0, patch or 0 if minor is not None else 0), _pre(match[4], patch))
    if operator == "^":
        return _between(low, _caret(major, minor, patch))
    if operator in {"~", "~>"}:
        return _between(low, (major, minor + 1, 0) if minor is not None else (major + 1, 0, 0))
    if minor is None or patch is None:
        return _partial(operator, low, (major, minor + 1, 0) if minor is not None else (major + 1, 0, 0))
    return [_Bound(operator or "=", low)]


def _pre(text: str | None, patch: int | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text and patch is not None else ()


def _caret(major: int, minor: int | None, patch: int | None) -> Numbers:
    if major or minor is None:
        return (major + 1, 0, 0)
    if minor or patch is None:
        return (0, minor + 1, 0)
    return (0, 0, patch + 1)


def _between(low: Version, high: Numbers) -> list[_Bound]:
    return [_Bound(">=", low), _Bound("<", Version(high, ("0",)))]


def _partial(operator: str, low: Version, high: Numbers) -> list[_Bound]:
    """`1.2` without its patch stands for all of 1.2: `>1.2` begins after it, `<=1.2` ends after it."""
    after = Version(high, ("0",))
    return {
        "": [_Bound(">=", low), _Bound("<", after)],
        "=": [_Bound(">=", low), _Bound("<", after)],
        ">=": [_Bound(">=", low)],
        "<": [_Bound("<", Version(low.numbers, ("0",)))],
        "<=": [_Bound("<", after)],
        ">": [_Bound(">=", Version(high))],
    }[operator]
