"""Lifecycle scripts that do not do what they promise, and scripts that only look as if they did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BACKUP: Final = "scripts/backup-pre-deployment.sh"
COMPLETE: Final = "scripts/complete-deployment.sh"
DEPLOY: Final = "scripts/deploy-mcp-hub.sh"
START: Final = "scripts/start-mcp-hub.sh"
STOP: Final = "scripts/stop-mcp-hub.sh"
VALIDATE: Final = "scripts/validate-deployment.sh"
MONITOR: Final = "scripts/monitor-production.sh"
ROLLBACK: Final = "scripts/rollback-deployment.sh"
ALERTS: Final = "scripts/check-alerts.sh"
MEASURE: Final = "scripts/measure-performance.sh"

STRICT: Final = "set -euo pipefail\n"
SYSTEMD_START: Final = 'systemctl reset-failed "$UNIT" || true\nsystemctl start "$UNIT"\n'
DEPLOY_PHASE: Final = 'if ! bash "$SCRIPTS/deploy-mcp-hub.sh"; then\n  rollback "deploy"\nfi\n'
VALIDATE_PHASE: Final = 'if ! bash "$SCRIPTS/validate-deployment.sh"; then\n  rollback "validate"\nfi\n'
START_PHASE: Final = 'if ! bash "$SCRIPTS/start-mcp-hub.sh"; then\n  rollback "start"\nfi\n'
BUILD: Final = "if ! npm run build; then\n  rollback\nfi\n"
STOP_LOOP: Final = """for _ in $(seq 1 "$GRACE"); do
  if ! kill -0 "$pid" 2>/dev/null; then
    echo "stop: $UNIT has ended"
    exit 0
  fi
  sleep 1
done
"""
TAKE_LOCK: Final = (
    'exec 9>"$LOCK"\nflock --nonblock 9 || fail "another deployment is running"\nexport DEPLOY_LOCK_HELD=yes\n'
)
QUESTION: Final = 'if [ "$YES" != yes ]; then\n  [ -t 0 ] || fail "no terminal to ask on; call it with --yes"\n'
BACKUP_ROOM: Final = '[ "$free" -gt $((2 * used + 102400)) ] || fail "only $free KiB free beneath $BACKUPS"\n'


def crlf(name: str) -> Callable[[Path], None]:
    """A script saved with the line ends of another system."""

    def mutate(tree: Path) -> None:
        file = tree / name
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    return mutate


def data(name: str, content: bytes) -> Callable[[Path], None]:
    """A script that holds `content`."""
    return lambda tree: (tree / name).write_bytes(content) and None


def huge(tree: Path) -> None:
    """A script of 3 MB: three times what is read of one."""
    with (tree / MONITOR).open("ab") as file:
        file.write(b"echo more\n" * 300_000)


def folder(tree: Path) -> None:
    """A folder in a script's place."""
    (tree / ALERTS).unlink()
    (tree / ALERTS).mkdir()
    (tree / ALERTS / "README").write_text("not a script\n")


def loop(tree: Path) -> None:
    """A link that leads to itself."""
    (tree / MEASURE).unlink()
    (tree / MEASURE).symlink_to("measure-performance.sh")


def renamed(tree: Path) -> None:
    """The rollback under another name that tells what it is for, and everybody knows it."""
    (tree / ROLLBACK).rename(tree / "scripts/mcp-hub-rollback.sh")
    file = tree / COMPLETE
    file.write_text(file.read_text().replace("rollback-deployment.sh", "mcp-hub-rollback.sh"))


def _one_request(rest: str) -> str:
    """A validation of one bounded request that is tried again."""
    curl = "curl --fail --silent --max-time 5 --retry 2 --retry-delay 2"
    return f"#!/usr/bin/env bash\nset -euo pipefail\n{curl} http://127.0.0.1:7000{rest}\n"


def _stop_by_pattern(pattern: str) -> str:
    """A stop script that looks for the hub by its command line."""
    return f"""#!/usr/bin/env bash
set -euo pipefail
pid=$(pgrep -o -f '{pattern}' || true)
[ -n "$pid" ] || exit 0
kill -TERM "$pid"
for _ in $(seq 1 30); do
  kill -0 "$pid" 2>/dev/null || exit 0
  sleep 1
done
kill -KILL "$pid"
"""


FAULTS: Final = (
    Mutation(
        name="no-rollback-script",
        sentence="There is no script to roll back.",
        mutate=remove(ROLLBACK),
        expected={
            "lifecycle-scripts-are-present": "failed",
            "every-phase-rolls-back": "failed",
            "rollback-keeps-data": "unknown",
            "rollback-needs-no-terminal": "unknown",
        },
        words=("missing: rollback-deployment.sh", "there is no script to roll back"),
    ),
    Mutation(
        name="script-without-commands",
        sentence="The monitor script holds nothing but a comment.",
        mutate=write(MONITOR, "#!/bin/bash\n# to be written\n"),
        expected={"lifecycle-scripts-are-present": "failed"},
        words=("scripts/monitor-production.sh (it holds no command)",),
    ),
    Mutation(
        name="folder-for-a-script",
        sentence="A folder stands where the alerts script should be.",
        mutate=folder,
        expected={
            "lifecycle-scripts-are-present": "failed",
            "scripts-parse": "unknown",
            "scripts-have-no-lint-errors": "unknown",
            "scripts-stop-on-errors": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=("check-alerts.sh is a folder, not a file",),
        verdict="INCOMPLETE",
    ),
    Mutation(
        name="enormous-script",
        sentence="The monitor script is 3 MB long.",
        mutate=huge,
        expected={
            "lifecycle-scripts-are-present": "failed",
            "scripts-parse": "unknown",
            "scripts-have-no-lint-errors": "unknown",
            "scripts-stop-on-errors": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=("monitor-production.sh is larger than 1024 KB",),
        verdict="INCOMPLETE",
    ),
    Mutation(
        name="script-links-to-itself",
        sentence="The performance script is a link that leads to itself.",
        mutate=loop,
        expected={
            "lifecycle-scripts-are-present": "failed",
            "scripts-parse": "unknown",
            "scripts-have-no-lint-errors": "unknown",
            "scripts-stop-on-errors": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=("measure-performance.sh",),
        verdict="INCOMPLETE",
    ),
    Mutation(
        name="binary-script",
        sentence="The alerts script is a binary.",
        mutate=data(ALERTS, b"\x7fELF\0\0\0\1" * 64),
        expected={
            "lifecycle-scripts-are-present": "failed",
            "scripts-parse": "unknown",
            "scripts-have-no-lint-errors": "unknown",
            "scripts-stop-on-errors": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=("check-alerts.sh is binary, not a script",),
        verdict="INCOMPLETE",
    ),
    Mutation(
        name="syntax-error",
        sentence="An `if` of the monitor script has no `fi`.",
        mutate=edit(MONITOR, "while true; do\n", "while true; do\n  if true; then\n"),
        expected={
            "scripts-parse": "failed",
            "scripts-stop-on-errors": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=(
            "scripts/monitor-production.sh",
            "syntax error",
            "monitor-production.sh:3: syntax that is not understood",
        ),
    ),
    Mutation(
        name="steps-that-nobody-can-see",
        sentence="The deploy script runs whatever a variable holds.",
        mutate=edit(DEPLOY, STRICT, STRICT + 'eval "$EXTRA_STEPS"\n'),
        expected={
            "scripts-stop-on-errors": "unknown",
            "failed-build-rolls-back": "unknown",
            "rollback-needs-no-terminal": "unknown",
            "log-directory-is-created-before-use": "unknown",
            "service-is-supervised": "unknown",
            "deployments-are-locked": "unknown",
            "free-space-is-checked-before-writing": "unknown",
            "permissions-are-checked-before-writing": "unknown",
            "secrets-stay-off-command-lines": "unknown",
            "network-calls-are-bounded": "unknown",
        },
        words=("not simulated: scripts/deploy-mcp-hub.sh:5: eval runs a text that is not known beforehand",),
    ),
    Mutation(
        name="request-below-a-redirection-by-exec",
        sentence="All that the measuring script prints goes to a file from its first line on, and its request has no time limit.",
        mutate=each(
            edit(MEASURE, STRICT, STRICT + "exec {out}>>/tmp/measure.out\nexec 2>&1\n"),
            edit(MEASURE, "--max-time 5 ", ""),
        ),
        expected={"network-calls-are-bounded": "failed"},
        words=("scripts/measure-performance.sh", "lacks a time limit"),
    ),
    Mutation(
        name="crlf-script",
        sentence="The stop script was saved with CRLF line ends.",
        mutate=crlf(STOP),
        expected={"scripts-parse": "failed", "lint-passes": "failed"},
        words=("scripts/stop-mcp-hub.sh:1", "CRLF"),
    ),
    Mutation(
        name="shellcheck-error",
        sentence="The monitor script expands an array without quotes.",
        mutate=edit(MONITOR, "while true; do\n", 'ARGS=(a "b c")\nprintf "%s\\n" ${ARGS[@]}\nwhile true; do\n'),
        expected={"scripts-have-no-lint-errors": "failed"},
        words=("SC2068",),
    ),
    Mutation(
        name="set-e-in-a-comment",
        sentence="The backup script's `set -e` stands in a comment.",
        mutate=edit(BACKUP, STRICT, "# set -euo pipefail\n"),
        expected={"scripts-stop-on-errors": "failed"},
        words=("a failure goes unseen", "scripts/backup-pre-deployment.sh"),
    ),
    Mutation(
        name="set-e-taken-back",
        sentence="The rollback script takes `set -e` back before it restores.",
        mutate=edit(ROLLBACK, "began=$(date +%s)\n", "began=$(date +%s)\nset +e\n"),
        expected={"scripts-stop-on-errors": "failed"},
        words=("git -C @ checkout",),
    ),
    Mutation(
        name="set-e-too-late",
        sentence="The start script says `set -e` after it has started the hub.",
        mutate=each(edit(START, STRICT, "set -u\n"), edit(START, SYSTEMD_START, SYSTEMD_START + "set -eo pipefail\n")),
        expected={"scripts-stop-on-errors": "failed"},
        words=("systemctl start mcp-hub.service",),
    ),
    Mutation(
        name="failure-lost-in-a-pipe",
        sentence="The backup's copy goes through a pipe, without pipefail.",
        mutate=each(
            edit(BACKUP, STRICT, "set -eu\n"),
            edit(BACKUP, "--keep 10\n", "--keep 10 | cat\n"),
        ),
        expected={"scripts-stop-on-errors": "failed"},
        words=("readiness backup",),
    ),
    Mutation(
        name="build-failure-ignored",
        sentence="The deploy script shrugs off a failed build.",
        mutate=edit(DEPLOY, BUILD, "npm run build || true\n"),
        expected={"failed-build-rolls-back": "failed"},
        words=("npm run build", "goes unseen"),
    ),
    Mutation(
        name="trap-is-reset",
        sentence="Neither deploy nor orchestrator rolls back: the one resets its trap before the build, the other only stops.",
        mutate=each(
            edit(DEPLOY, "trap rollback ERR\n", "trap rollback ERR\ntrap - ERR\n"),
            edit(DEPLOY, BUILD, "npm run build\n"),
            edit(COMPLETE, DEPLOY_PHASE, 'trap - ERR\nbash "$SCRIPTS/deploy-mcp-hub.sh"\n'),
        ),
        expected={"failed-build-rolls-back": "failed", "every-phase-rolls-back": "failed"},
        words=("npm ci --omit=dev", "deploy fails"),
    ),
    Mutation(
        name="rollback-function-never-called",
        sentence="The deploy script defines a rollback and never calls it, and nobody above it rolls back.",
        mutate=each(
            edit(DEPLOY, "trap rollback ERR\n", ""),
            edit(DEPLOY, BUILD, "npm run build\n"),
            edit(COMPLETE, DEPLOY_PHASE, 'bash "$SCRIPTS/deploy-mcp-hub.sh" || exit 1\n'),
        ),
        expected={"failed-build-rolls-back": "failed", "every-phase-rolls-back": "failed"},
        words=("nothing rolls back when this fails",),
    ),
    Mutation(
        name="rollback-only-talks",
        sentence="The deploy script's rollback only says that it should be done, and the orchestrator ignores the deploy's failure.",
        mutate=each(
            edit(DEPLOY, '  git checkout --quiet --force "$PREVIOUS"\n  npm ci --omit=dev\n  npm run build\n', ""),
            edit(COMPLETE, DEPLOY_PHASE, 'bash "$SCRIPTS/deploy-mcp-hub.sh" || echo "deploy failed"\n'),
        ),
        expected={"failed-build-rolls-back": "failed", "every-phase-rolls-back": "failed"},
        words=("deploy fails",),
    ),
    Mutation(
        name="validation-is-not-rolled-back",
        sentence="A failed validation ends the deployment and leaves it as it is.",
        mutate=edit(COMPLETE, VALIDATE_PHASE, 'trap - ERR\nbash "$SCRIPTS/validate-deployment.sh"\n'),
        expected={"every-phase-rolls-back": "failed"},
        words=("validate fails",),
    ),
    Mutation(
        name="no-validation-at-all",
        sentence="The orchestrator never validates.",
        mutate=edit(COMPLETE, VALIDATE_PHASE, ""),
        expected={"every-phase-rolls-back": "failed"},
        words=("has no phase to validate",),
    ),
    Mutation(
        name="validation-counts-from-zero",
        sentence="`((n++))` is a failure where n is 0, and `set -e` ends the validation of a healthy hub there.",
        mutate=each(
            edit(VALIDATE, "FAILED=0\n", "FAILED=0\nPASSED=0\n"),
            edit(VALIDATE, '    echo "ok      $name"\n', '    echo "ok      $name"\n    ((PASSED++))\n'),
        ),
        expected={"validation-passes-when-healthy": "failed"},
        words=("although every request succeeds", "bash -x scripts/validate-deployment.sh"),
    ),
    Mutation(
        name="validation-ends-with-a-test",
        sentence="Its last command is a test that does not hold on a healthy hub.",
        mutate=edit(
            VALIDATE,
            'if [ "$FAILED" -eq 0 ]; then\n  echo "validate: all is well"\n  exit 0\nfi\necho "validate: $FAILED failed" >&2\nexit 1\n',
            '[ "$FAILED" -gt 0 ] && exit 1\n',
        ),
        expected={"validation-passes-when-healthy": "failed"},
        words=("although every request succeeds",),
    ),
    Mutation(
        name="validation-counts-nothing",
        sentence="`grep -c` prints 0 and fails where it finds nothing; `|| echo 0` makes two lines of it, which are no number.",
        mutate=edit(
            VALIDATE,
            'if [ "$FAILED" -eq 0 ]; then\n',
            'ask /api/servers >servers.json || exit 1\nlost=$(grep -c disconnected servers.json || echo 0)\n[ "$lost" -eq 0 ] || FAILED=1\nif [ "$FAILED" -eq 0 ]; then\n',
        ),
        expected={"validation-passes-when-healthy": "failed"},
        words=("counts nothing and so prints 0 and fails",),
    ),
    Mutation(
        name="validation-counts-nothing-and-goes-on",
        sentence="The same count with `|| true`: one line, and a number.",
        mutate=edit(
            VALIDATE,
            'if [ "$FAILED" -eq 0 ]; then\n',
            'ask /api/servers >servers.json || exit 1\nlost=$(grep -c disconnected servers.json || true)\n[ "$lost" -eq 0 ] || FAILED=1\nif [ "$FAILED" -eq 0 ]; then\n',
        ),
    ),
    Mutation(
        name="validation-tells-and-passes",
        sentence="What failed is counted and told, and the script ends well.",
        mutate=edit(VALIDATE, 'echo "validate: $FAILED failed" >&2\nexit 1\n', 'echo "validate: $FAILED failed" >&2\n'),
        expected={"validation-fails-when-broken": "failed"},
        words=("ends well although no request is answered",),
    ),
    Mutation(
        name="validation-takes-errors-for-answers",
        sentence="curl without --fail ends with 0 at an error page, and nobody reads what it prints.",
        mutate=write(
            VALIDATE,
            "#!/usr/bin/env bash\nset -euo pipefail\n"
            "curl --silent --max-time 5 --retry 2 --retry-delay 2 http://127.0.0.1:7000/api/tools >/dev/null\n",
        ),
        expected={"validation-fails-when-broken": "failed", "network-calls-are-bounded": "failed"},
        words=("although each request is answered with an error",),
    ),
    Mutation(
        name="validation-asks-for-life-alone",
        sentence="/api/health is 200 while no server is connected, and only its status is looked at.",
        mutate=write(VALIDATE, _one_request("/api/health >/dev/null")),
        expected={"validation-fails-when-broken": "degraded"},
        words=("asks nothing but /api/health",),
    ),
    Mutation(
        name="validation-reads-the-health",
        sentence="The same route, and what it says decides.",
        mutate=write(VALIDATE, _one_request("/api/health | jq --exit-status '.state == \"ready\"'")),
    ),
    Mutation(
        name="validation-counts-from-one",
        sentence="`((++n))` is never 0.",
        mutate=each(
            edit(VALIDATE, "FAILED=0\n", "FAILED=0\nPASSED=0\n"),
            edit(VALIDATE, '    echo "ok      $name"\n', '    echo "ok      $name"\n    ((++PASSED))\n'),
        ),
    ),
    Mutation(
        name="rollback-removes-volumes",
        sentence="`down -v` takes the data with the containers.",
        mutate=edit(
            ROLLBACK, 'bash "$SCRIPTS/stop-mcp-hub.sh"\n', 'bash "$SCRIPTS/stop-mcp-hub.sh"\ndocker compose down -v\n'
        ),
        expected={"rollback-keeps-data": "failed"},
        words=("removes data: scripts/rollback-deployment.sh",),
    ),
    Mutation(
        name="rollback-cleans-what-git-ignores",
        sentence="The env file and the backups are what git ignores.",
        mutate=edit(ROLLBACK, 'bash "$SCRIPTS/stop-mcp-hub.sh"\n', 'bash "$SCRIPTS/stop-mcp-hub.sh"\ngit clean -fdx\n'),
        expected={"rollback-keeps-data": "failed"},
        words=("git clean -fdx",),
    ),
    Mutation(
        name="rollback-takes-containers-down",
        sentence="Without -v their volumes stay.",
        mutate=edit(
            ROLLBACK,
            'bash "$SCRIPTS/stop-mcp-hub.sh"\n',
            'bash "$SCRIPTS/stop-mcp-hub.sh"\ndocker compose down --remove-orphans\n',
        ),
    ),
    Mutation(
        name="rollback-in-a-heredoc",
        sentence="The orchestrator prints how to roll back when the start fails, and does not do it.",
        mutate=edit(
            COMPLETE,
            START_PHASE,
            'if ! bash "$SCRIPTS/start-mcp-hub.sh"; then\n  cat <<END\nbash scripts/rollback-deployment.sh --yes\nEND\n  exit 1\nfi\n',
        ),
        expected={"every-phase-rolls-back": "failed"},
        words=("start fails",),
    ),
    Mutation(
        name="rollback-always-asks",
        sentence="The rollback asks whatever it is told.",
        mutate=edit(ROLLBACK, QUESTION, "if true; then\n"),
        expected={"rollback-needs-no-terminal": "failed"},
        words=("waits for an answer", "scripts/rollback-deployment.sh"),
    ),
    Mutation(
        name="orchestrator-forgets-yes",
        sentence="The rollback has a --yes, which the orchestrator does not pass.",
        mutate=edit(COMPLETE, 'rollback-deployment.sh" --yes', 'rollback-deployment.sh"'),
        expected={"rollback-needs-no-terminal": "failed"},
        words=("unattended nothing is restored", "as scripts/complete-deployment.sh"),
    ),
    Mutation(
        name="mkdir-after-the-redirection",
        sentence="The start script makes the log folder after it has written its first log.",
        mutate=each(
            edit(START, 'mkdir -p "$LOGS"\n', 'echo starting >>"$LOGS/deploy.log"\nmkdir -p "$LOGS"\n'),
        ),
        expected={"log-directory-is-created-before-use": "failed"},
        words=("logs/deploy.log",),
    ),
    Mutation(
        name="mkdir-of-another-folder",
        sentence="The start script makes `log`, and writes into `logs`.",
        mutate=edit(START, 'mkdir -p "$LOGS"\n', 'mkdir -p "$RELEASE/log"\n'),
        expected={"log-directory-is-created-before-use": "failed"},
        words=("logs/deploy.log",),
    ),
    Mutation(
        name="kill-at-once",
        sentence="The stop script sends KILL right after TERM.",
        mutate=edit(STOP, STOP_LOOP, ""),
        expected={"stop-is-graceful": "failed"},
        words=("between TERM and KILL 0 s",),
    ),
    Mutation(
        name="ten-seconds-of-grace",
        sentence="The stop script waits for 10 s only.",
        mutate=edit(STOP, "GRACE=30\n", "GRACE=10\n"),
        expected={"stop-is-graceful": "failed"},
        words=("between TERM and KILL 10 s",),
    ),
    Mutation(
        name="only-kill",
        sentence="The stop script sends no TERM at all.",
        mutate=edit(STOP, 'systemctl stop --no-block "$UNIT" || kill -TERM "$pid"\n', 'kill -9 "$pid"\n'),
        expected={"stop-is-graceful": "failed"},
        words=("kills at once",),
    ),
    Mutation(
        name="stop-looks-for-another-command",
        sentence="The stop script looks for a command line that the unit does not start: the old hub goes on.",
        mutate=write(STOP, _stop_by_pattern("node server.js")),
        expected={"stop-is-graceful": "failed"},
        words=("never finds what is started", "dist/cli.js"),
    ),
    Mutation(
        name="stop-looks-for-another-folder",
        sentence="The pattern holds the folder of a build that this release no longer makes.",
        mutate=write(STOP, _stop_by_pattern("build/cli\\.js --port")),
        expected={"stop-is-graceful": "failed"},
        words=("never finds what is started",),
    ),
    Mutation(
        name="stop-ends-a-written-pid",
        sentence="The stop script ends the number that the hub had when the script was written.",
        mutate=each(
            edit(STOP, 'kill -TERM "$pid"\n', "kill -TERM 23817\n"),
            edit(STOP, 'systemctl stop --no-block "$UNIT" || ', ""),
        ),
        expected={"stop-is-graceful": "failed"},
        words=("a number that is written out",),
    ),
    Mutation(
        name="stop-ends-all-as-one-word",
        sentence="Two processes fit the pattern, and `kill` gets both numbers as one word.",
        mutate=edit(
            STOP,
            'systemctl stop --no-block "$UNIT" || kill -TERM "$pid"\n',
            'pids=$(pgrep -f dist/cli.js)\nkill -TERM "$pids"\n',
        ),
        expected={"stop-is-graceful": "failed"},
        words=("gets every process that was found as one word",),
    ),
    Mutation(
        name="stop-ends-each",
        sentence="The same numbers one by one.",
        mutate=edit(
            STOP,
            'systemctl stop --no-block "$UNIT" || kill -TERM "$pid"\n',
            'for one in $(pgrep -f dist/cli.js); do kill -TERM "$one"; done\n',
        ),
    ),
    Mutation(
        name="stop-trusts-an-old-number",
        sentence="A pid file in the release outlives a restart of the host, and nothing asks whose number it is by then.",
        mutate=write(
            STOP,
            '#!/usr/bin/env bash\nset -eu\npid=$(cat /opt/mcp-hub/hub.pid)\nkill "$pid"\n'
            'for _ in $(seq 30); do kill -0 "$pid" 2>/dev/null || exit 0; sleep 1; done\nkill -KILL "$pid"\n',
        ),
        expected={"stop-is-graceful": "degraded"},
        words=("another's process",),
    ),
    Mutation(
        name="stop-by-a-port-at-once",
        sentence="`fuser -k` sends KILL.",
        mutate=write(STOP, "#!/usr/bin/env bash\nfuser -k 7000/tcp || exit 1\n"),
        expected={"stop-is-graceful": "failed"},
        words=("kills at once",),
    ),
    Mutation(
        name="stop-by-a-schedule",
        sentence="start-stop-daemon sends TERM, waits for 30 s and only then sends KILL.",
        mutate=write(
            STOP,
            "#!/usr/bin/env bash\nstart-stop-daemon --stop --pidfile /run/mcp-hub.pid --retry TERM/30/KILL/5 || exit 1\n",
        ),
    ),
    Mutation(
        name="stop-looks-for-what-is-started",
        sentence="The pattern is part of the command line that the unit starts.",
        mutate=write(STOP, _stop_by_pattern("dist/cli\\.js --port")),
    ),
    Mutation(
        name="stop-looks-for-the-interpreter-too",
        sentence="The entry point's first line puts its runtime before it.",
        mutate=write(STOP, _stop_by_pattern("node .*dist/cli.js")),
    ),
    Mutation(
        name="two-attempts",
        sentence="The validation asks twice.",
        mutate=each(edit(VALIDATE, "ATTEMPTS=3\n", "ATTEMPTS=2\n"), edit(VALIDATE, " --retry 2 --retry-delay 1", "")),
        expected={"validation-retries": "failed"},
        words=("is asked 2 attempts",),
    ),
    Mutation(
        name="attempts-without-a-pause",
        sentence="The validation asks three times without waiting in between.",
        mutate=edit(VALIDATE, "      sleep 2\n", "      true\n"),
        expected={"validation-retries": "failed"},
        words=("less than 2 s between two attempts",),
    ),
    Mutation(
        name="nohup-start",
        sentence="The start script puts the hub into the background itself.",
        mutate=edit(START, SYSTEMD_START, 'cd "$RELEASE"\nnohup node dist/cli.js >>"$LOGS/hub.log" 2>&1 &\n'),
        expected={"service-is-supervised": "failed"},
        words=("nohup node dist/cli.js",),
    ),
    Mutation(
        name="background-start-in-a-function",
        sentence="A function of the start script runs the hub in the background, without nohup.",
        mutate=edit(START, SYSTEMD_START, 'run() { "$RELEASE/dist/cli.js" --port 7000; }\nrun &\n'),
        expected={"service-is-supervised": "failed"},
        words=("dist/cli.js --port 7000",),
    ),
    Mutation(
        name="no-lock",
        sentence="The orchestrator takes no lock.",
        mutate=edit(COMPLETE, TAKE_LOCK, ""),
        expected={"deployments-are-locked": "failed"},
        words=("no lock is held at",),
    ),
    Mutation(
        name="lock-on-another-file",
        sentence="The rollback locks another file than the orchestrator.",
        mutate=edit(ROLLBACK, "LOCK=${LOCK:-$RELEASE/.deploy.lock}\n", "LOCK=/run/lock/rollback.lock\n"),
        expected={"deployments-are-locked": "failed"},
        words=("scripts/rollback-deployment.sh locks /run/lock/rollback.lock",),
    ),
    Mutation(
        name="lock-that-is-not-looked-at",
        sentence="The orchestrator goes on when it does not get its lock.",
        mutate=edit(
            COMPLETE, 'flock --nonblock 9 || fail "another deployment is running"\n', "flock --nonblock 9 || true\n"
        ),
        expected={"deployments-are-locked": "failed"},
        words=("goes on without the lock",),
    ),
    Mutation(
        name="lock-given-back-early",
        sentence="The orchestrator gives its lock back before it begins.",
        mutate=edit(COMPLETE, "export DEPLOY_LOCK_HELD=yes\n", "export DEPLOY_LOCK_HELD=yes\nflock --unlock 9\n"),
        expected={"deployments-are-locked": "failed"},
        words=("no lock is held at",),
    ),
    Mutation(
        name="lock-in-two-steps",
        sentence="The orchestrator looks for a lock file and then makes one.",
        mutate=edit(
            COMPLETE, TAKE_LOCK, '[ ! -e "$LOCK" ] || fail "running"\ntouch "$LOCK"\nexport DEPLOY_LOCK_HELD=yes\n'
        ),
        expected={"deployments-are-locked": "degraded"},
        words=("two deployments can pass at once",),
    ),
    Mutation(
        name="nobody-looks-at-the-free-space",
        sentence="Backup and orchestrator fill the disk without looking.",
        mutate=each(
            edit(BACKUP, BACKUP_ROOM, ""),
            edit(COMPLETE, '[ "$free" -gt 2097152 ] || fail "only $free KiB free beneath $RELEASE"\n', ""),
        ),
        expected={"free-space-is-checked-before-writing": "failed"},
        words=("writes without having looked at the free space", BACKUP),
    ),
    Mutation(
        name="full-disk-is-only-mentioned",
        sentence="The backup says that the disk is full, and goes on.",
        mutate=each(
            edit(BACKUP, BACKUP_ROOM, '[ "$free" -gt 102400 ] || echo "only $free KiB free"\n'),
            edit(COMPLETE, '[ "$free" -gt 2097152 ] || fail "only $free KiB free beneath $RELEASE"\n', ""),
        ),
        expected={"free-space-is-checked-before-writing": "degraded"},
        words=("writes whatever it sees",),
    ),
    Mutation(
        name="nobody-looks-at-permissions",
        sentence="Backup and orchestrator write without asking whether they may.",
        mutate=each(
            edit(BACKUP, '[ -w "$BACKUPS" ] || fail "$BACKUPS is not writable by $(id -un)"\n', ""),
            edit(COMPLETE, '[ -w "$RELEASE" ] || fail "$RELEASE is not writable by $(id -un)"\n', ""),
        ),
        expected={"permissions-are-checked-before-writing": "failed"},
        words=("writes without having looked at whether it may",),
    ),
    Mutation(
        name="key-on-a-command-line",
        sentence="The validation passes the provider's key to curl as an argument.",
        mutate=edit(
            VALIDATE,
            "  curl --fail --silent --show-error",
            '  curl -H "Authorization: Bearer $OPENAI_API_KEY" --fail --silent --show-error',
        ),
        expected={"secrets-stay-off-command-lines": "failed"},
        words=("visible in the process list", "$OPENAI_API_KEY"),
    ),
    Mutation(
        name="key-under-another-name",
        sentence="The start script hands the key to the hub as an argument, by way of another variable.",
        mutate=edit(START, SYSTEMD_START, 'given=$GEMINI_API_KEY\nsystemctl start "$UNIT" --setenv "KEY=$given"\n'),
        expected={"secrets-stay-off-command-lines": "failed"},
        words=("$GEMINI_API_KEY",),
    ),
    Mutation(
        name="request-without-a-time-limit",
        sentence="A request of the monitor may hang for ever.",
        mutate=edit(MONITOR, "--max-time 5 ", "--connect-timeout 5 "),
        expected={"network-calls-are-bounded": "failed"},
        words=("lacks a time limit",),
    ),
    Mutation(
        name="request-that-takes-error-pages",
        sentence="A request of the alerts script takes an error page for an answer, and is tried once.",
        mutate=edit(
            ALERTS, "curl --fail --silent --max-time 5 --retry 2 --retry-delay 1", "curl --silent --max-time 5"
        ),
        expected={"network-calls-are-bounded": "failed"},
        words=("lacks --fail, a retry",),
    ),
)

NEAR: Final = (
    Mutation(
        name="near-recognisable-name",
        sentence="The rollback script bears another name that tells what it is for.",
        mutate=renamed,
    ),
    Mutation(
        name="near-set-e-in-the-first-line",
        sentence="The backup script sets its options in the first line and by long names.",
        mutate=each(
            edit(BACKUP, "#!/usr/bin/env bash\n", "#!/bin/bash -eu\n"),
            edit(BACKUP, STRICT, "set -o pipefail\n"),
        ),
    ),
    Mutation(
        name="near-failures-looked-at-one-by-one",
        sentence="The start script has no `set -e`, and looks at each status itself.",
        mutate=each(
            edit(START, STRICT, "set -uo pipefail\n"),
            edit(
                START,
                'systemctl start "$UNIT"\n',
                'systemctl start "$UNIT"\nif [ $? -ne 0 ]; then\n  fail "no start"\nfi\n',
            ),
        ),
    ),
    Mutation(
        name="near-trap-on-exit",
        sentence="The deploy script rolls back from an EXIT trap that looks at the status.",
        mutate=each(
            edit(
                DEPLOY,
                "trap rollback ERR\n",
                "finish() { local rc=$?; [ $rc -eq 0 ] || rollback; }\ntrap finish EXIT\n",
            ),
            edit(DEPLOY, BUILD, "npm run build\n"),
            edit(DEPLOY, "trap - ERR\n", "true\n", count=2),
        ),
    ),
    Mutation(
        name="near-orchestrator-covers-the-build",
        sentence="The deploy script only fails when the build does; the orchestrator rolls back.",
        mutate=each(edit(DEPLOY, "trap rollback ERR\n", ""), edit(DEPLOY, BUILD, "npm run build\n")),
    ),
    Mutation(
        name="near-phases-in-a-loop",
        sentence="The orchestrator runs its phases in a loop, through a function.",
        mutate=each(
            edit(
                COMPLETE,
                DEPLOY_PHASE + START_PHASE + VALIDATE_PHASE,
                'phase() {\n  bash "$SCRIPTS/$1" || rollback "$1"\n}\n'
                'for name in deploy-mcp-hub start-mcp-hub validate-deployment; do\n  phase "$name.sh"\ndone\n',
            ),
        ),
    ),
    Mutation(
        name="near-read-from-a-file",
        sentence="The rollback reads from a file and a pipe, which asks nobody.",
        mutate=edit(
            ROLLBACK,
            "restored=$(mktemp -d)\n",
            'read -r first <"$RELEASE/package.json"\necho "$first"\n'
            'while read -r line; do echo "$line"; done <"$RELEASE/package.json"\nrestored=$(mktemp -d)\n',
        ),
    ),
    Mutation(
        name="near-yes-by-a-variable",
        sentence="The rollback asks unless a variable says otherwise, and the orchestrator sets it.",
        mutate=each(
            edit(ROLLBACK, "YES=no\n", "YES=${ASSUME_YES:-no}\n"),
            edit(
                COMPLETE,
                'bash "$SCRIPTS/rollback-deployment.sh" --yes',
                'ASSUME_YES=yes bash "$SCRIPTS/rollback-deployment.sh"',
            ),
        ),
    ),
    Mutation(
        name="near-question-that-gives-up",
        sentence="The rollback's question is over after ten seconds, and no answer means yes.",
        mutate=each(
            edit(ROLLBACK, QUESTION, 'if [ "$YES" != yes ]; then\n'),
            edit(ROLLBACK, "  read -r -p", "  read -r -t 10 -p"),
            edit(ROLLBACK, ' (yes/no) " answer\n', ' (yes/no) " answer || answer=yes\n'),
        ),
    ),
    Mutation(
        name="near-mkdir-of-the-file-s-folder",
        sentence="The start script makes the folder of its log by dirname, if it is not there.",
        mutate=edit(
            START,
            'mkdir -p "$LOGS"\n',
            'LOG=$LOGS/deploy.log\n[ -d "$(dirname "$LOG")" ] || mkdir -p "$(dirname "$LOG")"\n',
        ),
    ),
    Mutation(
        name="near-counted-grace",
        sentence="The stop script counts its seconds itself, in a while loop.",
        mutate=edit(
            STOP,
            STOP_LOOP,
            'waited=0\nwhile kill -0 "$pid" 2>/dev/null && [ "$waited" -lt "$GRACE" ]; do\n  sleep 2\n  waited=$((waited + 2))\ndone\n'
            'kill -0 "$pid" 2>/dev/null || exit 0\n',
        ),
    ),
    Mutation(
        name="near-grace-by-the-clock",
        sentence="The stop script looks at the clock.",
        mutate=edit(
            STOP,
            STOP_LOOP,
            'until=$(($(date +%s) + GRACE))\nwhile kill -0 "$pid" 2>/dev/null; do\n  [ "$(date +%s)" -lt "$until" ] || break\n  sleep 1\ndone\n'
            'kill -0 "$pid" 2>/dev/null || exit 0\n',
        ),
    ),
    Mutation(
        name="near-nohup-in-words",
        sentence="A comment, an echo and a here-document of the start script speak of nohup.",
        mutate=edit(
            START,
            SYSTEMD_START,
            '# nohup node dist/cli.js &\necho "nohup node dist/cli.js &"\ncat <<END\nnohup node dist/cli.js &\nEND\n'
            + SYSTEMD_START,
        ),
    ),
    Mutation(
        name="near-background-job-that-is-no-hub",
        sentence="The start script follows the log in the background for a moment.",
        mutate=edit(START, SYSTEMD_START, SYSTEMD_START + 'timeout 5 journalctl --follow --unit "$UNIT" &\n'),
    ),
    Mutation(
        name="near-lock-by-mkdir",
        sentence="The orchestrator's lock is a folder that only one can make.",
        mutate=each(
            edit(
                COMPLETE,
                'exec 9>"$LOCK"\nflock --nonblock 9 || fail "another deployment is running"\n',
                'mkdir "$LOCK" || fail "another deployment is running"\ntrap \'rmdir "$LOCK"\' EXIT\n',
            ),
        ),
    ),
    Mutation(
        name="near-lock-by-a-named-descriptor",
        sentence="The lock's file descriptor is one that bash chooses.",
        mutate=each(
            edit(COMPLETE, 'exec 9>"$LOCK"\nflock --nonblock 9', 'exec {lock}>"$LOCK"\nflock --nonblock "$lock"'),
            edit(DEPLOY, '  exec 9>"$LOCK"\n  flock --nonblock 9', '  exec {lock}>"$LOCK"\n  flock --nonblock "$lock"'),
            edit(
                ROLLBACK, '  exec 9>"$LOCK"\n  flock --nonblock 9', '  exec {lock}>"$LOCK"\n  flock --nonblock "$lock"'
            ),
        ),
    ),
    Mutation(
        name="near-lock-by-noclobber",
        sentence="The orchestrator's lock is a file that only one can make.",
        mutate=each(
            edit(
                COMPLETE,
                'exec 9>"$LOCK"\nflock --nonblock 9 || fail "another deployment is running"\n',
                '(set -o noclobber; echo $$ >"$LOCK") 2>/dev/null || fail "another deployment is running"\ntrap \'rm -f "$LOCK"\' EXIT\n',
            ),
        ),
    ),
    Mutation(
        name="near-key-for-a-builtin",
        sentence="The validation looks at a key's length and puts it into the environment of a command, which shows it to nobody.",
        mutate=edit(
            VALIDATE,
            "ATTEMPTS=3\n",
            'ATTEMPTS=3\n[ -n "${OPENAI_API_KEY:-}" ] || echo "no key of ${#OPENAI_API_KEY} characters" >&2\n'
            "export OPENAI_API_KEY\nOPENAI_API_KEY=${OPENAI_API_KEY:-} env --version >/dev/null\n",
        ),
    ),
    Mutation(
        name="near-options-in-an-array",
        sentence="The monitor keeps curl's options in an array.",
        mutate=edit(
            MONITOR,
            "ask() {\n  curl --fail --silent --max-time 5 --retry 2 --retry-delay 1 ",
            'OPTIONS=(-fsS -m 5 --retry 2)\nask() {\n  curl "${OPTIONS[@]}" ',
        ),
    ),
)
MUTATIONS: Final = (*FAULTS, *NEAR)
