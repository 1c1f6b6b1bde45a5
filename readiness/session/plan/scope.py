"""What the configuration says about each check: its limits, its settle time, and whether it applies at all.

*Not applicable* comes from here alone: nothing that happens at run time can make a check vanish.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.config.model import Claim
from readiness.findings import Planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.config.model import Config
    from readiness.findings import Check, Limits

STARTUP_SECONDS: Final = 30.0
"""Default start-up budget of `hub-is-ready`, seconds; one slow server can take a real hub longer ([probe] settle)."""


class Scope:
    """A configuration applied to checks; the same answer in every process of a run."""

    def __init__(self, config: Config, deployed_claims: Callable[[], Mapping[str, Claim]]) -> None:
        """`deployed_claims` reads what the deployed configuration claims; it is asked only when a check needs it."""
        self.config = config
        self._deployed_claims = deployed_claims
        self._claims: Mapping[str, Claim] | None = None
        self._known: dict[str, Planned] = {}
        self.undeclared: set[str] = set()
        """What a first look met undeclared; it caps the verdict."""

    def claim(self, key: str) -> Claim:
        """What is claimed under `key`: declared, else deployed, else nothing (which counts as claimed)."""
        declared = self.config.claim(key)
        if declared.expected is not None:
            return declared
        if self._claims is None:
            self._claims = self._deployed_claims()
        return self._claims.get(key) or Claim()

    def settle_seconds(self, check: Check) -> float:
        """How long a failing attempt of `check` is repeated, in seconds."""
        probe = self.config.probe
        if check.settle == "probe":
            return (probe.attempts - 1) * probe.interval
        if check.settle == "startup":
            return STARTUP_SECONDS if probe.settle is None else probe.settle
        return float(check.settle)

    def adjust(self, planned: Planned) -> Planned:
        """Apply limits and applicability to a planned check."""
        adjusted = self.adjust_check(planned.check)
        return dataclasses.replace(
            planned,
            check=adjusted.check,
            not_applicable=adjusted.not_applicable,
            scope_exception=adjusted.scope_exception,
        )

    def adjust_check(self, check: Check) -> Planned:
        """`adjust` for a check alone; remembered by id."""
        known = self._known.get(check.id)
        if known is None:
            known = self._known[check.id] = self._adjusted(check)
        return known

    def _adjusted(self, check: Check) -> Planned:
        reason, exception = self._not_applicable(check)
        limits = self._limits(check)
        return Planned(
            check=dataclasses.replace(check, limits=limits) if limits is not check.limits else check,
            not_applicable=reason,
            scope_exception=exception,
        )

    def _limits(self, check: Check) -> Limits | None:
        override = self.config.limits.get(check.id)
        if check.limits is None or override is None:
            return check.limits
        given = {
            field.name: value
            for field in dataclasses.fields(override)
            if (value := getattr(override, field.name)) is not None
        }
        return dataclasses.replace(check.limits, **given)

    def _not_applicable(self, check: Check) -> tuple[str | None, bool]:
        if check.where == "host" and self.config.target.where == "ci":
            return 'left to the host ([target] where = "ci")', False
        for key in check.needs:
            claim = self.claim(key)
            if claim.expected is False:
                exception = self.config.production and not check.waivable
                return claim.reason or f"[expect] {key} = false", exception
            if claim.expected is None and self.config.first_look:
                self.undeclared.add(key)
                return f"a first look: {key} was never declared", False
        return None, False

    def first_look_cap(self) -> str | None:
        """Why a run without a configuration file is CONDITIONAL at best; None where there is one."""
        if not self.config.first_look:
            return None
        never = f"; never declared: {', '.join(sorted(self.undeclared))}" if self.undeclared else ""
        return f"a first look: no readiness.toml says what this deployment claims{never}"

    def unowned_exceptions(self, checks: Mapping[str, Check]) -> list[str]:
        """Production claims that declare an unwaivable check away without an owner and an expiry, as sentences."""
        if not self.config.production:
            return []
        exceptions = []
        for check in checks.values():
            for key in () if check.waivable else check.needs:
                claim = self.config.claim(key)
                if claim.expected is False and not (claim.owner and claim.expires):
                    exceptions.append(
                        f"[expect] {key}: declares away {check.id}, which cannot be waived in production; "
                        'add owner = "…" and expires = YYYY-MM-DD to it'
                    )
        return list(dict.fromkeys(exceptions))
