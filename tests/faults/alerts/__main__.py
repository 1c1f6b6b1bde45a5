"""`python -m tests.faults.alerts` prints the alerts' fault matrix."""

from __future__ import annotations

import sys

from tests.faults.alerts.matrix import markdown

sys.stdout.write(markdown())
