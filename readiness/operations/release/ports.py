"""What a release does to the world and asks of it, each as a function that tests may put their own in place of."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping  # noqa: TC003 - dataclass fields
from typing import TYPE_CHECKING, Final

from readiness.operations.deploys import GRACE, check_report, look, run_checks
from readiness.operations.release import tell
from readiness.operations.release.model import INCOMPLETE
from readiness.support import CHECK_ID, say

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.deploys import CheckReport, Seen
    from readiness.operations.notify import Announcement
    from readiness.operations.release.journal import ReleaseState

CHECKS_SECONDS: Final = 1800.0
"""Seconds that one run of checks may take; a soak or a load run is no part of a release."""
LOOK_SECONDS: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a run of checks gave. `report` is None where it left none."""

    status: int
    report: CheckReport | None
    run_id: str
    words: str
    """What it said, where it left no report."""

    @property
    def verdict(self) -> str:
        """Its verdict; what left no report proved nothing."""
        return "INCOMPLETE" if self.report is None else self.report.status

    @property
    def because(self) -> str:
        """The binding reason."""
        return self.words if self.report is None else self.report.because

    @property
    def rolls_back(self) -> bool:
        """Whether the run decided to roll back."""
        return self.report is not None and self.report.decision == "ROLL BACK"

    @property
    def detail(self) -> str:
        """It in one line."""
        if self.report is None:
            return f"INCOMPLETE: {self.words}"
        return f"{self.report.status} {self.report.headline}: {self.report.because}"

    @property
    def exit(self) -> int:
        """The exit code that a verdict that blocks has."""
        return INCOMPLETE if self.verdict == "INCOMPLETE" else 1


def checks(config: Config, expression: str, environ: Mapping[str, str]) -> Checked:
    """Run the checks of a marker expression in a process of their own, with reports in the usual folder. Raises nothing."""
    from readiness.operations.notify import after as notify_after

    run_id = uuid.uuid4().hex[:12]
    process = run_checks(arguments(config, expression), seconds=CHECKS_SECONDS, environ={CHECK_ID: run_id, **environ})
    if process.status is None:
        return Checked(status=INCOMPLETE, report=None, run_id=run_id, words=process.trouble)
    document = notify_after.find(config.report_dir, run_id)
    report = None if document is None else check_report(document)
    words = "" if report is not None else f"the checks {process.ending}"
    return Checked(status=process.status, report=report, run_id=run_id, words=words)


def arguments(config: Config, expression: str) -> list[str]:
    """What follows `readiness check` for a run of these checks."""
    pytest_arguments = ["-m", expression, "-q", "--readiness-report", str(config.report_dir.absolute())]
    return (
        pytest_arguments
        if config.path is None
        else [*pytest_arguments, "--readiness-config", str(config.path.absolute())]
    )


def backup(config: Config) -> str:
    """Make a backup and name it. Raises ReadinessError."""
    from readiness.operations.backup import back_up_release

    return back_up_release(config).path.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How people hear of a decision: `tell` where nothing is done about it, and why; `announce` where it is carried out."""

    tell: Callable[[str], None]
    announce: Callable[[], Announcement | None]


def act(config: Config, run_id: str, status: int, expression: str, telling: Telling) -> tuple[int, str]:
    """Do what the plan of that run allows; the exit status that this leaves, and why nothing was done."""
    from readiness.operations.check_run import CheckArguments
    from readiness.operations.check_run import acting as check_rollback

    refused: list[str] = []
    code = check_rollback.act(
        run_id,
        status,
        config.report_dir,
        lambda: config,
        asked=CheckArguments(given=tuple(arguments(config, expression))),
        tell=telling.tell,
        announce=telling.announce,
        refused=lambda error: refused.append(str(error)),
    )
    return code, "; ".join(refused)


def resume(config: Config) -> int:
    """Finish the rollback that was interrupted. Raises ReadinessError."""
    from readiness.operations.rollback import carry_out

    return carry_out(None, config, person=True).exit_code


def confirmed(config: Config, words: str, name: str) -> bool:
    """Whether a person on a terminal typed `name`."""
    from readiness.operations.rollback import typed

    return typed(f"type {name} to {words} in {config.environment}: ", name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePorts:
    """All of them, with the usual ones."""

    look: Callable[[Config, float], Seen] = look
    checks: Callable[[Config, str, Mapping[str, str]], Checked] = checks
    backup: Callable[[Config], str] = backup
    act: Callable[[Config, str, int, str, Telling], tuple[int, str]] = act
    resume: Callable[[Config], int] = resume
    confirmed: Callable[[Config, str, str], bool] = confirmed
    page: Callable[[Config, ReleaseState], list[Path]] = tell.write_page
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = say
    on_step: Callable[[str], None] = lambda _: None
    """Called before every step that changes something, by tests that end the process there."""
    grace: float = GRACE
    poll: float = 0.2
    """Seconds between two looks while waiting for the hub."""
    bake_every: float = 60.0
    """Seconds between two runs of checks while baking."""
