"""`python -m tests.drilled` prints what drills find."""

from __future__ import annotations

import sys

from tests.drilled.page import markdown

sys.stdout.write(markdown())
