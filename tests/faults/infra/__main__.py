"""`python -m tests.faults.infra` prints infra's fault matrix."""

from __future__ import annotations

import sys

from tests.faults.infra.matrix import markdown

sys.stdout.write(markdown())
