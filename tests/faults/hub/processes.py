"""Real processes that hold the hub's port, so that whoever looks at pids, sockets and environments finds them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from tests.faults.hub.model import How

GONE: Final = 2**22 - 7
"""A pid that no process has: beyond every usual `pid_max`."""


class Processes:
    """The hub's own process (`same`), perhaps another live one (`other`), and a pid that is gone (`dead`).

    Each is a `sleep` that inherited the listening socket: the kernel calls it a listener, the test's thread answers.
    """

    def __init__(self, how: How, listening: socket.socket, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._children = {"same": self._start(listening)} if not how.dead else {}
        if how.replaced_after is not None:
            self._children["other"] = self._start(listening)
        elif "other" in {how.workspace_pid, how.events.removesuffix("-pid")}:
            self._children["other"] = self._start(None)

    def _start(self, listening: socket.socket | None) -> subprocess.Popen[bytes]:
        descriptors = () if listening is None else (listening.fileno(),)
        return subprocess.Popen(["sleep", "600"], env=self._environment, pass_fds=descriptors)

    def pid(self, which: str) -> int:
        """The pid of `same`, `other` or `dead`."""
        return self._children[which].pid if which in self._children else GONE

    def end(self, which: str) -> None:
        """End one of them, and wait until it is gone."""
        child = self._children.get(which)
        if child is not None and child.poll() is None:
            child.kill()
            child.wait(timeout=10)

    def end_all(self) -> None:
        """End every child."""
        for which in self._children:
            self.end(which)
