"""`python supervisor.py LIMIT PAUSE COMMAND…`: runs a command and, up to LIMIT times, again PAUSE seconds after it ended.

What `Restart=always` does, and no more; told to end (SIGTERM) it takes the command with it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def main(argv: list[str]) -> int:
    """Exit status 0 once it was told to end, 1 where it gave up."""
    limit, pause, command = int(argv[0]), float(argv[1]), argv[2:]
    running: list[subprocess.Popen[bytes]] = []

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    try:
        for number in range(limit + 1):
            time.sleep(pause if number else 0)
            running[:] = [subprocess.Popen(command)]
            running[0].wait()
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(6)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(6)
    time.sleep(3600)  # a supervisor that gave up is still there
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
