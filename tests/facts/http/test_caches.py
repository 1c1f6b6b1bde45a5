"""What a cache answers proves nothing: not whether the hub is well, and not that it is down."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from readiness.errors import CouldNotLook, HubDown
from readiness.facts.http import BadAnswer
from readiness.facts.hub import hub as hub_module
from tests.facts.hub.test_hub import hub_at
from tests.helpers.wires import Connection, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

HEALTH: dict[str, Any] = {
    "state": "ready",
    "server_id": "mcp-hub",
    "servers": [],
    "timestamp": "2026-12-01T00:00:00.000Z",
}


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ("Age: 600", "Age: 600 s"),
        ("Age: 86400", "Age: 86400 s"),
        ("X-Cache: HIT", "x-cache: HIT"),
        ("X-Cache: Hit from cloudfront", "Hit from"),
        ("X-Cache: TCP_HIT", "TCP_HIT"),
        ("X-Cache: MISS, HIT", "HIT"),
        ("X-Cache-Status: STALE", "STALE"),
        ("CF-Cache-Status: UPDATING", "UPDATING"),
        ("Cache-Status: edge; hit", "hit"),
    ],
)
def test_an_answer_that_a_cache_signed_is_unknown(headers: str, words: str) -> None:
    """However young it calls itself, it was not the hub that answered: neither good nor bad."""
    with Wires(lambda c: c.answer(HEALTH, headers=f"{headers}\r\n")) as wires:
        hub = hub_at(wires.url)
        for look in (hub.trouble, hub.servers):
            with pytest.raises(CouldNotLook, match=r"was answered from a cache \(") as raised:
                look()
            assert words in str(raised.value)
            assert not isinstance(raised.value, (BadAnswer, HubDown))


@pytest.mark.parametrize(
    "headers",
    ["Age: 0", "Age: soon", f"Age: {'9' * 5000}", "X-Cache: MISS", "CF-Cache-Status: DYNAMIC", "X-Cache: white"],
)
def test_a_cache_that_asked_the_hub_is_none(headers: str) -> None:
    """A miss, an age of nothing and what is no age say nothing against an answer."""
    with Wires(lambda c: c.answer(HEALTH, headers=f"{headers}\r\n")) as wires:
        assert hub_at(wires.url).trouble() == ""


def test_every_request_asks_for_the_hubs_own_answer() -> None:
    """A cache between must not answer for it."""
    heads: list[bytes] = []

    def handler(connection: Connection) -> None:
        heads.append(connection.head.lower())
        connection.answer(HEALTH)

    with Wires(handler) as wires:
        hub_at(wires.url).health()
    assert b"\r\ncache-control: no-cache\r\n" in heads[0] + b"\r\n"


def moving() -> dict[str, Any]:
    """Health with the present time."""
    return HEALTH | {"timestamp": dt.datetime.now(dt.UTC).isoformat()}


@pytest.mark.parametrize(("answer", "stands"), [(lambda: HEALTH, True), (moving, False), (dict, False)])
def test_a_time_that_stands_still_is_a_caches(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], dict[str, Any]],
    stands: bool,  # noqa: FBT001 - a table's column
) -> None:
    """The hub writes the time into each answer: the same one again, a while later, was kept by something in between."""
    monkeypatch.setattr(hub_module, "_ANEW", 0.0)
    with Wires(lambda c: c.answer({"state": "ready", "server_id": "mcp-hub"} | answer())) as wires:
        hub = hub_at(wires.url)
        assert hub.trouble() == ""
        assert hub.trouble() == ""  # the same answer, shared within an attempt
        hub.new_attempt()
        if stands:
            with pytest.raises(CouldNotLook, match="a cache answers in the hub's place"):
                hub.trouble()
        else:
            assert hub.trouble() == ""
