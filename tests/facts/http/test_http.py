"""The transport: bounded in time and size, verified, paced, and clear about what it could not see."""

from __future__ import annotations

import datetime as dt
import gzip
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.http.answer import BadAnswer, BeyondLimit, TimedOut
from readiness.facts.http.client import HttpTransport, TransportSettings, token_of
from readiness.facts.http.urls import is_loopback, same_host, same_place
from tests.helpers.wires import Connection, Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIMEOUT = 0.4


def transport(url: str, **settings: Any) -> HttpTransport:
    """A transport that gives up quickly."""
    return HttpTransport(TransportSettings(**{"base": url, "timeout": TIMEOUT, **settings}))


def asked(handler: Callable[[Connection], object], path: str = "/x") -> HttpTransport:
    """Ask `path` of a server with this handler."""
    with Wires(handler) as wires:
        asking = transport(wires.url)
        asking.get(path)
        return asking


def test_a_good_answer_is_returned_as_it_is() -> None:
    """Status, headers in lower case, body and time come through, and the connection is kept."""
    with Wires(lambda c: c.answer({"a": 1}, headers="X-Thing: Yes\r\n")) as wires:
        asking = transport(wires.url)
        answers = [asking.get("/x") for _ in range(3)]
    assert answers[0].json_object() == {"a": 1}
    assert answers[0].headers["x-thing"] == "Yes"
    assert 0 < answers[0].seconds < TIMEOUT
    assert [attempt.ended for attempt in asking.attempts] == ["200"] * 3


@pytest.mark.parametrize(
    ("name", "handler"),
    [
        ("silent", lambda c: c.stop.wait(5)),
        ("slow headers", lambda c: c.drip(b"HTTP/1.1 200 OK\r\n" + b"x-filler: y\r\n" * 50)),
        ("slow body", lambda c: (c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n"), c.drip(b"x" * 900))),
        ("announced more", lambda c: (c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), c.stop.wait(5))),
    ],
)
def test_whatever_drips_is_ended_by_the_total_deadline(name: str, handler: Callable[[Connection], object]) -> None:
    """The time-out is a total: neither headers nor a body that come byte by byte extend it."""
    started = time.monotonic()
    with pytest.raises(TimedOut, match="no complete answer"):
        asked(handler)
    assert time.monotonic() - started < TIMEOUT + 10, name


def test_an_endless_body_ends_at_the_limit() -> None:
    """A body that never stops is cut off by its size, quickly."""

    def endless(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while not connection.stop.is_set():
            connection.send(chunk)

    with Wires(endless) as wires, pytest.raises(BadAnswer, match="larger than 65536 KB, and goes on"):
        transport(wires.url, timeout=5.0).get("/x")


def test_a_body_that_is_larger_than_is_kept_proves_nothing() -> None:
    """Nine megabytes that end are a limit of ours, not a fault of the hub."""
    with (
        Wires(lambda connection: connection.answer(b"x" * 9 * 1024 * 1024)) as wires,
        pytest.raises(BeyondLimit, match=r"GET /x: the body is larger than the 8192 KB that are read of it") as caught,
    ):
        transport(wires.url, timeout=10.0).get("/x")
    assert not isinstance(caught.value, BadAnswer)


def test_a_packed_body_is_unpacked_within_the_limit() -> None:
    """Packing that nobody asked for is undone, and a bomb is refused."""
    small, bomb = gzip.compress(b'{"a": 1}'), gzip.compress(b"0" * 9 * 1024 * 1024)

    def packed(connection: Connection) -> None:
        connection.answer(bomb if connection.path == "/bomb" else small, headers="Content-Encoding: gzip\r\n")

    with Wires(packed) as wires:
        asking = transport(wires.url, timeout=5.0)
        assert asking.get("/small").json() == {"a": 1}
        with pytest.raises(BeyondLimit, match="unpacked body is larger"):
            asking.get("/bomb")


def test_a_refused_connection_proves_the_hub_down() -> None:
    """Nothing listens: the one fact that is proof by itself."""
    with pytest.raises(HubDown, match="refused"):
        transport(f"http://127.0.0.1:{free_port()}").get("/x")


def test_a_broken_connection_is_tried_again_and_recorded() -> None:
    """Two resets and an answer: the answer counts, the retries are told."""
    retries: list[str] = []
    with Wires(lambda c: c.answer({}) if c.number == 3 else c.reset()) as wires:
        asking = transport(wires.url)
        asking.on_retry = retries.append
        assert asking.get("/x").status == 200
    assert len(retries) == 2
    assert [attempt.ended == "200" for attempt in asking.attempts] == [False, False, True]


@pytest.mark.parametrize("end", [Connection.reset, lambda c: c.sock.close()])
def test_a_connection_that_always_breaks_here_is_no_answer(end: Callable[[Connection], object]) -> None:
    """On this host nothing stands between: three broken connections are the hub's."""
    with Wires(end) as wires, pytest.raises(TimedOut, match="3 times"):
        transport(wires.url, timeout=2.0).get("/x")
    assert len(wires.requests) == 3


def test_a_post_is_never_repeated() -> None:
    """What may have an effect is sent once."""
    with Wires(Connection.reset) as wires, pytest.raises(CouldNotLook):
        transport(wires.url).post("/x", json={})
    assert wires.requests == ["POST /x"]


def test_a_cut_body_is_a_bad_answer() -> None:
    """A body that ends before it is complete is the server's doing."""

    def cut(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
        connection.sock.close()

    with pytest.raises(BadAnswer, match="before it was complete"):
        asked(cut)


def test_something_that_is_not_http_is_a_bad_answer() -> None:
    """Another program on the port is told apart from a hub that is down."""
    with pytest.raises(BadAnswer, match="does not answer in HTTP"):
        asked(lambda c: c.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))


def test_redirects_on_the_same_host_are_followed() -> None:
    """One hop on the host is taken."""
    hop = "Location: /there\r\n"
    with Wires(
        lambda c: c.answer({"at": c.path}) if c.path == "/there" else c.answer(status=302, headers=hop)
    ) as wires:
        assert transport(wires.url).get("/here").json() == {"at": "/there"}


def test_a_redirect_loop_is_a_bad_answer() -> None:
    """Four hops and still no answer: nobody will get one."""
    with pytest.raises(BadAnswer, match="loop"):
        asked(lambda c: c.answer(status=302, headers="Location: /x\r\n"))


def test_a_redirect_to_another_host_is_reported_and_not_followed() -> None:
    """Neither request nor token leaves the host, another port included."""
    with Wires(lambda c: c.answer({})) as other:
        place = f"{other.url}/x"
        with Wires(lambda c: c.answer(status=302, headers=f"Location: {place}\r\n")) as wires:
            assert transport(wires.url, token="t" * 20).get("/x").redirect == place
        assert other.requests == []


def test_the_token_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header carries it; no repr and no error does."""
    monkeypatch.setenv("A_TOKEN", "s3cr3t-value-of-the-token")
    token = token_of("A_TOKEN")
    heads: list[bytes] = []

    def keep(connection: Connection) -> None:
        heads.append(connection.head)
        connection.reset()

    with Wires(keep) as wires:
        asking = transport(wires.url, token=token)
        with pytest.raises(CouldNotLook) as error:
            asking.get("/x")
    assert b"authorization: Bearer s3cr3t-value-of-the-token" in heads[0]
    shown = f"{error.value!r} {asking!r} {asking.settings!r} {list(asking.attempts)!r}"
    assert "s3cr3t" not in shown
    with pytest.raises(Unknown, match="NOT_SET_HERE"):
        token_of("NOT_SET_HERE")


def test_a_name_that_does_not_resolve_is_not_the_hubs_fault() -> None:
    """The runner's resolver may be at fault: could not look, and no HubDown."""
    with pytest.raises(CouldNotLook) as error:
        transport("http://no-such-name.invalid").get("/x")
    assert not isinstance(error.value, HubDown)
    assert "no-such-name.invalid" in str(error.value)


def test_requests_are_paced() -> None:
    """A rate of 50 a second takes at least four gaps for five requests."""
    with Wires(lambda c: c.answer({})) as wires:
        asking = transport(wires.url, rate=50.0)
        started = time.monotonic()
        for _ in range(5):
            asking.get("/x")
    assert time.monotonic() - started >= 4 / 50


def test_a_deadline_holds_for_everything_inside() -> None:
    """The nearer of two deadlines ends a request, and the outer one is back afterwards."""
    with Wires(lambda c: c.stop.wait(5) if c.path == "/slow" else c.answer({})) as wires:
        asking = transport(wires.url, timeout=5.0)
        started = time.monotonic()
        with pytest.raises(TimedOut), asking.within(0.2):
            asking.get("/slow")
        assert time.monotonic() - started < 4
        assert asking.get("/fast").status == 200


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that the system does not know."""
    return trustme.CA()


def _tls(authority: trustme.CA, name: str, **dates: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **dates).configure_cert(context)
    return context


@pytest.mark.parametrize(
    "case",
    [
        ("127.0.0.1", {}, True, None),
        ("127.0.0.1", {}, False, "not trusted"),
        ("other.example", {}, True, "another address"),
        ("127.0.0.1", {"expired": True}, True, "expired"),
    ],
)
def test_certificates_are_verified(
    authority: trustme.CA, tmp_path: Path, case: tuple[str, dict[str, bool], bool, str | None]
) -> None:
    """Only a valid certificate of the right name from a trusted authority is spoken to, and the reason is named."""
    name, dates, trusted, words = case
    past = {"not_after": dt.datetime(2020, 1, 2, tzinfo=dt.UTC), "not_before": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with Wires(lambda c: c.answer({}), tls=_tls(authority, name, **(past if dates else {}))) as wires:
        asking = transport(wires.url, ca_file=ca_file if trusted else None, timeout=2.0)
        if words is None:
            assert asking.get("/x").status == 200
            return
        with pytest.raises(CouldNotLook, match=words) as error:
            asking.get("/x")
    assert not isinstance(error.value, (HubDown, TimedOut))


def test_a_broken_authority_file_is_named(tmp_path: Path) -> None:
    """The setting at fault stands in the error."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(CouldNotLook, match="ca_file"):
        transport("https://127.0.0.1:9", ca_file=tmp_path / "ca.pem").get("/x")


def test_environment_proxies_are_left_alone_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment sees nothing of what stays on this host."""
    with Wires(lambda c: c.answer({"proxy": True})) as proxy, Wires(lambda c: c.answer({"proxy": False})) as wires:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert transport(wires.url).get("/x").json() == {"proxy": False}
        monkeypatch.delenv("no_proxy", raising=False)
        assert transport("http://hub.invalid").get("/x").json() == {"proxy": True}
        with pytest.raises(CouldNotLook, match=r"hub\.invalid"):
            transport("http://hub.invalid", proxy="none").get("/x")
        monkeypatch.delenv("http_proxy")
        assert transport("http://hub.invalid", proxy=proxy.url).get("/x").json() == {"proxy": True}
        assert transport(wires.url, proxy=proxy.url).get("/x").json() == {"proxy": False}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1", False),
        ("https://hub.example", False),
    ],
)
def test_loopback_is_known_without_a_resolver(url: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Names and addresses of this machine, and no others."""
    assert is_loopback(url) is expected


def test_places_are_compared_by_scheme_host_and_port() -> None:
    """Only the step from http to https on the standard ports counts as staying."""
    assert same_host("http://a/x", "http://a:80/y")
    assert not same_host("http://a/x", "http://a:81/x")
    assert same_place("http://a/x", "https://a/x")
    assert not same_place("https://a/x", "http://a/x")
    assert not same_place("http://a:8080/x", "https://a/x")
