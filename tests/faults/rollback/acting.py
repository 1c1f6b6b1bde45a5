"""Faults of what acts: commands that fail, hang, lie and flood, what comes back, and restorations that break off."""

from __future__ import annotations

from typing import Final

from tests.faults.rollback import backups, outcomes, prepare
from tests.faults.rollback.model import RollbackFault as Fault
from tests.operations.rollback.rolled import BACK

_QUICK: Final = {"timeout": 0.4}
_SLEEP: Final = "import time; time.sleep(60)"
_NOT: Final = ()

COMMANDS: Final = (
    Fault(name="action-fails", sentence="It ends with status 7.", expected="failed", words=("ended with status 7",),
          body="import sys; sys.exit(7)", done=_NOT),
    Fault(name="first-of-two-fails", sentence="The first of two actions fails: the second is not begun.", expected="failed",
          words=("action one ended with status 3",), actions=("one", "two"), done=("one",),
          body=BACK.replace("os.symlink", "sys.exit(3) if sys.argv[1] == 'one' else os.symlink")),
    Fault(name="action-is-killed", sentence="Somebody kills it.", expected="failed", words=("was ended by SIGKILL",),
          body="import os; os.kill(os.getpid(), 9)", done=_NOT),
    Fault(name="action-hangs", sentence="It never ends.", expected="failed", words=("did not end within",), settings=_QUICK,
          body=_SLEEP, done=_NOT),
    Fault(name="action-ignores-sigterm", sentence="It never ends, and ignores SIGTERM.", expected="failed",
          words=("its whole process group was ended",), settings=_QUICK, done=_NOT,
          body=f"import signal; signal.signal(15, signal.SIG_IGN); {_SLEEP}"),
    Fault(name="action-forks-and-hangs", sentence="Its children never end and ignore SIGTERM.", expected="failed",
          words=("did not end within",), settings={"timeout": 1.0}, done=_NOT, body=outcomes.FORKS, after=outcomes.group_is_gone),
    Fault(name="action-forks-away", sentence="It leaves a hub behind that keeps its output: that one lives on.",
          expected="verified", body=BACK + outcomes.LEAVES_A_HUB, after=outcomes.hub_lives),
    Fault(name="action-floods", sentence="It prints 13 MB.", expected="verified", after=outcomes.small_journal,
          body=BACK + "\nfor _ in range(200): os.write(1, b'x' * 65536)"),
    Fault(name="action-floods-for-ever", sentence="It prints until its time is over.", expected="failed",
          words=("did not end within",), settings=_QUICK, done=_NOT, after=outcomes.small_journal,
          body="import os\nwhile True: os.write(1, b'x' * 65536)"),
    Fault(name="action-prints-a-secret", sentence="It prints a token.", expected="verified", prepare=outcomes.secret, after=outcomes.nowhere,
          body=BACK + "\nprint('token', os.environ['HUB_API_TOKEN'], 'used')"),
    Fault(name="action-prints-bytes", sentence="It prints all bytes there are.", expected="failed", words=("as before",),
          body="import os; os.write(1, bytes(range(256)) * 40)", done=_NOT),
    Fault(name="action-prints-escapes", sentence="It prints what a terminal would obey.", expected="verified",
          body=BACK + "\nprint('\\x1b[2J\\x1b]0;gone\\x07')", after=outcomes.no_escape),
    Fault(name="action-prints-a-format", sentence="It prints what a format string would obey.", expected="verified",
          body=BACK + "\nprint('%s%n{{0}}{{folder}}')"),
    Fault(name="action-lies", sentence="It says that all is well, and changes nothing.", expected="failed",
          words=("as before",), body="print('rolled back, all is well')", done=_NOT),
    Fault(name="action-asks", sentence="It asks on its standard input.", expected="failed", words=("ended with status 1",),
          body="input('Go back? (yes/no) ')", done=_NOT),
    Fault(name="action-asks-the-terminal", sentence="It asks the terminal itself.", expected="failed",
          words=("ended with status 1",), body="open('/dev/tty').readline()", done=_NOT),
    Fault(name="script-of-the-assessment", sentence="The assessment's own script, which asks `Continue? (yes/no)`.",
          expected="refused", words=("waits for an answer that nobody gives",), prepare=outcomes.its_script),
    Fault(name="script-of-the-assessment-all-the-same", sentence="A person calls it with `--yes`: it gets no answer.",
          expected="failed", words=("as before", "passed over, as asked: action back: scripts/rollback-deployment.sh"),
          by="person", prepare=outcomes.its_script, done=_NOT, after=outcomes.script_did_nothing),
    Fault(name="quarantine-damaged", sentence="The list of quarantine is no list: that is said, and holds nothing up.",
          expected="verified", words=("do this by hand",), prepare=outcomes.bad_quarantine),
)  # fmt: skip

PROOFS: Final = (
    Fault(name="old-one-comes-back", sentence="All is as it should be.", expected="verified", prepare=outcomes.comes_back()),
    Fault(name="wrong-release-comes-back", sentence="Version 4.1.0 answers afterwards.", expected="failed",
          words=("version 4.1.0 answers, and 4.2.1 was to come back",), prepare=outcomes.comes_back({"version": "4.1.0"})),
    Fault(name="same-process-answers", sentence="The process that ran before still answers.", expected="failed",
          words=("which ran before the rollback began: nothing was replaced",),
          prepare=outcomes.comes_back({"started": 1.0, "start": "1"})),
    Fault(name="older-by-its-own-clock", sentence="A hub of another host tells that its process ran before.", expected="unverified",
          words=("which ran before the rollback began by the hub's own clock alone",),
          prepare=outcomes.comes_back({"started": 1.0})),
    Fault(name="old-release-broken-too", sentence="What passed before fails on the old release as well.", expected="failed",
          words=("tools fails: as it was",), prepare=outcomes.comes_back(tools="failed")),
    Fault(name="does-not-answer", sentence="Nothing answers afterwards.", expected="failed",
          words=("the hub does not answer: connection refused",),
          prepare=outcomes.comes_back({"answers": False, "trouble": "connection refused"})),
    Fault(name="crash-loop", sentence="Another process answers at every look.", expected="failed",
          words=("it does not stay up",), prepare=outcomes.comes_back({"pid": 1}, {"pid": 2})),
    Fault(name="systemd-restarts-it", sentence="systemd starts it three times while it is verified.", expected="failed",
          words=("systemd started the hub anew 3 times",), prepare=outcomes.restarting),
    Fault(name="check-not-proven", sentence="A check that passed before cannot be asked.", expected="unverified",
          words=("tools could not be proven",), prepare=outcomes.comes_back(tools="unknown")),
    Fault(name="cause-not-asked-again", sentence="All passes, and the check that had failed is not among it.", expected="unverified",
          words=("tools, for which it was done, was not asked again",), prepare=outcomes.comes_back(check="plain")),
    Fault(name="nobody-says-who", sentence="The hub tells no version, and the action switched no link.", expected="unverified",
          words=("nothing proves that the release that answers is",), body="pass", done=_NOT,
          prepare=outcomes.comes_back({"version": None})),
    Fault(name="start-untold", sentence="Nothing tells when the process started.", expected="unverified",
          words=("nothing proves that it is a new one",), prepare=outcomes.comes_back({"started": None})),
    Fault(name="nothing-asked", sentence="The verifying run asked none of the checks.", expected="unverified",
          words=("none of the checks that passed before the deploy was asked",), prepare=outcomes.comes_back(tools=None)),
    Fault(name="verifying-run-dies", sentence="The verifying run leaves no report.", expected="unverified",
          words=("the checks left no report",), prepare=outcomes.no_report),
)  # fmt: skip

RESTORING: Final = (
    Fault(name="restored", sentence="All is as it should be.", expected="verified", restores=True, by="person", done=_NOT,
          prepare=backups.backup(), after=backups.came_back),
    Fault(name="state-lets-nothing-start", sentence="A state file outside the release lets neither release start.",
          expected="failed", words=("NOT undone, do it by hand: have the hub run again",), restores=True, by="person",
          broken="old new", done=_NOT, prepare=backups.backup()),
    Fault(name="old-one-does-not-start", sentence="The release before does not start: the new one is put back, and runs.",
          expected="failed", words=("undone: have the hub run again",), restores=True, by="person", broken="old", done=_NOT,
          prepare=backups.backup(), after=backups.as_before),
    Fault(name="hub-does-not-stop", sentence="The command that stops the hub does nothing: nothing is switched under it.",
          expected="failed", words=("the hub still listens",), restores=True, by="person", done=_NOT,
          prepare=prepare.several(backups.backup(), prepare.rollback(stop=("true",))), after=backups.as_before),
    Fault(name="crash-loop-past-the-start-limit", sentence="The new release crashed until systemd starts nothing any more.",
          expected="verified", restores=True, by="person", done=_NOT, prepare=backups.crash_loop, after=backups.forgotten),
    Fault(name="restoration-killed", sentence="Its process is killed in the middle; called once more it goes on there.",
          expected="failed", words=("in the middle: `readiness rollback --yes` goes on where it was",), restores=True,
          by="person", done=_NOT, prepare=prepare.several(backups.backup(), backups.killed_at(9)), after=backups.goes_on),
)  # fmt: skip
