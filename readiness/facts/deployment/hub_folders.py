"""Where a hub keeps what is not in its release: its cache, its state and log, by the rules it follows itself."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.facts.release import env_file
from readiness.support import file_reading

if TYPE_CHECKING:
    from readiness.config import Config

_STATE: Final = (".local", "state", "mcp-hub")


def home(config: Config) -> Path | None:
    """The HOME of the hub's user: from the env file or `[target] state`, else that of the release's owner."""
    given = _variable(config, "HOME")
    if given:
        return Path(given)
    state = config.target.state_dir
    if state is not None and state.parts[-3:] == _STATE:
        return state.parents[2]
    release = config.target.release
    if release is None:
        return None
    with contextlib.suppress(OSError, KeyError):
        owner = release.stat().st_uid
        return Path.home() if owner == os.getuid() else Path(pwd.getpwuid(owner).pw_dir)
    return None


def cache(config: Config) -> Path | None:
    """The hub's cache folder, `$XDG_CACHE_HOME/mcp-hub` or `~/.cache/mcp-hub` of its user; None: not known."""
    given = _variable(config, "XDG_CACHE_HOME")
    if given:
        return Path(given) / "mcp-hub"
    where = home(config)
    return where / ".cache" / "mcp-hub" if where else None


def state(config: Config) -> Path | None:
    """The hub's state folder: `[target] state`, else `$XDG_STATE_HOME/mcp-hub` or `~/.local/state/mcp-hub` of its user."""
    if config.target.state_dir is not None:
        return config.target.state_dir
    given = _variable(config, "XDG_STATE_HOME")
    if given:
        return Path(given) / "mcp-hub"
    where = home(config)
    return where.joinpath(*_STATE) if where else None


def _variable(config: Config, name: str) -> str:
    with contextlib.suppress(file_reading.Unreadable):
        value = env_file.of(config).get(name, "")
        return value if value.startswith("/") else ""
    return ""
