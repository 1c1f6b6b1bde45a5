"""Backups: whether what runs now can be had back, should the deploy go wrong."""

import pytest

from readiness import Limits, check, compared, listed, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight
MINUTES_AHEAD = 5.0
"""Clocks differ a little; a backup from further in the future bears a wrong time."""
HEADROOM = 2
"""The next backup, and once more as much for what it is copied beside."""
TOLD = 3
"""Troubles that a reason names; the rest is counted."""
MAKE_ONE = "Make one: `readiness backup`, then `readiness backup --verify latest`."


@check(
    "backup-is-recent",
    severity="critical",
    needs=("hub_release",),
    limits=Limits(critical=24.0, unit="h"),
    where="host",
    remedy=MAKE_ONE,
)
def test_backup_is_recent(backups):
    """There is a backup, and it is not older than a day."""
    last = backups.latest()
    assert last is not None, backups.none_because()
    where_found(backups.shown(last.manifest_path))
    hours = last.age_hours()
    assert hours * 60 >= -MINUTES_AHEAD, f"{last.name} bears a time {-hours:.1f} h in the future: a clock was wrong"
    measure(max(hours, 0.0), what=f"{last.name} is old:")


def _last(backups):
    """The newest backup; what is to be said of one is unknown where there is none."""
    last = backups.latest()
    if last is None:
        unknown(f"no backup to look at, see backup-is-recent: {backups.none_because()}")
    where_found(backups.shown(last.manifest_path))
    return last


@check(
    "backup-manifest-is-complete",
    severity="high",
    needs=("hub_release",),
    where="host",
    remedy="Make a new backup with `readiness backup`: its manifest names time, commit and version.",
)
def test_backup_manifest_is_complete(backups):
    """The newest backup says when it was made, of which commit and of which version."""
    last = _last(backups)
    wanted = backups.wanted_facts()
    missing = [fact for fact in last.missing_facts() if fact in wanted]
    compared(expected=" and ".join(wanted), actual=f"{', '.join(missing)} missing" if missing else "all of them")
    assert not missing, f"{last.name} does not say its {', '.join(missing)}" + (
        f": {last.trouble}" if last.trouble else ""
    )


@check(
    "backup-is-intact",
    severity="critical",
    needs=("hub_release",),
    waivable=False,
    where="host",
    remedy="Do not deploy on it. Make a new one with `readiness backup`, and find out what changed or ended this one.",
)
def test_backup_is_intact(backups):
    """Every file of the newest backup is there, with the content that it was backed up with."""
    last = _last(backups)
    troubles = last.troubles()
    assert not troubles, f"{last.name}: {listed(troubles, TOLD)}"
    if not last.checksummed:
        warn(f"{last.name} has no checksums: that its files are what was backed up cannot be proven")
    pointer = backups.pointer_trouble(last)
    if pointer:
        warn(pointer)
    for left in backups.unfinished():
        note(f"{left.name} was never finished; the next `readiness backup` removes it unless one is being made")


@check(
    "backup-restores",
    severity="critical",
    needs=("hub_release",),
    slow="restores the last backup into a scratch folder",
    waivable=False,
    where="host",
    remedy="Make a new backup with `readiness backup`, and try it: `readiness backup --restore latest --into DIR`.",
)
def test_backup_restores(backups):
    """The newest backup can be put back: the same content, and a configuration that parses."""
    last = _last(backups)
    found = last.restored(backups.configurations())
    assert not found.troubles, f"{last.name}: {listed(found.troubles, TOLD)}"
    if found.left:
        note(f"{found.left} files of logs and cache were not put back: the smallest stand for them")


@check(
    "backup-commit-is-reachable",
    severity="critical",
    needs=("git", "hub_release"),
    where="host",
    remedy="Fetch the commit (`git fetch --unshallow`, `git fetch origin COMMIT`), and tag it so that git keeps it.",
)
def test_backup_commit_is_reachable(backups):
    """Git still has the commit that the newest backup belongs to, and a branch or a tag keeps it."""
    last = _last(backups)
    if not last.commit:
        unknown(f"{last.name} names no commit, see backup-manifest-is-complete")
    standing = backups.commit_standing(last.commit)
    compared(expected="a commit that a branch, a tag or HEAD keeps", actual=f"{last.commit[:12]} is {standing}")
    assert standing != "missing", f"git does not have the commit {last.commit[:12]} of {last.name}"
    if standing == "dangling":
        warn(f"no branch and no tag keeps the commit {last.commit[:12]} of {last.name}: git may remove it any day")


@check(
    "backup-location-has-room",
    severity="high",
    needs=("hub_release",),
    where="host",
    remedy="Remove old backups (`readiness backup --keep 5`), make room, or move [target] backups to a larger disk.",
)
def test_backup_location_has_room(backups):
    """The next backup can be written: twice the size of the last one is free."""
    trouble, free = backups.room()
    assert not trouble, trouble
    last = backups.latest()
    if last is None:
        unknown(f"how much a backup takes is not known, see backup-is-recent: {backups.none_because()}")
    wanted = HEADROOM * last.size
    compared(expected=f"≥ {wanted / 1e6:.1f}", actual=f"{free / 1e6:.1f}", unit="MB")
    assert free >= wanted, f"{free / 1e6:.1f} MB are free, and a backup of {last.size / 1e6:.1f} MB wants twice as much"


@check(
    "backups-are-private",
    severity="high",
    needs=("hub_release",),
    where="host",
    remedy="chmod 700 the folder of backups and each one in it: `chmod -R go= backups`; list it in .gitignore where it lies in the repository.",
)
def test_backups_are_private(backups):
    """Nobody but their owner can read the backups or put others in their place."""
    if backups.latest() is None:
        unknown(f"no backup to look at, see backup-is-recent: {backups.none_because()}")
    others, group = backups.exposed()
    compared(expected="0700, nothing for others", actual=(others or group or ["private"])[0])
    assert not others, listed(others, TOLD)
    if group:
        warn(listed(group, TOLD))
    committable = backups.committable()
    if committable:
        warn(f"git does not ignore {listed(committable, TOLD, ', ')}: the next `git add` commits its secrets")


@check(
    "backup-contains-what-runs",
    severity="critical",
    needs=("hub_release",),
    where="host",
    remedy="Make a new backup with `readiness backup`; a file that the hub reads elsewhere is added with --also FILE.",
)
def test_backup_contains_what_runs(backups, running_sources):
    """The newest backup holds the configuration that the hub runs, its env file and its lock file."""
    last = _last(backups)
    missing, changed = backups.lacking(last, running_sources)
    compared(expected="configuration, env file and lock file", actual=f"{len(missing)} of them missing")
    assert not missing, f"{last.name} lacks {listed(missing, 5, ', ')}"
    # a tree that is about to be deployed differs from what runs; only what a hub reads right now must not
    stale = sorted(set(changed) & {backups.shown(path) for path in running_sources})
    if stale:
        warn(f"changed since {last.name}, and read by the running hub: {listed(stale, 5, ', ')}")
    for path in changed:
        note(f"{path} is not as it was when {last.name} was made")
