"""Versions held against npm's ranges of them, as `>=18 <21 || 22.x`: node-semver, where what is no range gives None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.support import require_extra

if TYPE_CHECKING:
    from nodesemver import Range

_LONGEST_VERSION: Final = 256
"""Characters; node-semver's own limit."""
_LONGEST_RANGE: Final = 1000
"""Characters; nobody writes such a range."""
_UPPER_ENDS: Final = frozenset({"<", "<=", "=", ""})


def satisfies(version: str, wanted: str) -> bool | None:
    """Whether `version` is in the range `wanted`; None where either cannot be read."""
    required = _range(wanted)
    if required is None or len(version) > _LONGEST_VERSION:
        return None
    try:
        return bool(required.test(version.strip()))
    except ValueError:
        return None


def is_exact(wanted: str) -> bool:
    """Whether a range admits a single version."""
    required = _range(wanted)
    if required is None:
        return False
    bounds = [bound for alternative in required.set for bound in alternative]
    return len(bounds) == 1 and bounds[0].operator in {"=", ""}


def is_bounded(wanted: str) -> bool | None:
    """Whether every alternative of a range ends somewhere; None where it is no range."""
    required = _range(wanted)
    if required is None:
        return None
    return all(any(bound.operator in _UPPER_ENDS for bound in alternative) for alternative in required.set)


def compare(one: str, other: str) -> int | None:
    """Below 0 where `one` is the older version, 0 where both are one, above 0 else; None where either is no version."""
    require_extra("preflight")
    import nodesemver

    if max(len(one), len(other)) > _LONGEST_VERSION:
        return None
    try:
        return int(nodesemver.compare(one.strip(), other.strip(), loose=True))
    except ValueError:
        return None


def _range(wanted: str) -> Range | None:
    require_extra("preflight")
    from nodesemver import make_range

    try:
        # not loose: that would pass over what is no range
        return make_range(" ".join(wanted.split()), loose=False) if len(wanted) <= _LONGEST_RANGE else None
    except ValueError:
        return None
