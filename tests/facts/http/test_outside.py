"""What strangers see: doors that are open, closed, or neither; nothing is sent with credentials."""

from __future__ import annotations

import pytest

from readiness.config.model import Config, ProbeSettings, Target
from readiness.errors import CouldNotLook, Unknown
from readiness.facts.http.client import HttpTransport, TransportSettings
from readiness.facts.hub.anonymous_view import AnonymousView
from tests.helpers import pace
from tests.helpers.odd_proxy import CHALLENGE, PAGE
from tests.helpers.odd_proxy import LOGIN as LOGIN_PAGE
from tests.helpers.wires import Wires, free_port

NO_HUB = {"error": "Missing server name", "code": "VALIDATION_ERROR", "data": {}}
LOGIN = "Location: https://login.invalid/start\r\n"


def outside(url: str, plain: str | None = None) -> AnonymousView:
    """A look from the street."""
    config = Config(target=Target(url=url, plain_url=plain), probe=ProbeSettings(timeout=pace.seconds(0.3)))
    return AnonymousView(HttpTransport(TransportSettings(base=url, timeout=pace.seconds(0.3), follow=False)), config)


@pytest.mark.parametrize(
    ("status", "body", "headers", "entry", "admin"),
    [
        (200, {"servers": []}, "", True, True),
        (400, NO_HUB, "", True, True),
        (500, NO_HUB, "", True, True),
        (401, {}, "", False, False),
        (403, b"<html>", "", False, False),
        (302, b"", LOGIN, False, False),
        (404, b"<html>", "", None, False),
        (405, b"", "", None, False),
        (502, b"<html>", "", None, None),
    ],
)
def test_an_answer_says_how_a_stranger_fares(
    status: int,
    body: object,
    headers: str,
    entry: bool | None,  # noqa: FBT001 - a table's column
    admin: bool | None,  # noqa: FBT001 - a table's column
) -> None:
    """The hub's own answers are an open door; 404 closes an admin route and proves nothing about the API."""
    with Wires(lambda c: c.answer(body, status=status, headers=headers)) as wires:
        street = outside(wires.url)
        assert street.entry("/api/servers").is_open is entry
        assert street.admin("/api/config").is_open is admin
    assert wires.requests == ["GET /api/servers", "POST /api/config"]


def test_a_mere_move_is_no_login() -> None:
    """A redirect to the same path elsewhere says where to look, not that the door is closed."""
    with Wires(lambda c: c.answer(status=301, headers=f"Location: https://hub.invalid{c.path}\r\n")) as wires:
        door = outside(wires.url).entry("/api/servers")
    assert door.is_open is None
    assert "https://hub.invalid" in door.how


def test_limits_on_the_way_are_no_answer() -> None:
    """429 says nothing about the door."""
    with Wires(lambda c: c.answer(status=429)) as wires, pytest.raises(CouldNotLook, match="limited"):
        outside(wires.url).entry("/api/servers")


def test_the_plain_address_redirects_serves_or_is_not_there() -> None:
    """To https is closed, anything served is open, a closed port is closed."""
    with Wires(lambda c: c.answer(status=308, headers="Location: https://hub.invalid/\r\n")) as wires:
        assert outside("https://hub.invalid", wires.url).plain().is_open is False
    with Wires(lambda c: c.answer({"status": "ok"})) as wires:
        assert outside("https://hub.invalid", wires.url).plain().is_open is True
    assert outside("https://hub.invalid", f"http://127.0.0.1:{free_port()}").plain().how == "nothing listens there"


def test_addresses_are_taken_from_the_configuration() -> None:
    """Port 80 of the public host unless told; without a public address nothing can be asked."""
    assert outside("https://hub.invalid:8443/x").plain_url == "http://hub.invalid"
    assert outside("https://[::1]:8443").plain_url == "http://[::1]"
    with pytest.raises(Unknown, match=r"\[target\] url"):
        AnonymousView(None, Config()).entry("/api/servers")


@pytest.mark.parametrize(
    ("body", "is_open", "how"),
    [
        (LOGIN_PAGE, False, "answered 200 with a login page"),
        (CHALLENGE.body, False, "answered 200 with a challenge page"),
        (PAGE, None, "answered 200 with a maintenance page"),
        (b"<html><h1>It works!</h1></html>", None, "answered 200 with a page of HTML"),
    ],
)
def test_a_page_is_no_open_api(
    body: bytes,
    is_open: bool | None,  # noqa: FBT001 - a table's column
    how: str,
) -> None:
    """A page with status 200 is whatever stands in front: a login and a challenge keep strangers out, others show nothing."""
    with Wires(lambda c: c.answer(body, kind="text/html")) as wires:
        door = outside(wires.url).entry("/api/servers")
    assert (door.is_open, door.how) == (is_open, how)
