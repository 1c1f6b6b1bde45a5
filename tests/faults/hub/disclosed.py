"""Faults of what is given away: a key in every writing and at every place, and what only looks like one."""

from __future__ import annotations

import base64
import gzip
from typing import Any, Final

from tests.faults.hub.deployment import KNOWN_SECRET
from tests.faults.hub.model import Answer, Fault, How
from tests.faults.hub.words import FAILED, SECURITY, TOOLS, edit
from tests.session.canary.shapes import PUBLIC, SHAPES, drawn

_SHAPE: Final = SHAPES[0]
_RAW: Final = KNOWN_SECRET.encode()
_JSON: Final = b"HTTP/1.1 200 "
_REFUSED: Final = (
    '{"jsonrpc": "2.0", "id": {id}, "error": {"code": -32603, "message": "log in with ' + KNOWN_SECRET + '"}}'
)
_NOTED: Final = '{"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "' + KNOWN_SECRET + '"}}'
_ABLE: Final = (
    '{"jsonrpc": "2.0", "id": {id}, "result": {"protocolVersion": "2025-06-18", "serverInfo": {"name": "mcp-hub"}, '
    '"capabilities": {"prompts": {}, "resources": {}}, "instructions": "%s"}}'
)


def _wrapped(raw: bytes, width: int = 40) -> str:
    text = base64.b64encode(raw).decode()
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


_DESCRIBED: Final = (
    ("base64", "in base64", base64.b64encode(b"user:" + _RAW).decode()),
    ("base64url", "in base64 for URLs", base64.urlsafe_b64encode(b"a" + _RAW).decode().rstrip("=")),
    ("base64-over-lines", "in base64, broken over lines", _wrapped(b"-" * 40 + _RAW + b"-" * 20)),
    ("base64-twice", "in base64 of base64", base64.b64encode(base64.b64encode(_RAW)).decode()),
    ("gzip-in-base64", "packed, in base64", base64.b64encode(gzip.compress(_RAW, mtime=0)).decode()),
    ("hex", "in hexadecimal", _RAW.hex()),
    ("hex-with-colons", "in hexadecimal with colons", _RAW.hex(":")),
    ("hex-of-c", "as a program in C would write its bytes", ", ".join(f"0x{byte:02x}" for byte in _RAW)),
    ("percents", "with every character escaped for a URL", "".join(f"%{byte:02x}" for byte in _RAW)),
    ("json-escapes", "with every character escaped for JSON", "".join(f"\\u{byte:04x}" for byte in _RAW)),
    ("unseen-characters", "with characters between that nobody sees", "\u200b".join(KNOWN_SECRET)),
    ("soft-hyphens", "with soft hyphens", "\u00ad".join(KNOWN_SECRET)),
)
_SHAPED: Final = (
    ("base64", "in base64", base64.b64encode(_SHAPE.encode()).decode()),
    ("hex", "in hexadecimal", _SHAPE.encode().hex()),
    ("percents", "escaped for a URL", "".join(f"%{ord(one):02X}" for one in _SHAPE)),
    ("json-escapes", "escaped for JSON", "".join(f"\\u{ord(one):04x}" for one in _SHAPE)),
    ("entities", "in entities", "".join(f"&#{ord(one)};" for one in _SHAPE)),
    ("lines", "over two lines", f"{_SHAPE[:20]}\n{_SHAPE[20:]}"),
)


def _shown(name: str, sentence: str, how: How, word: str = "GET /api/tools") -> Fault:
    expected = {"api-discloses-no-secret": FAILED}
    return Fault(name=name, sentence=sentence, how=how, expected=expected, ends=SECURITY, words=(word,))


def _described(text: str) -> How:
    return How(edits=(edit(TOOLS, "tools.0.description", text),))


def _answer(**what: Any) -> How:
    return How(answers=(Answer(route=TOOLS, **what),))


_BESIDE: Final = "what agents are notified of, and lists of prompts and resources"
FAULTS = (
    *(
        _shown(f"key-in-{name}", f"A description holds a known value {how}.", _described(text))
        for name, how, text in _DESCRIBED
    ),
    *(
        _shown(f"token-in-{name}", f"A description holds an issued token {how}.", _described(text))
        for name, how, text in _SHAPED
    ),
    _shown(
        "key-in-the-reason-phrase",
        "The first line of an answer holds a known value.",
        _answer(raw=_JSON + _RAW + b"\r\nContent-Type: application/json\r\n\r\n{body}", listener="internal"),
        "the reason phrase",
    ),
    _shown(
        "key-as-a-header-in-other-case",
        "A header is called like a known value with its case turned.",
        _answer(headers=((KNOWN_SECRET.swapcase(), "1"),)),
    ),
    _shown(
        "key-in-the-second-of-two-headers",
        "The second of two headers of one name holds a known value.",
        _answer(headers=(("X-A", "1"), ("X-A", KNOWN_SECRET))),
    ),
    _shown(
        "key-in-a-cookie",
        "A cookie holds a known value.",
        _answer(headers=(("Set-Cookie", f"sid={KNOWN_SECRET}; Path=/"),)),
    ),
    _shown(
        "key-in-the-instructions",
        "What agents are told at first holds a known value.",
        How(rpc={"initialize": (_ABLE % KNOWN_SECRET,)}),
        "initialize",
    ),
    _shown(
        "key-in-a-notification",
        "A known value is notified before the list of tools.",
        How(rpc={"tools/list": (_NOTED, '{"jsonrpc": "2.0", "id": {id}, "result": {result}}')}),
        _BESIDE,
    ),
    *(
        _shown(
            f"key-in-{method.replace('/', '-')}",
            f"{method} is refused with a known value.",
            How(rpc={"initialize": (_ABLE % "",), method: (_REFUSED,)}),
            _BESIDE,
        )
        for method in ("prompts/list", "resources/list", "resources/templates/list")
    ),
    _shown(
        "key-in-a-prompt",
        "The description of a prompt holds a known value.",
        How(
            rpc={
                "initialize": (_ABLE % "",),
                "prompts/list": (
                    '{"jsonrpc": "2.0", "id": {id}, "result": {"prompts": [{"name": "' + KNOWN_SECRET + '"}]}}',
                ),
            }
        ),
        _BESIDE,
    ),
    Fault(
        name="public-keys-and-hashes",
        sentence="Descriptions hold public keys, certificates, hashes, ids and references, plain and in base64: none is a secret.",
        how=_described("\n".join((*drawn(PUBLIC), *(_wrapped(text.encode()) for text in drawn(PUBLIC))))),
    ),
    Fault(
        name="able-to-prompt",
        sentence="The server has prompts and resources, and refuses to list them in plain words.",
        how=How(rpc={"initialize": (_ABLE % "use me",)}),
    ),
)
