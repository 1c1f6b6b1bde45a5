"""Words and arithmetic of a parsed script: from the parser's nodes to `shell_tree`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.tree import (
    Arithmetic,
    Assignment,
    Brace,
    Expression,
    Literal,
    Process,
    Substitution,
    Variable,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node as Parsed

    from readiness.facts.scripts.tree import Block, Part

_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_IN_QUOTES: Final = frozenset('$`"\\')


def text_of(node: Parsed) -> str:
    """A node's source text."""
    return (node.text or b"").decode("utf-8", "replace")


class Words:
    """The way from a parser's node to a word; `block` lowers the program inside a substitution."""

    def __init__(self, source: bytes, block: Callable[[list[Parsed]], Block]) -> None:
        self.source, self.block = source, block

    def word(self, node: Parsed) -> Word:
        """One word."""
        return Word(tuple(self._parts(node, quoted=False)), node.start_point[0] + 1)

    def _parts(self, node: Parsed, *, quoted: bool) -> Iterator[Part]:  # noqa: C901 - one branch a kind
        kind = node.type
        if kind in {"concatenation", "command_name"} and node.children:
            yield from self._joined(node)
        elif kind == "string":
            yield from self._string(node)
        elif kind == "raw_string":
            yield Literal(text_of(node)[1:-1], quoted=True)
        elif kind == "ansi_c_string":
            yield Literal(_unescaped(text_of(node)[2:-1]), quoted=True)
        elif kind == "translated_string":
            yield from self._parts(node.children[-1], quoted=True)
        elif kind in {"simple_expansion", "expansion"}:
            yield self._variable(node, quoted=quoted)
        elif kind == "command_substitution":
            yield Substitution(self.block(node.children), quoted)
        elif kind == "process_substitution":
            yield Process(self.block(node.children))
        elif kind == "arithmetic_expansion":
            inner = [child for child in node.children if child.is_named]
            yield Arithmetic(self.expression(inner[0]) if inner else Expression("word"))
        elif kind == "brace_expression":
            first, last = (child for child in node.children if child.type == "number")
            yield Brace(int(text_of(first)), int(text_of(last)))
        else:
            yield Literal(_bare(text_of(node)), quoted)

    def _joined(self, node: Parsed) -> Iterator[Part]:
        for child in node.children:
            yield from self._parts(child, quoted=False)

    def _string(self, node: Parsed) -> Iterator[Part]:
        """A double-quoted string; what the parser left between its nodes is text as well."""
        at, end = node.start_byte + 1, node.end_byte - 1
        for child in node.children:
            if child.type in {'"', "string_content"}:
                continue
            if child.start_byte > at:
                yield Literal(_in_quotes(self._between(at, child.start_byte)), quoted=True)
            yield from self._parts(child, quoted=True)
            at = child.end_byte
        if end > at or not node.children:
            yield Literal(_in_quotes(self._between(at, end)), quoted=True)

    def _between(self, start: int, end: int) -> str:
        return self.source[start:end].decode("utf-8", "replace")

    def _variable(self, node: Parsed, *, quoted: bool) -> Part:
        name, index, operator, word = "", "", "", None
        for child in node.children:
            if child.type in {"$", "${", "}"}:
                continue
            if child.type in {"variable_name", "special_variable_name"} and not name:
                name = text_of(child)
            elif child.type == "subscript":
                name, index = _subscript(child)
            elif not child.is_named and not operator and child.type not in {"[", "]"}:
                operator = ("#" if not name else child.type) if child.type != "!" else "!"
            elif child.is_named and word is None:
                word = self.word(child)
        if not name:
            name = text_of(node).strip("${}")
        return Variable(name, quoted, "length" if operator == "#" and word is None else operator, word, index)

    def assignment(self, node: Parsed) -> Assignment:
        """`NAME=value`."""
        named = node.child_by_field_name("name")
        name, index = ("", "")
        if named is not None:
            name, index = _subscript(named) if named.type == "subscript" else (text_of(named), "")
        value = node.child_by_field_name("value")
        append = any(child.type == "+=" for child in node.children)
        if value is None:
            return Assignment(name, Word(()), append, index)
        if value.type == "array":
            return Assignment(
                name, tuple(self.word(child) for child in value.children if child.is_named), append, index
            )
        return Assignment(name, self.word(value), append, index)

    def expression(self, node: Parsed) -> Expression:  # noqa: PLR0911 - one return a kind
        """Arithmetic as a tree."""
        kind = node.type
        if kind == "number":
            return Expression("number", leaf=_number(text_of(node)))
        if kind in {"variable_name", "word"}:
            return Expression("name", leaf=text_of(node))
        named = [child for child in node.children if child.is_named]
        if kind == "parenthesized_expression" and named:
            return self.expression(named[0])
        if kind == "variable_assignment":
            return self._assigned(node)
        operators = [child.type for child in node.children if not child.is_named]
        if kind == "binary_expression" and len(named) > 1:
            return Expression(operators[0] if operators else "", tuple(self.expression(child) for child in named))
        if kind in {"unary_expression", "postfix_expression"} and named and operators:
            place = "post" if kind == "postfix_expression" else "pre"
            return Expression(place + operators[0], (self.expression(named[0]),))
        if kind == "ternary_expression":
            return Expression("?", tuple(self.expression(child) for child in named))
        return Expression("word", leaf=self.word(node))

    def _assigned(self, node: Parsed) -> Expression:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return Expression("word")
        operator = next((child.type for child in node.children if not child.is_named), "=")
        return Expression(operator, (Expression("name", leaf=text_of(name)), self.expression(value)))


def _subscript(node: Parsed) -> tuple[str, str]:
    name, index = node.child_by_field_name("name"), node.child_by_field_name("index")
    return (text_of(name) if name else "", text_of(index) if index else "")


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return int(text) if text.isdecimal() else 0


def _bare(text: str) -> str:
    """An unquoted word without its backslashes."""
    if "\\" not in text:
        return text
    kept, chars = [], iter(text)
    for char in chars:
        follower = next(chars, "") if char == "\\" else char
        kept.append("" if follower == "\n" else follower)
    return "".join(kept)


def _in_quotes(text: str) -> str:
    """The inside of double quotes: a backslash stands for itself but before the few characters that it protects."""
    if "\\" not in text:
        return text
    kept, chars = [], iter(text)
    for char in chars:
        if char != "\\":
            kept.append(char)
            continue
        follower = next(chars, "")
        kept.append("" if follower == "\n" else follower if follower in _IN_QUOTES else "\\" + follower)
    return "".join(kept)


def _unescaped(text: str) -> str:
    kept, chars = [], iter(text)
    for char in chars:
        follower = next(chars, "") if char == "\\" else ""
        kept.append(_ESCAPED.get(follower, "\\" + follower) if char == "\\" else char)
    return "".join(kept)
