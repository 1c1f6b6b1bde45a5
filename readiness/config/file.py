"""Find `readiness.toml` and read it: a regular file, of a sensible size, in UTF-8, in TOML."""

from __future__ import annotations

import os
import re
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from readiness.config.literals import could_be_secret
from readiness.config.mistakes import printable
from readiness.errors import ConfigError

NAME: Final = "readiness.toml"
MAX_BYTES: Final = 1024 * 1024
"""Size of a configuration at most: 1 MiB; more is not one that a person wrote."""

_WHERE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_MENDING: Final = (
    ("initial character", "a line is `key = value` or `[section]`; a comment starts with #"),
    ("after a key", "a line is `key = value`; a section's name stands in brackets"),
    ("table declaration", "a section is [name], its brackets closed on the same line"),
    ("Invalid date", "there is no such day or time; dates are 2026-01-31"),
    ("Invalid value", 'put text in double quotes ("…"); dates are 2026-01-31, booleans true and false'),
    ("twice", "the same section stands here twice: merge the two"),
    ("overwrite", "the same key or section stands here twice: keep one"),
    ("Cannot mutate", "this table was written inline before: add to it there"),
    ("Cannot declare", "the same name stands here twice: keep one"),
    ("after a statement", "one setting a line; put text in double quotes"),
    ("nclosed", "a bracket or brace is never closed"),
    ("Unterminated", 'a text is never closed: add the missing quote (")'),
    ("Illegal character", 'a text on one line ends on it: close its quote ("), or use three'),
    ("escape", "in double quotes a backslash is written twice; or use single quotes"),
    ("backslash", "in double quotes a backslash is written twice; or use single quotes"),
)
_GENERAL: Final = "TOML wants `key = value`, text in double quotes, sections like [target]"


def find(start: Path) -> Path | None:
    """The nearest readiness.toml in `start` or above it; None if there is none."""
    here = Path(os.path.abspath(start))  # noqa: PTH100 - resolve() would leave the folder a link stands in
    for folder in (here, *here.parents):
        candidate = folder / NAME
        if os.path.lexists(candidate):
            return candidate
    return None


def read(path: Path) -> dict[str, Any]:
    """The parsed file, numbers with a point as Decimal. Raises ConfigError, with the line of a syntax error."""
    text = _text(path)
    import tomllib

    try:
        return tomllib.loads(text, parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {_explained(str(error), text)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested far too deeply; a setting is at most a few levels deep") from None
    except (ValueError, ArithmeticError, OverflowError) as error:
        # dates like 2026-02-31 and numbers of thousands of digits: the parser lets these through
        raise ConfigError(
            f"{path}: a value cannot be read ({_harmless(str(error))}); look at its dates and numbers"
        ) from None


def _text(path: Path) -> str:
    try:
        content = _bytes(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `readiness init --url URL` writes a first one") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise ConfigError(f"{printable(str(path))}: is not a path") from None
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8; save the file with that encoding") from None


def _bytes(path: Path) -> bytes:
    # not blocking: a pipe laid in its place must not hang the run
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
            raise ConfigError(f"{path}: is {what}; name the file itself")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1024} KiB; is this the right file?")
    return content


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent beyond what Decimal can hold
        return Decimal("Infinity")


def _explained(message: str, text: str) -> str:
    where = _WHERE.search(message)
    what = _WHERE.sub("", message)
    if where and where[1]:
        line, column = int(where[1]), int(where[2])
    else:
        line, column = text.count("\n") + 1, len(text.rpartition("\n")[2]) + 1
    hint = next((hint for sign, hint in _MENDING if sign in what), _GENERAL)
    if where is not None and where[1] is None and (hint is _GENERAL or "Invalid value" in what):
        hint = "the file ends too soon: a quote, bracket or brace is never closed"
    return f"line {line}, column {column}: {_harmless(what)}; {hint}"


def _harmless(message: str) -> str:
    """The parser's words, which may quote a key: without what could be a secret, on one line."""
    shown = printable(message)[:200]
    return "the syntax is wrong" if could_be_secret(shown) else shown
