"""The kinds of value that hold others: lists, commands, tables. Every wrong part becomes a mistake of its own."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

from readiness.config.kinds import Kind, Schema, text
from readiness.config.mistakes import Bad, Place, render, shown


def list_of(item: Kind, *, least: int = 0, unique: bool = False) -> Kind:
    """A list, kept as a tuple; every wrong item is a mistake of its own."""
    words = f"a list, each {item.words}" + (", not empty" if least else "")

    def read(value: Any, place: Place) -> tuple[Any, ...]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, list):
            raise Bad(words, hint='write ["…"]' if isinstance(value, str) else "")
        if len(value) < least:
            raise Bad(words)
        items = tuple(read_items(item, value, place))
        if unique and len(set(items)) < len(items):
            raise Bad(f"{words}, none twice")
        return items

    return Kind(words, read)


def read_items(item: Kind, values: list[Any], place: Place) -> list[Any]:
    """The items that are valid; the others become mistakes."""
    kept = []
    for index, value in enumerate(values):
        try:
            kept.append(item.read(value, place.at(index)))
        except Bad as bad:
            place.at(index).wrong(value, bad)
    return kept


def argv(*, least: int = 0) -> Kind:
    """A command as a list of words; a shell string is refused."""
    words = 'a command as a list of words like ["npm", "test"]'
    inner = list_of(text("a text", empty=True), least=least)

    def read(value: Any, place: Place) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file holds
        if isinstance(value, str):
            first = (value.split() or [""])[0]
            hint = "a shell string is refused: nothing here is run by a shell"
            raise Bad(words, hint=hint, show=shown(first) if first == value else f"{shown(first)} and more words")
        if not isinstance(value, list) or len(value) < least or (value and value[0] == ""):
            raise Bad(words)
        return tuple(inner.read(value, place))

    return Kind(words, read)


def table(schema: Schema) -> Kind:
    """A table with just the keys of `schema`."""
    words = "a table with " + ", ".join(schema)
    return Kind(words, lambda value, place: read_table(schema, value, place, words))


def read_table(schema: Schema, value: Any, place: Place, words: str = "a table") -> dict[str, Any]:  # noqa: ANN401
    """The valid keys of a table; unknown, missing and wrong ones become mistakes."""
    if not isinstance(value, dict):
        raise Bad(words)
    kept: dict[str, Any] = {}
    for name, inner in value.items():
        if name not in schema:
            place.unknown_key(name, schema)
            continue
        try:
            kept[name] = schema[name].kind.read(inner, place.at(name))
        except Bad as bad:
            place.at(name).wrong(inner, bad)
    for name, key in schema.items():
        if key.required and name not in value:
            place.missing(name, key.kind.words)
    return kept


def free_table() -> Kind:
    """A table with any keys, kept as what JSON can say: no dates, no infinities."""

    def read(value: Any, _place: Place) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, dict):
            raise Bad("a table")
        return {name: _plain_json(inner) for name, inner in value.items()}

    return Kind("a table", read)


def _plain_json(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, dict):
        return {name: _plain_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain_json(inner) for inner in value]
    if isinstance(value, Decimal):
        if not math.isfinite(value) or not math.isfinite(float(value)):
            raise Bad("a table with finite numbers: it is sent as JSON")
        return float(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Bad("a table with numbers of at most 64 bits")
    if isinstance(value, (dt.date, dt.time)):
        raise Bad("a table without dates: it is sent as JSON", hint="put the date in quotes")
    return value


def mapping(names: Kind, values: Kind) -> Kind:
    """A table with free keys of one kind and values of another."""
    words = f"a table: each key {names.words}, each value {values.words}"

    def read(value: Any, place: Place) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
        if not isinstance(value, dict):
            raise Bad(words)
        kept = {}
        for name, inner in value.items():
            try:
                names.read(name, place.at(name))
            except Bad as bad:
                place.book.add(place.at(name).path, _bad_key(place.at(name), bad))
                continue
            try:
                kept[name] = values.read(inner, place.at(name))
            except Bad as bad:
                place.at(name).wrong(inner, bad)
        return kept

    return Kind(words, read)


def _bad_key(place: Place, bad: Bad) -> str:
    hint = f"; {bad.hint}" if bad.hint else ""
    return f"{render(place.path)}: expected as a key {bad.wanted}{hint}"
