"""`python service.py SITE`: what systemd does for one unit, and no more: starts the hub of a site, and starts it again when it ends.

It obeys what `systemctl.py` sends over a socket in SITE/run, and ends with the hub when whoever started it is gone.
Imports the standard library only, so that it runs by its path and starts in no time. POSIX only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

CONTROL: Final = "control"
"""The socket in SITE/run, by a relative name: a whole path may be longer than a socket's may be."""
SETTINGS: Final = "site.json"
"""The file in SITE that says how the hub is started: `command` and `environment`."""
RESTART_SECONDS: Final = 0.2
"""What RestartSec= is for a unit: seconds from an end to the next start."""
STARTS: Final = 5
START_SECONDS: Final = 10.0
"""A unit's start limit, systemd's own: more than so many starts in so many seconds, and it has failed."""
STOP_SECONDS: Final = 45.0
"""TimeoutStopSec= of the sample's unit."""
STEP: Final = 0.02
_REQUEST: Final = 4_096


class SiteService:
    """The one unit: whether it is to run, its process, and when it was started."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = self.failed = False
        self.starts: list[float] = []
        self.again_at = self.kill_at = 0.0

    @property
    def pid(self) -> int:
        """The hub's process; 0 where there is none."""
        return self.process.pid if self.process is not None else 0

    def step(self) -> None:
        """Check the process: start it again when its pause is over, kill it when it has not stopped in time."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self.process, self.again_at = None, now + RESTART_SECONDS
        if self.process is not None and not self.wanted and now > self.kill_at:
            self.process.kill()
        if self.process is None and self.wanted and now >= self.again_at:
            self._spawn(now)

    def _spawn(self, now: float) -> None:
        self.starts = [*(at for at in self.starts if now - at < START_SECONDS), now]
        if len(self.starts) > STARTS:
            self.wanted, self.failed = False, True
            return
        settings = json.loads((self.site / SETTINGS).read_text(encoding="utf-8"))
        with (self.site / "hub.log").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the command that the site was made with
                settings["command"],
                cwd=self.site / "current",
                env=settings["environment"],
                stdin=subprocess.PIPE,  # when it ends, the hub knows that its supervisor is gone
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> None:
        """Let it run, unless it does."""
        self.wanted, self.failed, self.again_at = True, False, 0.0

    def stop(self) -> None:
        """Ask it to end, and end it where it does not."""
        self.wanted, self.kill_at = False, time.monotonic() + STOP_SECONDS
        if self.process is not None:
            self.process.terminate()

    def answer(self, words: list[str]) -> dict[str, Any]:
        """Do what `systemctl` does with `words`; its exit status and output."""
        verb = next((word for word in words if not word.startswith("-")), "")
        if verb == "start":
            self.start()
        elif verb == "stop":
            self.stop()
        elif verb == "reset-failed":
            self.starts, self.failed = [], False
        elif verb == "show":
            return {"status": 0, "output": f"{self.pid}\n"}
        elif verb == "is-active":
            return {"status": 0 if self.pid else 3, "output": ""}
        elif verb == "is-failed":
            return {"status": 0 if self.failed else 1, "output": ""}
        else:
            return {"status": 1, "output": f"this stand-in for systemctl knows no {verb!r}\n"}
        return {"status": 0, "output": ""}


def main(argv: list[str]) -> int:
    """Serve until SIGTERM, or until standard input ends: then the process that made the site is gone."""
    site = Path(argv[0])
    signals_seen: list[int] = []
    orphaned = False
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals_seen.append(received))
    os.chdir(site / "run")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        with contextlib.suppress(FileNotFoundError):
            Path(CONTROL).unlink()
        control.bind(CONTROL)
        control.listen(16)
        service = SiteService(site)
        while not signals_seen:
            ready, _, _ = select.select([control.fileno(), 0], [], [], STEP)
            if 0 in ready and not os.read(0, _REQUEST):
                orphaned = True
                break
            if control.fileno() in ready:
                _obey(service, control)
            service.step()
        service.wanted = False
        if service.process is not None:
            service.process.kill()
            service.process.wait(STOP_SECONDS)
    if orphaned and (site / SETTINGS).is_file():  # the process that made the site is gone: its folder goes too
        shutil.rmtree(site, ignore_errors=True)
    return 0


def _obey(service: SiteService, control: socket.socket) -> None:
    """Answer one request, of whatever kind: the unit goes on."""
    caller, _ = control.accept()
    with caller, contextlib.suppress(OSError, ValueError, TypeError):
        caller.settimeout(1.0)
        words = json.loads(caller.recv(_REQUEST))
        # started before the answer is sent: the next question finds the process
        answer = service.answer([str(word) for word in words])
        service.step()
        caller.sendall(json.dumps(answer).encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
