"""Baselines: measured, kept, accepted, compared by ranks; nothing is concluded from what does not prove it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import random
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness import demo
from readiness.cli import baseline
from readiness.errors import ReadinessError
from readiness.operations.baseline import file as baseline_file
from readiness.operations.baseline.comparison import compare, unsound
from readiness.operations.baseline.file import Measurement, Series
from readiness.support.stats import mann_whitney, quantile, superiority, tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.demo.launcher import DemoHub

FINITE = st.floats(min_value=0, max_value=1e6)
SAMPLES = st.lists(FINITE, min_size=1, max_size=30)


# --- statistics ----------------------------------------------------------------------------------------------------------


def _by_counting(before: list[float], now: list[float]) -> float:
    """The two-sided p of U by trying every way to share the values out."""
    values = [*before, *now]
    middle = len(before) * len(now) / 2

    def distance(chosen: tuple[int, ...]) -> float:
        mine = [values[i] for i in chosen]
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        return abs(sum((a < b) + (a == b) / 2 for a in mine for b in rest) - middle)

    seen = distance(tuple(range(len(before))))
    ways = [distance(chosen) for chosen in itertools.combinations(range(len(values)), len(before))]
    return sum(way >= seen for way in ways) / len(ways)


@given(st.lists(FINITE, min_size=2, max_size=9, unique=True), st.data())
def test_small_samples_are_tested_exactly(values: list[float], data: st.DataObject) -> None:
    """The p of few different values is that of counting every order."""
    cut = data.draw(st.integers(min_value=1, max_value=len(values) - 1))
    before, now = values[:cut], values[cut:]
    assert mann_whitney(before, now) == pytest.approx(_by_counting(before, now))


@given(SAMPLES, SAMPLES)
def test_the_test_is_symmetrical_and_bounded(before: list[float], now: list[float]) -> None:
    """Which side is which changes neither p nor the size of the effect, and both are shares."""
    p, effect = mann_whitney(before, now), superiority(before, now)
    assert 0 <= p <= 1
    assert mann_whitney(now, before) == pytest.approx(p)
    assert superiority(now, before) == pytest.approx(1 - effect)


@given(st.integers(min_value=1, max_value=300), st.integers(min_value=1, max_value=300), FINITE)
def test_constant_data_differ_in_nothing(n: int, m: int, value: float) -> None:
    """Equal values on both sides are no difference at all, however many."""
    assert mann_whitney([value] * n, [value] * m) == 1.0
    assert superiority([value] * n, [value] * m) == 0.5


def test_the_approximation_is_near_the_exact_test() -> None:
    """At twenty against twenty the normal approximation and the count of all orders agree to a hundredth."""
    source = random.Random(5)
    for shift in (0.0, 0.3, 0.7, 1.0):
        before = [source.gauss(0, 1) for _ in range(20)]
        now = [source.gauss(shift, 1) for _ in range(20)]
        exact = mann_whitney(before, now)
        distance = abs(superiority(before, now) * 400 - 200) - 0.5
        assert exact == pytest.approx(math.erfc(distance / math.sqrt(2 * 400 * 41 / 12)), abs=0.01)


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Of five hundred pairs from one skewed distribution at most one in fifty is called different at p < 0.01."""
    source = random.Random(11)
    pairs = [[[source.lognormvariate(1, 0.5) for _ in range(40)] for _ in range(2)] for _ in range(500)]
    assert sum(mann_whitney(before, now) < 0.01 for before, now in pairs) <= 10


def test_the_tail_is_found_where_the_median_is_still() -> None:
    """One slow answer in eight is found, one in twenty is what was there before."""
    before = [1.0 + n / 1000 for n in range(200)]
    assert tail(before, [1.0] * 175 + [50.0] * 25) < 1e-4
    assert tail(before, before) > 0.3
    assert tail([], before) == 1.0


@given(SAMPLES)
def test_quantiles_are_values_of_the_sample(values: list[float]) -> None:
    """The nearest rank: the least, the largest, and always one that was measured."""
    assert quantile(values, 0) == min(values)
    assert quantile(values, 1) == max(values)
    assert quantile(values, 0.95) in values


# --- comparing -----------------------------------------------------------------------------------------------------------


def _measured(health: float = 3.0, *, calls: float = 100, seed: int = 1, **more: Any) -> Measurement:
    """A plausible measurement; `more` replaces fields, and series by name (dots as underscores)."""
    source = random.Random(seed)
    series = {
        "health.answer": Series(unit="ms", samples=tuple(health * source.lognormvariate(0, 0.2) for _ in range(120))),
        "tools.answer": Series(unit="ms", samples=tuple(5 * source.lognormvariate(0, 0.2) for _ in range(120))),
        "llm.calls": Series(unit="", samples=(calls,)),
        "llm.success_rate": Series(unit="share", samples=(0.99,) * 12),
        "hub.memory": Series(unit="bytes", samples=(100e6,) * 12),
    }
    fields = {field.name for field in dataclasses.fields(Measurement)}
    series |= {name.replace("_", ".", 1): found for name, found in more.items() if name not in fields}
    values: dict[str, Any] = {
        "at": "2026-01-31T08:00:00.000000Z", "seconds": 60.0, "identity": {"environment": "local"},
        "about": {"version": "4.3.0"}, "series": series, "asked": 240, "failed": 0,
    }  # fmt: skip
    return Measurement(**values | {name: found for name, found in more.items() if name in fields})


def _changes(before: Measurement, now: Measurement) -> dict[str, str]:
    return {d.name: d.change for d in compare(before, now).differences}


def test_the_same_hub_is_the_same() -> None:
    """Two measurements of one hub conclude nothing worse."""
    found = compare(_measured(seed=1), _measured(seed=2))
    assert (found.exit_code, found.worse, found.unsound) == (0, (), "")


@pytest.mark.parametrize(("health", "change"), [(9.0, "worse"), (3.9, "same"), (0.2, "better")])
def test_a_shift_counts_when_it_is_sure_and_large(health: float, change: str) -> None:
    """Three times as slow is worse; 0.9 ms more is sure, and too little to matter; far quicker is better."""
    before = _measured(3.0)
    assert _changes(before, _measured(health, seed=2))["health.answer"] == change


def test_readings_of_one_process_are_compared_by_their_median() -> None:
    """A success rate that fell by four points is worse, one by a point is not; memory that doubled is still the same."""
    before = _measured()
    fell = _measured(llm_success_rate=Series(unit="share", samples=(0.95,) * 12))
    assert _changes(before, fell)["llm.success_rate"] == "worse"
    assert compare(before, fell).exit_code == 1
    grown = _measured(
        llm_success_rate=Series(unit="share", samples=(0.98,) * 12), hub_memory=Series(unit="bytes", samples=(190e6,))
    )
    assert {_changes(before, grown)[name] for name in ("llm.success_rate", "hub.memory")} == {"same"}
    leaking = _measured(hub_memory=Series(unit="bytes", samples=(300e6,)))
    assert _changes(before, leaking)["hub.memory"] == "worse"


def test_a_rate_of_few_calls_is_unknown() -> None:
    """Under twenty LLM calls a rate says nothing, and does not decide."""
    found = compare(_measured(), _measured(calls=19, llm_success_rate=Series(unit="share", samples=(0.0,))))
    assert next(d for d in found.differences if d.name == "llm.success_rate").change == "unknown"
    assert found.exit_code == 0


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (_measured(identity={"environment": "production"}), "another environment"),
        (_measured(failed=13), "13 of 240 requests"),
        (_measured(health_answer=Series(unit="ms", samples=(1.0,) * 19)), "19 samples of at least 20"),
        (_measured(tools_answer=Series(unit="ms", samples=(1.0,) * 50, of="/api/servers")), "measured in another way"),
    ],
)
def test_what_is_not_comparable_says_why(now: Measurement, words: str) -> None:
    """Another environment, failing requests, few samples and another route are 12, with the reason."""
    found = compare(_measured(), now)
    assert found.exit_code == 12
    assert words in found.unsound


# --- the file ------------------------------------------------------------------------------------------------------------


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """The last measurement is replaced, the accepted one stays until another is accepted."""
    first, second = _measured(1.0), _measured(2.0)
    assert baseline_file.load(tmp_path) == baseline_file.Kept()
    baseline_file.keep(tmp_path, first, accept=True)
    baseline_file.keep(tmp_path, second, accept=False)
    assert baseline_file.load(tmp_path) == baseline_file.Kept(accepted=first, last=second)
    assert json.loads((tmp_path / "baseline.json").read_text())["schema_version"] == "1"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"schema_version": "2"}', b"\xff\xfe", b"[" * 100_000, b'{"schema_version": "1", "accepted": 7, "last": null}',
                b'{"schema_version": "1", "last": null, "accepted": {"at": "", "seconds": NaN}}'],
)  # fmt: skip
def test_a_damaged_file_is_named_and_can_be_replaced(content: bytes, tmp_path: Path) -> None:
    """Whatever stands there, the error names the file and the command; accepting replaces it."""
    (tmp_path / "baseline.json").write_bytes(content)
    with pytest.raises(ReadinessError, match=r"baseline\.json .*readiness baseline --accept"):
        baseline_file.load(tmp_path)
    with pytest.raises(ReadinessError):
        baseline_file.keep(tmp_path, _measured(), accept=False)
    baseline_file.keep(tmp_path, _measured(), accept=True)
    assert baseline_file.load(tmp_path).accepted == _measured()


# --- the verb ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub() -> Iterator[DemoHub]:
    """One embedded hub for all tests of this file."""
    with demo.start() as started:
        yield started


def _arguments(folder: Path, url: str, *more: str, timeout: float = 1.0) -> list[str]:
    file = folder / "readiness.toml"
    file.write_text(
        f'environment = "local"\n[target]\nurl = "{url}"\n[probe]\nattempts = 2\ninterval = 0.1\ntimeout = {timeout}\n'
    )
    where = ["--readiness-config", str(file), "--readiness-report", str(folder)]
    return [*where, "--for", "1s", "--interval", "0.02", *more]


def test_first_kept_then_accepted_then_compared(
    hub: DemoHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one is kept and names the next command; accepted it is what the next one is held against, and slower is 1."""
    assert baseline.main(_arguments(tmp_path, hub.url)) == 12
    assert "to accept it: readiness baseline --accept" in capsys.readouterr().out
    assert baseline.main(_arguments(tmp_path, hub.url, "--accept")) == 0
    assert f"accepted: {tmp_path / 'baseline.json'}" in capsys.readouterr().out
    kept = baseline_file.load(tmp_path).accepted
    assert kept is not None
    assert kept.about["version"] == "4.3.0"
    assert {"health.answer", "tools.answer", "hub.memory", "hub.connect"} <= set(kept.series)
    quicker = {
        name: dataclasses.replace(found, samples=tuple(value / 1000 for value in found.samples))
        for name, found in kept.series.items()
        if name.endswith(".answer")
    }
    # every time, so that a machine that is busy now and was not then makes none of them worse
    slower = {
        name: dataclasses.replace(found, samples=tuple(value + 50.0 for value in found.samples))
        for name, found in kept.series.items()
        if name.endswith((".answer", ".connect"))
    }
    baseline_file.keep(tmp_path, dataclasses.replace(kept, series={**kept.series, **slower}), accept=True)
    assert baseline.main(_arguments(tmp_path, hub.url)) == 0
    told = capsys.readouterr().out
    assert "no worse than the accepted baseline: better health answers" in told
    assert "→" in told
    assert compare(dataclasses.replace(kept, series={**kept.series, **quicker}), _slowed(kept)).exit_code == 1


def _slowed(found: Measurement) -> Measurement:
    answers = found.series["health.answer"]
    slow = dataclasses.replace(answers, samples=tuple(value + 20.0 for value in answers.samples))
    return dataclasses.replace(found, series={**found.series, "health.answer": slow})


def test_a_hub_that_is_down_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is kept of a hub that refuses connections: 12, with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert baseline.main(_arguments(tmp_path, f"http://127.0.0.1:{port}")) == 12
    assert "refused" in capsys.readouterr().err
    assert not (tmp_path / "baseline.json").exists()


def test_a_hub_lost_on_the_way_leaves_nothing(
    hub: DemoHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that falls silent while it is sampled ends the sampling early, and nothing is kept."""
    lefts: list[float] = []

    def tell(_: object, left: float) -> None:
        lefts.append(left)
        if len(lefts) == 5:
            os.kill(hub.pid, signal.SIGSTOP)

    monkeypatch.setattr(baseline._Progress, "__call__", tell)
    try:
        code = baseline.main([*_arguments(tmp_path, hub.url, timeout=0.5), "--for", "60s"])
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert code == 12
    assert lefts[-1] > 40
    assert "lost while it was sampled" in capsys.readouterr().err
    assert not (tmp_path / "baseline.json").exists()


@pytest.mark.parametrize("arguments", [["--for", "2h"], ["--for", "0.5"], ["--interval", "60"], ["--interval", "x"]])
def test_bounds_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A time or an interval out of bounds is a wrong call that names the bounds."""
    assert baseline.main(arguments) == 4
    assert "between 1s and 60m" in (told := capsys.readouterr().err) or "expected 0.02 to 10 seconds" in told


def test_a_measurement_that_proves_nothing_is_not_kept() -> None:
    """Too many failures or too few samples are said before anything is written."""
    assert unsound(_measured()) == ""
    assert "mend that first" in unsound(_measured(failed=240))
