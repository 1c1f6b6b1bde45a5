"""Faults of the release and of the record: what is on disk, what was declared, and whether going back would help."""

from __future__ import annotations

import datetime as dt
import json

from tests.faults.hub import healthy
from tests.faults.hub.model import Answer, Fault, How, Site
from tests.faults.hub.words import (
    FAILED,
    HEALTH,
    STOPPED,
    TOOLS,
    UNKNOWN,
    VALIDATION,
    WATCHED,
    both,
    edit,
)

CONFIG_FILE = "config/mcp-hub.json"
MEMORY_IS_DOWN = How(edits=both("servers.1.status", "disconnected"))
DOWN = {"mcp-servers-are-connected": FAILED}
WAIVER = {
    "check": "cors-is-restricted",
    "reason": "the dashboard of the old domain is moved in March",
    "owner": "platform",
    "expires": dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30),
}
EMPTY = json.dumps(healthy.deployed_config() | {"mcpServers": {}})
JSON5 = "// what runs in production\n" + json.dumps(healthy.deployed_config(), indent=2)[:-2] + ",\n}\n"

FAULTS = (
    Fault(
        name="nothing-was-deployed",
        sentence="A server is down, and no deploy was recorded: nothing to go back from.",
        how=MEMORY_IS_DOWN,
        site=Site(deployed_minutes_ago=None),
        expected=DOWN,
        ends=STOPPED,
        words=("memory",),
    ),
    Fault(
        name="deployed-long-ago",
        sentence="A server is down two weeks after the deploy: no reason to roll back a good release.",
        how=MEMORY_IS_DOWN,
        site=Site(deployed_minutes_ago=20_160.0),
        expected=DOWN,
        ends=STOPPED,
        words=("memory",),
    ),
    Fault(
        name="was-down-before",
        sentence="A server is down that was down before the deploy as well.",
        how=MEMORY_IS_DOWN,
        site=Site(failed_before=("mcp-servers-are-connected",)),
        expected=DOWN,
        ends=STOPPED,
        words=("memory",),
    ),
    Fault(
        name="nothing-to-return-to",
        sentence="A server is down after the first deploy of all.",
        how=MEMORY_IS_DOWN,
        site=Site(previous=None),
        expected=DOWN,
        ends=STOPPED,
        words=("memory",),
    ),
    Fault(
        name="another-release-was-recorded",
        sentence="A server is down, and the recorded deploy is of another version.",
        how=MEMORY_IS_DOWN,
        site=Site(recorded_version="4.4.0"),
        expected=DOWN,
        ends=STOPPED,
        words=("memory",),
    ),
    Fault(
        name="no-action-configured",
        sentence="A server is down, and going back is left to a person.",
        how=MEMORY_IS_DOWN,
        site=Site(config={"rollback": {"action": None}}),
        expected=DOWN,
        ends=VALIDATION,
        words=("memory",),
    ),
    Fault(
        name="waived",
        sentence="Any web page may read the API, and somebody owns that until a day.",
        how=How(answers=(Answer(route=HEALTH, headers=(("Access-Control-Allow-Origin", "*"),)),)),
        site=Site(config={"waiver": [WAIVER]}),
        expected={"cors-is-restricted": "waived"},
        ends=WATCHED,
        words=("origin",),
    ),
    Fault(
        name="deployed-config-is-broken",
        sentence="The deployed configuration is no JSON5.",
        site=Site(files={CONFIG_FILE: "{broken"}),
        expected={"running-config-is-the-deployed-one": UNKNOWN, "running-environment-has-its-keys": UNKNOWN},
        ends=WATCHED,
        words=("mcp-hub.json",),
    ),
    Fault(
        name="log-missing",
        sentence="The hub's log is not where it should be.",
        site=Site(log=("absent",)),
        expected={"logs-are-clean-since-deploy": UNKNOWN},
        ends=WATCHED,
        words=("log",),
    ),
    Fault(
        name="json5-config",
        sentence="The deployed configuration has comments and trailing commas, which the hub accepts.",
        site=Site(files={CONFIG_FILE: JSON5}),
    ),
    Fault(
        name="declared-away",
        sentence="Plain HTTP is served, and declared to be somebody else's task.",
        how=How(redirects="plain"),
        site=Site(config={"expect": {"tls": {"expected": False, "reason": "terminated by the load balancer"}}}),
    ),
    Fault(
        name="declared-empty",
        sentence="A hub without servers and tools, declared as such.",
        how=How(edits=(*both("servers", []), edit(TOOLS, "tools", []))),
        site=Site(config={"expect": {"servers": []}}, files={CONFIG_FILE: EMPTY}),
    ),
    Fault(
        name="no-env-file",
        sentence="The release has no environment file: its variables come from elsewhere, and they are there.",
        site=Site(files={".env.production": None}),
    ),
)
