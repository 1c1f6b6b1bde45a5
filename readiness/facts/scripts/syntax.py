"""A shell script as a tree of statements, independent of the parser that read it.

Every node knows its `line` (from 1) and `pos`, its offset in the source: `pos` tells two equal commands apart.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself; where it is not quoted, `*` and `?` are patterns."""

    text: str
    quoted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """`$NAME`, `${NAME:-word}`, `${#NAME}`; `operator` as written, `length` for the length, `!` for `${!NAME}`."""

    name: str
    quoted: bool = False
    operator: str = ""
    word: Word | None = None
    index: Subscript | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)`: what a program prints."""

    body: Block
    quoted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$(( a, b ))`: the last one counts."""

    values: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessSubstitution:
    """`<(…)` or `>(…)`."""

    body: Block


@dataclasses.dataclass(frozen=True, slots=True)
class Brace:
    """`{1..30}`."""

    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """Arithmetic: an operator with its operands; `number`, `name` and `word` are leaves."""

    operator: str
    operands: tuple[Expression, ...] = ()
    leaf: int | str | Word | None = None


Part: TypeAlias = Literal | Variable | Substitution | Arithmetic | ProcessSubstitution | Brace


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """One word of a command, in its parts."""

    parts: tuple[Part, ...]
    line: int = 0

    @property
    def literal(self) -> str | None:
        """Its text where nothing has to be expanded."""
        if all(isinstance(part, Literal) for part in self.parts):
            return "".join(part.text for part in self.parts if isinstance(part, Literal))
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Subscript:
    """What stands between an array's brackets: as a number for an array, as a word for an associative one."""

    text: str
    number: Expression
    word: Word


@dataclasses.dataclass(frozen=True, slots=True)
class Redirect:
    """`fd operator target`; `fd` -1 where it was not written, `variable` for `{NAME}>target`. A here-document or here-string has the operator `<<`."""

    operator: str
    target: Word | None
    fd: int = -1
    line: int = 0
    variable: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value`, `NAME+=value`, `NAME[index]=value`; an array's value is a tuple of words."""

    name: str
    value: Word | tuple[Word, ...] | None
    append: bool = False
    index: Subscript | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of all statements."""

    line: int
    pos: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Simple(Node):
    """A command with its words, or assignments alone."""

    words: tuple[Word, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declare(Node):
    """`export`, `local`, `readonly`, `declare`: options, assignments and bare names, and words that become such when expanded."""

    keyword: str
    options: str = ""
    assignments: tuple[Assignment, ...] = ()
    names: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Test(Node):
    """`[ … ]` or `[[ … ]]`: operators as text, operands as words."""

    tokens: tuple[str | Word, ...]
    double: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calculation(Node):
    """`(( a, b ))`: the last one counts."""

    values: tuple[Expression, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """`a | b | c`."""

    parts: Block


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Not(Node):
    """`! a`."""

    body: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AndOr(Node):
    """`a && b`, `a || b`."""

    operator: str
    left: Node
    right: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class If(Node):
    """Clauses of condition and body in order, then what else."""

    clauses: tuple[tuple[Block, Block], ...]
    otherwise: Block = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class While(Node):
    """`while` or `until`."""

    condition: Block
    body: Block
    until: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class For(Node):
    """`for NAME in words`; words None: the positional parameters. `select` asks a person."""

    name: str
    words: tuple[Word, ...] | None
    body: Block
    select: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Count(Node):
    """`for ((a; b; c))`."""

    first: tuple[Expression, ...]
    condition: tuple[Expression, ...]
    step: tuple[Expression, ...]
    body: Block


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case(Node):
    """Items of patterns, body, and how the body ends: `;;`, `;&` (the next body follows) or `;;&` (the next patterns are tried)."""

    subject: Word
    items: tuple[tuple[tuple[Word, ...], Block, str], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandGroup(Node):
    """`{ … }`, or any statement with redirections of its own; `subshell` for `( … )`."""

    body: Block
    redirects: tuple[Redirect, ...] = ()
    subshell: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Function(Node):
    """A definition: nothing runs until it is called."""

    name: str
    body: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Background(Node):
    """`a &`."""

    body: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood(Node):
    """Syntax that the simulation does not know: where it would run, there is a gap."""

    reason: str


Block: TypeAlias = tuple[Node, ...]
