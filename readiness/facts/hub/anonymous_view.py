"""The hub without credentials, through the address that clients use."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http import (
    CHALLENGE,
    LOGIN,
    BadAnswer,
    HttpAnswer,
    SilentRoutes,
    TimedOut,
    TlsRefused,
    is_limit,
    looked,
    open_session,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from readiness.config import Config, TargetKind
    from readiness.facts.http import HttpTransport, LoginPath

_CLOSED: Final = frozenset({401, 403, 407})
_ABSENT: Final = frozenset({404, 405})
_REFUSALS: Final = frozenset({403, 404, 405, 410, 421, 426})
"""What a site answers that serves nothing of the hub. A demand for a password is none: it would be sent in plain."""
_UNCERTIFIED: Final = frozenset({400, 495, 496})
"""What nginx answers to a stranger without the client certificate that it demands: it refuses after the handshake."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a request without credentials gets at one address: `is_open` None where neither is proven; `how` in a few words.

    `not_passed_on`: it was answered 404 or 405, and not by the hub.
    """

    is_open: bool | None
    how: str
    not_passed_on: bool = False


class AnonymousView:
    """The hub through `[target] url` without credentials; shares nothing with another view."""

    def __init__(self, transport: HttpTransport | None, config: Config, silence: SilentRoutes | None = None) -> None:
        """`transport` has no token and follows no redirect; None where the configuration names no address."""
        self._transport, self.config = transport, config
        self._silence = silence or SilentRoutes()

    @property
    def transport(self) -> HttpTransport:
        """The connection to `[target] url`. Raises Unknown without `[target] url`."""
        if self._transport is None:
            raise Unknown("no [target] url: what strangers see cannot be asked")
        return self._transport

    @property
    def kind(self) -> TargetKind:
        """What kind of target it is."""
        return self.config.target.kind

    def doors(self, routes: Iterable[str]) -> dict[str, Door]:
        """What strangers get at each of a hub's `routes`, or, of a kind without them, where agents connect."""
        if "hub_api" in self.kind.lacks:
            return {self.config.target.endpoint_path: self.session()}
        doors = {route: self.entry(route) for route in routes}
        states = [door.is_open for door in doors.values()]
        hidden = any(door.not_passed_on for door in doors.values())
        if hidden and True not in states and self.session().is_open is not None:
            # agents get through at this address, so it is the right one: what is not passed on there is closed on purpose
            return {
                route: dataclasses.replace(door, is_open=False, how=f"{door.how}, not passed on to the hub")
                if door.not_passed_on
                else door
                for route, door in doors.items()
            }
        return doors

    def session(self) -> Door:
        """Whether an agent without credentials gets a session. Raises as `entry` does."""
        endpoint = self.config.target.endpoint_path
        door = self._door(open_session)
        if door.how not in {f"answered {number}" for number in _ABSENT}:
            return door
        events = {"accept": "text/event-stream"}  # where POST is not served, the older transport begins with a GET
        return self._door(lambda street, left: street.head_of(endpoint, headers=events, timeout=left))

    def login(self) -> LoginPath:
        """How an agent learns where to log in, followed without credentials. Raises as `entry` does."""
        from readiness.facts.http import login_path

        target = self.config.target
        public = f"{(target.url or '').rstrip('/')}{target.endpoint_path}"
        with self.transport.within(None):
            return login_path(self.transport, public, target.authorization_server)

    def entry(self, route: str) -> Door:
        """Whether GET `route` is open without credentials: any answer of the hub itself shows that. Raises CouldNotLook, HubDown, BadAnswer.

        A 404 proves neither: the route may stand open under another path.
        """
        return self._door(lambda street, left: street.get(route, timeout=left))

    def admin(self, route: str) -> Door:
        """Whether POST `route` reaches the hub: an empty object makes it complain and do nothing. Raises as `entry`.

        A 404 or 405 is as good as closed: no such route can be reached.
        """
        door = self._door(lambda street, left: street.post(route, json={}, timeout=left))
        return dataclasses.replace(door, is_open=False) if door.how in {f"answered {n}" for n in _ABSENT} else door

    def plain(self) -> Door:
        """Whether the plain http:// address serves the hub; a redirect to https, a closed port or a refusal is closed.

        Raises CouldNotLook, BadAnswer; Unknown without an address.
        """
        transport = self._in_plain(self.plain_url)
        try:
            door = _in_plain(_unlimited(transport.get("/api/health")))
            # a proxy may refuse the API there and pass agents on
            return _in_plain(_unlimited(open_session(transport))) if door.not_passed_on else door
        except HubDown:
            return Door(is_open=False, how="nothing listens there")
        finally:
            transport.close()

    def plain_at(self, port: int, name: str, path: str) -> Door:
        """Whether another port of `url`'s host serves `path` in plain HTTP, to who asks for the server called `name`. Raises as `plain`."""
        transport = self._in_plain(f"{self._plain_host}:{port}")
        headers = {"accept": "text/event-stream, */*"} | ({"host": name} if name else {})
        try:
            return _in_plain(_unlimited(transport.head_of(path, headers=headers)))
        except HubDown:
            return Door(is_open=False, how="nothing listens there")
        except TimedOut:
            return Door(is_open=False, how="no answer there")  # a firewall that drops says nothing
        finally:
            transport.close()

    def _in_plain(self, base: str) -> HttpTransport:
        from readiness.facts.http import HttpTransport, Manners, TransportSettings

        target = self.config.target
        return HttpTransport(
            TransportSettings(
                base=base,
                timeout=self.config.probe.timeout,
                follow=False,
                proxy=target.proxy,
                endpoint=target.endpoint_path,
                manners=Manners.of(self.config),
            )
        )

    @property
    def plain_url(self) -> str:
        """The http:// address that must redirect: configured, else port 80 of `url`'s host. Raises Unknown."""
        if self.config.target.plain_url:
            return self.config.target.plain_url
        return self._plain_host

    @property
    def _plain_host(self) -> str:
        host = urlsplit(self.transport.settings.base).hostname or ""
        return f"http://[{host}]" if ":" in host else f"http://{host}"

    def _door(self, ask: Callable[[HttpTransport, float | None], HttpAnswer]) -> Door:
        try:
            answer = _unlimited(looked(self._silence, self.transport, self.config.probe.attempts, ask))
        except TlsRefused:
            return Door(is_open=False, how="refused in TLS")
        if answer.status in _CLOSED:
            return Door(is_open=False, how=f"answered {answer.status}")
        if answer.redirect is not None:
            return _redirected(answer)
        if answer.status in _UNCERTIFIED and "SSL certificate" in answer.text(2_000):
            return Door(is_open=False, how=f"refused without a client certificate ({answer.status})")
        return _answered(answer)


def _in_plain(answer: HttpAnswer) -> Door:
    """What an answer to plain HTTP shows: a default site that refuses everything serves nothing of the hub."""
    if answer.redirect is not None and answer.redirect.startswith("https://"):
        return Door(is_open=False, how=f"redirected to https ({answer.status})")
    if answer.status in _REFUSALS and not _from_within(answer):
        return Door(is_open=False, how=f"refused ({answer.status})", not_passed_on=True)
    return Door(is_open=True, how=f"answered {answer.status}")


def _answered(answer: HttpAnswer) -> Door:
    """What an answer shows that neither refuses nor redirects: a page is nobody's API, whatever its status."""
    if answer.page and answer.status not in _ABSENT:
        is_shut = answer.page in {LOGIN, CHALLENGE}
        how = f"answered {answer.status} with {answer.page.partition(':')[0]}"
        return Door(is_open=False if is_shut else None, how=how)
    if answer.status in _ABSENT or not _from_within(answer):
        not_passed_on = answer.status in _ABSENT and not _from_within(answer)
        return Door(is_open=None, how=f"answered {answer.status}", not_passed_on=not_passed_on)
    return Door(is_open=True, how=f"open, answered {answer.status}")


def _from_within(answer: HttpAnswer) -> bool:
    """Whether the hub itself answered: with success, or with one of its own errors."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return True
    try:
        return not {"code", "jsonrpc"}.isdisjoint(answer.json_object())
    except BadAnswer:
        return False


def _redirected(answer: HttpAnswer) -> Door:
    here, there = urlsplit(answer.url), urlsplit(answer.redirect or "")
    if here.path == there.path:
        return Door(is_open=None, how=f"only moved to {there.scheme}://{there.netloc}: set [target] url to that")
    return Door(is_open=False, how=f"sent to a login ({answer.status})")


def _unlimited(answer: HttpAnswer) -> HttpAnswer:
    if is_limit(answer):
        raise CouldNotLook(f"{answer.what} answered {answer.status}: the requests are limited on the way")
    return answer
