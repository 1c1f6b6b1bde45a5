"""The lifecycle scripts: whether they do what they promise when something goes wrong, told by simulating them."""

import pytest

from readiness import Limits, check, compared, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight
TOLD = 4
"""Places that a reason names; the rest is counted."""
RESTORE = """if ! bash "$SCRIPT_DIR/{script}"; then bash "$SCRIPT_DIR/rollback-deployment.sh" --yes; exit 1; fi"""


def _listed(found):
    """Places in words, the first of them as the finding's own."""
    if hasattr(found[0], "path"):
        where_found(found[0].path, found[0].line)
    more = f" and {len(found) - TOLD} more" if len(found) > TOLD else ""
    return "; ".join(str(one) for one in found[:TOLD]) + more


def _all_seen(scripts):
    """A script that could not be read may hold anything: what is said of all of them is unknown then."""
    if scripts.unread():
        unknown(scripts.unread())


@check(
    "lifecycle-scripts-are-present",
    severity="high",
    needs=("scripts",),
    where="tree",
    remedy="Write the missing script, or say `[target] scripts = false` where something else deploys this hub.",
)
def test_lifecycle_scripts_are_present(scripts):
    """There is a script for each step of a deployment's life, from backup to rollback."""
    missing = scripts.missing()
    compared(expected=f"{len(scripts.roles)} lifecycle scripts", actual=f"{len(scripts.roles) - len(missing)}")
    assert not missing, f"missing: {', '.join(missing)}"


@check(
    "scripts-parse",
    severity="high",
    needs=("scripts",),
    where="tree",
    remedy="Run `bash -n` on the script and mend the line it names; CRLF line ends go with `sed -i 's/\\r$//'`.",
)
def test_scripts_parse(scripts, linters):
    """Each script is one that its shell accepts."""
    assert scripts.all, "there is no script in the release"
    wrong = linters.syntax()
    assert not wrong, _listed(wrong)
    if linters.skipped:
        note(f"not for bash: {', '.join(linters.skipped)}")
    _all_seen(scripts)


@check(
    "scripts-have-no-lint-errors",
    severity="medium",
    needs=("scripts",),
    where="tree",
    remedy="Run `shellcheck --severity=error` on the script: each finding links to its explanation.",
)
def test_scripts_have_no_lint_errors(scripts, linters):
    """shellcheck finds no error in any script."""
    wrong = linters.lint()
    assert not wrong, _listed(wrong)
    _all_seen(scripts)


@check(
    "scripts-stop-on-errors",
    severity="medium",
    needs=("scripts",),
    where="tree",
    remedy="Put `set -euo pipefail` below the first line, or look at the command's status (`… || exit 1`).",
)
def test_scripts_stop_on_errors(scripts, questions):
    """No command that changes something can fail without the script ending in a failure."""
    unseen = [place for script in scripts.readable for place in questions.unseen(script)]
    assert not unseen, f"a failure goes unseen: {_listed(unseen)}"
    _all_seen(scripts)


@check(
    "failed-build-rolls-back",
    severity="critical",
    needs=("scripts",),
    where="tree",
    remedy="Let the deploy script put the version before it back when install or build fails: `trap rollback ERR`, or "
    + RESTORE.format(script="deploy-mcp-hub.sh"),
)
def test_failed_build_rolls_back(questions):
    """When the new release cannot be built, the one before it comes back by itself."""
    failures = questions.builds()
    if not failures:
        unknown(f"no install or build is recognised in {questions.scripts.needed('deploy').path}")
    left = [failure for failure in failures if not failure.restored]
    if not left:
        return
    switch = questions.switches_last("deploy")
    if switch is not None and all(failure.seen for failure in left):
        note(f"the release that runs is only replaced after the build, at {switch}")
        return
    hidden = [failure.place for failure in left if not failure.seen]
    assert not hidden, f"the failure of {_listed(hidden)} goes unseen, so nothing is rolled back"
    covered = questions.deploy_is_covered()
    assert covered, f"nothing rolls back when this fails: {_listed([failure.place for failure in left])}"
    note("the deployment as a whole rolls back; the deploy script run by itself does not")


@check(
    "every-phase-rolls-back",
    severity="critical",
    needs=("scripts",),
    where="tree",
    remedy="In the orchestrator, for each phase: " + RESTORE.format(script="…"),
)
def test_every_phase_rolls_back(questions):
    """Whichever of deploy, start and validate fails, the orchestrator rolls back."""
    found = dict(questions.phases())
    absent = [phase for phase, failures in found.items() if not failures]
    left = [(phase, failure) for phase, failures in found.items() for failure in failures if not failure.restored]
    compared(
        expected="deploy, start, validate",
        actual=", ".join(p for p in found if p not in absent and p not in dict(left)) or "none",
    )
    told = [f"{phase} fails" for phase in absent]
    if left:
        where_found(left[0][1].place.path, left[0][1].place.line)
    assert not left, "nothing is rolled back when " + "; ".join(
        f"{phase} fails, {failure.place}" for phase, failure in left
    )
    assert not told, f"{questions.scripts.needed('complete').path} has no phase to {', '.join(absent)}"


@check(
    "rollback-needs-no-terminal",
    severity="critical",
    needs=("scripts",),
    where="tree",
    remedy="Ask only where somebody sits: `--yes` skips the question, and whatever rolls back by itself passes it.",
)
def test_rollback_needs_no_terminal(questions):
    """The rollback restores without anybody at a keyboard."""
    if not questions.restores_anything():
        unknown(f"nothing in {questions.scripts.needed('rollback').path} is recognised as restoring a release")
    calls = questions.rollback_calls()
    for step, args, environ in calls or [(None, (), None)]:
        done, asked = questions.unattended(args, environ)
        if not done:
            where = f", as {step.place} starts it" if step else ""
            if asked is not None:
                where_found(asked.path, asked.line)
            assert asked is None, f"{asked} waits for an answer{where}: unattended nothing is restored"
            pytest.fail(f"unattended nothing is restored{where}", pytrace=False)
    if not calls and (asked := questions.rollback_asks()) is not None:
        note(f"{asked} asks unless an option or variable says otherwise")


@check(
    "log-directory-is-created-before-use",
    severity="high",
    needs=("scripts",),
    where="tree",
    remedy="Put `mkdir -p logs` before the first line that writes a log.",
)
def test_log_directory_is_created_before_use(scripts, care):
    """No script writes a log into a folder that may not be there."""
    unready = care.unready_logs()
    assert not unready, f"opened before its folder is made: {_listed(unready)}"
    _all_seen(scripts)


@check(
    "stop-is-graceful",
    severity="medium",
    needs=("scripts",),
    where="tree",
    limits=Limits(critical=30, unit="s", better="higher"),
    remedy="Send TERM, look for 30 s (one second apart) whether the process is gone, and only then send KILL.",
)
def test_stop_is_graceful(questions):
    """The hub is asked to end, given 30 s, and only then killed."""
    script = questions.scripts.needed("stop")
    ways = questions.stopping()
    assert ways, f"{script.path} sends no signal and stops no service"
    polite = [way for way in ways if way.terminated]
    where_found(ways[0].place.path, ways[0].place.line)
    assert polite, f"{ways[0].place} kills at once: no TERM before it"
    never = [way.place for way in polite if not way.killed]
    assert len(never) < len(polite), f"{_listed(never)}: a hub that ignores it is never killed"
    timed = [way for way in polite if way.seconds is not None]
    if not timed:
        note(f"{polite[0].place}: the service manager waits and kills")
        return
    shortest = min(timed, key=lambda way: way.seconds)
    where_found(shortest.place.path, shortest.place.line)
    if shortest.vague and shortest.seconds < 30:  # noqa: PLR2004 - the limit's default; what is not known cannot be held against it
        unknown(f"{shortest.place}: how long it waits is not written in the script")
    measure(shortest.seconds, what="between TERM and KILL")


@check(
    "validation-retries",
    severity="medium",
    needs=("scripts",),
    where="tree",
    limits=Limits(critical=3, unit="attempts", better="higher"),
    remedy="Ask three times, two seconds apart: `curl --fail --max-time 5 --retry 2 --retry-delay 2 --retry-all-errors …`.",
)
def test_validation_retries(questions):
    """A single request that fails does not fail the validation: three attempts, two seconds apart."""
    asked = questions.asking("validate")
    if not asked:
        script = questions.scripts.needed("validate").path
        if questions.asks_itself("validate"):
            note(f"{script} leaves the asking to this tool, which repeats its questions")
            return
        unknown(f"no request is recognised in {script}")
    fewest = min(asked, key=lambda one: one.attempts)
    where_found(fewest.place.path, fewest.place.line)
    measure(fewest.attempts, what=f"{fewest.place} is asked")
    hasty = [one.place for one in asked if one.apart < 2]  # noqa: PLR2004 - seconds, the assessment's
    assert not hasty, f"less than 2 s between two attempts: {_listed(hasty)}"


@check(
    "service-is-supervised",
    severity="critical",
    needs=("scripts",),
    where="tree",
    remedy="Ship a systemd unit with Restart=always and let the start script `systemctl start` it, not `nohup … &`.",
)
def test_service_is_supervised(care, supervisor):
    """Something restarts the hub when it dies and starts it with the machine."""
    loose = care.loose_starts()
    assert not loose, f"started with nothing to restart it: {_listed(loose)}"
    managed, foreground = care.managed_starts(), care.foreground_starts()
    files = supervisor.files()
    if files:
        note(f"supervised by {', '.join(files[:TOLD])}")
        return
    assert managed or not foreground, (
        f"runs in the foreground, and no unit or process manager is in the release: {_listed(foreground)}"
    )
    assert managed, "no unit, no process manager and no script that uses one is in the release"
    note(f"left to a process manager by {managed[0]}; its own configuration is not in the release")


@check(
    "deployments-are-locked",
    severity="medium",
    needs=("scripts",),
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
    apart = [other for other in others if other.paths and lock.paths and not other.paths & lock.paths]
    names = "; ".join(f"{other.script} locks {', '.join(sorted(other.paths))}" for other in apart)
    assert not apart, f"{lock.script} locks {', '.join(sorted(lock.paths))}, but {names}"


@check(
    "free-space-is-checked-before-writing",
    severity="low",
    needs=("scripts",),
    where="tree",
    remedy="""Before the first copy: `[ "$(df -Pk . | awk 'NR==2 {print $4}')" -gt 1048576 ] || exit 1`.""",
)
def test_free_space_is_checked_before_writing(care):
    """Backup and deploy look at the free space before they fill the disk, and end if there is too little."""
    _guarded([care.room("backup"), care.room("deploy")], "the free space")


@check(
    "permissions-are-checked-before-writing",
    severity="low",
    needs=("scripts",),
    where="tree",
    remedy="""Before the first copy: `[ -w "$BACKUP_DIR" ] || exit 1`.""",
)
def test_permissions_are_checked_before_writing(care):
    """Backup and deploy look whether they may write before they begin to."""
    _guarded([care.permission("backup"), care.permission("deploy")], "whether it may")


def _guarded(guards, what):
    bare = [guard.write for guard in guards if guard.write is not None and guard.looked is None]
    assert not bare, f"writes without having looked at {what}: {_listed(bare)}"
    going_on = [guard.looked for guard in guards if guard.write is not None and not guard.stops]
    if going_on:
        warn(f"looks at {what} and writes whatever it sees: {_listed(going_on)}")


@check(
    "secrets-stay-off-command-lines",
    severity="high",
    needs=("scripts",),
    where="tree",
    remedy="Pass it in the environment, or through a file: `curl --config FILE`, `--header @FILE`.",
)
def test_secrets_stay_off_command_lines(scripts, care):
    """No script puts a key into an argument, where every user of the machine can read it."""
    exposed = care.exposed()
    if exposed:
        where_found(exposed[0][0].path, exposed[0][0].line)
    told = "; ".join(f"{name} in {place}" for place, name in exposed[:TOLD])
    assert not exposed, f"visible in the process list: {told}"
    _all_seen(scripts)


@check(
    "network-calls-are-bounded",
    severity="medium",
    needs=("scripts",),
    where="tree",
    remedy="`curl --fail --max-time 5 --retry 2 --retry-delay 2 …`.",
)
def test_network_calls_are_bounded(scripts, care):
    """Every request of a script ends by itself, sees an error as one, and is tried again."""
    requests = care.requests()
    if requests:
        where_found(requests[0].place.path, requests[0].place.line)
    told = "; ".join(f"{one.place} lacks {', '.join(one.lacks)}" for one in requests[:TOLD])
    more = f" and {len(requests) - TOLD} more" if len(requests) > TOLD else ""
    assert not requests, told + more
    _all_seen(scripts)
