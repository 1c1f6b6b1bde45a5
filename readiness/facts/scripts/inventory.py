"""Which files of a release are its scripts, and what each is for, told by their names: nothing is parsed here."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Final

from readiness.config import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config

FOLDERS: Final = ("scripts", "bin", "deploy", "deployment", "ops")
"""Where releases keep their scripts, beside the release's own folder."""
_LEVELS: Final = 3
"""Folders below each of them that are looked into."""
_ENDINGS: Final = (".sh", ".bash")
ROLES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "backup": ("backup-pre-deployment.sh", frozenset({"backup", "backups", "snapshot"})),
    "rollback": ("rollback-deployment.sh", frozenset({"rollback", "revert", "restore"})),
    "stop": ("stop-mcp-hub.sh", frozenset({"stop", "shutdown"})),
    "validate": ("validate-deployment.sh", frozenset({"validate", "verify", "smoke", "healthcheck", "health"})),
    "monitor": ("monitor-production.sh", frozenset({"monitor", "watch", "dashboard"})),
    "alerts": ("check-alerts.sh", frozenset({"alerts", "alert", "alerting"})),
    "performance": ("measure-performance.sh", frozenset({"performance", "perf", "measure", "baseline", "benchmark"})),
    "complete": (
        "complete-deployment.sh",
        frozenset({"complete", "full", "orchestrate", "orchestrator", "pipeline", "release"}),
    ),
    "start": ("start-mcp-hub.sh", frozenset({"start"})),
    "deploy": ("deploy-mcp-hub.sh", frozenset({"deploy", "deployment", "upgrade", "update"})),
}
"""What a script is for: its usual name, and the words that tell it in other names, in the order in which they are asked."""


NONE: Final = "none"
"""What [target] scripts says of a role that no script has."""
DECLARED: Final = {"orchestrator": "complete"}
"""Roles whose key in [target] scripts has another name."""


def claims(config: Config) -> dict[str, Claim]:
    """What checks of scripts need: lifecycle scripts at all, and one for each role that is not declared to have none."""
    told = {DECLARED.get(key, key): path for key, path in config.target.script_roles.items()}
    roles_told = {
        f"{role}_script": Claim(expected=False, reason=f"[target.scripts] says that no script is there for {role}")
        for role, path in told.items()
        if path == NONE
    }
    return {"scripts": claim(config), **roles_told}


def claim(config: Config) -> Claim:
    """Whether the release is said, or seen, to bring lifecycle scripts; a folder that cannot be read counts as one."""
    if isinstance(config.target.scripts, bool):
        return Claim(expected=config.target.scripts, reason="" if config.target.scripts else "[target] scripts = false")
    if any(path != NONE for path in config.target.script_roles.values()):
        return Claim(expected=True)
    if config.target.release is None:
        return Claim(expected=False, reason="there is no [target] release whose scripts could be read")
    try:
        lifecycle = set(roles(list(names(config.target.release, strictly=True))).values()) - {"complete"}
    except OSError:
        return Claim(expected=True)
    return (
        Claim(expected=True) if lifecycle else Claim(expected=False, reason="the release brings no lifecycle scripts")
    )


def names(root: Path, *, strictly: bool = False) -> Iterator[str]:
    """Paths of the scripts, by their names or by their first line."""
    yield from sorted(entry.name for entry in _entries(root, strictly=strictly) if entry.name.endswith(_ENDINGS))
    for folder in FOLDERS:
        yield from _beneath(root, folder, _LEVELS, strictly=strictly)


def _beneath(root: Path, folder: str, levels: int, *, strictly: bool) -> Iterator[str]:
    path = root / folder
    if not os.path.lexists(path):
        return
    for entry in sorted(_entries(path, strictly=strictly), key=lambda one: one.name):
        name = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(_ENDINGS):
            if levels > 1 and entry.name not in {"node_modules", ".git"}:
                yield from _beneath(root, name, levels - 1, strictly=strictly)
        elif entry.name.endswith(_ENDINGS) or ("." not in entry.name and _is_shell(root / name)):
            yield name


def _entries(path: Path, *, strictly: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except NotADirectoryError:
        return []
    except OSError:
        if strictly and path.exists():
            raise
        return []


def _is_shell(path: Path) -> bool:
    """Whether the first line names a shell."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            first = file.read(128).split(b"\n", 1)[0]
    except OSError:
        return False
    return first.startswith(b"#!") and first.rstrip().split(b"/")[-1].split()[-1:] in ([b"bash"], [b"sh"], [b"dash"])


def candidates(files: Sequence[str], role_of: Mapping[str, str], role: str) -> list[str]:
    """The scripts without a role yet whose name has one of a role's words, the shortest name first."""
    words = ROLES[role][1]
    named = (name for name in files if name not in role_of and _words(name) & words)
    return sorted(
        (name for name in named if not _words(name) & {"lib", "test", "tests"}), key=lambda name: (len(name), name)
    )


def roles(
    files: Sequence[str], does: Callable[[str, str], bool] | None = None, told: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which script is there for what: as `told` (role to path), else by its usual name, else by a telling word; each role and each script once.

    A word is no evidence: a candidate by a word counts only where it `does` (path, role) what the role is for.
    """
    role_of: dict[str, str] = {path: role for role, path in (told or {}).items() if path in files}
    taken = {*role_of.values(), *(told or {})}
    for role, (usual, _) in ROLES.items():
        match = next((name for name in files if posixpath.basename(name) == usual), None)
        if match is not None and role not in taken and match not in role_of:
            role_of[match] = role
    for role in ROLES:
        if role in taken or role in role_of.values():
            continue
        match = next((name for name in candidates(files, role_of, role) if does is None or does(name, role)), None)
        if match is not None:
            role_of[match] = role
    return role_of


def _words(name: str) -> set[str]:
    stem = posixpath.basename(name).partition(".")[0].lower()
    return set(stem.replace("_", "-").split("-"))
