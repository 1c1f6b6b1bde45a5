"""What went wrong on the way, in words: the library's errors become this project's."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from readiness.errors import CouldNotLook, HubDown
from readiness.facts.http.answer import BadAnswer, Broken, TimedOut, TlsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE: Final = {
    10: "expired",
    9: "not valid yet",
    62: "made for another name",
    64: "made for another address",
    18: "self-signed",
    19: "self-signed",
}
"""OpenSSL's verify codes in words."""

_WANTS_CERTIFICATE: Final = ("certificate_required", "certificate required", "handshake_failure", "handshake failure")
"""TLS alerts of a server that asked for a client certificate, as OpenSSL words them."""

LIBRARY: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.HTTPError,
    OSError,
)
"""What httpx and httpcore may raise while a request is under way."""


def translated(  # noqa: PLR0913 - one keyword a circumstance
    error: BaseException, *, what: str, place: str, seconds: float, proxied: bool, loopback: bool
) -> Exception:
    """Turn `error` into HubDown, TimedOut, BadAnswer or CouldNotLook; `seconds` is how long the request took so far."""
    chain = list(_chain(error))
    certificate = next((e for e in chain if isinstance(e, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        kind = CERTIFICATE.get(certificate.verify_code, certificate.verify_message)
        return CouldNotLook(f"{what}: the certificate of {place} is not trusted: {kind}")
    if any(isinstance(e, ssl.SSLError) and any(w in str(e).lower() for w in _WANTS_CERTIFICATE) for e in chain):
        return TlsRefused(f"{what}: {place} wants a client certificate")
    if any(isinstance(e, ssl.SSLError) for e in chain) and isinstance(error, httpcore.ConnectError):
        return CouldNotLook(f"{what}: no TLS connection to {place}: {error}")
    if proxied and isinstance(error, (httpcore.ConnectError, httpcore.ProxyError, httpcore.ConnectTimeout)):
        return CouldNotLook(f"{what}: the environment's proxy did not connect to {place}: {error}")
    if any(isinstance(e, ConnectionRefusedError) for e in chain):
        return HubDown(f"{what}: connection to {place} refused")
    return _other(error, f"{what}: ", place, seconds, loopback=loopback)


def _other(error: BaseException, what: str, place: str, seconds: float, *, loopback: bool) -> Exception:
    if isinstance(error, httpcore.ConnectTimeout) and not loopback:
        return CouldNotLook(f"{what}no connection to {place} within {seconds:.3g} s")
    if isinstance(error, httpcore.TimeoutException):
        return TimedOut(f"{what}{place} accepted the connection and gave no complete answer in {seconds:.3g} s")
    if isinstance(error, httpcore.ConnectError):
        return CouldNotLook(f"{what}no connection to {place}: {error}")
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" not in str(error):
        return BadAnswer(f"{what}{place} does not answer in HTTP: {str(error)[:120]}")
    return Broken(f"{what}the connection to {place} broke: {str(error)[:120] or type(error).__name__}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
