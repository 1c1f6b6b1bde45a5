"""What a simulated script works with: values that may be unknown, the state of a shell, and what was seen to run."""

from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from readiness.facts.scripts.tree import Block

NOTHING: Final[frozenset[str]] = frozenset()
ROOT: Final = "@"
"""How paths name the release's own folder."""
_ALWAYS_THERE: Final = frozenset(
    {"", ROOT, "/", "/dev", "/dev/shm", "/tmp", "/run", "/run/lock", "/var/log", "/var/tmp", "/var/run", "/var/lock"}  # noqa: S108 - compared with, never written to
) | {"${HOME}", "${TMPDIR}"}


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """A text; where it is not `known`, placeholders like `${NAME}` stand for what nobody can tell beforehand.

    `names` are the variables whose content is in it, `sources` the commands whose output is.
    """

    text: str
    known: bool = True
    names: frozenset[str] = NOTHING
    sources: frozenset[str] = NOTHING

    def __str__(self) -> str:
        return self.text


EMPTY: Final = Value("")


def joined(values: Iterable[Value], separator: str = "") -> Value:
    """Several values as one."""
    parts = list(values)
    return Value(
        separator.join(part.text for part in parts),
        all(part.known for part in parts),
        NOTHING.union(*(part.names for part in parts)),
        NOTHING.union(*(part.sources for part in parts)),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A file that a redirection opens; `ready` says whether its folder is known to be there by then."""

    path: str
    ready: bool
    line: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command as it ran, with what held at that moment.

    `argv` as typed and expanded, `inner` without wrappers like nohup and sudo. `tested`: its own status is looked at. `errexit`: its failure would end
    the script. `clock` in simulated seconds. `locks` are held while it runs. `fed`: its input is no terminal. `within`: (file, line) of the callers.
    """

    argv: tuple[Value, ...]
    inner: tuple[Value, ...]
    file: str
    line: int
    pos: int
    kind: str = "command"
    wrappers: frozenset[str] = NOTHING
    writes: tuple[Write, ...] = ()
    tested: bool = False
    errexit: bool = False
    background: bool = False
    fed: bool = False
    bound: float | None = None
    clock: float = 0.0
    locks: frozenset[str] = NOTHING
    invokes: str | None = None
    env: tuple[tuple[str, Value], ...] = ()
    within: tuple[tuple[str, int], ...] = ()
    handler: str = ""
    directory: str = ROOT
    dead: bool = False
    """It failed in this run."""

    @property
    def name(self) -> str:
        """The program's name without its folder."""
        return posixpath.basename(self.inner[0].text) if self.inner else ""

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments as text."""
        return tuple(value.text for value in self.inner[1:])

    @property
    def place(self) -> str:
        """`scripts/x.sh:12`."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """The command in one line."""
        return " ".join(value.text for value in self.argv)


Decision: TypeAlias = tuple[tuple[str, int], int, int]
"""Where (file and offset), how many ways there were, and which was taken."""
World: TypeAlias = "Callable[[Step], int | None]"
"""What a command's exit status is in this simulation; None: as usual (0)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One way through a script. `ended` is `end`, `exit`, `exec` or, where it was given up, `endless`."""

    steps: tuple[Step, ...]
    status: int
    ended: str
    clock: float
    decisions: tuple[Decision, ...]
    vague: bool = False
    """A sleep of unknown length was met."""


class Loaded(Protocol):
    """A script of the release as the simulation needs it."""

    path: str
    role: str

    @property
    def body(self) -> Block:
        """Its statements."""

    @property
    def options(self) -> frozenset[str]:
        """Options that its first line sets."""


class Library(Protocol):
    """The scripts of a release."""

    def find(self, path: str) -> Loaded | None:
        """The script that a command line names."""


@dataclasses.dataclass(slots=True)
class State:
    """A shell's state; a subshell works on a copy."""

    zero: str
    args: list[Value] = dataclasses.field(default_factory=list)
    variables: dict[str, Value | list[Value]] = dataclasses.field(default_factory=dict)
    options: set[str] = dataclasses.field(default_factory=set)
    traps: dict[str, str] = dataclasses.field(default_factory=dict)
    fds: dict[int, str] = dataclasses.field(default_factory=dict)
    locks: set[tuple[str, int]] = dataclasses.field(default_factory=set)
    """Path and file descriptor of each lock; -1 for one that is a file or folder itself."""
    cwd: str = ROOT

    def copy(self) -> State:
        """A subshell's state: traps are reset there."""
        return State(
            zero=self.zero,
            args=list(self.args),
            variables=dict(self.variables),
            options=set(self.options),
            fds=dict(self.fds),
            locks=set(self.locks),
            cwd=self.cwd,
        )

    def beneath(self, path: str) -> str:
        """`path` from the release's folder, as far as that can be told."""
        if path.startswith("~/"):
            path = "${HOME}" + path[1:]
        if not path.startswith(("/", "$", ROOT)):
            path = f"{self.cwd}/{path}"
        return posixpath.normpath(path) if path[:1] in {"/", ROOT} or "/../" not in path else path


def is_there(folder: str, made: set[str]) -> bool:
    """Whether a folder exists by now: made before, or one that every system has."""
    return folder in _ALWAYS_THERE or folder in made


class Exited(Exception):  # noqa: N818 - control flow, named after what happened
    """The (sub)shell ends."""

    def __init__(self, status: int, how: str = "exit") -> None:
        self.status, self.how = status, how


class Returned(Exception):  # noqa: N818 - as above
    """A function, or a sourced file, returns."""

    def __init__(self, status: int) -> None:
        self.status = status


class Left(Exception):  # noqa: N818 - as above
    """`break` and `continue`, `levels` loops up."""

    def __init__(self, levels: int, *, again: bool) -> None:
        self.levels, self.again = levels, again
