"""What a simulated script works with and what a simulation yields: values, steps, traces, gaps, and evidence that knows its gaps."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from readiness.facts.scripts.syntax import Block, Function, Node

T = TypeVar("T")
NOTHING: Final[frozenset[str]] = frozenset()
ROOT: Final = "@"
"""How paths name the release's own folder."""
MOST_STEPS: Final = 6_000
"""Commands of one run at most; a script that runs more is given up."""
MOST_STATEMENTS: Final = 60_000
"""Statements of one run at most, those that run no command included."""
_ALWAYS_THERE: Final = frozenset(
    {"", ROOT, "/", "/dev", "/dev/shm", "/tmp", "/run", "/run/lock", "/var/log", "/var/tmp", "/var/run", "/var/lock"}  # noqa: S108 - compared with, never written to
) | {"${HOME}", "${TMPDIR}"}
_KEPT: Final = frozenset(
    {"HOME", "USER", "PATH", "HOSTNAME", "LOGNAME", "TMPDIR", "UID", "EUID", "GROUPS", "RANDOM", "SRANDOM", "$", "!", "-", "_", "PPID", "SHELL", "TERM",
     "LANG", "IFS", "LINENO", "FUNCNAME", "BASH", "BASHPID", "BASH_VERSION", "BASH_VERSINFO", "BASH_LINENO", "BASH_REMATCH", "BASH_COMMAND", "OSTYPE",
     "HOSTTYPE", "MACHTYPE", "SHLVL", "OLDPWD", "COLUMNS", "LINES", "SHELLOPTS", "BASHOPTS", "EPOCHREALTIME", "DIRSTACK"}
)  # fmt: skip
"""Variables that have a value in every environment."""
_NAMED: Final = 3
"""Gaps that a reason names; the rest is counted."""


# --- values ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """A text; where it is not `known`, placeholders like `${NAME}` stand for what nobody can tell beforehand.

    `names` are the variables whose content is in it, `sources` the commands whose output is.
    """

    text: str
    known: bool = True
    names: frozenset[str] = NOTHING
    sources: frozenset[str] = NOTHING
    split: bool = False
    """Not known, and not in quotes: it is as many words as it holds."""

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


# --- gaps and evidence ----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A part of a script that was not simulated: what it does is not known."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class Incomplete(Unknown):
    """An answer would rest on parts of a script that were not simulated: it ends a check as unknown, with file and line."""

    def __init__(self, gaps: Iterable[Gap]) -> None:
        self.gaps = tuple(dict.fromkeys(gaps))
        more = f" and {len(self.gaps) - _NAMED} more" if len(self.gaps) > _NAMED else ""
        super().__init__("not simulated: " + "; ".join(str(gap) for gap in self.gaps[:_NAMED]) + more)


class ScriptEvidence(Generic[T]):
    """What was seen, together with the gaps that may hide more of it.

    Whoever needs all of it gets all of it, or Incomplete: the end of an iteration, the length, and the truth value of
    empty evidence raise it where there are gaps. So `any()` and `next()` are answered by what was seen, `all()` by a
    counter-example, and a conclusion from absence never passes over a gap. `seen` is for what is proven by being there.
    """

    __slots__ = ("gaps", "seen")

    def __init__(self, seen: Iterable[T] = (), gaps: Iterable[Gap] = ()) -> None:
        self.seen: tuple[T, ...] = tuple(seen)
        self.gaps: tuple[Gap, ...] = tuple(dict.fromkeys(gaps))

    def __iter__(self) -> Iterator[T]:
        yield from self.seen
        self.require_complete()

    def __bool__(self) -> bool:
        if not self.seen:
            self.require_complete()
        return bool(self.seen)

    def __len__(self) -> int:
        self.require_complete()
        return len(self.seen)

    def require_complete(self) -> None:
        """Return where nothing can be missing. Raises Incomplete."""
        if self.gaps:
            raise Incomplete(self.gaps)

    def where(self, holds: Callable[[T], bool]) -> ScriptEvidence[T]:
        """The items for which `holds`; an item of which that cannot be told (Incomplete) becomes a gap."""
        kept, gaps = [], list(self.gaps)
        for item in self.seen:
            try:
                if holds(item):
                    kept.append(item)
            except Incomplete as incomplete:
                gaps += incomplete.gaps
        return ScriptEvidence(kept, gaps)

    @staticmethod
    def gathered(parts: Iterable[ScriptEvidence[T]]) -> ScriptEvidence[T]:
        """All parts as one."""
        held = list(parts)
        return ScriptEvidence(
            (item for part in held for item in part.seen), (gap for part in held for gap in part.gaps)
        )


# --- what ran -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileWrite:
    """A file that a redirection opens; `ready` says whether its folder is known to be there by then."""

    path: str
    ready: bool
    line: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandStep:
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
    writes: tuple[FileWrite, ...] = ()
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


Spot: TypeAlias = tuple[str, int]
"""A place in a source: its file, with the trap whose text it is, and the offset in it."""


@dataclasses.dataclass(frozen=True, slots=True)
class BranchTaken:
    """A test whose outcome is not known beforehand: where it stands, how many ways there were, and which was taken."""

    spot: Spot
    file: str
    line: int
    ways: int
    taken: int


World: TypeAlias = "Callable[[CommandStep], int | None]"
"""What a command's exit status is in this simulation; None: as usual (0)."""
Prints: TypeAlias = "Callable[[CommandStep], str | None]"
"""What a command prints in this simulation, whatever its status; None: as usual."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One way through a script.

    `ended` is `end`, `exit` or `exec`; `loop` where it provably never ends; `gap` where it was given up, which is one of its
    `gaps` then. `certain`: so many steps were seen before the first gap: nothing is missing among them.
    """

    steps: tuple[CommandStep, ...]
    status: int
    ended: str
    clock: float
    decisions: tuple[BranchTaken, ...]
    gaps: tuple[Gap, ...] = ()
    certain: int = 0
    vague: bool = False
    """A sleep of unknown length was met."""
    file: str = ""
    line: int = 0
    """Where it ended."""

    @property
    def evidence(self) -> ScriptEvidence[CommandStep]:
        """Its steps, with its gaps."""
        return ScriptEvidence(self.steps, self.gaps)


class LoadedScript(Protocol):
    """A script of the release as the simulation needs it."""

    path: str
    role: str

    @property
    def body(self) -> Block:
        """Its statements."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What of its text could not be read or parsed."""

    @property
    def options(self) -> frozenset[str]:
        """Options that its first line sets."""


class ScriptLibrary(Protocol):
    """The scripts of a release."""

    def find(self, path: str) -> LoadedScript | None:
        """The script that a command line names."""


# --- the simulated shell --------------------------------------------------------------------------------------------

Held: TypeAlias = "Value | list[Value] | dict[str, Value]"
"""What a variable holds: a text, an array, or an associative array."""


@dataclasses.dataclass(slots=True)
class ShellState:
    """A shell's own state; a subshell works on a copy."""

    zero: str
    args: list[Value] = dataclasses.field(default_factory=list)
    variables: dict[str, Held] = dataclasses.field(default_factory=dict)
    options: set[str] = dataclasses.field(default_factory=set)
    traps: dict[str, tuple[Value, int]] = dataclasses.field(default_factory=dict)
    """What runs at a signal or event, and the line that says so."""
    fds: dict[int, str] = dataclasses.field(default_factory=dict)
    locks: set[tuple[str, int]] = dataclasses.field(default_factory=set)
    """Path and file descriptor of each lock; -1 for one that is a file or folder itself."""
    cwd: str = ROOT
    folders: list[str] = dataclasses.field(default_factory=list)
    """What pushd put aside."""

    def copy(self) -> ShellState:
        """A subshell's state: traps are reset there, but for ERR under `set -E`."""
        return ShellState(
            zero=self.zero,
            args=list(self.args),
            variables=dict(self.variables),
            options=set(self.options),
            traps={name: trap for name, trap in self.traps.items() if name == "ERR" and "errtrace" in self.options},
            fds=dict(self.fds),
            locks=set(self.locks),
            cwd=self.cwd,
            folders=list(self.folders),
        )

    def beneath(self, path: str) -> str:
        """`path` from the release's folder, as far as that can be told."""
        if path.startswith("~/"):
            path = "${HOME}" + path[1:]
        if not path.startswith(("/", "$", ROOT)):
            path = f"{self.cwd}/{path}"
        return posixpath.normpath(path) if path[:1] in {"/", ROOT} or "/../" not in path else path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SignalHandler:
    """What a script does at a signal, and the shell in which it does it."""

    text: Value
    file: str
    line: int
    state: ShellState
    functions: dict[str, Function]


class ShellRun:
    """One run of one script: the shell's state, what was seen so far, and what was decided on the way."""

    def __init__(  # noqa: PLR0913 - what a run depends on
        self,
        library: ScriptLibrary,
        world: World,
        *,
        choices: Mapping[Spot, int],
        environ: Mapping[str, str] | None,
        attended: bool = False,
        prints: Prints | None = None,
    ) -> None:
        """`environ`: the variables that are set from outside, all others being empty; None: nobody knows. `attended`: a person answers at a terminal."""
        self.library, self.world, self.choices, self.environ, self.attended = library, world, choices, environ, attended
        self.prints: Prints = prints or (lambda _: None)
        self.state = ShellState(zero="")
        self.functions: dict[str, Function] = {}
        self.homes: dict[str, str] = {}  # the file that defines each
        self.steps: list[CommandStep] = []
        self.gaps: dict[Gap, int] = {}  # with the number of steps before it
        self.decisions: dict[Spot, BranchTaken] = {}
        self.made: set[str] = set()
        self.clock, self.status, self.sub_status = 0.0, 0, 0
        self.file, self.handler, self.origin = "", "", ""
        self.ended_at = ("", 0)  # where an `exit` or a failure ended the script, or a part of it
        self.line, self.above = 0, 0  # the statement that runs, and the lines above the text that it stands in
        self.within: tuple[tuple[str, int], ...] = ()
        self.frames: list[dict[str, Held | None]] = []
        self.sink: list[Value] | None = None
        self.input: Value | None = None  # what a here-document gives to the command
        self.ignored, self.hint = 0, True
        self.background = self.fed = self.vague = False
        self.statements = 0
        self.seconds_from = 0.0  # since when $SECONDS counts
        self.job_status, self.job_clock = 0, 0.0  # how, and when, jobs in the background ended
        self.handlers: dict[tuple[str, str], SignalHandler] = {}  # every trap for a signal that was ever set
        # what a round of a loop looked at: time, undecided tests, and the variables that its tests rest on
        self.clock_read, self.unsure, self.looked_at = False, 0, set[str]()

    def gap(self, reason: str, *, line: int = 0, file: str = "") -> None:
        """Note that something here is not simulated."""
        self.gaps.setdefault(Gap(file or self.file, line or self.here, reason), len(self.steps))

    @property
    def here(self) -> int:
        """The line of the statement that runs."""
        return self.line + self.above

    def unset(self, name: str) -> Value:
        """A variable that the script never set."""
        if self.environ is None or name in _KEPT:
            return Value("${" + name + "}", known=False, names=frozenset({name}))
        return Value(self.environ.get(name, ""), names=frozenset({name}))

    def decide(self, node: Node, ways: int = 2, *, usual: int) -> int:
        """Which of several ways is taken here: as chosen for this run, else the usual one. The same all along a run."""
        spot = (self.file + self.handler + self.origin, node.pos)
        self.unsure += 1
        if spot not in self.decisions:
            taken = min(self.choices.get(spot, usual), ways - 1)
            self.decisions[spot] = BranchTaken(spot, self.file, node.line + self.above, ways, taken)
        return self.decisions[spot].taken

    def look_at(self, values: Iterable[Value]) -> None:
        """Note that what happens next hangs on these values."""
        for value in values:
            self.looked_at |= value.names

    def step(self, words: Sequence[Value], *, node: Node, **given: Any) -> CommandStep:  # noqa: ANN401 - the step's own fields
        """A command as it runs now, with what holds at this moment."""
        return CommandStep(
            argv=tuple(words),
            file=self.file,
            line=node.line + self.above,
            pos=node.pos,
            errexit="errexit" in self.state.options and not self.ignored,
            background=self.background,
            fed=self.fed,
            clock=self.clock,
            locks=frozenset(path for path, _ in self.state.locks),
            within=self.within,
            handler=self.handler,
            directory=self.state.cwd,
            **{"inner": tuple(words)} | given,
        )

    def note(self, step: CommandStep) -> int | None:
        """Keep a step; the exit status that the world gives it, None where it has none for it."""
        if len(self.steps) >= MOST_STEPS:
            raise self.given_up(f"given up after {MOST_STEPS} commands")
        status = self.world(step)
        self.steps.append(dataclasses.replace(step, dead=True) if status else step)
        return status

    def given_up(self, reason: str) -> Exited:
        """What to raise where the simulation goes no further: the rest of the script is a gap."""
        self.gap(reason)
        return Exited(0, "gap")

    def opened(self, node: Node, writes: tuple[FileWrite, ...], *, tested: bool) -> int:
        """Files that a redirection alone opens; under noclobber that is a lock. The exit status."""
        locks = "noclobber" in self.state.options
        step = self.step((), node=node, writes=writes, tested=tested, kind="noclobber" if locks else "open")
        status = self.note(step) or 0
        if locks and not status:
            self.state.locks |= {(write.path, -1) for write in writes}
        return status

    def is_there(self, folder: str) -> bool:
        """Whether a folder exists by now: made before, or one that every system has."""
        return folder in _ALWAYS_THERE or folder in self.made

    def write(self, path: str, line: int) -> FileWrite:
        """A file that is opened for writing now."""
        return FileWrite(path=path, ready=self.is_there(path.rpartition("/")[0]), line=line)

    @contextlib.contextmanager
    def unwatched(self, *, usual: bool | None = None) -> Iterator[None]:
        """A condition: failures in it end nothing. `usual` is how it comes out when all is well."""
        hint = self.hint
        self.ignored += 1
        self.hint = hint if usual is None else usual
        try:
            yield
        finally:
            self.ignored -= 1
            self.hint = hint

    @contextlib.contextmanager
    def as_process(self) -> Iterator[None]:
        """Another process: that its caller looks at its status changes nothing within it."""
        ignored, hint, frames = self.ignored, self.hint, self.frames
        self.ignored, self.hint, self.frames = 0, True, []
        try:
            yield
        finally:
            self.ignored, self.hint, self.frames = ignored, hint, frames

    def trace(self, status: int, ended: str) -> Trace:
        """The run as it ended."""
        return Trace(
            steps=tuple(self.steps),
            status=status,
            ended=ended,
            clock=self.clock,
            decisions=tuple(self.decisions.values()),
            gaps=tuple(self.gaps),
            certain=min(self.gaps.values(), default=len(self.steps)),
            vague=self.vague,
            file=self.ended_at[0],
            line=self.ended_at[1] if self.ended_at[0] else self.line,
        )


class Exited(Exception):  # noqa: N818 - control flow, named after what happened
    """The (sub)shell ends; `how` is `exit`, `exec`, or `loop` and `gap` where the whole run ends."""

    def __init__(self, status: int, how: str = "exit") -> None:
        self.status, self.how = status, how


class Returned(Exception):  # noqa: N818 - as above
    """A function, or a sourced file, returns."""

    def __init__(self, status: int) -> None:
        self.status = status


class LoopLeft(Exception):  # noqa: N818 - as above
    """`break` and `continue`, `levels` loops up."""

    def __init__(self, levels: int, *, again: bool) -> None:
        self.levels, self.again = levels, again
