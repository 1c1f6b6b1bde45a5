"""One HTTP answer as it came: what its status means, its body as strict JSON or as server-sent events.

What is not standard JSON is a proven-bad answer.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, NotServed, Unknown
from readiness.support import EventStreamLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes kept of any body, and of one event of a stream; a healthy answer is 23 KB for 22 tools and grows with them."""
ENDLESS: Final = 8 * BODY_LIMIT
"""Bytes after which a body that goes on has no end."""

_IN_FRONT: Final = frozenset(
    {"server", "via", "age", "x-cache", "x-cache-status", "x-served-by", "x-proxy-cache", "cf-ray", "cf-cache-status"}
    | {"cf-mitigated", "x-amz-cf-id", "x-azure-ref", "x-varnish", "x-envoy-upstream-service-time", "content-encoding"}
)
"""Headers that no hub sends: the hub is Express, which names itself nowhere but in X-Powered-By, and compresses nothing."""
_CACHES: Final = ("x-cache", "x-cache-status", "x-proxy-cache", "cf-cache-status", "x-cache-remote", "cache-status")
NO_CACHE: Final = {"cache-control": "no-cache", "pragma": "no-cache"}
"""Headers of a request that wants the hub's own answer."""
_GATEWAY: Final = frozenset({407, 502, 503, 504, 511, *range(520, 531)})
"""Statuses of whoever stands in front of a service; a hub answers none of them."""
CHALLENGE: Final = "a challenge page: it asks for a browser, which no agent has"
LOGIN: Final = "a login page"
MAINTENANCE: Final = "a maintenance page"
_CHALLENGES: Final = (
    "just a moment",
    "attention required",
    "captcha",
    "challenge-platform",
    "checking your browser",
    "enable javascript",
)
_LOGINS: Final = ('type="password"', "type='password'", "type=password", "sign in", "log in", "login", "single sign-on")
_MAINTENANCE: Final = ("maintenance", "back soon", "be back", "scheduled downtime")
"""What such pages say, in lower case; only for the sentence, never for an outcome of its own."""
_EXPRESS: Final = ("<pre>Cannot ", "<title>Error</title>")
"""In Express's own pages: what it serves under no path, and its errors."""
HEALTH: Final = "/api/health"
_OK: Final = 200
_NO_SUCH: Final = frozenset({404, 405, 410, 501})


class BadAnswer(CouldNotLook):
    """The hub answered, and the answer is wrong in itself: HTML for JSON, a cut body, a server error.

    For the check that is about this answer it is proof of a fault; for every other one it only means that the fact
    could not be had. `wrong` of a facts object turns it into a sentence to assert on.
    """

    is_hubs_word = False
    """Whether the answer, wrong as it is, is evidently the hub's own: an error in JSON-RPC, a list without a tool."""


class NotTheHub(BadAnswer):
    """The answer is evidently not the hub's: a page, a gateway's status, an encoding that nobody asked for, no mark of the hub."""


class HubRefusal(BadAnswer):
    """The hub's own word that something is wrong."""

    is_hubs_word = True


class BeyondLimit(Unknown):
    """What came is larger than what is read of it: a limit of this project's, which proves nothing of the hub."""

    def __init__(self, what: str, limit: int | None = None) -> None:
        super().__init__(what if limit is None else f"{what} is larger than the {limit // 1024} KB that are read of it")


class BrokenConnection(CouldNotLook):
    """The connection was accepted and broke before an answer was complete; worth another try at once."""


class TlsRefused(CouldNotLook):
    """The server ended the TLS handshake because no client certificate was sent."""


class TimedOut(CouldNotLook):
    """The connection was accepted and no complete answer came: not before the deadline, or never on this host.

    On this host nothing stands between that could break a connection instead of the hub.
    """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back for one request; header names are in lower case, `seconds` is from send to last byte, `at` the end on the monotonic clock."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: bytes = dataclasses.field(default=b"", repr=False)
    seconds: float = 0.0
    at: float = dataclasses.field(default_factory=time.monotonic, compare=False, repr=False)
    redirect: str | None = None
    """Where it points, when it is a redirect that was not followed."""
    reason: str = dataclasses.field(default="", repr=False)
    """What stands behind the status in the first line."""

    @property
    def what(self) -> str:
        """The request in words: `GET /api/health`."""
        path = self.url.split("://", 1)[-1].partition("/")[2]
        return f"{self.method} /{path}"

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty where none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def from_proxy(self) -> bool:
        """Whether something in front of the hub signed this answer, whatever its name."""
        return not _IN_FRONT.isdisjoint(self.headers)

    @property
    def is_page(self) -> bool:
        """Whether it is an HTML page that Express did not write."""
        if self.content_type not in {"text/html", "application/xhtml+xml"}:
            return False
        text = self.text(2_000)
        return self.headers.get("x-powered-by") != "Express" and not any(mark in text for mark in _EXPRESS)

    @property
    def cached(self) -> str:
        """What shows that a cache gave this answer, as the header says it; empty where nothing does."""
        age = self.headers.get("age", "").strip()
        if re.fullmatch("[0-9]{1,10}", age) and int(age) > 0:
            return f"Age: {age} s"
        for name in _CACHES:
            value = self.headers.get(name, "")
            if re.search("(?<![a-z])(hit|stale|updating)(?![a-z])", value.lower()):
                return f"{name}: {value[:40]}"
        return ""

    @property
    def page(self) -> str:
        """What kind of page of somebody else's it is, with its article; empty for none."""
        if "cf-mitigated" in self.headers:
            return CHALLENGE
        if not self.is_page:
            return ""
        text = self.text(20_000).lower()
        kinds = ((CHALLENGE, _CHALLENGES), (LOGIN, _LOGINS), (MAINTENANCE, _MAINTENANCE))
        return next((kind for kind, marks in kinds if any(mark in text for mark in marks)), "a page of HTML")

    def text(self, limit: int = 200_000) -> str:
        """The beginning of the body as text, for searching; wrong bytes are replaced."""
        return self.body[:limit].decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - what a hub sends may be anything
        """The body as JSON. Raises BadAnswer for whatever standard JSON is not."""
        if "json" not in self.content_type:
            if self.page:
                raise NotTheHub(f"{self.what} answered {self.content_type} ({self.page}), expected JSON")
            raise BadAnswer(f"{self.what} answered {self.content_type or 'no content type'}, expected JSON")
        if "," in self.content_type:
            raise BadAnswer(f"{self.what} answered with two content types, {self.content_type[:80]}")
        return strict_json(self.body, self.what)

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadAnswer."""
        value = self.json()
        if not isinstance(value, dict):
            raise BadAnswer(f"{self.what} answered a JSON {_kind(value)}, expected an object")
        return value


LIST_LIMIT: Final = 16 * 1024 * 1024
"""Bytes that all pages of a list take in memory at most, by a cautious count."""
VALUES: Final = 400_000
"""Values in one answer: JSON of 8 MB can be millions of empty objects, each of which is read into a hundred times its bytes."""


_DEPTH_BOMB: Final = b"[" * 10_000
"""Python's parser gives up long before."""


def count_values(text: bytes) -> int:
    """About how many values a piece of JSON holds."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def strict_json(body: bytes, what: str) -> Any:  # noqa: ANN401 - what a hub sends may be anything
    """Parse standard JSON. Raises BadAnswer for NaN, lone surrogates, wrong UTF-8, cut text, depth bombs and keys that contradict each other.

    BeyondLimit for one of more than `VALUES` values.
    """
    if count_values(body) > VALUES and _DEPTH_BOMB not in body:
        raise BeyondLimit(f"{what}: an answer has more than the {VALUES} values that are read of it")
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadAnswer(f"{what} answered JSON with a lone surrogate") from None
    except UnicodeDecodeError as error:
        raise BadAnswer(f"{what} answered invalid UTF-8 at byte {error.start}") from None
    except _TwiceError as error:
        raise BadAnswer(f"{what} answered JSON that says two things under one key, {error}") from None
    except RecursionError:
        raise BadAnswer(f"{what} answered JSON nested beyond all reason") from None
    except ValueError as error:
        raise BadAnswer(f"{what} answered {_why_no_json(body, error)}") from None
    return value


class _TwiceError(Exception):
    """One key with two values; the text is the key."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one key with two different values is two answers, of which each reader takes another."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next((key for key, one in pairs if value[key] != one), None)
        if twice is not None:
            raise _TwiceError(repr(twice)[:60])
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the constant {name}")


def _why_no_json(body: bytes, error: ValueError) -> str:
    if not body.strip():
        return "an empty body, expected JSON"
    if body.startswith(codecs.BOM_UTF8):
        return "JSON behind a byte-order mark, which standard JSON has not"
    if not isinstance(error, json.JSONDecodeError):
        return f"what is no standard JSON ({str(error)[:60]})"
    cut = (
        " (cut off?)"
        if error.pos >= len(body.decode("utf-8", "replace").rstrip()) - 1 or "Unterminated" in error.msg
        else ""
    )
    return f"what is no JSON: {error.msg} at character {error.pos} of {len(body)}{cut}"


def _kind(value: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def checked(route: str, answer: HttpAnswer, *, hub: str, proxied: bool, token_env: str | None) -> HttpAnswer:
    """`answer` if it is a success. Raises BadAnswer, NotServed, CouldNotLook or Unknown.

    `hub` names the hub in messages; `proxied`: something may have answered in the hub's place; `token_env` is the
    variable that the token was taken from.
    """
    status, what = answer.status, f"{answer.method} {route}"
    if _OK <= status < _OK + 100:
        if answer.method == "GET" and answer.cached:
            raise CouldNotLook(
                f"{what} was answered from a cache ({answer.cached}), which proves nothing about the hub now"
            )
        return answer
    if answer.redirect is not None:
        raise Unknown(f"{what} redirects to {urlsplit(answer.redirect).netloc}, which is not followed")
    if answer.page == CHALLENGE:
        raise CouldNotLook(f"{what} answered {status} with {CHALLENGE}")
    if status in {401, 403}:
        raise Unknown(f"{what} answered {status}: {_credentials(token_env)}")
    if answer.page == MAINTENANCE:
        raise NotTheHub(f"{what} answered {status} with {MAINTENANCE}")
    if is_limit(answer, proxied=proxied):
        raise CouldNotLook(f"{what} answered {status}: the requests are limited on the way")
    if status in _NO_SUCH and route != HEALTH:
        raise NotServed(f"{hub} serves no {route}")
    kind = NotTheHub if status in _GATEWAY or answer.is_page else BadAnswer
    raise kind(f"{what} answered {status}{_message(answer)}")


def is_limit(answer: HttpAnswer, *, proxied: bool = False) -> bool:
    """Whether a rate limit on the way refused the request: 429, or 503 as nginx does by default."""
    return answer.status == 429 or (answer.status == 503 and (proxied or answer.from_proxy))  # noqa: PLR2004 - HTTP's own numbers


def _credentials(token_env: str | None) -> str:
    if token_env:
        return f"the token in {token_env} is not accepted"
    return "set [target] token_env to the name of a token's variable"


def _message(answer: HttpAnswer) -> str:
    try:
        error = answer.json_object().get("error")
    except BadAnswer:
        return f" with {answer.page}" if answer.page else f" ({answer.content_type or 'no content type'})"
    return f": {error[:120]}" if isinstance(error, str) else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event: its name (`message` unless given) and its data."""

    name: str
    data: str


def events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """The events in `chunks`; comments, ids and retry hints are dropped. Raises BeyondLimit for one that is too large."""
    name, data, size = "", list[str](), 0
    for line in _lines(chunks):
        size += len(line)
        if size > BODY_LIMIT:
            raise BeyondLimit("an event", BODY_LIMIT)
        if not line:
            if data:
                yield ServerSentEvent(name=name or "message", data="\n".join(data))
            name, data, size = "", [], 0
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    parts: list[bytes] = []
    size, plain = 0, EventStreamLines()
    for chunk in chunks:
        first, *more = plain.feed(chunk).split(b"\n")
        parts.append(first)
        size += len(first)
        if size > BODY_LIMIT:
            raise BeyondLimit("an event's line", BODY_LIMIT)
        for line in more:
            yield b"".join(parts).decode("utf-8", "replace")
            parts, size = [line], len(line)


def weight_of(value: object) -> int:
    """About how many bytes a value takes in memory."""
    left, total = [value], 0
    while left:
        one = left.pop()
        total += 64 + (len(one) if isinstance(one, str) else 0)
        if isinstance(one, dict):
            left += one.values()
            total += sum(64 + len(key) for key in one)
        elif isinstance(one, list):
            left += one
    return total
