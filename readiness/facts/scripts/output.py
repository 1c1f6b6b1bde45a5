"""What programs print in a simulated shell, as far as it can be known without running them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.expand import epoch
from readiness.facts.scripts.values import Value, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.facts.scripts.interpreter import Machine

_MANY: Final = 10_000
"""Numbers of a `seq` at most."""


def printed(machine: Machine, name: str, inner: Sequence[Value]) -> Value:
    """What the program `name` prints; where nobody knows, a placeholder that says which program it came from."""
    given = [value for value in inner[1:] if not value.text.startswith("-")]
    if name in {"dirname", "basename"} and given:
        part = posixpath.dirname if name == "dirname" else posixpath.basename
        return Value(part(given[0].text) or ".", given[0].known, given[0].names)
    if name in {"realpath", "readlink"} and given and given[0].known:
        return Value(machine.state.beneath(given[0].text))
    if name == "date" and [value.text for value in inner[1:]] == ["+%s"]:
        machine.clock_read = True
        return Value(epoch(machine.clock))
    if name == "seq" and given and all(one.known and one.text.isdecimal() for one in given):
        return _counted([int(one.text) for one in given])
    return Value(f"$({name})", known=False, sources=frozenset({name}), names=joined(given).names)


def _counted(numbers: list[int]) -> Value:
    """`seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`."""
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) > 2 else 1  # noqa: PLR2004 - first, step, last
    return Value(" ".join(str(n) for n in range(first, numbers[-1] + 1, step or 1)[:_MANY]))
