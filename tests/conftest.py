"""What every test stands on."""

from __future__ import annotations

import gc
import os
import signal
from typing import Final

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


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight: it would be walked again and again, in vain."""
    gc.collect()
    gc.freeze()
