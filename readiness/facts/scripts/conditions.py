"""The tests of a script, `[ … ]` and `[[ … ]]`, worked out as far as their operands are known."""

from __future__ import annotations

import contextlib
import fnmatch
import operator
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.facts.scripts.values import State

_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "-eq": operator.eq, "-ne": operator.ne, "-lt": operator.lt, "-le": operator.le, "-gt": operator.gt, "-ge": operator.ge
}  # fmt: skip
_OF_FILES: Final = frozenset("-" + letter for letter in "abcdefghkprstuwxGLNOS")
OPERATORS: Final = (
    _OF_FILES | _COMPARE.keys() | {"!", "=", "==", "!=", "=~", "<", ">", "-a", "-o", "&&", "||", "(", ")"}
)
OPERATORS_ALL: Final = OPERATORS | {"-n", "-z", "-v", "-nt", "-ot", "-ef"}


class Truth:
    """A test's tokens, read as bash does: `!` binds tightest, then and, then or."""

    def __init__(self, tokens: Sequence[str | Value], state: State, made: set[str], *, attended: bool) -> None:
        self.tokens, self.at = list(tokens), 0
        self.state, self.made, self.attended = state, made, attended

    def parse(self) -> bool | None:
        """Whether the test holds; None where that is not known."""
        with contextlib.suppress(IndexError, ValueError):
            return self._or()
        return None

    def _peek(self) -> Any:  # noqa: ANN401 - an operator, a value, or None at the end
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _or(self) -> bool | None:
        found = self._and()
        while self._peek() in {"||", "-o"}:
            self.at += 1
            other = self._and()
            found = True if found or other else None if found is None or other is None else False
        return found

    def _and(self) -> bool | None:
        found = self._not()
        while self._peek() in {"&&", "-a"}:
            self.at += 1
            other = self._not()
            found = False if found is False or other is False else None if found is None or other is None else True
        return found

    def _not(self) -> bool | None:
        if self._peek() == "!":
            self.at += 1
            found = self._not()
            return None if found is None else not found
        if self._peek() == "(":
            self.at += 1
            found = self._or()
            self.at += 1
            return found
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
            return _binary(first, sign, other if isinstance(other, Value) else Value(other))
        return bool(first.text) if first.known else None

    def _unary(self, sign: str, operand: Value) -> bool | None:
        if sign in {"-n", "-z"}:
            return None if not operand.known else bool(operand.text) == (sign == "-n")
        if sign == "-t":
            return self.attended
        if sign in {"-d", "-e"} and self.state.beneath(operand.text) in self.made:
            return True
        return None


def _binary(left: Value, sign: str, right: Value) -> bool | None:
    if sign in _COMPARE:
        a, b = integer(left), integer(right)
        return None if a is None or b is None else _COMPARE[sign](a, b)
    if not (left.known and right.known):
        return None
    if sign in {"=", "=="}:
        return fnmatch.fnmatchcase(left.text, right.text)
    if sign == "!=":
        return not fnmatch.fnmatchcase(left.text, right.text)
    if sign == "=~":
        with contextlib.suppress(re.error):
            return re.search(right.text, left.text) is not None
    return None


def integer(value: Value, empty: int | None = None) -> int | None:
    """A value as a whole number, where it is one."""
    text = value.text.strip()
    if not value.known:
        return None
    return empty if not text else int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else None  # noqa: PLR2004 - beyond 64 bits
