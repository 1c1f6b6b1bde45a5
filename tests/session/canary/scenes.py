"""Deployments that give secrets away: hubs that talk too much, and checks that leak in every way.

Whatever can say something says `place~secret`: so it can be told whether a place's words reached a reader at all.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.results.render import FORMATS
from tests.faults.hub import healthy
from tests.faults.hub.deployment import KNOWN_SECRET
from tests.faults.hub.mcp import McpEnd
from tests.faults.hub.model import Answer, How, Site
from tests.faults.hub.server import FaultyHub
from tests.faults.hub.words import CONFIG, HEALTH, SERVERS, STATS, TOOLS, both, edit
from tests.session.canary.search import FILED, NASTY, REFERRED, SHAPED, TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.hub.wire import Line


class TalkativeMcp(McpEnd):
    """An MCP end whose errors quote the credentials."""

    def _answer(self, message: dict[str, Any]) -> str | None:
        error = {"code": -32603, "message": f"mcp~{TOKEN}", "data": {"token": TOKEN}}
        return json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "error": error})


class TalkativeHub(FaultyHub):
    """A hub that may have that MCP end, and an event stream that begins with a state that is none."""

    def __init__(self, how: How, **where: Any) -> None:
        super().__init__(how, **where)
        if how.mcp == "error":
            self._mcp = TalkativeMcp(how)

    async def _events(self, line: Line) -> None:
        if self.how.events != "garbage":
            await super()._events(line)
            return
        await line.start_stream()
        await line.event("hub_state", json.dumps({"state": f"sse~{FILED}", "pid": f"sse~{TOKEN}", "port": NASTY}))
        await line.wait_for_end()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    """One deployment; `places` are those whose words must reach a reader, `status` how its run ends."""

    how: How = dataclasses.field(default_factory=How)
    site: Site = dataclasses.field(default_factory=Site)
    suites: Mapping[str, str] = dataclasses.field(default_factory=dict)
    places: tuple[str, ...] = ()
    status: int = 1


def _source(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _light(checks: str) -> str:
    """The checks without those that are about sizes of 50 MB."""
    return re.sub(r"(?m)^def test_huge.*\n", "", checks)


def deployed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """`readiness.toml` for these runs: the token's variable, the report in every format, and `config`."""
    return {"target": {"token_env": "MCP_HUB_TOKEN"}, "report": {"formats": list(FORMATS)}} | dict(config)


def _referring() -> str:
    config = healthy.deployed_config()
    config["mcpServers"]["memory"]["env"] = {"STORE": "${UPSTREAM}"}
    return json.dumps(config, indent=2)


FILES: Final = {
    ".env.production": f"NODE_ENV=production\nOPENAI_API_KEY={KNOWN_SECRET}\nDEPLOYMENT={FILED}\n",
    "config/mcp-hub.json": _referring(),
}
SECRETS: Final = {"MCP_HUB_TOKEN": TOKEN, "DB_PASSWORD": NASTY, "UPSTREAM": REFERRED, "COPY": FILED}
"""The environment of a run; through the last one its checks know what only the env file declares."""

_TWICE: Final = {"server": f"server~{TOKEN}", "name": f"tool~{FILED}", "description": "", "enabled": True}
_LISTED: Final = {"name": f"listed~{REFERRED}", "description": ""}
_WAIVER: Final = {
    "check": "cors-is-restricted",
    "reason": f"waiver~{TOKEN}",
    "owner": f"owner~{FILED}",
    "expires": dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30),
}
_DECLARED: Final = {
    "waiver": [_WAIVER],
    "contacts": {"on_call": f"contact~{TOKEN}"},
    "expect": {"telemetry": {"expected": False, "reason": f"declared~{REFERRED}"}},
}


def _answer(route: str, body: str, **more: Any) -> Answer:
    return Answer(route=route, body=body.encode(), **more)


def _header(name: str, value: str) -> tuple[tuple[str, str], ...]:
    return ((name, value),)


VALUES: Final = Scene(
    how=How(
        edits=(
            edit(HEALTH, "version", f"version~{REFERRED}"),
            *both("servers.0.status", f"status~{FILED}"),
            *both("servers.0.error", f"error~{TOKEN}"),
            *both("servers.1.name", f"name~{TOKEN}"),
            edit(TOOLS, "tools.+", _TWICE),
            edit(TOOLS, "tools.+", _TWICE),
            edit(STATS, "llmCache.size", f"cache~{REFERRED}"),
            edit(CONFIG, "config", {f"key {TOKEN}": {"apiKey": SHAPED}}),
        ),
        answers=(Answer(route=HEALTH, headers=_header("Access-Control-Allow-Origin", f"origin~{TOKEN}")),),
        mcp="error",
    ),
    site=Site(log=("error", f"line~{FILED}", f"code~{TOKEN}")),
    suites={"test_own.py": _source("own.txt"), "test_leaks.py": _light(_source("checks.txt"))},
    places=(
        *("version", "status", "error", "name", "tool", "cache", "origin", "mcp", "line", "code"),
        *("remedy", "locals", "exception", "cause", "group", "leaf", "compared", "expected", "wanted", "measured"),
        *("note", "message", "shaped", "degraded", "warning", "unknown", "skip", "id", "fixture", "stdout"),
        *("stderr", "disabled", "log", "property"),
    ),
)
"""Every value, name and header of an answer, the log, and all that checks can say."""

ERRORS: Final = Scene(
    how=How(
        edits=(edit(HEALTH, "servers.1.config_source", f"/srv/source~{FILED}.json"),),
        answers=(
            _answer(SERVERS, json.dumps({"error": f"text~{TOKEN}", "code": f"code~{FILED}"}), status=500),
            _answer(TOOLS, f"<html><title>title~{TOKEN}</title>{NASTY}", status=502, content_type="text/html"),
            Answer(route=STATS, status=302, headers=_header("Location", f"https://u:{FILED}@h/?location~{TOKEN}")),
            _answer(CONFIG, f"{{broken~{REFERRED}"),
        ),
        traces=f"Error: {TOKEN}\n    at /srv/{FILED}/index.js:1:2",
        events="garbage",
    ),
    suites={
        "test_broken.py": "import os\nsecret = os.environ['MCP_HUB_TOKEN']\nraise RuntimeError('raised~' + secret)\n",
        "test_facts.py": _source("facts.txt"),
    },
    places=("raised", "text", "source", "sse", "title", "location"),
)
"""Errors, redirects and pages instead of answers, and a suite that cannot be imported."""

GOOD: Final = Scene(
    how=How(
        edits=(
            *both("servers.0.capabilities.tools.+", _LISTED),
            edit(TOOLS, "tools.+", _LISTED | {"server": "everything", "enabled": True}),
            edit(HEALTH, "mcpEndpoint.registeredCapabilities.tools", 99),
        ),
        answers=(
            Answer(
                route=HEALTH, headers=(("Access-Control-Allow-Origin", "*"), *_header("X-Powered-By", f"by {REFERRED}"))
            ),
        ),
    ),
    site=Site(config=_DECLARED),
    places=("waiver", "owner", "declared", "listed"),
    status=0,
)
"""What is kept of a run that does not block: its inventory of tools, its waivers, what was declared.

The hub shows a secret that the checks do not know for one: they would block.
"""
