"""The part of JSON Schema that the shipped contracts use, checked without the library: importing that takes 85 ms.

A test holds every answer of this module against the library's. A keyword it does not know is an error, never a pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema = dict[str, Any]
_IGNORED: Final = frozenset({"$schema", "$defs", "title", "description"})


def problems(value: object, schema: Schema) -> Iterator[tuple[str, str]]:
    """Where `value` breaks `schema`: a JSON path and a sentence's end each; values are never quoted.

    Raises ValueError for a schema that uses a keyword or reference unknown here.
    """
    yield from _problems(value, schema, schema, "$")


def _problems(value: object, schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        yield from _problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    for keyword, wanted in schema.items():
        if keyword in _IGNORED or keyword == "$ref":
            continue
        if keyword in _SIMPLE:
            if not _SIMPLE[keyword](value, wanted):
                yield path, f"is {_kind(value)}, which breaks {keyword}: {wanted}"
        elif keyword == "required":
            yield from _missing(value, wanted, path)
        elif keyword in _NESTED:
            for inner, inner_schema, name in _NESTED[keyword](value, wanted, schema):
                yield from _problems(inner, inner_schema, root, path + name)
        else:
            raise ValueError(f"a shipped schema uses {keyword!r}, which is not known here")


def _missing(value: object, wanted: list[str], path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((path, f"has no {name}") for name in wanted if name not in value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and (isinstance(value, int) or (math.isfinite(value) and value == int(value)))  # type: ignore[arg-type,call-overload]


_TYPES: Final[dict[str, Callable[[object], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": _is_whole,
}


def _has_type(value: object, wanted: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


_SIMPLE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "type": _has_type,
    "enum": lambda value, wanted: isinstance(value, str) and value in wanted,
    "const": lambda value, wanted: isinstance(value, str) and value == wanted,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "minimum": lambda value, wanted: not _is_number(value) or not value < wanted,
    "maximum": lambda value, wanted: not _is_number(value) or not value > wanted,
}
"""Keywords about one value; `enum` and `const` hold text alone in the shipped schemas."""

Inner = tuple[object, Schema, str]


def _properties(value: object, wanted: dict[str, Schema], _: Schema) -> Iterator[Inner]:
    if isinstance(value, dict):
        yield from ((value[name], inner, f".{name}") for name, inner in wanted.items() if name in value)


def _additional(value: object, wanted: Schema, schema: Schema) -> Iterator[Inner]:
    if isinstance(value, dict):
        named = schema.get("properties", {})
        yield from ((inner, wanted, f".{str(name)[:60]}") for name, inner in value.items() if name not in named)


def _items(value: object, wanted: Schema, _: Schema) -> Iterator[Inner]:
    if isinstance(value, list):
        yield from ((inner, wanted, f"[{number}]") for number, inner in enumerate(value))


_NESTED: Final[dict[str, Callable[[object, Any, Schema], Iterator[Inner]]]] = {
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
}


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
