"""A release's shell scripts: found, parsed, simulated without executing anything, and asked questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.scripts import inventory
    from readiness.facts.scripts.failure_modes import FailureModes
    from readiness.facts.scripts.hygiene import Hygiene
    from readiness.facts.scripts.linters import Linters, SupervisionFiles
    from readiness.facts.scripts.preconditions import Preconditions
    from readiness.facts.scripts.release_scripts import Scripts
    from readiness.facts.scripts.simulation import Incomplete, Value
    from readiness.facts.scripts.waiting import Waiting
else:
    __all__, __getattr__ = front_door(__name__, __file__)
