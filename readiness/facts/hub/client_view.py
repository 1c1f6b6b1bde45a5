"""The hub through `[target] url`, as clients reach it, with whatever the proxy adds to its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http import (
    HEALTH,
    BadAnswer,
    BrokenConnection,
    HttpAnswer,
    McpVisit,
    SilentBefore,
    SilentRoutes,
    TimedOut,
    TlsRefused,
    is_limit,
    looked,
    visit_mcp,
)

if TYPE_CHECKING:
    from readiness.facts.http import HttpTransport

_SERVER_ERROR: Final = 500
_UNCERTIFIED: Final = 496
"""nginx's number for "no client certificate"."""


class ClientView:
    """The hub through the clients' address; a fault seen here is the proxy's or the hub's."""

    def __init__(
        self, transport: HttpTransport, silence: SilentRoutes, attempts: int = 1, pulse_route: str = HEALTH
    ) -> None:
        """`transport` sends the token where one is configured; `attempts` is `[probe] attempts`; `pulse_route` as the hub has it."""
        self.transport, self._silence, self._attempts = transport, silence, attempts
        self._pulse_route = pulse_route

    def watched_pulse(self, **headers: str) -> HttpAnswer:
        """The cheapest GET, as `raw`."""
        return self.raw(self._pulse_route, **headers)

    def visit(self, tool: str, arguments: dict[str, Any]) -> McpVisit | str:
        """What an agent gets that opens a session, lists the tools and calls `tool`; why it gets nothing, in a sentence.

        Raises CouldNotLook or Unknown where the runner may be at fault: a name, a certificate, credentials.
        """
        try:
            return visit_mcp(self.transport, tool, arguments, 3 * self.transport.settings.timeout)
        except (BadAnswer, BrokenConnection, HubDown, TimedOut) as error:
            return f"through [target] url: {error}"
        except Unknown as error:
            raise type(error)(f"through [target] url: {error}") from None

    def raw(self, route: str, **headers: str) -> HttpAnswer:
        """GET `route` with `headers`, whatever its status below 500; a refusal in TLS is an empty 496.

        Raises CouldNotLook for everything else: a proxy that is dead, busy or broken shows nothing of the hub.
        """
        try:
            answer = looked(
                self._silence,
                self.transport,
                self._attempts,
                lambda t, left: (
                    # what agents connect to may answer with a stream that has no end
                    t.head_of(route, headers={"accept": "application/json", **headers}, timeout=left)
                    if route == t.settings.endpoint
                    else t.get(route, headers=headers, timeout=left)
                ),
            )
        except TlsRefused:
            # no certificate can be configured, and whoever has none is shown nothing: as good as a 401
            return HttpAnswer(method="GET", url=self.transport.settings.base + route, status=_UNCERTIFIED)
        except CouldNotLook as error:
            # a proxy that is down is no proof against the hub, which was asked itself
            kind = CouldNotLook if isinstance(error, (HubDown, TimedOut)) else type(error)
            raise (SilentBefore if isinstance(error, SilentBefore) else kind)(
                f"through [target] url: {error}"
            ) from None
        if is_limit(answer, proxied=True):
            raise CouldNotLook(f"through [target] url: {answer.what} answered {answer.status}: limited on the way")
        if answer.status >= _SERVER_ERROR:
            raise CouldNotLook(f"through [target] url: {answer.what} answered {answer.status}")
        return answer
