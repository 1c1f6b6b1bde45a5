"""Words, tests and arithmetic, worked out as far as a script's text allows; what it does not say stays unknown."""

from __future__ import annotations

import fnmatch
import operator
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.conditions import Truth, integer
from readiness.facts.scripts.tree import Arithmetic, Brace, Literal, Process, Substitution, Variable, Word
from readiness.facts.scripts.values import EMPTY, Value, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.facts.scripts.interpreter import Machine
    from readiness.facts.scripts.tree import Expression, Part

_MANY: Final = 10_000
"""Items of a brace or sequence at most."""
_EPOCH: Final = 1_700_000_000
"""Seconds since 1970 at which every simulation starts: any fixed number will do."""
_CALCULATE: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "&&": lambda a, b: bool(a) and bool(b),
    "||": lambda a, b: bool(a) or bool(b), "/": lambda a, b: int(a / b), "%": operator.mod,
}  # fmt: skip


def epoch(clock: float) -> str:
    """What `date +%s` prints at a moment of the simulation."""
    return str(_EPOCH + int(clock))


class Expander:
    """Works out words for a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def words(self, words: Sequence[Word]) -> list[Value]:
        """All fields that these words become."""
        return [value for word in words for value in self.fields(word)]

    def one(self, word: Word) -> Value:
        """A word as one value, as in an assignment: nothing is split."""
        return joined(value for part in word.parts for value in [joined(self._part(part), " ")])

    def fields(self, word: Word) -> list[Value]:
        """The fields of one word: unquoted known variables are split, `"$@"` stays as many as it is."""
        done: list[Value] = []
        open_: Value | None = None
        for part in word.parts:
            pieces, splits = self._part(part), _splits(part)
            if splits and all(piece.known for piece in pieces):
                pieces = [Value(text, names=p.names, sources=p.sources) for p in pieces for text in p.text.split()]
            if not pieces:
                continue
            first = pieces[0] if open_ is None else joined((open_, pieces[0]))
            done.extend([first, *pieces[1:]][:-1])
            open_ = pieces[-1] if len(pieces) > 1 else first
        return done if open_ is None else [*done, open_]

    def _part(self, part: Part) -> list[Value]:
        if isinstance(part, Literal):
            text = part.text
            return [Value("${HOME}" + text[1:], known=False) if not part.quoted and text[:2] == "~/" else Value(text)]
        if isinstance(part, Variable):
            return self._variable(part)
        if isinstance(part, Substitution):
            return [self.machine.substitute(part.body)]
        if isinstance(part, Arithmetic):
            number = self.number(part.value)
            return [Value("$((…))", known=False) if number is None else Value(str(number))]
        if isinstance(part, Brace):
            step = 1 if part.last >= part.first else -1
            return [Value(str(n)) for n in range(part.first, part.last + step, step)[:_MANY]]
        if isinstance(part, Process):
            self.machine.aside(part.body)
        return [Value("/dev/fd/63")]

    # --- variables ------------------------------------------------------------------------------------------------

    def _variable(self, part: Variable) -> list[Value]:
        if part.name in {"@", "*"} and not part.operator:
            args = self.machine.state.args
            return list(args) if part.name == "@" or not part.quoted else [joined(args, " ")]
        held = self.machine.state.variables.get(part.name)
        if isinstance(held, list):
            if part.index in {"@", "*"}:
                return [Value(str(len(held)))] if part.operator == "length" else [_named(v, part.name) for v in held]
            held = held[int(part.index)] if part.index.isdecimal() and int(part.index) < len(held) else EMPTY
            return [_named(held, part.name)]
        return [self._operated(part, self.get(part.name))]

    def get(self, name: str) -> Value:
        """A variable's or parameter's value."""
        machine, state = self.machine, self.machine.state
        special = {
            "?": str(machine.status), "#": str(len(state.args)), "0": state.zero, "BASH_SOURCE": machine.file_value,
            "PWD": state.cwd, "SECONDS": str(int(machine.clock)), "EPOCHSECONDS": epoch(machine.clock),
        }  # fmt: skip
        if name in {"SECONDS", "EPOCHSECONDS"}:
            machine.clock_read = True
        if name in special and name not in state.variables:
            return Value(special[name])
        if name.isdecimal():
            return state.args[int(name) - 1] if int(name) <= len(state.args) else EMPTY
        held = state.variables.get(name)
        if held is None:
            return machine.unset(name)
        return _named(held[0] if isinstance(held, list) and held else EMPTY if isinstance(held, list) else held, name)

    def _operated(self, part: Variable, value: Value) -> Value:  # noqa: PLR0911 - one return an operator
        sign = part.operator
        if sign == "":
            return value
        if sign in {":-", "-", ":=", "="}:
            if (value.known and value.text) or (not value.known and part.name in self.machine.state.variables):
                return value
            found = _named(self.one(part.word), part.name) if part.word else EMPTY
            if sign in {":=", "="}:
                self.machine.state.variables[part.name] = found
            return found
        if sign in {":+", "+"}:
            return (
                self.one(part.word) if part.word and (value.text if value.known else False) else Value("", value.known)
            )
        if sign == "length":
            return Value(str(len(value.text))) if value.known else Value("${#" + part.name + "}", known=False)
        if value.known and sign in {"%", "%%", "#", "##", "^^", ",,"}:
            return _named(Value(_cut(value.text, sign, part.word.literal if part.word else "")), part.name)
        return value if sign in {":?", "?"} else Value("${" + part.name + "}", known=False, names=value.names)

    # --- arithmetic -----------------------------------------------------------------------------------------------

    def number(self, expression: Expression) -> int | None:  # noqa: PLR0911 - one return a kind
        """What an expression comes to; None where that is not known. Assignments take effect."""
        sign, operands = expression.operator, expression.operands
        if sign == "number":
            return int(str(expression.leaf))
        if sign == "name":
            return integer(self.get(str(expression.leaf)), empty=0)
        if sign == "word":
            return integer(self.one(expression.leaf), empty=0) if isinstance(expression.leaf, Word) else None
        if sign.startswith(("pre", "post")):
            return self._stepped(sign, operands[0])
        if sign in {"=", "+=", "-="}:
            right, left = self.number(operands[1]), self.number(operands[0]) if sign != "=" else 0
            result = None if right is None or left is None else left - right if sign == "-=" else left + right
            return self._set(operands[0], result)
        if sign == "?":
            condition = self.number(operands[0])
            return None if condition is None else self.number(operands[1 if condition else 2])
        numbers = [self.number(operand) for operand in operands]
        left, right = (*numbers, None, None)[:2]
        if left is None or right is None or sign not in _CALCULATE or (sign in {"/", "%"} and right == 0):
            return None
        return int(_CALCULATE[sign](left, right))

    def _stepped(self, sign: str, operand: Expression) -> int | None:
        before = self.number(operand)
        if before is None:
            return self._set(operand, None) if sign.endswith(("++", "--")) else None
        if sign.endswith(("++", "--")):
            after = self._set(operand, before + (1 if sign.endswith("++") else -1))
            return before if sign.startswith("post") else after
        return {"pre-": -before, "pre!": int(not before), "pre+": before}.get(sign)

    def _set(self, target: Expression, number: int | None) -> int | None:
        if target.operator == "name":
            name = str(target.leaf)
            value = Value("${" + name + "}", known=False) if number is None else Value(str(number))
            self.machine.state.variables[name] = value
        return number

    # --- tests ----------------------------------------------------------------------------------------------------

    def operands(self, tokens: Sequence[str | Word], *, double: bool) -> list[str | Value]:
        """The tokens of `[ … ]` with their words expanded; operators stay plain text."""
        found: list[str | Value] = []
        for token in tokens:
            if isinstance(token, str):
                found.append(token)
            elif double:
                found.append(self.one(token))
            else:
                found.extend(self.fields(token))
        return found

    def truth(self, tokens: Sequence[str | Value], *, made: set[str]) -> bool | None:
        """Whether a test holds; None where that is not known."""
        return Truth(tokens, self.machine.state, made, attended=self.machine.attended).parse()


def _splits(part: Part) -> bool:
    return isinstance(part, (Variable, Substitution)) and not part.quoted


def _named(value: Value, name: str) -> Value:
    return Value(value.text, value.known, value.names | {name}, value.sources)


def _cut(text: str, sign: str, pattern: str | None) -> str:
    """`${NAME%pattern}` and its siblings."""
    if sign in {"^^", ",,"}:
        return text.upper() if sign == "^^" else text.lower()
    sizes = range(len(text) + 1)
    if sign[0] == "%":
        ends = [n for n in sizes if fnmatch.fnmatchcase(text[n:], pattern or "")]
        return text[: (min(ends) if sign == "%%" else max(ends))] if ends else text
    starts = [n for n in sizes if fnmatch.fnmatchcase(text[:n], pattern or "")]
    return text[(max(starts) if sign == "##" else min(starts)) :] if starts else text
