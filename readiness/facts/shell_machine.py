"""A simulated shell: runs a parsed script without executing anything, and notes what would have run, in order.

Every command succeeds unless the simulation's *world* says otherwise; tests whose outcome is not known are decided, and the decisions noted, so that
`shell_paths` can try the other ways. `set -e`, traps, functions, subshells, sourced files and locks behave as in bash.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from typing import TYPE_CHECKING, Any, Final

from readiness.facts import shell_tree as tree
from readiness.facts.shell_commands import Commands
from readiness.facts.shell_expand import Expander
from readiness.facts.shell_values import (
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

    from readiness.facts.shell_tree import Block, Node, Redirect
    from readiness.facts.shell_values import Library, Loaded, World

MOST_STEPS: Final = 6_000
"""Commands of one run at most; a script that runs more is given up as endless."""
_ROUNDS: Final = 700
"""Rounds of a loop at most: ten minutes of a sleep a second, and some."""
_DEEPEST: Final = 40
"""Calls within calls at most."""
_KEPT: Final = frozenset(
    {"HOME", "USER", "PATH", "HOSTNAME", "LOGNAME", "TMPDIR", "UID", "EUID", "RANDOM", "$", "!", "PPID"}
)
"""Variables that have a value in every environment."""


@dataclasses.dataclass(slots=True)
class _Frame:
    """A call: its own variables, and where it was called from."""

    saved: dict[str, Value | list[Value] | None] = dataclasses.field(default_factory=dict)


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
        self.expand, self.commands = Expander(self), Commands(self)
        self.state = State(zero="")
        self.functions: dict[str, tree.Function] = {}
        self.steps: list[Step] = []
        self.decisions: dict[tuple[str, int], Decision] = {}
        self.made: set[str] = set()
        self.clock, self.status, self.ignored, self.hint = 0.0, 0, 0, True
        self.file, self.handler, self.sub_status = "", "", 0
        self.sink: list[Value] | None = None
        self.frames: list[_Frame] = []
        self.within: tuple[tuple[str, int], ...] = ()
        self.background = self.fed = self.vague = self.clock_read = False
        self.unsure = 0

    # --- the whole run --------------------------------------------------------------------------------------------

    def start(self, script: Loaded, args: Sequence[Value]) -> Trace:
        """Run a script from its first line."""
        self.file = script.path
        self.state = State(zero=f"@/{script.path}", args=list(args), options=set(script.options))
        status, how = self.program(script.body)
        return Trace(
            steps=tuple(self.steps),
            status=status,
            ended=how,
            clock=self.clock,
            decisions=tuple(self.decisions.values()),
            vague=self.vague,
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
        """The running file's path, as BASH_SOURCE has it."""
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
        self.status = getattr(self, f"_{type(node).__name__.lower()}")(node, tested)
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
                self.frames[-1].saved.setdefault(assignment.name, self.state.variables.get(assignment.name))
            self.assign(assignment, value)
        return 0

    def call(self, function: tree.Function, args: Sequence[Value], *, line: int, tested: bool) -> int:
        """Call a function."""
        if len(self.frames) > _DEEPEST:
            raise Exited(0, "endless")
        outer, within = self.state.args, self.within
        self.state.args, self.within = list(args), (*within, (self.file, line))
        self.frames.append(_Frame())
        try:
            return self.run(function.body, tested=tested)
        except Returned as back:
            return back.status
        finally:
            for name, value in self.frames.pop().saved.items():
                if value is None:
                    self.state.variables.pop(name, None)
                else:
                    self.state.variables[name] = value
            self.state.args, self.within = outer, within

    # --- compound statements --------------------------------------------------------------------------------------

    def _function(self, node: tree.Function, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        self.functions[node.name] = node
        return 0

    def _test(self, node: tree.Test, tested: bool) -> int:  # noqa: FBT001 - as above
        tokens = self.expand.operands(node.tokens, double=node.double)
        return self.settled(self.commands.test(tokens, node=node, tested=tested), tested=tested)

    def _calculation(self, node: tree.Calculation, tested: bool) -> int:  # noqa: FBT001 - as above
        number = self.expand.number(node.value)
        if number is None:
            return self.settled(1 - self.decide(node.pos, usual=int(self.hint)), tested=tested)
        return self.settled(int(not number), tested=tested)

    def _background(self, node: tree.Background, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        self.apart((node.body,), background=True)
        return 0

    def _group(self, node: tree.Group, tested: bool) -> int:  # noqa: FBT001 - as above
        writes, fed = self.redirect(node.redirects)
        if writes:
            self.commands.opened(node, writes, tested=True)
        fed_before, self.fed = self.fed, self.fed or fed
        try:
            if node.subshell:
                return self.settled(self.apart(node.body), tested=tested)
            return self.block(node.body, tested=tested)
        finally:
            self.fed = fed_before

    def _pipeline(self, node: tree.Pipeline, tested: bool) -> int:  # noqa: FBT001 - as above
        sink, fed, statuses = self.sink, self.fed, []
        all_count = "pipefail" in self.state.options
        sources: frozenset[str] = frozenset()
        for number, part in enumerate(node.parts, 1):
            last = number == len(node.parts)
            self.sink, self.fed = sink if last else [], fed or number > 1
            held = len(sink) if sink is not None else 0
            statuses.append(self._piped(part, tested=tested and (last or all_count)))
            if not last:
                sources = sources.union(*(value.sources for value in self.sink or []))
            elif sink is not None:
                sink[held:] = [dataclasses.replace(value, sources=value.sources | sources) for value in sink[held:]]
        self.sink, self.fed, self.sub_status = sink, fed, 0
        failed = next((status for status in reversed(statuses) if status), 0) if all_count else statuses[-1]
        return self.settled(failed, tested=tested)

    def _piped(self, part: Node, *, tested: bool) -> int:
        """One part of a pipeline; its own failure ends no more than itself."""
        with self.unwatched() if tested or self.ignored else contextlib.nullcontext():
            return self.apart((part,), tested=tested)

    def _not(self, node: tree.Not, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above; what `!` turns ends nothing
        with self.unwatched(usual=not self.hint):
            return int(not self.run(node.body, tested=True))

    def _andor(self, node: tree.AndOr, tested: bool) -> int:  # noqa: FBT001 - as above
        either = node.operator == "||"
        ends = aborts(node.right, self.functions)
        with self.unwatched(usual=(ends or self.hint) if either else not ends):
            status = self.run(node.left, tested=either or tested)
        if bool(status) != either:
            return status
        return self.run(node.right, tested=tested)

    def _if(self, node: tree.If, tested: bool) -> int:  # noqa: FBT001 - as above
        for condition, body in node.clauses:
            with self.unwatched(usual=not any(aborts(inner, self.functions) for inner in body)):
                status = self.block(condition, tested=True)
            if not status:
                return self.block(body, tested=tested)
        return self.block(node.otherwise, tested=tested)

    def _case(self, node: tree.Case, tested: bool) -> int:  # noqa: FBT001 - as above
        subject, chosen = self.expand.one(node.subject), len(node.items)
        if subject.known:
            for number, (patterns, _, _) in reversed(list(enumerate(node.items))):
                if any(fnmatch.fnmatchcase(subject.text, self.expand.one(pattern).text) for pattern in patterns):
                    chosen = number
        else:
            usual = (n for n, (_, body, _) in enumerate(node.items) if not any(aborts(b, self.functions) for b in body))
            chosen = self.decide(node.pos, len(node.items) + 1, usual=next(usual, chosen))
        status = 0
        for _, body, falls in node.items[chosen:]:
            status = self.block(body, tested=tested)
            if not falls:
                break
        return status

    # --- loops ----------------------------------------------------------------------------------------------------

    def _while(self, node: tree.While, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        def goes_on() -> bool:
            with self.unwatched(usual=not node.until):
                return bool(self.block(node.condition, tested=True)) == node.until

        return self._loop(goes_on, node.body)

    def _count(self, node: tree.Count, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        for one in node.first:
            self.expand.number(one)
        rounds = iter(range(_ROUNDS))

        def goes_on() -> bool:
            if next(rounds):
                for one in node.step:
                    self.expand.number(one)
            found = [self.expand.number(one) for one in node.condition]
            return bool(found[-1]) if found and found[-1] is not None else not found

        return self._loop(goes_on, node.body)

    def _for(self, node: tree.For, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        words = list(self.state.args) if node.words is None else self.expand.words(node.words)
        items = iter(words[:_ROUNDS])
        if node.select and not self.fed:
            return self.commands.asked(node)

        def goes_on() -> bool:
            item = next(items, None)
            if item is not None:
                self.state.variables[node.name] = item
            return item is not None

        return self._loop(goes_on, node.body)

    def _loop(self, goes_on: Any, body: Block) -> int:  # noqa: ANN401 - a function without arguments
        """Rounds until the condition ends them; a loop that nothing can change any more is left, or given up as endless."""
        status, seen = 0, None
        for _ in range(_ROUNDS):
            unsure, self.clock_read = self.unsure, False
            if not goes_on():
                return status
            try:
                status = self.block(body)
            except Left as left:
                if left.levels > 1:
                    raise Left(left.levels - 1, again=left.again) from None
                if not left.again:
                    return 0
            state = (dict(self.state.variables), self.state.cwd, len(self.state.args))
            if state == seen and not self.clock_read:
                if self.unsure > unsure or self.fed:
                    return status
                break
            seen = state
        raise Exited(0, "endless")


def aborts(node: Node, functions: Mapping[str, tree.Function]) -> bool:
    """Whether a branch is there for when something is wrong: it ends the script, or returns a failure."""
    if isinstance(node, tree.Simple) and node.words:
        name = node.words[0].literal or ""
        last = node.words[-1].literal if len(node.words) > 1 else None
        if name in {"exit", "return", "continue"}:
            return last != "0" and not (name == "return" and last is None)
        called = functions.get(name)
        return (
            called is not None
            and isinstance(called.body, tree.Group)
            and any(
                isinstance(inner, tree.Simple) and inner.words and inner.words[0].literal == "exit"
                for inner in called.body.body
            )
        )
    if isinstance(node, tree.Group):
        return any(aborts(inner, functions) for inner in node.body)
    return isinstance(node, tree.AndOr) and aborts(node.right, functions)
