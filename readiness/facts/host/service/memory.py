"""What the hub holds in memory, and what it held when its baseline was accepted."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host import systemd_values
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.processes import Processes
from readiness.support import file_writing

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.host.batch import Answers

BASELINE: Final = "baseline.json"
"""What `readiness baseline` leaves in the folder of reports."""
_SIZE_LIMIT: Final = 8 * 1024 * 1024


class Memory:
    """The hub's memory on one host; all sizes in bytes."""

    def __init__(self, answers: Answers, config: Config) -> None:
        self.config = config
        self._processes, self._service = Processes(answers, config), Service(answers, config)

    def resident(self) -> int:
        """What the hub's own process holds. Raises Unknown."""
        return self._processes.hub().resident

    def of_family(self) -> int:
        """What the hub and the servers that it started hold, shared pages counted for each. Raises Unknown."""
        return sum(one.resident for one in self._processes.family(self._processes.hub()))

    def most(self) -> int | None:
        """The unit's MemoryMax; None where it sets none, or where there is no unit."""
        try:
            return systemd_values.size(self._service.value("MemoryMax"))
        except Unknown:
            return None

    def baseline(self) -> float | None:
        """The median of the accepted baseline; None where there is none that can be read."""
        return baseline(self.config.report_dir)


def baseline(folder: Path) -> float | None:
    """What the hub held in the accepted baseline of a folder of reports, in bytes (the median)."""
    content = file_writing.read(folder / BASELINE, _SIZE_LIMIT)
    if content is None:
        return None
    try:
        samples = json.loads(content)["accepted"]["series"]["hub.memory"]["samples"]
        found = statistics.median(float(one) for one in samples)
    except (ValueError, RecursionError, KeyError, TypeError, statistics.StatisticsError):
        return None
    return found if found > 0 else None
