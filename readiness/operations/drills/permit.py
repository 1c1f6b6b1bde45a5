"""Whether a target may be broken on purpose, now. Refused drills have done nothing at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.config import parse_window
from readiness.errors import Unknown
from readiness.facts.http import port_of
from readiness.support import locks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config


def refusal(config: Config, now: dt.datetime | None = None, minutes: float = 0.0) -> str:
    """Why a drill of `minutes` may not run here and now, and what to set; empty where it may."""
    drill = config.drill
    if not config.drill_requested:
        return "not drilled: drills run only with --readiness-drill"
    if not drill.allowed:
        return (
            "not drilled: this target does not allow it; set [drill] allowed = true where it may be broken on purpose"
        )
    if not drill.window:
        if not config.production:
            return ""
        return (
            "not drilled: production is broken on purpose only in a named window; "
            'set [drill] window, like "Sun 02:00-04:00 UTC"'
        )
    return _outside(drill.window, now or dt.datetime.now(dt.UTC), minutes)


def _outside(text: str, moment: dt.datetime, minutes: float) -> str:
    """Why a drill of `minutes` that begins at `moment` does not lie in the window; empty where it does."""
    window = parse_window(text)
    if not window.is_open(moment):
        return f"not drilled: the window {text} is closed now; run again inside it, or change [drill] window"
    if not window.is_open(moment + dt.timedelta(minutes=minutes)):
        return f"not drilled: it takes {minutes:.3g} minutes, and the window {text} closes before; begin earlier"
    return ""


@contextlib.contextmanager
def alone(config: Config) -> Iterator[None]:
    """Keep other drills off this hub while the block runs, in whichever run they are. Raises Unknown where one goes on.

    The kernel gives the lock back when this process ends, however it ends.
    """
    port = port_of(config.target.facts_url or "") or 0
    file = Path(tempfile.gettempdir()) / f"readiness-drill-{os.getuid()}-{port}.lock"
    number = _locked(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(number)


def _locked(file: Path) -> int:
    """The open, locked file. Raises Unknown where somebody else holds it, or it cannot be had."""
    while True:
        try:
            number = os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unknown(f"not drilled: {file} cannot be locked: {error.strerror}") from None
        try:
            is_held = locks.obtain(number)
        except OSError:  # a file system without locks
            is_held = False
        if not is_held:
            os.close(number)
            raise Unknown("not drilled: another drill goes on at this hub; wait for its end and run again")
        # whoever held it removed the file meanwhile: then another one may be locked by now
        if _is_still(file, number):
            return number
        os.close(number)


def _is_still(file: Path, number: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(number))
    except FileNotFoundError:
        return False
