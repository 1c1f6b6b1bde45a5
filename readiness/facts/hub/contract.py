"""The shapes that clients rely on, as JSON Schemas that ship with the package, and what does not keep to them."""

from __future__ import annotations

import functools
import itertools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import NotServed
from readiness.facts.http.answer import BadAnswer
from readiness.facts.hub.shape import problems

if TYPE_CHECKING:
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


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema `name`, from the package."""
    file = resources.files("readiness.facts.hub") / "schemas" / f"api-{name}.schema.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def problems_with(name: str, value: object) -> list[str]:
    """Where `value` does not keep to the schema `name`, a sentence each, at most three; values are not quoted."""
    return [f"{path} {text}" for path, text in itertools.islice(problems(value, schema(name)), _SHOWN)]


class Contract:
    """The contract held against a hub."""

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
