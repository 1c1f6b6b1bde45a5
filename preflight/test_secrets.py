"""Secrets: they have the right form and work, they stand nowhere else, and somebody replaces them."""

from __future__ import annotations

import pytest

from readiness import Limits, caused_by, check, compared, listed, measure, note, unknown, where_found

pytestmark = pytest.mark.preflight

SHOWN = 5
"""Findings named in one reason; the rest is counted."""


@check(
    "api-keys-have-their-providers-format",
    severity="high",
    where="host",
    needs=("api_keys", "hub_release"),
    remedy="Copy the key again from the provider's console into the variable that belongs to it, on one line, unquoted.",
)
def test_api_keys_have_their_providers_format(provider_keys):
    """Every API key has the form that its provider gives its keys."""
    keys = provider_keys.found()
    wrong = [(key, text) for key in keys if (text := provider_keys.misshapen(key))]
    compared(expected="the provider's form", actual=f"{len(keys) - len(wrong)} of {len(keys)} keys")
    for key in keys:
        if key.foreign:
            note(f"{key.name} is for another service than {key.provider}'s own, whose keys have no known form")
    if wrong:
        _point(provider_keys.file, wrong[0][0].line)
    assert not wrong, "; ".join(f"{key.name} {text}" for key, text in wrong)


@check(
    "api-keys-work",
    severity="high",
    slow="asks each provider",
    where="host",
    needs=("api_keys", "hub_release"),
    remedy="Make a new key in the provider's console, put it where the old one is, restart the hub, and revoke the old one.",
)
def test_api_keys_work(provider_keys):
    """Every provider takes its key."""
    trials = [provider_keys.trial(key) for key in provider_keys.found()]
    refused = [trial for trial in trials if trial.said == "refused"]
    unclear = [trial for trial in trials if trial.said == "unclear"]
    compared(expected="every key works", actual="; ".join(map(str, trials)) or "no key")
    if refused:
        _point(provider_keys.file, refused[0].key.line)
    assert not refused, "; ".join(map(str, refused))
    if unclear or not trials:
        unknown("; ".join(map(str, unclear)) or "no provider's key is set, so none could be tried")


@check(
    "no-secret-in-configuration",
    severity="critical",
    needs=("hub_release",),
    where="tree",
    remedy="Write ${NAME} in its place, set NAME in the env file, and replace the secret: whoever read the file has it.",
)
def test_no_secret_in_configuration(secret_search):
    """The configuration refers to secrets and holds none."""
    _nothing_found(secret_search, secret_search.configuration())


@check(
    "no-secret-in-tracked-files",
    severity="critical",
    where="tree",
    remedy="Replace the secret first, for history keeps it; then take it out of the file, and out of history with git filter-repo. "
    "One that is none: [[secrets.known]] with its fingerprint, reason, owner and expires.",
)
def test_no_secret_in_tracked_files(secret_search):
    """No file that git tracks holds a secret."""
    _nothing_found(secret_search, secret_search.tracked())


@check(
    "no-secret-in-logs",
    severity="critical",
    needs=("hub_release",),
    slow="reads every log",
    where="host",
    remedy="Replace the secret, delete the log and its rotated copies, and redact the field in the logger (pino's `redact`).",
)
def test_no_secret_in_logs(secret_search, hub_is_running):
    """No log holds a secret, rotated ones included."""
    _nothing_found(secret_search, secret_search.logs(hub_is_running))


@check(
    "no-secret-in-backups",
    severity="critical",
    needs=("hub_release",),
    slow="reads every backup",
    where="host",
    remedy="chmod -R go= on the backups, replace the secret that stood open, and encrypt what leaves the host.",
)
def test_no_secret_in_backups(secret_search):
    """No backup that others may read holds a secret in clear."""
    caused_by("backup-is-recent")
    _nothing_found(secret_search, secret_search.backups())


@check(
    "secrets-come-from-a-manager",
    severity="medium",
    where="host",
    needs=("env_file", "hub_release"),
    remedy="Keep the value in a secret manager, write its reference here, and let the loader resolve it (op run --env-file …).",
)
def test_secrets_come_from_a_manager(secret_care):
    """The env file names its secrets by reference; their values are in a manager."""
    sources = secret_care.sources()
    if not sources:
        note("the env file holds no secret")
        return
    plain = [source for source in sources if source.manager is None]
    compared(expected="references", actual=f"{len(plain)} of {len(sources)} secrets in plain text")
    if plain:
        _point(secret_care.env_file, plain[0].line)
    assert not plain, f"in plain text in {secret_care.env_file.name}: {', '.join(source.name for source in plain)}"


@check(
    "secrets-were-rotated",
    severity="medium",
    where="host",
    needs=("env_file", "hub_release"),
    limits=Limits(critical=90, unit="days"),
    remedy="Replace the secret, then write the day into the rotation record (secrets.toml): NAME = 2026-01-31.",
)
def test_secrets_were_rotated(secret_care):
    """Every secret was replaced within the last 90 days, by the rotation record."""
    record = secret_care.rotations()
    if not record.secrets:
        note("the env file holds no secret")
        return
    if record.problems:
        _point(record.file, record.problems[0][1])
    assert not record.problems, f"{record.file.name}: {'; '.join(text for text, _ in record.problems)}"
    measure(record.age, what=f"age of {record.oldest}")


@check(
    "cache-directory-mode-is-700",
    severity="medium",
    needs=("hub_release",),
    where="host",
    remedy="chmod 700 ~/.cache/mcp-hub of the hub's user: what it caches are prompts and answers.",
)
def test_cache_directory_mode_is_700(secret_care, environment):
    """Nobody but the hub's user may look into its cache."""
    if not secret_care.has_cache() and not environment.wants_llm_key():
        note("no LLM is claimed, and there is no cache of its answers")
        return
    folder, bits = secret_care.cache()
    compared(expected="0700", actual=f"{bits:04o}")
    assert not bits & 0o077, f"{folder} has mode {bits:04o}: others than its owner may enter it"


def _point(file, line):
    """Name the place for annotations."""
    where_found(str(file), line)


def _nothing_found(search, found):
    """Fail for what was found; unknown for what could not be looked into, unless something was found elsewhere."""
    compared(expected="0 secrets", actual=found)
    for text in (*search.known.missed, *search.remarks):
        note(text)
    if found.doubtful:
        note(f"no secrets, though they look like some: {_listed(found.doubtful)}")
    if found.skipped:
        note(f"left alone: {_listed(found.skipped)}")
    if found.leaks:
        first = found.leaks[0]
        where_found(first.file, None if first.member else first.line)
    assert not found.leaks, _listed(found.leaks)
    if found.mistake:
        unknown(f"not looked at: {found.mistake}")
    if found.unread:
        unknown(f"could not be looked into: {_listed(found.unread)}")


def _listed(items):
    """The first few of `items` in words, and how many more there are."""
    return listed(items, SHOWN)
