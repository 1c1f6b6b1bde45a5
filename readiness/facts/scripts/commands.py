"""What a simulated shell's commands do: builtins, calls of functions and other scripts, and everything else by its status alone."""

from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts.argv import SHELLS, Unwrapped, operands, seconds, unwrap
from readiness.facts.scripts.builtins import Builtins
from readiness.facts.scripts.output import printed
from readiness.facts.scripts.values import Exited, Step, Value, Write, is_there, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.facts.scripts.interpreter import Machine
    from readiness.facts.scripts.tree import Block, Node
    from readiness.facts.scripts.values import Loaded

_SILENT: Final = frozenset(
    [
        "mkdir",
        "rm",
        "rmdir",
        "mv",
        "cp",
        "ln",
        "chmod",
        "chown",
        "touch",
        "kill",
        "pkill",
        "sleep",
        "wait",
        "install",
        ":",
        "true",
        "false",
    ]
)
_UNSURE: Final = frozenset(
    [
        "pgrep",
        "ps",
        "pidof",
        "grep",
        "egrep",
        "fgrep",
        "rg",
        "lsof",
        "ss",
        "netstat",
        "nc",
        "jq",
        "awk",
        "cmp",
        "diff",
        "getopts",
        "which",
        "type",
        "hash",
        "mountpoint",
    ]
)
"""Programs whose status answers a question: both answers are tried."""
_ANSWERS: Final = frozenset(
    {("kill", "-0"), ("systemctl", "is-active"), ("systemctl", "is-enabled"), ("command", "-v")}
)


class Commands:
    """Runs a machine's commands."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.builtins = Builtins(self)
        self._parsed: dict[str, Block] = {}

    def parsed(self, text: str) -> Block:
        """The statements of a text that is run: a trap's, eval's, `bash -c`'s."""
        from readiness.facts.scripts.parse import parse

        if text not in self._parsed:
            self._parsed[text] = parse(text.encode("utf-8", "replace")).body
        return self._parsed[text]

    def run(
        self,
        words: Sequence[Value],
        *,
        node: Node,
        writes: tuple[Write, ...],
        env: tuple[tuple[str, Value], ...],
        tested: bool,
    ) -> int:
        """Run one command; its exit status."""
        machine = self.machine
        found = unwrap(words)
        name = found.inner[0].text if found.inner else words[0].text
        function = machine.functions.get(name)
        if writes and not self._is_outside(name, found):
            status = self.opened(node, writes, tested=tested)
            if status:
                return status
        if function is not None and not found.wrappers:
            return machine.call(function, words[1:], line=node.line, tested=tested)
        builtin = self.builtins.find(name) if found.wrappers <= {"command", "builtin"} else None
        if builtin is not None:
            return builtin(node, found.inner, tested)
        return self._outside(words, found, node=node, writes=writes, env=env, tested=tested)

    def _is_outside(self, name: str, found: Unwrapped) -> bool:
        """Whether a command is a program, not a function and not a builtin."""
        if name in self.machine.functions and not found.wrappers:
            return False
        return self.builtins.find(name) is None or not found.wrappers <= {"command", "builtin"}

    # --- programs -------------------------------------------------------------------------------------------------

    def _outside(  # noqa: PLR0913 - what a command is made of
        self,
        words: Sequence[Value],
        found: Unwrapped,
        *,
        node: Node,
        writes: tuple[Write, ...],
        env: tuple[tuple[str, Value], ...],
        tested: bool,
    ) -> int:
        machine = self.machine
        text = found.inner[0].text if found.inner else ""
        name = posixpath.basename(text)
        script = self._script(found.inner)
        writes = (*writes, *self._teed(name, found.inner, node.line))
        if found.lock is not None:
            machine.state.locks.add((machine.state.beneath(found.lock), -2))
        step = self.step(
            words, node=node, writes=writes, env=env, tested=tested, inner=found.inner, wrappers=found.wrappers,
            bound=found.bound, invokes=script.path if script else None,
        )  # fmt: skip
        helper = script is not None and not script.role and len(machine.within) < 8  # noqa: PLR2004 - calls of calls
        status = self._status(step, name, node, known=helper)
        if not status:
            status = self._effects(name, step, script if helper else None)
        if found.lock is not None:
            machine.state.locks = {lock for lock in machine.state.locks if lock[1] != -2}  # noqa: PLR2004 - a wrapper's
        if "exec" in found.wrappers and found.inner:
            raise Exited(status, "exec")
        if machine.sink is not None and not status and name not in _SILENT and not writes and not helper:
            machine.sink.append(printed(machine, name, found.inner))
        return status

    def _script(self, inner: Sequence[Value]) -> Loaded | None:
        """The script of the release that a command runs."""
        if not inner:
            return None
        path = inner[0].text
        if posixpath.basename(path) in SHELLS:
            rest = operands([value.text for value in inner[1:]], frozenset({"-o", "-O", "+O"}))
            if any(value.text.startswith("-") and "c" in value.text for value in inner[1:2]) or not rest:
                return None
            path = rest[0]
        elif "/" not in path and not path.endswith(".sh"):
            return None
        return self.machine.library.find(self.machine.state.beneath(path))

    def _teed(self, name: str, inner: Sequence[Value], line: int) -> tuple[Write, ...]:
        if name != "tee":
            return ()
        state, made = self.machine.state, self.machine.made
        paths = [state.beneath(word) for word in operands([value.text for value in inner[1:]])]
        return tuple(Write(path=p, ready=is_there(p.rpartition("/")[0], made), line=line) for p in paths)

    def step(self, words: Sequence[Value], *, node: Node, **given: Any) -> Step:  # noqa: ANN401 - Step's own fields
        """A command as it runs now, with what holds at this moment."""
        machine = self.machine
        return Step(
            argv=tuple(words),
            file=machine.file,
            line=node.line,
            pos=node.pos,
            errexit="errexit" in machine.state.options and not machine.ignored,
            background=machine.background,
            fed=machine.fed,
            clock=machine.clock,
            locks=frozenset(path for path, _ in machine.state.locks),
            within=machine.within,
            handler=machine.handler,
            directory=machine.state.cwd,
            **{"inner": tuple(words)} | given,
        )

    def note(self, step: Step) -> int | None:
        """Keep a step, with what the world says about it."""
        status = self.machine.world(step)
        if status:
            step = dataclasses.replace(step, dead=True)
        self.machine.steps.append(step)
        return status

    def _status(self, step: Step, name: str, node: Node, *, known: bool) -> int:
        said = self.note(step)
        if said is not None or known:
            return said or 0
        first = step.words[0] if step.words else ""
        questioned = name in _UNSURE or (name, first) in _ANSWERS
        if questioned and (self.machine.ignored or step.tested):
            return 1 - self.machine.decide(node.pos, usual=int(self.machine.hint))
        return 0

    def _effects(self, name: str, step: Step, script: Loaded | None) -> int:
        """What a command leaves behind, as far as the simulation follows it."""
        machine, words = self.machine, list(step.words)
        if script is not None:
            return self._child(script, step.inner)
        if name in SHELLS and len(words) > 1 and words[0].startswith("-") and words[0].endswith("c"):
            return machine.apart(self.parsed(words[1]))
        if name == "mkdir" or (name == "install" and any(w.startswith("-") and "d" in w for w in words)):
            self._folders(name, words)
        elif name == "flock":
            self._locked(words)
        elif name in {"rm", "rmdir"}:
            gone = {machine.state.beneath(word) for word in operands(words)}
            machine.state.locks = {lock for lock in machine.state.locks if lock[0] not in gone}
        elif name == "sleep":
            self._slept(joined(step.inner[1:2]))
        elif step.bound is not None and (name in {"tail", "wait", "sleep", "bash", "sh"}):
            machine.clock += step.bound
            return 124 if step.tested or not step.errexit else 0
        return 0

    def _child(self, script: Loaded, inner: Sequence[Value]) -> int:
        """Another script of the release, as a process of its own."""
        machine = self.machine
        shell = posixpath.basename(inner[0].text) in SHELLS
        args = inner[2:] if shell else inner[1:]
        file, within, functions = machine.file, machine.within, machine.functions
        before, machine.state = machine.state, machine.state.copy()
        machine.state.options, machine.state.args = set(script.options), list(args)
        machine.state.zero = f"@/{script.path}"
        machine.file, machine.within, machine.functions = script.path, (*within, (file, 0)), {}
        try:
            return machine.apart(script.body)
        finally:
            machine.state, machine.file, machine.within, machine.functions = before, file, within, functions

    def _folders(self, name: str, words: list[str]) -> None:
        parents = name == "install" or any(
            w == "--parents" or (w[:1] == "-" and w[1:2] != "-" and "p" in w) for w in words
        )
        for word in operands(words, frozenset({"-m", "--mode", "-o", "-g"})):
            path = self.machine.state.beneath(word)
            if not parents and "lock" in posixpath.basename(path).lower():
                self.machine.state.locks.add((path, -1))
            while path and path not in self.machine.made:
                self.machine.made.add(path)
                path = path.rpartition("/")[0] if parents else ""

    def _locked(self, words: list[str]) -> None:
        given = operands(words, frozenset({"-w", "-E", "--timeout", "--wait"}))
        fd = int(given[0]) if given and given[0].isdecimal() else -1
        state = self.machine.state
        if "-u" in words or "--unlock" in words:
            state.locks = {lock for lock in state.locks if lock[1] != fd}
        elif fd in state.fds:
            state.locks.add((state.fds[fd], fd))

    def _slept(self, length: Value) -> None:
        found = seconds(length.text) if length.known else None
        self.machine.vague = self.machine.vague or found is None
        self.machine.clock += found or 0.0

    def opened(self, node: Node, writes: tuple[Write, ...], *, tested: bool) -> int:
        """Files that a redirection alone opens; under noclobber that is a lock."""
        machine = self.machine
        locks = "noclobber" in machine.state.options
        step = self.step((), node=node, writes=writes, tested=tested, kind="noclobber" if locks else "open")
        status = self.note(step) or 0
        if locks and not status:
            machine.state.locks |= {(write.path, -1) for write in writes}
        return status

    def asked(self, node: Node) -> int:
        """A question to a person, whom nobody expects to be there: it fails."""
        self.note(self.step((Value("read"),), node=node, kind="ask"))
        return 1
