"""One rollback or release at a time: a lock that says who holds it, and is stale only if that one is provably gone.

Gone means: on this host, and of another boot, or no process has that number and start. A lock of another host, or one
that cannot be read, is held. Whoever was started by the holder carries its token in the environment and may pass.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Final

from readiness import files
from readiness.errors import ReadinessError
from readiness.rollback import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN: Final = "READINESS_LOCK_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable by which what the holder started is known as its own."""
FILE: Final = "lock.json"
_WAIT: Final = 5.0
"""Seconds to wait for another process that is just looking at the lock."""
_MAX_BYTES: Final = 64 * 1024


class Held(ReadinessError):  # noqa: N818 - an answer, no error of the program
    """Somebody else holds the lock; the text says who."""


@contextlib.contextmanager
def held(folder: Path, what: str) -> Iterator[str]:
    """Hold the lock in `folder` for the block; yields its token. Raises Held, or ReadinessError where it cannot be written."""
    files.make_folder(folder)
    path, token = folder / FILE, secrets.token_hex(16)
    with files.locked(path.with_suffix(".guard"), _WAIT) as alone:
        if not alone:
            raise Held(f"{path}: another process is just taking it; try again")
        inherited = _inherited(path)
        if inherited is None:
            _take(path, what, token)
    if inherited is not None:
        yield inherited
        return
    try:
        yield token
    finally:
        with files.locked(path.with_suffix(".guard"), _WAIT):
            if (_read(path) or {}).get("token") == token:
                path.unlink(missing_ok=True)


def _inherited(path: Path) -> str | None:
    """The token of the holder that started this process; None where nobody did. Raises Held where another one holds it."""
    mine = os.environ.get(TOKEN)
    if not path.exists() and not path.is_symlink():
        return None
    found = _read(path)
    if found is None:
        raise Held(f"{path} cannot be read, so nobody knows who holds it: look, and remove it")
    if mine and secrets.compare_digest(str(found.get("token")), mine):
        return mine
    why = _holds(found)
    if why:
        raise Held(f"{path}: {why}")
    return None


def _holds(found: dict[str, Any]) -> str:
    """Who holds it, in words; empty where the holder is provably gone."""
    what, pid = f"{found.get('what')} since {found.get('at')}", found.get("pid")
    if found.get("host") != process.host():
        return f"held by process {pid} on host {found.get('host')} ({what}); remove it once that one is gone"
    if found.get("boot") != process.boot():
        return ""
    if found.get("namespace") != process.namespace():
        return f"held by process {pid} of another container ({what}); remove it once that one is gone"
    if isinstance(pid, int) and process.alive(pid, found.get("start")):
        return f"held by process {pid} ({what})"
    return ""


def _take(path: Path, what: str, token: str) -> None:
    holder = {
        "host": process.host(),
        "boot": process.boot(),
        "namespace": process.namespace(),
        "pid": os.getpid(),
        "start": process.start_of(os.getpid()),
        "what": what,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "token": token,
    }
    # whole at once: who reads it in the middle would take it for one that cannot be read
    files.replace(path, json.dumps(holder) + "\n")
    with contextlib.suppress(OSError):
        path.chmod(0o600)


def _read(path: Path) -> dict[str, Any] | None:
    content = files.read(path, _MAX_BYTES)
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(content or b"")
        return found if isinstance(found, dict) and "pid" in found else None
    return None
