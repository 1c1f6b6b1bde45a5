"""The hub's configuration can be read, holds to its schema, and names only what is there."""

from __future__ import annotations

import pytest

from readiness import check, compared, listed, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight

SHOWN = 5
"""Names that a sentence lists."""


def _read(release, look):
    """What `look` reads; a file that is proven to be at fault fails the check."""
    wrong = release.wrong(look)
    if wrong is not None:
        if wrong.path is not None:
            where_found(release.shown(wrong.path), wrong.line)
        pytest.fail(str(wrong), pytrace=False)
    return look()


@check(
    "config-parses",
    severity="critical",
    needs=("release", "hub_release"),
    where="tree",
    remedy="Mend the file at the line that is named, or correct [target] config; the hub starts without servers otherwise.",
)
def test_config_parses(release, hub_config):
    """The hub's configuration is there, is JSON5, and has a table of servers."""
    where_found(release.shown(hub_config.file))
    if doubt := release.config_doubt():
        unknown(doubt)
    found = _read(release, hub_config.read)
    compared(expected="a table of servers", actual=f"{len(found.servers)} servers")
    assert found.has_servers, f"{release.shown(hub_config.file)} has no table mcpServers"
    assert not found.refused, f"the hub refuses all of {release.shown(hub_config.file)}: {found.refused}"
    if not found.server_names and release.config.expect.servers != ():
        pytest.fail(
            f"{release.shown(hub_config.file)} names no server; if that is meant, declare [expect] servers = []",
            pytrace=False,
        )


@check(
    "config-matches-its-schema",
    severity="medium",
    needs=("release", "config_schema", "hub_release"),
    after=("config-parses",),
    where="tree",
    remedy="Correct the keys that are named; what the schema does not know, the hub ignores without a word.",
)
def test_config_matches_its_schema(release, hub_config):
    """The configuration holds to the schema that the release brings along."""
    errors = hub_config.schema_errors()
    where_found(release.shown(hub_config.file))
    wrong = [f"{place} {message}" for place, message, extra in errors if not extra]
    unknown_keys = [f"{place}: {message}" for place, message, extra in errors if extra]
    compared(expected="as config.schema.json says", actual=f"{len(wrong)} errors, {len(unknown_keys)} unknown keys")
    assert not wrong, f"{len(wrong)} places do not hold to {hub_config.schema().name}: {listed(wrong, SHOWN)}"
    if unknown_keys:
        warn(f"unknown to {hub_config.schema().name}: {listed(unknown_keys, SHOWN)}")


@check(
    "config-references-resolve",
    severity="critical",
    needs=("release", "hub_release"),
    after=("config-parses",),
    where="host",
    remedy="Set each of these variables in the env file: a server without its variable stays disconnected.",
)
def test_config_references_resolve(release, hub_config):
    """Every ${VAR} of the configuration has a value when the service starts."""
    doubts = hub_config.doubts()
    missing = {name: why for name, why in hub_config.unresolved().items() if name not in doubts}
    if missing:
        where_found(release.shown(hub_config.file), hub_config.line(next(iter(missing))))
    told = listed([f"{name} {why}" for name, why in missing.items()], SHOWN, ", ")
    compared(expected="every reference has a value", actual=f"{len(missing)} have none")
    if missing and release.wrong(release.env_file) is not None:
        note(f"{release.shown(release.env_path)} could not be read")
    assert not missing, f"neither the env file nor the unit gives a value: {told}"
    if doubts:
        unknown(f"whether {', '.join(list(doubts)[:SHOWN])} is set is not known: {next(iter(doubts.values()))}")


@check(
    "mcp-server-commands-exist",
    severity="high",
    needs=("release", "hub_release"),
    after=("config-parses",),
    where="host",
    remedy="Install the server, or write its command's full path into the hub's configuration.",
)
def test_mcp_server_commands_exist(release, hub_config, mcp_server):
    """The command that starts an MCP server is there and may be executed."""
    if mcp_server is None:
        hub_config.read()
        note("no server is configured")
        return
    where_found(release.shown(hub_config.file), hub_config.line(mcp_server))
    server = hub_config.server(mcp_server)
    if server.get("url") and not server.get("command"):
        note("a remote server has no command")
        return
    command, found = hub_config.command(mcp_server)
    assert command, f"{mcp_server} has neither a command nor a url"
    if "${" in command:
        unknown(f"{mcp_server}'s command {command} holds a reference without a value")
    compared(expected="an executable file", actual=found or "none")
    assert found, f"{mcp_server}'s command {command} is not there, or may not be executed"


@check(
    "llm-provider-is-configured",
    severity="high",
    needs=("release", "llm", "hub_release"),
    after=("config-parses",),
    where="host",
    remedy="Set toolFiltering.llmCategorization: enabled, provider (gemini, openai or anthropic) and apiKey as ${VAR}.",
)
def test_llm_provider_is_configured(release, hub_config):
    """The hub's LLM has a provider that hubs know, and a key."""
    llm = hub_config.llm()
    where_found(release.shown(hub_config.file), hub_config.line("llmCategorization"))
    compared(expected=" or ".join(hub_config.providers), actual=llm.get("provider"))
    assert llm, "the configuration has no toolFiltering.llmCategorization"
    assert llm.get("enabled") is True, "llmCategorization is not enabled"
    assert llm.get("provider") in hub_config.providers, f"no hub knows the provider {llm.get('provider')!r}"
    key = llm.get("apiKey")
    assert isinstance(key, str), "llmCategorization has no apiKey"
    assert key.strip(), "llmCategorization's apiKey is empty"
    assert hub_config.value(key).strip(), f"llmCategorization's apiKey {hub_config.reference(key)} has no value"


@check(
    "filtering-mode-is-valid",
    severity="medium",
    needs=("release", "filtering", "hub_release"),
    after=("config-parses",),
    where="tree",
    remedy="Set toolFiltering.mode to one of the modes that the hub knows.",
)
def test_filtering_mode_is_valid(release, hub_config):
    """Tool filtering is on, in a mode that hubs know."""
    filtering = hub_config.filtering()
    where_found(release.shown(hub_config.file), hub_config.line('"mode"') or hub_config.line("mode"))
    compared(expected=", ".join(hub_config.modes), actual=filtering.get("mode"))
    assert filtering.get("enabled") is True, "toolFiltering is not enabled"
    assert filtering.get("mode") in hub_config.modes, f"no hub knows the filtering mode {filtering.get('mode')!r}"
