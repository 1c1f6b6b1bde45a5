"""What comes before a deploy: a backup, the release on disk judged, and what passes on the hub that runs now."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.release import bookkeeping as release_record
from readiness.operations.release import model
from readiness.operations.release.model import PhaseFacts, PhaseResult, ReleaseOutcome, end
from readiness.operations.release.ports import LOOK_SECONDS
from readiness.support import EXPECTED_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.operations.deploys import PhaseStatus, Seen
    from readiness.operations.release.context import ReleaseContext

EXPRESSION = "health or e2e"
"""What is asked before and after a deploy."""


class Before:
    """The phases in which nothing is changed yet."""

    def __init__(self, context: ReleaseContext) -> None:
        """`context` is the release that they belong to."""
        self.context, self.config, self.ports = context, context.config, context.ports

    def steps(self) -> dict[str, Callable[[], PhaseResult]]:
        """By name, in their order."""
        return {model.BACKUP: self.backup, model.PREFLIGHT: self.preflight, model.BEFORE: self.before}

    def backup(self) -> PhaseResult:
        """A backup that verifies, or no release."""
        if self.config.target.release is None:
            return PhaseResult(status="skipped", detail="[target] release is not set: nothing here can be backed up")
        self.ports.on_step("make the backup")
        return PhaseResult(status="passed", detail=self.ports.backup(self.config))

    def preflight(self) -> PhaseResult:
        """The release on disk; what is not ready, or not known to be, is not deployed."""
        if self.config.target.release is None:
            return PhaseResult(
                status="skipped", detail="[target] release is not set: no release tree can be judged here"
            )
        checked = self.ports.checks(self.config, "preflight", {})
        if checked.verdict in model.WELL:
            return PhaseResult(status="passed", detail=checked.detail, facts=PhaseFacts(run=checked.run_id))
        status: PhaseStatus = "unknown" if checked.verdict == "INCOMPLETE" else "failed"
        refused = end(ReleaseOutcome.REFUSED, f"preflight is {checked.verdict}: {checked.because}", checked.exit)
        return PhaseResult(status=status, detail=checked.detail, end=refused, facts=PhaseFacts(run=checked.run_id))

    def before(self) -> PhaseResult:
        """What passes on what runs now: only that can fail because of this deploy."""
        now = dt.datetime.now(dt.UTC)
        seen = self.ports.look(self.config, LOOK_SECONDS)
        running = release_record.running(self.config, seen)
        if not seen.answers:
            why = f"no hub answers ({seen.trouble}), so nothing can be called worse afterwards: no rollback will be planned"
            return self._noted(running, (), (), now, PhaseResult(status="unknown", detail=why))
        checked = self.ports.checks(self.config, EXPRESSION, self._expecting(seen))
        try:
            passed, failed = release_record.standing(self.config, running.started, now)
        except ReadinessError as error:
            return self._noted(running, (), (), now, PhaseResult(status="unknown", detail=str(error)))
        status: PhaseStatus = "unknown" if checked.verdict == "INCOMPLETE" else "failed"
        detail = f"{len(passed)} checks pass on {running.named}"
        if failed:
            detail += f", {len(failed)} fail ({', '.join(failed[:3])}): checks that fail now cannot cause a rollback"
        if checked.verdict in model.WELL:
            status = "passed"
        else:
            detail += f"; {checked.detail}"
        detail += self._stays(running)
        return self._noted(
            running,
            passed,
            failed,
            now,
            PhaseResult(status=status, detail=detail, facts=PhaseFacts(run=checked.run_id)),
        )

    def _stays(self, running: release_record.Running) -> str:
        """What is to be said where the version that runs is declared to be the one afterwards: else every other one is held."""
        expected = self.config.target.version
        if self.context.order.version is not None or expected is None or running.version is None:
            return ""
        if expected.removeprefix("v") != running.version.removeprefix("v"):
            return ""
        return (
            f"; [target] version is {expected}, which runs now: if you deploy another version, add --version V, or "
            "the release will be held"
        )

    def _noted(
        self,
        running: release_record.Running,
        passed: tuple[str, ...],
        failed: tuple[str, ...],
        now: dt.datetime,
        step: PhaseResult,
    ) -> PhaseResult:
        note = release_record.Note(noted_at=now, running=running, passed=passed, failed=failed)
        return dataclasses.replace(step, facts=dataclasses.replace(step.facts, note=note))

    def _expecting(self, seen: Seen) -> dict[str, str]:
        """The version that runs now is the right one until the deploy, whatever readiness.toml names for after it."""
        version = release_record.running(self.config, seen).version
        return {} if version is None else {EXPECTED_VERSION: version}
