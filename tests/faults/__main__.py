"""`python -m tests.faults` prints the fault matrix."""

from __future__ import annotations

import sys

from tests.faults.matrix import markdown

sys.stdout.write(markdown())
