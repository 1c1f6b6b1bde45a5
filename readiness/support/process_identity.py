"""The identity of a process: its number is used again later; with its start time and the machine's boot it is unique."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

_START: Final = 19
"""The start among the fields of /proc/PID/stat after the command's name (proc(5): the 22nd of all)."""


def start_of(pid: int) -> str | None:
    """When process `pid` started, in the kernel's own units; None where there is no such process, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return _elsewhere(pid) if not Path("/proc/self/stat").exists() else None
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[_START]


def _elsewhere(pid: int) -> str | None:
    """The same where there is no /proc."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return str(psutil.Process(pid).create_time())
    return None


def boot() -> str:
    """The name of the machine's present boot."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import psutil

    return str(psutil.boot_time())


def host() -> str:
    """The name of this host."""
    return socket.gethostname()


def namespace() -> str:
    """The name space in which process numbers count: a container's are not its host's."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no file: its text is the name
    return ""


def alive(pid: int, start: str | None) -> bool:
    """Whether the very process still runs."""
    found = start_of(pid)
    return found is not None and found == start
