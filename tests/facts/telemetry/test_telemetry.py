"""Telemetry: units and places, counters as differences, stored reads, and what earlier runs prove."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness.config.model import Config, Target
from readiness.errors import NotServed, Unknown
from readiness.facts.hub.identity import Identity
from readiness.facts.telemetry import stored_counters as telemetry_store
from readiness.facts.telemetry.counters import REST, Standpoint, cache_lookups, llm_calls, trips, window
from readiness.facts.telemetry.earlier_runs import GAP, PERIOD, EarlierRun, EarlierRuns, deploys, uptime
from readiness.facts.telemetry.metrics import METRICS, ROUTE, readings, unread
from readiness.facts.telemetry.restarts import restart_doubt
from readiness.facts.telemetry.stored_counters import KEPT, StoredCounters
from readiness.facts.telemetry.telemetry import Moment, Telemetry
from readiness.facts.telemetry.units import Malformed, quantity
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.hub.hub import Hub

CONTRACT = ROOT / "tests" / "data" / "contract"
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
HUB = "http://127.0.0.1:3000"
NOW = 1_800_000_000.0


def read(
    at: float, *, total: float = 10, bad: float = 0, pid: int = 7, started: float = 100.0, **more: Any
) -> StoredCounters:
    """A stored read of the LLM's calls."""
    return StoredCounters(at=at, pid=pid, started=started, hub=HUB, counters={"llm": (total, bad)}, **more)


def llm(**published: Any) -> dict[str, Any]:
    """Statistics with these values below `llm`."""
    return {"llm": published}


# --- units --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("0.987", "share", 0.987),
        ("98.7%", "share", 0.987),
        (0.987, "share", 0.987),
        (1, "share", 1.0),
        (98.7, "percent", 0.987),
        ("98.7%", "percent", 0.987),
        ("98.7", "percent", 0.987),
        (1500, "ms", 1500.0),
        ("1.5s", "ms", 1500.0),
        ("1500 ms", "ms", 1500.0),
        (1.5, "s", 1500.0),
        ("250ms", "s", 250.0),
        ("$12.50", "$/day", 12.5),
        (12.0, "count", 12.0),
        ("HALF_OPEN", "state", "half-open"),
        ("Closed", "state", "closed"),
    ],
)
def test_a_value_is_brought_into_its_unit(value: Any, unit: Any, expected: Any) -> None:
    """Texts, percents and seconds become shares from 0 to 1 and milliseconds."""
    wanted = pytest.approx(expected) if isinstance(expected, float) else expected
    assert quantity(value, unit) == wanted


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (98.7, "share"),
        (1.0001, "share"),
        (-0.1, "share"),
        ("101%", "share"),
        ("-1%", "share"),
        (True, "share"),
        ("fast", "ms"),
        ("5 %", "ms"),
        ("$5", "ms"),
        (float("nan"), "ms"),
        (float("inf"), "ms"),
        ("1e9", "ms"),
        ("٣", "ms"),
        (10**400, "count"),
        (2.5, "count"),
        ([1], "count"),
        ({"value": 1}, "ms"),
        ("ajar", "state"),
        (1, "state"),
        ("open" * 50, "state"),
    ],
)
def test_what_does_not_fit_its_unit_is_malformed(value: Any, unit: Any) -> None:
    """Nothing outside the range of its unit is ever used."""
    with pytest.raises(Malformed):
        quantity(value, unit)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@PATIENT
@given(st.dictionaries(st.sampled_from(["successRate", "totalCalls", "failedCalls", "p95Latency"]), _JSON), _JSON)
def test_no_statistics_raise(published: dict[str, Any], other: Any) -> None:
    """Whatever a hub publishes is read without an error, and every reading has a value or a reason."""
    found = readings({"llm": published, "llmCache": other, "queue": other, "circuitBreaker": other})
    for reading in found.values():
        assert (reading.value is None) == bool(reading.reason) == bool(reading.trouble)
    for count in (llm_calls, cache_lookups, trips):
        share = window("llm", count(found), Standpoint(at=NOW))
        assert share.trouble or 0 <= share.bad <= share.n + 1e-9
        assert 0 <= share.good <= 1


# --- places -------------------------------------------------------------------------------------------------------------


def recorded(version: str) -> dict[str, Any] | None:
    """What a real hub answered on the route; None: it does not serve it."""
    for entry in json.loads((CONTRACT / f"mcp-hub-{version}.json").read_text(encoding="utf-8")):
        if entry["request"]["path"] == ROUTE and entry["response"]["status"] == 200:
            found: dict[str, Any] = entry["response"]["json"]
            return found
    return None


def test_published_hubs_say_nothing_about_the_llm() -> None:
    """4.2.1 serves no statistics; of 4.3.0 only the cache is known, and not how many lookups it had."""
    assert recorded("4.2.1") is None
    stats = recorded("4.3.0")
    assert stats is not None
    found = readings(stats)
    assert {name for name, reading in found.items() if reading.value is not None} == {"cache.hit_rate", "cache.entries"}
    assert found["cache.hit_rate"].source == "llmCacheHitRate"
    assert "llmCache.hits and llmCache.misses" in str(cache_lookups(found))


def test_every_reading_without_a_value_says_what_would_be_needed() -> None:
    """Each names every place that would do."""
    for found in (readings({}), unread("4.2.1 serves no /api/filtering/stats")):
        for metric in METRICS:
            reason = found[metric.name].reason
            assert [source.path for source in metric.sources if source.path not in reason] == []


def test_places_that_disagree_prove_nothing_and_are_both_named() -> None:
    """Two sources with two values: neither is used."""
    found = readings({"llm": {"queueDepth": 3}, "queue": {"depth": 30}})["queue.depth"]
    assert (found.value, found.trouble) == (None, "disputed")
    assert "llm.queueDepth says 3, queue.depth says 30" in found.reason


def test_one_malformed_place_spoils_the_metric() -> None:
    """Garbling one of two places must not settle their dispute."""
    found = readings({"llm": {"queueDepth": "many"}, "queue": {"depth": 3}})["queue.depth"]
    assert (found.value, found.trouble) == (None, "malformed")


def test_a_place_that_says_null_leaves_the_others() -> None:
    """Null is no claim."""
    assert readings({"llm": {"queueDepth": None}, "queue": {"depth": 3}})["queue.depth"].value == 3.0


# --- counters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ({"totalCalls": 100, "successRate": 0.81}, (100, 19)),
        ({"totalCalls": 853, "successRate": "98.71%"}, (853, 11)),
        ({"totalCalls": 100, "successfulCalls": 81}, (100, 19)),
        ({"totalCalls": 100, "failedCalls": 19}, (100, 19)),
        ({"successfulCalls": 81, "failedCalls": 19}, (100, 19)),
        ({"totalCalls": 0, "successRate": 0}, (0, 0)),
        ({"totalCalls": 0, "successRate": "N/A"}, (0, 0)),
    ],
)
def test_calls_are_counted_from_whatever_is_published(published: dict[str, Any], expected: tuple[int, int]) -> None:
    """Totals, successes, failures and rates complete each other."""
    found = llm_calls(readings(llm(**published)))
    assert not isinstance(found, str)
    assert (found.total, found.bad) == expected


def test_a_rate_too_coarse_to_count_by_is_taken_as_it_is() -> None:
    """One decimal of a million calls leaves no whole number of failures: no difference is taken of it."""
    found = llm_calls(readings(llm(totalCalls=1_000_000, successRate="0.9")))
    assert not isinstance(found, str)
    assert not found.whole
    share = window("llm", found, Standpoint(at=NOW, reads=(read(NOW - 3600, total=999_000, bad=1),)))
    assert (share.n, round(share.good, 6)) == (1_000_000, 0.9)


def counted(total: float, bad: float, reads: tuple[StoredCounters, ...], **seen: Any) -> Any:
    """The window of so many calls."""
    found = llm_calls(readings(llm(totalCalls=total, failedCalls=bad)))
    return window("llm", found, Standpoint(at=NOW, reads=reads, **seen))


def test_a_window_begins_at_the_last_read_that_has_rested() -> None:
    """The newest read of at least fifteen minutes ago counts; younger ones begin nothing."""
    reads = (read(NOW - 7200, total=10), read(NOW - REST, total=50, bad=5), read(NOW - 10, total=90, bad=9))
    share = counted(100, 10, reads)
    assert (share.n, share.bad) == (50, 5)


def test_without_a_read_the_whole_life_is_the_window() -> None:
    """No stored read: since the start."""
    assert counted(100, 10, ()).n == 100


@pytest.mark.parametrize("read_of", [read(NOW - 10, total=200), read(NOW - 3600, total=100, bad=50)])
def test_a_counter_that_went_backwards_is_unknown(read_of: StoredCounters) -> None:
    """Fewer calls or fewer failures than before in one process are no number at all, however young the read."""
    assert "went backwards" in counted(100, 10, (read_of,)).trouble


def test_lost_reads_prove_nothing_unless_nothing_ever_went_wrong() -> None:
    """Every window lies inside the process's life: clean as a whole, it is clean in every part."""
    assert "gone" in counted(100, 10, (), lost="gone").trouble
    assert counted(100, 0, (), lost="gone").trouble == ""
    assert counted(100, 10, (read(NOW - 3600, total=50, bad=10),), lost="gone").bad == 0


@PATIENT
@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 4000)), max_size=4),
)
def test_losing_the_store_never_turns_bad_into_good(good: int, bad: int, history: list[tuple[int, int, int]]) -> None:
    """With stored reads lost, a window is called clean only if it is clean with them."""
    total = good + bad
    reads = tuple(read(NOW - ago, total=min(g + b, total), bad=min(b, bad)) for g, b, ago in history)
    whole, lost = counted(total, bad, reads), counted(total, bad, (), lost="deleted")
    if not whole.trouble and whole.bad:
        assert lost.trouble


@pytest.mark.parametrize(("n", "bad", "expected"), [(7, 7, 13 / 20), (19, 1, 19 / 20), (0, 0, 1.0), (40, 10, 0.75)])
def test_the_best_that_can_still_come(n: int, bad: int, expected: float) -> None:
    """Missing calls may all succeed; those that failed stay failed."""
    assert counted(n, bad, ()).at_best(20) == pytest.approx(expected)


# --- the store ----------------------------------------------------------------------------------------------------------


def test_reads_are_kept_apart_and_bounded(tmp_path: Path) -> None:
    """Runs in quick succession add nothing; of many the newest stay."""
    assert telemetry_store.keep(tmp_path, read(NOW)) == ""
    assert telemetry_store.keep(tmp_path, read(NOW + 5)) == ""
    assert len(telemetry_store.load(tmp_path).reads) == 1
    for number in range(1, KEPT + 6):
        telemetry_store.keep(tmp_path, read(NOW + 100 * number))
    reads = telemetry_store.load(tmp_path).reads
    assert (len(reads), reads[-1].at) == (KEPT, NOW + 100 * (KEPT + 5))


def test_runs_at_once_lose_no_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve writers at a time: every process's read is there afterwards, and the file is whole."""
    monkeypatch.setattr(telemetry_store, "_WAIT", 60.0)  # on a busy machine twelve flushes take their time
    writers = [
        threading.Thread(target=telemetry_store.keep, args=(tmp_path, read(NOW, pid=pid))) for pid in range(1, 13)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found.pid for found in telemetry_store.load(tmp_path).reads) == list(range(1, 13))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "[" * 5000, "\x00" * 10, "x" * 300_000),
        *('{"reads": 1}', '{"reads": [1]}', '{"reads": [{"at": NaN}]}'),
        '{"reads": [{"at": 1, "pid": -1, "started": 1, "hub": "", "counters": {}}]}',
    ],
)
def test_a_garbled_store_is_said_to_be_garbled_and_is_replaced(tmp_path: Path, text: str) -> None:
    """It holds nothing, says so, and the next run begins anew."""
    file = tmp_path / telemetry_store.FILE
    file.write_text(text, encoding="utf-8")
    found = telemetry_store.load(tmp_path)
    assert (found.reads, bool(found.broken)) == ((), True)
    assert telemetry_store.keep(tmp_path, read(NOW)) == ""
    assert telemetry_store.load(tmp_path) == dataclasses.replace(found, reads=(read(NOW),), broken="")


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder in its place costs the window, not the run."""
    (tmp_path / telemetry_store.FILE).mkdir()
    assert "cannot write" in telemetry_store.keep(tmp_path, read(NOW))
    assert "no readable file" in telemetry_store.load(tmp_path).broken


# --- restarts -----------------------------------------------------------------------------------------------------------


def doubt(folder: Path, *, started: float, others: tuple[StoredCounters, ...] = (), pid: int = 7, **target: Any) -> str:
    """Whether the process may have been restarted undeclared."""
    config = Config(report_dir=folder, target=Target(**target))
    return restart_doubt(Identity(pid=pid, started=started), config, others=others, now=NOW)


def record(folder: Path, ago: float, pid: int | None = None) -> None:
    """The record of a deploy of `ago` seconds ago."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - ago))
    (folder / "deploy.json").write_text(json.dumps({"deployed_at": moment, "pid": pid}), encoding="utf-8")


def test_a_restart_is_declared_by_a_deploy_a_pid_or_a_day(tmp_path: Path) -> None:
    """Without any record and any earlier read nothing speaks of a restart; a later one than the deploy's is undeclared."""
    before = read(NOW - 7000, pid=9, started=NOW - 9000)
    assert doubt(tmp_path, started=NOW - 60) == ""
    assert "another one's place" in doubt(tmp_path, started=NOW - 60, others=(before,))
    assert doubt(tmp_path, started=NOW - 60, others=(before,), pid=8) != ""
    assert (
        restart_doubt(
            Identity(pid=7, started=NOW - 60),
            Config(report_dir=tmp_path, target=Target(pid=7)),
            others=(before,),
            now=NOW,
        )
        == ""
    )
    record(tmp_path, 120)
    assert doubt(tmp_path, started=NOW - 60, others=(before,)) == ""
    record(tmp_path, 7200)
    assert "after the recorded deploy" in doubt(tmp_path, started=NOW - 60)
    assert doubt(tmp_path, started=NOW - 90_000) == ""
    record(tmp_path, 7200, pid=7)
    assert doubt(tmp_path, started=NOW - 60) == ""
    record(tmp_path, -3600)
    assert "in the future" in doubt(tmp_path, started=NOW - 60)


# --- one moment of a run ------------------------------------------------------------------------------------------------


class Said:
    """As much of a hub as a look at its telemetry needs; it counts how often it was asked."""

    def __init__(self, stats: dict[str, Any] | Unknown, identity: Identity | Unknown) -> None:
        self.stats, self.who, self.asked = stats, identity, 0

    def filtering_stats(self) -> dict[str, Any]:
        """The statistics, or what was raised instead."""
        self.asked += 1
        if isinstance(self.stats, Unknown):
            raise self.stats
        return self.stats

    def identity(self) -> Identity:
        """The process, or what was raised instead."""
        if isinstance(self.who, Unknown):
            raise self.who
        return self.who

    def new_attempt(self) -> None:
        """Forget nothing: there is nothing to forget."""


@dataclasses.dataclass
class Fires:
    """A check's evidence."""

    fires: bool = True


HERE = Identity(pid=7, started=NOW)
CALLS = llm(totalCalls=50, successfulCalls=49, failedCalls=1)


def view(hub: Said, folder: Path, evidence: Fires | None = None) -> Telemetry:
    """A check's view of `hub`."""
    past = EarlierRuns(Config(report_dir=folder, target=Target(internal_url="http://me:secret@127.0.0.1:3000")))
    return Telemetry(cast("Hub", hub), past, Moment(), lambda: evidence)


def test_a_run_looks_once_and_stores_what_it_read(tmp_path: Path) -> None:
    """All checks see one moment; the next run finds it, without the login of the address."""
    hub = Said(CALLS, HERE)
    found = view(hub, tmp_path)
    assert found.reading("llm.calls").value == 50.0
    assert (found.share("llm").n, found.share("llm").bad) == (50, 1)
    assert hub.asked == 1
    (stored,) = telemetry_store.load(tmp_path).reads
    assert (stored.hub, stored.pid, stored.counters["llm"]) == ("http://127.0.0.1:3000", 7, (50.0, 1.0))
    found.new_attempt()
    found.snapshot()
    assert hub.asked == 2


def test_what_came_through_a_proxy_rolls_nothing_back_for_any_check(tmp_path: Path) -> None:
    """The check that fetched it is told by the transport; those that share it are told here."""
    fetching, sharing = Fires(fires=False), Fires()
    evidence = [fetching]
    found = view(Said(CALLS, HERE), tmp_path)
    found = Telemetry(found.hub, found.past, found.moment, lambda: evidence[0])
    found.snapshot()
    evidence[0] = sharing
    found.snapshot()
    assert not sharing.fires


def test_a_hub_without_statistics_gives_reasons_and_stores_nothing(tmp_path: Path) -> None:
    """What is not served is no error of the look, and nothing that a later run could begin at."""
    found = view(Said(NotServed("4.2.1 serves no /api/filtering/stats"), HERE), tmp_path).snapshot()
    assert not found.served
    assert "4.2.1 serves no /api/filtering/stats" in found.readings["llm.p95"].reason
    assert telemetry_store.load(tmp_path).reads == ()


def test_of_a_process_without_a_name_nothing_is_stored(tmp_path: Path) -> None:
    """Counters of nobody knows whom begin no window; where reads were stored, they are as good as lost."""
    telemetry_store.keep(tmp_path, read(NOW - 7200))
    found = view(Said(CALLS, Unknown("nobody says")), tmp_path)
    assert "nobody says" in found.share("llm").trouble
    assert len(telemetry_store.load(tmp_path).reads) == 1


# --- earlier runs -------------------------------------------------------------------------------------------------------


def ran(ago: float, *, up: bool | None = True, **more: Any) -> EarlierRun:
    """A run of `ago` seconds ago."""
    return EarlierRun(started=NOW - ago, finished=NOW - ago + 1, up=up, stage="after", **more)


def test_time_between_runs_is_up_down_turning_or_unseen() -> None:
    """Nothing is counted twice, and everything since the first run is counted."""
    runs = [ran(5 * GAP), ran(3 * GAP), ran(2.5 * GAP), ran(2 * GAP, up=False), ran(1.5 * GAP, up=False), ran(GAP)]
    found = uptime(runs, NOW)
    assert (found.up, found.down, found.turning) == (GAP / 2, GAP / 2, GAP)
    assert found.unseen == pytest.approx(2 * GAP, abs=2)
    assert (found.runs, found.bad) == (6, 2)
    assert (found.at_worst, found.at_best) == (0.25, 0.75)


def test_no_history_proves_nothing() -> None:
    """Without runs nothing was seen, and nothing bad either."""
    found = uptime([], NOW)
    assert (found.seen, found.at_very_best) == (0.0, 1.0)


@PATIENT
@given(st.lists(st.tuples(st.integers(1, int(PERIOD)), st.sampled_from([True, False, None])), max_size=30))
def test_availability_stays_within_its_bounds(history: list[tuple[int, bool | None]]) -> None:
    """The worst case is never better than the best one, and both are shares."""
    runs = sorted((ran(ago, up=up) for ago, up in history), key=lambda run: run.started)
    found = uptime(runs, NOW)
    assert 0 <= found.at_worst <= found.at_best <= 1
    assert min(found.up, found.down, found.turning, found.unseen) >= 0
    assert 0 <= found.at_very_best <= 1


def test_a_deploy_that_was_judged_twice_counts_once() -> None:
    """Runs within an hour that wanted the same release back are one deploy; a good run afterwards makes it good again."""
    back = {"decision": "ROLL BACK", "status": "NOT READY", "version": "4.3.0"}
    runs = [ran(90_000, **back), ran(5000, **back), ran(4000, **back)]
    found = deploys(runs, on_record=True)
    assert (len(found.taken_back), found.standing, found.judged) == (2, False, 3)
    assert deploys([*runs, ran(100, status="READY")], on_record=True).standing


def test_damaged_history_is_no_evidence(tmp_path: Path) -> None:
    """Cut, foreign, huge or nonsensical files are passed over; the good one among them is read."""
    folder = tmp_path / "history"
    folder.mkdir()
    run = {"started": "2026-01-02T00:00:00Z", "finished": "2026-01-02T00:00:05Z"}
    run |= {"target": HUB, "environment": "production", "demo": False}
    good = json.dumps(
        {"run": run, "verdict": {"status": "READY"}, "findings": [{"check": "hub-answers", "outcome": "waived"}]}
    )
    texts = [
        good,
        good[:60],
        "",
        "null",
        '{"run": 1}',
        '{"run": {"started": "soon"}}',
        good.replace(HUB, "http://other"),
    ]
    for number, text in enumerate(texts):
        (folder / f"20260102T00000{number}.000000Z-x.json").write_text(text, encoding="utf-8")
    (folder / "20269902T000000.000000Z-x.txt").write_text(good, encoding="utf-8")
    runs = EarlierRuns(Config(report_dir=tmp_path, target=Target(url=f"http://user:secret@{HUB[7:]}"))).runs()
    assert [(found.status, found.up) for found in runs] == [("READY", False)]


def test_an_unreadable_record_of_a_deploy_is_unknown(tmp_path: Path) -> None:
    """Whether deploys went well is not answered from half the evidence."""
    (tmp_path / "deploy.json").write_text("{", encoding="utf-8")
    with pytest.raises(Unknown, match="no record of a deploy"):
        EarlierRuns(Config(report_dir=tmp_path)).deploys(NOW)


def test_the_page_about_telemetry_names_every_place() -> None:
    """`docs/telemetry.md` lists each metric with its places and its check."""
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for metric in METRICS:
        row = next((row for row in rows if row.startswith(f"| {metric.title} |")), "")
        assert [source.path for source in metric.sources if f"`{source.path}`" not in row] == [], metric.name
        assert (metric.check or "") in row


def test_a_value_nested_beyond_reason_is_named_by_its_kind() -> None:
    """What no sentence can hold is not written out, and costs no error."""
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert readings(llm(queueDepth=deep))["queue.depth"].reason == "malformed: llm.queueDepth: a list is no number"
