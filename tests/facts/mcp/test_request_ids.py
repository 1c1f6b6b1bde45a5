"""Whose request an answer belongs to is seen on the wire."""

from __future__ import annotations

from typing import Any

import mcp_types
import pytest
from mcp.shared.message import SessionMessage

from readiness.facts.mcp.request_ids import RequestIds, StrayAnswers


def request(ids: RequestIds, number: object) -> Any:
    """The id under which a request of the SDK's goes out."""
    message = mcp_types.JSONRPCRequest(jsonrpc="2.0", id=number, method="ping")  # type: ignore[arg-type]
    return ids.outgoing(SessionMessage(message)).message.id  # type: ignore[union-attr]


def answer(ids: RequestIds, number: object) -> Any:
    """The id under which the SDK sees an answer."""
    message = mcp_types.JSONRPCResponse(jsonrpc="2.0", id=number, result={})  # type: ignore[arg-type]
    return ids.incoming(SessionMessage(message)).message.id  # type: ignore[union-attr]


def test_two_sessions_never_ask_under_one_id() -> None:
    """The SDK counts from 0 in each session; on the wire no id is used twice, and each answer gets the SDK's id back."""
    strays = StrayAnswers()
    one, two = RequestIds(strays), RequestIds(strays)
    asked = [request(ids, number) for ids in (one, two) for number in range(5)]
    assert len(set(asked)) == 10
    assert max(asked) < 2**31
    assert [answer(one, number) for number in asked[:5]] == [0, 1, 2, 3, 4]
    assert answer(two, str(asked[7])) == 2
    assert strays.sentences == []


@pytest.mark.parametrize("number", [987654321, "x-1", -4])
def test_an_answer_that_nobody_asked_for_is_a_stray(number: object) -> None:
    """It is noted with its id; it reaches the SDK as it is."""
    strays = StrayAnswers()
    ids = RequestIds(strays)
    request(ids, 0)
    assert answer(ids, number) == number
    assert strays.sentences == [f"session 1 was sent the answer to request {number}, which it never made"]


def test_an_answer_to_another_session_is_told_as_its() -> None:
    """Both sessions are named; a late or repeated answer to a session's own request is none."""
    strays = StrayAnswers()
    one, two = RequestIds(strays), RequestIds(strays)
    number = request(one, 0)
    answer(two, number)
    assert strays.sentences == ["session 2 was sent the answer to a request of session 1"]
    for _ in range(2):
        assert answer(one, number) == 0
    assert len(strays.sentences) == 1


def test_what_was_sent_past_the_sdk_and_errors_without_an_id_are_no_strays() -> None:
    """Requests of our own that the SDK knows nothing of, and errors about what could not be read."""
    strays = StrayAnswers()
    ids = RequestIds(strays)
    answer(ids, "readiness-1024")
    error = mcp_types.JSONRPCError(jsonrpc="2.0", id=None, error=mcp_types.ErrorData(code=-32700, message="no JSON"))
    ids.incoming(SessionMessage(error))
    assert strays.sentences == []


def test_what_is_cancelled_is_named_as_it_was_asked() -> None:
    """A cancellation bears the id on the wire, not the SDK's."""
    ids = RequestIds(StrayAnswers())
    number = request(ids, 0)
    cancel = mcp_types.JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params={"requestId": 0})
    assert ids.outgoing(SessionMessage(cancel)).message.params == {"requestId": number}  # type: ignore[union-attr]
