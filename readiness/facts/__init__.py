"""What is: one noun a module. Facts fetch and parse; they never judge."""

from __future__ import annotations

import sys
from typing import Any, cast

# httpx, imported by the modules here, loads its own command line where rich and click are there: 40 ms of every run. It
# goes on without where that cannot be imported.
cast("dict[str, Any]", sys.modules).setdefault("httpx._main", None)
