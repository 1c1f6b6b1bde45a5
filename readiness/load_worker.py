"""`readiness load-worker --master HOST --port P`: join a load run that another machine leads."""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """Become the generator's worker, in this very process: the generator patches all of it, from its first line on."""
    sys.stdout.flush()
    sys.stderr.flush()
    argv = [sys.executable, "-m", "readiness.loadgen", "worker", *arguments]
    if not {"-h", "--help"} & set(arguments):
        os.execv(sys.executable, argv)  # noqa: S606 - this very interpreter and module, no shell
    # nothing is joined: whoever asks in a process of their own keeps it
    told = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - as above
    sys.stdout.write(told.stdout)
    sys.stderr.write(told.stderr)
    return told.returncode
