"""One HTTP answer as it came, and its JSON read strictly: what is not standard JSON is a proven-bad answer."""

from __future__ import annotations

import codecs
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from readiness.errors import CouldNotLook

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes read of any body; a healthy answer is 23 KB for 22 tools and grows with them."""

_PROXIES: Final = (
    "nginx",
    "haproxy",
    "envoy",
    "caddy",
    "cloudflare",
    "traefik",
    "apache",
    "openresty",
    "awselb",
    "gws",
)


class BadAnswer(CouldNotLook):
    """The hub answered, and the answer is wrong in itself: HTML for JSON, a cut body, a server error.

    For the check that is about this answer it is proof of a fault; for every other one it only means that the fact
    could not be had. `wrong` of a facts object turns it into a sentence to assert on.
    """


class Broken(CouldNotLook):
    """The connection was accepted and broke before an answer was complete; worth another try at once."""


class TlsRefused(CouldNotLook):
    """The other side ended the TLS handshake because we show no certificate."""


class TimedOut(CouldNotLook):
    """The connection was accepted and no complete answer came: not before the deadline, or never on this host.

    On this host nothing stands between that could break a connection instead of the hub.
    """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request; header names are in lower case, `seconds` is from send to last byte."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: bytes = dataclasses.field(default=b"", repr=False)
    seconds: float = 0.0
    redirect: str | None = None
    """Where it points, when it is a redirect that was not followed."""

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
        """Whether something in front of the hub signed this answer."""
        server = self.headers.get("server", "").lower()
        return "via" in self.headers or any(name in server for name in _PROXIES)

    def text(self, limit: int = 200_000) -> str:
        """The beginning of the body as text, for searching; wrong bytes are replaced."""
        return self.body[:limit].decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - what a hub sends may be anything
        """The body as JSON. Raises BadAnswer for whatever standard JSON is not."""
        if "json" not in self.content_type:
            raise BadAnswer(f"{self.what} answered {self.content_type or 'no content type'}, expected JSON")
        return strict_json(self.body, self.what)

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadAnswer."""
        value = self.json()
        if not isinstance(value, dict):
            raise BadAnswer(f"{self.what} answered a JSON {_kind(value)}, expected an object")
        return value


def strict_json(body: bytes, what: str) -> Any:  # noqa: ANN401 - what a hub sends may be anything
    """Parse standard JSON. Raises BadAnswer for NaN, lone surrogates, wrong UTF-8, cut text and depth bombs."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadAnswer(f"{what} answered JSON with a lone surrogate") from None
    except UnicodeDecodeError as error:
        raise BadAnswer(f"{what} answered invalid UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise BadAnswer(f"{what} answered JSON nested beyond all reason") from None
    except ValueError as error:
        raise BadAnswer(f"{what} answered {_why_no_json(body, error)}") from None
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
