"""What every test stands on."""

from __future__ import annotations

import gc
import os
import re
import signal
import zlib
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

PART: Final = "READINESS_MATRIX_PART"
"""K/N: only the Kth of N parts of `-m matrix` (from 0), picked by each test's name. CI runs another one each day."""
AROUND: Final = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR", "TF_BUILD")
"""What tells a run which CI system it is in: the runs that tests make are in none."""
MISSING: Final = re.compile(r"\bnot installed\b|\bno Chromium\b")
"""Why a test is skipped whose program is missing."""


def pytest_configure() -> None:
    """Hear Ctrl-C: a run that a shell put into the background ignores it, and so would all that its tests start.

    And let no test write into the summary of the job that runs the tests.
    """
    for name in AROUND:
        os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Let no program be missing in CI: there a test that is skipped for that has failed."""
    report = yield
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    if os.environ.get("CI") == "true" and MISSING.search(reason):
        report.outcome, report.longrepr = "failed", f"in CI a missing program is a failure: {reason}"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other parts of the matrix to other days where that is asked for."""
    part, _, parts = os.environ.get(PART, "").partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        return
    other = [
        item
        for item in items
        if item.get_closest_marker("matrix") and zlib.crc32(item.nodeid.encode()) % int(parts) != int(part)
    ]
    if other:
        config.hook.pytest_deselected(items=other)
        dropped = set(map(id, other))
        items[:] = [item for item in items if id(item) not in dropped]


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight: it would be walked again and again, in vain."""
    gc.collect()
    gc.freeze()
