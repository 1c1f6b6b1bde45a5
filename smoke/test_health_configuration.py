"""What runs has the configuration, the keys and the features that were deployed, and a clean log."""

from __future__ import annotations

import pytest

from readiness import check, compared, note, unknown

pytestmark = pytest.mark.health

ENOUGH_MISSES = 20
"""Lookups after which a cache that holds nothing is no longer merely cold."""


@check(
    "filtering-is-enabled",
    severity="high",
    settle="probe",
    topic="health",
    needs=("filtering",),
    after=("hub-answers",),
    remedy="Set toolFiltering.enabled to true in the hub's configuration, and restart it.",
)
def test_filtering_is_enabled(hub):
    """Tool filtering is on, as this deployment claims."""
    wrong = hub.wrong(hub.filtering_stats)
    assert not wrong, wrong
    enabled = hub.filtering_stats().get("enabled")
    compared(expected="enabled", actual=enabled)
    if not isinstance(enabled, bool):
        unknown("malformed: /api/filtering/stats has no boolean `enabled`")
    assert enabled, "tool filtering is off"


@check(
    "llm-provider-is-active",
    severity="high",
    settle="probe",
    topic="health",
    needs=("llm", "telemetry"),
    after=("hub-answers",),
    remedy="Set toolFiltering.llmCategorization (enabled, provider, apiKey) and the key's variable, and restart the hub.",
)
def test_llm_provider_is_active(hub):
    """The hub uses an LLM provider, as this deployment claims."""
    llm = hub.filtering_stats().get("llm")
    if not isinstance(llm, dict):
        _configured(hub)
        unknown(
            "not published: /api/filtering/stats would need llm.enabled and llm.provider (a configuration proves neither)"
        )
    compared(expected="an active provider", actual=llm.get("provider"))
    assert llm.get("enabled") is True, "the LLM is not enabled"
    assert llm.get("provider"), "the LLM is enabled without a provider"


def _configured(hub):
    """The configuration on disk cannot prove that the LLM works, but it can prove that it does not."""
    filtering = hub.config_api().get("toolFiltering")
    llm = filtering.get("llmCategorization") if isinstance(filtering, dict) else None
    if not isinstance(llm, dict):
        pytest.fail("the hub's configuration has no toolFiltering.llmCategorization", pytrace=False)
    missing = [key for key in ("enabled", "provider", "apiKey") if not llm.get(key)]
    assert not missing, f"the hub's llmCategorization has no {', '.join(missing)}"


@check(
    "llm-cache-works",
    severity="medium",
    settle="probe",
    topic="health",
    needs=("llm",),
    after=("hub-answers",),
    remedy="See that the cache folder exists and is writable by the service's user, then restart the hub.",
)
def test_llm_cache_works(hub):
    """The cache of the LLM's answers is on, and keeps what it is given."""
    stats = hub.filtering_stats()
    cache = stats.get("llmCache")
    if not isinstance(cache, dict):
        cache = {"size": stats.get("llmCacheSize"), "hitRate": stats.get("llmCacheHitRate")}
    assert cache.get("enabled", True) is True, "the LLM cache is switched off"
    size, hits, misses = (_count(cache, key) for key in ("size", "hits", "misses"))
    if size is None:
        unknown("not published: /api/filtering/stats would need llmCache.size or llmCacheSize")
    compared(expected="entries kept", actual=f"{size:g} entries")
    asked_enough = misses is not None and misses >= ENOUGH_MISSES
    assert size > 0 or hits or not asked_enough, f"{misses:g} answers were looked up and none was kept"
    if not size:
        note("the cache is empty: no prompt was analysed yet")


def _count(cache, key):
    value = cache.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        unknown(f"malformed: the LLM cache's {key} is {value!r}, expected a number ≥ 0")
    return value


@check(
    "running-config-is-the-deployed-one",
    severity="high",
    settle="probe",
    topic="health",
    needs=("release", "hub_api"),
    after=("hub-answers",),
    remedy="Restart the hub with --config pointing at the deployed file: `systemctl restart mcp-hub`.",
)
def test_running_config_is_the_deployed_one(hub, deployed):
    """The hub runs the deployed configuration: its servers, from that file, unchanged since the start."""
    files = deployed.files()
    running = {server.name for server in hub.health().servers if server.status != "disabled"}
    wanted = set(files.server_names)
    compared(expected=", ".join(sorted(wanted)) or "no servers", actual=", ".join(sorted(running)) or "no servers")
    assert running == wanted, _difference(running, wanted)
    foreign, unclear = hub.foreign_files(files.files)
    assert not foreign, f"read from {', '.join(map(str, foreign))} instead of the deployed {files.names}"
    if unclear:
        unknown(unclear[0])
    identity = hub.identity()
    if identity.started is None:
        unknown("when the process started is not known, so the file may have changed since")
    newer = "the configuration changed after the process had started"
    if files.changed > identity.started + 1 and hub.reads_changes():
        note("the configuration changed after the start, and the hub reads changes by itself (--watch)")
        return
    if files.changed > identity.started + 1 and identity.clock == "hub":
        unknown(f"{newer} by the hub's own clock alone, which may have been set since: ask on the hub's own host")
    assert files.changed <= identity.started + 1, f"{newer}: it runs an older one"


def _difference(running, wanted):
    parts = [("not running", wanted - running), ("running but not deployed", running - wanted)]
    return "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in parts if names)


@check(
    "running-environment-has-its-keys",
    severity="high",
    settle="probe",
    topic="health",
    needs=("release", "process", "identity"),
    after=("hub-answers",),
    remedy="Name the env file in the unit (EnvironmentFile=), then `systemctl daemon-reload` and restart the hub.",
)
def test_running_environment_has_its_keys(hub, deployed):
    """The running process has every variable that its configuration and its env file name."""
    wanted = deployed.files().references | deployed.environment()
    present = hub.variables()
    missing = sorted(wanted - present)
    compared(expected=f"{len(wanted)} variables", actual=f"{len(missing)} of them missing")
    assert not missing, f"the process runs without {', '.join(missing[:8])}"


@check(
    "logs-are-clean-since-deploy",
    severity="medium",
    settle="probe",
    topic="health",
    needs=("logs",),
    after=("hub-answers",),
    remedy="Read these lines in the hub's log and mend their cause; a restart begins a new log.",
)
def test_logs_are_clean_since_deploy(hub, hub_log):
    """The hub has logged no error since its start."""
    errors = hub_log.errors(hub)
    compared(expected="0 errors", actual=f"{len(errors)} errors")
    told = "; ".join(str(error) for error in errors[:3])
    assert not errors, f"{len(errors)} errors since the start: {told}"
