"""An address that is nearly right: the sentence says what stands there instead, and how the address must read."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from readiness.errors import Unknown
from tests.facts.hub.test_hub import hub_at, replay
from tests.helpers.odd_proxy import OddProxy
from tests.helpers.wires import Connection, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

TO_TLS = b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"


@pytest.mark.parametrize(
    ("answer", "path", "words"),
    [
        (lambda c: c.answer(b"no", status=404, kind="text/plain"), "", "something answers there, and it is no MCP Hub"),
        (lambda c: c.answer({"name": "grafana"}), "", "something answers there, and it is no MCP Hub"),
        (lambda c: c.answer(TO_TLS, status=400, kind="text/html"), "", "the address must begin with https://"),
        (
            lambda c: c.send(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"),
            "",
            "it speaks TLS: the address must begin with https://",
        ),
        (
            lambda c: c.answer(b"no", status=404, kind="text/html"),
            "/api",
            "the address ends in /api, which is the hub's own path: give it without",
        ),
        (
            lambda c: c.answer(b"no", status=404, kind="text/html"),
            "/mcp/",
            "the address ends in /mcp, which is the hub's own path: give it without",
        ),
    ],
)
def test_what_answers_is_no_hub(answer: Callable[[Connection], None], path: str, words: str) -> None:
    """Another service, a port that wants TLS, and the path of a route in the address are told apart."""
    with Wires(answer) as wires:
        assert words in hub_at(wires.url + path).trouble()


def test_tls_against_a_plain_port_is_told() -> None:
    """It may be our address that is wrong, so it is unknown, with the mistake in words."""
    with OddProxy("http://127.0.0.1:9") as server, pytest.raises(Unknown, match="the address must begin with http://"):
        hub_at(server.url.replace("http:", "https:")).trouble()


def test_plain_http_against_a_real_tls_port_is_told() -> None:
    """The alert that a TLS server sends back is recognised, or the connection just ends: never a hub."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Wires(replay("4.3.0"), tls=context) as wires:
        assert hub_at(wires.url.replace("https:", "http:")).trouble()
