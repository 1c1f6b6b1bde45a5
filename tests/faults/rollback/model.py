"""The vocabulary of the rollback's faults: what is wrong around one rollback, and what must come of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.operations.rollback.rolled import BACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.rollback.scene import Scene

Expected = Literal["verified", "unverified", "failed", "refused", "held"]
By = Literal["check", "terminal", "person"]

EXIT: Final[Mapping[Expected, int]] = {"verified": 1, "unverified": 13, "failed": 14, "refused": 1, "held": 1}
"""Exit status of `readiness check`: a hub that is NOT READY is 1, whatever is left undone."""
TOLD: Final[Mapping[Expected, tuple[str, ...]]] = {
    "verified": ("start critical", "outcome critical"),
    "unverified": ("start critical", "outcome critical"),
    "failed": ("start critical", "outcome critical"),
    "refused": ("refused critical",),
    "held": (),
}
"""What people are told of it, beside the verdict, and how severe it is said to be."""


def nothing(_scene: Scene) -> None:
    """Nothing is out of order there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFault:
    """One rollback with something wrong. `words` stand in what is said, told or written of it.

    `prepare` makes it so before the run is judged, `between` after its plan was written and before anything is done,
    `after` looks at what only this fault leaves.
    """

    name: str
    sentence: str
    expected: Expected
    words: tuple[str, ...] = ()
    prepare: Callable[[Scene], None] = nothing
    between: Callable[[Scene], None] = nothing
    after: Callable[[Scene], None] = nothing
    body: str = BACK
    """What the action does; `{folder}` is the site's."""
    actions: tuple[str, ...] = ("back",)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of `[rollback]`."""
    failed: tuple[str, ...] = ("tools",)
    """Checks that fail after the deploy."""
    by: By = "check"
    """Who acts: `readiness check` in mode auto, the same on a terminal, or a person with `readiness rollback --yes`."""
    restores: bool = False
    """The action is `@restore-backup`."""
    broken: str = ""
    """Releases that do not start, for that."""
    done: tuple[str, ...] | None = None
    """Actions that ran; default: all where it acted, none where it did not."""
    told: tuple[str, ...] | None = None

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.expected in {"verified", "unverified", "failed"}
