"""Faults of HTTP itself: how an answer is framed, packed and headed, and what looks odd there and is legal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.hub.model import Answer, Fault, How, When
from tests.faults.hub.words import HEALTH, NO_TOOLS, ONE_LOOK, TOOLS, UNKNOWN, UNPROVEN, VALIDATION, paced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.faults.hub.model import Ends

_JSON: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_WHOLE: Final = b"Content-Length: {length}\r\n\r\n{body}"
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


def _raw(raw: bytes, route: str = TOOLS) -> How:
    return How(answers=(Answer(route=route, raw=raw, listener="internal"),))


def _broken(
    expected: Mapping[str, str], rows: Iterable[tuple[str, str, bytes, str]], ends: Ends = VALIDATION
) -> tuple[Fault, ...]:
    """Faults of the list of tools, a row each: name, sentence, what is sent, and a word of the reason."""
    return tuple(
        Fault(name=name, sentence=sentence, how=_raw(raw), expected=expected, ends=ends, words=(word,))
        for name, sentence, raw, word in rows
    )


_LEGAL: Final = (
    (
        "chunk-extensions",
        "Chunks have extensions.",
        _JSON + _CHUNKED + b'\r\n{hex};name="value"\r\n{body}\r\n0;last\r\n\r\n',
    ),
    (
        "trailers",
        "Trailers follow the last chunk.",
        _JSON + _CHUNKED + b"Trailer: X-Checksum\r\n\r\n{chunk}0\r\nX-Checksum: 9f86d081\r\n\r\n",
    ),
    (
        "headers-in-lower-case",
        "All headers are in lower case.",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
    ),
    (
        "headers-in-upper-case",
        "All headers are in upper case.",
        b"HTTP/1.1 200 OK\r\nCONTENT-TYPE: APPLICATION/JSON\r\nCONTENT-LENGTH: {length}\r\n\r\n{body}",
    ),
    (
        "no-space-after-the-colon",
        "No header has a space after its colon.",
        b"HTTP/1.1 200 OK\r\nContent-Type:application/json\r\nContent-Length:{length}\r\n\r\n{body}",
    ),
    (
        "http-1-0",
        "The answer is in HTTP/1.0, and ends with its connection.",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}",
    ),
    ("no-reason-phrase", "The status has no reason phrase.", _JSON.replace(b"200 OK", b"200 ") + _WHOLE),
    (
        "odd-reason-phrase",
        "The reason phrase is in another language.",
        _JSON.replace(b"OK", b"In Ordnung \xe4\xf6") + _WHOLE,
    ),
    (
        "100-continue",
        "An interim answer comes first, though nobody waited for it.",
        b"HTTP/1.1 100 Continue\r\n\r\n" + _JSON + _WHOLE,
    ),
    (
        "early-hints",
        "Early hints come first, twice.",
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" * 2 + _JSON + _WHOLE,
    ),
    (
        "cookies",
        "Several cookies are set.",
        _JSON + b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\n" + _WHOLE,
    ),
    (
        "weak-etag",
        "The answer has a weak ETag, a date and a Vary.",
        _JSON + b'ETag: W/"1a-2b"\r\nDate: Tue, 01 Dec 2026 10:00:00 GMT\r\nVary: Accept-Encoding\r\n' + _WHOLE,
    ),
    (
        "content-type-with-parameters",
        "The content type has parameters.",
        _JSON.replace(b"json", b'json ; charset="UTF-8"; profile="x"') + _WHOLE,
    ),
    (
        "length-twice-the-same",
        "The same Content-Length is said twice.",
        _JSON + b"Content-Length: {length}\r\n" + _WHOLE,
    ),
    ("deflated", "The body is deflated.", _JSON + b"Content-Encoding: deflate\r\n\r\n{deflate}"),
    ("x-gzip", "The body is packed under gzip's old name.", _JSON + b"Content-Encoding: x-gzip\r\n\r\n{gzip}"),
    ("identity", "The body is said not to be packed.", _JSON + b"Content-Encoding: identity\r\n" + _WHOLE),
    ("age-of-nothing", "A cache asked the hub just now.", _JSON + b"Age: 0\r\nX-Cache: MISS\r\n" + _WHOLE),
    (
        "folded-header",
        "A header goes on in a second line, as once was usual.",
        _JSON + b"X-Odd: one\r\n two\r\n" + _WHOLE,
    ),
    (
        "deflated-bare",
        "The body is deflated without zlib's frame, as many servers do.",
        _JSON + b"Content-Encoding: deflate\r\n\r\n{bare-deflate}",
    ),
    (
        "gzip-in-members",
        "The packed body has two members.",
        _JSON + b"Content-Encoding: gzip\r\n\r\n{gzip}{gzip-nothing}",
    ),
)

_UNREAD: Final = NO_TOOLS | {"api-discloses-no-secret": UNKNOWN}
"""The same, where there is no body that could be searched."""
_SILENT: Final = dict.fromkeys(_UNREAD, UNKNOWN)

FAULTS = (
    *_broken(
        NO_TOOLS,
        (
            (
                "length-too-short",
                "A body is longer than its Content-Length.",
                _JSON + b"Content-Length: 40\r\n\r\n{body}",
                "no JSON",
            ),
            (
                "length-of-nothing",
                "A Content-Length of 0 stands before a whole body.",
                _JSON + b"Content-Length: 0\r\n\r\n{body}",
                "empty body",
            ),
            (
                "chunks-without-a-header",
                "Chunks come, and no header says so.",
                _JSON + b"\r\n{chunk}0\r\n\r\n",
                "no JSON",
            ),
            (
                "204-with-a-body",
                "204 says that there is no content, and some follows.",
                b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n" + _WHOLE,
                "empty body",
            ),
            (
                "304-unasked",
                "Nobody asked whether something changed, and 304 is the answer.",
                b"HTTP/1.1 304 Not Modified\r\nContent-Type: application/json\r\n\r\n",
                "304",
            ),
            (
                "206-unasked",
                "Half of the list comes as a part, and nobody asked for one.",
                b"HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\nContent-Range: bytes 0-9/99\r\n\r\n{half}",
                "no JSON",
            ),
            ("no-content-type", "The list has no content type.", b"HTTP/1.1 200 OK\r\n" + _WHOLE, "no content type"),
            (
                "two-content-types",
                "The list has two content types.",
                _JSON + b"Content-Type: text/html\r\n" + _WHOLE,
                "two content types",
            ),
            (
                "charset-utf16",
                "The list is announced and sent as UTF-16.",
                _JSON.replace(b"json", b"json; charset=utf-16") + b'\r\n\xff\xfe{\0"\0',
                "UTF-8",
            ),
        ),
    ),
    *_broken(
        _UNREAD,
        (
            (
                "length-too-long",
                "A body is ten bytes shorter than its Content-Length.",
                _JSON + b"Content-Length: 1{length}\r\n\r\n{body}",
                "the body ended",
            ),
            (
                "length-below-zero",
                "The Content-Length is negative.",
                _JSON + b"Content-Length: -5\r\n\r\n{body}",
                "bad Content-Length",
            ),
            (
                "length-twice",
                "Two Content-Lengths contradict each other.",
                _JSON + b"Content-Length: 7\r\n" + _WHOLE,
                "conflicting Content-Length",
            ),
            (
                "length-in-hex",
                "The Content-Length is written in hexadecimal.",
                _JSON + b"Content-Length: 0x400\r\n\r\n{body}",
                "bad Content-Length",
            ),
            (
                "length-and-sign",
                "The Content-Length has a plus sign.",
                _JSON + b"Content-Length: +{length}\r\n\r\n{body}",
                "bad Content-Length",
            ),
            (
                "chunk-too-long",
                "A chunk is shorter than it says.",
                _JSON + _CHUNKED + b"\r\nfffff\r\n{body}\r\n0\r\n\r\n",
                "the body ended",
            ),
            (
                "chunk-too-short",
                "A chunk is longer than it says.",
                _JSON + _CHUNKED + b"\r\n20\r\n{body}\r\n0\r\n\r\n",
                "the body ended",
            ),
            (
                "chunk-of-no-size",
                "A chunk's size is no number.",
                _JSON + _CHUNKED + b"\r\nzz\r\n{body}\r\n0\r\n\r\n",
                "the body ended",
            ),
            (
                "chunk-below-zero",
                "A chunk's size is negative.",
                _JSON + _CHUNKED + b"\r\n-5\r\n{body}\r\n0\r\n\r\n",
                "the body ended",
            ),
            (
                "no-last-chunk",
                "The connection ends before the last chunk.",
                _JSON + _CHUNKED + b"\r\n{chunk}",
                "the body ended",
            ),
            (
                "header-without-chunks",
                "A header says that chunks come, and none do.",
                _JSON + _CHUNKED + b"\r\n{body}",
                "the body ended",
            ),
            (
                "unknown-transfer-encoding",
                "The transfer encoding is one that nobody knows.",
                _JSON + b"Transfer-Encoding: snail\r\n\r\n{body}",
                "Transfer-Encoding",
            ),
            ("nul-in-a-header", "A header holds a NUL.", _JSON + b"X-Odd: a\0b\r\n" + _WHOLE, "illegal header"),
            (
                "space-before-the-colon",
                "A header's name ends in a space.",
                _JSON + b"X-Odd : 1\r\n" + _WHOLE,
                "illegal header",
            ),
            (
                "header-without-a-colon",
                "A line among the headers is none.",
                _JSON + b"what is this\r\n" + _WHOLE,
                "illegal header",
            ),
            (
                "headers-beyond-reason",
                "The headers are two megabytes long.",
                _JSON + b"X-Long: " + b"a" * 2_000_000 + b"\r\n" + _WHOLE,
                "too long",
            ),
            (
                "headers-without-number",
                "There are a hundred thousand headers.",
                _JSON + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)) + _WHOLE,
                "too long",
            ),
            (
                "status-of-two-digits",
                "The status has two digits.",
                _JSON.replace(b"200", b"20", 1) + _WHOLE,
                "illegal status",
            ),
            ("status-of-letters", "The status is a word.", _JSON.replace(b"200", b"yes", 1) + _WHOLE, "illegal status"),
            (
                "version-of-the-future",
                "The answer is in HTTP/3.7.",
                _JSON.replace(b"HTTP/1.1", b"HTTP/3.7", 1) + _WHOLE,
                "HTTP/3.7",
            ),
            (
                "switched-unasked",
                "The answer switches to a protocol that nobody asked for.",
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                "does not answer in HTTP",
            ),
            (
                "gzip-that-is-none",
                "A body is announced as gzip, and is plain.",
                _JSON + b"Content-Encoding: gzip\r\n" + _WHOLE,
                "broken gzip",
            ),
            (
                "gzip-cut-off",
                "A packed body lacks its end.",
                _JSON + b"Content-Encoding: gzip\r\n\r\n{cut-gzip}",
                "cut off",
            ),
            (
                "gzip-with-more",
                "Behind a packed body stands another one, unpacked.",
                _JSON + b"Content-Encoding: gzip\r\n\r\n{gzip}{body}",
                "behind its end",
            ),
            (
                "deflate-that-is-none",
                "A body is announced as deflate, and is plain.",
                _JSON + b"Content-Encoding: deflate\r\n" + _WHOLE,
                "broken deflate",
            ),
            (
                "brotli-unasked",
                "A body is packed in a way that nobody asked for.",
                _JSON + b"Content-Encoding: br\r\n" + _WHOLE,
                "'br'",
            ),
            (
                "packed-twice",
                "A body is said to be packed twice.",
                _JSON + b"Content-Encoding: gzip, gzip\r\n\r\n{gzip}",
                "gzip, gzip",
            ),
        ),
    ),
    *_broken(
        _SILENT,
        (
            ("version-of-the-past", "The answer is in HTTP/0.9: a body and no head.", b"{body}", "broke"),
            (
                "never-more-than-interim",
                "An interim answer is all that comes.",
                b"HTTP/1.1 103 Early Hints\r\n\r\n",
                "broke",
            ),
        ),
        ends=UNPROVEN,
    ),
    Fault(
        name="interim-answers-for-ever",
        sentence="Interim answers come without an end, and never the real one.",
        how=How(answers=(paced(TOOLS, "interim"),)),
        site=ONE_LOOK,
        expected=_SILENT,
        ends=UNPROVEN,
        words=("no complete answer",),
    ),
    Fault(
        name="reset-in-the-body",
        sentence="Each connection is reset after half of a body.",
        how=How(answers=(paced(TOOLS, "reset-body"),)),
        expected=_SILENT,
        ends=UNPROVEN,
        words=("broke",),
    ),
    *(Fault(name=name, sentence=sentence, how=_raw(raw)) for name, sentence, raw in _LEGAL),
    Fault(
        name="in-single-bytes",
        sentence="Each byte of an answer comes in a segment of its own.",
        how=How(answers=(paced(TOOLS, "bytes"), paced(HEALTH, "bytes", when=When(until=1)))),
    ),
    Fault(
        name="one-reset-in-the-body",
        sentence="One connection is reset after half of a body, and the next one works.",
        how=How(answers=(paced(TOOLS, "reset-body", when=When(until=1)),)),
    ),
)
