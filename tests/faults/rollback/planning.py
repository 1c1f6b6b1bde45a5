"""Faults after which nothing may be done by itself: the deploy is not to blame, or going back would not help."""

from __future__ import annotations

from typing import Final

from tests.faults.rollback import backups, outcomes, prepare
from tests.faults.rollback.checks import THIRTY
from tests.faults.rollback.model import RollbackFault as Fault

HOLD: Final = (
    Fault(name="token-expires-two-weeks-later", sentence="A server's token expires two weeks after the deploy.",
          expected="held", words=("the window of 30 min is over: hold, restart, page",),
          prepare=prepare.deploy(minutes_ago=14 * 24 * 60)),
    Fault(name="old-release-had-it-too", sentence="The check failed on the release before, just before the deploy.",
          expected="held", words=("tools failed on the previous release too",), prepare=prepare.deploy(failed_before=("tools",))),
    Fault(name="history-knows-it", sentence="The last run on the release before failed the same check; the note says otherwise.",
          expected="held", words=("tools failed on the previous release too",), prepare=prepare.history("passed", "failed")),
    Fault(name="comes-and-goes-on-the-old-one", sentence="It failed in two runs of the release before, and passed in its last.",
          expected="held", words=("tools failed on the previous release too",),
          prepare=prepare.history("failed", "failed", "passed")),
    Fault(name="mended-on-the-old-one", sentence="It failed once on the release before and passed since: that is over.",
          expected="verified", prepare=prepare.history("failed", "passed", "passed")),
    Fault(name="never-passed-before", sentence="Nobody saw the check pass before the deploy.", expected="held",
          words=("had not passed before the deploy",), prepare=prepare.deploy(passed_before=("plain",))),
    Fault(name="no-release-before", sentence="It is the first release.", expected="held",
          words=("there is no release to return to",), prepare=prepare.deploy(previous=None)),
    Fault(name="no-deploy-recorded", sentence="Nobody recorded a deploy.", expected="held",
          words=("no deploy is recorded",), prepare=prepare.record(None)),
    Fault(name="garbled-record", sentence="The record of the deploy is half a file.", expected="held",
          words=("not a record of a deploy",), prepare=prepare.record('{"deployed_at": 1')),
    Fault(name="clock-in-the-past", sentence="The recorded deploy lies an hour ahead of this clock.", expected="held",
          words=("lies in the future: set the clocks right",), prepare=prepare.deploy(minutes_ago=-60)),
    Fault(name="another-release-runs", sentence="What was judged is not what was deployed.", expected="held",
          words=("version 4.4.0 was judged",), prepare=prepare.target(version="4.4.0")),
    Fault(name="first-look", sentence="There is no readiness.toml.", expected="held", words=("a first look never rolls back",),
          prepare=prepare.config(path=None)),
    Fault(name="seen-through-the-proxy", sentence="In production the hub was seen only through its proxy.", expected="held",
          words=("seen only through its proxy",),
          prepare=prepare.several(prepare.target(url="https://hub.example"), prepare.config(environment="production"))),
    Fault(name="nothing-but-unknown", sentence="A critical check could not be proven; nothing failed.", expected="held",
          failed=(), prepare=prepare.finding("tools", "unknown")),
    Fault(name="not-bad-enough", sentence="The check failed, and not past the limit at which it rolls back.", expected="held",
          prepare=prepare.finding("tools", "failed", fires=False)),
    Fault(name="host-alone", sentence="Only a check of the host failed.", expected="held", failed=("host",),
          prepare=outcomes.infra_alone),
    Fault(name="no-trigger", sentence="A critical check failed that carries no trigger.", expected="held", failed=("plain",)),
)  # fmt: skip

MODES: Final = (
    Fault(name="mode-plan", sentence="The mode is `plan`.", expected="held", words=("`readiness rollback` shows",),
          settings={"mode": "plan"}),
    Fault(name="mode-ask-in-ci", sentence="The mode is `ask`, and there is no terminal.", expected="held",
          words=("`readiness rollback` shows",), settings={"mode": "ask"}),
    Fault(name="another-word-typed", sentence="The person types `yes` instead of the release's name.", expected="held",
          by="terminal", prepare=prepare.another_word),
    Fault(name="name-typed", sentence="The person types the release's name.", expected="verified", by="terminal"),
    Fault(name="latency-by-chance", sentence="A p95 past its limit once, and not when it is looked at again.", expected="held",
          words=("latency did not hold at look 1 of 3",), failed=("slow",), by="terminal", prepare=prepare.looks("")),
    Fault(name="latency-twice", sentence="It is past its limit at two looks and not at the third.", expected="held",
          words=("latency did not hold at look 3 of 3",), failed=("slow",), by="terminal",
          prepare=prepare.looks("slow", "slow", "")),
    Fault(name="latency-holds", sentence="It is past its limit at three looks, and a person agrees.", expected="verified",
          words=("latency held for 3 looks",), failed=("slow",), by="terminal", prepare=prepare.looks("slow", "slow", "slow")),
    Fault(name="latency-in-mode-auto", sentence="A rate or a time never rolls back without a person.", expected="held",
          words=("`readiness rollback` shows",), failed=("slow",), prepare=prepare.answers_to("latency")),
    Fault(name="latency-under-load", sentence="Only a load run was slow: it is not given again, and a person is asked.",
          expected="unverified", failed=("load-slow",), by="terminal",
          words=("which is never run again by itself", "load-slow, for which it was done, was not asked again"),
          prepare=prepare.several(prepare.looks(), outcomes.comes_back())),
    Fault(name="latency-not-looked-at", sentence="A person rolls back at once: that it was seen once is told, and noted.",
          expected="verified", words=("latency was seen once, and has to hold for 3 looks",), failed=("slow",), by="person",
          prepare=prepare.answers_to("latency")),
    Fault(name="data-in-mode-auto", sentence="The action restores a backup: never without a person.", expected="held",
          words=("`readiness rollback` shows",), restores=True, prepare=backups.backup(), after=backups.as_before),
)  # fmt: skip

TOGETHER: Final = (
    Fault(name="thirty-at-once", sentence="Thirty checks over all seven triggers that checks carry fail at once.",
          expected="verified", actions=("back",), failed=tuple(entry.check.id for entry in THIRTY), prepare=prepare.thirty,
          between=outcomes.nothing_waits, done=("first", "later", "second"), after=prepare.thirty_were_one),
    Fault(name="thirty-and-an-old-one", sentence="Of five failing checks one failed before as well: the others count.",
          expected="verified", failed=("tools", "slow", "plain", "load-slow", "host"),
          words=("slow: it failed on the previous release too",), by="person",
          prepare=prepare.deploy(failed_before=("slow",))),
)  # fmt: skip
