"""`python -m tests.faults_infra` prints infra's fault matrix."""

from __future__ import annotations

import sys

from tests.faults_infra.matrix import markdown

sys.stdout.write(markdown())
