"""Plain values to TOML: enough for the configuration of a site, and of tests."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def dumps(table: Mapping[str, Any], prefix: str = "") -> str:
    """`table` as TOML text: scalars and lists first, then sub-tables."""
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_section(value)]
    for key, value in table.items():
        if not _is_section(value):
            continue
        name = prefix + _key(key)
        if isinstance(value, list):
            lines += [f"\n[[{name}]]\n{dumps(item, name + '.')}" for item in value]
        else:
            lines.append(f"\n[{name}]\n{dumps(value, name + '.')}")
    return "\n".join(lines)


def _is_section(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dt.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
