"""What differs from look to look: each of them may be well, and the hub is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from readiness.config.model import Config, Expect
from readiness.errors import Unknown
from readiness.facts.hub.identity import Identity
from readiness.facts.hub.records import HubServer
from readiness.facts.hub.server_turns import ServerTurns
from readiness.operations.watch.between import BetweenLooks


def hub(pid: int | None = 7, *up: str, down: tuple[str, ...] = ()) -> Any:
    """A hub as one look finds it."""
    servers = [HubServer(name=name, status="connected", uptime=9) for name in up]
    servers += [HubServer(name=name, status="disconnected") for name in down]

    def identity() -> Identity:
        if pid is None:
            raise Unknown("nothing names it")
        return Identity(pid=pid, seen=1.0)

    return SimpleNamespace(health=lambda: SimpleNamespace(servers=servers), identity=identity)


def told(watch: BetweenLooks) -> dict[str, tuple[str, str]]:
    """Check to outcome and reason."""
    return {one.check: (one.outcome.value, one.reason) for one in watch.findings()}


def test_a_hub_that_is_killed_again_and_again_is_no_ready_one() -> None:
    """Its supervisor brings it back within moments: only the process tells, and each time is counted."""
    watch = BetweenLooks(Config())
    for pid in (7, 7, None, 7):
        watch.take(hub(pid, "memory"))
    assert {outcome for outcome, _ in told(watch).values()} == {"passed"}
    watch.take(hub(8, "memory"))
    outcome, reason = told(watch)["hub-stays-up"]
    assert (outcome, reason) == ("failed", "process 7 answered at an earlier look, 8 does now: the hub was restarted")
    watch.take(hub(9, "memory"))
    assert told(watch)["hub-stays-up"][1].endswith("the hub was restarted, 2 times in this watch")
    assert told(watch)["mcp-servers-stay-connected"] == ("passed", "")


def test_a_hub_that_nothing_names_is_left_alone() -> None:
    """Where no process was ever named there is nothing to compare, and no alarm either."""
    watch = BetweenLooks(Config())
    watch.take(hub(None, "memory"))
    assert list(told(watch)) == ["mcp-servers-stay-connected"]


@pytest.mark.parametrize("expected", [None, ("memory",), ("other",)])
def test_a_server_that_comes_and_goes_is_named(expected: tuple[str, ...] | None) -> None:
    """Once is a warning, twice a fault, told when it happens; a server that nobody expects is nobody's loss."""
    watch = BetweenLooks(Config(expect=Expect(servers=expected)))
    outcomes = []
    for is_up in (True, False, True, True, False, True):
        watch.take(hub(7, "memory") if is_up else hub(7, down=("memory",)))
        outcomes.append(told(watch)["mcp-servers-stay-connected"])
    if expected == ("other",):
        assert {outcome for outcome, _ in outcomes} == {"passed"}
        return
    assert [outcome for outcome, _ in outcomes] == ["passed", "degraded", "passed", "passed", "failed", "passed"]
    assert outcomes[4][1] == "memory was connected 3 of 5 looks, and ended 2 times"


@pytest.mark.parametrize(
    ("looks", "words", "downs"),
    [
        ([("connecting", 0), ("connected", 0), ("connected", 1)], "connected 1 of 1 looks", 0),
        ([("connected", 5), ("connected", 0), ("connected", 0)], "connected 1 of 3 looks", 0),
        ([("connected", 50), ("connected", 1)], "connected 2 of 2 looks, and ended once", 1),
        ([("connected", 50), ("connected", 45)], "connected 2 of 2 looks", 0),
        ([("connected", 5), None, ("connected", 1)], "connected 2 of 3 looks, and ended once", 1),
        ([("connected", None), ("disconnected", None)], "connected 1 of 2 looks, and ended once", 1),
    ],
    ids=["its start", "killed: uptime 0", "started anew in between", "the hub's clock was set back", "gone from the list", "no uptimes"],
)  # fmt: skip
def test_turns_are_counted(looks: list[Any], words: str, downs: int) -> None:
    """A start is no turn, an uptime that began anew is one, and a clock that was set is none."""
    turns = ServerTurns()
    for number, look in enumerate(looks):
        turns.take([] if look is None else [HubServer(name="memory", status=look[0], uptime=look[1])], at=number)
    assert turns.words("memory") == f"memory was {words}"
    assert turns.downs("memory") == downs
