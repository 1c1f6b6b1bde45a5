"""Print the assessment's tables: `python -m tests.suites.assessment > docs/assessment.md`."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from tests.suites.assessment.judge import markdown, run

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        with contextlib.redirect_stdout(nowhere):
            result = run(Path(folder))
        sys.stdout.write(markdown(result))
