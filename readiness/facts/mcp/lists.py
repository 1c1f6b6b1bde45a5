"""What can be wrong with a list of tools, whoever lists them."""

from __future__ import annotations

import collections
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.mcp.records import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from readiness.facts.hub.records import Tool
    from readiness.facts.mcp.records import AgentTool

_NAME: Final = re.compile(r"[^\s]+?__[^\s]+")
_SHOWN: Final = 3


def wrong_names(tools: Sequence[AgentTool]) -> list[str]:
    """Names that stand twice or do not say their server, as sentences."""
    times = collections.Counter(tool.name for tool in tools)
    found = [f"{name[:80]} is listed {number} times" for name, number in times.items() if number > 1]
    return found + [f"{name[:80]!r} is no server{SEPARATOR}tool" for name in times if not _NAME.fullmatch(name)]


def wrong_schemas(tools: Iterable[AgentTool]) -> list[str]:
    """Input schemas that an agent cannot use, as sentences."""
    return [f"{tool.name[:80]}: {why}" for tool in tools if (why := _wrong_schema(tool.schema))]


def _wrong_schema(schema: Mapping[str, Any]) -> str:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if schema.get("type") != "object":
        return "its input schema describes no object"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        return f"its input schema is no JSON Schema: {error.message[:100]}{f' at {where}' if where else ''}"
    except RecursionError:
        return "its input schema is nested beyond all reason"
    return ""


def missing(listed: Iterable[AgentTool], over_http: Iterable[Tool], servers: Collection[str]) -> list[str]:
    """Tools of `servers` that the API lists and a session does not, by their agents' names."""
    names = {tool.name for tool in listed}
    wanted = [f"{tool.server}{SEPARATOR}{tool.name}" for tool in over_http if tool.server in servers]
    return [name for name in wanted if name not in names]


def shown(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(name[:80] for name in every[:_SHOWN]) + more
