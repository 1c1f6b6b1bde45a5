"""A simulated shell: runs a parsed script without executing anything, and notes what would have run, in order.

Every command succeeds unless the simulation's *world* says otherwise; tests whose outcome is not known are decided, and the decisions noted, so that
`shell_paths` can try the other ways. `set -e`, traps, functions, subshells, sourced files and locks behave as in bash.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.commands import Commands
from readiness.facts.scripts.expand import Expander
from readiness.facts.scripts.flow import Flow
from readiness.facts.scripts.values import (
    EMPTY,
    Decision,
    Exited,
    Left,
    Returned,
    State,
    Step,
    Trace,
    Value,
    Write,
    is_there,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from readiness.facts.scripts import tree
    from readiness.facts.scripts.tree import Block, Node, Redirect
    from readiness.facts.scripts.values import Library, Loaded, World

MOST_STEPS: Final = 6_000
"""Commands of one run at most; a script that runs more is given up as endless."""
_DEEPEST: Final = 40
"""Calls within calls at most."""
_KEPT: Final = frozenset(
    {"HOME", "USER", "PATH", "HOSTNAME", "LOGNAME", "TMPDIR", "UID", "EUID", "RANDOM", "$", "!", "PPID"}
)
"""Variables that have a value in every environment."""


class Machine:
    """One run of one script."""

    def __init__(
        self,
        library: Library,
        world: World,
        *,
        choices: Mapping[tuple[str, int], int],
        environ: Mapping[str, str] | None,
        attended: bool = False,
    ) -> None:
        """`environ`: the variables that are set from outside, all others being empty; None: nobody knows. `attended`: a person answers at a terminal."""
        self.library, self.world, self.choices, self.environ = library, world, choices, environ
        self.attended = attended
        self.expand, self.commands, self.flow = Expander(self), Commands(self), Flow(self)
        self.state = State(zero="")
        self.functions: dict[str, tree.Function] = {}
        self.homes: dict[str, str] = {}  # the file that defines each
        self.steps: list[Step] = []
        self.decisions: dict[tuple[str, int], Decision] = {}
        self.made: set[str] = set()
        self.clock, self.status, self.ignored, self.hint = 0.0, 0, 0, True
        self.file, self.handler, self.sub_status = "", "", 0
        self.sink: list[Value] | None = None
        self.frames: list[dict[str, Value | list[Value] | None]] = []
        self.within: tuple[tuple[str, int], ...] = ()
        self.background, self.fed, self.vague, self.clock_read, self.unsure = False, False, False, False, 0

    # --- the whole run --------------------------------------------------------------------------------------------

    def start(self, script: Loaded, args: Sequence[Value]) -> Trace:
        """Run a script from its first line."""
        self.file = script.path
        self.state = State(zero=f"@/{script.path}", args=list(args), options=set(script.options))
        try:
            status, how = self.program(script.body)
        except RecursionError:  # thousands of levels: no script that a person wrote
            status, how = 0, "endless"
        decisions = tuple(self.decisions.values())
        return Trace(
            steps=tuple(self.steps), status=status, ended=how, clock=self.clock, decisions=decisions, vague=self.vague
        )

    def program(self, body: Block, *, tested: bool = False) -> tuple[int, str]:
        """Run a (sub)shell's statements, then its EXIT trap."""
        status, how = 0, "end"
        try:
            status = self.block(body, tested=tested)
        except Exited as ended:
            status, how = ended.status, ended.how
        except (Returned, Left) as ended:
            status = getattr(ended, "status", 0)
        if how != "endless":
            with contextlib.suppress(Returned, Left):
                try:
                    self._trapped("EXIT", status)
                except Exited as ended:
                    status = ended.status
        return status, how

    @property
    def file_value(self) -> str:
        """The running file, as BASH_SOURCE has it."""
        return f"@/{self.file}"

    def unset(self, name: str) -> Value:
        """A variable that the script never set."""
        if self.environ is None or name in _KEPT:
            return Value("${" + name + "}", known=False, names=frozenset({name}))
        return Value(self.environ.get(name, ""), names=frozenset({name}))

    def decide(self, pos: int, ways: int = 2, *, usual: int) -> int:
        """Which of several ways is taken here: as chosen for this run, else the usual one. The same all along a run."""
        key = (self.file + self.handler, pos)
        self.unsure += 1
        if key not in self.decisions:
            self.decisions[key] = (key, ways, min(self.choices.get(key, usual), ways - 1))
        return self.decisions[key][2]

    # --- statements -----------------------------------------------------------------------------------------------

    def block(self, body: Block, *, tested: bool = False) -> int:
        """Statements in order; only the last one's status can be looked at by who asked for the block."""
        status = 0
        for number, node in enumerate(body, 1):
            status = self.run(node, tested=tested and number == len(body))
        return status

    def run(self, node: Node, *, tested: bool = False) -> int:
        """One statement."""
        if len(self.steps) > MOST_STEPS:
            raise Exited(0, "endless")
        name = f"_{type(node).__name__.lower()}"
        handler = getattr(self, name, None) or getattr(self.flow, name)
        self.status = handler(node, tested)
        return self.status

    def settled(self, status: int, *, tested: bool = False) -> int:
        """What a failure does where it is not looked at: the ERR trap, then `set -e`."""
        self.status = status
        if status and not self.ignored and not tested:
            if not self.frames or "errtrace" in self.state.options:
                self._trapped("ERR", status)
            if "errexit" in self.state.options:
                raise Exited(status)
        return status

    def _trapped(self, name: str, status: int) -> None:
        text = self.state.traps.pop(name, None) if name == "EXIT" else self.state.traps.get(name)
        if not text or name in self.handler:
            return
        before, self.handler, self.status = self.handler, f"{self.handler} trap {name}", status
        try:
            self.block(self.commands.parsed(text))
        finally:
            self.handler, self.status = before, status

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

    def apart(self, body: Block, *, tested: bool = False, background: bool = False) -> int:
        """A subshell: what it changes in the shell's state is gone afterwards, what it did in the file system stays."""
        before, functions, was = self.state, dict(self.functions), self.background
        self.state, self.background = before.copy(), was or background
        try:
            status, how = self.program(body, tested=tested)
        finally:
            lasting = {lock for lock in self.state.locks if lock[1] < 0}
            self.state, self.functions, self.background = before, functions, was
            self.state.locks |= lasting
        if how == "endless":
            raise Exited(status, how)
        return status

    def substitute(self, body: Block) -> Value:
        """`$(…)`: what it prints. Without `inherit_errexit` a failure inside does not end it."""
        outer, self.sink = self.sink, []
        before, self.state = self.state, self.state.copy()
        self.state.options.discard("errexit")
        try:
            self.sub_status = self.apart(body)
            printed = self.sink
        finally:
            self.sink, self.state = outer, before
        found = joined(printed or [], "\n")
        return Value(found.text.strip("\n"), found.known, found.names, found.sources)

    def aside(self, body: Block) -> None:
        """`>(…)`: beside the command that it belongs to."""
        fed, self.fed = self.fed, True
        outer, self.sink = self.sink, None
        with contextlib.suppress(Exited):
            self.apart(body, background=True)
        self.fed, self.sink = fed, outer

    # --- simple commands ------------------------------------------------------------------------------------------

    def _simple(self, node: tree.Simple, tested: bool) -> int:  # noqa: FBT001 - one signature for all statements
        self.sub_status = 0
        words = self.expand.words(node.words)
        given = [(a, self._assigned(a)) for a in node.assignments]
        status = self.sub_status
        writes, fed = self.redirect(node.redirects, lasting=bool(words) and words[0].text == "exec")
        if not words:
            for assignment, value in given:
                self.assign(assignment, value)
            if writes:
                status = self.commands.opened(node, writes, tested=tested)
            return self.settled(status, tested=tested)
        env = tuple((a.name, v) for a, v in given if isinstance(v, Value))
        fed_before, self.fed = self.fed, self.fed or fed
        try:
            status = self.commands.run(words, node=node, writes=writes, env=env, tested=tested)
        finally:
            self.fed = fed_before
        return self.settled(status, tested=tested)

    def _assigned(self, assignment: tree.Assignment) -> Value | list[Value]:
        value = assignment.value
        if isinstance(value, tuple):
            return self.expand.words(value)
        return self.expand.one(value) if value is not None else EMPTY

    def assign(self, assignment: tree.Assignment, value: Value | list[Value]) -> None:
        """Set a variable, an array, or an element of one (which then is no longer known)."""
        held = self.state.variables.get(assignment.name)
        if assignment.append and isinstance(held, list):
            value = [*held, *(value if isinstance(value, list) else [value])]
        elif assignment.append and isinstance(value, Value):
            value = joined((held if isinstance(held, Value) else EMPTY, value))
        elif assignment.index and not isinstance(value, list):
            value = Value("${" + assignment.name + "}", known=False, names=value.names, sources=value.sources)
        self.state.variables[assignment.name] = value

    def redirect(self, redirects: Sequence[Redirect], *, lasting: bool = False) -> tuple[tuple[Write, ...], bool]:
        """Open files; which are written, and whether the input is one."""
        writes, fed = [], False
        for one in redirects:
            if one.operator.startswith("<") and one.operator != "<>":
                target = self.expand.one(one.target) if one.target is not None and one.operator == "<" else EMPTY
                fed = fed or not target.text.startswith("/dev/tty")
                continue
            target = self.expand.one(one.target) if one.target is not None else EMPTY
            if not target.text or target.text.startswith("/dev/") or (one.operator in {">&", "<&"} and one.fd >= 0):
                if lasting and target.text in {"-", ""} and one.fd >= 0:
                    self._closed(one.fd)
                continue
            path = self.state.beneath(target.text)
            writes.append(Write(path=path, ready=is_there(path.rpartition("/")[0], self.made), line=one.line))
            if one.fd > 2:  # noqa: PLR2004 - the three standard streams
                self.state.fds[one.fd] = path
        return tuple(writes), fed

    def _closed(self, fd: int) -> None:
        self.state.fds.pop(fd, None)
        self.state.locks = {lock for lock in self.state.locks if lock[1] != fd}

    def _declare(self, node: tree.Declare, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above; it never fails
        for assignment in node.assignments:
            value = self._assigned(assignment)
            if node.keyword in {"local", "declare", "typeset"} and self.frames:
                self.frames[-1].setdefault(assignment.name, self.state.variables.get(assignment.name))
            self.assign(assignment, value)
        return 0

    def call(self, function: tree.Function, args: Sequence[Value], *, line: int, tested: bool) -> int:
        """Call a function."""
        if len(self.frames) > _DEEPEST:
            raise Exited(0, "endless")
        outer, within, file = self.state.args, self.within, self.file
        self.state.args, self.within = list(args), (*within, (file, line))
        self.file = self.homes.get(function.name, file)
        self.frames.append({})
        try:
            return self.run(function.body, tested=tested)
        except Returned as back:
            return back.status
        finally:
            for name, value in self.frames.pop().items():
                if value is None:
                    self.state.variables.pop(name, None)
                else:
                    self.state.variables[name] = value
            self.state.args, self.within, self.file = outer, within, file
