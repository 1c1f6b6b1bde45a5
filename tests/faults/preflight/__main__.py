"""`python -m tests.faults.preflight` prints preflight's fault matrix."""

from __future__ import annotations

import sys

from tests.faults.preflight.matrix import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
