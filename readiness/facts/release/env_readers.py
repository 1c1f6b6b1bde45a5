"""What each reader of an env file makes of its lines: a shell, `export $(… | xargs)`, systemd, Node's dotenv, docker, compose.

Nothing is executed: each reader's rules are followed on the text. What the author meant is what python-dotenv reads: quotes and
comments after a space are none of the value.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.release.env_file import EnvFile, EnvVariable

Reader = Literal["shell", "export", "env", "systemd", "node", "docker", "compose"]
NAMES: Final[dict[Reader, str]] = {
    "shell": "the shell that sources it",
    "export": "`export $(…)`",
    "env": "`env $(…)`",
    "systemd": "systemd",
    "node": "Node's reader",
    "docker": "docker's --env-file",
    "compose": "compose",
}
MARK: Final = "\ufeff"
"""The byte-order mark with which some editors begin a file of UTF-8."""
SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of an env file at most."""
_KEEP_RETURNS: Final = frozenset({"shell", "export", "env", "docker"})
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*(?:=.*)?", re.DOTALL)
_EXPANDED: Final = re.compile(r"\$([A-Za-z_]\w*|\d)")
_WELL_KNOWN: Final = frozenset({"HOME", "USER", "PATH", "PWD", "HOSTNAME", "LOGNAME", "SHELL", "TMPDIR"})
_SPACED: Final = re.compile(r"\s*(?:export\s+)?\w+(?:\s+=|=\s+[^\s#])")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Misreading:
    """A line that a reader takes otherwise than it was meant. `ends`: it ends whoever reads it, and no line after it counts."""

    line: int
    name: str
    reason: str
    ends: bool = False

    def __str__(self) -> str:
        return f"line {self.line}, {self.name}: {self.reason}"


class _Ends(Exception):  # noqa: N818 - no error of ours: the reader's
    """The reader stops with an error."""


class _Differs(Exception):  # noqa: N818 - no error of ours: the reader's
    """The reader takes something else, that cannot be named."""


class _Splits(_Differs):
    """The reader takes the rest of the value for words of their own."""


def misreadings(
    file: EnvFile, text: str, reader: Reader, *, filtered: bool = True, strict: bool = True
) -> list[Misreading]:
    """The lines that `reader` takes otherwise than they were meant.

    `filtered`: comment lines never reach it; `strict`: an error ends it (`set -e`).
    """
    found = _all(file, text, reader, filtered=filtered)
    if strict or reader not in {"shell", "export"}:
        return found
    return [dataclasses.replace(one, ends=False) for one in found]


def _all(file: EnvFile, text: str, reader: Reader, *, filtered: bool) -> list[Misreading]:
    found = _of_mark(file, text, reader)
    lines = text.removeprefix(MARK).split("\n")
    if file.carriage_returns and reader in _KEEP_RETURNS:
        first = next(iter(file.lines), None)
        if first is not None:
            found.append(
                Misreading(line=first.line, name=first.name, reason="its value ends in a carriage return (CRLF)")
            )
    if reader in {"export", "env"} and not filtered:
        number = next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith("#")), 0)
        if number:
            found.append(Misreading(line=number, name="a comment", reason="its # is no name to set", ends=True))
    if reader == "shell" and file.broken:
        found.append(Misreading(line=file.broken[0], name="no assignment", reason="it is run as a command", ends=True))
    defined: set[str] = set()
    for one in file.lines:
        whole = lines[one.line - 1] if one.line <= len(lines) else ""
        found += _misread(one, whole.rstrip("\r"), reader, defined)
        defined.add(one.name)
    return sorted(found, key=lambda one: one.line)


def _of_mark(file: EnvFile, text: str, reader: Reader) -> list[Misreading]:
    """What a reader makes of a byte-order mark: docker, compose and dotenv skip it; to a shell and systemd it is a letter."""
    if not text.startswith(MARK) or reader not in {"shell", "export", "env", "systemd"}:
        return []
    first = next((one for one in file.lines if one.line == 1), None)
    if first is None and reader == "systemd":
        return []
    reason = "a byte-order mark before it becomes part of its name"
    return [Misreading(line=1, name=first.name if first else "a comment", reason=reason, ends=reader != "systemd")]


def _misread(one: EnvVariable, whole: str, reader: Reader, defined: set[str]) -> list[Misreading]:
    if whole.endswith("\\") and reader in {"shell", "systemd"}:
        return []  # it goes on in the next line, as it was meant
    take: dict[Reader, Callable[[EnvVariable, str, set[str]], str]] = {
        "shell": _shell, "export": _export, "env": _export, "systemd": _systemd, "node": _node, "docker": _docker, "compose": _compose,
    }  # fmt: skip
    try:
        value = take[reader](one, whole, defined)
    except _Ends as error:
        return [Misreading(line=one.line, name=one.name, reason=str(error), ends=True)]
    except _Differs as error:
        return [
            Misreading(
                line=one.line, name=one.name, reason=str(error), ends=reader == "env" and isinstance(error, _Splits)
            )
        ]
    if value in {one.value, _unquoted(one.raw)}:
        return []
    return [Misreading(line=one.line, name=one.name, reason=_difference(value, one))]


def _difference(value: str, one: EnvVariable) -> str:
    """How two values differ, without showing either."""
    if " #" in value or value.endswith("#"):
        return "the comment becomes part of the value"
    if one.value.startswith(value):
        return f"the value ends after {len(value)} of its {len(one.value)} characters"
    if any(quote in value for quote in "'\"") and not any(quote in one.value for quote in "'\""):
        return "the quotes become part of the value"
    return "the value is another one"


def _unquoted(raw: str) -> str | None:
    """A value in quotes without them, and nothing else replaced; None for one without quotes."""
    return raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "'\"" else None


def _expansion(text: str, defined: set[str]) -> None:
    """Raises where a `$name` would be replaced that nobody meant to be: one that the file has not set before."""
    for match in _EXPANDED.finditer(text):
        if match[1] not in defined | _WELL_KNOWN and (not match.start() or text[match.start() - 1] not in "\\$"):
            raise _Differs(f"${match[1]} is replaced by what that variable holds")


def _shell(one: EnvVariable, whole: str, defined: set[str]) -> str:
    _refuse_spaces(whole, "make it a command")
    value, at, raw = "", 0, one.raw
    while at < len(raw):
        character = raw[at]
        if character in "'\"":
            end = _closing(raw, at)
            inner = raw[at + 1 : end]
            if character == '"':
                _expansion(inner, defined)
                inner = re.sub(r'\\(["$`\\])', r"\1", inner)
            value, at = value + inner, end + 1
        elif character == "\\":
            value, at = value + raw[at + 1 : at + 2], at + 2
        elif character.isspace():
            rest = raw[at:].strip()
            if rest and not rest.startswith("#"):
                raise _Ends(f"what follows the space ({rest.split()[0][:20]!r}) is run as a command")
            break
        elif character in ";&|<>()":
            raise _Ends(f"{character} ends the assignment and begins something else")
        else:
            end = at + 1
            while end < len(raw) and not raw[end].isspace() and raw[end] not in "'\"\\;&|<>()":
                end += 1
            if "$(" in raw[at : end + 1] or "`" in raw[at:end]:
                return one.value  # a substitution that was meant; who resolves it is another check's business
            _expansion(raw[at:end], defined)
            value, at = value + raw[at:end], end
    return value


def _refuse_spaces(whole: str, effect: str) -> None:
    if _SPACED.match(whole):
        raise _Ends(f"spaces around = {effect}")


def _closing(raw: str, at: int) -> int:
    """The offset of the quote that closes the one at `at`. Raises _Ends where there is none."""
    end = at + 1
    while end < len(raw) and raw[end] != raw[at]:
        end += 2 if raw[end] == "\\" and raw[at] == '"' else 1
    if end >= len(raw):
        raise _Ends(f"a quote ({raw[at]}) is not closed")
    return end


def _export(one: EnvVariable, whole: str, _defined: set[str]) -> str:
    _refuse_spaces(whole, "make words of it that are no names")
    text, at, raw = "", 0, one.raw
    while at < len(raw):
        if raw[at] in "'\"":
            try:
                end = _closing(raw, at)
            except _Ends:
                raise _Differs("a quote is not closed, so xargs drops it and what follows") from None
            text, at = text + raw[at + 1 : end], end + 1
        elif raw[at] == "\\":
            text, at = text + raw[at + 1 : at + 2], at + 2
        else:
            text, at = text + raw[at], at + 1
    value, *more = text.split() or [""]
    strange = next((word for word in more if not _IDENTIFIER.fullmatch(word)), None)
    if strange is not None:
        raise _Ends(f"what follows the space ({strange[:20]!r}) is no name to set")
    if more:
        raise _Splits("the value ends at its first space, quotes or not")
    return value


def _systemd(one: EnvVariable, whole: str, _defined: set[str]) -> str:
    if one.exported:
        raise _Differs("a line that begins with `export` is ignored")
    value, at, raw = "", 0, whole.partition("=")[2].strip()
    while at < len(raw):
        if raw[at] in "'\"":
            try:
                end = _closing(raw, at)
            except _Ends:
                raise _Differs("a quote is not closed, so the lines after it become part of the value") from None
            inner = raw[at + 1 : end]
            value += re.sub(r'\\(["$`\\])', r"\1", inner) if raw[at] == '"' else inner
            at = end + 1
            while at < len(raw) and raw[at].isspace():
                at += 1
        elif raw[at] == "\\":
            value, at = value + raw[at + 1 : at + 2], at + 2
        else:
            end = at
            while end < len(raw) and raw[end] != "\\":
                end += 1
            value, at = value + raw[at:end], end
    return value


def _node(one: EnvVariable, _whole: str, _defined: set[str]) -> str:
    if one.raw[:1] in {"'", '"', "`"}:
        return one.value
    value, hash_sign, _ = one.raw.partition("#")
    return value.strip() if hash_sign else one.value


def _docker(_one: EnvVariable, whole: str, _defined: set[str]) -> str:
    name, _, value = whole.partition("=")
    if re.search(r"\s", name):
        raise _Ends("docker refuses a name with a space in it")
    return value


def _compose(one: EnvVariable, _whole: str, defined: set[str]) -> str:
    if not one.raw.startswith("'"):
        _expansion(one.raw, defined)
    return one.value


def reader_of(line: str, named: re.Pattern[str]) -> Reader | None:
    """Which reader a line of a shell script has read the file that `named` finds; None where it is not read there."""
    if line.lstrip().startswith("#") or not named.search(line):
        return None
    for reader, shape in _SHAPES:
        if shape.search(line):
            return reader
    return None


_SHAPES: Final[tuple[tuple[Reader, re.Pattern[str]], ...]] = (
    ("env", re.compile(r"(?:^|[\s;&|(])env\s+(?:-\w+\s+)*[\"']?(?:\$\(|`)")),
    ("export", re.compile(r"(?:^|[\s;&|(])(?:export|declare\s+-x)\s+[\"']?(?:\$\(|`)")),
    ("docker", re.compile(r"\b(?:docker|podman)\b.*\s--env-file\b")),
    ("node", re.compile(r"\b(?:node|nodejs)\b.*\s--env-file(?:-if-exists)?\b|\bdotenvx?\b|\benv-cmd\b")),
    ("shell", re.compile(r"(?:^|[\s;&|({])(?:source|\.)\s+[^\s;&|]")),
)
FILTER: Final = re.compile(r"grep\s+-\w*[vE]|sed\b|awk\b")
"""What keeps comment lines from a reader that takes words."""
