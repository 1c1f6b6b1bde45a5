"""Apply one change to a JSON value by its dotted path."""

from __future__ import annotations

from typing import Any

from tests.faults.hub.model import REMOVED


def apply(value: Any, path: str, new: Any) -> Any:
    """`value` with what `path` names set to `new` (or removed).

    An empty path replaces all, `*` takes every item, `+` appends one.
    Raises KeyError or IndexError for a path that leads nowhere: a fault with a misspelt path breaks nothing.
    """
    if not path:
        return new
    head, _, rest = path.partition(".")
    if head == "+":
        value.append(new)
        return value
    for key in _keys(value, head):
        if rest:
            value[key] = apply(value[key], rest, new)
        elif new == REMOVED:
            del value[key]
        else:
            value[key] = new
    return value


def _keys(value: Any, head: str) -> list[Any]:
    if isinstance(value, list):
        return list(range(len(value))) if head == "*" else [int(head)]
    return list(value) if head == "*" else [head]
