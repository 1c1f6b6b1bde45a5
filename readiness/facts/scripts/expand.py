"""Words, variables, tests and arithmetic, worked out as far as a script's text allows; what it does not say stays unknown."""

from __future__ import annotations

import contextlib
import dataclasses
import operator
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts.simulation import EMPTY, NOTHING, Exited, Value, joined
from readiness.facts.scripts.syntax import (
    Arithmetic,
    Brace,
    Literal,
    ProcessSubstitution,
    Substitution,
    Variable,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.facts.scripts.simulation import Held, ShellRun
    from readiness.facts.scripts.syntax import Assignment, Block, Expression, Part, Subscript

_MANY: Final = 10_000
"""Items of a brace at most."""
_EPOCH: Final = 1_700_000_000
"""Seconds since 1970 at which every simulation starts: any fixed number will do."""
_WORD: Final = 64
"""Bits of a number in bash."""
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "-eq": operator.eq, "-ne": operator.ne, "-lt": operator.lt, "-le": operator.le, "-gt": operator.gt, "-ge": operator.ge
}  # fmt: skip
_OF_FILES: Final = frozenset("-" + letter for letter in "abcdefghkprstuwxGLNOS")
OPERATORS: Final = (
    _OF_FILES
    | _COMPARE.keys()
    | {"!", "=", "==", "!=", "=~", "<", ">", "-a", "-o", "&&", "||", "(", ")", "-n", "-z", "-v", "-nt", "-ot", "-ef"}
)
_CLASSES: Final = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s", "blank": r" \t",
    "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~", "word": r"\w",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern(Value):
    """An operand of `[[ … ]]`, with what it means as a pattern and as a regular expression."""

    glob: str | None = None
    regex: str | None = None


def epoch(clock: float) -> str:
    """What `date +%s` prints at a moment of the simulation."""
    return str(_EPOCH + int(clock))


class Expander:
    """Works out words in a run, and sets variables; `substitute` runs a program for what it prints, `aside` one beside the command."""

    def __init__(self, run: ShellRun, substitute: Callable[[Block], Value], aside: Callable[[Block], None]) -> None:
        self.run, self.substitute, self.aside = run, substitute, aside
        self.no_number = False  # a name in arithmetic held more than one line

    def words(self, words: Sequence[Word]) -> list[Value]:
        """All fields that these words become."""
        return [value for word in words for value in self.fields(word)]

    def one(self, word: Word) -> Value:
        """A word as one value, as in an assignment: nothing is split."""
        return joined(joined(self._part(part), " ") for part in word.parts)

    def fields(self, word: Word) -> list[Value]:
        """The fields of one word: unquoted known variables are split, `"$@"` stays as many as it is."""
        done: list[Value] = []
        open_: Value | None = None
        for part in word.parts:
            pieces, splits = self._part(part), _splits(part)
            if splits and all(piece.known for piece in pieces):
                pieces = [Value(text, names=p.names, sources=p.sources) for p in pieces for text in p.text.split()]
            elif splits:
                pieces = [dataclasses.replace(piece, split=True) for piece in pieces]
            if not pieces:
                continue
            first = pieces[0] if open_ is None else joined((open_, pieces[0]))
            done.extend([first, *pieces[1:]][:-1])
            open_ = pieces[-1] if len(pieces) > 1 else first
        return done if open_ is None else [*done, open_]

    def pattern(self, word: Word) -> Pattern:
        """A word as a pattern: quoted parts stand for themselves."""
        values = [(joined(self._part(part), " "), getattr(part, "quoted", False)) for part in word.parts]
        whole = joined(value for value, _ in values)
        glob, regex = "", ""
        for value, quoted in values:
            glob += re.sub(r"([*?\[\]\\@+!()|])", r"\\\1", value.text) if quoted else value.text
            regex += re.escape(value.text) if quoted else _python_regex(value.text)
        return Pattern(
            whole.text,
            whole.known,
            whole.names,
            whole.sources,
            glob=_glob(glob) if whole.known else None,
            regex=regex,
        )

    def matches(self, subject: Value, word: Word) -> bool | None:
        """Whether a known subject matches a case's pattern; None where that is not known."""
        pattern = self.pattern(word)
        if pattern.glob is None:
            return None
        return _full_match(pattern.glob, subject.text)

    def _part(self, part: Part) -> list[Value]:
        if isinstance(part, Literal):
            text = part.text
            return [Value("${HOME}" + text[1:], known=False) if not part.quoted and text[:2] == "~/" else Value(text)]
        if isinstance(part, Variable):
            return self._variable(part)
        if isinstance(part, Substitution):
            return [self.substitute(part.body)]
        if isinstance(part, Arithmetic):
            number, names = self._traced(part.values)
            return [Value("$((…))", known=False, names=names) if number is None else Value(str(number), names=names)]
        if isinstance(part, Brace):
            step = 1 if part.last >= part.first else -1
            numbers = range(part.first, part.last + step, step)
            if len(numbers) > _MANY:
                self.run.gap(f"{len(numbers)} words of one brace")
            return [Value(str(n)) for n in numbers[:_MANY]]
        if isinstance(part, ProcessSubstitution):
            self.aside(part.body)
        return [Value("/dev/fd/63")]

    # --- variables ------------------------------------------------------------------------------------------------

    def _variable(self, part: Variable) -> list[Value]:  # noqa: PLR0911 - one return a kind
        state = self.run.state
        if part.name in {"@", "*"} and not part.operator:
            return list(state.args) if part.name == "@" or not part.quoted else [joined(state.args, " ")]
        if part.name in {"@", "*"} and part.operator == "length":
            return [Value(str(len(state.args)))]
        held = state.variables.get(part.name)
        if isinstance(held, (list, dict)):
            items = held if isinstance(held, list) else list(held.values())
            if part.index is not None and part.index.text in {"@", "*"}:
                if part.operator == "length":
                    return [Value(str(len(items)))]
                if part.operator == "!":
                    return [Value(key) for key in (held if isinstance(held, dict) else map(str, range(len(held))))]
                if part.operator:
                    return [Value("${" + part.name + "}", known=False, names=frozenset({part.name}))]
                return [_named(value, part.name) for value in items]
            return [self._operated(part, _named(self.item(held, part.index), part.name))]
        return [self._operated(part, self.get(part.name))]

    def item(self, held: list[Value] | dict[str, Value], index: Subscript | None) -> Value:
        """One item of an array; unknown where its index is."""
        if isinstance(held, dict):
            key = self.one(index.word) if index is not None else Value("0")
            return held.get(key.text, EMPTY) if key.known else Value("${…}", known=False, names=key.names)
        number, names = self._traced([index.number]) if index is not None else (0, NOTHING)
        if number is None:
            return Value("${…}", known=False, names=names)
        item = held[number] if -len(held) <= number < len(held) else EMPTY
        return dataclasses.replace(item, names=item.names | names)

    def get(self, name: str) -> Value:
        """A variable's or parameter's value."""
        run, state = self.run, self.run.state
        special = {
            "?": str(run.status), "#": str(len(state.args)), "0": state.zero, "BASH_SOURCE": f"@/{run.file}",
            "PWD": state.cwd, "SECONDS": str(int(run.clock - run.seconds_from)), "EPOCHSECONDS": epoch(run.clock),
        }  # fmt: skip
        if name in {"SECONDS", "EPOCHSECONDS"}:
            run.clock_read = True
        if name in special and name not in state.variables:
            return Value(special[name])
        if name.isdecimal():
            return state.args[int(name) - 1] if int(name) <= len(state.args) else EMPTY
        held = state.variables.get(name)
        if held is None:
            return run.unset(name)
        return _named(held if isinstance(held, Value) else self.item(held, None), name)

    def _operated(self, part: Variable, value: Value) -> Value:  # noqa: C901, PLR0911 - one return an operator
        sign = part.operator
        if sign == "":
            return value
        if sign in {":-", "-", ":=", "="}:
            if (value.known and value.text) or (not value.known and part.name in self.run.state.variables):
                return value
            other = _named(self.one(part.word), part.name) if part.word else EMPTY
            if sign in {":=", "="}:
                self.run.state.variables[part.name] = other
            return other
        if sign in {":+", "+"}:
            present = value.text if value.known else False
            return self.one(part.word) if part.word and present else Value("", value.known)
        if sign == "length":
            return (
                Value(str(len(value.text)), names=value.names)
                if value.known
                else Value("${#" + part.name + "}", known=False)
            )
        if sign in {":?", "?"}:
            if value.known and not value.text:
                raise Exited(127)
            return value
        cut = None
        if value.known and sign in {"%", "%%", "#", "##"} and part.word is not None:
            glob = self.pattern(part.word).glob
            cut = _cut(value.text, sign, glob) if glob is not None else None
        elif value.known and sign in {"^^", ",,", "^", ","} and part.word is None:
            cut = _cased(value.text, sign)
        if cut is not None:
            return _named(Value(cut), part.name)
        return Value("${" + part.name + "}", known=False, names=value.names)

    def assigned(self, assignment: Assignment) -> Held:
        """What an assignment sets: a text, or an array."""
        value = assignment.value
        if isinstance(value, tuple):
            return self.words(value)
        return self.one(value) if value is not None else EMPTY

    def assign(self, assignment: Assignment, value: Held) -> None:
        """Set a variable, an array, or an element of one; an element whose index is not known makes the whole unknown."""
        variables, name = self.run.state.variables, assignment.name
        held = variables.get(name)
        if name == "SECONDS" and isinstance(value, Value):
            self.run.seconds_from = self.run.clock - (integer(value) or 0)
            return
        if isinstance(value, list):
            if isinstance(held, dict) or any(re.match(r"\[.*?\]=", item.text) for item in value):
                variables[name] = self._keyed(value, held if assignment.append else None, isinstance(held, dict))
            else:
                variables[name] = [*(held if isinstance(held, list) and assignment.append else []), *value]
            return
        if not isinstance(value, Value):
            return
        if assignment.index is not None:
            variables[name] = self._with_item(held, assignment, value)
        elif assignment.append and isinstance(held, list):
            variables[name] = [joined((held[0] if held else EMPTY, value)), *held[1:]]
        else:
            variables[name] = joined((held, value)) if assignment.append and isinstance(held, Value) else value

    def _with_item(self, held: Held | None, assignment: Assignment, value: Value) -> Held:
        """An array with one element set."""
        unknown = Value("${" + assignment.name + "}", known=False, names=value.names, sources=value.sources)
        index = assignment.index
        if index is None:
            return unknown
        if isinstance(held, dict):
            key = self.one(index.word)
            before = held.get(key.text, EMPTY) if assignment.append else EMPTY
            return {**held, key.text: joined((before, value))} if key.known else unknown
        number = self.number(index.number)
        items = list(held) if isinstance(held, list) else [held] if isinstance(held, Value) and held.text else []
        if number is None or not -len(items) <= number < len(items) + 1000:
            return unknown
        items += [EMPTY] * (number + 1 - len(items))
        items[number] = joined((items[number] if assignment.append else EMPTY, value))
        return items

    @staticmethod
    def _keyed(items: list[Value], held: Held | None, associative: bool) -> Held:  # noqa: FBT001 - what the array is
        """`([key]=value …)`."""
        pairs: dict[str, Value] = dict(held) if isinstance(held, dict) else {}
        at = 0
        for item in items:
            match = re.match(r"\[(.*?)\]=", item.text)
            key = match[1].strip("\"'") if match else str(at)
            pairs[key] = dataclasses.replace(item, text=item.text[match.end() :] if match else item.text)
            at = int(key) + 1 if key.isdecimal() else at
        if associative or not all(key.isdecimal() for key in pairs):
            return pairs
        size = max(map(int, pairs), default=-1) + 1
        return [pairs.get(str(n), EMPTY) for n in range(min(size, 1000))]

    # --- arithmetic -----------------------------------------------------------------------------------------------

    def _traced(self, expressions: Sequence[Expression]) -> tuple[int | None, frozenset[str]]:
        """What expressions come to, and the variables that they rest on."""
        before, self.run.looked_at = self.run.looked_at, set()
        number = self.numbers(expressions)
        names, self.run.looked_at = frozenset(self.run.looked_at), before
        return number, names

    def numbers(self, expressions: Sequence[Expression]) -> int | None:
        """What `a, b` comes to: all take effect, the last one counts."""
        last: int | None = 0
        for expression in expressions:
            last = self.number(expression)
        return last

    def number(self, expression: Expression) -> int | None:  # noqa: C901, PLR0911 - one return a kind
        """What an expression comes to; None where that is not known. Assignments take effect."""
        sign, operands = expression.operator, expression.operands
        if sign == "number":
            return expression.leaf if isinstance(expression.leaf, int) else None
        if sign == "name":
            value = self.get(str(expression.leaf))
            self.run.looked_at |= value.names
            self.no_number = self.no_number or (value.known and "\n" in value.text.strip())
            return integer(value, empty=0)
        if sign == "word":
            value = self.one(expression.leaf) if isinstance(expression.leaf, Word) else Value("", known=False)
            self.run.looked_at |= value.names
            return integer(value, empty=0)
        if sign.startswith(("pre", "post")):
            return self._stepped(sign, operands[0])
        if sign == "=":
            return self._set(operands[0], self.number(operands[1]))
        if sign.endswith("=") and sign not in _CALCULATE and sign[:-1] in _CALCULATE:
            left, right = self.number(operands[0]), self.number(operands[1])
            return self._set(operands[0], _calculated(sign[:-1], left, right))
        if sign == "?":
            condition = self.number(operands[0])
            return None if condition is None else self.number(operands[1 if condition else 2])
        if sign in {"&&", "||"} and len(operands) > 1:
            left = self.number(operands[0])
            if left is None:
                self.number(operands[1])
                return None
            if bool(left) == (sign == "||"):
                return int(bool(left))
            right = self.number(operands[1])
            return None if right is None else int(bool(right))
        numbers = [self.number(operand) for operand in operands]
        return _calculated(sign, *(*numbers, None, None)[:2])

    def _stepped(self, sign: str, operand: Expression) -> int | None:
        before = self.number(operand)
        if sign.endswith(("++", "--")):
            changed = None if before is None else before + (1 if sign.endswith("++") else -1)
            after = self._set(operand, changed)
            return before if sign.startswith("post") else after
        if before is None:
            return None
        return {"pre-": -before, "pre!": int(not before), "pre+": before, "pre~": ~before}.get(sign)

    def _set(self, target: Expression, number: int | None) -> int | None:
        """Assign; a target that is no plain name makes the whole array unknown."""
        name = str(target.leaf) if target.operator == "name" else ""
        if isinstance(target.leaf, Word):
            name = (target.leaf.literal or "").partition("[")[0]
        if name:
            names = frozenset(self.run.looked_at)
            unknown = number is None or target.operator != "name"
            self.run.state.variables[name] = (
                Value("${" + name + "}", known=False, names=names) if unknown else Value(str(number), names=names)
            )
        return number

    # --- tests ----------------------------------------------------------------------------------------------------

    def operands(self, tokens: Sequence[str | Word], *, double: bool) -> list[str | Value]:
        """The tokens of `[ … ]` with their words expanded; operators stay plain text."""
        operands: list[str | Value] = []
        for token in tokens:
            if isinstance(token, str):
                operands.append(token)
            elif double:
                operands.append(self.pattern(token))
            else:
                operands.extend(self.fields(token))
        return operands

    def truth(self, tokens: Sequence[str | Value]) -> bool | None:
        """Whether a test holds; None where that is not known."""
        self.run.look_at(token for token in tokens if isinstance(token, Value))
        return _Truth(tokens, self.run).parse()


_CALCULATE: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "/": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "%": lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1), "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": lambda a, b: a << b if 0 <= b < _WORD else 0, ">>": lambda a, b: a >> b if 0 <= b < _WORD else 0,
    "**": lambda a, b: a**b if 0 <= b < _WORD else 0,
}  # fmt: skip


def _calculated(sign: str, left: int | None, right: int | None) -> int | None:
    """Two numbers and an operator; None where it is not known, divides by nothing, or leaves bash's numbers."""
    if left is None or right is None or sign not in _CALCULATE or (sign in {"/", "%"} and right == 0):
        return None
    number = int(_CALCULATE[sign](left, right))
    return number if -(2 ** (_WORD - 1)) <= number < 2 ** (_WORD - 1) else None


def _splits(part: Part) -> bool:
    return isinstance(part, (Variable, Substitution)) and not part.quoted


def _named(value: Value, name: str) -> Value:
    return Value(value.text, value.known, value.names | {name}, value.sources, value.split)


def integer(value: Value, empty: int | None = None) -> int | None:
    """A value as a whole number, where it is one."""
    text = value.text.strip()
    if not value.known:
        return None
    return empty if not text else int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else None  # noqa: PLR2004 - beyond 64 bits


def _cut(text: str, sign: str, glob: str) -> str:
    """`${NAME%pattern}` and its siblings."""
    sizes = range(len(text) + 1)
    if sign[0] == "%":
        ends = [n for n in sizes if _full_match(glob, text[n:])]
        return text[: (min(ends) if sign == "%%" else max(ends))] if ends else text
    starts = [n for n in sizes if _full_match(glob, text[:n])]
    return text[(max(starts) if sign == "##" else min(starts)) :] if starts else text


def _cased(text: str, sign: str) -> str:
    """`${NAME^^}` and its siblings."""
    head = text if len(sign) > 1 else text[:1]
    return (head.upper() if sign[0] == "^" else head.lower()) + text[len(head) :]


# --- patterns -------------------------------------------------------------------------------------------------------


def _full_match(regex: str, text: str) -> bool:
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _glob(text: str) -> str | None:
    """A shell pattern as a regular expression; None where it has none (`!(…)`, or a bracket without its end)."""
    regex, at, closings = "", 0, list[str]()
    while at < len(text):
        char = text[at]
        if char in "@?*+!" and text[at + 1 : at + 2] == "(":
            if char == "!":
                return None
            regex += "(?:"
            closings.append({"@": ")"}.get(char, ")" + char))
            at += 2
            continue
        if char == "\\":
            at += 1
            regex += re.escape(text[at : at + 1])
        elif char == ")" and closings:
            regex += closings.pop()
        elif char == "|" and closings:
            regex += "|"
        elif char == "[":
            end = _bracket_end(text, at)
            if end is None:
                regex += re.escape(char)
            else:
                regex += _bracket(text[at : end + 1])
                at = end
        else:
            regex += {"*": ".*", "?": "."}.get(char) or re.escape(char)
        at += 1
    if closings:
        return None
    with contextlib.suppress(re.error):
        re.compile(regex)
        return regex
    return None


def _bracket_end(text: str, start: int) -> int | None:
    at = start + 1 + (text[start + 1 : start + 2] in {"!", "^"})
    at += text[at : at + 1] == "]"
    while at < len(text):
        if text[at : at + 2] == "[:":
            at = max(text.find(":]", at) + 1, at)
        elif text[at] == "]":
            return at
        at += 1
    return None


def _bracket(text: str) -> str:
    inner = text[1:-1]
    sign = "^" if inner[:1] in {"!", "^"} else ""
    inner = inner[1:] if sign else inner
    inner = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], ""), inner.replace("\\", "\\\\"))
    return f"[{sign}{inner.replace('[', chr(92) + '[')}]"


def _python_regex(text: str) -> str:
    """An extended regular expression as Python writes it."""
    return re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], ""), text)


# --- the tests themselves -------------------------------------------------------------------------------------------


class _Truth:
    """A test's tokens, read as bash does: `!` binds tightest, then and, then or."""

    def __init__(self, tokens: Sequence[str | Value], run: ShellRun) -> None:
        self.tokens, self.at, self.run = list(tokens), 0, run

    def parse(self) -> bool | None:
        """Whether the test holds; None where that is not known."""
        with contextlib.suppress(IndexError, ValueError):
            truth = self._or()
            if all(isinstance(token, Value) and token.known and token.text.isdecimal() for token in self.tokens[:2]):
                return False  # two numbers side by side, as a variable of two lines gives them: too many arguments
            return truth if self.at >= len(self.tokens) else None
        return None

    def _peek(self) -> Any:  # noqa: ANN401 - an operator, a value, or None at the end
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _or(self) -> bool | None:
        truth = self._and()
        while self._peek() in {"||", "-o"}:
            self.at += 1
            other = self._and()
            truth = True if truth or other else None if truth is None or other is None else False
        return truth

    def _and(self) -> bool | None:
        truth = self._not()
        while self._peek() in {"&&", "-a"}:
            self.at += 1
            other = self._not()
            truth = False if truth is False or other is False else None if truth is None or other is None else True
        return truth

    def _not(self) -> bool | None:
        if self._peek() == "!" and self.at + 1 < len(self.tokens):
            self.at += 1
            truth = self._not()
            return None if truth is None else not truth
        if self._peek() == "(":
            self.at += 1
            truth = self._or()
            self.at += 1
            return truth
        return self._primary()

    def _primary(self) -> bool | None:
        first = self.tokens[self.at]
        if isinstance(first, str):
            self.at += 2
            operand = self.tokens[self.at - 1]
            return self._unary(first, operand if isinstance(operand, Value) else Value(operand))
        self.at += 1
        sign = self._peek()
        if isinstance(sign, str) and sign not in {"&&", "||", "-a", "-o", ")"}:
            self.at += 2
            other = self.tokens[self.at - 1]
            if sign == "=~":
                # what the groups match is not followed
                self.run.state.variables["BASH_REMATCH"] = Value("${BASH_REMATCH}", known=False)
            return _binary(first, sign, other if isinstance(other, Value) else Value(other))
        return bool(first.text) if first.known else None

    def _unary(self, sign: str, operand: Value) -> bool | None:
        if sign in {"-n", "-z"}:
            return None if not operand.known else bool(operand.text) == (sign == "-n")
        if sign == "-t":
            return self.run.attended
        if sign == "-v" and operand.known:
            self.run.looked_at.add(operand.text)
            held = self.run.state.variables.get(operand.text)
            return True if held is not None and held != EMPTY else None
        if sign in {"-d", "-e"} and self.run.state.beneath(operand.text) in self.run.made:
            return True
        return None


def _binary(left: Value, sign: str, right: Value) -> bool | None:  # noqa: PLR0911 - one return a kind
    if sign in _COMPARE:
        a, b = integer(left), integer(right)
        if any(value.known and "\n" in value.text.strip() for value in (left, right)):
            return False  # two lines are no number: bash says so, and the test does not hold
        return None if a is None or b is None else _COMPARE[sign](a, b)
    if not (left.known and right.known):
        return None
    if sign in {"=", "==", "!="}:
        if not isinstance(right, Pattern):
            return (left.text == right.text) == (sign != "!=")
        return None if right.glob is None else _full_match(right.glob, left.text) == (sign != "!=")
    if sign == "=~" and isinstance(right, Pattern) and right.regex is not None:
        with contextlib.suppress(re.error):
            return re.search(right.regex, left.text) is not None
    return None
