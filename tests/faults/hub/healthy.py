"""What a healthy MCP Hub 4.3.0 answers: the recorded shapes, with lists that agree with each other."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import json
from typing import Any, Final

from tests.sources import ROOT

RECORDED: Final = ROOT / "tests" / "data" / "contract" / "mcp-hub-4.3.0.json"
VERSION: Final = "4.3.0"
META_TOOL: Final = "hub__analyze_prompt"


@functools.cache
def recorded() -> dict[str, tuple[int, str, Any]]:
    """`METHOD path` to the first recorded (status, content type, JSON) of it."""
    found: dict[str, tuple[int, str, Any]] = {}
    for entry in json.loads(RECORDED.read_text(encoding="utf-8")):
        request, response = entry["request"], entry["response"]
        value = (response["status"], response["content_type"], response["json"])
        found.setdefault(f"{request['method']} {request['path']}", value)
    return found


def stamp(when: dt.datetime | None = None) -> str:
    """A time as the hub writes it."""
    moment = when or dt.datetime.now(dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def body(route: str) -> Any:
    """A fresh copy of the recorded JSON of `route`, with the present time."""
    value = copy.deepcopy(recorded()[route][2])
    value["timestamp"] = stamp()
    return value


def servers(started: dt.datetime, config: str) -> list[dict[str, Any]]:
    """The server records, connected and with an uptime (seconds) that grows."""
    age = (dt.datetime.now(dt.UTC) - started).total_seconds()
    found: list[dict[str, Any]] = copy.deepcopy(recorded()["GET /api/health"][2]["servers"])
    for server in found:
        server["uptime"] = max(1, int(age))
        server["lastStarted"] = stamp(started)
        server["config_source"] = config
    return found


def tools(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `/api/tools` lists for these server records."""
    return [
        _tool(server["name"], tool["name"], tool["description"])
        for server in records
        for tool in server["capabilities"]["tools"]
    ]


def _tool(server: str, name: str, description: str) -> dict[str, Any]:
    return {
        "server": server,
        "serverDisplayName": server,
        "name": name,
        "description": description,
        "enabled": True,
        "categories": [],
    }


def health(*, started: dt.datetime, config: str, cwd: str, port: int, pid: int) -> dict[str, Any]:
    """`GET /api/health` of a hub that is ready; a built release, so with its version. `pid`: what the file says."""
    answer: dict[str, Any] = body("GET /api/health")
    answer["version"] = VERSION
    answer["servers"] = servers(started, config)
    count = len(tools(answer["servers"]))
    answer["mcpEndpoint"]["registeredCapabilities"]["tools"] = count + 1
    answer["workspaces"] = workspaces(started=started, config=config, cwd=cwd, port=port, pid=pid)
    return answer


def workspaces(*, started: dt.datetime, config: str, cwd: str, port: int, pid: int) -> dict[str, Any]:
    """The shared file's view: one hub at `port`."""
    entry = copy.deepcopy(recorded()["GET /api/health"][2]["workspaces"]["allActive"]["7000"])
    entry |= {"cwd": cwd, "config_files": [config], "pid": pid, "port": port, "startTime": stamp(started)}
    return {"current": str(port), "allActive": {str(port): entry}}


def filtering(count: int) -> dict[str, Any]:
    """`GET /api/filtering/stats` as recorded, plus the telemetry that the newest hubs publish; an idle hub."""
    answer: dict[str, Any] = body("GET /api/filtering/stats")
    answer |= {"totalTools": count, "exposedTools": count, "categoryCacheSize": count}
    answer["llm"] = {
        "enabled": True,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "totalCalls": 0,
        "successRate": None,
        "queueDepth": 0,
        "circuitBreakerState": "closed",
    }
    answer["llmCache"] = {"enabled": True, "size": 0, "hits": 0, "misses": 0, "hitRate": 0}
    return answer


def deployed_config() -> dict[str, Any]:
    """The configuration that was deployed: the key is a reference, never a literal."""
    config: dict[str, Any] = copy.deepcopy(recorded()["GET /api/config"][2]["config"])
    config["toolFiltering"]["llmCategorization"]["apiKey"] = "${OPENAI_API_KEY}"
    return config
