"""`python -m tests.faults_preflight` prints preflight's fault matrix."""

from __future__ import annotations

import sys

from tests.faults_preflight.matrix import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
