"""What lifecycle scripts take care of: locks, room, permissions, secrets, requests, and how long they wait."""

import pytest

from readiness import Limits, check, compared, listed, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight
TOLD = 4
"""Places that a reason names; the rest is counted."""


def _listed(places):
    """Places in words, the first of them as the finding's own."""
    seen = getattr(places, "seen", places)
    if hasattr(seen[0], "path"):
        where_found(seen[0].path, seen[0].line)
    return listed(seen, TOLD)


def _all_seen(scripts):
    """A script that could not be read may hold anything: what is said of all of them is unknown then."""
    if scripts.unread():
        unknown(scripts.unread())


@check(
    "stop-is-graceful",
    severity="medium",
    needs=("scripts", "stop_script", "hub_release"),
    topic="scripts",
    where="tree",
    limits=Limits(critical=30, unit="s", better="higher"),
    remedy="Send TERM, look for 30 s (one second apart) whether the process is gone, and only then send KILL.",
)
def test_stop_is_graceful(scripts, patience, release):
    """The hub that was started is found, asked to end, given 30 s, and only then killed."""
    script = scripts.needed("stop")
    ways = patience.stopping()
    assert ways, f"{script.path} sends no signal and stops no service"
    where_found(ways.seen[0].place.path, ways.seen[0].place.line)
    ways.require_complete()  # a gap may hide a signal, or a pause
    numbered = patience.written_pid()
    if numbered is not None:
        where_found(numbered.path, numbered.line)
    assert numbered is None, (
        f"{numbered} ends a process by a number that is written out: after a restart it is not the hub's"
    )
    several = patience.several_as_one()
    if several is not None:
        where_found(several.path, several.line)
    assert several is None, (
        f"{several} gets every process that was found as one word: where two are found, none is ended and the old hub goes on"
        " (write it without the quotes, or use pkill)"
    )
    blind = patience.blind_search(lambda: release.unit().argv)
    if blind is not None:
        place, started = blind
        where_found(place.path, place.line)
        compared(expected="a pattern that finds the started hub", actual=started)
        pytest.fail(f"{place} never finds what is started, `{started}`: the old hub goes on", pytrace=False)
    polite = [way for way in ways if way.terminated]
    assert polite, f"{ways.seen[0].place} kills at once: no TERM before it"
    never = [way.place for way in polite if not way.killed]
    assert len(never) < len(polite), f"{_listed(never)}: a hub that ignores it is never killed"
    timed = [way for way in polite if way.seconds is not None]
    if not timed:
        note(f"{polite[0].place}: the service manager waits and kills")
        return
    unproven = patience.unproven_pid()
    if unproven is not None:
        place, asked = unproven
        words = f"{place} ends whatever has that number now: after a restart of the host it may be another's process"
        if asked:
            note(words)
        else:
            where_found(place.path, place.line)
            warn(words)
    shortest = min(timed, key=lambda way: way.seconds)
    where_found(shortest.place.path, shortest.place.line)
    if shortest.vague and shortest.seconds < 30:  # noqa: PLR2004 - the limit's default; what is not known cannot be held against it
        unknown(f"{shortest.place}: how long it waits is not written in the script")
    measure(shortest.seconds, what="between TERM and KILL")


@check(
    "validation-retries",
    severity="medium",
    needs=("scripts", "validate_script", "hub_release"),
    topic="scripts",
    where="tree",
    limits=Limits(critical=3, unit="attempts", better="higher"),
    remedy="Ask three times, two seconds apart: `curl --fail --max-time 5 --retry 2 --retry-delay 2 --retry-all-errors …`.",
)
def test_validation_retries(scripts, patience):
    """A single request that fails does not fail the validation: three attempts, two seconds apart."""
    asked = patience.asking("validate")
    if not asked:
        script = scripts.needed("validate").path
        if patience.asks_itself("validate"):
            note(f"{script} leaves the asking to this tool, which repeats its questions")
            return
        unknown(f"no request is recognised in {script}")
    fewest = min(asked, key=lambda one: one.attempts)
    where_found(fewest.place.path, fewest.place.line)
    measure(fewest.attempts, what=f"{fewest.place} is asked")
    hasty = [one.place for one in asked if one.apart < 2]  # noqa: PLR2004 - seconds, the assessment's
    assert not hasty, f"less than 2 s between two attempts: {_listed(hasty)}"


@check(
    "deployments-are-locked",
    severity="medium",
    needs=("scripts", "deploy_script", "hub_release"),
    topic="scripts",
    where="tree",
    remedy="Before anything is changed: `exec 9>/run/lock/mcp-hub.lock; flock --nonblock 9 || exit 1`, the same file in every script.",
)
def test_deployments_are_locked(scripts, care):
    """Two deployments cannot run at once: the scripts that change the release take one lock, and the same one."""
    leader = "complete" if scripts.of("complete") else "deploy"
    lock = care.lock(leader)
    if lock.two_steps is not None:
        where_found(lock.two_steps.path, lock.two_steps.line)
        warn(f"{lock.two_steps} makes a lock file that was looked for before: two deployments can pass at once")
        return
    if lock.bare is not None:
        where_found(lock.bare.path, lock.bare.line)
    assert lock.bare is None, f"no lock is held at {lock.bare}"
    if lock.ignored is not None:
        where_found(lock.ignored.path, lock.ignored.line)
    assert lock.ignored is None, f"the script goes on without the lock of {lock.ignored}"
    others = [
        care.lock(role)
        for role in ("deploy", "rollback")
        if role != leader and scripts.of(role) and not scripts.of(role).trouble
    ]
    for one in (lock, *others):
        one.require_complete()
    apart = [other for other in others if other.paths and lock.paths and not other.paths & lock.paths]
    names = "; ".join(f"{other.script} locks {', '.join(sorted(other.paths))}" for other in apart)
    assert not apart, f"{lock.script} locks {', '.join(sorted(lock.paths))}, but {names}"


@check(
    "free-space-is-checked-before-writing",
    severity="low",
    needs=("scripts", "hub_release"),
    topic="scripts",
    where="tree",
    remedy="""Before the first copy: `[ "$(df -Pk . | awk 'NR==2 {print $4}')" -gt 1048576 ] || exit 1`.""",
)
def test_free_space_is_checked_before_writing(guards):
    """Backup and deploy look at the free space before they fill the disk, and end if there is too little."""
    _guarded([guards.room("backup"), guards.room("deploy")], "the free space")


@check(
    "permissions-are-checked-before-writing",
    severity="low",
    needs=("scripts", "hub_release"),
    topic="scripts",
    where="tree",
    remedy="""Before the first copy: `[ -w "$BACKUP_DIR" ] || exit 1`.""",
)
def test_permissions_are_checked_before_writing(guards):
    """Backup and deploy look whether they may write before they begin to."""
    _guarded([guards.permission("backup"), guards.permission("deploy")], "whether it may")


@check(
    "secrets-stay-off-command-lines",
    severity="high",
    needs=("scripts", "hub_release"),
    topic="scripts",
    where="tree",
    remedy="Pass it in the environment, or through a file: `curl --config FILE`, `--header @FILE`.",
)
def test_secrets_stay_off_command_lines(scripts, care):
    """No script puts a key into an argument, where every user of the machine can read it."""
    exposed = care.exposed()
    if exposed.seen:
        where_found(exposed.seen[0].place.path, exposed.seen[0].place.line)
    shown = "; ".join(str(one) for one in exposed.seen[:TOLD])
    assert not exposed, f"visible in the process list: {shown}"
    _all_seen(scripts)


@check(
    "network-calls-are-bounded",
    severity="medium",
    needs=("scripts", "hub_release"),
    topic="scripts",
    where="tree",
    remedy="`curl --fail --max-time 5 --retry 2 --retry-delay 2 …`.",
)
def test_network_calls_are_bounded(scripts, care):
    """Every request of a script ends by itself, sees an error as one, and is tried again."""
    requests = care.requests()
    weak = requests.seen
    if weak:
        where_found(weak[0].place.path, weak[0].place.line)
    assert not requests, listed([f"{one.place} lacks {', '.join(one.lacks)}" for one in weak], TOLD)
    _all_seen(scripts)


def _guarded(looks, what):
    bare = [guard.write for guard in looks if guard.write is not None and guard.looked is None]
    assert not bare, f"writes without having looked at {what}: {_listed(bare)}"
    for guard in looks:
        guard.require_complete()
    going_on = [guard.looked for guard in looks if guard.write is not None and not guard.stops]
    if going_on:
        warn(f"looks at {what} and writes whatever it sees: {_listed(going_on)}")
