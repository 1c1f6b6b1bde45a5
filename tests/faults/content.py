"""Faults of what runs: the wrong release, the wrong process, missing servers, tools, features or settings."""

from __future__ import annotations

from tests.faults.model import Fault, How, Site
from tests.faults.words import HEALTH, SERVERS, STATS, TOOLS, both, drop, edit

ONE_OF_TWO = {"expect": {"min_servers": 1}}

FAULTS = (
    Fault(
        name="wrong-version",
        sentence="Another version answers than the one that should run.",
        how=How(edits=(edit(HEALTH, "version", "4.2.1"),)),
    ),
    Fault(
        name="stale-process",
        sentence="The shared file names another live process than the one that answers.",
        how=How(workspace_pid="other"),
    ),
    Fault(
        name="second-hub",
        sentence="The events come from another process than the port's owner.",
        how=How(events="other-pid"),
    ),
    Fault(
        name="dead-pid-in-the-file",
        sentence="The shared file names a process that is no more.",
        how=How(workspace_pid="dead"),
    ),
    Fault(
        name="one-server-down",
        sentence="One of two MCP servers is disconnected, and both are needed.",
        how=How(edits=(*both("servers.1.status", "disconnected"), *both("servers.1.error", "spawn ENOENT"))),
    ),
    Fault(
        name="one-server-down-one-is-enough",
        sentence="One of two MCP servers is disconnected, and one is enough.",
        how=How(edits=(*both("servers.1.status", "disconnected"), *both("servers.1.error", "spawn ENOENT"))),
        site=Site(config=ONE_OF_TWO),
    ),
    Fault(
        name="server-killed-but-connected",
        sentence="A killed MCP server still calls itself connected; only its uptime of 0 shows it.",
        how=How(edits=both("servers.1.uptime", 0)),
    ),
    Fault(
        name="server-connecting-for-ever",
        sentence="An MCP server never finishes connecting.",
        how=How(edits=both("servers.0.status", "connecting")),
    ),
    Fault(
        name="server-unauthorised",
        sentence="An MCP server's token has expired.",
        how=How(edits=both("servers.0.status", "unauthorized")),
    ),
    Fault(
        name="server-disabled",
        sentence="An MCP server that the deployment claims is disabled.",
        how=How(edits=both("servers.0.status", "disabled")),
    ),
    Fault(
        name="server-missing",
        sentence="An MCP server that the deployment claims is not there.",
        how=How(edits=both("servers.1.name", "other")),
    ),
    Fault(
        name="no-servers",
        sentence="A ready hub without any MCP server: its configuration was not found.",
        how=How(edits=(*both("servers", []), edit(TOOLS, "tools", []))),
    ),
    Fault(
        name="servers-from-another-file",
        sentence="The servers come from another configuration file than the deployed one.",
        how=How(edits=both("servers.*.config_source", "/home/somebody/mcp-servers.json")),
    ),
    Fault(
        name="zero-tools",
        sentence="The hub lists no tools.",
        how=How(edits=(edit(TOOLS, "tools", []), *both("servers.*.capabilities.tools", []))),
    ),
    Fault(
        name="duplicate-tools",
        sentence="One tool is listed twice.",
        how=How(edits=(edit(TOOLS, "tools.1.name", "echo"),)),
    ),
    Fault(
        name="tool-disappeared",
        sentence="A tool that the last good run saw is gone.",
        how=How(
            edits=(
                edit(TOOLS, "tools.1", {"server": "everything", "name": "new-one", "enabled": True}),
                edit(HEALTH, "servers.0.capabilities.tools.1.name", "new-one"),
                edit(SERVERS, "servers.0.capabilities.tools.1.name", "new-one"),
            )
        ),
        site=Site(healthy_run_first=True),
    ),
    Fault(
        name="filtering-is-off",
        sentence="Tool filtering is claimed and switched off.",
        how=How(edits=(edit(STATS, "enabled", value=False),)),
    ),
    Fault(
        name="filtering-is-unreadable",
        sentence="Whether filtering is on is said by a word.",
        how=How(edits=(edit(STATS, "enabled", "maybe"),)),
    ),
    Fault(
        name="llm-is-off",
        sentence="The LLM is claimed and switched off.",
        how=How(edits=(edit(STATS, "llm.enabled", value=False),)),
    ),
    Fault(
        name="llm-without-provider",
        sentence="The LLM is on, and no provider is named.",
        how=How(edits=(drop(STATS, "llm.provider"),)),
    ),
    Fault(
        name="no-llm-telemetry",
        sentence="The hub publishes nothing about its LLM, as every published release.",
        how=How(edits=(drop(STATS, "llm"),)),
    ),
    Fault(
        name="no-cache-telemetry",
        sentence="The hub publishes nothing about its LLM cache.",
        how=How(edits=(drop(STATS, "llmCache"), drop(STATS, "llmCacheSize"), drop(STATS, "llmCacheHitRate"))),
    ),
    Fault(
        name="config-newer-than-the-process",
        sentence="The configuration was changed after the hub had started.",
        site=Site(config_is_newer=True),
    ),
    Fault(
        name="variable-missing",
        sentence="A variable of the environment file is not in the running process.",
        site=Site(missing_variable=True),
    ),
    Fault(
        name="errors-in-the-log",
        sentence="The hub has logged a fatal error since it was started.",
        site=Site(log=("fatal", "Unhandled rejection: ECONNREFUSED")),
    ),
    Fault(
        name="nothing-was-deployed",
        sentence="The hub does not become ready, and no deploy was recorded: nothing to go back from.",
        how=How(edits=(edit(HEALTH, "state", "starting"),)),
        site=Site(deployed_minutes_ago=None),
    ),
    Fault(
        name="deployed-long-ago",
        sentence="The hub is not ready, two weeks after the deploy: no reason to roll back a good release.",
        how=How(edits=(edit(HEALTH, "state", "error"),)),
        site=Site(deployed_minutes_ago=20_160.0),
    ),
)
