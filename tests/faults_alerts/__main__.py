"""`python -m tests.faults_alerts` prints the alerts' fault matrix."""

from __future__ import annotations

import sys

from tests.faults_alerts.matrix import markdown

sys.stdout.write(markdown())
