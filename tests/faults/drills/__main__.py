"""`python -m tests.faults.drills` prints what drills find."""

from __future__ import annotations

import sys

from tests.faults.drills.page import markdown

sys.stdout.write(markdown())
