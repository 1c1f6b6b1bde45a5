"""What an argument list says: the command behind wrappers like nohup and sudo, options and their values."""

from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.facts.scripts.values import Value

_WRAPPERS: Final[Mapping[str, frozenset[str]]] = {
    "nohup": frozenset(),
    "setsid": frozenset(),
    "command": frozenset(),
    "builtin": frozenset(),
    "exec": frozenset({"-a"}),
    "time": frozenset({"-f", "-o"}),
    "sudo": frozenset({"-u", "-g", "-h", "-p", "-C", "-D"}),
    "doas": frozenset({"-u", "-C"}),
    "runuser": frozenset({"-u", "-g"}),
    "env": frozenset({"-u", "-C", "-S"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "chrt": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "timeout": frozenset({"-s", "-k", "--signal", "--kill-after"}),
    "flock": frozenset({"-w", "-E", "--timeout", "--wait", "--conflict-exit-code"}),
}
"""Commands that run another one, and those of their options that take a value of their own."""
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SHELLS: Final = frozenset({"bash", "sh", "dash", "ksh", "zsh", "ash"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """A command without its wrappers. `bound`: seconds of a `timeout`. `lock`: what a wrapping flock locks."""

    inner: tuple[Value, ...]
    wrappers: frozenset[str]
    bound: float | None = None
    lock: str | None = None
    waits: bool = True
    """Whether that flock waits for ever for its lock."""
    assigned: tuple[tuple[str, Value], ...] = ()


def unwrap(argv: Sequence[Value]) -> Unwrapped:
    """The command that finally runs."""
    rest, seen = list(argv), set()
    bound, lock, waits = None, None, True
    while rest and (name := posixpath.basename(rest[0].text)) in _WRAPPERS:
        options, after = _options(rest[1:], _WRAPPERS[name])
        if name == "flock":
            if len(after) < 2 or after[1].text in {"-c", "--command"}:  # noqa: PLR2004 - a file and a command
                break
            lock, waits = after[0].text, not is_impatient(options)
            after = after[1:]
        if name in {"command", "builtin"} and any(option in {"-v", "-V"} for option in options):
            break
        if name == "timeout" and after:
            bound, after = seconds(after[0].text), after[1:]
        seen.add(name)
        rest = after
        if name in {"env", "sudo"}:
            while rest and _is_assignment(rest[0].text):
                rest = rest[1:]
    return Unwrapped(inner=tuple(rest), wrappers=frozenset(seen), bound=bound, lock=lock, waits=waits)


def is_impatient(options: Sequence[str]) -> bool:
    """Whether flock's options say that it gives up, now or after a while."""
    short = any(o[:1] == "-" and o[1:2] != "-" and set(o[1:]) & {"n", "w"} for o in options)
    return short or any(o.startswith(("--nonblock", "--nb", "--timeout", "--wait")) for o in options)


def _options(words: Sequence[Value], valued: frozenset[str]) -> tuple[list[str], list[Value]]:
    found, at = [], 0
    while at < len(words) and words[at].text.startswith("-") and len(words[at].text) > 1:
        found.append(words[at].text)
        at += 2 if words[at].text in valued else 1
        if found[-1] == "--":
            break
    return found, list(words[at:])


def _is_assignment(text: str) -> bool:
    name, sign, _ = text.partition("=")
    return bool(sign) and name.replace("_", "a").isalnum() and not name[:1].isdigit()


def seconds(text: str) -> float | None:
    """`30`, `0.5`, `2m` in seconds."""
    unit = _UNITS.get(text[-1:], None)
    number = text[:-1] if unit is not None else text
    try:
        return float(number) * (unit or 1.0)
    except ValueError:
        return None


def operands(words: Sequence[str], valued: frozenset[str] = frozenset()) -> list[str]:
    """The arguments that are no options; `valued` options take the next word with them."""
    found, at, only = [], 0, False
    while at < len(words):
        word = words[at]
        if only or not word.startswith("-") or word == "-":
            found.append(word)
        elif word == "--":
            only = True
        elif word in valued:
            at += 1
        at += 1
    return found


def option(words: Sequence[str], short: str, *long: str) -> str | None:
    """The value of an option, however it is written: `-m 5`, `-m5`, `-sSm5`, `--max-time 5`, `--max-time=5`; None where it is absent."""
    for at, word in enumerate(words):
        follower = words[at + 1] if at + 1 < len(words) else ""
        for name in long:
            if word == name:
                return follower
            if word.startswith(name + "="):
                return word[len(name) + 1 :]
        if short and word[:1] == "-" and word[1:2] not in {"-", ""} and short in word[1:]:
            return word[word.index(short, 1) + 1 :] or follower
    return None
