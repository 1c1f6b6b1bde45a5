"""Faults of events and of MCP's messages, one by one, and what looks odd there and is legal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.hub.model import Fault, How
from tests.faults.hub.words import FAILED, ONE_LOOK, VALIDATION, WATCHED

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVENTS: Final = {"events-stream": FAILED}
_ENDPOINT: Final = {"mcp-endpoint-answers": FAILED}
_GOOD: Final = '{"jsonrpc": "2.0", "id": {id}, "result": {result}}'
_NOTE: Final = '{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "well"}}'
_ASKED: Final = '{"jsonrpc": "2.0", "id": {id}, "method": "roots/list"}'
_OTHER: Final = '{"jsonrpc": "2.0", "id": 41, "result": {"content": [{"type": "text", "text": "of another"}]}}'

_WRONG_EVENTS: Final = (
    ("state-under-no-name", "The state comes as an event without a name.", b"data: {state}\n\n", "hub_state"),
    (
        "state-under-another-name",
        "The event's name has another case.",
        b"event: HUB_STATE\ndata: {state}\n\n",
        "hub_state",
    ),
    ("state-that-never-ends", "No empty line ends the event.", b"event: hub_state\ndata: {state}\n", "hub_state"),
    (
        "state-in-a-comment",
        "The state stands in comments alone.",
        b": event: hub_state\n: data: {state}\n\n",
        "hub_state",
    ),
    ("only-comments", "Nothing comes but comments that keep the stream open.", b": ping\n\n" * 50, "hub_state"),
    ("state-without-data", "The event has a name and no data.", b"event: hub_state\n\n", "hub_state"),
    ("state-of-an-empty-text", "The event's data is empty.", b"event: hub_state\ndata:\n\n", "hub_state"),
    ("state-that-is-a-list", "The state is a list.", b'event: hub_state\ndata: ["ready"]\n\n', "hub_state"),
    ("state-that-is-null", "The state is null.", b"event: hub_state\ndata: null\n\n", "hub_state"),
    (
        "state-said-twice",
        "The state says two things under one key.",
        b'event: hub_state\ndata: {"state": "error", "state": "ready", "pid": 1}\n\n',
        "two things under one key",
    ),
    (
        "state-with-more-behind",
        "Something stands behind the state.",
        b"event: hub_state\ndata: {state} and more\n\n",
        "hub_state",
    ),
    ("state-in-wrong-bytes", "The state is no UTF-8.", b'event: hub_state\ndata: {"state": "\xff"\n\n', "hub_state"),
    (
        "states-field-indented",
        "The fields' names begin with a space.",
        b" event: hub_state\n data: {state}\n\n",
        "hub_state",
    ),
)
_LEGAL_EVENTS: Final = (
    (
        "events-behind-a-mark",
        "The stream begins with a byte order mark.",
        b"\xef\xbb\xbfevent: hub_state\ndata: {state}\n\n",
    ),
    ("events-in-bare-returns", "Lines end with a carriage return.", b"event: hub_state\rdata: {state}\r\r"),
    ("events-in-both-ends", "Lines end with CR and LF.", b"event: hub_state\r\ndata: {state}\r\n\r\n"),
    ("events-in-mixed-ends", "Lines end in all three ways.", b": hello\r\revent: hub_state\r\ndata: {state}\n\r\n"),
    (
        "events-with-comments",
        "Comments stand between and in events.",
        b": one\n\nevent: hub_state\n: two\ndata: {state}\n\n",
    ),
    (
        "events-with-ids-and-retries",
        "Events have ids and say when to come again.",
        b"retry: 3000\n\nid: 7\nevent: hub_state\nretry: 10\ndata: {state}\n\n",
    ),
    ("events-without-a-space", "No space follows the colons.", b"event:hub_state\ndata:{state}\n\n"),
    (
        "events-with-unknown-fields",
        "An event has a field that nobody knows.",
        b"event: hub_state\ncolour: green\nodd\ndata: {state}\n\n",
    ),
    ("data-before-its-name", "The data stands before the event's name.", b"data: {state}\nevent: hub_state\n\n"),
    (
        "state-over-lines",
        "The state is spread over lines of data.",
        b"event: hub_state\ndata:\ndata: {state}\ndata:\n\n",
    ),
    (
        "state-behind-others",
        "Fifty other events come first.",
        b'event: log\ndata: [{"type": "info"}]\n\n' * 50 + b"event: hub_state\ndata: {state}\n\n",
    ),
)

_WRONG_ANSWERS: Final = (
    # name, sentence, method, what is said, a word of the reason
    (
        "id-of-a-text",
        "A response's id is the request's as a text.",
        "initialize",
        ('{"jsonrpc": "2.0", "id": "{id}", "result": {result}}',),
        "response",
    ),
    (
        "id-of-true",
        "A response's id is true, which some languages take for 1.",
        "initialize",
        ('{"jsonrpc": "2.0", "id": true, "result": {result}}',),
        "response",
    ),
    (
        "id-of-null",
        "A response's id is null.",
        "ping",
        ('{"jsonrpc": "2.0", "id": null, "result": {result}}',),
        "response",
    ),
    ("id-left-out", "A response has no id.", "ping", ('{"jsonrpc": "2.0", "result": {result}}',), "response"),
    (
        "id-in-a-list",
        "A response's id stands in a list.",
        "ping",
        ('{"jsonrpc": "2.0", "id": [{id}], "result": {result}}',),
        "response",
    ),
    (
        "id-of-the-one-before",
        "ping is answered under the id of the request before it.",
        "ping",
        ('{"jsonrpc": "2.0", "id": 1, "result": {result}}',),
        "response",
    ),
    (
        "no-version",
        "A response does not say that it is JSON-RPC.",
        "initialize",
        ('{"id": {id}, "result": {result}}',),
        "JSON-RPC",
    ),
    (
        "version-1",
        "A response is in JSON-RPC 1.0.",
        "initialize",
        ('{"jsonrpc": "1.0", "id": {id}, "result": {result}}',),
        "JSON-RPC",
    ),
    (
        "version-of-a-number",
        "The version is a number.",
        "ping",
        ('{"jsonrpc": 2.0, "id": {id}, "result": {result}}',),
        "JSON-RPC",
    ),
    (
        "result-and-error",
        "A response has a result and an error.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "result": {result}, "error": {"code": -1, "message": "but"}}',),
        "both a result",
    ),
    (
        "result-and-error-of-null",
        "A response has no result, and an error of null.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "error": null}',),
        "error",
    ),
    (
        "neither-result-nor-error",
        "A response has neither a result nor an error.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}}',),
        "no result",
    ),
    (
        "result-of-a-text",
        "A result is a text.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "result": "pong"}',),
        "no result",
    ),
    (
        "result-of-a-list",
        "A result is a list.",
        "initialize",
        ('{"jsonrpc": "2.0", "id": {id}, "result": []}',),
        "no result",
    ),
    ("result-of-null", "A result is null.", "ping", ('{"jsonrpc": "2.0", "id": {id}, "result": null}',), "no result"),
    (
        "error-of-a-text",
        "An error is a text.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "error": "broken"}',),
        "broken",
    ),
    (
        "batch",
        "A response comes in a batch, which this protocol has no longer.",
        "initialize",
        (f"[{_GOOD}]",),
        "response",
    ),
    (
        "result-said-twice",
        "A response says two things under one key.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "result": {"a": 1}, "result": {}}',),
        "two things under one key",
    ),
    ("answered-and-more", "Something stands behind a response.", "ping", (f"{_GOOD} ok",), "JSON"),
    ("answered-nan", "A response holds NaN.", "ping", ('{"jsonrpc": "2.0", "id": {id}, "result": {"a": NaN}}',), "NaN"),
    (
        "answered-half-a-character",
        "A response holds half of a character.",
        "ping",
        ('{"jsonrpc": "2.0", "id": {id}, "result": {"a": "\\ud800"}}',),
        "surrogate",
    ),
    (
        "protocol-of-a-number",
        "The protocol's version is a number.",
        "initialize",
        (
            '{"jsonrpc": "2.0", "id": {id}, "result": {"protocolVersion": 2025, "serverInfo": {"name": "x", "version": "1"}, "capabilities": {}}}',
        ),
        "protocolVersion",
    ),
    (
        "server-of-a-text",
        "Who serves is a text.",
        "initialize",
        (
            '{"jsonrpc": "2.0", "id": {id}, "result": {"protocolVersion": "2025-06-18", "serverInfo": "x", "capabilities": {}}}',
        ),
        "serverInfo",
    ),
)
_STREAM_ANSWERS: Final = (
    ("answered-twice", "A request is answered twice.", "initialize", (_GOOD, _GOOD), "twice"),
    (
        "answered-first-for-another",
        "The answer to another's request comes before the own one.",
        "ping",
        (_OTHER, _GOOD),
        "never sent",
    ),
    (
        "answered-then-for-another",
        "The answer to another's request comes after the own one.",
        "initialize",
        (_GOOD, _OTHER),
        "never sent",
    ),
)
_LEGAL_ANSWERS: Final = (
    ("notified-before-the-answer", "Notifications come before the answer.", {"ping": (_NOTE, _NOTE, _GOOD)}),
    (
        "notified-a-thousand-times",
        "A thousand notifications come before the answer.",
        {"ping": (*[_NOTE] * 1_000, _GOOD)},
    ),
    (
        "asked-before-the-answer",
        "The server asks something under the same id before it answers.",
        {"ping": (_ASKED, _GOOD)},
    ),
    (
        "answered-with-more",
        "A response has fields that nobody knows.",
        {"ping": ('{"jsonrpc": "2.0", "id": {id}, "result": {"_meta": {"a": 1}}, "trace": "x"}',)},
    ),
    (
        "answered-over-lines",
        "A response is written over lines.",
        {"ping": ('{"jsonrpc": "2.0",\ndata: "id": {id},\ndata: "result": {result}}',)},
    ),
)
_SSE: Final = "event: message\ndata: {data}\n\n"


def _answering(
    rows: Iterable[tuple[str, str, str, tuple[str, ...], str]], kinds: Iterable[tuple[str, str]]
) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            name=f"{prefix}-{name}",
            sentence=sentence,
            how=How(transport=transport, rpc={method: said}, framing=framing),
            site=ONE_LOOK,
            expected=_ENDPOINT,
            ends=VALIDATION,
            words=(word,),
        )
        for prefix, transport, framing in kinds
        for name, sentence, method, said, word in rows
    )


FAULTS = (
    *(
        Fault(
            name=f"event-{name}",
            sentence=sentence,
            how=How(stream=stream),
            site=ONE_LOOK,
            expected=_EVENTS,
            ends=WATCHED,
            words=(word,),
        )
        for name, sentence, stream, word in _WRONG_EVENTS
    ),
    *_answering(_WRONG_ANSWERS, (("rpc", "streamable", ""),)),
    *_answering(_WRONG_ANSWERS[::5], (("legacy-rpc", "legacy", ""), ("streamed-rpc", "streamable", _SSE))),
    *_answering(_STREAM_ANSWERS, (("legacy-rpc", "legacy", ""), ("streamed-rpc", "streamable", _SSE))),
    *(
        Fault(
            name=f"mcp-{name}",
            sentence=sentence,
            how=How(**how),
            site=ONE_LOOK,
            expected=_ENDPOINT,
            ends=VALIDATION,
            words=(word,),
        )
        for name, sentence, how, word in (
            (
                "event-never-ends",
                "The answer's event is not ended by an empty line.",
                {"transport": "streamable", "framing": "event: message\ndata: {data}\n"},
                "without its response",
            ),
            (
                "event-in-a-comment",
                "The answer stands in a comment.",
                {"transport": "streamable", "framing": ": {data}\n\n"},
                "without its response",
            ),
            (
                "event-without-data",
                "The answer's event has no data.",
                {"transport": "streamable", "framing": "event: message\n\n"},
                "without its response",
            ),
            (
                "endpoint-under-another-name",
                "The stream's first event is called otherwise.",
                {"endpoint": "event: address\ndata: {path}\n\n"},
                "announces no endpoint",
            ),
            (
                "endpoint-of-nothing",
                "The endpoint that is announced is empty.",
                {"endpoint": "event: endpoint\ndata:\n\n"},
                "endpoint",
            ),
            (
                "endpoint-elsewhere",
                "The endpoint that is announced is another path's.",
                {"endpoint": "event: endpoint\ndata: /nowhere\n\n"},
                "404",
            ),
            (
                "endpoint-of-a-script",
                "The endpoint that is announced is no address of HTTP.",
                {"endpoint": "event: endpoint\ndata: javascript:alert(1)\n\n"},
                "endpoint",
            ),
            (
                "endpoint-of-another-session",
                "The endpoint that is announced is of a session that is over.",
                {"endpoint": "event: endpoint\ndata: /messages?sessionId=0123\n\n"},
                "404",
            ),
            (
                "endpoint-on-another-port",
                "The endpoint that is announced is on another port.",
                {"endpoint": "event: endpoint\ndata: http://127.0.0.1:9{path}\n\n"},
                "another host",
            ),
        )
    ),
    *(Fault(name=name, sentence=sentence, how=How(stream=stream)) for name, sentence, stream in _LEGAL_EVENTS),
    *(Fault(name=name, sentence=sentence, how=How(rpc=said)) for name, sentence, said in _LEGAL_ANSWERS),
    *(
        Fault(name=f"{name}-streamed", sentence=sentence, how=How(transport="streamable", framing=_SSE, rpc=said))
        for name, sentence, said in _LEGAL_ANSWERS
    ),
    *(
        Fault(name=f"mcp-{name}", sentence=sentence, how=How(**how))
        for name, sentence, how in (
            (
                "in-bare-returns",
                "The lines of MCP's stream end with a carriage return.",
                {"transport": "streamable", "framing": "\ufeffid: 1\rdata: {data}\r\r"},
            ),
            (
                "in-both-ends",
                "The lines of MCP's stream end with CR and LF, comments between them.",
                {"framing": ": ping\r\n\r\nevent: message\r\ndata: {data}\r\n\r\n"},
            ),
            (
                "endpoint-behind-comments",
                "Comments and a hint come before the endpoint.",
                {"endpoint": "\ufeff: hello\n\nretry: 10\n\nevent: endpoint\r\ndata:{path}\r\n\r\n"},
            ),
        )
    ),
)
