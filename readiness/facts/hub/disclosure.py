"""What the hub's answers disclose: secrets in readable routes, and program internals in error messages."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Final

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http import HttpAnswer, probe_mcp
from readiness.facts.hub.contract import ROUTES
from readiness.facts.hub.hub import Hub
from readiness.facts.secretscan import AnswerLeak, find_leaks, known_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config
    from readiness.facts.http import HttpTransport
    from readiness.facts.hub.client_view import ClientView

_BAD_JSON: Final = b'{"server_name": '
_NOWHERE: Final = "/api/no-such-route"
_EVENTS: Final = 5
_SECONDS: Final = 0.2
"""Events that are read, and how long they are waited for: a hub sends its state and its last log lines at once."""
_TRACES: Final = {
    "a stack trace": re.compile(r"\bat [^\n<>]{1,120}:\d{1,6}:\d{1,6}\b|Traceback \(most recent call last\)"),
    "a file of the program": re.compile(
        r"(?:/(?:opt|home|usr|var|app|root|srv|data|tmp|Users)/|[A-Z]:\\\\?)[^\s\"'<>:]{1,200}\.(?:js|mjs|cjs|ts|py|jsx)\b"
        r"|node_modules/|node:internal/"
    ),
}


class Disclosure:
    """A search in every route that may be read, and in errors that are provoked without harm."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def leaks(self, hub: Hub | ClientView) -> list[AnswerLeak]:
        """Secrets in every readable route, each once. Raises HubDown, or CouldNotLook where a route cannot be read."""
        known = known_values(self.config)
        by_fingerprint: dict[str, AnswerLeak] = {}
        for answer, what in self._readable(hub):
            for leak in find_leaks(answer, what, known):
                by_fingerprint.setdefault(leak.fingerprint, leak)
        return list(by_fingerprint.values())

    def _readable(self, hub: Hub | ClientView) -> Iterator[tuple[HttpAnswer, str]]:
        """Each answer that may be read, with its name: a hub's routes; of another kind what agents are told before they call."""
        if "hub_api" not in self.config.target.kind.lacks:
            yield from ((hub.raw(route), f"GET {route}") for route in ROUTES)
            if isinstance(hub, Hub):
                yield from self._beside(hub)
        elif isinstance(hub, Hub) and (opened := getattr(hub, "opened", None)) is not None:
            told = {"initialize": opened().opened, "tools/list": [tool.definition for tool in hub.tools()]}
            yield from (_as_answer(method, document) for method, document in told.items())

    def _beside(self, hub: Hub) -> Iterator[tuple[HttpAnswer, str]]:
        """What a hub says elsewhere: in refusals, on its event stream, and to agents. What cannot be asked is another check's business."""
        with contextlib.suppress(Unknown):
            yield from ((answer, f"the refusal of {answer.what}") for answer in self._refusals(hub.transport))
        with contextlib.suppress(Unknown):
            yield _as_answer("GET /api/events", hub.first_events(_EVENTS, _SECONDS))
        if hub.ends_when_left():
            return
        with contextlib.suppress(Unknown):
            probe = probe_mcp(hub.transport, tools=True, timeout=hub.transport.settings.timeout)
            yield _as_answer("initialize", probe.opened)
            yield _as_answer("tools/list", list(probe.definitions))
            yield _as_answer("what agents are notified of, and lists of prompts and resources", list(probe.beside))

    def internals(self, hub: Hub) -> list[str]:
        """What error answers disclose about the program, a sentence each. Raises HubDown or CouldNotLook."""
        sentences = []
        own = "hub_api" not in self.config.target.kind.lacks
        for answer in self._refusals(hub.transport, None if own else hub.endpoint):
            sentences += [f"{answer.what} ({answer.status}) shows {kind}" for kind in internals_in(answer.text())]
        return sentences

    @staticmethod
    def _refusals(transport: HttpTransport, endpoint: str | None = None) -> list[HttpAnswer]:
        """Errors provoked without harm: an unknown route, a body that is no JSON, a field that is missing.

        `endpoint`: where agents connect, of a target that has no other routes.
        """
        try:
            if endpoint is not None:
                bodies = (_BAD_JSON, b"{}", b'{"jsonrpc": "2.0", "id": 1, "method": "readiness/no-such-method"}')
                accept = {"accept": "application/json, text/event-stream"}
                own = [transport.post(endpoint, content=body, headers=accept) for body in bodies]
                return [transport.get("/readiness-no-such-route"), *own]
            return [
                transport.get(_NOWHERE),
                transport.post("/api/servers/info", content=_BAD_JSON),
                transport.post("/api/servers/info", json={}),
                transport.post("/api/servers/info", json={"server_name": "no-such-server"}),
            ]
        except HubDown:
            raise
        except CouldNotLook as error:
            raise CouldNotLook(f"a refusal could not be provoked: {error}") from None


def _as_answer(what: str, document: object) -> tuple[HttpAnswer, str]:
    """A document that came otherwise than as the body of an answer, as one."""
    body = json.dumps(document).encode()
    return HttpAnswer(
        method="POST", url=what, status=200, headers={"content-type": "application/json"}, body=body
    ), what


def internals_in(text: str) -> list[str]:
    """The kinds of program internals in `text`, each once; it is never quoted."""
    return [kind for kind, pattern in _TRACES.items() if pattern.search(text)]
