"""`python -m tests.faults.hub` prints the fault matrix."""

from __future__ import annotations

import sys

from tests.faults.hub.matrix import markdown

sys.stdout.write(markdown())
