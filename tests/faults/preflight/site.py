"""A host with the sample release on it, made once a process and put back in its place for every mutation.

The place stays the same because a unit and a backup name their release by its absolute path.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tomli_w import dumps

from readiness.config.demo import demo_settings
from readiness.demo.faults.table import DemoError
from readiness.demo.llm import double as llm
from readiness.demo.release import Sample, back_up, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.preflight.mutation import Mutation

_GIT: Final = (
    "git",
    "-c",
    "user.name=Grace Reviewer",
    "-c",
    "user.email=grace@example.com",
    "-c",
    "commit.gpgsign=false",
)

SLOW: Final = {"build-succeeds-in-a-copy": "build", "test-suite-passes": "tests", "lint-passes": "lint"}
"""The checks that run the release's own commands, and how each is declared away."""


class Site:
    """One healthy host in `folder`, and the copy of it that a mutation may break."""

    def __init__(self, folder: Path, provider: str) -> None:
        self.folder = folder
        self.pristine = folder / "pristine"
        self.file, self.reports = folder / "readiness.toml", folder / "reports"
        self.provider = provider
        self.sample = sample(folder / "host", llm=provider)
        self.sample.root.rename(self.pristine)

    @property
    def key(self) -> str:
        """The one key that the provider's double takes."""
        return Sample(root=self.pristine).key

    def put(self, mutation: Mutation) -> Path:
        """The release tree of a fresh copy, broken as `mutation` says; its changes are committed, and reviewed."""
        _clear(self.sample.root)
        _clear(self.reports)
        subprocess.run(["cp", "-a", str(self.pristine), str(self.sample.root)], check=True, timeout=60)
        tree = self.sample.release
        mutation.mutate(tree)
        if mutation.committed:
            _merge(tree)
        if mutation.backed_up:
            self._back_up()
        settings = _merged(_merged(self._settings(), _without_builds(mutation)), mutation.config)
        self.file.write_text(dumps(settings), encoding="utf-8")
        return tree

    def _back_up(self) -> None:
        """Put a backup of the tree as it is now in the place of the older one; where none can be made, that one stays."""
        folder = self.sample.release / "backups"
        if not folder.is_dir() or folder.is_symlink():
            return
        # aside first: of two backups of one second nobody can say which is newer
        aside = self.folder / "older"
        _clear(aside)
        folder.rename(aside)
        try:
            back_up(self.sample)
        except DemoError:
            _clear(folder)
            aside.rename(folder)

    def _settings(self) -> dict[str, Any]:
        settings = demo_settings(self.sample.release)
        settings["environment"] = "production"
        settings["target"]["release"] = str(self.sample.release)
        settings["llm"] = {"base_url": {"openai": self.provider}}
        return settings


def _without_builds(mutation: Mutation) -> dict[str, Any]:
    """Declares the release's own commands away, which take most of a run, where a mutation does not concern them."""
    own = set(mutation.config.get("release", {})) & {"build", "test", "lint"}
    if mutation.builds or own or set(SLOW) & set(mutation.expected):
        return {}
    return {
        "expect": {name: {"expected": False, "reason": "not what this mutation is about"} for name in SLOW.values()}
    }


def _merge(tree: Path) -> None:
    """Commit what a mutation changed, with the review of another person on record."""
    if not (tree / ".git").is_dir():
        return
    _git(tree, "add", "--all")
    _git(
        tree,
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "A mutation\n\nReviewed-by: Ada Engineer <ada@example.com>",
    )
    _git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run([*_GIT, "-C", str(tree), *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def _clear(folder: Path) -> None:
    """Remove a copy, whatever a mutation made of its modes."""
    if not folder.exists():
        return
    for path, folders, _ in os.walk(folder):
        for name in folders:
            below = Path(path, name)
            if not below.is_symlink():
                below.chmod(0o700)
    shutil.rmtree(folder)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, table by table; None takes a key away."""
    found = dict(base)
    for key, value in over.items():
        before = found.get(key)
        found[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return {key: value for key, value in found.items() if value is not None}


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A site in `folder`, with its LLM provider's double beside it, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="provider-double", daemon=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Site(folder, f"http://127.0.0.1:{listener.getsockname()[1]}{llm.PATH}")
        thread.start()
        orders = folder / "orders"
        orders.mkdir(mode=0o700)
        double = llm.LlmDouble(listener, made.key, orders)
        asyncio.run_coroutine_threadsafe(double.start(), loop).result(10)
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(double.stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
