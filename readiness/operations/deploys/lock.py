"""One rollback or release of a hub at a time: a lock that says who holds it, and is stale only if that one is provably gone.

It lies on the hub's host, beside its release, so that two report folders of one hub exclude each other. Gone means: on
this host, and of another boot, or no process has that number and start. A lock of another host, or one that cannot be
read, is held. Whoever was started by the holder carries its token in the environment and may pass.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import journal
from readiness.support import LOCK_TOKEN, file_reading, file_writing, locks, process_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config

FILE: Final = "lock.json"
_WAIT: Final = 5.0
"""Seconds to wait for another process that is just looking at the lock."""
_MAX_BYTES: Final = 64 * 1024


class LockHeld(ReadinessError):  # noqa: N818 - an answer, no error of the program
    """Somebody else holds the lock; the text says who."""


def folder_for(config: Config) -> Path:
    """Where the lock of this hub lies: beside its release, else beside readiness.toml, else in the report folder.

    Beside means in a hidden folder, which is left in place. One that is there is used even where it may not be written:
    `held` refuses then, since another place would exclude nobody.
    """
    release, file = config.target.release, config.path
    places = []
    if release is not None:
        # the link's own name, which stays when it is switched; what is above it, by its one true name
        path = Path(os.path.abspath(release))  # noqa: PTH100 - `resolve` would follow the link
        places.append(path.parent.resolve() / f".{path.name}.readiness-lock")
    if file is not None:
        places.append(file.absolute().parent.resolve() / ".readiness-lock")
    for place in places:
        if place.is_dir() or os.access(place.parent, os.W_OK | os.X_OK):
            return place
    return config.report_dir / "rollback"


@contextlib.contextmanager
def held(folder: Path, what: str, journals: Path | None = None) -> Iterator[str]:
    """Hold the lock in `folder` for the block; yields its token. Raises LockHeld, or ReadinessError where it cannot be written.

    `journals` is the folder in which the holder writes what it does: should it die, nobody with another one passes
    before what lies there is finished.
    """
    _made(folder)
    path, token = folder / FILE, secrets.token_hex(16)
    with locks.locked(path.with_suffix(".guard"), _WAIT) as alone:
        if not alone:
            raise LockHeld(f"{path}: another process is just taking it; try again")
        inherited = _inherited(path, journals)
        if inherited is None:
            _take(path, what, token, journals)
    if inherited is not None:
        yield inherited
        return
    try:
        yield token
    finally:
        with locks.locked(path.with_suffix(".guard"), _WAIT):
            if (_read(path) or {}).get("token") == token:
                path.unlink(missing_ok=True)


def holder(folder: Path) -> tuple[str, float] | None:
    """Who holds the lock in `folder`, in words, and since when (seconds since the epoch); None where nobody does."""
    path = folder / FILE
    try:
        touched = path.lstat().st_mtime
    except OSError:
        return None
    content = _read(path)
    if content is None:
        return f"{path} is held by somebody who cannot be told", touched
    why = _holds(content)
    return (f"{path}: {why}", touched) if why else None


def is_ours(folder: Path) -> bool:
    """Whether whoever holds the lock in `folder` started this process; a token of one that has let go says nothing."""
    mine, content = os.environ.get(LOCK_TOKEN), _read(folder / FILE)
    return bool(mine) and content is not None and secrets.compare_digest(str(content.get("token")), str(mine))


def _made(folder: Path) -> None:
    """Make the folder, with a file that keeps it out of git. Raises ReadinessError where nobody could be kept out."""
    file_writing.make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ReadinessError(
            f"the lock of this hub lies in {folder}, where this user may not write: let its owner do this, or give the right"
        )
    ignore = folder / ".gitignore"
    if folder.name.endswith("readiness-lock") and not ignore.exists():
        with contextlib.suppress(OSError):
            ignore.write_text("*\n", encoding="ascii")


def _inherited(path: Path, journals: Path | None) -> str | None:
    """The token of the holder that started this process; None where nobody did. Raises LockHeld where another one holds it."""
    mine = os.environ.get(LOCK_TOKEN)
    if not path.exists() and not path.is_symlink():
        return None
    content = _read(path)
    if content is None:
        raise LockHeld(f"{path} cannot be read, so nobody knows who holds it: look, and remove it")
    if mine and secrets.compare_digest(str(content.get("token")), mine):
        return mine
    why = _holds(content) or _left_open(content, journals)
    if why:
        raise LockHeld(f"{path}: {why}")
    return None


def _left_open(content: dict[str, Any], journals: Path | None) -> str:
    """What a holder that is gone left unfinished in a folder of journals that is not ours; empty where nothing is."""
    theirs = content.get("journals")
    if not isinstance(theirs, str) or (journals is not None and Path(theirs) == journals.resolve()):
        return ""
    try:
        state = journal.unfinished_journal(Path(theirs))
    except ReadinessError as error:
        return f"{content.get('what')} since {content.get('at')} ended, and how far it came cannot be read: {error}"
    if state is None:
        return ""
    folder = state.path.parent.parent
    verb = "release" if state.path.parent.name == "release" else "rollback"
    return (
        f"process {content.get('pid')} is gone and left {state.path} unfinished: "
        f"`readiness {verb} --resume --readiness-report {folder}` finishes it, --abandon gives it up"
    )


def _holds(content: dict[str, Any]) -> str:
    """Who holds it, in words; empty where the holder is provably gone."""
    what, pid = f"{content.get('what')} since {content.get('at')}", content.get("pid")
    if content.get("host") != process_identity.host():
        return f"held by process {pid} on host {content.get('host')} ({what}); remove it once that one is gone"
    if content.get("boot") != process_identity.boot():
        return ""
    if content.get("namespace") != process_identity.namespace():
        return f"held by process {pid} of another container ({what}); remove it once that one is gone"
    if isinstance(pid, int) and process_identity.alive(pid, content.get("start")):
        return f"held by process {pid} ({what})"
    return ""


def _take(path: Path, what: str, token: str, journals: Path | None) -> None:
    holder = {
        "host": process_identity.host(),
        "boot": process_identity.boot(),
        "namespace": process_identity.namespace(),
        "pid": os.getpid(),
        "start": process_identity.start_of(os.getpid()),
        "what": what,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "token": token,
        "journals": None if journals is None else str(journals.resolve()),
    }
    # whole at once: who reads it in the middle would take it for one that cannot be read
    file_writing.replace_file(path, json.dumps(holder) + "\n")
    with contextlib.suppress(OSError):
        path.chmod(0o600)


def _read(path: Path) -> dict[str, Any] | None:
    content = file_reading.content_or_none(path, _MAX_BYTES)
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(content or b"")
        return document if isinstance(document, dict) and "pid" in document else None
    return None
