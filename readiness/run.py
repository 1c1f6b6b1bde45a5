"""Run: what was planned, what was found, what was lost. The only mutable object between collection and verdict."""

from __future__ import annotations

import dataclasses

from readiness.findings import Finding, Outcome, Planned


@dataclasses.dataclass(slots=True)
class Run:
    """The ledger of one run; the controller alone holds one."""

    plan: dict[str, Planned] = dataclasses.field(default_factory=dict)
    """Check id to what was planned for it."""
    findings: dict[tuple[str, str | None], Finding] = dataclasses.field(default_factory=dict)
    """(check id, instance) to the worst that was found in its last attempt."""
    trouble: list[str] = dataclasses.field(default_factory=list)
    """What broke the run's integrity: one sentence each; any makes it INCOMPLETE at best."""
    plain_failures: list[str] = dataclasses.field(default_factory=list)
    """Node ids of failed tests that are no checks: they make the exit code 1, never the verdict."""

    def add_trouble(self, sentence: str) -> None:
        """Note a broken integrity once."""
        if sentence not in self.trouble:
            self.trouble.append(sentence)

    def record(self, finding: Finding) -> None:
        """Keep the worse of what is there and `finding`: a tear-down error worsens a passed call."""
        key = (finding.check, finding.instance)
        known = self.findings.get(key)
        if known is None or finding.outcome.rank > known.outcome.rank:
            self.findings[key] = finding

    def forget(self, check: str, instance: str | None) -> None:
        """Drop what a re-run is about to find again."""
        self.findings.pop((check, instance), None)

    @property
    def executed(self) -> bool:
        """Whether anything that applies was executed at all."""
        return any(f.outcome is not Outcome.NOT_APPLICABLE for f in self.findings.values())
