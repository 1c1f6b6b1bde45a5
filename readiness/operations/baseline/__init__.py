"""Measurements of a hub, kept and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.baseline import file
    from readiness.operations.baseline.comparison import RULES, BaselineComparison, Difference, compare, unsound
    from readiness.operations.baseline.file import Measurement, Series
    from readiness.operations.baseline.sample import Sampler
else:
    __all__, __getattr__ = front_door(__name__, __file__)
