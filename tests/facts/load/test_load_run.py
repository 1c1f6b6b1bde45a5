"""Whole load runs: the real generator against a server whose truth is known, who may be put under load, and what is kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Expect, LimitOverride, LoadSettings, Target, ToolCall
from readiness.errors import ReadinessError, Unknown
from readiness.facts.load import baseline as load_baseline
from readiness.facts.load import generator as load_process
from readiness.facts.load import plan as load_plan
from readiness.facts.load import samples as load_samples
from readiness.facts.load import stats as load_stats
from readiness.facts.load import storage as load_folder
from readiness.facts.load.load_run import LoadRun
from readiness.facts.load.summary import summary
from readiness.session.conclusion import accept_load_baseline
from readiness.session.fixtures.load_progress import sentence
from tests.faults.load import FAULTS
from tests.faults.load.build import run
from tests.faults.load.server import Truth, serving
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SUNDAY = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)
BY_NAME = {fault.name: fault for fault in FAULTS}


def config(url: str = "http://127.0.0.1:3000", *, environment: str = "test", **load: Any) -> Config:
    """A configuration with a `[load]`."""
    return Config(environment=environment, target=Target(url=url), load=LoadSettings(**load))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (config(), ""),
        (config("http://localhost:3000"), "allowed_hosts"),
        (config("https://hub.example.org"), "allowed_hosts"),
        (config("https://hub.example.org", allowed_hosts=("hub.example.org",)), ""),
        (config(rate=10_001), "10000/s"),
        (config(rate=1000, duration=1001), "1,000,000 requests"),
        (config(environment="production"), "[load] window"),
        (config(environment="production", window="Sun 02:00-04:00 UTC"), ""),
        (config(environment="production", window="Mon 02:00-04:00 UTC"), "closed now"),
        (config(window="Sun 02:00-03:00 UTC", duration=30), "closed now"),
        (config(remote=2), "[load] port"),
        (config(remote=2, port=5557), ""),
        (config(""), "neither [target] url"),
    ],
)
def test_who_may_be_put_under_load(told: Config, words: str) -> None:
    """Hosts that are named, within a hard cap, and production in a window that holds the whole run."""
    why = load_plan.load_refusal(told, SUNDAY)
    assert words in why
    assert bool(why) == bool(words)


def measured(truth: Truth, tmp_path: Path, **load: Any) -> LoadRun:
    """What the real generator finds of a server with that truth."""
    contains = load.pop("contains", None)
    mix = ({"name": "GET /", "method": "GET", "path": "/", "weight": 1, "contains": contains},)
    with serving(truth) as address:
        told = config(address, **{"rate": 100.0, "duration": 3.2, "mix": mix} | load)
        plan = load_plan.load_plan(told, tmp_path)
        ended = load_process.run_generator(plan, told, tmp_path / "log", lambda _: None)
    samples = load_samples.read_samples(tmp_path / ended.file)
    return LoadRun(plan, ended, samples, run(BY_NAME["fixed-delay"]).around)


def test_the_generator_measures_the_injected_truth(tmp_path: Path) -> None:
    """Of a server that freezes for a second the median is its delay, and p95 and p99 are the freeze's."""
    found = measured(Truth(delay=0.02, freeze=(1.0, 2.0)), tmp_path)
    assert (found.planned, found.samples.errors, found.ended.end) == (320, 0, "done")
    # 320 arrivals: 1 % of them wait longer than 968 ms, 5 % longer than 840 ms, and 20 ms each; what was sent late adds to it
    for share, truth in ((0.5, 20.0), (0.95, 860.0), (0.99, 988.0)):
        slack = max(5.0, 0.03 * truth) + found.lag
        assert truth - slack <= found.percentile(share).value <= truth + slack, share
    row = max(summary(found)["over_time"], key=lambda row: row[5])
    assert row[0] in {1, 2}  # the freeze ends at the edge of two seconds


@pytest.mark.matrix
def test_an_error_in_a_good_status_is_an_error(tmp_path: Path) -> None:
    """200 with a body that lacks what a good one holds is wrong, and the run is given up once that is certain."""
    found = measured(Truth(body=b'{"error": "no"}'), tmp_path, contains='"status": "ok"')
    assert found.aborted
    assert found.samples.errors == found.samples.finished > 0
    assert found.planned < 320


@pytest.mark.matrix
def test_a_burst_of_errors_is_counted(tmp_path: Path) -> None:
    """Half a second of status 500 is fifty errors, and no more: the limit was set so that it runs to its end."""
    found = measured(Truth(fails=(1.0, 1.05)), tmp_path)
    assert 3 <= found.samples.errors <= 7
    assert {code for code, wrong in zip(found.samples.status, found.samples.error, strict=True) if wrong} == {500}


@pytest.mark.matrix
def test_nobody_listens(tmp_path: Path) -> None:
    """A port that refuses is errors at once, and the run is given up."""
    told = config("http://127.0.0.1:9", rate=100, duration=5)
    plan = load_plan.load_plan(told, tmp_path) | {"mix": [{"name": "x", "method": "GET", "path": "/", "weight": 1}]}
    started = time.monotonic()
    ended = load_process.run_generator(plan, told, tmp_path / "log", lambda _: None)
    assert ended.end == "aborted"
    assert time.monotonic() - started < 8


@pytest.mark.matrix
def test_an_interrupt_ends_a_run_within_a_second_and_still_reports(tmp_path: Path) -> None:
    """Ctrl-C in the middle: the generator is gone, and the report says what was measured until then."""
    command = [sys.executable, "-m", "pytest", "-m", "load", "--readiness-demo", "--readiness-report", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with subprocess.Popen(
        [*command, "-p", "no:cacheprovider", str(ROOT / "load")], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if re.match(r"load: \d+ s of ", line):  # the generator begins a little later than the one who tells
                break
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        out = process.stdout.read()
        took = time.monotonic() - sent
    assert process.returncode == 2, out
    found = json.loads((tmp_path / "readiness.json").read_text(encoding="utf-8"))
    assert found["verdict"]["status"] == "INCOMPLETE"
    assert found["load"]["ended"] == "interrupted"
    assert found["load"]["answered"] > 100
    # the embedded hub's own end and the report's writing are in it
    assert took < 5, out


def test_samples_that_are_cut_short_prove_nothing(tmp_path: Path) -> None:
    """Cut in the middle, of another version or no file at all: unknown, with a sentence."""
    good = run(BY_NAME["fixed-delay"]).samples
    columns = (good.intended, good.started, good.ended, good.route, good.status, good.error)
    header = {"version": 1, "count": len(good), "routes": list(good.routes), "epoch": 0.0}
    data = json.dumps(header).encode() + b"\n" + b"".join(column.tobytes() for column in columns)
    file = tmp_path / "samples.bin.gz"
    file.write_bytes(gzip.compress(data))
    assert load_samples.read_samples(file).latencies() == good.latencies()
    for text in (
        gzip.compress(data[:-9]),
        gzip.compress(data)[:-200],
        data,
        gzip.compress(data.replace(b"1", b"2", 1)),
    ):
        file.write_bytes(text)
        with pytest.raises(Unknown, match="samples"):
            load_samples.read_samples(file)
    file.unlink()
    with pytest.raises(Unknown, match="no whole file"):
        load_samples.read_samples(file)


def test_intervals_hold_what_they_promise() -> None:
    """A p95 is bounded from 59 samples on, a p99 and "no error in" 1 % from 299; shares are those of the exact tables."""
    for share, least in ((0.95, 59), (0.99, 299)):
        assert load_stats.percentile(range(least - 1), share).high == float("inf")
        assert load_stats.percentile(range(least), share).high == least - 1
    assert load_stats.share(0, 298).high > 0.01 >= load_stats.share(0, 299).high
    # Clopper and Pearson, one-sided 95 %: 10 of 100
    assert load_stats.share(10, 100).low == pytest.approx(0.0553, abs=1e-4)
    assert load_stats.share(10, 100).high == pytest.approx(0.1637, abs=1e-4)
    assert load_stats.share(0, 1_000_000).high == pytest.approx(3.0e-6, rel=0.01)


def test_arrivals_make_as_many_as_the_generator_sends() -> None:
    """What is due is what the generator's own schedule holds, whatever the kind."""
    from readiness.loadgen import arrivals

    for kind in ("constant", "ramp", "step", "spike", "poisson"):
        shape = load_plan.arrivals(kind, 120.0, 12.0)
        schedule = arrivals.parse(shape)
        assert load_plan.due_requests(shape) <= schedule.count() + 1
        assert schedule.count() <= load_plan.due_requests(shape) * (1.5 if kind == "poisson" else 1.01)
        assert load_plan.top_rate(shape) == schedule.peak == 120.0


def test_what_is_sent_by_default() -> None:
    """Routes whose answers only a hub gives, and the configured calls: over MCP, or by HTTP where tools are filtered."""
    call = ToolCall(server="everything", tool="echo", arguments={"message": 'a "b"'}, contains='Echo: a "b"')
    told = dataclasses.replace(config(), expect=Expect(tool_calls=(call,)))
    routes = load_plan.mix(told)[:-1]
    assert [(one["path"], bool(one["contains"])) for one in routes] == [("/api/health", True), ("/api/servers", True)]
    agents = load_plan.mix(told)[-1]
    assert (agents["tool"], agents["contains"]) == ("everything__echo", 'Echo: a "b"')
    by_http = load_plan.mix(told, filtered=True)[-1]
    assert by_http["json"] == {"server_name": "everything", "tool": "echo", "arguments": {"message": 'a "b"'}}
    # as it stands in the JSON of the answer
    assert by_http["contains"] == 'Echo: a \\"b\\"'
    own = dataclasses.replace(told, load=LoadSettings(mix=({"name": "x", "path": "/x"},)))
    assert load_plan.mix(own, filtered=True) == [{"name": "x", "path": "/x"}]


def test_an_error_limit_of_ones_own_is_when_a_run_is_given_up(tmp_path: Path) -> None:
    """Whoever allows 5 % of errors does not lose the run at 1 %."""
    told = config()
    assert load_plan.load_plan(told, tmp_path)["abort"] == {"error_rate": 0.01}
    mine = dataclasses.replace(told, limits={"errors-stay-within-limits": LimitOverride(critical=5.0)})
    assert load_plan.load_plan(mine, tmp_path)["abort"] == {"error_rate": 0.05}


def test_a_run_survives_its_folder(tmp_path: Path) -> None:
    """What one worker wrote the others read back, with the same doubts and the same figures."""
    made = run(BY_NAME["unfinished"])
    good = made.samples
    header = {"version": 1, "count": len(good), "routes": list(good.routes), "epoch": 0.0}
    columns = (good.intended, good.started, good.ended, good.route, good.status, good.error)
    data = json.dumps(header).encode() + b"\n" + b"".join(column.tobytes() for column in columns)
    (tmp_path / load_folder.SAMPLES_FILE).write_bytes(gzip.compress(data))
    assert load_folder.stored_run(tmp_path) is None
    load_folder.save_run(made, tmp_path)
    found = load_folder.stored_run(tmp_path)
    assert found is not None
    assert (found.doubts(), summary(found)) == (made.doubts(), summary(made))
    load_folder.save_reason("no load: the window is closed", tmp_path)
    with pytest.raises(Unknown, match="window is closed"):
        load_folder.stored_run(tmp_path)


def test_a_first_good_run_becomes_the_baseline_and_a_later_one_by_word(tmp_path: Path) -> None:
    """Kept where none is; replaced only when somebody accepts; never by a run that cannot be believed."""
    told = dataclasses.replace(config(), report_dir=tmp_path / "reports")
    private = tmp_path / "private"
    (private / "load").mkdir(parents=True)
    with pytest.raises(ReadinessError, match="no load run to accept"):
        accept_load_baseline(told)
    load_baseline.note_load(run(BY_NAME["fixed-delay"]), told, private / "load")
    load_baseline.keep_load_baseline(private, told, believed=False, good=True)
    assert load_baseline.accepted_load(told) is None
    load_baseline.keep_load_baseline(private, told, believed=True, good=True)
    first = load_baseline.accepted_load(told)
    assert first is not None
    assert first.latencies[0] == pytest.approx(10.05, abs=0.01)
    load_baseline.note_load(run(BY_NAME["slower-than-before"]), told, private / "load")
    load_baseline.keep_load_baseline(private, told, believed=True, good=True)
    assert load_baseline.accepted_load(told) == first
    assert "accepted the load run of 20" in accept_load_baseline(told)
    assert load_baseline.accepted_load(told) != first
    elsewhere = dataclasses.replace(told, environment="production")
    assert load_baseline.accepted_load(elsewhere) is None
    (told.report_dir / load_baseline.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(Unknown, match="cannot be read"):
        load_baseline.accepted_load(told)


def test_samples_beside_the_report_do_not_pile_up(tmp_path: Path) -> None:
    """Twenty runs' samples are kept, the newest always."""
    told = dataclasses.replace(config(), report_dir=tmp_path / "reports")
    (tmp_path / "load").mkdir()
    for number in range(load_folder.KEEP + 3):
        (tmp_path / "load" / load_folder.SAMPLES_FILE).write_bytes(b"x" * (number + 1))
        load_folder.keep_samples(tmp_path, told, f"run/{number}")
    kept = sorted((told.report_dir / "load").iterdir())
    assert len(kept) == load_folder.KEEP
    assert (told.report_dir / "load" / f"run-{load_folder.KEEP + 2}.bin.gz") in kept


def test_progress_is_a_sentence() -> None:
    """What the generator says twice a second reads as one line; what it leaves out is left out."""
    said = {"t": 12.0, "sent": 1200, "done": 1190, "errors": 3, "dropped": 0, "in_flight": 4, "p95_ms": 12.34}
    assert sentence(said, 30) == "load: 12 s of 30, 1200 sent (100/s), 3 errors, p95 12.34 ms, 4 in flight, 18 s left"
    assert sentence({"t": 31}, 30).endswith("waiting for the last answers")
