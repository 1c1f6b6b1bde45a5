"""The lifecycle scripts: whether they do what they promise when something goes wrong, told by simulating them."""

import pytest

from readiness import check, compared, listed, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight
TOLD = 4
"""Places that a reason names; the rest is counted."""
RESTORE = """if ! bash "$SCRIPT_DIR/{script}"; then bash "$SCRIPT_DIR/rollback-deployment.sh" --yes; exit 1; fi"""


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
    "lifecycle-scripts-are-present",
    severity="high",
    needs=("scripts", "hub_release"),
    where="tree",
    remedy='Write the missing script; or say `[target] scripts = {stop = "none"}` for one that is not needed, `scripts = false` where something else deploys.',
)
def test_lifecycle_scripts_are_present(scripts):
    """There is a script for each step of a deployment's life, from backup to rollback."""
    missing = scripts.missing()
    present = len(scripts.roles) - len(missing.seen)
    compared(expected=f"{len(scripts.roles)} lifecycle scripts", actual=str(present))
    if present < len(scripts.roles) // 2:
        # a release that is deployed in another way has not forgotten what it never had
        missing.require_complete()
        warn(f"{present} of {len(scripts.roles)} are there; not there: {', '.join(missing.seen)}")
        return
    assert not missing, f"missing: {', '.join(missing.seen)}"


@check(
    "scripts-parse",
    severity="high",
    needs=("scripts", "hub_release"),
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
    needs=("scripts", "hub_release"),
    where="tree",
    remedy="Run `shellcheck --severity=error` on the script: each finding links to its explanation.",
)
def test_scripts_have_no_lint_errors(scripts, linters):
    """Shellcheck finds no error in any script."""
    wrong = linters.lint()
    assert not wrong, _listed(wrong)
    _all_seen(scripts)


@check(
    "scripts-stop-on-errors",
    severity="medium",
    needs=("scripts", "hub_release"),
    where="tree",
    remedy="Put `set -euo pipefail` below the first line, or look at the command's status (`… || exit 1`).",
)
def test_scripts_stop_on_errors(scripts, questions):
    """No command that changes something can fail without the script ending in a failure."""
    unseen = questions.all_unseen()
    assert not unseen, f"a failure goes unseen: {_listed(unseen)}"
    _all_seen(scripts)


@check(
    "failed-build-rolls-back",
    severity="critical",
    needs=("scripts", "deploy_script", "hub_release"),
    where="tree",
    remedy="Let the deploy script put the version before it back when install or build fails: `trap rollback ERR`, or "
    + RESTORE.format(script="deploy-mcp-hub.sh"),
)
def test_failed_build_rolls_back(questions):
    """When the new release cannot be built, the one before it comes back by itself."""
    failures = questions.builds()
    if not failures:
        unknown(f"no install or build is recognised in {questions.scripts.needed('deploy').path}")
    left = failures.where(lambda failure: not failure.restored)
    if not left:
        return
    switch = questions.switches_last("deploy")
    hidden = [failure.place for failure in left.seen if not failure.seen]
    if switch is not None and not hidden:
        left.require_complete()
        note(f"the release that runs is only replaced after the build, at {switch}")
        return
    assert not hidden, f"the failure of {_listed(hidden)} goes unseen, so nothing is rolled back"
    if not hidden and (shipped := questions.ships_elsewhere("deploy")) is not None:
        left.require_complete()
        note(f"it is built here, and only sent where it runs at {shipped}")
        return
    covered = questions.deploy_is_covered()
    assert covered, f"nothing rolls back when this fails: {_listed([failure.place for failure in left.seen])}"
    left.require_complete()
    note("the deployment as a whole rolls back; the deploy script run by itself does not")


@check(
    "every-phase-rolls-back",
    severity="critical",
    needs=("scripts", "complete_script", "hub_release"),
    where="tree",
    remedy="In the orchestrator, for each phase: " + RESTORE.format(script="…"),
)
def test_every_phase_rolls_back(questions):
    """Whichever of deploy, start and validate fails, the orchestrator rolls back."""
    phases = questions.phases()
    left = [(phase, f) for phase, failures in phases.items() for f in failures.seen if not f.restored]
    covered = [phase for phase, failures in phases.items() if failures.seen and phase not in dict(left)]
    compared(expected="deploy, start, validate", actual=", ".join(covered) or "none")
    if left:
        where_found(left[0][1].place.path, left[0][1].place.line)
    assert not left, "nothing is rolled back when " + "; ".join(
        f"{phase} fails, {failure.place}" for phase, failure in left
    )
    absent = [phase for phase, failures in phases.items() if not failures]
    script = questions.scripts.needed("complete").path
    if absent and (other := questions.unrecognised("complete")) is not None:
        where_found(other.path, other.line)
        unknown(
            f"{script} has no phase to {', '.join(absent)}, unless {other} is one: [target] scripts says what is what"
        )
    assert not absent, f"{script} has no phase to {', '.join(absent)}"
    for failures in phases.values():
        failures.require_complete()


@check(
    "rollback-needs-no-terminal",
    severity="critical",
    needs=("scripts", "rollback_script", "hub_release"),
    where="tree",
    remedy="Ask only where somebody sits: `--yes` skips the question, and whatever rolls back by itself passes it.",
)
def test_rollback_needs_no_terminal(questions):
    """The rollback restores without anybody at a keyboard."""
    if not questions.restores_anything():
        unknown(f"nothing in {questions.scripts.needed('rollback').path} is recognised as restoring a release")
    calls = questions.rollback_calls()
    for step, args, environ in [(call.step, call.args, call.environ) for call in calls.seen] or [(None, (), None)]:
        if not questions.restores_unattended(args, environ):
            where = f", as {step.place} starts it" if step else ""
            asked = questions.asks_unattended(args, environ)
            if asked is not None:
                where_found(asked.path, asked.line)
            assert asked is None, f"{asked} waits for an answer{where}: unattended nothing is restored"
            pytest.fail(f"unattended nothing is restored{where}", pytrace=False)
    if not calls and (asked := questions.rollback_asks()) is not None:
        note(f"{asked} asks unless an option or variable says otherwise")
    calls.require_complete()


@check(
    "rollback-keeps-data",
    severity="critical",
    needs=("scripts", "rollback_script", "hub_release"),
    where="tree",
    remedy="Leave volumes, databases and state where they are: `docker compose down` without -v, no `volume prune`, no `git clean -x`.",
)
def test_rollback_keeps_data(questions):
    """The rollback removes nothing that no release brings back."""
    lost = questions.lost_by_rollback()
    assert not lost, f"removes data: {_listed(lost)}"


@check(
    "validation-passes-when-healthy",
    severity="critical",
    needs=("scripts", "validate_script", "hub_release"),
    where="tree",
    remedy="`((n++))` is a failure where n is 0: write `n=$((n + 1))`; end with `exit 0`, not with a test that does not hold.",
)
def test_validation_passes_when_healthy(questions):
    """Where every request succeeds, the validation ends well: otherwise each good deployment is rolled back."""
    ended = questions.fails_when_healthy()
    if ended is not None:
        where_found(ended.path, ended.line)
    assert ended is None, (
        f"{ended.path}:{ended.line} {ended.text} although every request succeeds: a good deployment would be rolled back"
        f" (to see it: bash -x {ended.path})"
    )


@check(
    "validation-fails-when-broken",
    severity="critical",
    needs=("scripts", "validate_script", "hub_release"),
    where="tree",
    remedy="Let a request that fails end the validation: `curl --fail …` without `|| true`, under `set -e` or with `|| exit 1`, and ask what only a hub that works answers.",
)
def test_validation_fails_when_broken(questions):
    """Where no request is answered, or each with an error, the validation ends with a failure: otherwise no bad deployment is ever rolled back."""
    passed = questions.passes_when_broken()
    if passed is not None:
        step, words = passed
        where_found(step.file, step.line)
        pytest.fail(
            f"{step.place} `{step.text[:70]}`: the validation ends well although {words}: no bad deployment would be rolled back",
            pytrace=False,
        )
    weak = questions.proves_nothing()
    if weak:
        warn(f"the validation asks nothing but {weak}")


@check(
    "log-directory-is-created-before-use",
    severity="high",
    needs=("scripts", "hub_release"),
    where="tree",
    remedy="Put `mkdir -p logs` before the first line that writes a log.",
)
def test_log_directory_is_created_before_use(scripts, care):
    """No script writes a log into a folder that may not be there."""
    unready = care.unready_logs()
    assert not unready, f"opened before its folder is made: {_listed(unready)}"
    _all_seen(scripts)


@check(
    "service-is-supervised",
    severity="critical",
    needs=("scripts", "hub_release"),
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
        note(f"supervised by {listed(files, TOLD, ', ')}")
        return
    if not managed:
        seen = f"; it runs in the foreground: {_listed(foreground)}" if foreground else ""
        unknown(
            f"no unit, no process manager and no script that uses one is in the release: what restarts the hub is not known{seen}"
        )
    note(f"left to a process manager by {managed.seen[0]}; its own configuration is not in the release")
