"""Which server and location of nginx answers a path, what becomes of it there, and which value of a directive counts.

A request is followed as nginx does it: the server's rewrite phase, the search for a location, that location's rewrite phase, who may come
in, and who answers. What the configuration decides by something that is not known beforehand is said as unclear, never guessed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.facts.host.proxy.nginx import Directive, Nginx

_PREFIX: Final = ("", "^~")
_MODIFIERS: Final = frozenset({"=", "^~", "~", "~*"})
_PORTS: Final = {"http": 80, "https": 443}
VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
"""A variable in a text of nginx's configuration."""
_TIME: Final = re.compile(r"(\d+)\s*(ms|s|m|h|d)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MAX_DEPTH: Final = 10
_PASSES: Final = ("proxy_pass", "grpc_pass")
_ELSEWHERE: Final = ("fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass")
_MOVED: Final = frozenset({"301", "302", "303", "307", "308"})


class _Closed(Exception):  # noqa: N818 - how a request ends, not an error of the program
    """nginx answers this itself; the text says how, and where that stands."""


class _Unclear(Exception):  # noqa: N818 - as above
    """What becomes of the request cannot be read from the configuration; the text says why."""


class _Restart(Exception):  # noqa: N818 - as above
    """The request goes on under another path, or in a named location."""

    def __init__(self, path: str, named: str = "") -> None:
        super().__init__(path)
        self.path, self.named = path, named


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An address on which a server listens. `is_local`: nobody from outside reaches it."""

    port: int
    tls: bool
    is_local: bool = False
    is_default: bool = False
    proxy_protocol: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What becomes of one path: the blocks around it, the innermost last, and where it is passed on.

    `closed` says how nginx answers it itself (a refusal, a redirect, a file), `unclear` what could not be understood; both are empty
    for a path that is passed on and nothing else. `moved_if` is a condition, not known beforehand, under which it is redirected.
    """

    path: str
    blocks: tuple[Directive, ...]
    target: str | None
    closed: str = ""
    unclear: str = ""
    moved_if: str = ""

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


def route(nginx: Nginx, server: Directive, path: str, *, listener: Listener | None = None) -> Route:
    """What becomes of `path` at `server`, asked through `listener` (TLS on port 443 without one). Raises Unknown without a configuration."""
    return _Request(nginx, server, listener or Listener(port=_PORTS["https"], tls=True)).follow(path)


class _Request:
    """One request on its way through a server."""

    def __init__(self, nginx: Nginx, server: Directive, listener: Listener) -> None:
        http = nginx.http()
        self.server = server
        self.around = [*([] if http is None else [http]), server]
        self.doubts: list[str] = []
        self.moved_if = ""
        self.known: dict[str, str] = {
            "scheme": "https" if listener.tls else "http",
            "https": "on" if listener.tls else "",
            "server_port": str(listener.port),
        }

    def follow(self, path: str) -> Route:
        asked, named = path, ""
        blocks: list[Directive] = list(self.around)
        target, closed = None, ""
        self.known["request_uri"] = path
        try:
            path = self._rewritten(self.server, path, blocks)[0]
            for _ in range(_MAX_DEPTH):
                self.known["uri"] = self.known["document_uri"] = path
                try:
                    chain = self._named(named) if named else _locations(self.server, path)
                    blocks = [*self.around, *chain]
                    target = self._answered(path, blocks)
                    break
                except _Restart as restart:
                    path, named = restart.path, restart.named
            else:
                self.doubts.append(f"its rewrites lead in a circle ({blocks[-1].place})")
        except _Closed as end:
            closed = str(end)
        except _Unclear as doubt:
            self.doubts.append(str(doubt))
        return Route(
            path=asked,
            blocks=tuple(blocks),
            target=target,
            closed=closed,
            unclear="; ".join(self.doubts[:2]),
            moved_if=self.moved_if,
        )

    def _named(self, name: str) -> list[Directive]:
        for location in self.server.all("location"):
            if location.args[:1] == (name,):
                return [location]
        raise _Unclear(f"there is no location {name}")

    # --- the rewrite phase ---

    def _rewritten(self, block: Directive, path: str, blocks: Sequence[Directive]) -> tuple[str, bool]:
        """The path after a block's rewrites, and whether a location has to be looked for anew. Raises how it ends otherwise."""
        begun = path
        for one in block.inside:
            if one.name == "set" and len(one.args) > 1:
                self._set(one)
            elif one.name == "return":
                self._returned(one, path, blocks)
            elif one.name == "break":
                return path, False
            elif one.name == "if":
                path = self._if(one, path, blocks)
            elif one.name == "rewrite" and len(one.args) > 1:
                changed = self._replaced(one, path)
                flag = one.args[2] if len(one.args) > 2 else ""  # noqa: PLR2004 - its third argument
                if changed is not None and flag in {"last", "break"}:
                    return changed, flag == "last"
                path = path if changed is None else changed
        return path, path != begun

    def _set(self, one: Directive) -> None:
        value = self._value(one.args[1])
        name = one.args[0].removeprefix("$")
        if value is None:
            self.known.pop(name, None)
        else:
            self.known[name] = value

    def _returned(self, one: Directive, path: str, blocks: Sequence[Directive]) -> None:
        code = one.args[0] if one.args else ""
        if code in _MOVED or not code.isdigit():
            raise _Closed(f"sent to {one.args[-1] if one.args else 'nowhere'} ({one.place})")
        self._error_page(code, path, blocks)
        raise _Closed(f"`return {code}` ({one.place})")

    def _error_page(self, code: str, path: str, blocks: Sequence[Directive]) -> None:
        """Raise where the request goes on, if a named location answers an error of this number."""
        pages = next((found for block in reversed(blocks) if (found := list(block.all("error_page")))), [])
        for page in pages:
            if code in page.args[:-1] and page.args[-1].startswith("@"):
                raise _Restart(path, page.args[-1])

    def _if(self, one: Directive, path: str, blocks: Sequence[Directive]) -> str:
        holds = self._holds(one.args)
        if holds is False:
            return path
        if holds is None:
            words = f"`if ({' '.join(one.args)})` ({one.place})"
            if any(one.deep("rewrite", "break", *_PASSES)):
                self.doubts.append(words)
            for set_there in one.deep("set"):
                self.known.pop(set_there.args[0].removeprefix("$"), None)
            if any(end.args[:1] and (end.args[0] in _MOVED or not end.args[0].isdigit()) for end in one.deep("return")):
                self.moved_if = words
            return path
        if any(one.all(*_PASSES)):
            raise _Unclear(f"`if` with a proxy_pass of its own ({one.place})")
        return self._rewritten(one, path, blocks)[0]

    def _holds(self, args: Sequence[str]) -> bool | None:
        """Whether a condition holds; None where that is not known beforehand."""
        if len(args) == 1:
            value = self._value(args[0])
            return None if value is None else value not in {"", "0"}
        if len(args) != 3:  # noqa: PLR2004 - a value, an operator, a value
            return None
        left, operator = self._value(args[0]), args[1]
        if left is None:
            return None
        if operator in {"=", "!="}:
            right = self._value(args[2])
            return None if right is None else (left == right) is (operator == "=")
        if operator.lstrip("!") in {"~", "~*"}:
            is_match = _matched(args[2], left, operator.lstrip("!")) is not None
            return is_match is not operator.startswith("!")
        return None

    def _replaced(self, one: Directive, path: str) -> str | None:
        """The path that a rewrite makes of `path`; None where it does not match."""
        match = _matched(one.args[0], path, "~")
        if match is None:
            return None
        new, flag = one.args[1], one.args[2] if len(one.args) > 2 else ""  # noqa: PLR2004 - its third argument
        if new.startswith(("http://", "https://", "$scheme")) or flag in {"redirect", "permanent"}:
            raise _Closed(f"sent to {new} ({one.place})")
        groups = {str(number): text or "" for number, text in enumerate(match.groups(), 1)}
        value = self._value(new.partition("?")[0], groups | {k: v or "" for k, v in match.groupdict().items()})
        if value is None:
            raise _Unclear(f"`rewrite` to {new} ({one.place})")
        return value

    def _value(self, text: str, more: dict[str, str] | None = None) -> str | None:
        """`text` with its variables' values; None where one is not known beforehand."""
        known = self.known | (more or {})
        names = [found[1] or found[2] for found in VARIABLE.finditer(text)]
        if any(name not in known for name in names):
            return None
        return VARIABLE.sub(lambda found: known[found[1] or found[2]], text)

    # --- who may come in, and who answers ---

    def _answered(self, path: str, blocks: list[Directive]) -> str | None:
        """Where a location passes the request on. Raises how it ends otherwise."""
        location = blocks[-1]
        if location is not self.server:
            changed, again = self._rewritten(location, path, blocks)
            if again:
                raise _Restart(changed)
            path = changed
        self._refused(blocks)
        tried = next(location.all("try_files"), None)
        if tried is not None and tried.args:
            last = tried.args[-1]
            if last.startswith("="):
                raise _Closed(f"`try_files` … {last} ({tried.place})")
            if last.startswith("@"):
                raise _Restart(path, last)
            raise _Closed(f"a file answers ({tried.place})")
        passed = next(location.all(*_PASSES), None)
        if passed is None or not passed.args:
            self._answered_here(path, blocks)
            return None
        target = self._target(passed.args[0])
        if "$" in target:
            target = self._target(_usual(self.around[0], target))
        if "$" in target:
            raise _Unclear(f"`{passed.name} {passed.args[0]}` ({passed.place})")
        return target

    def _refused(self, blocks: Sequence[Directive]) -> None:
        """Raise where nobody may come in."""
        location = blocks[-1]
        rules = next((found for block in reversed(blocks) if (found := list(block.all("allow", "deny")))), [])
        if rules and rules[0].name == "deny" and rules[0].args[:1] == ("all",):
            raise _Closed(f"`deny all` ({rules[0].place})")
        if location is not self.server and any(location.all("internal")) and not location.args[:1][0].startswith("@"):
            raise _Closed(f"`internal` ({location.place})")

    def _answered_here(self, path: str, blocks: Sequence[Directive]) -> None:
        """Raise how a request ends that no address is named for: a program answers it, or a file, which is not there for the hub's paths."""
        how = next(blocks[-1].all(*_ELSEWHERE), None)
        if how is None:
            self._error_page("404", path, blocks)
        raise _Closed(f"`{how.name}` ({how.place})" if how else f"a file answers ({blocks[-1].place})")

    def _target(self, text: str) -> str:
        for _ in range(_MAX_DEPTH):
            changed = VARIABLE.sub(lambda found: self.known.get(found[1] or found[2], found[0]), text)
            if changed == text:
                break
            text = changed
        # what is passed on behind the address does not change where it leads
        scheme, slashes, rest = text.partition("://")
        return f"{scheme}{slashes}{rest.partition('/')[0]}" if slashes and "$" not in rest.partition("/")[0] else text


def _usual(http: Directive, text: str) -> str:
    """`text` with the usual value of each variable that a `map` or `geo` makes: what strangers get."""
    made = {
        one.args[-1].removeprefix("$"): inner.args[0]
        for one in http.all("map", "geo")
        if one.args
        for inner in one.all("default")
        if inner.args
    }
    return VARIABLE.sub(lambda found: made.get(found[1] or found[2], found[0]), text)


def _locations(block: Directive, path: str) -> list[Directive]:
    """The location that answers, with those nested in it: exact, then the longest prefix, unless an expression matches."""
    best: tuple[int, Directive | None, bool] = (-1, None, False)
    for location in block.all("location"):
        modifier, pattern = _parts(location)
        if modifier == "=" and pattern == path:
            return [location]
        if modifier in _PREFIX and path.startswith(pattern) and len(pattern) > best[0]:
            best = (len(pattern), location, modifier == "^~")
    within = [] if best[1] is None else [best[1], *_locations(best[1], path)]
    if not best[2] and not (len(within) > 1 and _parts(within[-1])[0] in {"=", "~", "~*"}):
        for location in block.all("location"):
            modifier, pattern = _parts(location)
            if modifier in {"~", "~*"} and _matched(pattern, path, modifier):
                return [location, *_locations(location, path)]
    return within


def _parts(location: Directive) -> tuple[str, str]:
    args = location.args
    if len(args) > 1 and args[0] in _MODIFIERS:
        return args[0], args[1]
    return "", args[0] if args else ""


def _matched(pattern: str, text: str, modifier: str) -> re.Match[str] | None:
    """Where a Perl-compatible expression matches. Raises _Unclear for one that Python does not understand."""
    translated = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    translated = re.sub(r"\(\?'(\w+)'", r"(?P<\1>", translated).replace(r"\z", r"\Z").replace(r"\h", r"[ \t]")
    try:
        return re.search(translated, text, re.IGNORECASE if modifier == "~*" else 0)
    except re.error:
        raise _Unclear(f"the expression {pattern[:80]}") from None


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


def listens(server: Directive) -> Iterator[Listener]:
    """Where a server listens for HTTP; a socket of the file system is no port."""
    directives = list(server.all("listen"))
    if not directives:
        yield Listener(port=80, tls=False)
    old = any(one.args[:1] == ("on",) for one in server.all("ssl"))
    for one in directives:
        text = one.args[0] if one.args else "80"
        if text.startswith("unix:"):
            continue
        host, _, digits = ("", "", text) if text.isdigit() else text.rpartition(":")
        if not digits.isdigit():  # an address without a port
            host, digits = text, "80"
        yield Listener(
            port=int(digits),
            tls=old or "ssl" in one.args or "quic" in one.args,
            is_local=_is_loopback(host.strip("[]")),
            is_default="default_server" in one.args or "default" in one.args,
            proxy_protocol="proxy_protocol" in one.args,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
