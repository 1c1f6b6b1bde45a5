"""The packages that a lock file installs for production, by npm, pnpm, yarn (1 and later) and bun: each name with its version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release.dependencies import lockfile
from readiness.support import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from readiness.facts.release.package_json import Package

RUNNING: Final = ("dependencies", "optionalDependencies")
"""The kinds that are installed for production."""
_DEEPEST: Final = 50
_PULLED: Final = (*RUNNING, "peerDependencies")
_PEERS: Final = re.compile(r"\(.*$|(?<=\d)_.*$")
_SCOPED: Final = re.compile(r"@[^/]+/[^/]+|[^/]+")

Locked = tuple[str, str]
"""A package's name and its version."""
_Node = tuple[Locked | None, list[str]]
"""A package (None: one of the workspace's own) and the keys of what it needs."""


def production(package: Package, lock: Path) -> set[Locked]:
    """What `lock` installs where development's dependencies are left out. Raises Unreadable where it cannot be told."""
    text = lockfile.content(lock)
    own = lockfile.importer(package, lock)
    if lock.name == "yarn.lock":
        found = _yarn(package, text, lock)
    elif lock.name == "pnpm-lock.yaml":
        found = _pnpm(lockfile.read_yaml(text, lock), own)
    elif lock.name == "bun.lock":
        found = _bun(lockfile.read_json(text, lock), own)
    else:
        found = _npm(lockfile.read_json(text, lock))
    if not found and package.wanted(*RUNNING):
        raise Unreadable(f"{lock} names none of the packages that run in production", "untold", lock)
    return found


def _closure(start: Iterable[str], node: Callable[[str], _Node | None]) -> set[Locked]:
    """Every package that is reached from `start`."""
    found: set[Locked] = set()
    waiting, seen = list(start), set[str]()
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        entry = node(key)
        if entry is not None:
            if entry[0] is not None:
                found.add(entry[0])
            waiting += entry[1]
    return found


def _npm(data: dict[str, Any]) -> set[Locked]:
    packages = data.get("packages")
    if not isinstance(packages, dict):
        return set(_older_npm(data))
    found = set()
    for path, entry in packages.items():
        if "node_modules/" not in path or not isinstance(entry, dict) or entry.get("dev") or entry.get("link"):
            continue
        version = entry.get("version")
        if isinstance(version, str):
            found.add((str(entry.get("name") or path.rpartition("node_modules/")[2]), version))
    return found


def _older_npm(data: dict[str, Any], depth: int = 0) -> Iterator[Locked]:
    """The tree of npm 6."""
    for name, entry in lockfile.table(data, "dependencies").items():
        if isinstance(entry, dict) and not entry.get("dev") and depth < _DEEPEST:
            if isinstance(entry.get("version"), str):
                yield name, entry["version"]
            yield from _older_npm(entry, depth + 1)


# --- pnpm -----------------------------------------------------------------------------------------------------------


def _pnpm(data: dict[str, Any], own: str) -> set[Locked]:
    importers = lockfile.table(data, "importers") or {".": data}
    packages, snapshots = lockfile.table(data, "packages"), lockfile.table(data, "snapshots")

    def keys(table: dict[str, Any]) -> list[str]:
        versions = {name: value for kind in RUNNING for name, value in lockfile.table(table, kind).items()}
        return [
            key
            for name, value in versions.items()
            for key in _pnpm_keys(name, value.get("version") if isinstance(value, dict) else value)
        ]

    def node(key: str) -> _Node | None:
        if key not in packages and key not in snapshots:
            return None
        entry = snapshots.get(key) or packages.get(key)
        return _pnpm_name(key), keys(entry if isinstance(entry, dict) else {})

    importer = importers.get(own or ".")
    return _closure(keys(importer if isinstance(importer, dict) else {}), node)


def _pnpm_keys(name: str, version: object) -> list[str]:
    """The forms in which pnpm 7 to 10 name one package; only one of them is there."""
    text = str(version)
    return [text, f"{name}@{text}", f"/{name}@{text}", f"/{name}/{text}"]


def _pnpm_name(key: str) -> Locked:
    plain = _PEERS.sub("", key.removeprefix("/"))
    name, at, version = plain.rpartition("@")
    if not at or not name or "/" in version:
        name, _, version = plain.rpartition("/")
    return name, version


# --- yarn -----------------------------------------------------------------------------------------------------------


def _yarn(package: Package, text: str, lock: Path) -> set[Locked]:
    entries = _yarn_berry(lockfile.read_yaml(text, lock)) if "\n__metadata:" in text else _yarn_classic(text)
    by_name: dict[str, list[str]] = {}
    for key in entries:
        by_name.setdefault(key.rpartition("@")[0], []).append(key)

    def keys(wanted: dict[str, str]) -> list[str]:
        found = []
        for name, version in wanted.items():
            key = f"{name}@{version.removeprefix('npm:')}"
            # `resolutions` and patches change what a range leads to: then whatever is locked under the name counts
            found += [key] if key in entries else by_name.get(name, [])
        return found

    def node(key: str) -> _Node | None:
        locked, wanted = entries[key]
        return locked, keys(wanted)

    return _closure(keys(package.wanted(*RUNNING)), node)


_YarnEntries = dict[str, "tuple[Locked | None, dict[str, str]]"]


def _yarn_classic(text: str) -> _YarnEntries:
    entries: _YarnEntries = {}
    for block in re.split(r"\n(?=\S)", text):
        head, _, body = block.partition("\n")
        version = re.search(r'^  version "?([^"\n]+)', body, re.MULTILINE)
        if head.startswith("#") or not head.rstrip().endswith(":") or version is None:
            continue
        needs = dict[str, str]()
        kind = ""
        for line in body.splitlines():
            if line.startswith("    ") and kind in RUNNING:
                name, _, wanted = line.strip().partition(" ")
                needs[name.strip('"')] = wanted.strip('"')
            elif not line.startswith("    "):
                kind = line.strip().rstrip(":")
        for key in lockfile.yarn_keys(head):
            name = key.rpartition("@")[0]
            # an alias is asked for as other@npm:name@range, of which `npm:` is gone
            real = re.match(r"@?[^@]+@(.+)", name)
            entries[key] = ((real[1] if real else name, version[1]), needs)
    return entries


def _yarn_berry(data: dict[str, Any]) -> _YarnEntries:
    entries: _YarnEntries = {}
    for head, entry in data.items():
        if head == "__metadata" or not isinstance(entry, dict):
            continue
        resolution = str(entry.get("resolution", ""))
        name, _, source = resolution[1:].partition("@")
        locked = None if source.startswith("workspace:") else (resolution[:1] + name, str(entry.get("version")))
        needs = {one: str(wanted) for one, wanted in lockfile.table(entry, "dependencies").items()}
        for key in lockfile.yarn_keys(head):
            entries[key] = (locked, needs)
    return entries


# --- bun ------------------------------------------------------------------------------------------------------------


def _bun(data: dict[str, Any], own: str) -> set[Locked]:
    packages = lockfile.table(data, "packages")
    workspaces = lockfile.table(data, "workspaces")

    def resolve(name: str, above: str) -> str | None:
        """The key under which `name` is found from the package at `above`: the deepest that is there, as Node looks."""
        parts = _SCOPED.findall(above)
        for depth in range(len(parts), -1, -1):
            key = "/".join([*parts[:depth], name])
            if key in packages:
                return key
        return None

    def keys(table: dict[str, Any], above: str) -> list[str]:
        names = [name for kind in _PULLED for name in lockfile.table(table, kind)]
        return [key for name in names if (key := resolve(name, above)) is not None]

    def node(key: str) -> _Node | None:
        entry = packages[key]
        if not isinstance(entry, list) or not entry:
            return None
        name, _, version = str(entry[0])[1:].partition("@")
        if version.startswith("workspace:"):
            member = workspaces.get(version.removeprefix("workspace:"))
            return None, keys(member if isinstance(member, dict) else {}, key)
        tables = [part for part in entry if isinstance(part, dict)]
        return (str(entry[0])[0] + name, version), keys(tables[0] if tables else {}, key)

    root = workspaces.get(own)
    root = root if isinstance(root, dict) else {}
    return _closure(keys({kind: root.get(kind) for kind in RUNNING}, ""), node)
