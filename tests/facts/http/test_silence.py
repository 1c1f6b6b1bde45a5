"""What was silent before is not waited for again, except by the check that is about it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, ProbeSettings, Target
from readiness.facts.http.answer import TimedOut
from readiness.facts.http.client import HttpTransport, NoState, SilentBefore, TransportSettings
from readiness.facts.hub.hub import Hub, HubKnowledge
from readiness.session.worker import is_worth_another_attempt
from tests.facts.hub.test_hub import replay
from tests.helpers import pace
from tests.helpers.wires import Connection, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 1.0 + pace.seconds(0.2)  # a short look takes one second
"""Longer than a short look, so that the two can be told apart."""


def silent_on(*routes: str, alive: list[bool] | None = None) -> Callable[[Connection], None]:
    """A hub that answers as recorded, and never on `routes` unless it is alive again."""
    answer = replay("4.3.0")

    def handler(connection: Connection) -> None:
        if connection.path in routes and not (alive and alive[0]):
            connection.stop.wait(10)
        else:
            answer(connection)

    return handler


def views(url: str, attempts: int = 2) -> Callable[[], Hub]:
    """Views of one hub in one process, as every check gets its own."""
    config = Config(target=Target(url=url), probe=ProbeSettings(attempts=attempts, timeout=TIMEOUT))
    transport, known = HttpTransport(TransportSettings(base=url, timeout=TIMEOUT)), HubKnowledge()
    return lambda: Hub(transport, config, known)


def seconds(call: Callable[[], Any]) -> float:
    """How long `call` takes."""
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_a_silent_route_is_looked_at_shortly_once_it_was_proven() -> None:
    """As many full looks as a probe has attempts; then one short one, which no attempt follows."""
    with Wires(silent_on("/api/tools")) as wires:
        view = views(wires.url)

        def full() -> None:
            with pytest.raises(TimedOut) as raised:
                view().listed_tools()
            assert is_worth_another_attempt(raised.value)
            assert "before" not in str(raised.value)

        def short() -> None:
            with pytest.raises(SilentBefore, match="it was silent before") as raised:
                view().listed_tools()
            assert not is_worth_another_attempt(raised.value)

        assert min(seconds(full), seconds(full)) >= TIMEOUT
        assert 1.0 <= seconds(short) < TIMEOUT


def test_the_check_about_it_looks_in_full() -> None:
    """`wrong` is asked by the check that is about this answer: it does not hear that somebody else waited in vain."""
    with Wires(silent_on("/api/events", "/mcp")) as wires:
        view = views(wires.url, attempts=1)
        for look in (lambda h: h.wrong(h.hub_state), lambda h: h.wrong(h.agent_session)):
            for _ in range(2):  # the second time it is known to be silent
                assert seconds(lambda look=look: look(view())) >= TIMEOUT  # type: ignore[misc]
        events = view()
        assert "before" not in events.wrong(events.hub_state)
        with pytest.raises(NoState, match=r"no hub_state event in 1 s; it was silent before") as raised:
            view().hub_state()
        assert not is_worth_another_attempt(raised.value)


def test_a_route_that_answers_again_is_trusted_again() -> None:
    """One answer, and all patience is back."""
    alive = [False]
    with Wires(silent_on("/api/tools", alive=alive)) as wires:
        view = views(wires.url, attempts=1)
        with pytest.raises(TimedOut):
            view().listed_tools()
        alive[0] = True
        assert view().listed_tools()
        alive[0] = False
        with pytest.raises(TimedOut) as raised:
            view().listed_tools()
        assert not isinstance(raised.value, SilentBefore)


def test_who_answers_is_not_waited_for_twice() -> None:
    """A silent stream costs one short look; from then on the socket is asked at once."""
    answer = replay("4.3.0")

    def handler(connection: Connection) -> None:
        if connection.path == "/api/events":
            connection.stop.wait(10)
        else:
            answer(connection)

    with Wires(handler) as wires:
        config = Config(target=Target(url=wires.url, pid=os.getpid()), probe=ProbeSettings(timeout=TIMEOUT))
        transport, known = HttpTransport(TransportSettings(base=wires.url, timeout=TIMEOUT)), HubKnowledge()
        assert 1.0 <= seconds(lambda: Hub(transport, config, known).identity()) < TIMEOUT
        assert seconds(lambda: Hub(transport, config, known).identity()) < 0.5
        assert Hub(transport, config, known).identity().by == "socket"
