"""A simulated shell's compound statements: lists, pipelines, conditions, cases and loops."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import tree
from readiness.facts.scripts.values import Exited, Left

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.facts.scripts.interpreter import Machine
    from readiness.facts.scripts.tree import Block, Node

_ROUNDS: Final = 700
"""Rounds of a loop at most: ten minutes of a sleep a second, and some."""


class Flow:
    """Runs the statements that decide what runs, for a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def _function(self, node: tree.Function, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        self.machine.functions[node.name] = node
        self.machine.homes[node.name] = self.machine.file
        return 0

    def _test(self, node: tree.Test, tested: bool) -> int:  # noqa: FBT001 - as above
        tokens = self.machine.expand.operands(node.tokens, double=node.double)
        return self.machine.settled(
            self.machine.commands.builtins.test(tokens, node=node, tested=tested), tested=tested
        )

    def _calculation(self, node: tree.Calculation, tested: bool) -> int:  # noqa: FBT001 - as above
        number = self.machine.expand.number(node.value)
        if number is None:
            return self.machine.settled(1 - self.machine.decide(node.pos, usual=int(self.machine.hint)), tested=tested)
        return self.machine.settled(int(not number), tested=tested)

    def _background(self, node: tree.Background, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        self.machine.apart((node.body,), background=True)
        return 0

    def _group(self, node: tree.Group, tested: bool) -> int:  # noqa: FBT001 - as above
        writes, fed = self.machine.redirect(node.redirects)
        if writes:
            self.machine.commands.opened(node, writes, tested=True)
        fed_before, self.machine.fed = self.machine.fed, self.machine.fed or fed
        try:
            if node.subshell:
                return self.machine.settled(self.machine.apart(node.body), tested=tested)
            return self.machine.block(node.body, tested=tested)
        finally:
            self.machine.fed = fed_before

    def _pipeline(self, node: tree.Pipeline, tested: bool) -> int:  # noqa: FBT001 - as above
        sink, fed, statuses = self.machine.sink, self.machine.fed, []
        all_count = "pipefail" in self.machine.state.options
        sources: frozenset[str] = frozenset()
        for number, part in enumerate(node.parts, 1):
            last = number == len(node.parts)
            self.machine.sink, self.machine.fed = sink if last else [], fed or number > 1
            held = len(sink) if sink is not None else 0
            statuses.append(self._piped(part, tested=tested and (last or all_count)))
            if not last:
                sources = sources.union(*(value.sources for value in self.machine.sink or []))
            elif sink is not None:
                sink[held:] = [dataclasses.replace(value, sources=value.sources | sources) for value in sink[held:]]
        self.machine.sink, self.machine.fed, self.machine.sub_status = sink, fed, 0
        failed = next((status for status in reversed(statuses) if status), 0) if all_count else statuses[-1]
        return self.machine.settled(failed, tested=tested)

    def _piped(self, part: Node, *, tested: bool) -> int:
        """One part of a pipeline; its own failure ends no more than itself."""
        with self.machine.unwatched() if tested or self.machine.ignored else contextlib.nullcontext():
            return self.machine.apart((part,), tested=tested)

    def _not(self, node: tree.Not, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above; what `!` turns ends nothing
        with self.machine.unwatched(usual=not self.machine.hint):
            return int(not self.machine.run(node.body, tested=True))

    def _andor(self, node: tree.AndOr, tested: bool) -> int:  # noqa: FBT001 - as above
        either = node.operator == "||"
        ends = aborts(node.right, self.machine.functions)
        with self.machine.unwatched(usual=(ends or self.machine.hint) if either else not ends):
            status = self.machine.run(node.left, tested=either or tested)
        if bool(status) != either:
            return status
        return self.machine.run(node.right, tested=tested)

    def _if(self, node: tree.If, tested: bool) -> int:  # noqa: FBT001 - as above
        for condition, body in node.clauses:
            with self.machine.unwatched(usual=not any(aborts(inner, self.machine.functions) for inner in body)):
                status = self.machine.block(condition, tested=True)
            if not status:
                return self.machine.block(body, tested=tested)
        return self.machine.block(node.otherwise, tested=tested)

    def _case(self, node: tree.Case, tested: bool) -> int:  # noqa: FBT001 - as above
        subject, chosen = self.machine.expand.one(node.subject), len(node.items)
        if subject.known:
            for number, (patterns, _, _) in reversed(list(enumerate(node.items))):
                if any(
                    fnmatch.fnmatchcase(subject.text, self.machine.expand.one(pattern).text) for pattern in patterns
                ):
                    chosen = number
        else:
            usual = (
                n
                for n, (_, body, _) in enumerate(node.items)
                if not any(aborts(b, self.machine.functions) for b in body)
            )
            chosen = self.machine.decide(node.pos, len(node.items) + 1, usual=next(usual, chosen))
        status = 0
        for _, body, falls in node.items[chosen:]:
            status = self.machine.block(body, tested=tested)
            if not falls:
                break
        return status

    # --- loops ----------------------------------------------------------------------------------------------------

    def _while(self, node: tree.While, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        def goes_on() -> bool:
            with self.machine.unwatched(usual=not node.until):
                return bool(self.machine.block(node.condition, tested=True)) == node.until

        return self._loop(goes_on, node.body)

    def _count(self, node: tree.Count, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        for one in node.first:
            self.machine.expand.number(one)
        rounds = iter(range(_ROUNDS))

        def goes_on() -> bool:
            if next(rounds):
                for one in node.step:
                    self.machine.expand.number(one)
            found = [self.machine.expand.number(one) for one in node.condition]
            return bool(found[-1]) if found and found[-1] is not None else not found

        return self._loop(goes_on, node.body)

    def _for(self, node: tree.For, tested: bool) -> int:  # noqa: FBT001, ARG002 - as above
        words = list(self.machine.state.args) if node.words is None else self.machine.expand.words(node.words)
        items = iter(words[:_ROUNDS])
        if node.select and not self.machine.fed:
            return self.machine.commands.asked(node)

        def goes_on() -> bool:
            item = next(items, None)
            if item is not None:
                self.machine.state.variables[node.name] = item
            return item is not None

        return self._loop(goes_on, node.body)

    def _loop(self, goes_on: Callable[[], bool], body: Block) -> int:
        """Rounds until the condition ends them; a loop that nothing can change any more is left, or given up as endless."""
        status, seen = 0, None
        for _ in range(_ROUNDS):
            unsure, self.machine.clock_read = self.machine.unsure, False
            if not goes_on():
                return status
            try:
                status = self.machine.block(body)
            except Left as left:
                if left.levels > 1:
                    raise Left(left.levels - 1, again=left.again) from None
                if not left.again:
                    return 0
            state = (dict(self.machine.state.variables), self.machine.state.cwd, len(self.machine.state.args))
            if state == seen and not self.machine.clock_read:
                if self.machine.unsure > unsure or self.machine.fed:
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
