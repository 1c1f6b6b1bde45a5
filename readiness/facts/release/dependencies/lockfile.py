"""Lock files of npm, bun, pnpm and yarn: what they lock, held against what package.json asks for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release.dependencies import semver
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
    text = content(lock)
    if lock.name == "yarn.lock":
        return _yarn(package, text)
    if lock.name == "pnpm-lock.yaml":
        return _pnpm(package, read_yaml(text, lock), lock)
    return _tree(package, read_json(text, lock), lock)


def content(lock: Path) -> str:
    """The text of a lock file. Raises Unreadable, for bun's binary form too."""
    if lock.name == "bun.lockb":
        # a form of bun's own, and no fault of the release
        raise Unreadable(
            f"{lock} is bun's binary form, which cannot be read here: bun install --save-text-lockfile, and commit bun.lock",
            "untold",
        )
    return file_reading.text(lock, SIZE_LIMIT)


def importer(package: Package, lock: Path) -> str:
    """The package's folder as a workspace's lock file names it: relative to the lock file, empty where that is beside it."""
    folder, top = file_reading.real(package.file.parent), file_reading.real(lock.parent)
    return "" if folder == top else folder.relative_to(top).as_posix()


def read_json(text: str, lock: Path) -> dict[str, Any]:
    """A lock file of npm, or of bun, which writes commas before closing brackets. Raises Unreadable."""
    try:
        data = json.loads(text if lock.name != "bun.lock" else _TRAILING.sub(lambda m: m[1] or "", text))
    except json.JSONDecodeError as error:
        raise Unreadable(f"{lock}:{error.lineno} is no JSON: {error.msg}", "broken", lock, error.lineno) from None
    except (ValueError, RecursionError):
        raise Unreadable(f"{lock} is no JSON", "broken", lock) from None
    if not isinstance(data, dict):
        raise Unreadable(f"{lock} holds no object", "broken", lock)
    return data


def read_yaml(text: str, lock: Path) -> dict[str, Any]:
    """A lock file of pnpm, or of yarn 2 and later. Raises Unreadable."""
    require_extra("preflight")
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - texts alone: a version is no number
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unreadable(f"{lock} is no YAML", "broken", lock) from None
    if not isinstance(data, dict):
        raise Unreadable(f"{lock} holds no table", "broken", lock)
    return data


def _tree(package: Package, data: dict[str, Any], lock: Path) -> list[str]:
    bun, own = lock.name == "bun.lock", importer(package, lock)
    top = data.get("workspaces" if bun else "packages")
    root = top.get(own) if isinstance(top, dict) else None
    if not isinstance(root, dict):
        if own and isinstance(top, dict):
            raise Unreadable(
                f"{lock} does not know the package {own}: install again at the workspace's top", "broken", lock
            )
        raise Unreadable(f"{lock} is of a form that is not read here: renew it with a newer npm", "untold", lock)
    locked = data.get("packages")
    wrong = []
    for kind in KINDS:
        asked, known = package.wanted(kind), root.get(kind)
        known = known if isinstance(known, dict) else {}
        wrong += _differences(asked, known)
        for name in asked:
            places = (
                [name, f"{package.name}/{name}"]
                if bun
                else [f"{own}/node_modules/{name}" if own else "", f"node_modules/{name}"]
            )
            is_locked = not isinstance(locked, dict) or any(key in locked for key in places)
            if name in known and not is_locked and kind != "optionalDependencies":
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
    lines = [line for line in text.splitlines() if line and not line[0].isspace() and not line.startswith("#")]
    keys = {key for line in lines if line.rstrip().endswith(":") for key in yarn_keys(line)}
    asked = package.wanted(*KINDS)
    return [
        f"{name}@{wanted} is not locked"
        for name, wanted in asked.items()
        if f"{name}@{wanted.removeprefix('npm:')}" not in keys and not _is_patched(name, keys)
    ]


def yarn_keys(head: str) -> list[str]:
    """The names with ranges that an entry of yarn.lock answers: its first line, without the `npm:` of later versions."""
    keys = [key.strip().strip('"') for key in head.rstrip().rstrip(":").strip('"').split(",")]
    return [re.sub(r"(?<=.)@npm:", "@", key, count=1) for key in keys]


def _is_patched(name: str, keys: set[str]) -> bool:
    """Whether yarn changes a package by a patch, and so locks it under another range."""
    return any(key.startswith(f"{name}@patch:") for key in keys)


def _pnpm(package: Package, data: dict[str, Any], lock: Path) -> list[str]:
    importers = data.get("importers", {".": data})
    own = importer(package, lock) or "."
    root = importers.get(own) if isinstance(importers, dict) else None
    if not isinstance(root, dict):
        raise Unreadable(f"{lock} does not know the package {own}: pnpm install at the workspace's top", "broken", lock)
    differences = []
    for kind in KINDS:
        entries, older = table(root, kind), table(root, "specifiers")
        known = {
            name: entry.get("specifier") if isinstance(entry, dict) else older.get(name, entry)
            for name, entry in entries.items()
        }
        # an override is written into the lock file instead of what package.json asks for
        overridden = set(table(data, "overrides"))
        asked = {
            name: str(known.get(name, wanted)) if name in overridden else wanted
            for name, wanted in package.wanted(kind).items()
        }
        differences += _differences(asked, known)
    return differences


def table(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The table under `key`; an empty one where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


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
