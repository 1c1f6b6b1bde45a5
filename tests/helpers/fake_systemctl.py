"""A systemctl on PATH that enforces the start limit as systemd does: past it nothing starts until `reset-failed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LIMIT = 5
"""StartLimitBurst of systemd-system.conf(5)."""
_SCRIPT = """#!/bin/sh
echo "$*" >> "{folder}/systemctl.log"
failed=$(cat "{folder}/failed-starts")
case "$1" in
start)
    if [ "$failed" -ge {limit} ]; then
        echo "Job for $2 failed because start of the service was attempted too often." >&2
        exit 1
    fi
    {start} || {{ echo $((failed + 1)) > "{folder}/failed-starts"; exit 1; }} ;;
stop) rm -f "{folder}/hub" ;;
reset-failed) echo 0 > "{folder}/failed-starts" ;;
show) head -n 1 "{folder}/restarts"; [ "$(wc -l < "{folder}/restarts")" -gt 1 ] && sed -i 1d "{folder}/restarts"; true ;;
*) exit 1 ;;
esac
"""


def install(folder: Path, patch: pytest.MonkeyPatch, *, start: str = "true", failed: int = LIMIT) -> None:
    """Put it first on PATH; `failed` starts lie behind it, and `start` is the command behind the unit."""
    tools = folder / "tools"
    tools.mkdir()
    (folder / "failed-starts").write_text(f"{failed}\n")
    (folder / "restarts").write_text("0\n")
    script = tools / "systemctl"
    script.write_text(_SCRIPT.format(folder=folder, start=start, limit=LIMIT))
    script.chmod(0o755)
    patch.setenv("PATH", str(tools), prepend=":")


def calls(folder: Path) -> list[str]:
    """What it was called with, in order."""
    path = folder / "systemctl.log"
    return path.read_text().splitlines() if path.exists() else []
