"""What went wrong with an agent's session, in one sentence: the SDK's exception groups become this project's kinds.

A sentence begins with the stage (connect, initialise, tools/list, tools/call) and, for a call, the server and the tool.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http import CERTIFICATE, BadAnswer, BrokenConnection, TimedOut, is_limit, is_loopback
from readiness.facts.mcp.records import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.facts.http import HttpAnswer
    from readiness.facts.mcp.http_client import EndpointAddress

_BAD: Final = 400
_ABSENT: Final = frozenset({404, 405})
_NO_VERSION: Final = "Unsupported protocol version"
"""The SDK's own words for a hello in a revision that it does not know."""
_SHORT: Final = 200
"""Characters of a text of the hub's that go into a sentence."""


_INTERNAL: Final = re.compile(r"answered (?:error -32603\b|5(?:00|01|05)\b)")
_OF_A_SERVER: Final = re.compile(
    r"not connected|connection closed|ECONNREFUSED|EPIPE|timed out|time-?out", re.IGNORECASE
)
"""Errors that pass on what happened to a server behind: there a restart may help."""


def report_of(wrong: str, asked: str) -> str:
    """What to do about an error inside the hub itself; empty where it is none: a restart of a server would not help."""
    if not _INTERNAL.search(wrong) or _OF_A_SERVER.search(wrong):
        return ""
    return (
        "Report this to the hub's authors, with this and the lines of its log at that moment: it failed inside, so stopping and starting "
        f"servers does not help. Asked: {asked}. Answered: {wrong}"
    )


def translated_error(
    error: BaseException, *, stage: str, where: EndpointAddress, seconds: float, last: HttpAnswer | None
) -> Unknown:
    """`error` as one of this project's kinds; `last` is the last HTTP answer, `seconds` the timeout that was used."""
    chain = list(_chain(error))
    own = next((one for one in chain if isinstance(one, Unknown)), None)
    if own is not None:
        return (
            type(own)(f"{stage}: {own}")
            if not isinstance(own, ProtocolError)
            else ProtocolError(f"{stage}: {own}", own.code, is_hubs_word=own.is_hubs_word)
        )
    if where.proxy and _is(chain, "ProxyError", "ConnectError", "ConnectTimeout"):
        return CouldNotLook(f"{stage}: the proxy of this machine did not connect to {where.place}: {_text(chain[-1])}")
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return HubDown(f"{stage}: connection to {where.place} refused")
    return _connection(chain, stage, where, seconds) or _answered(chain, stage, last) or _odd(error, stage)


def _connection(chain: list[BaseException], stage: str, where: EndpointAddress, seconds: float) -> Unknown | None:
    """Why the request got no answer at all; None where it got one."""
    trouble: Unknown | None = _secured(chain, stage, where)
    if trouble is not None:
        return trouble
    if _is(chain, "ConnectTimeout") and not is_loopback(where.url):
        trouble = CouldNotLook(f"{stage}: no connection to {where.place} within {seconds:.3g} s")
    elif any(isinstance(one, TimeoutError) for one in chain) or _is(chain, "TimeoutException"):
        trouble = TimedOut(f"{stage}: {where.place} gave no answer in {seconds:.3g} s")
    elif _is(chain, "ConnectError"):
        trouble = CouldNotLook(f"{stage}: no connection to {where.place}: {_text(chain[-1])}")
    elif _is(chain, "RemoteProtocolError") and not any("disconnected" in str(one) for one in chain):
        trouble = BadAnswer(f"{stage}: {where.place} does not answer in HTTP")
    elif _is(chain, "TransportError", "ConnectionError", "ClosedResourceError", "BrokenResourceError", "EndOfStream"):
        trouble = BrokenConnection(f"{stage}: the connection to {where.place} broke")
    return trouble


def _secured(chain: list[BaseException], stage: str, where: EndpointAddress) -> Unknown | None:
    certificate = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        kind = CERTIFICATE.get(certificate.verify_code, certificate.verify_message)
        return CouldNotLook(f"{stage}: the certificate of {where.place} is not trusted: {kind}")
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return CouldNotLook(f"{stage}: no TLS connection to {where.place}")
    return None


def _answered(chain: list[BaseException], stage: str, last: HttpAnswer | None) -> Unknown | None:
    """What the hub's answer was, where there was one: its HTTP status first, then the error inside."""
    # before the error of the SDK's first try, without a handshake, which stands behind it in the chain
    strange = next((one for one in chain if isinstance(one, RuntimeError) and _NO_VERSION in str(one)), None)
    if strange is not None:
        return BadAnswer(f"{stage}: {_text(strange)}")
    error = next((one for one in chain if _is([one], "MCPError")), None)
    code = getattr(error, "code", None)
    number = code if isinstance(code, int) else None
    refused = last is not None and last.status >= _BAD
    if last is not None and refused and (error is not None or _is(chain, "HTTPStatusError")):
        return _status(last, stage, _text(error) if error is not None else "", number)
    if error is not None:
        return ProtocolError(f"{stage}: answered error {number}: {_text(error)}", number)
    wrong = next((one for one in chain if _is([one], "ValidationError")), None)
    if wrong is not None:
        return BadAnswer(f"{stage}: the answer breaks the protocol: {_text(wrong)}")
    # the SDK's own words for structured content that its schema refuses, and for streams that begin wrongly
    sdk = next((one for one in chain if isinstance(one, (RuntimeError, ValueError))), None)
    return BadAnswer(f"{stage}: {_text(sdk)}") if sdk is not None else None


def _status(answer: HttpAnswer, stage: str, words: str, code: int | None) -> Unknown:
    what = f"{answer.method} {urlsplit(answer.url).path or '/'} answered {answer.status}"
    if answer.status in {401, 403}:
        return Unknown(
            f"{stage}: {what}: set [target] token_env to the name of a variable with a token that is accepted"
        )
    if is_limit(answer):
        return CouldNotLook(f"{stage}: {what}: the requests are limited on the way")
    if answer.status in _ABSENT and answer.method == "GET":
        path = urlsplit(answer.url).path
        return ProtocolError(
            f"{stage}: neither POST {path} (Streamable HTTP) nor GET {path} (HTTP+SSE) is served",
            code,
            is_hubs_word=False,
        )
    where = " (is it proxied?)" if answer.status in _ABSENT else ""
    generic = words in {"", "Server returned an error response", "Not Found", "Session terminated"}
    return ProtocolError(f"{stage}: {what}{where}{'' if generic else f': {words}'}", code, is_hubs_word=not generic)


def _odd(error: BaseException, stage: str) -> Unknown:
    return CouldNotLook(f"{stage}: {type(error).__name__}: {_text(error)}")


def _is(chain: list[BaseException], *names: str) -> bool:
    """By name, so that nothing of the SDK need be imported here."""
    return any(kind.__name__ in names for one in chain for kind in type(one).__mro__)


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())[:_SHORT] or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what its groups hold, and their causes, each once and not without end."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < 100:  # noqa: PLR2004 - far more than any real group
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        waiting.extend((one.__cause__, one.__context__))
