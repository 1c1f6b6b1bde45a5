"""People, locks, windows and rehearsals that are not fit for a deploy, and some that only look so."""

from __future__ import annotations

import atexit
import os
import signal
from typing import TYPE_CHECKING, Final

from tests.faults.preflight.changes import DEGRADED, FAILED, UNKNOWN, nothing, rehearsed, window
from tests.faults.preflight.mutation import Mutation, write

if TYPE_CHECKING:
    from pathlib import Path


def lock_held(tree: Path) -> None:
    """Another deployment has written its number into the lock; it ends by itself soon after."""
    other = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    _others.append(other)
    (tree / ".deploy.lock").write_text(f"pid {other}\n", encoding="utf-8")


_others: list[int] = []


@atexit.register
def _end_others() -> None:
    for other in _others:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)


def lock_left(tree: Path) -> None:
    """A deployment that is long over left its lock behind."""
    (tree / ".deploy.lock").write_text(f"{_dead()}\n", encoding="utf-8")


def _dead() -> int:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    return child


MUTATIONS: Final = (
    Mutation(
        name="contact-is-a-placeholder",
        sentence="[Contact] stands where a person is to be named",
        mutate=nothing,
        config={"contacts": {"on_call": "[Contact]"}},
        expected={"on-call-contact-is-named": FAILED},
        words=("placeholder",),
    ),
    Mutation(
        name="contact-is-missing",
        sentence="nobody is named",
        mutate=nothing,
        config={"contacts": None},
        expected={"on-call-contact-is-named": FAILED},
        words=("names nobody",),
    ),
    Mutation(
        name="another-deployment-runs",
        sentence="a living process holds the lock",
        mutate=lock_held,
        expected={"no-other-deployment-is-running": FAILED},
        words=("holds .deploy.lock",),
    ),
    Mutation(
        name="lock-was-left-behind",
        sentence="a deployment that is over did not remove its lock",
        mutate=lock_left,
    ),
    Mutation(
        name="lock-names-nobody",
        sentence="the lock says only that it is one",
        mutate=write(".deploy.lock", "locked\n"),
        expected={"no-other-deployment-is-running": UNKNOWN},
        words=("names no process",),
    ),
    Mutation(
        name="window-is-closed",
        sentence="deploys are allowed at another time of day",
        mutate=nothing,
        config={"release": {"windows": [window(6)]}},
        expected={"deployment-window-is-open": FAILED},
        words=("outside",),
    ),
    Mutation(
        name="window-is-open",
        sentence="deploys are allowed for the hour that has just begun",
        mutate=nothing,
        config={"release": {"windows": [window(12), window(-0.3)]}},
    ),
    Mutation(
        name="rehearsal-is-old",
        sentence="the last rollback was tried 31 days ago",
        mutate=rehearsed(31),
        expected={"rollback-was-rehearsed": FAILED},
        words=("31",),
    ),
    Mutation(name="rehearsal-is-just-young-enough", sentence="it was 29 days ago", mutate=rehearsed(29)),
    Mutation(
        name="rehearsal-failed",
        sentence="the rehearsed rollback did not bring the release back",
        mutate=rehearsed(2, result="failed"),
        expected={"rollback-was-rehearsed": FAILED},
        words=("did not succeed",),
    ),
    Mutation(
        name="rehearsal-was-not-timed",
        sentence="nobody measured how long it took",
        mutate=rehearsed(2, seconds=None),
        expected={"rollback-was-rehearsed": DEGRADED},
        words=("how long",),
    ),
    Mutation(
        name="rehearsal-is-still-to-come",
        sentence="the record bears a day to come",
        mutate=rehearsed(-9),
        expected={"rollback-was-rehearsed": FAILED},
        words=("still to come",),
    ),
)
