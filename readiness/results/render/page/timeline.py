"""A release as its phases, one below another: what came when, how long it took, and how all of it ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from readiness.results.render.wording import lasted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.results.report import ReleaseRun

_NAMES: Final[Mapping[str, str]] = {
    "before": "what passes before",
    "deploy": "deploy",
    "ready": "wait until ready",
    "verify": "health and e2e",
    "switch": "switch over",
    "rollback": "roll back",
}
_KINDS: Final[Mapping[str, str]] = {"passed": "passed", "failed": "failed", "skipped": "waived"}
_ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "KEPT": ("passed", "The new release is kept"),
    "REFUSED": ("failed", "Refused: nothing was changed"),
    "ABORTED": ("failed", "Aborted: nothing to roll back"),
    "HELD": ("unknown", "Held: a person decides"),
    "ROLLED_BACK_VERIFIED": ("passed", "Rolled back and proven: the release before is running"),
    "ROLLED_BACK_UNVERIFIED": ("unknown", "Rolled back, but not proven: look at the hub now"),
    "ROLLBACK_FAILED": ("failed", "The rollback failed: a person has to act now"),
}
_LEAST: Final = 0.8
"""Per cent of the width that a phase keeps however short it was."""


def timeline(release: ReleaseRun | None) -> dict[str, Any] | None:
    """What the page shows of a release; None where the run belongs to none."""
    if release is None:
        return None
    seconds = [phase.seconds if math.isfinite(phase.seconds) else 0.0 for phase in release.phases]
    total = sum(seconds) or 1.0
    phases, at = [], 0.0
    for phase, took in zip(release.phases, seconds, strict=True):
        width = max(_LEAST, 100 * took / total)
        phases.append(
            {
                "id": phase.name,
                "name": _NAMES.get(phase.name, phase.name),
                "status": phase.status,
                "kind": _KINDS.get(phase.status, "unknown"),
                "took": lasted(took) if phase.status != "skipped" else "",
                "detail": phase.detail,
                "x": f"{min(100 * at / total, 100 - width):.1f}",
                "w": f"{width:.1f}",
            }
        )
        at += took
    kind, words = _ENDS.get(release.outcome, ("unknown", release.outcome.replace("_", " ").lower() or "Under way"))
    end = release.finished - release.started if release.finished is not None else sum(seconds)
    return {
        "phases": phases,
        "kind": kind,
        "words": words,
        "over": release.outcome in _ENDS and release.outcome != "HELD",
        "rolled_back": any(phase.name == "rollback" and phase.status != "skipped" for phase in release.phases),
        "because": release.because,
        "command": release.command,
        "id": release.id,
        "took": lasted(end),
    }
