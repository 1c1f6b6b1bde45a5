"""One measured thing of the live view."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readiness.findings import Limits


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchRow:
    """One measured thing: a number in `unit` or a word, its limits, and the outcome of what judges it ("" : nothing does)."""

    name: str
    title: str
    value: float | str | None
    unit: str = ""
    is_share: bool = False
    """Whether the value is a share from 0 to 1, to be shown in per cent."""
    limits: Limits | None = None
    outcome: str = ""
    check: str | None = None
    is_judged: bool = True
    """Whether the verdict is made of it; else it is only shown against its limits."""
    reason: str = ""
    """Why there is no value."""

    @property
    def number(self) -> float | None:
        """The value of a row that is a finite number."""
        return self.value if isinstance(self.value, float) and math.isfinite(self.value) else None
