"""`python systemctl.py SITE VERB…`: stands for `systemctl` where a site's scripts call it, and speaks to its `service.py`.

Imports the standard library only, and runs by its path: a script calls it several times.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

SECONDS: Final = 50.0
"""Seconds that `stop` waits for the process to be gone; as systemctl it waits unless told not to."""
_ANSWER: Final = 4_096
_STEP: Final = 0.02


def main(argv: list[str]) -> int:
    """The exit status that systemctl would have."""
    os.chdir(Path(argv[0]) / "run")
    words = argv[1:]
    status, output = ask(words)
    sys.stdout.write(output)
    if status == 0 and "stop" in words and "--no-block" not in words:
        until = time.monotonic() + SECONDS
        while ask(["show"])[1].strip() != "0":
            if time.monotonic() > until:
                return 1
            time.sleep(_STEP)
    return status


def ask(words: list[str]) -> tuple[int, str]:
    """Send one request, from SITE/run; its status and output."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(5.0)
            control.connect("control")
            control.sendall(json.dumps(words).encode())
            answer = json.loads(control.recv(_ANSWER))
    except (OSError, ValueError) as error:
        return 1, f"the site's service does not answer: {error}\n"
    return int(answer["status"]), str(answer["output"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
