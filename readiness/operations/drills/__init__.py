"""Drills: they break a hub on purpose, look, and put it back. They act and tell what happened; checks judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.drills.drills import Drills
else:
    __all__, __getattr__ = front_door(__name__, __file__)
