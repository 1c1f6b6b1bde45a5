"""Faults that keep a planned rollback from being begun: each refusal is a sentence, and nothing is done."""

from __future__ import annotations

from typing import Final

from tests.faults.rollback import backups, others, outcomes, prepare
from tests.faults.rollback.model import RollbackFault as Fault

TARGETS: Final = (
    Fault(name="target-is-gone", sentence="The kept release was tidied away.", expected="refused",
          words=("the release to return to is gone",), prepare=prepare.deploy(previous="older")),
    Fault(name="target-in-place", sentence="Somebody has gone back already.", expected="refused",
          words=("is the one that is in place already",), prepare=prepare.deploy(previous="new")),
    Fault(name="target-not-kept", sentence="The record names a version, of which nothing is kept.", expected="refused",
          words=("nothing proves that 4.2.1 is kept",), by="person", prepare=prepare.deploy(previous=":4.2.1")),
    Fault(name="target-is-the-deployed", sentence="The record names the very release that was deployed.", expected="refused",
          words=("is the one that was deployed",), by="person", prepare=prepare.deploy(previous=":4.3.0")),
    Fault(name="target-commit-untold", sentence="The record names a commit, and no repository tracks the release.",
          expected="refused", words=("cannot be told",), by="person", prepare=prepare.deploy(previous=":" + "a" * 40)),
)  # fmt: skip

CHANGES: Final = (
    Fault(name="deployed-once-more", sentence="Another deploy was recorded after the run.", expected="refused",
          words=("another deploy was recorded since the plan was made",), between=prepare.deploy(minutes_ago=0)),
    Fault(name="command-changed", sentence="readiness.toml was edited after the run.", expected="refused",
          words=("was changed since the plan was made",), between=prepare.action(timeout=5.0)),
    Fault(name="action-taken-out", sentence="The action was taken out of readiness.toml.", expected="refused",
          words=("is configured no more",), between=backups.no_action),
    Fault(name="plan-edited", sentence="Somebody wrote another action into the plan.", expected="held",
          words=("its token does not fit its content",), between=prepare.edit_plan),
    Fault(name="plan-of-another-run", sentence="The plan that lies there is an earlier run's.", expected="held",
          between=prepare.another_run),
    Fault(name="window-over-meanwhile", sentence="The window closed between the plan and the action.", expected="refused",
          words=("the window of 0 min is over",), between=prepare.rollback(window=0)),
    Fault(name="window-over-and-a-person", sentence="The same, and a person asks for it: passed, and noted.",
          expected="verified", words=("passed over, as asked: the deploy was at",), between=prepare.rollback(window=0), by="person"),
    Fault(name="no-action-answers", sentence="No action answers to the trigger: it is left to a person.", expected="held",
          words=("`readiness rollback` shows",), prepare=backups.another_action),
    Fault(name="program-gone", sentence="The action's script is not there.", expected="refused",
          words=("is not there, or may not be executed",), prepare=backups.gone_program),
    Fault(name="sudo-asks", sentence="sudo would ask for a password.", expected="refused",
          words=("give this user the right without a password",), prepare=backups.asking_sudo),
    Fault(name="frozen-by-our-own-run", sentence="The hub was silent because our run froze it; half a minute later it answers.",
          expected="held", words=("the hub answers again: run the checks once more",), prepare=others.frozen),
)  # fmt: skip

OTHERS: Final = (
    Fault(name="deployment-running", sentence="A deployment holds its lock.", expected="refused",
          words=("a deployment is running",), prepare=others.deploying),
    Fault(name="lock-of-the-living", sentence="Another rollback, or a release, holds the lock.", expected="refused",
          words=("held by process",), between=others.held(), after=others.no_lock),
    Fault(name="lock-of-another-host", sentence="The lock is held on another host.", expected="refused",
          words=("on host another-host",), between=others.held(host="another-host", boot="b"), after=others.no_lock),
    Fault(name="lock-of-another-container", sentence="The lock is held in another container.", expected="refused",
          words=("of another container",), between=others.held(namespace="pid:[1]"), after=others.no_lock),
    Fault(name="lock-torn", sentence="The lock is half a file: nobody knows who holds it.", expected="refused",
          words=("cannot be read, so nobody knows who holds it",), between=others.torn_lock, after=others.no_lock),
    Fault(name="lock-of-the-dead", sentence="Whoever held the lock is gone.", expected="verified",
          between=others.held(pid=2**22 - 3, start="1")),
    Fault(name="lock-of-another-boot", sentence="The machine was started anew since.", expected="verified",
          between=others.held(boot="another")),
    Fault(name="lock-of-a-number-that-came-again", sentence="The holder's number is another process's by now.",
          expected="verified", between=others.held(start="1")),
    Fault(name="left-open-in-another-folder", sentence="A killed rollback left its journal in another report folder.",
          expected="refused", words=("--readiness-report",), between=others.left_elsewhere, after=others.no_lock),
    Fault(name="two-at-once", sentence="Two runs act on the same plan at the same time.", expected="refused",
          words=("held by process",), body=outcomes.SLOW_BACK, between=others.at_once, done=("back",), after=outcomes.other_is_through),
    Fault(name="earlier-one-unfinished", sentence="An earlier rollback was killed and nobody resumed it.", expected="refused",
          words=("was not finished", "--resume"), between=others.unfinished, after=outcomes.still_open),
    Fault(name="cooldown", sentence="The deploy was rolled back a minute ago, in vain.", expected="refused",
          words=("the cooldown of 30 min is not over",), between=others.once_before(1)),
    Fault(name="third-attempt", sentence="The deploy was rolled back twice already.", expected="refused",
          words=("rolled back 2 times already: now a person",), settings={"cooldown": 0}, between=others.once_before(2)),
    Fault(name="disk-full", sentence="The journal's first line cannot be written.", expected="refused",
          words=("No space left on device; nothing is done that is not written down",), between=others.full_disk("begin")),
    Fault(name="disk-full-at-the-gate", sentence="The line that says which process begins cannot be written.",
          expected="refused", words=("No space left on device",), between=others.full_disk("started"),
          told=("start critical", "refused critical"), after=outcomes.still_open),
)  # fmt: skip

BACKUPS: Final = tuple(
    Fault(name=name, sentence=sentence, expected="refused", words=(words,), restores=True, by="person", prepare=made,
          after=backups.as_before)
    for name, sentence, words, made in (
        ("no-backup", "There is no backup.", "no backup from before the deploy", prepare.rollback()),
        ("backup-too-late", "The only backup was made after the deploy.", "no backup from before the deploy", backups.backup("too late")),
        ("backup-of-the-running", "The backup is of the very release that was deployed.", "of the very release",
         backups.backup("the same")),
        ("backup-corrupted", "A file of the backup was changed.", "does not verify", backups.backup("corrupted")),
        ("backup-of-another-tool", "The backup was not made by `readiness backup`.", "was not made by", backups.backup("foreign")),
        ("no-stop-command", "Nothing says how to stop the hub.", "stop is not set",
         prepare.several(backups.backup(), prepare.rollback(stop=()))),
        ("no-start-command", "Nothing says how to start it.", "start is not set",
         prepare.several(backups.backup(), prepare.rollback(start=()))),
        ("restoration-left-open", "A restoration for another deploy was killed.", "is about another deploy",
         prepare.several(backups.backup(), others.interrupted_elsewhere)),
    )
)  # fmt: skip
