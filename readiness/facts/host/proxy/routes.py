"""Which server and location of nginx answers a path, and which value of a directive counts there."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.facts.host.proxy.nginx import Directive, Nginx

_PREFIX: Final = ("", "^~")
_MODIFIERS: Final = frozenset({"=", "^~", "~", "~*"})
_PORTS: Final = {"http": 80, "https": 443}
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TIME: Final = re.compile(r"(\d+)\s*(ms|s|m|h|d)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MAX_DEPTH: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How one path is answered: the blocks around it, the innermost last, and where it is passed on."""

    path: str
    blocks: tuple[Directive, ...]
    target: str | None

    def value(self, name: str) -> Directive | None:
        """The directive of that name that counts: the innermost one."""
        return next((one for block in reversed(self.blocks) for one in reversed(list(block.all(name)))), None)

    def values(self, name: str) -> list[Directive]:
        """All that count, of those that may stand several times: inherited only where the inner level has none."""
        for block in reversed(self.blocks):
            if directives := list(block.all(name)):
                return directives
        return []

    @property
    def place(self) -> str:
        """Where the innermost block stands."""
        return self.blocks[-1].place


def route(nginx: Nginx, server: Directive, path: str) -> Route:
    """How `server` answers `path`. Raises Unknown where the configuration cannot be read."""
    http = nginx.http()
    blocks = [*([] if http is None else [http]), server, *_locations(server, path)]
    target = None
    for block in reversed(blocks):
        passed = next(block.all("proxy_pass", "grpc_pass", "return"), None)
        if passed is not None:
            target = passed.args[0] if passed.name != "return" and passed.args else None
            break
    return Route(path=path, blocks=tuple(blocks), target=_known(server, http, target) if target else None)


def _locations(block: Directive, path: str) -> list[Directive]:
    """The location that answers, with those nested in it: exact, then the longest prefix, unless an expression matches."""
    best: tuple[int, Directive | None, bool] = (-1, None, False)
    for location in block.all("location"):
        modifier, pattern = _parts(location)
        if modifier == "=" and pattern == path:
            return [location]
        if modifier in _PREFIX and path.startswith(pattern) and len(pattern) > best[0]:
            best = (len(pattern), location, modifier == "^~")
    if not best[2]:
        for location in block.all("location"):
            modifier, pattern = _parts(location)
            if modifier in {"~", "~*"} and _matches(pattern, path, modifier):
                return [location, *_locations(location, path)]
    return [] if best[1] is None else [best[1], *_locations(best[1], path)]


def _parts(location: Directive) -> tuple[str, str]:
    args = location.args
    if len(args) > 1 and args[0] in _MODIFIERS:
        return args[0], args[1]
    return "", args[0] if args else ""


def _matches(pattern: str, path: str, modifier: str) -> bool:
    try:
        return re.search(pattern, path, re.IGNORECASE if modifier == "~*" else 0) is not None
    except re.error:
        return False


def _known(server: Directive, http: Directive | None, text: str) -> str:
    """`text` with the variables that `set` gives a value; others stay."""
    known: dict[str, str] = {}
    for block in (http, server):
        for one in () if block is None else block.deep("set"):
            if len(one.args) > 1:
                known[one.args[0].removeprefix("$")] = one.args[1]
    for _ in range(_MAX_DEPTH):
        changed = _VARIABLE.sub(lambda found: known.get(found[1] or found[2], found[0]), text)
        if changed == text:
            break
        text = changed
    return text


def addresses(nginx: Nginx, target: str) -> list[tuple[str, int]]:
    """Host and port of where a target leads, upstreams followed; none where that is not known beforehand."""
    scheme, slashes, rest = target.partition("://")
    if not slashes:
        return []
    name = rest.partition("/")[0]
    upstreams = nginx.upstream(name) or [name]
    return [pair for text in upstreams if (pair := _address(text, _PORTS.get(scheme, 80))) is not None]


def _address(text: str, usual: int) -> tuple[str, int] | None:
    if "$" in text or text.startswith("unix:"):
        return None
    host, _, port = text.rpartition(":") if re.search(r":\d+$", text) else (text, "", "")
    return host.strip("[]"), int(port) if port else usual


def listens(server: Directive) -> Iterator[tuple[int, bool]]:
    """The ports that a server listens on, each with whether it speaks TLS."""
    directives = list(server.all("listen"))
    if not directives:
        yield 80, False
    old = any(one.args[:1] == ("on",) for one in server.all("ssl"))
    for one in directives:
        text = one.args[0] if one.args else "80"
        digits = text if text.isdigit() else text.rpartition(":")[2]
        if not text.startswith("unix:"):
            yield int(digits) if digits.isdigit() else 80, old or "ssl" in one.args or "quic" in one.args


def seconds(text: str) -> float | None:
    """A time as nginx writes it (`1h 30m`, `500ms`, `60`), in seconds; None for anything else."""
    parts = list(_TIME.finditer(text))
    if not parts or "".join(one[0] for one in parts).replace(" ", "") != text.replace(" ", ""):
        return None
    return sum(int(one[1]) * _UNITS[one[2]] for one in parts)


def rate(text: str) -> float | None:
    """`10r/s` or `600r/m` in requests a second; None for anything else."""
    match = re.fullmatch(r"(\d+)r/([sm])", text)
    return None if match is None else int(match[1]) / (60 if match[2] == "m" else 1)
