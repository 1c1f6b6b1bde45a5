"""Reaching the hub: one root cause, one line; who answered first; what evidence may roll back."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from readiness import checks
from readiness.config.model import Config, Expect, ProbeSettings, Target
from readiness.errors import HubDown, Unknown
from readiness.facts.http import BadAnswer, HubRefusal, short_look
from readiness.facts.hub.identity import watches_its_file
from readiness.session.fixtures import hub as fixtures
from readiness.session.fixtures.reachability import HubReach, ask_again
from tests.facts.hub.test_hub import replay
from tests.helpers import pace
from tests.helpers.wires import Connection, Wires, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def recorder() -> Iterator[checks.Recorder]:
    """What the running check records, as the plugin sets it."""
    recorder = checks.Recorder()
    token = checks.current.set(recorder)
    yield recorder
    checks.current.reset(token)


def reach(url: str | None, run_dir: Path | None = None, **target: Any) -> HubReach:
    """One process's way to the hub, with three quick attempts."""
    probe = ProbeSettings(attempts=3, interval=0.05, timeout=pace.seconds(0.3), settle=1.0)
    return HubReach(Config(target=Target(**{"url": url, **target}), probe=probe), run_dir)


def test_a_dead_hub_blocks_a_check_before_it_starts(recorder: checks.Recorder) -> None:
    """After the probe's attempts the reason names hub-answers, and the loss is recorded."""
    reaching = reach(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(HubDown, match=r"^blocked by hub-answers: GET /api/health: connection to .* refused$"):
        reaching.ensure(reaching.hub())
    assert len(reaching.transport.attempts) == 3
    assert recorder.lost_hub


def test_a_lost_hub_is_asked_once_more_and_not_by_every_check() -> None:
    """Right after a loss nothing is asked; an interval later, one attempt; and a hub that is back is used."""
    alive, answer = [True], replay("4.3.0")
    with Wires(lambda c: answer(c) if alive[0] else c.answer(status=500)) as wires:
        reaching = reach(wires.url)
        hub = reaching.hub()
        reaching.ensure(hub)
        alive[0] = False
        hub.new_attempt()
        assert "500" in hub.trouble()
        before = len(wires.requests)
        with pytest.raises(HubDown, match="blocked by hub-answers"):
            reaching.ensure(reaching.hub())
        assert len(wires.requests) == before
        time.sleep(reaching._spared + 0.01)  # five times what its last probe took
        with pytest.raises(HubDown, match="blocked by hub-answers: GET"):
            reaching.ensure(reaching.hub())
        assert len(wires.requests) == before + 1
        time.sleep(reaching._spared + 0.01)  # five times what its last probe took
        alive[0] = True
        reaching.ensure(reaching.hub())


def test_a_hub_that_was_seen_is_not_probed_again() -> None:
    """hub-answers has proven it: the next check's set-up asks nothing."""
    with Wires(replay("4.3.0")) as wires:
        reaching = reach(wires.url)
        assert reaching.hub().trouble() == ""
        reaching.ensure(reaching.hub())
        assert wires.requests == ["GET /api/health"]


def test_what_may_be_the_runners_fault_is_unknown() -> None:
    """A name that does not resolve blocks, and never says that the hub is down."""
    reaching = reach("http://no-such-name.invalid")
    with pytest.raises(Unknown, match=r"blocked by hub-answers: .*no-such-name") as raised:
        reaching.ensure(reaching.hub())
    assert not isinstance(raised.value, HubDown)
    nowhere = reach(None)
    with pytest.raises(Unknown, match="neither"):
        nowhere.hub()


def test_who_answered_first_is_written_once_a_run(tmp_path: Path) -> None:
    """The first process's note stays, whoever comes later, and nothing is left beside it."""
    with Wires(replay("4.3.0", pid=16199)) as first, Wires(replay("4.3.0", pid=16200)) as second:
        for wires in (first, second):
            reaching = reach(wires.url, tmp_path)
            reaching.note_identity(reaching.hub())
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("servers-")] == ["identity.json"]
    told = reach(None, tmp_path).first_identity()
    assert told is not None
    assert told.pid == 16199
    assert told.claimed_start == "2026-11-22T20:07:14.068Z"
    assert reach(None).first_identity() is None


@pytest.mark.parametrize(
    ("timeout", "slowest", "short"), [(5, 0.01, 1), (0.3, 0, 0.3), (20, 0, 4), (20, 5, 15), (20, 9, 20), (5, 1.5, 4.5)]
)
def test_a_short_look_follows_the_configuration_and_what_was_seen(timeout: float, slowest: float, short: float) -> None:
    """What was silent gets less than a probe, and never less than a slow hub needs."""
    assert short_look(timeout, slowest) == pytest.approx(short)


def patient(reaching: HubReach, settle: float) -> None:
    """Let a start take that many seconds, also on a busy machine."""
    reaching.config = dataclasses.replace(
        reaching.config, probe=dataclasses.replace(reaching.config.probe, settle=settle)
    )


def test_a_starting_hub_is_waited_for_once() -> None:
    """What a hub is to have comes with its start: a check of another worker waits too, but never twice."""
    states = ["starting", "starting", "ready"]

    def handler(connection: Connection) -> None:
        if connection.path == "/api/health":
            connection.answer({"state": states.pop(0), "server_id": "mcp-hub"})
        else:
            connection.answer(status=404)

    with Wires(handler) as wires:
        reaching = reach(wires.url)
        patient(reaching, 20)
        said: list[str] = []
        reaching.let_it_start(reaching.hub(), said.append)
        assert states == []
        reaching.let_it_start(reaching.hub(), said.append)
    assert wires.requests.count("GET /api/health") == 3
    assert [text.split()[0] for text in said] == ["the", "waited"]


@pytest.mark.parametrize(
    ("expected", "waits"), [(None, True), (("slow",), True), (("quick",), False)], ids=["any", "expected", "another's"]
)
def test_a_server_that_connects_is_waited_for(
    expected: tuple[str, ...] | None,
    waits: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A hub may be ready before one of its servers is; one that nobody expects holds nothing up."""
    records = [{"name": "quick", "status": "connected", "uptime": 9}, {"name": "slow", "status": "connecting"}]
    with Wires(lambda c: c.answer({"state": "ready", "server_id": "mcp-hub", "servers": records})) as wires:
        reaching = reach(wires.url)
        patient(reaching, 3)
        reaching.config = dataclasses.replace(reaching.config, expect=Expect(servers=expected))
        said: list[str] = []
        reaching.let_it_start(reaching.hub(), said.append)
    assert ("slow connecting" in "".join(said)) is waits


@pytest.mark.parametrize(
    ("version", "state", "servers", "age", "left"),
    [
        ("4.2.1", "starting", ["connecting"], None, 320),
        ("4.3.0", "starting", ["connecting"], None, 50),
        (None, "starting", ["connecting"], None, 320),
        ("4.2.1", "starting", ["connected"], None, 20),
        ("4.2.1", "starting", [], 2.0, 20),
        ("4.2.1", "starting", ["connecting"], 100.0, 220),
        ("4.2.1", "ready", ["connecting"], 9_000.0, 20),
        ("4.2.1", "restarting", ["connecting"], 9_000.0, 320),
    ],
)
def test_a_start_takes_what_its_version_needs(
    version: str | None, state: str, servers: list[str], age: float | None, left: float
) -> None:
    """A hub that waits for a server has its version's time from its start on, ten seconds of which are gone; else 30."""
    records = [{"name": f"s{n}", "status": status} for n, status in enumerate(servers)]
    answer = {"state": state, "server_id": "mcp-hub", "servers": records, "version": version}
    with Wires(lambda c: c.answer(answer)) as wires:
        reaching = reach(wires.url)
        reaching.config = Config(target=Target(url=wires.url))
        assert reaching._start_left(reaching.hub(), 10.0, age) == pytest.approx(left)
        reaching.config = Config(target=Target(url=wires.url), probe=ProbeSettings(settle=90))
        assert reaching._start_left(reaching.hub(), 10.0, None) == pytest.approx(80)


PAGE = b"<!DOCTYPE html><title>Back soon</title>"
ANSWERS: dict[str, Callable[[Connection], None]] = {
    "a gateway's status": lambda c: c.answer({"error": "Bad Gateway"}, status=502),
    "signed by nginx": lambda c: c.answer(status=502, headers="Server: nginx\r\n"),
    "a page": lambda c: c.answer(PAGE, kind="text/html"),
    "a page as an error": lambda c: c.answer(PAGE, kind="text/html", status=500),
    "no mark": lambda c: c.answer({"status": "maintenance", "state": "ready"}),
    "another's mark": lambda c: c.answer({"server_id": "grafana"}),
    "an encoding": lambda c: c.answer({"server_id": "mcp-hub"}, headers="Content-Encoding: br\r\n"),
    "not what it says": lambda c: c.answer({"server_id": "mcp-hub"}, headers="Content-Encoding: gzip\r\n"),
}
"""What only something in front of a hub answers."""
BROKEN: dict[str, Callable[[Connection], None]] = {
    "an error": lambda c: c.answer({"error": "no"}, status=500),
    "no JSON": lambda c: c.answer(b"{", kind="application/json"),
    "reset": lambda c: c.reset(),
    "silence": lambda c: c.stop.wait(20),
}
"""What a broken hub may answer as well as something in front of it."""


@pytest.mark.parametrize("name", [*ANSWERS, *BROKEN])
def test_what_may_be_a_proxys_word_fires_nothing(recorder: checks.Recorder, name: str) -> None:
    """It fails for users, whatever a proxy calls itself; only with a listener that is proven to be the hub it may roll back."""
    answer = (ANSWERS | BROKEN)[name]
    with Wires(answer) as wires:
        assert reach(wires.url).hub().trouble()
        assert not recorder.fires
        assert recorder.notes[0].startswith(
            "fires no rollback: nothing proves that the hub itself listens on 127.0.0.1:"
        )
        for target, fires in (({"internal_url": wires.url}, name in BROKEN), ({"pid": os.getpid()}, True)):
            recorder.fires = True
            assert reach(wires.url, **target).hub().trouble()
            assert recorder.fires is fires, target


def test_a_process_of_the_release_is_the_hub(recorder: checks.Recorder, tmp_path: Path) -> None:
    """What works in the tree that was deployed, and holds the port, is that release: its broken answers may roll back."""
    with Wires(ANSWERS["no mark"]) as wires:
        assert reach(wires.url, release=Path.cwd()).hub().trouble()
        assert recorder.fires
        assert reach(wires.url, release=tmp_path).hub().trouble()
        assert not recorder.fires


def test_a_port_that_nobody_holds_fires(recorder: checks.Recorder) -> None:
    """A refused connection is nobody's answer: a hub that died rolls back as before."""
    assert reach(f"http://127.0.0.1:{free_port()}").hub().trouble()
    assert recorder.fires


def test_the_hubs_own_error_fires_through_anything(recorder: checks.Recorder) -> None:
    """An error in the hub's own protocol is its own word, whoever carries it."""
    with Wires(replay("4.3.0")) as wires:
        reaching = reach(wires.url)
        reaching._doubt(HubRefusal("/mcp: ping answered an error: no"))
        assert recorder.fires
        reaching._doubt(BadAnswer("/mcp: ping answered no result"))
        assert not recorder.fires


@pytest.mark.parametrize(("settle", "flaky"), [(0.0, True), ("probe", False)])
def test_a_transport_retry_outside_the_settle_time_is_flaky(
    recorder: checks.Recorder,
    settle: float | str,
    flaky: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Within its settle time a second try is part of proving; without one it shows."""
    marker = SimpleNamespace(args=("some-check",), kwargs={"settle": settle})
    answer = replay("4.3.0")
    with Wires(lambda c: c.reset() if c.number == 1 else answer(c)) as wires:
        reaching = reach(wires.url)
        item: Any = SimpleNamespace(get_closest_marker=lambda _: marker)
        fixtures._wire(reaching, item)
        assert reaching.hub().trouble() == ""
    assert recorder.flaky is flaky


def test_the_hub_is_asked_again_at_the_end() -> None:
    """A sentence where it is proven down, nothing where it answers or cannot be judged."""
    probe = ProbeSettings(attempts=2, interval=0.01, timeout=pace.seconds(0.3))
    with Wires(replay("4.3.0")) as wires:
        assert ask_again(Config(target=Target(url=wires.url), probe=probe))[0] == ""
    gone, recorder = ask_again(Config(target=Target(url=f"http://127.0.0.1:{free_port()}"), probe=probe))
    assert gone.startswith("GET /api/health: connection to")
    assert recorder.fires
    assert ask_again(Config(target=Target(url="http://no-such-name.invalid"), probe=probe))[0] == ""
    with Wires(ANSWERS["a page"]) as wires:
        page, recorder = ask_again(Config(target=Target(url=wires.url), probe=probe))
    assert page
    assert not recorder.fires


def test_a_hub_that_answers_now_and_then_does_not_answer() -> None:
    """Asked again at the end it answers once, and its port is closed right after: a crash loop, and no hub to count on."""
    answer = replay("4.3.0")

    def once(connection: Connection) -> None:
        answer(connection)
        wires.__exit__()

    probe = ProbeSettings(attempts=2, interval=0.5, timeout=pace.seconds(0.3))
    with Wires(once) as wires:
        told, _ = ask_again(Config(target=Target(url=wires.url), probe=probe))
    assert told.endswith("it does not stay up"), told


@pytest.mark.parametrize(("pids", "by_turns"), [((11, 12), True), ((12, 12), False)])
def test_two_hubs_that_answer_by_turns_are_no_restart(
    recorder: checks.Recorder,
    pids: tuple[int, int],
    by_turns: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A process that is seen again was not replaced: a balancer without sticky sessions rolls nothing back."""
    hubs = [replay("4.3.0", pid=pid) for pid in pids]
    turn = itertools.count()

    def handler(connection: Connection) -> None:
        hubs[next(turn) % 2 if connection.path == "/api/events" else 0](connection)

    with Wires(handler) as wires:
        hub = reach(wires.url, internal_url=wires.url).hub()
        assert hub.answers_by_turns(11) is by_turns
    assert recorder.fires is not by_turns


def test_a_hub_that_watches_its_file_reads_changes() -> None:
    """Only --watch on the command line of the process that answers says so."""
    code = "import time; print(flush=True); time.sleep(60)"
    for options, expected in ((["--watch"], True), (["--watch", "--no-watch"], False), ([], False)):
        with subprocess.Popen([sys.executable, "-c", code, *options], stdout=subprocess.PIPE) as process:
            try:
                process.stdout.readline()  # its command line can be read once it runs
                assert watches_its_file(psutil.Process(process.pid)) is expected
            finally:
                process.kill()
