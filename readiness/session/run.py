"""Run: the plan, the findings and what was lost. The only mutable object between collection and verdict."""

from __future__ import annotations

import dataclasses

from readiness.findings import Finding, Outcome, Planned


@dataclasses.dataclass(slots=True)
class Run:
    """The ledger of one run; the controller alone holds one."""

    plan: dict[str, Planned] = dataclasses.field(default_factory=dict)
    """Check id to what was planned for it."""
    findings: dict[tuple[str, str | None], Finding] = dataclasses.field(default_factory=dict)
    """(check id, instance) to the worst finding of its last attempt."""
    trouble: list[str] = dataclasses.field(default_factory=list)
    """What broke the run's integrity: one sentence each; any makes it INCOMPLETE at best."""
    plain_failures: list[str] = dataclasses.field(default_factory=list)
    """Node ids of failed tests that are no checks: they make the exit code 1, never the verdict."""

    reruns: dict[tuple[str, str | None], int] = dataclasses.field(default_factory=dict)
    """How often (check id, instance) failed and was run again by `--reruns`."""

    def add_trouble(self, sentence: str) -> None:
        """Note a broken integrity once."""
        if sentence not in self.trouble:
            self.trouble.append(sentence)

    def record(self, finding: Finding) -> None:
        """Keep the worse of what is there and `finding`: a tear-down error worsens a passed call."""
        key = (finding.check, finding.instance)
        again = self.reruns.get(key, 0)
        if again and finding.outcome is Outcome.PASSED:
            finding = dataclasses.replace(
                finding,
                outcome=Outcome.FLAKY,
                attempts=again + finding.attempts,
                reason=f"passed only when run again ({again} failed before)",
            )
        known = self.findings.get(key)
        if known is None or finding.outcome.rank > known.outcome.rank:
            self.findings[key] = finding

    def rerun(self, check: str, instance: str | None) -> None:
        """Drop what a re-run is about to find again, and remember that it had to."""
        key = (check, instance)
        self.reruns[key] = self.reruns.get(key, 0) + 1
        self.findings.pop(key, None)
