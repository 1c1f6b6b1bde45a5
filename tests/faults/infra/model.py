"""The vocabulary of infra's fault matrix: edits of what a healthy host answers, and exactly what must be found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.faults.table import AnyFault

if TYPE_CHECKING:
    import pytest

Told = tuple[int | None, str]
"""An answer as it is recorded: the exit status on the host (None: cut short) and the text."""
Edit = Told | Callable[[str], str] | None
"""What becomes of one answer: another one, a change of its text, or None: it is lost on the way."""
Patch = Callable[["pytest.MonkeyPatch"], None]
"""What is put in place of the world around the hosts, for one run."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault(AnyFault):
    """One way for a host to be unfit.

    `edits` names answers of the healthy host. `config` is laid over the run's readiness.toml (None drops a key). `unreachable` is
    why the host could not be looked at. `patch` is for what is not asked of a host (an address that is observed from here).
    `absent` are checks that must be not applicable, and no others. `verdict` is what must come of it where the severities of what
    is expected do not say so.
    """

    edits: Mapping[str, Edit] = dataclasses.field(default_factory=dict)
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    privileged: bool = True
    unreachable: str = ""
    patch: Patch | None = None
    absent: tuple[str, ...] = ()
    verdict: str | None = None


def swap(old: str, new: str, *, count: int = 1) -> Callable[[str], str]:
    """A change of an answer's text: `old`, which must stand there `count` times, becomes `new`."""

    def change(text: str) -> str:
        found = text.count(old)
        assert found == count, f"expected {old!r} {count} times, found it {found} times"
        return text.replace(old, new)

    return change


def add(line: str) -> Callable[[str], str]:
    """One more line at an answer's end."""
    return lambda text: f"{text.rstrip()}\n{line}\n"


def each(*changes: Callable[[str], str]) -> Callable[[str], str]:
    """Several changes of one answer, in order."""

    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return text

    return change
