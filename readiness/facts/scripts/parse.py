"""From source text to statements, through tree-sitter's grammar of bash; what it cannot parse is named by line and leaves a gap."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.scripts.syntax import (
    AndOr,
    Arithmetic,
    Assignment,
    Background,
    Brace,
    Calculation,
    Case,
    CommandGroup,
    Count,
    Declare,
    Expression,
    For,
    Function,
    If,
    Literal,
    Node,
    Not,
    NotUnderstood,
    Pipeline,
    ProcessSubstitution,
    Redirect,
    Simple,
    Subscript,
    Substitution,
    Test,
    Variable,
    While,
    Word,
)
from readiness.support import require_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tree_sitter import Node as Parsed

    from readiness.facts.scripts.syntax import Block, Part

_DEEPEST: Final = 200
"""Levels of nesting at most; what lies deeper is no script that a person wrote."""
_INNER: Final = frozenset({"binary_expression", "unary_expression", "parenthesized_expression", "test_command"})
_TRANSPARENT: Final = frozenset({"program", "ERROR", "do_group", "then_clause"})
_REDIRECTS: Final = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
_RESERVED: Final = frozenset(
    {"{", "}", "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "in", "]]"}
)  # fmt: skip
"""Words that bash never takes for a command's name where they are not quoted: the parser lost its place there."""
_FD_VARIABLE: Final = re.compile(rb"(?:^|[\s;&|(])\{([A-Za-z_]\w*)\}$")
_BARE_FOR: Final = re.compile(rb"^([ \t]*for[ \t]+\w+) do\b", re.MULTILINE)
"""`for NAME do`, which the grammar only knows with a semicolon."""
_RANGE: Final = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?")
_MOST_WORDS: Final = 10_000
"""Words that one brace becomes at most."""
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_IN_QUOTES: Final = frozenset('$`"\\')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A parsed script: its statements, and the lines where the parser gave up."""

    body: Block
    errors: tuple[int, ...] = ()


def parse(source: bytes) -> Program:
    """Parse shell source. What is no shell becomes errors. Raises NotInstalled without the parser, and nothing else."""
    require_extra("preflight")
    import tree_sitter
    import tree_sitter_bash

    source = _BARE_FOR.sub(rb"\1;do", source)
    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language())).parse(source)
    return Program(body=_Lowering(source).block(tree.root_node.children), errors=tuple(_errors(tree.root_node)))


def _errors(root: Parsed) -> Iterator[int]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if (node.type == "ERROR" and not _is_background_mark(node)) or node.is_missing:
            yield node.start_point[0] + 1
        elif node.has_error:
            waiting.extend(reversed(node.children))


def _is_background_mark(node: Parsed) -> bool:
    """Whether it is the `&` behind a here-document's first word, which the grammar does not know and `_continued` does."""
    return node.parent is not None and node.parent.type in _REDIRECTS and text_of(node).strip() == "&"


def text_of(node: Parsed) -> str:
    """A node's source text."""
    return (node.text or b"").decode("utf-8", "replace")


# --- words and arithmetic -------------------------------------------------------------------------------------------


class _Words:
    """The way from a parser's node to a word; `block` lowers the program inside a substitution."""

    def __init__(self, source: bytes, block: Callable[[list[Parsed]], Block]) -> None:
        self.source, self.block = source, block

    def word(self, node: Parsed) -> Word:
        """One word."""
        return Word(tuple(self._parts(node, quoted=False)), node.start_point[0] + 1)

    def words(self, node: Parsed) -> tuple[Word, ...]:
        """The words that one becomes by its braces: `x.{a,b}` is two."""
        word = self.word(node)
        if not any(isinstance(part, Literal) and not part.quoted and "{" in part.text for part in word.parts):
            return (word,)
        return tuple(Word(parts, word.line) for parts in _braced(word.parts)[:_MOST_WORDS])

    def _parts(self, node: Parsed, *, quoted: bool) -> Iterator[Part]:  # noqa: C901, PLR0912 - one branch a kind
        kind = node.type
        if kind in {"concatenation", "command_name"} and node.children:
            for child in node.children:
                yield from self._parts(child, quoted=False)
        elif kind == "string":
            yield from self._mixed(node, node.start_byte + 1, node.end_byte - 1, quoted=True)
        elif kind == "heredoc_body":
            yield from self._mixed(node, node.start_byte, node.end_byte, quoted=True)
        elif kind in {"extglob_pattern", "regex"} and node.named_children:
            yield from self._mixed(node, node.start_byte, node.end_byte, quoted=False)
        elif kind == "raw_string":
            yield Literal(text_of(node)[1:-1], quoted=True)
        elif kind == "ansi_c_string":
            yield Literal(_unescaped(text_of(node)[2:-1]), quoted=True)
        elif kind == "translated_string":
            yield from self._parts(node.children[-1], quoted=True)
        elif kind in {"simple_expansion", "expansion"}:
            yield self._variable(node, quoted=quoted)
        elif kind == "command_substitution":
            yield Substitution(self._content_of_file(node) or self.block(node.children), quoted)
        elif kind == "process_substitution":
            yield ProcessSubstitution(self.block(node.children))
        elif kind == "arithmetic_expansion":
            yield Arithmetic(tuple(self.expression(child) for child in node.children if child.is_named))
        elif kind == "brace_expression":
            first, last = (child for child in node.children if child.type == "number")
            yield Brace(int(text_of(first)), int(text_of(last)))
        else:
            yield from _bare(text_of(node), quoted=quoted)

    def _content_of_file(self, node: Parsed) -> Block:
        """`$(< FILE)`, which is `$(cat FILE)` without a program; nothing where it is another substitution."""
        inner = [child for child in node.children if child.is_named]
        if len(inner) != 1 or inner[0].type != "file_redirect" or inner[0].children[0].type != "<":
            return ()
        targets = inner[0].children_by_field_name("destination")
        if len(targets) != 1:
            return ()
        words = (Word((Literal("cat", quoted=False),), inner[0].start_point[0] + 1), self.word(targets[0]))
        return (Simple(words=words, **_place(inner[0])),)

    def _mixed(self, node: Parsed, at: int, end: int, *, quoted: bool) -> Iterator[Part]:
        """Text with expansions in it; what the parser left between its nodes is text as well."""
        empty = True
        for child in node.children:
            if child.type in {'"', "string_content", "heredoc_content"} or not child.is_named:
                continue
            start = child.start_byte
            while self.source[
                start : start + 1
            ].isspace():  # the grammar counts white space before a `$` to the variable
                start += 1
            if start > at:
                yield from self._text(at, start, quoted=quoted)
            yield from self._parts(child, quoted=quoted)
            at, empty = child.end_byte, False
        if end > at or empty:
            yield from self._text(at, end, quoted=quoted)

    def _text(self, start: int, end: int, *, quoted: bool) -> Iterator[Part]:
        text = self.source[start:end].decode("utf-8", "replace")
        if quoted:
            yield Literal(_in_quotes(text), quoted=True)
        else:
            yield from _bare(text, quoted=False)

    def _variable(self, node: Parsed, *, quoted: bool) -> Part:
        name, index, operator, word = "", None, "", None
        for child in node.children:
            if child.type in {"$", "${", "}"}:
                continue
            if child.type in {"variable_name", "special_variable_name"} and not name:
                name = text_of(child)
            elif child.type == "subscript":
                name, index = self._subscript(child)
            elif not child.is_named and not operator and child.type not in {"[", "]"}:
                operator = ("#" if not name else child.type) if child.type != "!" else "!"
            elif child.is_named and word is None:
                word = self.word(child)
        if not name:
            name = text_of(node).strip("${}")
        return Variable(name, quoted, "length" if operator == "#" and word is None else operator, word, index)

    def _subscript(self, node: Parsed) -> tuple[str, Subscript | None]:
        name, index = node.child_by_field_name("name"), node.child_by_field_name("index")
        shown = text_of(name) if name is not None else ""
        if index is None:
            return shown, None
        return shown, Subscript(text_of(index), self.expression(index), self.word(index))

    def assignment(self, node: Parsed) -> Assignment:
        """`NAME=value`."""
        named = node.child_by_field_name("name")
        name, index = "", None
        if named is not None:
            name, index = self._subscript(named) if named.type == "subscript" else (text_of(named), None)
        value = node.child_by_field_name("value")
        append = any(child.type == "+=" for child in node.children)
        if value is None:
            return Assignment(name, Word(()), append, index)
        if value.type == "array":
            items = tuple(word for child in value.children if child.is_named for word in self.words(child))
            return Assignment(name, items, append, index)
        return Assignment(name, self.word(value), append, index)

    def expression(self, node: Parsed) -> Expression:  # noqa: PLR0911 - one return a kind
        """Arithmetic as a tree."""
        kind = node.type
        if kind == "number":
            return Expression("number", leaf=_number(text_of(node)))
        if kind in {"variable_name", "word"}:
            text = text_of(node)
            return Expression("name", leaf=text) if text.isidentifier() else Expression("word", leaf=self.word(node))
        named = [child for child in node.children if child.is_named]
        if kind == "parenthesized_expression" and named:
            return self.expression(named[-1])
        operators = [child.type for child in node.children if not child.is_named]
        if kind == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None and value is not None:
                sign = operators[0] if operators else "="
                return Expression(sign, (Expression("name", leaf=text_of(name)), self.expression(value)))
        if kind == "binary_expression" and len(named) > 1:
            return Expression(operators[0] if operators else "", tuple(self.expression(child) for child in named))
        if kind in {"unary_expression", "postfix_expression"} and named and operators:
            side = "post" if kind == "postfix_expression" else "pre"
            return Expression(side + operators[0], (self.expression(named[0]),))
        if kind == "ternary_expression":
            return Expression("?", tuple(self.expression(child) for child in named))
        return Expression("word", leaf=self.word(node))


def _number(text: str) -> int | None:
    """Octal, hexadecimal and decimal; None for other bases."""
    try:
        return int(text, 8) if text.startswith("0") and text.isdecimal() else int(text, 0)
    except ValueError:
        return None


def _bare(text: str, *, quoted: bool) -> Iterator[Literal]:
    """An unquoted word; what a backslash protects is quoted."""
    if "\\" not in text:
        yield Literal(text, quoted)
        return
    kept, chars = "", iter(text)
    for char in chars:
        if char != "\\":
            kept += char
            continue
        follower = next(chars, "")
        if follower in {"", "\n"}:
            continue
        if kept:
            yield Literal(kept, quoted)
            kept = ""
        yield Literal(follower, quoted=True)
    if kept:
        yield Literal(kept, quoted)


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


def _braced(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """The parts of each word that the first brace with a comma, or a range, makes of one; then of the next."""
    pieces: list[Part] = []
    for part in parts:
        if isinstance(part, Literal) and not part.quoted:
            pieces += [Literal(text) for text in re.split(r"([{},])", part.text) if text]
        else:
            pieces.append(part)
    for start, piece in enumerate(pieces):
        if piece != Literal("{"):
            continue
        choices = _choices(pieces, start)
        if choices is not None:
            inner, end = choices
            heads = [(*pieces[:start], *choice) for choice in inner]
            return [word for head in heads for word in _braced((*head, *pieces[end:]))][:_MOST_WORDS]
    return [tuple(pieces)]


def _choices(pieces: Sequence[Part], start: int) -> tuple[list[tuple[Part, ...]], int] | None:
    """What the brace at `start` chooses from, and where it ends; None where it is plain text."""
    inner: list[list[Part]] = [[]]
    depth = 0
    for at in range(start + 1, len(pieces)):
        piece = pieces[at]
        if piece == Literal("}") and depth == 0:
            if len(inner) > 1:
                return [tuple(choice) for choice in inner], at + 1
            items = _range("".join(p.text for p in inner[0] if isinstance(p, Literal) and not p.quoted))
            return ([(Literal(item),) for item in items], at + 1) if items else None
        if piece == Literal(",") and depth == 0:
            inner.append([])
            continue
        depth += (piece == Literal("{")) - (piece == Literal("}"))
        inner[-1].append(piece)
    return None


def _range(text: str) -> list[str]:
    """`1..5`, `a..e`, `0..20..5`; nothing for other text."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return []
    letters = match[1].isalpha() and match[2].isalpha()
    if match[1].isalpha() != match[2].isalpha():
        return []
    first, last = (ord(match[1]), ord(match[2])) if letters else (int(match[1]), int(match[2]))
    step = abs(int(match[3] or 1)) or 1
    numbers = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
    return [chr(n) if letters else str(n) for n in numbers[:_MOST_WORDS]]


# --- statements -----------------------------------------------------------------------------------------------------


class _Lowering:
    """Lowers the statements of one source."""

    def __init__(self, source: bytes) -> None:
        self.source, self.depth = source, 0
        self.words = _Words(source, self.block)
        self.handlers: dict[str, Callable[[Parsed], list[Node]]] = {
            "command": self._command,
            "variable_assignment": self._assignments,
            "variable_assignments": self._assignments,
            "declaration_command": self._declaration,
            "unset_command": self._unset,
            "test_command": self._test,
            "redirected_statement": self._redirected,
            "pipeline": self._pipeline,
            "list": self._list,
            "negated_command": self._negated,
            "if_statement": self._if,
            "while_statement": self._while,
            "for_statement": self._for,
            "c_style_for_statement": self._count,
            "case_statement": self._case,
            "compound_statement": self._compound,
            "subshell": self._subshell,
            "function_definition": self._function,
            "comment": lambda _: [],
        }

    def block(self, nodes: list[Parsed]) -> Block:
        """Statements in order; an `&` puts the one before it into the background."""
        statements: list[Node] = []
        if self.depth >= _DEEPEST:
            deep = "it is nested too deeply"
            return (NotUnderstood(reason=deep, **_place(nodes[0])),) if nodes else ()
        self.depth += 1
        for node in nodes:
            if node.type == "&" and statements:
                statements[-1] = Background(body=statements[-1], line=statements[-1].line, pos=statements[-1].pos)
            elif node.is_named:
                statements.extend(self.statements(node))
        self.depth -= 1
        return tuple(statements)

    def statements(self, node: Parsed) -> list[Node]:
        """What one of the parser's nodes stands for: mostly one statement."""
        if node.type in _TRANSPARENT:
            return list(self.block(node.children))
        handler = self.handlers.get(node.type)
        if handler is not None:
            return handler(node)
        return [NotUnderstood(reason=f"{node.type.replace('_', ' ')} where a command is expected", **_place(node))]

    def one(self, node: Parsed | None, at: Parsed) -> Node:
        """`node` as exactly one statement."""
        statements = self.statements(node) if node is not None else []
        return statements[0] if len(statements) == 1 else CommandGroup(body=tuple(statements), **_place(node or at))

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
            elif child.type in _REDIRECTS:
                opened, others = self.redirects(child)
                redirects += opened
                words += others
            elif child.is_named and not self._names_descriptor(child):
                words += self.words.words(child)
        name = text_of(children[0]) if children[0].type == "command_name" else ""
        if name in _RESERVED:
            return NotUnderstood(reason=f"`{name}` where a command is expected", **_place(children[0]))
        return Simple(
            words=tuple(words), assignments=tuple(assignments), redirects=tuple(redirects), **_place(children[0])
        )

    def _names_descriptor(self, node: Parsed) -> bool:
        """Whether it is the `{fd}` of `{fd}>file`."""
        end = node.end_byte
        return (
            self.source[end : end + 1] in {b"<", b">"}
            and _FD_VARIABLE.search(self.source[max(0, node.start_byte - 1) : end]) is not None
        )

    def _assignments(self, node: Parsed) -> list[Node]:
        nodes = [node] if node.type == "variable_assignment" else node.children
        given = tuple(self.words.assignment(child) for child in nodes if child.type == "variable_assignment")
        return [Simple(assignments=given, **_place(node))]

    def _declaration(self, node: Parsed) -> list[Node]:
        assignments, names, words, options = [], [], [], ""
        for child in node.children[1:]:
            if child.type == "variable_assignment":
                assignments.append(self.words.assignment(child))
            elif child.type == "variable_name":
                names.append(text_of(child))
            elif child.is_named and text_of(child).startswith(("-", "+")):
                options += text_of(child).lstrip("-") if text_of(child).startswith("-") else ""
            elif child.is_named:
                words.append(self.words.word(child))
        return [
            Declare(
                keyword=node.children[0].type,
                options=options,
                assignments=tuple(assignments),
                names=tuple(names),
                words=tuple(words),
                **_place(node),
            )
        ]

    def _unset(self, node: Parsed) -> list[Node]:
        words = [Word((Literal(node.children[0].type),)), *(self.words.word(c) for c in node.children if c.is_named)]
        return [Simple(words=tuple(words), **_place(node))]

    def _test(self, node: Parsed) -> list[Node]:
        if node.children and node.children[0].type == "((":
            return self._calculation(node)
        double = bool(node.children) and node.children[0].type == "[["
        return [Test(tokens=tuple(self._tokens(node)), double=double, **_place(node))]

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

    def _redirected(self, node: Parsed) -> list[Node]:
        redirects: list[Redirect] = []
        follows: list[Parsed] = []
        words: list[Word] = []
        body: list[Node] = []
        for child in node.children:
            if child.type in _REDIRECTS:
                opened, others = self.redirects(child)
                redirects += opened
                words += others
                follows.append(child)
            else:
                body.extend(self.statements(child))
        if not body:
            body = [Simple(words=tuple(words), **_place(node))]
        elif words:
            body[-1] = _with_words(body[-1], tuple(words))
        body[-1] = _redirected_node(body[-1], tuple(redirects))
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

    def redirects(self, node: Parsed) -> tuple[list[Redirect], list[Word]]:
        """A redirection with those that stand inside a here-document's line, and the command's words that the grammar hangs on it."""
        line = node.start_point[0] + 1
        if node.type == "file_redirect":
            number = node.child_by_field_name("descriptor")
            targets = node.children_by_field_name("destination")
            operator = next((c.type for c in node.children if not c.is_named), ">")
            fd = int(text_of(number)) if number is not None and text_of(number).isdecimal() else -1
            named = _FD_VARIABLE.search(self.source[max(0, node.start_byte - 80) : node.start_byte])
            redirect = Redirect(
                operator=operator,
                target=self.words.word(targets[0]) if targets else None,
                fd=fd,
                line=line,
                variable=named[1].decode() if named and number is None else "",
            )
            others = [w for t in targets[1:] if not self._names_descriptor(t) for w in self.words.words(t)]
            return [redirect], others
        inner = [c for c in node.children if c.is_named and c.type not in {*_REDIRECTS, "heredoc_start", "heredoc_end"}]
        if node.type == "heredoc_redirect":
            text = next((child for child in inner if child.type == "heredoc_body"), None)
            start = next((child for child in node.children if child.type == "heredoc_start"), None)
            others = [word for child in node.children_by_field_name("argument") for word in self.words.words(child)]
            if text is not None and start is not None and set(text_of(start)) & set("'\"\\"):
                opened = [Redirect("<<", Word((Literal(text_of(text), quoted=True),), line), -1, line)]
            else:
                opened = [Redirect("<<", self.words.word(text) if text is not None else None, -1, line)]
        else:
            opened, others = [Redirect("<<", self.words.word(inner[0]) if inner else None, -1, line)], []
        for child in node.children:
            if child.type in _REDIRECTS:
                more, words = self.redirects(child)
                opened += more
                others += words
        return opened, others

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
        return [Pipeline(parts=(*parts, last[0]), **_place(node)), *last[1:]]

    def _list(self, node: Parsed) -> list[Node]:
        named = [child for child in node.children if child.is_named]
        sign = next((child.type for child in node.children if child.type in {"&&", "||"}), "&&")
        left, right = self.statements(named[0]), self.statements(named[-1])
        if not left or not right:
            return left + right
        return [*left[:-1], AndOr(operator=sign, left=left[-1], right=right[0], **_place(node)), *right[1:]]

    def _negated(self, node: Parsed) -> list[Node]:
        inner = next((child for child in node.children if child.is_named), None)
        return [Not(body=self.one(inner, node), **_place(node))]

    # --- conditions, loops, groups and functions ------------------------------------------------------------------

    def _if(self, node: Parsed) -> list[Node]:
        clauses = [self._clause(node)]
        otherwise: Block = ()
        for child in node.children:
            if child.type == "elif_clause":
                clauses.append(self._clause(child))
            elif child.type == "else_clause":
                otherwise = self.block(child.children)
        return [If(clauses=tuple(clauses), otherwise=otherwise, **_place(node))]

    def _clause(self, node: Parsed) -> tuple[Block, Block]:
        condition: list[Parsed] = []
        body: list[Parsed] = []
        here = condition
        for child in node.children:
            if child.type == "then":
                here = body
            elif child.type not in {"elif_clause", "else_clause", "if", "elif", "fi"}:
                here.append(child)
        return self.block(condition), self.block(body)

    def _inside(self, node: Parsed) -> Block:
        """A loop's body."""
        body = node.child_by_field_name("body")
        return self.block(body.children) if body is not None else ()

    def _while(self, node: Parsed) -> list[Node]:
        condition = [child for child in node.children if child.type != "do_group"]
        until = bool(node.children) and node.children[0].type == "until"
        return [While(condition=self.block(condition), body=self._inside(node), until=until, **_place(node))]

    def _for(self, node: Parsed) -> list[Node]:
        name = node.child_by_field_name("variable")
        listed = any(child.type == "in" for child in node.children)
        values = [child for child in node.children_by_field_name("value") if child.is_named]
        return [
            For(
                name=text_of(name) if name is not None else "",
                words=tuple(word for child in values for word in self.words.words(child)) if listed else None,
                body=self._inside(node),
                select=node.children[0].type == "select",
                **_place(node),
            )
        ]

    def _count(self, node: Parsed) -> list[Node]:
        def of(field: str) -> tuple[Expression, ...]:
            return tuple(self.words.expression(c) for c in node.children_by_field_name(field) if c.is_named)

        body = self._inside(node)
        return [Count(first=of("initializer"), condition=of("condition"), step=of("update"), body=body, **_place(node))]

    def _case(self, node: Parsed) -> list[Node]:
        value, items = node.child_by_field_name("value"), []
        for child in node.children:
            if child.type == "case_item":
                patterns = child.children_by_field_name("value")
                ids = {pattern.id for pattern in patterns}
                body = self.block([inner for inner in child.children if inner.id not in ids])
                end = next(
                    (inner.type for inner in reversed(child.children) if inner.type in {";;", ";&", ";;&"}), ";;"
                )
                items.append((tuple(self.words.word(p) for p in patterns if p.is_named), body, end))
        subject = self.words.word(value) if value is not None else Word(())
        return [Case(subject=subject, items=tuple(items), **_place(node))]

    def _compound(self, node: Parsed) -> list[Node]:
        if node.children and node.children[0].type == "((":
            return self._calculation(node)
        return [CommandGroup(body=self.block(node.children), **_place(node))]

    def _calculation(self, node: Parsed) -> list[Node]:
        """`(( … ))`."""
        values = tuple(self.words.expression(child) for child in node.children if child.is_named)
        return [Calculation(values=values, **_place(node))]

    def _subshell(self, node: Parsed) -> list[Node]:
        return [CommandGroup(body=self.block(node.children), subshell=True, **_place(node))]

    def _function(self, node: Parsed) -> list[Node]:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        inner = self.one(body, node)
        redirects = tuple(r for c in node.children if c.type in _REDIRECTS for r in self.redirects(c)[0])
        return [Function(name=text_of(name) if name else "", body=_redirected_node(inner, redirects), **_place(node))]


def _place(node: Parsed) -> dict[str, Any]:
    """A node's `line` and `pos`."""
    return {"line": node.start_point[0] + 1, "pos": node.start_byte}


def _redirected_node(node: Node, redirects: tuple[Redirect, ...]) -> Node:
    """`node` with redirections; the grammar hangs those of a list's last command on the whole list."""
    if not redirects:
        return node
    if isinstance(node, (Simple, CommandGroup, Declare)):
        return dataclasses.replace(node, redirects=node.redirects + redirects)
    if isinstance(node, AndOr):
        return dataclasses.replace(node, right=_redirected_node(node.right, redirects))
    if isinstance(node, Not):
        return dataclasses.replace(node, body=_redirected_node(node.body, redirects))
    if isinstance(node, Pipeline):
        return dataclasses.replace(node, parts=(*node.parts[:-1], _redirected_node(node.parts[-1], redirects)))
    return CommandGroup(body=(node,), redirects=redirects, line=node.line, pos=node.pos)


def _with_words(node: Node, words: tuple[Word, ...]) -> Node:
    """`node` with further words of its last command, which stood behind a redirection: `echo >file text`."""
    if isinstance(node, Simple):
        return dataclasses.replace(node, words=node.words + words)
    if isinstance(node, AndOr):
        return dataclasses.replace(node, right=_with_words(node.right, words))
    if isinstance(node, Not):
        return dataclasses.replace(node, body=_with_words(node.body, words))
    if isinstance(node, Pipeline):
        return dataclasses.replace(node, parts=(*node.parts[:-1], _with_words(node.parts[-1], words)))
    return NotUnderstood(reason="words behind a redirection", line=node.line, pos=node.pos)


def _breaks(gap: bytes) -> bool:
    """Whether the text between two words ends a line that no backslash continues."""
    return b"\n" in gap.replace(b"\\\r\n", b"").replace(b"\\\n", b"")
