"""How an agent that has no credentials learns where to log in: the 401, the protected resource's metadata (RFC 9728), the authorization server's (RFC 8414).

Asked are the target itself and the authorization server that the configuration names: an answer leads nowhere else.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.facts.http.answer import BadAnswer
from readiness.facts.http.mcp_probe import open_session
from readiness.facts.http.urls import bare, is_loopback, same_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.facts.http.answer import HttpAnswer
    from readiness.facts.http.client import HttpTransport

_OK: Final = 200
_NO_CREDENTIALS: Final = 401
_METADATA: Final = re.compile(r'\bresource_metadata\s*=\s*(?:"([^"\s]{1,2000})"|([^",\s]{1,2000}))', re.IGNORECASE)
_RESOURCE: Final = "/.well-known/oauth-protected-resource"
_SERVER: Final = "/.well-known/oauth-authorization-server"
_OPENID: Final = "/.well-known/openid-configuration"


@dataclasses.dataclass(slots=True)
class LoginPath:
    """What is wrong on the way to a login, and what could not be asked, as sentences."""

    wrong: list[str] = dataclasses.field(default_factory=list)
    odd: list[str] = dataclasses.field(default_factory=list)
    """What works with most agents, and is not as the specification has it."""
    unasked: str = ""


def login_path(transport: HttpTransport, public: str, server: str | None) -> LoginPath:
    """Follow it without credentials. `public`: the endpoint's address as agents know it; `server`: an authorization server that may be asked.

    Raises as the transport does.
    """
    path = LoginPath()
    refused = open_session(transport)
    endpoint = urlsplit(public).path
    if refused.status != _NO_CREDENTIALS:
        path.wrong.append(
            f"initialize without credentials answered {refused.status}: agents begin to log in at a 401 alone"
        )
        return path
    given = refused.headers.get("www-authenticate", "")
    if not given.strip().lower().startswith("bearer"):
        shown = f"names {given.split(' ')[0][:40]!r}" if given else "is missing"
        path.wrong.append(f"the challenge of the 401 (WWW-Authenticate) {shown}, and not Bearer")
    named = _METADATA.search(given)
    if named is None:
        path.odd.append("the challenge names no resource_metadata: agents have to guess its place")
    for place in [named[1] or named[2]] if named else [_RESOURCE + endpoint.rstrip("/"), _RESOURCE]:
        address = place if place.startswith(("http://", "https://")) else transport.settings.base.rstrip("/") + place
        if not same_host(transport.settings.base, address):
            path.wrong.append(f"resource_metadata leads to another host, {urlsplit(bare(address)).netloc[:80]}")
            return path
        document = _document(transport, urlsplit(address).path)
        if document is not None:
            _of_resource(transport, document, public, server, path)
            return path
    path.wrong.append(f"the protected resource's metadata is not served at {urlsplit(address).path[:200]}")
    return path


def _of_resource(
    transport: HttpTransport, document: dict[str, Any], public: str, server: str | None, path: LoginPath
) -> None:
    resource = document.get("resource")
    if not isinstance(resource, str) or not _covers(resource, public):
        path.wrong.append(
            f"its `resource` is {str(resource)[:200]!r}, and agents ask at {public}: they refuse the token"
        )
    elif not resource.startswith("https://") and not is_loopback(resource):
        path.wrong.append(f"its `resource` is {resource[:200]!r}: tokens are for https alone")
    servers = document.get("authorization_servers")
    named = [one for one in servers if isinstance(one, str)] if isinstance(servers, list) else []
    if not named:
        path.wrong.append("it names no authorization server (`authorization_servers`)")
        return
    issuer = named[0]
    if server is None and not same_host(transport.settings.base, issuer):
        place = urlsplit(bare(issuer)).netloc[:80]
        path.unasked = (
            f"the authorization server {place} was not asked: set [target] authorization_server to its address"
        )
    elif server is not None and bare(server).rstrip("/") not in {bare(one).rstrip("/") for one in named}:
        path.wrong.append(f"it names {bare(issuer)[:200]!r} as authorization server, and not the configured one")
    else:
        _of_server(transport, server or issuer, path)


def _of_server(transport: HttpTransport, issuer: str, path: LoginPath) -> None:
    parts = urlsplit(issuer)
    own = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    document = _first(transport, (f"{origin}{_SERVER}{own}", f"{origin}{_OPENID}{own}", f"{origin}{own}{_OPENID}"))
    if document is None:
        path.wrong.append(f"the authorization server {parts.netloc[:80]} serves no metadata (RFC 8414 or OpenID)")
        return
    if str(document.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        path.wrong.append(f"its metadata is of another issuer, {str(document.get('issuer'))[:200]!r}")
    methods = document.get("code_challenge_methods_supported")
    if not isinstance(methods, list) or "S256" not in methods:
        path.wrong.append(
            "its metadata does not offer S256 (`code_challenge_methods_supported`): agents refuse to log in"
        )


def _covers(resource: str, public: str) -> bool:
    """Whether a token for `resource` is one for the endpoint: the same address, or a path above it."""
    wanted, given = public.rstrip("/"), resource.rstrip("/")
    return wanted == given or wanted.startswith(f"{given}/")


def _first(transport: HttpTransport, addresses: Iterable[str]) -> dict[str, Any] | None:
    for address in dict.fromkeys(addresses):
        if (document := _document(transport, address)) is not None:
            return document
    return None


def _document(transport: HttpTransport, address: str) -> dict[str, Any] | None:
    answer: HttpAnswer = transport.get(address)
    if answer.status != _OK:
        return None
    try:
        return answer.json_object()
    except BadAnswer:
        return None
