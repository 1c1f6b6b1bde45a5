"""A simulated shell: runs a parsed script without executing anything, and notes what would have run, in order.

Every command succeeds unless the simulation's *world* says otherwise; tests whose outcome is not known are decided, and
`explore` tries the other ways. `set -e`, traps, functions, subshells, sourced files and locks behave as in bash. What is not
simulated is noted as a gap, with its place: the answers that rest on it are unknown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts import syntax
from readiness.facts.scripts.commands import SHELLS, option, shell_call, unwrap
from readiness.facts.scripts.effects import (
    BUILTINS,
    Call,
    leave_behind,
    print_output,
    program_status,
    script_of,
    teed,
)
from readiness.facts.scripts.expand import OPERATORS, Expander
from readiness.facts.scripts.simulation import (
    EMPTY,
    MOST_STATEMENTS,
    NOTHING,
    Exited,
    Gap,
    LoopLeft,
    Returned,
    ScriptEvidence,
    ShellRun,
    Value,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from readiness.facts.scripts.commands import UnwrappedCommand
    from readiness.facts.scripts.simulation import (
        CommandStep,
        FileWrite,
        Held,
        LoadedScript,
        Prints,
        ScriptLibrary,
        Spot,
        Trace,
        World,
    )
    from readiness.facts.scripts.syntax import Block, Node, Redirect

MOST_PATHS: Final = 48
"""Runs of one script at most, for one question."""
_ROUNDS: Final = 700
"""Rounds of a loop at most: ten minutes of a sleep a second, and some."""
_DEEPEST: Final = 40
"""Calls within calls at most."""
_DEEPEST_SCRIPT: Final = 8
"""Scripts that call scripts at most."""
_STANDARD: Final = 2
"""The last of the three standard streams."""
_FIRST_FREE: Final = 10
"""The first file descriptor that bash gives to `{NAME}>file`."""
_ATTRIBUTES: Final = {
    "n": "a name for another variable",
    "i": "arithmetic by attribute",
    "u": "a case by attribute",
    "l": "a case by attribute",
}
"""What `declare` can do that changes what later assignments mean."""
_DATA_FILES: Final = re.compile(
    r"(?:.*/)?(?:\.?env(?:\.[\w.-]+)?|[\w.-]+\.env|environment|os-release|lsb-release|\.?(?:bash_)?profile|\.?bashrc|\.cargo/env|nvm\.sh|activate|asdf\.sh)"
    r"|/etc/(?:default|sysconfig|conf\.d)/.*"
)
"""Files that are sourced for their variables, or for tools of the machine: what stands in them is no part of a deployment."""
_HARMLESS_OUTPUT: Final = frozenset({"ssh-agent", "dircolors", "lesspipe"})
"""Programs whose output is made to be run, and sets nothing but variables."""


def healthy(_: object) -> None:
    """A world in which every command succeeds."""


def explore(  # noqa: PLR0913 - what a run depends on
    script: LoadedScript,
    library: ScriptLibrary,
    world: World = healthy,
    *,
    args: Sequence[Value] = (),
    environ: Mapping[str, str] | None = None,
    attended: bool = False,
    signals: bool = False,
    prints: Prints | None = None,
) -> ScriptEvidence[Trace]:
    """Run `script` until both sides of each undecided test were taken once: that is every branch, not every combination.

    The first trace is the usual way, on which all is well. With `signals`, what traps do at a signal follows each way's end.
    """
    waiting: list[dict[Spot, int]] = [{}]
    seen: set[tuple[Spot, int]] = set()
    traces: list[Trace] = []
    gaps: list[Gap] = []
    while waiting and len(traces) < MOST_PATHS:
        run = ShellRun(library, world, choices=waiting.pop(0), environ=environ, attended=attended, prints=prints)
        trace = Interpreter(run).start(script, args, signals=signals)
        traces.append(trace)
        gaps += trace.gaps
        seen.update((decision.spot, decision.taken) for decision in trace.decisions)
        for number, decision in enumerate(trace.decisions):
            for other in range(decision.ways):
                if (decision.spot, other) not in seen:
                    seen.add((decision.spot, other))
                    before = {earlier.spot: earlier.taken for earlier in trace.decisions[:number]}
                    waiting.append(before | {decision.spot: other})
    for choice in waiting:
        spot = next(reversed(choice))
        place = next(d for trace in traces for d in trace.decisions if d.spot == spot)
        gaps.append(Gap(place.file, place.line, f"one of more than {MOST_PATHS} ways through {script.path}, not tried"))
    return ScriptEvidence(traces, gaps)


class Interpreter:
    """Runs one script's statements in a run."""

    def __init__(self, run: ShellRun) -> None:
        self.run = run
        self.expand = Expander(run, self.substitute, self.beside)
        self.statements: dict[type[Node], Callable[[Any, bool], int]] = {
            syntax.Simple: self._simple,
            syntax.Declare: self._declare,
            syntax.Test: self._test,
            syntax.Calculation: self._calculation,
            syntax.Pipeline: self._pipeline,
            syntax.Not: self._not,
            syntax.AndOr: self._and_or,
            syntax.If: self._if,
            syntax.While: self._while,
            syntax.For: self._for,
            syntax.Count: self._count,
            syntax.Case: self._case,
            syntax.CommandGroup: self._group,
            syntax.Function: self._function,
            syntax.Background: self._background,
            syntax.NotUnderstood: self._not_understood,
        }
        self._parsed: dict[str, tuple[Block, tuple[int, ...]]] = {}

    # --- the whole run --------------------------------------------------------------------------------------------

    def start(self, script: LoadedScript, args: Sequence[Value], *, signals: bool = False) -> Trace:
        """Run a script from its first line."""
        run = self.run
        run.file = script.path
        run.state.zero, run.state.args, run.state.options = f"@/{script.path}", list(args), set(script.options)
        self._note_gaps(script)
        try:
            status, how = self.program(script.body)
            if signals:
                self._signalled()
        except RecursionError:  # thousands of levels: no script that a person wrote
            status, how = 0, "gap"
            run.gap("it is nested too deeply")
        return run.trace(status, how)

    def program(self, body: Block, *, tested: bool = False) -> tuple[int, str]:
        """Run a (sub)shell's statements, then its EXIT trap."""
        status, how = 0, "end"
        try:
            status = self.block(body, tested=tested)
        except Exited as ended:
            status, how = ended.status, ended.how
        except Returned as ended:
            status = ended.status
        except LoopLeft:
            status = 0
        if how in {"end", "exit"}:
            with contextlib.suppress(Returned, LoopLeft):
                try:
                    self._trapped("EXIT", status)
                except Exited as ended:
                    status = ended.status
        return status, how

    def _note_gaps(self, script: LoadedScript) -> None:
        for gap in script.gaps:
            self.run.gap(gap.reason, line=gap.line, file=gap.file)

    def _trapped(self, name: str, status: int) -> None:
        run = self.run
        text, line = run.state.traps.get(name, (EMPTY, 0))
        if not text.text or name in run.handler:
            return
        before, run.handler, run.status = run.handler, f"{run.handler} trap {name}", status
        try:
            self.run_text(text, "a trap", line=line, origin="")
        finally:
            run.handler, run.status = before, status

    def _signalled(self) -> None:
        """What the script does at each signal that it ever waited for."""
        run = self.run
        for (name, _), handler in list(run.handlers.items()):
            run.state, run.functions, run.file = handler.state.copy(), handler.functions, handler.file
            run.handler, run.ignored = f" trap {name}", 0
            with contextlib.suppress(Exited, Returned, LoopLeft):
                self.run_text(handler.text, "a trap", line=handler.line, origin="")

    # --- statements -----------------------------------------------------------------------------------------------

    def block(self, body: Block, *, tested: bool = False) -> int:
        """Statements in order; only the last one's status can be looked at by who asked for the block."""
        status = 0
        for number, node in enumerate(body, 1):
            status = self.statement(node, tested=tested and number == len(body))
        return status

    def statement(self, node: Node, *, tested: bool = False) -> int:
        """One statement."""
        run = self.run
        run.line, run.statements = node.line, run.statements + 1
        if run.statements > MOST_STATEMENTS:
            raise run.given_up(f"given up after {MOST_STATEMENTS} statements")
        run.status = self.statements[type(node)](node, tested)
        return run.status

    def settled(self, status: int, *, tested: bool = False) -> int:
        """What a failure does where it is not looked at: the ERR trap, then `set -e`."""
        run = self.run
        run.status = status
        if status and not run.ignored and not tested:
            self._trapped("ERR", status)
            if "errexit" in run.state.options:
                run.ended_at = (run.file, run.here)
                raise Exited(status)
        return status

    def run_text(self, text: Value, what: str, *, line: int, origin: str, tested: bool = False) -> int:
        """Run a text as a script: a trap's, eval's, `bash -c`'s. One that is not known beforehand is a gap."""
        run = self.run
        if not text.known and text.text.lstrip().startswith("$"):
            if not (text.sources and text.sources <= _HARMLESS_OUTPUT):
                run.gap(f"{what} runs a text that is not known beforehand", line=line)
            return 0
        if text.text not in self._parsed:
            from readiness.facts.scripts.parse import parse

            program = parse(text.text.encode("utf-8", "replace"))
            self._parsed[text.text] = program.body, program.errors
        body, errors = self._parsed[text.text]
        if errors:
            run.gap(f"{what} runs a text that is not understood", line=line)
        above, before, run.above, run.origin = run.above, run.origin, line - 1, run.origin + origin
        try:
            return self.block(body, tested=tested)
        finally:
            run.above, run.origin = above, before

    def subshell(self, body: Block, *, tested: bool = False, background: bool = False) -> int:
        """A subshell: what it changes in the shell's state is gone afterwards, what it did in the file system stays."""
        run = self.run
        before, functions, was, clock = run.state, run.functions, run.background, run.clock
        run.state, run.functions, run.background = before.copy(), dict(functions), was or background
        try:
            status, how = self.program(body, tested=tested)
        finally:
            lasting = {lock for lock in run.state.locks if lock[1] < 0}
            run.state, run.functions, run.background = before, functions, was
            run.state.locks |= lasting
        if background:
            run.job_status, run.job_clock = status or run.job_status, max(run.clock, run.job_clock)
            run.clock = clock
        elif how in {"loop", "gap"}:
            raise Exited(status, how)
        return status

    def substitute(self, body: Block) -> Value:
        """`$(…)`: what it prints. Without `inherit_errexit` a failure inside does not end it."""
        run = self.run
        outer, run.sink = run.sink, []
        before, run.state = run.state, run.state.copy()
        if not run.state.options & {"inherit_errexit", "posix"}:
            run.state.options.discard("errexit")
        try:
            run.sub_status = self.subshell(body)
            printed = run.sink
        finally:
            run.sink, run.state = outer, before
        whole = joined(printed or [], "\n")
        return Value(whole.text.strip("\n"), whole.known, whole.names, whole.sources)

    def beside(self, body: Block) -> None:
        """`<(…)` and `>(…)`: beside the command that they belong to."""
        run = self.run
        fed, run.fed = run.fed, True
        outer, run.sink = run.sink, None
        with contextlib.suppress(Exited):
            self.subshell(body, background=True)
        run.fed, run.sink = fed, outer

    def _not_understood(self, node: syntax.NotUnderstood, _: bool) -> int:  # noqa: FBT001 - one signature for all statements
        self.run.gap(node.reason)
        return 0

    # --- simple commands ------------------------------------------------------------------------------------------

    def _simple(self, node: syntax.Simple, tested: bool) -> int:  # noqa: FBT001 - as above
        run = self.run
        run.sub_status = 0
        words = self.expand.words(node.words)
        given = [(a, self.expand.assigned(a)) for a in node.assignments]
        status = run.sub_status
        run.line = node.line
        lasting = bool(words) and words[0].text == "exec" and len(words) == 1
        with self._redirected(node.redirects, lasting=lasting) as writes:
            if not words:
                for assignment, value in given:
                    self.expand.assign(assignment, value)
                if writes:
                    status = run.opened(node, writes, tested=tested)
                return self.settled(status, tested=tested)
            env = tuple((a.name, v) for a, v in given if isinstance(v, Value))
            run.look_at(words[:1])
            status = self.command(words, node=node, writes=writes, env=env, tested=tested)
        if "PIPESTATUS" in run.state.variables:
            run.state.variables["PIPESTATUS"] = [Value(str(status))]
        return self.settled(status, tested=tested)

    def command(
        self,
        words: Sequence[Value],
        *,
        node: Node,
        writes: tuple[FileWrite, ...] = (),
        env: tuple[tuple[str, Value], ...] = (),
        tested: bool,
    ) -> int:
        """Run one command; its exit status."""
        run = self.run
        unwrapped = unwrap(words)
        name = unwrapped.inner[0].text if unwrapped.inner else ""
        function = run.functions.get(name) if unwrapped.wrappers <= {"time"} else None
        own = self._builtin(name) if unwrapped.wrappers <= {"command", "builtin", "time"} else None
        if writes and (function is not None or own is not None):
            status = run.opened(node, writes, tested=tested)
            if status:
                return status
        if function is not None:
            return self.call(function, unwrapped.inner[1:], line=node.line + run.above, tested=tested)
        if own is not None:
            return own(Call(node=node, words=unwrapped.inner, tested=tested))
        return self._program(words, unwrapped, node=node, writes=writes, env=env, tested=tested)

    def _builtin(self, name: str) -> Callable[[Call], int] | None:
        """The builtin of that name."""
        if name in BUILTINS:
            return lambda call: BUILTINS[name](self.run, call)
        own: dict[str, Callable[[Call], int]] = {
            "[": self._bracket, "test": self._bracket, "eval": self._eval, "let": self._let, ".": self._source, "source": self._source,
            "coproc": self._coprocess,
        }  # fmt: skip
        if name == "exec":
            return lambda _: 0
        return own.get(name)

    def _bracket(self, call: Call) -> int:
        words = call.words[1:-1] if call.words[0].text == "[" else call.words[1:]
        tokens = [v.text if v.known and not v.names and v.text in OPERATORS else v for v in words]
        return self._tested(tokens, node=call.node, tested=call.tested)

    def _eval(self, call: Call) -> int:
        text = joined(call.words[1:], " ")
        return self.run_text(text, "eval", line=self.run.here, origin=f" eval {call.node.pos}", tested=call.tested)

    def _let(self, call: Call) -> int:
        text = Value("".join(f"(( {value.text} ))\n" for value in call.words[1:]))
        return self.run_text(text, "let", line=self.run.here, origin=f" let {call.node.pos}", tested=call.tested)

    def _coprocess(self, call: Call) -> int:
        if any(value.text[:1] in {"{", "("} for value in call.words[1:]):
            self.run.gap("coproc with a group of commands is not simulated")
        else:
            step = dataclasses.replace(self.run.step(call.words[1:], node=call.node), background=True)
            self.run.note(step)
        return 0

    def _source(self, call: Call) -> int:
        run, words = self.run, call.words
        if len(words) < 2:  # noqa: PLR2004 - the builtin and a file
            return 2
        script = run.library.find(run.state.beneath(words[1].text))
        if script is None:
            if _DATA_FILES.fullmatch(words[1].text) is None:
                run.gap(f"it sources {words[1].text}, which is no script of the release")
            return 0
        if script.path == run.file or any(file == script.path for file, _ in run.within):
            run.gap(f"{script.path} sources itself")
            return 0
        self._note_gaps(script)
        file, within, above, args = run.file, run.within, run.above, run.state.args
        run.file, run.within, run.above = script.path, (*within, (file, 0)), 0
        if len(words) > 2:  # noqa: PLR2004 - arguments of its own
            run.state.args = list(words[2:])
        try:
            return self.block(script.body, tested=call.tested)
        except Returned as back:
            return back.status
        finally:
            run.file, run.within, run.above, run.state.args = file, within, above, args

    def call(self, function: syntax.Function, args: Sequence[Value], *, line: int, tested: bool) -> int:
        """Call a function."""
        run = self.run
        if len(run.frames) > _DEEPEST:
            raise run.given_up(f"{function.name} calls itself more than {_DEEPEST} times")
        outer, within, file, above = run.state.args, run.within, run.file, run.above
        state = run.state
        err = state.traps.pop("ERR", None) if "errtrace" not in state.options else None
        state.args, run.within = list(args), (*within, (file, line))
        run.file, run.above = run.homes.get(function.name, file), 0
        run.frames.append({})
        try:
            return self.statement(function.body, tested=tested)
        except Returned as back:
            return back.status
        finally:
            for name, value in run.frames.pop().items():
                if value is None:
                    state.variables.pop(name, None)
                else:
                    state.variables[name] = value
            if err is not None:
                state.traps["ERR"] = err
            state.args, run.within, run.file, run.above = outer, within, file, above

    # --- programs -------------------------------------------------------------------------------------------------

    def _program(  # noqa: PLR0913 - what a command is made of
        self,
        words: Sequence[Value],
        unwrapped: UnwrappedCommand,
        *,
        node: Node,
        writes: tuple[FileWrite, ...],
        env: tuple[tuple[str, Value], ...],
        tested: bool,
    ) -> int:
        run, inner = self.run, unwrapped.inner
        script = script_of(run, inner)
        if inner and not inner[0].known and "$" in posixpath.basename(inner[0].text):
            run.gap(f"the command `{inner[0].text}` is not known beforehand")
        if unwrapped.lock is not None:
            run.state.locks.add((run.state.beneath(unwrapped.lock), -2))
        step = run.step(
            words, node=node, writes=writes, env=env, tested=tested, inner=inner, wrappers=unwrapped.wrappers,
            bound=unwrapped.bound, invokes=script.path if script else None,
        )  # fmt: skip
        step = dataclasses.replace(step, writes=(*writes, *teed(run, step)))
        followed = script is not None and not script.role
        status = program_status(run, step, node, known=followed)
        if not status:
            status = self._effect(step, node, script if followed else None)
        if unwrapped.lock is not None:
            run.state.locks = {lock for lock in run.state.locks if lock[1] != -2}  # noqa: PLR2004 - a wrapper's
        if "exec" in unwrapped.wrappers:
            raise Exited(status, "exec")
        if not followed and (not status or run.prints(step) is not None):
            print_output(run, step)
        return status

    def _effect(self, step: CommandStep, node: Node, script: LoadedScript | None) -> int:
        """What comes of a program that runs: a script's or a text's own commands, else what it leaves behind."""
        run = self.run
        if script is not None:
            return self._bounded(step, lambda: self._script(script, step))
        if step.name in SHELLS:
            call = shell_call(step.inner)
            text = call.given if call.kind == "text" else run.input if call.kind == "input" else None
            if text is not None:
                return self._bounded(step, lambda: self._shell(text, node, args=call.args[1:], options=call.options))
            if call.kind == "input" and step.fed:
                run.gap(f"{step.name} reads its commands from its input")
        elif step.name in {"su", "flock"}:
            command = option(step.words, "c", "--command")
            words = next((value for value in step.inner[1:] if value.text == command), None) if command else None
            if words is not None:
                lock = {(run.state.beneath(step.words[0]), -2)} if step.name == "flock" else set()
                run.state.locks |= lock
                status = self._bounded(step, lambda: self._shell(words, node))
                run.state.locks -= lock
                return status
        return leave_behind(run, step)

    def _bounded(self, step: CommandStep, do: Callable[[], int]) -> int:
        """Do something that a `timeout` may end."""
        run, began = self.run, self.run.clock
        try:
            status = do()
        except Exited as ended:
            if step.bound is None or ended.how != "loop":
                raise
            run.clock = began + step.bound
            return 124
        if step.bound is not None and run.clock > began + step.bound:
            run.clock = began + step.bound
            return 124
        return status

    def _shell(self, text: Value, node: Node, *, args: Sequence[Value] = (), options: frozenset[str] = NOTHING) -> int:
        """A text as a shell of its own: its own options, and none of this shell's functions."""
        run = self.run
        before, functions = run.state, run.functions
        run.state, run.functions = before.copy(), {}
        run.state.options, run.state.traps, run.state.args = set(options), {}, list(args)
        try:
            with run.as_process():
                return self._as_subshell(
                    lambda: self.run_text(text, "a shell", line=run.here, origin=f" -c {node.pos}")
                )
        finally:
            run.state, run.functions = before, functions

    def _as_subshell(self, do: Callable[[], int]) -> int:
        """Like `subshell`, for what is no block of statements."""
        status, how = 0, "end"
        try:
            status = do()
        except Exited as ended:
            status, how = ended.status, ended.how
        except Returned as ended:
            status = ended.status
        if how in {"loop", "gap"}:
            raise Exited(status, how)
        with contextlib.suppress(Returned, LoopLeft):
            try:
                if how != "exec":
                    self._trapped("EXIT", status)
            except Exited as ended:
                status = ended.status
        return status

    def _script(self, script: LoadedScript, step: CommandStep) -> int:
        """Another script of the release, as a process of its own."""
        run = self.run
        if len(run.within) >= _DEEPEST_SCRIPT:
            run.gap(f"{script.path} is called within {_DEEPEST_SCRIPT} calls")
            return 0
        shell = shell_call(step.inner) if step.name in SHELLS else None
        args, options = (shell.args, shell.options) if shell is not None else (step.inner[1:], script.options)
        file, within, functions, above = run.file, run.within, run.functions, run.above
        before, run.state = run.state, run.state.copy()
        run.state.options, run.state.traps, run.state.args = set(options), {}, list(args)
        run.state.zero = f"@/{script.path}"
        run.file, run.within, run.functions, run.above = script.path, (*within, (file, 0)), {}, 0
        self._note_gaps(script)
        try:
            with run.as_process():
                return self.subshell(script.body)
        finally:
            run.state, run.file, run.within, run.functions, run.above = before, file, within, functions, above

    # --- variables and redirections -------------------------------------------------------------------------------

    def _declare(self, node: syntax.Declare, tested: bool) -> int:  # noqa: FBT001 - as above
        run = self.run
        local = node.keyword in {"local", "declare", "typeset"} and bool(run.frames) and "g" not in node.options
        for letter in node.options if node.keyword not in {"export", "readonly"} else "":
            if letter in _ATTRIBUTES:
                run.gap(f"{node.keyword} -{letter}, {_ATTRIBUTES[letter]}, is not simulated")
        with self._redirected(node.redirects) as writes:
            if writes:
                run.opened(node, writes, tested=tested)
            self.expand.words(node.words)
            for name in node.names:
                held = run.state.variables.get(name)
                if local and name not in run.frames[-1]:
                    run.frames[-1][name] = held
                    run.state.variables[name] = held = EMPTY
                if set(node.options) & {"a", "A"} and not isinstance(held, (list, dict)):
                    run.state.variables[name] = {} if "A" in node.options else []
            for assignment in node.assignments:
                value = self.expand.assigned(assignment)
                if local:
                    run.frames[-1].setdefault(assignment.name, run.state.variables.get(assignment.name))
                if "A" in node.options and not isinstance(run.state.variables.get(assignment.name), dict):
                    run.state.variables[assignment.name] = {}
                self.expand.assign(assignment, value)
        return 0

    @contextlib.contextmanager
    def _redirected(self, redirects: Sequence[Redirect], *, lasting: bool = False) -> Iterator[tuple[FileWrite, ...]]:
        """Open files for a command, or for good; gives which are written."""
        run = self.run
        fed, given, before = run.fed, run.input, set(run.state.fds)
        writes = [write for one in redirects for write in self._redirect(one, lasting=lasting)]
        # `{NAME}>file` stays open behind its command
        named = [run.state.variables.get(one.variable) for one in redirects if one.variable]
        opened = {fd for fd in run.state.fds.keys() - before if Value(str(fd)) not in named}
        try:
            yield tuple(writes)
        finally:
            run.fed, run.input = fed, given
            for fd in () if lasting else opened:
                self._close(fd)

    def _redirect(self, one: Redirect, *, lasting: bool) -> Iterator[FileWrite]:  # noqa: C901 - one branch a kind
        run, state = self.run, self.run.state
        target = self.expand.one(one.target) if one.target is not None else EMPTY
        sign, fd = one.operator, one.fd
        closes = sign in {">&-", "<&-"} or (sign in {">&", "<&"} and target.text == "-")
        if one.variable:
            fd = self._descriptor(one.variable, closes=closes)
        if closes:
            if lasting or one.variable:
                self._close(fd)
        elif sign == "<<":
            run.fed, run.input = True, target
        elif sign in {">&", "<&"} and (target.text.isdecimal() or fd >= 0 or "$" in target.text):
            if target.text.isdecimal() and int(target.text) in state.fds and fd > _STANDARD:
                state.fds[fd] = state.fds[int(target.text)]
        elif sign.startswith("<") and sign != "<>":
            if fd > _STANDARD:
                state.fds[fd] = state.beneath(target.text)
            else:
                run.fed = run.fed or not target.text.startswith("/dev/tty")
                run.input = EMPTY if target.text == "/dev/null" else None
        elif target.text and not target.text.startswith("/dev/"):
            path = state.beneath(target.text)
            if fd > _STANDARD:
                state.fds[fd] = path
            yield run.write(path, one.line + run.above)

    def _descriptor(self, variable: str, *, closes: bool) -> int:
        """The file descriptor of `{NAME}>file`: bash chooses one, and keeps it in the variable."""
        variables = self.run.state.variables
        if closes:
            held = variables.get(variable)
            if not isinstance(held, Value) or not held.text.isdecimal():
                self.run.gap(f"a file descriptor in ${variable} that is not known beforehand")
                return -1
            return int(held.text)
        fd = max((*self.run.state.fds, _FIRST_FREE - 1)) + 1
        variables[variable] = Value(str(fd))
        return fd

    def _close(self, fd: int) -> None:
        self.run.state.fds.pop(fd, None)
        self.run.state.locks = {lock for lock in self.run.state.locks if lock[1] != fd}

    # --- lists, pipelines and groups ------------------------------------------------------------------------------

    def _function(self, node: syntax.Function, _: bool) -> int:  # noqa: FBT001 - as above
        self.run.functions[node.name] = node
        self.run.homes[node.name] = self.run.file
        return 0

    def _background(self, node: syntax.Background, _: bool) -> int:  # noqa: FBT001 - as above
        self.subshell((node.body,), background=True)
        return 0

    def _group(self, node: syntax.CommandGroup, tested: bool) -> int:  # noqa: FBT001 - as above
        with self._redirected(node.redirects) as writes:
            if writes:
                self.run.opened(node, writes, tested=True)
            if node.subshell:
                return self.settled(self.subshell(node.body, tested=tested), tested=tested)
            return self.block(node.body, tested=tested)

    def _pipeline(self, node: syntax.Pipeline, tested: bool) -> int:  # noqa: FBT001 - as above
        run = self.run
        sink, fed, given, statuses = run.sink, run.fed, run.input, []
        all_count = "pipefail" in run.state.options
        sources: frozenset[str] = frozenset()
        for number, part in enumerate(node.parts, 1):
            last = number == len(node.parts)
            run.sink, run.fed = sink if last else [], fed or number > 1
            run.input = given if number == 1 else None
            held = len(sink) if sink is not None else 0
            statuses.append(self._piped(part, last=last, tested=tested and (last or all_count)))
            if not last:
                sources = sources.union(*(value.sources for value in run.sink or []))
            elif sink is not None:
                sink[held:] = [dataclasses.replace(value, sources=value.sources | sources) for value in sink[held:]]
        run.sink, run.fed, run.input, run.sub_status = sink, fed, given, 0
        failed = next((status for status in reversed(statuses) if status), 0) if all_count else statuses[-1]
        run.state.variables["PIPESTATUS"] = [Value(str(status)) for status in statuses]
        return self.settled(failed, tested=tested)

    def _piped(self, part: Node, *, last: bool, tested: bool) -> int:
        """One part of a pipeline; its own failure ends no more than itself, and who only feeds the next one ends with it."""
        run = self.run
        with run.unwatched() if tested or run.ignored else contextlib.nullcontext():
            if last and "lastpipe" in run.state.options:
                return self.statement(part, tested=tested)
            try:
                return self.subshell((part,), tested=tested)
            except Exited as ended:
                if last or ended.how != "loop":
                    raise
                return 0

    def _not(self, node: syntax.Not, _: bool) -> int:  # noqa: FBT001 - as above; what `!` turns ends nothing
        with self.run.unwatched(usual=not self.run.hint):
            return int(not self.statement(node.body, tested=True))

    def _and_or(self, node: syntax.AndOr, tested: bool) -> int:  # noqa: FBT001 - as above
        either = node.operator == "||"
        ends = _aborts(node.right, self.run.functions)
        with self.run.unwatched(usual=(ends or self.run.hint) if either else not ends):
            status = self.statement(node.left, tested=either or tested)
        if bool(status) != either:
            return status
        return self.statement(node.right, tested=tested)

    # --- conditions -----------------------------------------------------------------------------------------------

    def _test(self, node: syntax.Test, tested: bool) -> int:  # noqa: FBT001 - as above
        tokens = self.expand.operands(node.tokens, double=node.double)
        return self.settled(self._tested(tokens, node=node, tested=tested), tested=tested)

    def _tested(self, tokens: Sequence[str | Value], *, node: Node, tested: bool) -> int:
        """`[ … ]`: worked out, or decided."""
        run = self.run
        shown = tuple(token if isinstance(token, Value) else Value(token) for token in tokens)
        run.note(run.step(shown, node=node, kind="test", tested=tested))
        truth = self.expand.truth(tokens)
        if truth is None:
            truth = bool(run.decide(node, usual=int(run.hint)))
            texts = [str(token) for token in tokens]
            if texts[-2:-1] == ["-d"] and truth == (texts[0] != "!") and len(texts) < 4:  # noqa: PLR2004 - `! -d X` at most
                run.made.add(run.state.beneath(texts[-1]))
        return int(not truth)

    def _calculation(self, node: syntax.Calculation, tested: bool) -> int:  # noqa: FBT001 - as above
        self.expand.no_number = False
        number = self.expand.numbers(node.values)
        if number is None and self.expand.no_number:
            return self.settled(1, tested=tested)
        if number is None:
            return self.settled(1 - self.run.decide(node, usual=int(self.run.hint)), tested=tested)
        return self.settled(int(not number), tested=tested)

    def _if(self, node: syntax.If, tested: bool) -> int:  # noqa: FBT001 - as above
        for condition, body in node.clauses:
            with self.run.unwatched(usual=not any(_aborts(inner, self.run.functions) for inner in body)):
                status = self.block(condition, tested=True)
            if not status:
                return self.block(body, tested=tested)
        return self.block(node.otherwise, tested=tested)

    def _case(self, node: syntax.Case, tested: bool) -> int:  # noqa: FBT001 - as above
        run, subject = self.run, self.expand.one(node.subject)
        run.look_at([subject])
        matches = [self._matches(subject, patterns) for patterns, _, _ in node.items]
        first = next((number for number, match in enumerate(matches) if match is not False), len(matches))
        if first < len(matches) and matches[first] is None:
            first = self._decided_case(node, matches)
        status, falls = 0, False
        for number, (_, body, end) in enumerate(node.items[first:], first):
            match = True if number == first or falls else matches[number]
            if match is None:
                run.gap("a case that goes on to patterns of which nobody knows whether they match", line=node.line)
            if not match:
                continue
            status = self.block(body, tested=tested)
            if end == ";;":
                break
            falls = end == ";&"
        return status

    def _matches(self, subject: Value, patterns: Sequence[syntax.Word]) -> bool | None:
        if any(pattern.literal == "*" and not _is_quoted(pattern) for pattern in patterns):
            return True
        if not subject.known:
            for pattern in patterns:
                self.expand.one(pattern)
            return None
        answers = [self.expand.matches(subject, pattern) for pattern in patterns]
        return True if True in answers else None if None in answers else False

    def _decided_case(self, node: syntax.Case, matches: Sequence[bool | None]) -> int:
        """Which item is taken where that is not known: one that may match, else none."""
        sure = next((number for number, match in enumerate(matches) if match), None)
        ways = [
            number for number, match in enumerate(matches) if match is not False and (sure is None or number <= sure)
        ]
        ways += [len(matches)] if sure is None else []
        good = (
            at
            for at, number in enumerate(ways)
            if number < len(matches) and not any(_aborts(b, self.run.functions) for b in node.items[number][1])
        )
        return ways[self.run.decide(node, len(ways), usual=next(good, len(ways) - 1))]

    # --- loops ----------------------------------------------------------------------------------------------------

    def _while(self, node: syntax.While, _: bool) -> int:  # noqa: FBT001 - as above
        def goes_on() -> bool:
            with self.run.unwatched(usual=not node.until):
                return bool(self.block(node.condition, tested=True)) == node.until

        return self._loop(goes_on, node.body)

    def _count(self, node: syntax.Count, _: bool) -> int:  # noqa: FBT001 - as above
        self.expand.numbers(node.first)
        rounds = 0

        def goes_on() -> bool:
            nonlocal rounds
            rounds += 1
            if rounds > 1:
                self.expand.numbers(node.step)
            if not node.condition:
                return True
            number = self.expand.numbers(node.condition)
            if number is None:  # nobody knows how often: once, or not at all
                return rounds == 1 and bool(self.run.decide(node, usual=1))
            return bool(number)

        return self._loop(goes_on, node.body)

    def _for(self, node: syntax.For, _: bool) -> int:  # noqa: FBT001 - as above
        run = self.run
        words = list(run.state.args) if node.words is None else self.expand.words(node.words)
        run.look_at(words)
        if node.select:
            return self._select(node)
        items = iter(words)

        def goes_on() -> bool:
            item = next(items, None)
            if item is not None:
                run.state.variables[node.name] = item
            return item is not None

        return self._loop(goes_on, node.body, most=len(words) + 1)

    def _select(self, node: syntax.For) -> int:
        """A question to a person; where nobody is there it fails, else it is answered once."""
        run = self.run
        if run.fed and run.input == EMPTY:
            return 1
        if not run.fed:
            status = run.note(run.step((Value("read"),), node=node, kind="ask"))
            if status or not run.attended:
                return 1
        run.state.variables[node.name] = Value("${" + node.name + "}", known=False, sources=frozenset({"read"}))
        run.state.variables["REPLY"] = Value("${REPLY}", known=False, sources=frozenset({"read"}))
        rounds = iter([True, False])
        return self._loop(lambda: next(rounds), node.body)

    def _loop(self, goes_on: Callable[[], bool], body: Block, *, most: int | None = None) -> int:
        """Rounds until the condition ends them, `most` of them where the number is known.

        A loop that nothing can change any more provably never ends, or waits for what is not known: then it is left.
        """
        run, status, before = self.run, 0, None
        looked_outside, run.looked_at = run.looked_at, set()
        try:
            for _ in range(most or _ROUNDS):
                unsure, run.clock_read = run.unsure, False
                if not goes_on():
                    return status
                try:
                    status = self.block(body)
                except LoopLeft as left:
                    if left.levels > 1:
                        raise LoopLeft(left.levels - 1, again=left.again) from None
                    if not left.again:
                        return 0
                if most is None:
                    state = self._loop_state()
                    if before is not None and not run.clock_read and self._is_settled(before, state):
                        if run.unsure > unsure or run.fed:
                            return status
                        raise Exited(0, "loop")
                    before = state
        finally:
            run.looked_at |= looked_outside
        raise run.given_up(f"a loop given up after {_ROUNDS} rounds")

    def _loop_state(self) -> tuple[dict[str, Held], object]:
        """What a loop's next round can hang on: the variables, and all else."""
        run, state = self.run, self.run.state
        others = (state.cwd, tuple(state.folders), tuple(state.args), frozenset(state.options), frozenset(state.traps), frozenset(state.locks), frozenset(run.functions),
                  len(run.made))  # fmt: skip
        return dict(state.variables), others

    def _is_settled(self, before: tuple[dict[str, Held], object], now: tuple[dict[str, Held], object]) -> bool:
        """Whether nothing changed in a round that any test of the loop looks at."""
        if before[1] != now[1]:
            return False
        if before[0] == now[0]:
            return True
        names = before[0].keys() | now[0].keys()
        changed = {name for name in names if before[0].get(name) != now[0].get(name)}
        return not changed & self.run.looked_at


def _is_quoted(word: syntax.Word) -> bool:
    return any(getattr(part, "quoted", False) for part in word.parts)


def _aborts(node: Node, functions: Mapping[str, syntax.Function]) -> bool:
    """Whether a branch is there for when something is wrong: it ends the script, or returns a failure."""
    if isinstance(node, syntax.Simple) and node.words:
        name = node.words[0].literal or ""
        last = node.words[-1].literal if len(node.words) > 1 else None
        if name in {"exit", "return", "continue"}:
            return last != "0" and not (name == "return" and last is None)
        called = functions.get(name)
        return (
            called is not None
            and isinstance(called.body, syntax.CommandGroup)
            and any(
                isinstance(inner, syntax.Simple) and inner.words and inner.words[0].literal == "exit"
                for inner in called.body.body
            )
        )
    if isinstance(node, syntax.CommandGroup):
        return any(_aborts(inner, functions) for inner in node.body)
    return isinstance(node, syntax.AndOr) and _aborts(node.right, functions)
