"""Lock files of npm, bun, pnpm and yarn: what they lock, held against what package.json asks for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release import semver
from readiness.support import Unreadable, file_reading, require_extra

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.release.package_json import Package

KINDS: Final = ("dependencies", "devDependencies", "optionalDependencies")
SIZE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a lock file at most."""
_TRAILING: Final = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_COMMIT: Final = re.compile(r"#[0-9a-f]{40}$")
_ELSEWHERE: Final = re.compile(r"(?:git|git\+\w+|https?|github|gitlab|bitbucket):|[\w-]+/[\w.-]+(?:#|$)")
_LOCAL: Final = re.compile(r"(?:file|link|workspace|portal|catalog):")


def out_of_step(package: Package, lock: Path) -> list[str]:
    """How `lock` differs from what `package` asks for, in words. Raises Unreadable where it cannot be compared."""
    if lock.name == "bun.lockb":
        raise Unreadable(
            f"{lock} is bun's binary form, which is not read here: bun install --save-text-lockfile", "binary"
        )
    text = file_reading.text(lock, SIZE_LIMIT)
    if lock.name == "yarn.lock":
        return _yarn(package, text)
    if lock.name == "pnpm-lock.yaml":
        return _pnpm(package, text, lock)
    return _tree(package, _jsonc(text, lock), lock)


def _jsonc(text: str, lock: Path) -> dict[str, Any]:
    try:
        data = json.loads(text if lock.name != "bun.lock" else _TRAILING.sub(lambda m: m[1] or "", text))
    except json.JSONDecodeError as error:
        raise Unreadable(f"{lock}:{error.lineno} is no JSON: {error.msg}", "broken", lock, error.lineno) from None
    except (ValueError, RecursionError):
        raise Unreadable(f"{lock} is no JSON", "broken", lock) from None
    if not isinstance(data, dict):
        raise Unreadable(f"{lock} holds no object", "broken", lock)
    return data


def _tree(package: Package, data: dict[str, Any], lock: Path) -> list[str]:
    bun = lock.name == "bun.lock"
    top = data.get("workspaces" if bun else "packages")
    root = top.get("") if isinstance(top, dict) else None
    if not isinstance(root, dict):
        raise Unreadable(f"{lock} is of a form that is not read here: renew it with a newer npm", "broken", lock)
    locked = data.get("packages")
    wrong = []
    for kind in KINDS:
        asked, known = package.wanted(kind), root.get(kind)
        known = known if isinstance(known, dict) else {}
        wrong += _differences(asked, known)
        for name in asked:
            key = name if bun else f"node_modules/{name}"
            if name in known and isinstance(locked, dict) and key not in locked and kind != "optionalDependencies":
                wrong.append(f"{name} is asked for and not locked")
    return wrong


def _differences(asked: dict[str, str], known: dict[str, Any]) -> list[str]:
    differences = [f"{name} is missing from the lock file" for name in asked if name not in known]
    differences += [f"{name} is locked and no longer asked for" for name in known if name not in asked]
    differences += [
        f"{name}: package.json asks for {asked[name]}, the lock file for {known[name]}"
        for name in asked
        if name in known and known[name] != asked[name]
    ]
    return differences


def _yarn(package: Package, text: str) -> list[str]:
    keys = {
        entry.strip().strip('"').replace("@npm:", "@")
        for line in text.splitlines()
        if line and not line[0].isspace() and line.rstrip().endswith(":") and not line.startswith("#")
        for entry in line.rstrip().rstrip(":").strip('"').split(",")
    }
    asked = package.wanted(*KINDS)
    return [f"{name}@{wanted} is not locked" for name, wanted in asked.items() if f"{name}@{wanted}" not in keys]


def _pnpm(package: Package, text: str, lock: Path) -> list[str]:
    require_extra("preflight")
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the safe loader, in C
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unreadable(f"{lock} is no YAML", "broken", lock) from None
    importers = data.get("importers", {".": data}) if isinstance(data, dict) else None
    root = importers.get(".") if isinstance(importers, dict) else None
    if not isinstance(root, dict):
        raise Unreadable(f"{lock} is of a form that is not read here", "broken", lock)
    differences = []
    for kind in KINDS:
        entries, older = _table(root, kind), _table(root, "specifiers")
        known = {
            name: entry.get("specifier") if isinstance(entry, dict) else older.get(name, entry)
            for name, entry in entries.items()
        }
        differences += _differences(package.wanted(kind), known)
    return differences


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    table = data.get(key)
    return table if isinstance(table, dict) else {}


def unpinned(package: Package, *, locked: bool) -> list[str]:
    """Dependencies of production that may be something else tomorrow, in words.

    With a lock file a bounded range is pinned by it; without one only an exact version is.
    """
    loose = []
    for name, wanted in package.wanted("dependencies", "optionalDependencies").items():
        text = wanted.removeprefix("npm:")
        text = text.rpartition("@")[2] if wanted.startswith("npm:") else text
        if _LOCAL.match(text) or semver.is_exact(text) or _COMMIT.search(text):
            continue
        if _ELSEWHERE.match(text):
            loose.append(f"{name} comes from {text[:80]} without a commit")
        elif not locked or not semver.is_bounded(text):
            loose.append(f"{name} {wanted or 'any version'}")
    return loose
