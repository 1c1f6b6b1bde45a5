"""Short words that the faults of a service are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.hub.words import FAILED
from tests.faults.infra.model import Fault, swap

if TYPE_CHECKING:
    from tests.faults.infra.model import Edit


def show(old: str, new: str) -> dict[str, Edit]:
    """One property of the unit, as systemd tells it."""
    return {"unit-show": swap(f"\n{old}\n", f"\n{new}\n")}


def directive(old: str, new: str) -> dict[str, Edit]:
    """One line of the unit's file."""
    return {"unit-files": swap(f"|{old}\n", f"|{new}\n" if new else "")}


def unit_fault(
    name: str, sentence: str, check: str, edits: dict[str, Edit], *words: str, outcome: str = FAILED
) -> Fault:
    """A fault that one check finds."""
    return Fault(name=name, sentence=sentence, edits=edits, expected={check: outcome}, words=words)


# a host whose first process is no systemd: the unit's file is all there is
OFFLINE: Final[dict[str, Edit]] = {
    "unit-name": swap("booted yes\nfirst systemd", "booted no\nfirst tini"),
    "unit-show": (1, "System has not been booted with systemd as init system (PID 1). Can't operate.\n"),
}
GONE: Final = (
    "unit-is-installed-and-enabled",
    "unit-is-active",
)
UNJUDGED: Final = (
    "unit-restarts-on-failure",
    "unit-runs-unprivileged",
    "unit-is-hardened",
    "unit-paths-exist",
    "unit-lets-the-hub-run",
    "unit-has-no-obsolete-directives",
    "stop-fits-its-timeout",
    "unit-can-write-its-state",
)
