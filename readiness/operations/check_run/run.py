"""A run of checks with a verdict even when pytest dies, and what follows from it: people are told, a rollback is carried out.

pytest runs in a child. Strangers' plugins stay out of the gate, which also halves start-up. If the child ends without
a verdict (a segmentation fault, SIGKILL, an `os._exit`), the journal it left is judged instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from typing import TYPE_CHECKING, Final

from readiness.operations.check_run.pytest_child import INTERNAL_ERROR, run_pytest
from readiness.support import CHECK_ID, OWN_CHECKS, SCHEDULED, VERIFYING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config
    from readiness.operations.check_run.arguments import CheckArguments
    from readiness.operations.check_run.pytest_child import Ended
    from readiness.operations.notify import Announcement
    from readiness.session import JournalRead

INCOMPLETE: Final = 12
_USAGE: Final = 4
_GOOD: Final = frozenset({0, 10})
"""Statuses that say READY or CONDITIONAL."""


def check(given: Sequence[str]) -> int:
    """Run the checks that the arguments `given` ask for, do what the verdict asks for, and return the exit status."""
    # taken out: what this run starts is not scheduled, not even the run that verifies its rollback
    scheduled = os.environ.pop(SCHEDULED, "")
    run_id = os.environ.pop(CHECK_ID, "") or uuid.uuid4().hex[:12]
    started = time.time()
    ended = run_pytest(given, run_id)
    asked = ended.asked
    os.environ[OWN_CHECKS] = os.pathsep.join(asked.own_checks)
    code = _settle(ended, run_id, started)
    if scheduled and scheduled != "acts":
        return code
    return _follow(code, asked, run_id, tells=not scheduled)


def load_config(asked: CheckArguments) -> Config:
    """The configuration that the run read; an empty one where it cannot be read."""
    from pathlib import Path

    from readiness.config import Config, load
    from readiness.errors import ConfigError

    try:
        return load(
            file=None if asked.config is None else Path(asked.config),
            demo=asked.demo,
            strict=asked.strict,
            drill=asked.drill,
            report_dir=asked.report_dir,
        )
    except ConfigError:
        return Config(report_dir=asked.report_dir)


def _settle(ended: Ended, run_id: str, started: float) -> int:
    """The status that the run's one verdict asks for, where its findings bear that out; else that of a verdict made from those.

    The child's own status is never the answer: a conftest.py may have set it, or ended the process.
    """
    from readiness.session import journal, recover

    status, asked = ended.status, ended.asked
    path = asked.report_dir / "journal" / f"{run_id}.jsonl"
    if not path.is_file():
        path = journal.elsewhere(path)
    recording = journal.parse(ended.shipped)
    if not recording.header and not path.is_file():
        # refused before it began, or nothing was asked for; a child that died has a negative status
        if (status > 0 and status != INTERNAL_ERROR) or (status == 0 and asked.informs):
            return status
        sys.stderr.write("readiness check: no check ran, so there is no verdict: INCOMPLETE\n")
        return INCOMPLETE
    if status == _USAGE and not recording.findings and not recording.verdicts and not path.is_file():
        return status  # refused once it was known what was collected, before any check ran; it is no good status either
    answer = recording.answer_of(ended.pid)
    trouble = _doubt(recording, ended, answer)
    if answer is not None and not trouble:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return _agreed(status, answer)
    if not recording.header:
        with contextlib.suppress(OSError):
            recording = journal.read(path)
    config = load_config(asked)
    code, is_reported = recover(
        recording, config=config, status=status, run_id=run_id, started=started, trouble=trouble
    )
    if is_reported:
        from readiness.results.history import forget

        forget(asked.report_dir, run_id)
    if path.parent != asked.report_dir / "journal":
        path.unlink(missing_ok=True)
    return code


def _doubt(recording: JournalRead, ended: Ended, answer: int | None) -> str:
    """Why the verdict that a run gave does not count; empty where it does, or where it gave none."""
    from readiness.session import contradiction

    if ended.trouble:
        return ended.trouble
    if answer in _GOOD and not recording.is_well:
        return contradiction(recording, load_config(ended.asked))
    if answer is None and recording.verdicts:
        return "the run gave more than one verdict, or another process gave it; this one is made from what its checks found"
    return ""


def _agreed(status: int, verdict: int) -> int:
    """The child's status where it is what its verdict asks for; where something changed it, never a better one."""
    if status == verdict:
        return status
    sys.stderr.write(
        f"readiness check: the verdict asks for exit {verdict}, and the run ended with {status}: something else "
        "ended it; INCOMPLETE\n"
    )
    return verdict or INCOMPLETE


def _follow(code: int, asked: CheckArguments, run_id: str, *, tells: bool = True) -> int:
    """Tell people and do what the verdict asks for; what a rollback needs is imported only where a plan lies there."""
    if code != 1 or VERIFYING in os.environ or not (asked.report_dir / "rollback-plan.json").exists():
        if tells:
            tell_people(asked, run_id, code)
        return code
    from readiness.operations.check_run import acting as act

    return act.act(
        run_id,
        code,
        asked.report_dir,
        lambda: act.outside(load_config(asked)),
        asked=asked,
        tell=(lambda why_not: tell_people(asked, run_id, code, why_not)) if tells else lambda _: None,
        announce=lambda: _announcement(asked, run_id),
    )


def _announcement(asked: CheckArguments, run_id: str) -> Announcement | None:
    """What people hear of this run's decision before it is carried out."""
    from readiness.operations.notify import after as notify_after

    return notify_after.announcement(notify_after.find(asked.report_dir, run_id), asked.report_dir)


def tell_people(asked: CheckArguments, run_id: str, code: int, why_not: str = "") -> None:
    """Tell people what came of the run, as configured; the verdict's status stands, whoever could be told.

    `why_not` says why nothing is done about a decision to roll back.
    """
    if VERIFYING in os.environ:  # a step of a rollback, which tells people itself
        return
    from readiness.operations.notify import after as notify_after

    lines = notify_after.after(
        run_id=run_id,
        status=code,
        folder=asked.report_dir,
        config=lambda: load_config(asked),
        why_not=why_not,
    )
    for line in lines:
        sys.stdout.write(line + "\n")
