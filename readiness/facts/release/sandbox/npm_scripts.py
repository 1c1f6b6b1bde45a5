"""A package's script read without running it: whether it checks anything, and whether its result counts."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IDLE: Final = frozenset({"echo", "printf", "true", ":", "exit", "sleep", "cd", "export", "set"})
"""Commands that look at nothing."""
PLAIN_NAME: Final = re.compile(r"[a-zA-Z][\w.-]*")
"""A command by its name alone, without a path, a variable or an assignment."""
_BUILT_IN: Final = frozenset(
    {"if", "for", "while", "case", "test", "command", "eval", "exec", "source", "trap", "umask", "ulimit", "type"}
)
_ENDS: Final = frozenset({"&&", "||", ";", "|", "&", ";;", "\n"})
_MANAGERS: Final = ("npm", "pnpm", "yarn", "bun")
_DEEPEST: Final = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """A command of a script, and what joins it to the one before: an operator, or an empty text for the first."""

    words: tuple[str, ...]
    joined: str


def steps(text: str) -> list[ScriptStep] | None:
    """The commands of a script; None where its quotes do not fit together."""
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars="|&;()")
    lexer.whitespace_split, lexer.commenters = True, ""
    script_steps: list[ScriptStep] = []
    words: list[str] = []
    joined = ""
    try:
        for token in lexer:
            if token in _ENDS:
                if words:
                    script_steps.append(ScriptStep(words=tuple(words), joined=joined))
                words, joined = [], token
            elif token.strip("()"):
                words.append(token)
    except ValueError:
        return None
    if words:
        script_steps.append(ScriptStep(words=tuple(words), joined=joined))
    return script_steps


def is_built_in(name: str) -> bool:
    """Whether a shell does this itself."""
    return name in _BUILT_IN or name in _IDLE


def _is_idle(step: ScriptStep, scripts: Mapping[str, str], depth: int) -> bool:
    name = next((word for word in step.words if "=" not in word.split("/")[0]), "")
    if name.rpartition("/")[2] in _IDLE:
        return True
    inner = nested(step.words, scripts)
    return inner is not None and depth < _DEEPEST and checks_nothing(inner, scripts, depth + 1)


def nested(words: Sequence[str], scripts: Mapping[str, str]) -> str | None:
    """The script that `npm run NAME` and its like stand for; None where `words` are no such command."""
    if not words or words[0].rpartition("/")[2] not in _MANAGERS:
        return None
    rest = [word for word in words[1:] if not word.startswith("-")]
    if rest[:1] in (["run"], ["run-script"]):
        rest = rest[1:]
    return scripts.get(rest[0]) if rest else None


def checks_nothing(text: str, scripts: Mapping[str, str], depth: int = 0) -> bool:
    """Whether every command of the script merely says something, or there is none."""
    script_steps = steps(text)
    return script_steps is not None and all(_is_idle(step, scripts, depth) for step in script_steps)


def always_succeeds(text: str, scripts: Mapping[str, str]) -> bool:
    """Whether the script throws its result away: `eslint . || true`, `eslint . ; exit 0`."""
    script_steps = steps(text) or []
    inner = nested(script_steps[0].words, scripts) if len(script_steps) == 1 else None
    if inner is not None and inner != text:
        return always_succeeds(inner, {name: other for name, other in scripts.items() if other != text})
    last = script_steps[-1] if script_steps else None
    fails = last is not None and last.words[0] in {"exit", "false"} and last.words[1:2] not in ((), ("0",))
    return last is not None and last.joined in {"||", ";", "&"} and _is_idle(last, scripts, 0) and not fails
