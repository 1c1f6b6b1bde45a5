"""What systemd has to be told and asked where the hub is a unit of it: past its start limit it starts nothing any more.

Nothing here decides: an order that systemd refuses is said, and what comes of it is seen at the hub.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config

SECONDS: Final = 10.0
"""Seconds that systemd has for an answer."""
_BOOTED: Final = Path("/run/systemd/system")
"""There where systemd is the machine's first process (sd_booted(3))."""
_USER: Final = "--user"


def unit_of(config: Config) -> str | None:
    """The unit's name as systemd knows it; None where none is configured or there is no systemctl here."""
    unit = config.target.unit
    return None if unit is None or shutil.which("systemctl") is None else Path(unit).name


def reset_failed(unit: str, start: Sequence[str]) -> list[str]:
    """The command that makes systemd forget the failed starts of `unit`, with the right by which `start` is called."""
    right = list(start[: start.index("systemctl")]) if start[:1] == ("sudo",) and "systemctl" in start else []
    return [*right, "systemctl", *_of_user(start), "reset-failed", unit]


def forget_failures(config: Config) -> str:
    """Let systemd forget what failed before the hub is started; a line of what came of it, empty where there is no unit."""
    from readiness.support import child_process

    unit = unit_of(config)
    if unit is None:
        return ""
    try:
        done = child_process.run(reset_failed(unit, config.rollback.start), timeout=SECONDS, env=os.environ)
    except Unknown as error:
        return f"reset-failed {unit}: {error}"
    # a unit that never failed is no error worth more than a line: the start will show it
    return f"reset-failed {unit}: {done.ending if not done.ok else 'done'}"


def restarts(config: Config) -> int | None:
    """How often systemd has started the unit anew by itself; None where there is no unit, or no systemd to ask.

    Raises Unknown where systemd runs here and does not say.
    """
    from readiness.support import child_process

    unit = unit_of(config)
    if unit is None:
        return None
    argv = ["systemctl", *_of_user(config.rollback.start), "show", "--property=NRestarts", "--value", unit]
    done = child_process.run(argv, timeout=SECONDS, env=os.environ)
    count_text = done.out.strip()
    if done.ok and count_text.isdecimal():
        return int(count_text)
    if not _BOOTED.is_dir():
        return None
    raise Unknown(
        f"systemd does not say how often {unit} was restarted: {done.last_words() if not done.ok else count_text!r}"
    )


def _of_user(start: Sequence[str]) -> list[str]:
    return [_USER] if _USER in start else []
