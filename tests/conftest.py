"""What every test stands on."""

from __future__ import annotations

import os
import signal
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

HALF: Final = "READINESS_MATRIX_HALF"
"""0 or 1: only that half of `-m matrix`, told by each test's name. CI runs one on even days and one on odd days."""


AROUND: Final = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR", "TF_BUILD")
"""What tells a run which CI system it is in: the runs that tests make are in none."""


def pytest_configure() -> None:
    """Hear Ctrl-C: a run that a shell put into the background ignores it, and so would all that its tests start.

    And let no test write into the summary of the job that runs the tests.
    """
    for name in AROUND:
        os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other half of the matrix to another day where that is asked for."""
    half = os.environ.get(HALF, "")
    if half not in {"0", "1"}:
        return
    other = [
        item
        for item in items
        if item.get_closest_marker("matrix") and zlib.crc32(item.nodeid.encode()) % 2 != int(half)
    ]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(map(id, other))
        items[:] = [item for item in items if id(item) not in gone]
