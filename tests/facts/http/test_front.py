"""The hub through the address of its clients: what the proxy adds is seen, and what it hides is not proven."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness import checks
from readiness.config.model import Config, ProbeSettings, Target
from readiness.errors import CouldNotLook, HubDown
from readiness.facts.http.answer import TimedOut, TlsRefused
from readiness.facts.http.client import HttpTransport, SilentBefore, SilentRoutes, TransportSettings
from readiness.facts.hub.anonymous_view import AnonymousView
from readiness.facts.hub.client_view import ClientView
from readiness.findings import Limits
from readiness.session.fixtures.reachability import HubReach
from readiness.session.worker import is_worth_another_attempt
from tests.helpers.wires import Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def recorder() -> Iterator[checks.Recorder]:
    """What the running check records, as the plugin sets it."""
    recorder = checks.Recorder(limits=Limits(critical=5))
    token = checks.current.set(recorder)
    yield recorder
    checks.current.reset(token)


def front(url: str, silence: SilentRoutes | None = None, timeout: float = 0.3, attempts: int = 1) -> ClientView:
    """A look through `url`."""
    return ClientView(HttpTransport(TransportSettings(base=url, timeout=timeout)), silence or SilentRoutes(), attempts)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404])
def test_whatever_clients_are_answered_is_seen(status: int) -> None:
    """Header and body of every status that a proxy gives on purpose."""
    with Wires(
        lambda c: c.answer(b"text", status=status, headers="X-Added: yes\r\nLocation: //e.invalid/\r\n")
    ) as wires:
        answer = front(wires.url).raw("/api/health", origin="https://o.invalid")
    assert (answer.status, answer.headers["x-added"], answer.body) == (status, "yes", b"text")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_proxy_that_is_busy_or_broken_shows_nothing(status: int) -> None:
    """Its error is not the hub's answer: could not look."""
    with Wires(lambda c: c.answer(status=status)) as wires, pytest.raises(CouldNotLook, match=f"url: GET .* {status}"):
        front(wires.url).raw("/api/health")


def test_a_dead_proxy_is_no_dead_hub() -> None:
    """Refused or silent through `url` is never a proof that the hub is down."""
    with pytest.raises(CouldNotLook, match=r"through \[target\] url: .* refused") as raised:
        front(f"http://127.0.0.1:{free_port()}").raw("/api/health")
    assert not isinstance(raised.value, HubDown)
    with Wires(lambda c: c.stop.wait(2)) as wires, pytest.raises(CouldNotLook, match="no complete answer") as raised:
        front(wires.url).raw("/api/health")
    assert not isinstance(raised.value, TimedOut)


def test_a_refusal_in_tls_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a client certificate is demanded nobody without one reads anything: as good as a 401."""
    look = front("https://127.0.0.1:1")

    def refuse(*_: Any, **__: Any) -> None:
        raise TlsRefused("wants a client certificate")

    monkeypatch.setattr(look.transport, "get", refuse)
    answer = look.raw("/api/health")
    assert (answer.status, dict(answer.headers), answer.body) == (496, {}, b"")


def test_a_silent_proxy_is_not_waited_for_by_every_check() -> None:
    """After a probe's attempts one short look, shared by all checks that ask `url`; an answer brings patience back."""
    alive, silence = [False], SilentRoutes()
    config = Config(target=Target(url="http://x"), probe=ProbeSettings(attempts=1, timeout=1.4))
    with Wires(lambda c: c.answer({}) if alive[0] else c.stop.wait(10)) as wires:
        with pytest.raises(CouldNotLook) as raised:
            front(wires.url, silence, timeout=1.4).raw("/api/health")
        assert is_worth_another_attempt(raised.value)
        street = AnonymousView(HttpTransport(TransportSettings(base=wires.url, timeout=1.4)), config, silence)
        started = time.monotonic()
        with pytest.raises(SilentBefore, match="as before") as before:
            street.entry("/api/servers")
        assert 1.0 <= time.monotonic() - started < 10
        assert not is_worth_another_attempt(before.value)
        alive[0] = True
        assert street.entry("/api/servers").is_open
        assert not silence.suspected(wires.url)


@pytest.mark.parametrize(
    ("url", "internal", "there"),
    [
        ("https://hub.invalid", "http://127.0.0.1:3000", True),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000", False),
        ("https://hub.invalid", None, False),
        (None, "http://127.0.0.1:3000", False),
    ],
)
def test_there_is_a_front_where_clients_go_another_way(
    url: str | None,
    internal: str | None,
    there: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Only a `url` beside another internal_url is something to look through."""
    assert (HubReach(Config(target=Target(url=url, internal_url=internal)), None).front is not None) is there


def test_what_the_proxy_shows_fires_nothing_and_a_number_does_not_change_that(recorder: checks.Recorder) -> None:
    """Once a check has asked through `url`, not even a measure past its limit may roll back."""
    with Wires(lambda c: c.answer({})) as wires:
        reach = HubReach(Config(target=Target(url=wires.url + "/hub", internal_url=wires.url)), None)
        assert reach.front is not None
        assert recorder.fires
        reach.front.raw("/api/health")
        reach.close()
    with pytest.raises(pytest.fail.Exception):
        checks.measure(7)
    assert recorder.fires is False


def test_a_measure_leaves_what_it_was_held_against(recorder: checks.Recorder) -> None:
    """The limits that decided go with the number, and not with a text that is compared afterwards."""
    bounds = Limits(warning=8, critical=9)
    checks.measure(7, limits=bounds)
    assert (recorder.actual, recorder.bounds) == ("7", bounds)
    checks.compared(expected="a", actual="b")
    assert recorder.bounds is None


def test_a_measure_past_its_limit_fires_by_itself(recorder: checks.Recorder) -> None:
    """Without a proxy in the evidence the number alone decides: past the rollback limit it fires, before it not."""
    with pytest.raises(pytest.fail.Exception):
        checks.measure(7)
    assert recorder.fires
    with pytest.raises(pytest.fail.Exception):
        checks.measure(7, limits=Limits(critical=5, rollback=9))
    assert not recorder.fires
