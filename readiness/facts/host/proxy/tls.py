"""The TLS of an address: its certificate, whether it is trusted, and the oldest protocol that it accepts."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import warnings
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, Unknown
from readiness.facts.http import port_of

if TYPE_CHECKING:
    from pathlib import Path

_HTTPS: Final = 443
OLD: Final = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
"""Protocols that nobody should accept any more (RFC 8996)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A trusted certificate: from when to when it is valid, in seconds since the epoch, and the protocol agreed upon."""

    begins: float
    ends: float
    protocol: str

    def left(self, now: float) -> float:
        """The share of its lifetime that is left, 0 to 100 per cent."""
        return max(0.0, 100.0 * (self.ends - now) / max(1.0, self.ends - self.begins))


class Distrusted(Exception):  # noqa: N818 - a fact, not an error of the program
    """The certificate is there and cannot be trusted; the text says why."""


class TlsView:
    """What `url` speaks. Raises Unknown for an address without TLS, CouldNotLook where nothing answers."""

    def __init__(self, url: str | None, ca_file: Path | None, timeout: float) -> None:
        self.url, self._ca, self._timeout = url, ca_file, timeout

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        if not self.url:
            raise Unknown("no [target] url: what clients get cannot be asked")
        if not self.url.startswith("https://"):
            raise Unknown(f"[target] url is {self.url.partition(':')[0]}://: no TLS is spoken there")
        return urlsplit(self.url).hostname or "", port_of(self.url) or _HTTPS

    def certificate(self) -> Certificate:
        """The certificate, checked as a client does. Raises Distrusted, CouldNotLook, Unknown."""
        host, port = self.where
        context = ssl.create_default_context(cafile=None if self._ca is None else str(self._ca))
        try:
            with self._connected(host, port) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
                peer_certificate = secured.getpeercert() or {}
                begins, ends = (
                    ssl.cert_time_to_seconds(str(peer_certificate[key])) for key in ("notBefore", "notAfter")
                )
                return Certificate(begins=begins, ends=ends, protocol=str(secured.version()))
        except ssl.SSLCertVerificationError as error:
            raise Distrusted(error.verify_message or str(error)) from None
        except (ssl.SSLError, OSError) as error:
            raise CouldNotLook(f"no TLS with {host}:{port}: {_words(error)}") from None

    def distrusted(self) -> str:
        """Why clients refuse the certificate; empty if they do not. Raises as `certificate`."""
        try:
            self.certificate()
        except Distrusted as error:
            return str(error)
        return ""

    def speaks(self) -> bool:
        """Whether any TLS is spoken there, trusted or not. Raises CouldNotLook, Unknown."""
        host, port = self.where
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # nothing is said here but hello: whether to trust it is the certificate's own question
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with self._connected(host, port) as plain, context.wrap_socket(plain, server_hostname=host):
                return True
        except ssl.SSLError as error:
            # an alert is TLS too: it refused this client, in TLS
            return "ALERT" in str(error.reason or "")
        except OSError as error:
            raise CouldNotLook(f"no TLS with {host}:{port}: {_words(error)}") from None

    def accepted(self) -> list[str]:
        """The old protocols that it still accepts, by name; where no TLS is spoken (`speaks`), that proves nothing."""
        host, port = self.where
        return [name for name, version in OLD.items() if self._agrees(host, port, version)]

    def _agrees(self, host: str, port: int, version: ssl.TLSVersion) -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with contextlib.suppress(ssl.SSLError):
            # this side has to be willing, or nothing is learnt about the other
            context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        try:
            with self._connected(host, port) as plain, context.wrap_socket(plain, server_hostname=host):
                return True
        except (ssl.SSLError, OSError):
            return False

    def _connected(self, host: str, port: int) -> socket.socket:
        try:
            return socket.create_connection((host, port), timeout=self._timeout)
        except OSError as error:
            raise CouldNotLook(f"{host}:{port} does not answer: {_words(error)}") from None


def _words(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)[:200]
