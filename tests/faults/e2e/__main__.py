"""`python -m tests.faults.e2e` prints the e2e fault matrix."""

from __future__ import annotations

import sys

from tests.faults.e2e.matrix import markdown

sys.stdout.write(markdown())
