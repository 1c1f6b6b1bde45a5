"""From source text to statements, through tree-sitter's grammar of bash; what it cannot parse is left out and named by line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.compound import REDIRECTS, Compound, place, redirected
from readiness.facts.scripts.tree import (
    AndOr,
    Background,
    Declare,
    Group,
    Literal,
    Node,
    Not,
    Pipeline,
    Redirect,
    Simple,
    Test,
    Word,
)
from readiness.facts.scripts.words import Words, text_of
from readiness.support.extras import demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node as Parsed

    from readiness.facts.scripts.tree import Assignment, Block

_DEEPEST: Final = 200
"""Levels of nesting at most; what lies deeper is no script that a person wrote."""
_INNER: Final = frozenset({"binary_expression", "unary_expression", "parenthesized_expression", "test_command"})
_TRANSPARENT: Final = frozenset({"program", "ERROR", "do_group", "then_clause"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A parsed script: its statements, and the lines where the parser gave up."""

    body: Block
    errors: tuple[int, ...] = ()


def parse(source: bytes) -> Program:
    """Parse shell source. What is no shell becomes errors. Raises NotInstalled without the parser, and nothing else."""
    demand("preflight")
    import tree_sitter
    import tree_sitter_bash

    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language())).parse(source)
    return Program(body=Lowering(source).block(tree.root_node.children), errors=tuple(_errors(tree.root_node)))


def _errors(root: Parsed) -> Iterator[int]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "ERROR" or node.is_missing:
            yield node.start_point[0] + 1
        elif node.has_error:
            waiting.extend(reversed(node.children))


class Lowering:
    """Lowers one source."""

    def __init__(self, source: bytes) -> None:
        self.source, self.depth = source, 0
        self.words, self.compound = Words(source, self.block), Compound(self)

    def block(self, nodes: list[Parsed]) -> Block:
        """Statements in order; an `&` puts the one before it into the background."""
        found: list[Node] = []
        self.depth += 1
        for node in nodes if self.depth < _DEEPEST else ():
            if node.type == "&" and found:
                found[-1] = Background(body=found[-1], line=found[-1].line, pos=found[-1].pos)
            elif node.is_named:
                found.extend(self.statements(node))
        self.depth -= 1
        return tuple(found)

    def statements(self, node: Parsed) -> list[Node]:
        """What one of the parser's nodes stands for: mostly one statement."""
        if node.type in _TRANSPARENT:
            return list(self.block(node.children))
        handler: Callable[[Parsed], list[Node]] | None = getattr(self, f"_{node.type}", None) or getattr(
            self.compound, f"_{node.type}", None
        )
        return handler(node) if handler is not None else []

    def one(self, node: Parsed | None, at: Parsed) -> Node:
        """`node` as exactly one statement."""
        found = self.statements(node) if node is not None else []
        return found[0] if len(found) == 1 else Group(body=tuple(found), **place(node or at))

    # --- commands -------------------------------------------------------------------------------------------------

    def _command(self, node: Parsed) -> list[Node]:
        """A command; where the parser ran several lines into one, as it does before here-documents, several."""
        pieces: list[list[Parsed]] = [[]]
        end = None
        for child in node.children:
            if end is not None and _breaks(self.source[end : child.start_byte]):
                pieces.append([])
            pieces[-1].append(child)
            end = child.end_byte
        return [self._piece(piece) for piece in pieces if piece]

    def _piece(self, children: list[Parsed]) -> Node:
        words: list[Word] = []
        assignments: list[Assignment] = []
        redirects: list[Redirect] = []
        for child in children:
            if child.type == "variable_assignment":
                assignments.append(self.words.assignment(child))
            elif child.type in REDIRECTS:
                redirects.extend(self.redirects(child))
            elif child.is_named:
                words.append(self.words.word(child))
        return Simple(
            words=tuple(words), assignments=tuple(assignments), redirects=tuple(redirects), **place(children[0])
        )

    def _variable_assignment(self, node: Parsed) -> list[Node]:
        return [Simple(assignments=(self.words.assignment(node),), **place(node))]

    def _variable_assignments(self, node: Parsed) -> list[Node]:
        given = tuple(self.words.assignment(child) for child in node.children if child.type == "variable_assignment")
        return [Simple(assignments=given, **place(node))]

    def _declaration_command(self, node: Parsed) -> list[Node]:
        given: list[Assignment] = [
            self.words.assignment(child) for child in node.children if child.type == "variable_assignment"
        ]
        return [Declare(keyword=node.children[0].type, assignments=tuple(given), **place(node))]

    def _unset_command(self, node: Parsed) -> list[Node]:
        words = [Word((Literal(node.children[0].type),)), *(self.words.word(c) for c in node.children if c.is_named)]
        return [Simple(words=tuple(words), **place(node))]

    def _test_command(self, node: Parsed) -> list[Node]:
        if node.children and node.children[0].type == "((":
            return self.compound.calculation(node)
        double = bool(node.children) and node.children[0].type == "[["
        return [Test(tokens=tuple(self._tokens(node)), double=double, **place(node))]

    def _tokens(self, node: Parsed) -> Iterator[str | Word]:
        """Operators and operands in their order: the grammar's own grouping of tests is not bash's."""
        for child in node.children:
            if child.type in _INNER and child.children:
                yield from self._tokens(child)
            elif child.type == "test_operator" or not child.is_named:
                if child.type not in {"[", "]", "[[", "]]"}:
                    yield text_of(child)
            else:
                yield self.words.word(child)

    # --- redirections ---------------------------------------------------------------------------------------------

    def _redirected_statement(self, node: Parsed) -> list[Node]:
        redirects: list[Redirect] = []
        follows: list[Parsed] = []
        body: list[Node] = []
        for child in node.children:
            if child.type in REDIRECTS:
                redirects.extend(self.redirects(child))
                follows.append(child)
            else:
                body.extend(self.statements(child))
        if not body:
            body = [Simple(**place(node))]
        body[-1] = redirected(body[-1], tuple(redirects))
        for child in follows:
            body[-1] = self._continued(body[-1], child)
        return body

    def _continued(self, before: Node, redirect: Parsed) -> Node:
        """What stands behind a here-document on its first line: a pipe, or `|| exit 1`."""
        right = redirect.child_by_field_name("right")
        if right is not None:
            operator = redirect.child_by_field_name("operator")
            sign = text_of(operator) if operator else "&&"
            return AndOr(operator=sign, left=before, right=self.one(right, redirect), line=before.line, pos=before.pos)
        for child in redirect.children:
            if child.type == "pipeline":
                parts = (before, *self.block([c for c in child.children if c.is_named]))
                return Pipeline(parts=parts, line=before.line, pos=before.pos)
            if child.type == "ERROR" and text_of(child).strip() == "&":
                return Background(body=before, line=before.line, pos=before.pos)
        return before

    def redirects(self, node: Parsed) -> Iterator[Redirect]:
        """A redirection, with those that stand inside a here-document's line."""
        line = node.start_point[0] + 1
        if node.type == "file_redirect":
            number = node.child_by_field_name("descriptor")
            target = node.child_by_field_name("destination")
            operator = next((c.type for c in node.children if not c.is_named), ">")
            fd = int(text_of(number)) if number is not None and text_of(number).isdecimal() else -1
            yield Redirect(operator, self.words.word(target) if target is not None else None, fd, line)
            return
        inner = [child for child in node.children if child.type not in REDIRECTS]
        text = next((c for c in inner if c.type in {"heredoc_body", "string", "word", "simple_expansion"}), None)
        yield Redirect("<<", self.words.word(text) if text is not None and node.type[0:4] == "here" else None, -1, line)
        for child in node.children:
            if child.type in REDIRECTS:
                yield from self.redirects(child)

    # --- lists and pipelines --------------------------------------------------------------------------------------

    def _pipeline(self, node: Parsed) -> list[Node]:
        parts: list[Node] = []
        last: list[Node] = []
        for child in node.children:
            if child.is_named:
                parts.extend(last)
                last = self.statements(child)
        if not last:
            return parts
        return [Pipeline(parts=(*parts, last[0]), **place(node)), *last[1:]]

    def _list(self, node: Parsed) -> list[Node]:
        named = [child for child in node.children if child.is_named]
        sign = next((child.type for child in node.children if child.type in {"&&", "||"}), "&&")
        left, right = self.statements(named[0]), self.statements(named[-1])
        if not left or not right:
            return left + right
        return [*left[:-1], AndOr(operator=sign, left=left[-1], right=right[0], **place(node)), *right[1:]]

    def _negated_command(self, node: Parsed) -> list[Node]:
        inner = next((child for child in node.children if child.is_named), None)
        return [Not(body=self.one(inner, node), **place(node))]


def _breaks(gap: bytes) -> bool:
    """Whether the text between two words ends a line that no backslash continues."""
    return b"\n" in gap.replace(b"\\\r\n", b"").replace(b"\\\n", b"")
