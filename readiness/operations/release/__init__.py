"""A whole release in one hand: backed up, judged, deployed, proven, kept and watched, or rolled back and proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.release import bookkeeping, flow
    from readiness.operations.release.bookkeeping import Note, Running
    from readiness.operations.release.model import Interrupted, ReleaseOrder
    from readiness.operations.release.ports import ReleasePorts
else:
    __all__, __getattr__ = front_door(__name__, __file__)
