"""The hub's own word about itself: the first `hub_state` event of its stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from readiness.facts.http.answer import Answer, BadAnswer
from readiness.facts.http.events import events
from readiness.facts.hub.records import HubState, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.http.client import Transport

EVENTS: Final = "/api/events"
_LIMIT: Final = 1024 * 1024
"""Bytes read of the stream at most; the event comes among its first three."""


def first_state(transport: Transport, checked: Callable[[Answer], Answer]) -> HubState:
    """Open the stream, read to the first `hub_state` event and leave; call it inside `within`.

    `checked` judges the status line. Raises BadAnswer, and whatever `checked` and the transport raise.
    """
    with transport.stream("GET", EVENTS, headers={"accept": "text/event-stream"}) as stream:
        opened = checked(Answer(method="GET", url=EVENTS, status=stream.status, headers=stream.headers))
        if opened.content_type != "text/event-stream":
            raise BadAnswer(f"GET {EVENTS} answered {opened.content_type or 'no content type'}, expected events")
        for event in events(stream.chunks(_LIMIT)):
            if event.name == "hub_state":
                return _state(event.data)
    raise BadAnswer(f"GET {EVENTS} ended without a hub_state event")


def _state(data: str) -> HubState:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadAnswer(f"GET {EVENTS}: the hub_state event holds no JSON object")
    return HubState(state=str(value.get("state")), pid=whole(value.get("pid")), port=whole(value.get("port")))
