"""JSON is read strictly: what is not standard is a proven-bad answer, told in one sentence."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.facts.http.answer import BadAnswer, BeyondLimit, HttpAnswer, ServerSentEvent, events, strict_json


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\uDFFF": 1}', "lone surrogate"),
        (b'{"a": "\xff"}', "invalid UTF-8 at byte 7"),
        (b'{"a": [1, 2', "cut off"),
        (b'{"a": "un', "cut off"),
        (b"<html></html>", "no JSON"),
        (b"", "empty body"),
        (b"[" * 200_000, "nested beyond"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no standard JSON"),
    ],
    ids=range(11),
)
def test_what_is_not_standard_json_is_refused(body: bytes, words: str) -> None:
    """Each kind is named."""
    with pytest.raises(BadAnswer, match=words):
        strict_json(body, "GET /x")


def test_standard_json_passes() -> None:
    """Escaped pairs, big numbers and every type are fine."""
    assert strict_json(b'{"a": "\\ud83d\\ude00", "b": [1e300, null, true]}', "x") == {
        "a": "😀",
        "b": [1e300, None, True],
    }


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_value_or_a_bad_answer(body: bytes) -> None:
    """No input makes it raise anything else."""
    try:
        value = strict_json(body, "GET /x")
    except BadAnswer:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_html_under_a_json_route_is_named() -> None:
    """The media type decides before the body is looked at; parameters do not matter."""
    page = HttpAnswer(
        method="GET", url="http://h/api/health", status=200, headers={"content-type": "text/html"}, body=b"{}"
    )
    with pytest.raises(BadAnswer, match="GET /api/health answered text/html"):
        page.json()
    good = HttpAnswer(
        method="GET",
        url="http://h/",
        status=200,
        headers={"content-type": "Application/JSON; charset=utf-8"},
        body=b"[]",
    )
    assert good.json() == []
    with pytest.raises(BadAnswer, match="array, expected an object"):
        good.json_object()


def test_events_are_read_across_chunks() -> None:
    """Boundaries of chunks, CRLF, comments and several data lines do not disturb."""
    text = b": hello\r\nevent: log\r\ndata: one\r\ndata: two\r\n\r\nid: 4\r\ndata: three\r\n\r\ndata: unfinished"
    for size in (1, 2, 3, 7, 1000):
        chunks = [text[i : i + size] for i in range(0, len(text), size)]
        assert list(events(chunks)) == [
            ServerSentEvent(name="log", data="one\ntwo"),
            ServerSentEvent(name="message", data="three"),
        ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_legal_stream_is_read(end: bytes) -> None:
    """A byte order mark and every line's end that WHATWG knows, wherever the chunks are cut; an event is read when its last byte is there."""
    text = codecs.BOM_UTF8 + b"data: one" + end + b"data: two" + end + end + b"data: three" + end + end
    for size in (1, 2, 3, 7, 1000):
        chunks = [text[i : i + size] for i in range(0, len(text), size)]
        assert [event.data for event in events(chunks)] == ["one\ntwo", "three"]


@pytest.mark.parametrize("endless", [b"x" * 65536, b"data: " + b"x" * 64 + b"\n"])
def test_an_endless_event_is_refused(endless: bytes) -> None:
    """Neither a line nor an event grows beyond the limit."""
    with pytest.raises(BeyondLimit, match="larger than"):
        list(events([endless] * 400_000))


def test_one_key_says_one_thing() -> None:
    """A key that stands twice with one value is odd and harmless; with two values each reader takes another."""
    assert strict_json(b'{"a": 1, "a": 1, "b": {"c": [], "c": []}}', "x") == {"a": 1, "b": {"c": []}}
    for text in (b'{"state": "error", "state": "ready"}', b'[{"a": {"b": 1, "b": "1"}}]', b'{"a": 1, "a": 2, "a": 1}'):
        with pytest.raises(BadAnswer, match="says two things under one key, '"):
            strict_json(text, "x")
