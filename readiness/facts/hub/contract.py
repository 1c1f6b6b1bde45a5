"""The shapes that clients rely on, as JSON Schemas that ship with the package, and what does not keep to them.

The part of JSON Schema that they use is checked without the library: importing that takes 85 ms. A test compares every answer
with the library's. A keyword that is not known here is an error, never a pass.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import NotServed
from readiness.facts.http import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from readiness.facts.hub.hub import Hub

ROUTES: Final = {
    "/api/health": "health",
    "/api/servers": "servers",
    "/api/workspaces": "workspaces",
    "/api/tools": "tools",
    "/api/filtering/stats": "filtering-stats",
    "/api/config": "config",
}
"""Route to the name of its schema; the last three came with 4.3.0."""
ALWAYS: Final = frozenset({"/api/health", "/api/servers", "/api/workspaces"})
"""Routes that every known version serves."""
_SHOWN: Final = 3
Schema = dict[str, Any]
_IGNORED: Final = frozenset({"$schema", "$defs", "title", "description"})
Inner = tuple[object, Schema, str]


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema `name`, from the package."""
    file = resources.files("readiness.facts.hub") / "schemas" / f"api-{name}.schema.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def problems_with(name: str, value: object) -> list[str]:
    """Where `value` does not keep to the schema `name`, a sentence each, at most three; values are not quoted."""
    return [f"{path} {text}" for path, text in itertools.islice(problems(value, schema(name)), _SHOWN)]


class Contract:
    """Compares a hub's answers with the contract."""

    @staticmethod
    def problems(hub: Hub) -> tuple[list[str], list[str]]:
        """What is broken, a sentence each, and the routes that this version does not serve.

        Raises HubDown, CouldNotLook or Unknown where a route cannot be read for other reasons.
        """
        broken: list[str] = []
        absent: list[str] = []
        for route, name in ROUTES.items():
            try:
                value = hub.answer(route).json_object()
            except BadAnswer as error:
                broken.append(str(error))
                continue
            except NotServed as error:
                if route in ALWAYS:
                    broken.append(str(error))
                else:
                    absent.append(route)
                continue
            broken += [f"GET {route}: {sentence}" for sentence in problems_with(name, value)]
        return broken, absent


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
