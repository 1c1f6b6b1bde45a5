"""`python -m tests.faults TABLE` prints a table's page."""

from __future__ import annotations

import sys

from tests.faults.pages import PAGES, markdown

if sys.argv[1:2] and sys.argv[1] in PAGES:
    sys.stdout.write(markdown(sys.argv[1]))
else:
    sys.exit(f"which one: {', '.join(PAGES)}")
