"""What a run that is one of many tells, by a clock that stands still until it is moved."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.findings import Severity
from readiness.operations.notify.change import STEADY, ChangeDecision, JobMemory, decide, read, span, write
from readiness.operations.notify.events import Event

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60.0
HOUR = 3600.0
REPEAT = 4 * HOUR


def alarm(*checks: str, **more: Any) -> Event:
    """What one run would tell of `checks` that failed."""
    values: dict[str, Any] = {"kind": "alarm", "severity": Severity.HIGH, "title": "HOLD · hub is NOT READY"}
    return Event(checks=checks, **values | more)


class Watch:
    """A job and its memory: each run is five minutes after the last, and every message arrives."""

    def __init__(self, repeat: float = REPEAT) -> None:
        self.standing, self.now, self.runs, self.repeat = JobMemory(), 1_000_000.0, 0, repeat
        self.keys: list[str] = []

    def run(
        self, event: Event | None = None, status: str = "", later: float = 5 * MINUTE, came: str = "all"
    ) -> ChangeDecision:
        """One run, `later` seconds after the last; `came`: whom its message reached."""
        self.now += later
        self.runs += 1
        status = status or ("NOT READY" if event else "READY")
        told = decide(
            self.standing,
            event,
            where="the hub",
            status=status,
            run=f"run{self.runs}",
            now=self.now,
            repeat=self.repeat,
        )
        self.standing = {"all": told.arrived, "some": told.partly, "none": told.lost}[came]
        if told.event is not None:
            self.keys.append(told.event.key)
        return told

    def what(self, *arguments: Any, **more: Any) -> str | None:
        """Only why something is told."""
        return self.run(*arguments, **more).what


def test_what_is_well_and_stays_so_is_silent() -> None:
    """A week of READY, also with a run in it that has nothing more to say than that."""
    watch = Watch()
    assert [watch.what() for _ in range(300)] == [None] * 300
    assert watch.what(alarm(kind="changed"), "READY") is None


def test_a_failure_is_told_once_then_after_hours_then_its_end() -> None:
    """One message for a night of the same failure, one every four hours while it lasts, one when it is over."""
    watch = Watch()
    assert watch.what() is None
    assert watch.what(alarm("a")) == "new"
    assert [watch.what(alarm("a")) for _ in range(47)] == [None] * 47
    still = watch.run(alarm("a"))
    assert still.what == "still"
    assert still.event is not None
    assert still.event.title == "still HOLD · hub is NOT READY (for 4 h)"
    assert [watch.what(alarm("a")) for _ in range(47)] == [None] * 47
    assert watch.what(alarm("a")) == "still"
    over = watch.run()
    assert over.what == "over"
    assert over.event is not None
    assert (over.event.kind, over.event.title) == ("changed", "the hub is READY again, after 8 h 5 min")
    assert over.event.lines == ("over: a",)
    assert [watch.what() for _ in range(300)] == [None] * 300
    assert len(set(watch.keys)) == len(watch.keys) == 4


@pytest.mark.parametrize(
    ("event", "status", "what", "line"),
    [
        (alarm("a", "b"), "NOT READY", "changed", "new: b"),
        (alarm("b"), "NOT READY", "changed", "new: b · no longer: a"),
        (alarm("a"), "INCOMPLETE", "changed", "was NOT READY, is INCOMPLETE"),
        (alarm("a"), "CONDITIONAL", "changed", "was NOT READY, is CONDITIONAL"),
        (alarm("a", severity=Severity.CRITICAL), "NOT READY", "changed", ""),
        (alarm("a", severity=Severity.MEDIUM), "NOT READY", None, ""),
        (alarm(), "NOT READY", None, ""),
        (alarm("a", kind="plan"), "NOT READY", None, ""),
        (alarm("a", kind="plan", severity=Severity.CRITICAL), "NOT READY", "changed", ""),
    ],
)
def test_a_change_is_news_and_a_part_that_is_mended_is_not(event: Event, status: str, what: str, line: str) -> None:
    """A new check, another verdict, a worse severity are told at once, with what is different; less of it waits."""
    watch = Watch()
    watch.run(alarm("a"))
    told = watch.run(event, status)
    assert told.what == what
    assert not line or (told.event is not None and told.event.lines[0] == line)


def test_what_is_no_longer_unknown_is_a_recovery() -> None:
    """INCOMPLETE, then READY: it was told, so its end is, although nothing had failed."""
    watch = Watch()
    assert watch.what(alarm("a"), "INCOMPLETE") == "new"
    assert watch.what() == "over"


def test_what_is_well_enough_is_said_as_it_is() -> None:
    """CONDITIONAL without a failure ends a failure too, and is not called READY."""
    watch = Watch()
    watch.run(alarm("a"))
    over = watch.run(None, "CONDITIONAL")
    assert over.event is not None
    assert over.event.title == "the hub is CONDITIONAL: nothing fails any more, after 5 min"


def test_who_was_woken_hears_that_it_is_over() -> None:
    """The end has the severity of what was told, and is meant for security where that was."""
    watch = Watch()
    watch.run(alarm("a", severity=Severity.CRITICAL, security=True))
    over = watch.run()
    assert over.event is not None
    assert (over.event.severity, over.event.security) == (Severity.CRITICAL, True)


def test_a_relapse_within_the_hour_is_another_message() -> None:
    """The same failure after its end is told, although the very same was told minutes ago: no channel mutes it."""
    watch = Watch()
    assert [watch.what(alarm("a")), watch.what(), watch.what(alarm("a"))] == ["new", "over", "new"]
    assert len(set(watch.keys)) == 3


def test_a_hub_that_comes_and_goes_is_told_once_and_then_as_it_stays() -> None:
    """Twelve rounds of failing and mending are four messages; half an hour of peace, and how it stands is told."""
    watch = Watch()
    told = [watch.what(alarm("a") if number % 2 else None, later=MINUTE) for number in range(1, 25)]
    assert [what for what in told if what] == ["new", "over", "new", "unsteady"]
    assert watch.standing.unsteady
    assert watch.what(later=STEADY - MINUTE) is None
    assert watch.what(later=2 * MINUTE) == "over"
    assert watch.what() is None
    failing = Watch()
    for number in range(1, 6):
        failing.run(alarm("a") if number % 2 else None, later=MINUTE)
    assert failing.what(alarm("a"), later=STEADY - MINUTE) is None
    assert failing.what(alarm("a"), later=2 * MINUTE) == "changed"
    assert failing.what(alarm("a")) is None


def test_nothing_about_a_rollback_waits_for_peace() -> None:
    """A decision to roll back is told at once, also while the hub comes and goes."""
    watch = Watch()
    for number in range(1, 6):
        watch.run(alarm("a") if number % 2 else None, later=MINUTE)
    assert watch.standing.unsteady
    assert watch.what(alarm("a", kind="plan", severity=Severity.CRITICAL)) == "changed"


def test_a_message_that_reached_nobody_is_tried_again_by_every_run() -> None:
    """People know nothing until something arrived; also of an end."""
    watch = Watch()
    assert [watch.what(alarm("a"), came="none") for _ in range(3)] == ["new"] * 3
    assert watch.what(alarm("a")) == "new"
    assert watch.what(alarm("a")) is None
    assert [watch.what(came="none"), watch.what(came="none"), watch.what(), watch.what()] == ["over"] * 3 + [None]


def test_a_failure_that_nobody_was_told_of_ends_in_silence() -> None:
    """Nobody hears the end of what nobody heard of."""
    watch = Watch()
    watch.run(alarm("a"), came="none")
    assert watch.what() is None


def test_a_channel_that_was_dead_gets_it_later_and_the_others_not_twice() -> None:
    """The next run says the same by the same key, under which those who have it are passed over."""
    watch = Watch()
    assert watch.what(alarm("a"), came="some") == "new"
    again = watch.run(alarm("a"), came="some")
    assert (again.what, again.repeated) == ("new", True)
    assert watch.what(alarm("a", "b"), came="some") == "new"
    assert watch.keys[0] == watch.keys[1] != watch.keys[2]
    # an hour later those who have it would be forgotten: it counts as told rather than being told twice
    late = watch.run(alarm("a", "b"), later=51 * MINUTE, came="some")
    assert (late.what, late.repeated) == ("new", False)


def test_what_is_remembered_comes_back_as_it_was(tmp_path: Path) -> None:
    """Written and read back, the memory is the same; its folder is made."""
    watch = Watch()
    watch.run(alarm("a", "b", security=True), came="some")
    write(tmp_path / "schedule" / "smoke.json", watch.standing)
    assert read(tmp_path / "schedule" / "smoke.json") == watch.standing
    watch.run(alarm("a", "b", security=True))
    write(tmp_path / "schedule" / "smoke.json", watch.standing)
    assert read(tmp_path / "schedule" / "smoke.json") == watch.standing


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '{"turns": "now"}', '{"turns": [1, "x"]}', '{"told": NaN}', '{"known": {"checks": 1}}',
     '{"known": {"status": "x", "severity": "dire"}}', '{"known": {}}', '{"trouble": 3}', '{"until": [1]}', "[" * 9999,
     '{"known": {"status": "x", "severity": "high", "checks": [1]}}', "\ud800"],
)  # fmt: skip
def test_a_damaged_memory_is_none(tmp_path: Path, text: str) -> None:
    """Whatever lies there, nothing is believed of it and nothing fails: people are rather told twice."""
    path = tmp_path / "smoke.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read(path) == JobMemory()


def test_a_memory_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    """A field that is not known here is passed over; the rest counts."""
    path = tmp_path / "smoke.json"
    path.write_text(json.dumps(dataclasses.asdict(JobMemory(trouble=True, told=5.0)) | {"colour": "blue"}))
    assert read(path) == JobMemory(trouble=True, told=5.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (29, "29 s"), (60, "1 min"), (3599, "1 h"), (7500, "2 h 5 min"), (86400, "1 d"), (97200, "1 d 3 h")],
)
def test_a_time_is_told_in_two_units(seconds: float, words: str) -> None:
    """As people say it."""
    assert span(seconds) == words
