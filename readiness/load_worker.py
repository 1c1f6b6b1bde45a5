"""`readiness load-worker --master HOST --port P`: join a load run that another machine leads."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main(arguments: list[str]) -> NoReturn:
    """Become the generator's worker, in this very process: the generator patches all of it, from its first line on."""
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-m", "readiness.loadgen", "worker", *arguments]
    os.execv(sys.executable, argv)  # noqa: S606 - this very interpreter and module, no shell
