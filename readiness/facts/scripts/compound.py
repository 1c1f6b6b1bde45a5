"""Compound statements: from the parser's nodes to `shell_tree`'s."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts.tree import (
    AndOr,
    Calculation,
    Case,
    Count,
    For,
    Function,
    Group,
    If,
    Node,
    Not,
    Pipeline,
    Simple,
    While,
    Word,
)
from readiness.facts.scripts.words import text_of

if TYPE_CHECKING:
    from tree_sitter import Node as Parsed

    from readiness.facts.scripts.parse import Lowering
    from readiness.facts.scripts.tree import Block, Expression, Redirect

REDIRECTS: Final = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
"""The parser's names for redirections."""


class Compound:
    """Lowers conditions, loops, groups and functions."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering

    def _if_statement(self, node: Parsed) -> list[Node]:
        clauses = [self._clause(node)]
        otherwise: Block = ()
        for child in node.children:
            if child.type == "elif_clause":
                clauses.append(self._clause(child))
            elif child.type == "else_clause":
                otherwise = self.lowering.block(child.children)
        return [If(clauses=tuple(clauses), otherwise=otherwise, **place(node))]

    def _clause(self, node: Parsed) -> tuple[Block, Block]:
        condition: list[Parsed] = []
        body: list[Parsed] = []
        here = condition
        for child in node.children:
            if child.type == "then":
                here = body
            elif child.type not in {"elif_clause", "else_clause", "if", "elif", "fi"}:
                here.append(child)
        return self.lowering.block(condition), self.lowering.block(body)

    def _while_statement(self, node: Parsed) -> list[Node]:
        body = node.child_by_field_name("body")
        condition = [child for child in node.children if child.type != "do_group"]
        until = bool(node.children) and node.children[0].type == "until"
        inner = self.lowering.block(body.children) if body is not None else ()
        return [While(condition=self.lowering.block(condition), body=inner, until=until, **place(node))]

    def _for_statement(self, node: Parsed) -> list[Node]:
        name, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        listed = any(child.type == "in" for child in node.children)
        words = tuple(
            self.lowering.words.word(child) for child in node.children_by_field_name("value") if child.is_named
        )
        return [
            For(
                name=text_of(name) if name is not None else "",
                words=words if listed else None,
                body=self.lowering.block(body.children) if body is not None else (),
                select=node.children[0].type == "select",
                **place(node),
            )
        ]

    def _c_style_for_statement(self, node: Parsed) -> list[Node]:
        def of(field: str) -> tuple[Expression, ...]:
            return tuple(self.lowering.words.expression(c) for c in node.children_by_field_name(field) if c.is_named)

        body = node.child_by_field_name("body")
        inner = self.lowering.block(body.children) if body is not None else ()
        return [Count(first=of("initializer"), condition=of("condition"), step=of("update"), body=inner, **place(node))]

    def _case_statement(self, node: Parsed) -> list[Node]:
        value, items = node.child_by_field_name("value"), []
        for child in node.children:
            if child.type == "case_item":
                patterns = child.children_by_field_name("value")
                ids = {pattern.id for pattern in patterns}
                body = self.lowering.block([inner for inner in child.children if inner.id not in ids])
                falls = child.child_by_field_name("fallthrough") is not None
                items.append((tuple(self.lowering.words.word(p) for p in patterns if p.is_named), body, falls))
        subject = self.lowering.words.word(value) if value is not None else Word(())
        return [Case(subject=subject, items=tuple(items), **place(node))]

    def _compound_statement(self, node: Parsed) -> list[Node]:
        if node.children and node.children[0].type == "((":
            return self.calculation(node)
        return [Group(body=self.lowering.block(node.children), **place(node))]

    def calculation(self, node: Parsed) -> list[Node]:
        """`(( … ))`."""
        inner = [child for child in node.children if child.is_named]
        return [Calculation(value=self.lowering.words.expression(child), **place(node)) for child in inner[:1]]

    def _subshell(self, node: Parsed) -> list[Node]:
        return [Group(body=self.lowering.block(node.children), subshell=True, **place(node))]

    def _function_definition(self, node: Parsed) -> list[Node]:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        inner = self.lowering.one(body, node)
        redirects = tuple(r for c in node.children if c.type in REDIRECTS for r in self.lowering.redirects(c))
        return [Function(name=text_of(name) if name else "", body=redirected(inner, redirects), **place(node))]


def place(node: Parsed) -> dict[str, Any]:
    """A node's `line` and `pos`."""
    return {"line": node.start_point[0] + 1, "pos": node.start_byte}


def redirected(node: Node, redirects: tuple[Redirect, ...]) -> Node:
    """`node` with redirections; the grammar hangs those of a list's last command on the whole list."""
    if not redirects:
        return node
    if isinstance(node, (Simple, Group)):
        return dataclasses.replace(node, redirects=node.redirects + redirects)
    if isinstance(node, AndOr):
        return dataclasses.replace(node, right=redirected(node.right, redirects))
    if isinstance(node, Not):
        return dataclasses.replace(node, body=redirected(node.body, redirects))
    if isinstance(node, Pipeline):
        return dataclasses.replace(node, parts=(*node.parts[:-1], redirected(node.parts[-1], redirects)))
    return Group(body=(node,), redirects=redirects, line=node.line, pos=node.pos)
