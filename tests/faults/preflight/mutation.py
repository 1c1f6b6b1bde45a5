"""The vocabulary of preflight's fault matrix: one change to a healthy release, and exactly what must be found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tests.faults.table import AnyFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mutation(AnyFault):
    """One way for a release to be unfit.

    `mutate` changes the tree it is given, in place. `config` is laid over the run's readiness.toml (None drops a key). Unless
    `committed` is False, what was changed is committed, and reviewed, so that the worktree says nothing; unless `backed_up` is
    False, the backup is made anew afterwards, so that it holds what runs. With `builds` the release's own build, tests and linter
    run too; where they are expected to fail they do anyway. Without `tool`, a program, nothing of it can be shown. `verdict` is
    what must come of it where the severities of what is expected alone do not say so.
    """

    mutate: Callable[[Path], None]
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    committed: bool = True
    backed_up: bool = True
    builds: bool = False
    tool: str | None = None
    verdict: str | None = None


def edit(name: str, old: str, new: str, *, count: int = 1) -> Callable[[Path], None]:
    """A change of text in the file `name`: `old`, which must stand there `count` times, becomes `new`."""

    def mutate(tree: Path) -> None:
        file = tree / name
        text = file.read_text(encoding="utf-8")
        found = text.count(old)
        assert found == count, f"{name}: expected {old!r} {count} times, found it {found} times"
        file.write_text(text.replace(old, new), encoding="utf-8")

    return mutate


def write(name: str, text: str) -> Callable[[Path], None]:
    """A file made or replaced, with its mode kept."""

    def mutate(tree: Path) -> None:
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    return mutate


def remove(name: str) -> Callable[[Path], None]:
    """A file taken away."""
    return lambda tree: (tree / name).unlink()


def each(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    """Several changes, in order."""

    def mutate(tree: Path) -> None:
        for change in changes:
            change(tree)

    return mutate
