"""The memory of what was told: nothing twice within the hour, no flood, and no message lost to a kill or a torn file."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING

import pytest

from readiness.findings import Severity
from readiness.operations.notify.events import Event
from readiness.operations.notify.state import FILE, HOUR, LIMIT, LOCK, NoticeMemory
from readiness.support import locks

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0
EVENT = Event(kind="alarm", severity=Severity.HIGH, title="the hub is down", checks=("hub-answers",))


def other(number: int) -> Event:
    """One of many events."""
    return dataclasses.replace(EVENT, title=f"event {number}")


def ask(folder: Path, event: Event = EVENT, now: float = NOW, *, arrives: bool | None = True) -> str:
    """Ask for one channel, let the message arrive or not (None: be killed before that is known); why it was refused."""
    state = NoticeMemory(folder)
    permit = state.reserve(["A"], event, now)["A"]
    if not permit.refused and arrives is not None:
        state.settle({"A": arrives}, event, now)
    return permit.refused


def test_the_same_event_is_told_once_an_hour(tmp_path: Path) -> None:
    """Within the hour it is silent, after the hour it is told again."""
    assert ask(tmp_path) == ""
    assert ask(tmp_path, now=NOW + HOUR - 1) == "told within the last hour"
    assert ask(tmp_path, now=NOW + HOUR + 1) == ""


@pytest.mark.parametrize(
    "change", [{"severity": Severity.CRITICAL}, {"checks": ("hub-answers", "b")}, {"kind": "plan"}, {"title": "other"}]
)
def test_another_event_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    """What got worse, or fails besides, is another event."""
    assert ask(tmp_path) == ""
    assert ask(tmp_path, dataclasses.replace(EVENT, **change)) == ""  # type: ignore[arg-type]


def test_other_measurements_are_the_same_event(tmp_path: Path) -> None:
    """The same checks with other numbers in their reasons wake nobody again; two rollbacks are two."""
    assert ask(tmp_path) == ""
    assert ask(tmp_path, dataclasses.replace(EVENT, lines=("504 now",))) != ""
    outcome = dataclasses.replace(EVENT, kind="outcome", lines=("journal a",))
    assert ask(tmp_path, outcome) == ""
    assert ask(tmp_path, dataclasses.replace(outcome, lines=("journal b",))) == ""


def test_what_did_not_arrive_may_go_again(tmp_path: Path) -> None:
    """A message that failed is no message."""
    assert ask(tmp_path, arrives=False) == ""
    assert ask(tmp_path, now=NOW + 1) == ""


def test_a_killed_run_loses_no_message(tmp_path: Path) -> None:
    """What was reserved and never sent is free again after a while, and taken meanwhile: two runs tell it once."""
    assert ask(tmp_path, arrives=None) == ""
    assert ask(tmp_path, now=NOW + 30) != ""
    assert ask(tmp_path, now=NOW + 91) == ""


def test_a_flood_is_held_back_and_counted(tmp_path: Path) -> None:
    """After the limit one channel rests; the last message says so, and the next one tells how many were held back."""
    state = NoticeMemory(tmp_path)
    lines: tuple[str, ...] = ()
    for number in range(LIMIT):
        permit = state.reserve(["A"], other(number), NOW)["A"]
        assert permit.refused == ""
        lines = permit.lines
        state.settle({"A": True}, other(number), NOW)
    assert f"{LIMIT} messages went out within the hour" in lines[0]
    for number in range(LIMIT, LIMIT + 3):
        assert "held back" in ask(tmp_path, other(number), NOW + 5)
    assert ask(tmp_path, dataclasses.replace(other(99), kind="refused"), NOW + 6) == "", "a rollback is always told"
    assert "held back" in ask(tmp_path, other(100), NOW + 7)
    assert NoticeMemory(tmp_path).reserve(["A"], other(101), NOW + HOUR + 7)["A"].lines == (
        "and 1 more, which were held back",
    )


def test_channels_are_counted_apart(tmp_path: Path) -> None:
    """What one channel got says nothing about another."""
    assert ask(tmp_path) == ""
    permits = NoticeMemory(tmp_path).reserve(["A", "B"], EVENT, NOW + 1)
    assert (permits["A"].refused != "", permits["B"].refused) == (True, "")


def test_a_clock_put_back_silences_nobody(tmp_path: Path) -> None:
    """What lies in the future is forgotten."""
    assert ask(tmp_path, now=NOW + 10 * HOUR) == ""
    assert ask(tmp_path, now=NOW) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\x00", b"[]", b'{"channels": []}', b'{"channels": {"A": {}}}', b"[" * 100_000,
        b'{"channels": {"A": {"until": {"x": "NaN"}, "sent": [], "held": 0}}}',
        b'{"channels": {"A": {"until": {}, "sent": ["x"], "held": 0}}}',
    ],
)  # fmt: skip
def test_a_torn_file_costs_the_memory_only(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in it, the message goes out, it is said, and the file is whole again."""
    (tmp_path / FILE).write_bytes(content)
    state = NoticeMemory(tmp_path)
    assert state.reserve(["A"], EVENT, NOW)["A"].refused == ""
    assert "begun anew" in state.problem
    assert "A" in json.loads((tmp_path / FILE).read_text())["channels"]


def test_a_held_lock_costs_the_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another run does not let go of the lock, the message goes out, and what was known is left as it is."""
    monkeypatch.setattr("readiness.operations.notify.state._WAIT", 0.05)
    assert ask(tmp_path, other(1)) == ""
    before = (tmp_path / FILE).read_bytes()
    with locks.locked(tmp_path / LOCK, 1):
        state = NoticeMemory(tmp_path)
        assert state.reserve(["A"], EVENT, NOW)["A"].refused == ""
        assert "another run holds" in state.problem
    assert (tmp_path / FILE).read_bytes() == before


def test_of_many_runs_at_once_one_tells(tmp_path: Path) -> None:
    """Eight at the same moment send one message."""
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ask(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert found.count("") == 1
