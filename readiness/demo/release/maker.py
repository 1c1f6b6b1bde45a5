"""Making the sample release: its files from the templates beside this module, what depends on the day, its history."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.demo.faults.fault import DemoError
from readiness.demo.release import history
from readiness.facts.backup import CONFIGURATION, ENVIRONMENT, LOCKFILE
from readiness.operations.backup import BackupError, BackupRequest, BackupSource, create

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION: Final = "4.3.0"
PREVIOUS: Final = "4.2.1"
"""The release before it, which is kept."""
PORT: Final = 7000
"""The default port of a hub: the assessment's."""
NO_LLM: Final = "http://127.0.0.1:9/v1"
"""Where a provider would be: the discard port, at which nothing answers."""
REFERENCE: Final = "op://mcp-hub/openai/credential"
"""How the env file names its key; the value stands in the doubled vault."""
AGE: Final = 60.0
"""Seconds by which the release is older than the process that runs it."""
BUILD_SECONDS: Final = 30.0
_TEMPLATES: Final = Path(__file__).parent / "tree"
_PRIVATE: Final = 0o600
_VERSIONED: Final = ("package.json", "package-lock.json")
"""The files that name the release's version."""
_READER: Final = """#!/bin/sh
# Stands for `op read`: prints the secret that a reference names.
set -eu
case $1 in
  op://*..*) exit 1 ;;
  op://*) exec cat "$(dirname "$0")/${1#op://}" ;;
  *) exit 1 ;;
esac
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Where the parts of a sample release are, beneath one folder."""

    root: Path
    place: str = "release"
    """Where in it the release tree is: a link where several releases are kept."""

    @property
    def release(self) -> Path:
        """The release tree, as on a host beneath /opt/mcp-hub."""
        return self.root / self.place

    @property
    def previous(self) -> Path:
        """The release before it, built and kept."""
        return self.root / "releases" / PREVIOUS

    @property
    def home(self) -> Path:
        """The HOME of the service's user."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """The hub's state folder: workspaces.json and logs/."""
        return self.home / ".local" / "state" / "mcp-hub"

    @property
    def cache(self) -> Path:
        """The hub's cache folder."""
        return self.home / ".cache" / "mcp-hub"

    @property
    def vault(self) -> Path:
        """What stands for a secrets manager: one private file a secret, and the command that reads it."""
        return self.root / "vault"

    @property
    def reader(self) -> Path:
        """The command that turns a reference into its value, as `op read` does."""
        return self.vault / "read"

    @property
    def rehearsal(self) -> Path:
        """The record of the last rehearsed rollback."""
        return self.root / "rehearsal.json"

    @property
    def key(self) -> str:
        """The made-up key of the LLM's double."""
        return (self.vault / "mcp-hub" / "openai" / "credential").read_text(encoding="utf-8")


def make(folder: Path, *, now: dt.datetime | None = None) -> Path:
    """A release of a hub in `folder`, healthy in every respect; the path of its tree.

    `now` (default: the present) is the day that its commits, its backup and its rotation record are dated by.
    Raises DemoError where it cannot be built.
    """
    return sample(folder, now=now).release


def sample(
    folder: Path, *, now: dt.datetime | None = None, port: int = PORT, llm: str = NO_LLM, place: str = "release"
) -> Sample:
    """As `make`, with all its parts: `port` is where the hub will listen, `llm` the base URL of its provider.

    `place` is the tree's folder, as its unit and its scripts know it.
    """
    day = now or dt.datetime.now(dt.UTC)
    made = Sample(root=folder.resolve(), place=place)
    words = {
        "@RELEASE@": str(made.release),
        "@ROOT@": str(made.root),
        "@PORT@": str(port),
        "@LLM@": llm,
        "@PYTHON@": sys.executable,
        "@ROTATED@": (day - dt.timedelta(days=20)).date().isoformat(),
    }
    files = dict(_files(words))
    for path, content in files.items():
        _write(made.release / path, content)
    (made.release / ".env.production").chmod(_PRIVATE)
    _surroundings(made, day)
    build(made.release)
    _keep_previous(made)
    history.write(made.release, _tracked(made.release, files), _before(files), day)
    _age(made, day)
    back_up(made)
    return made


def back_up(made: Sample) -> None:
    """A new backup of the release in its folder of backups, as `readiness backup` makes one. Raises DemoError."""
    tree, state, cache = ("release", made.release), ("state", made.state), ("cache", made.cache)
    wanted = (
        (tree, "config/mcp-hub.json", CONFIGURATION),
        (tree, ".env.production", ENVIRONMENT),
        (tree, "package-lock.json", LOCKFILE),
        (tree, "package.json", "package"),
        (state, "logs", "logs"),
        (cache, ".", "cache"),
    )
    sources = tuple(BackupSource(root=root, base=base, path=path, role=role) for (root, base), path, role in wanted)
    folder = made.release / "backups"
    try:
        create(BackupRequest(folder=folder, sources=sources, commit=history.head(made.release), version=VERSION))
    except BackupError as error:
        raise DemoError(f"the sample release cannot be backed up: {error}") from None


def _files(words: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Each template's path in the release and its content, with the words filled in; then what is generated."""
    for path in sorted(_TEMPLATES.rglob("*")):
        if path.is_file():
            parts = path.relative_to(_TEMPLATES).parts
            text = path.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            yield "/".join(f".{part[4:]}" if part.startswith("dot-") else part for part in parts), text.encode()
    yield "src/catalogue.js", catalogue().encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if path.suffix == ".sh" else 0o644)


def _tracked(release: Path, files: Mapping[str, bytes]) -> dict[str, tuple[int, bytes]]:
    """What is committed: everything but the env file, which no repository may hold."""
    kept = (path for path in files if path != ".env.production")
    return {path: ((release / path).stat().st_mode & 0o777, files[path]) for path in kept}


def _before(files: Mapping[str, bytes]) -> dict[str, tuple[int, bytes]]:
    """The files that looked otherwise in the release before."""
    log = files["CHANGELOG.md"].decode()
    older = log[: log.index(f"## {VERSION}")] + log[log.index(f"## {PREVIOUS}") :]
    changed = {name: files[name].replace(VERSION.encode(), PREVIOUS.encode()) for name in _VERSIONED}
    return {name: (0o644, content) for name, content in changed.items()} | {"CHANGELOG.md": (0o644, older.encode())}


def _surroundings(made: Sample, day: dt.datetime) -> None:
    """What a release has around it on its host: the hub's folders, the vault with a new made-up key, a drill's record."""
    for folder in (made.state / "logs", made.cache, made.vault / "mcp-hub" / "openai", made.release / "logs"):
        folder.mkdir(parents=True)
    made.cache.chmod(0o700)
    made.vault.chmod(0o700)
    (made.state / "workspaces.json").write_text("{}\n", encoding="utf-8")
    rehearsed = (day - dt.timedelta(days=7)).isoformat(timespec="seconds")
    drill = {"finished": rehearsed, "seconds": 214.0, "result": "verified"}
    made.rehearsal.write_text(json.dumps(drill) + "\n", encoding="utf-8")
    credential = made.vault / "mcp-hub" / "openai" / "credential"
    credential.write_text(f"sk-proj-{secrets.token_hex(32)}", encoding="utf-8")
    credential.chmod(_PRIVATE)
    made.reader.write_text(_READER, encoding="utf-8")
    made.reader.chmod(0o700)


def build(release: Path) -> None:
    """Build it with its own script. Raises DemoError."""
    try:
        done = subprocess.run(
            ["/bin/sh", "tools/build.sh"],
            cwd=release,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DemoError(f"the sample release cannot be built: {error}") from None
    if done.returncode:
        raise DemoError(f"the sample release cannot be built: {done.stderr.strip()[-300:]}")


def _keep_previous(made: Sample) -> None:
    """The release before: the same tree with its own version, prebuilt."""
    made.previous.mkdir(parents=True)
    for name in ("src", "tools", "config", "scripts"):
        shutil.copytree(made.release / name, made.previous / name)
    for name in (*_VERSIONED, ".env.production"):
        text = (made.release / name).read_text(encoding="utf-8")
        (made.previous / name).write_text(text.replace(VERSION, PREVIOUS), encoding="utf-8")
    (made.previous / ".env.production").chmod(_PRIVATE)
    build(made.previous)


def _age(made: Sample, day: dt.datetime) -> None:
    """Date every file of both releases before the process that will run them."""
    moment = day.timestamp() - AGE
    for tree in (made.release, made.previous):
        for folder, folders, names in os.walk(tree):
            if ".git" in folders:
                folders.remove(".git")
            for name in names:
                os.utime(os.path.join(folder, name), (moment, moment))  # noqa: PTH118 - a Path for each costs more


_VERBS: Final = {
    "list": "search",
    "read": "search",
    "find": "search",
    "count": "search",
    "watch": "monitoring",
    "compare": "monitoring",
    "create": "editing",
    "update": "editing",
    "rename": "editing",
    "copy": "editing",
    "move": "editing",
    "remove": "editing",
    "export": "exchange",
    "import": "exchange",
    "share": "exchange",
    "archive": "storage",
    "restore": "storage",
    "verify": "storage",
}
_NOUNS: Final = (
    *("account", "alert", "appointment", "article", "backup", "branch", "build", "calendar", "certificate", "channel"),
    *("cluster", "column", "comment", "commit", "contact", "dashboard", "database", "deployment", "device", "diagram"),
    *("document", "domain", "environment", "event", "folder", "image", "incident", "index", "invoice", "issue"),
    *("label", "lesson", "mailbox", "message", "metric", "milestone", "note", "order", "page", "pipeline"),
    *("player", "policy", "project", "query", "queue", "record", "release", "report", "repository", "review"),
    *("route", "schedule", "script", "sensor", "server", "snapshot", "table", "template", "ticket", "volume"),
)


def catalogue() -> str:
    """A JavaScript array of over a thousand tools, one a line."""
    rows = (
        {"name": f"{verb}_{noun}", "category": category, "description": f"{verb.capitalize()} one {noun} or several."}
        for (verb, category), noun in itertools.product(_VERBS.items(), _NOUNS)
    )
    return "const CATALOGUE = [\n" + "".join(f"  {json.dumps(row)},\n" for row in rows) + "];\n"
