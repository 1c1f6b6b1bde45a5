"""A target that asks to be left alone is left alone, by the whole run and by the next one, and its budget is kept."""

from __future__ import annotations

import email.utils
import os
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import init
from readiness.facts.http import Manners, manners
from readiness.facts.http.client import HttpTransport, TransportSettings
from readiness.facts.http.manners import RateLimited, StillRateLimited, seconds_to_wait
from tests.facts.targets.test_kinds import GENERIC, configured, judged, outcomes
from tests.helpers.mcp_target import McpTarget, serve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUDGET = "request_budget = 150\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a target asked for is kept apart from what other tests keep."""
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "kept"))


class Limiter:
    """Refuses as ContextForge does: so many requests in a window, and after some violations nothing at all for long."""

    def __init__(self, allowed: int, window: float, violations: int = 5) -> None:
        self.allowed, self.window, self.most = allowed, window, violations
        self.times: list[float] = []
        self.violations = 0
        self._lock = threading.Lock()

    def __call__(  # noqa: D102 - as the class says
        self, _method: str, _path: str, _headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], str] | None:
        with self._lock:
            now = time.monotonic()
            self.times = [at for at in self.times if now - at < self.window]
            if self.violations >= self.most:
                return 429, {"retry-after": "900"}, "locked out"
            if len(self.times) >= self.allowed:
                self.violations += 1
                return 429, {"retry-after": str(int(self.window) + 1)}, "too many"
            self.times.append(now)
            return None


def always(status: int, **headers: str) -> Any:
    """A refusal of every request."""
    return lambda *_: (status, {name.replace("_", "-"): value for name, value in headers.items()}, "later")


def transport(target: McpTarget, **given: Any) -> HttpTransport:
    """A transport that keeps to the manners of `target`."""
    place = target.url.removeprefix("http://")
    return HttpTransport(TransportSettings(base=target.url, timeout=5, manners=Manners(place=place, **given)))


@pytest.mark.parametrize(
    ("given", "date", "seconds"),
    [
        ("0", "", 0),
        ("120", "", 120),
        (" 7 ", "", 7),
        ("99999999999999", "", 86_400),
        ("Tue, 01 Dec 2026 10:02:00 GMT", "Tue, 01 Dec 2026 10:00:00 GMT", 120),
        ("Tue, 01 Dec 2026 09:00:00 GMT", "Tue, 01 Dec 2026 10:00:00 GMT", 0),
        ("Tue, 01 Dec 2099 10:00:00 GMT", "Tue, 01 Dec 2026 10:00:00 GMT", 86_400),
        ("", "", 10),
        ("-5", "", 10),
        ("soon", "", 10),
        ("1.5", "", 10),
        ("٣", "", 10),
    ],
)
def test_retry_after_is_seconds_or_a_date(given: str, date: str, seconds: float) -> None:
    """A date counts from the answer's own clock, what cannot be read is a short while, and nothing is believed beyond a day."""
    assert seconds_to_wait(given, date) == seconds


def test_a_date_without_the_answers_own_counts_from_here() -> None:
    """Where the answer bears no `Date` there is no other clock."""
    given = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 25 <= seconds_to_wait(given, "nonsense") <= 30


def test_after_a_429_all_wait_and_go_on(tmp_path: Path) -> None:
    """One refusal early in a run delays it, costs no outcome, and no request is sent meanwhile."""
    refused: list[float] = []
    early: list[float] = []

    def once(*_: object) -> tuple[int, dict[str, str], str] | None:
        if not refused:
            refused.append(time.monotonic())
            return 429, {"retry-after": "1"}, "too many"
        if time.monotonic() - refused[0] < 0.95:
            early.append(time.monotonic())
        return None

    with serve(refuse=once) as target:
        found = outcomes(configured(tmp_path, target.url), tmp_path / "run")
    assert found.keys() <= {"hub-answers"}, found  # one attempt was refused, and these tests make only one
    assert early == []


@pytest.mark.parametrize("phase", ["get", "sdk"])
def test_a_long_wait_makes_the_rest_unknown(phase: str, tmp_path: Path) -> None:
    """Past what a run waits nothing more is sent: each check is unknown with that reason, in this run and in the next."""
    is_open = threading.Event()

    def later(method: str, *_: object) -> tuple[int, dict[str, str], str] | None:
        if phase == "sdk" and not is_open.is_set():
            return None
        return 429, {"retry-after": "900"}, "too many"

    with serve(refuse=later) as target:
        config = configured(tmp_path, target.url)
        if phase == "sdk":
            assert judged(config, tmp_path / "well", ["hub-answers"])["hub-answers"].outcome.value == "passed"
            is_open.set()
        checks = GENERIC[11:] if phase == "sdk" else GENERIC
        found = outcomes(config, tmp_path / "run", checks)
        sent = len(target.asked)
        again = outcomes(config, tmp_path / "again", checks)
        assert len(target.asked) == sent
    assert found.keys() == again.keys() == set(checks)
    assert {outcome for outcome, _ in (*found.values(), *again.values())} == {"unknown"}
    assert "Retry-After 900" in found[checks[0]][1]
    assert "come back after" in again[checks[0]][1]
    assert len({reason for _, reason in again.values()}) <= 3


def test_a_target_that_refuses_again_and_again_is_left_alone() -> None:
    """A few short waits are made, then nothing more is asked."""
    with serve(refuse=always(429, retry_after="0")) as target:
        wire = transport(target)
        for _ in range(4):
            with pytest.raises(RateLimited, match="GET /x answered 429, Retry-After 0: too many requests"):
                wire.get("/x")
        target.refuse = always(429, retry_after="1")
        with pytest.raises(RateLimited):
            wire.get("/x")
        with pytest.raises(StillRateLimited, match=r"5 times; a run waits 60 s in total \(\[probe\] retry_after\)"):
            wire.get("/x")


def test_a_503_that_says_when_is_waited_for() -> None:
    """The service does not serve: whoever asked sees that, and whoever asks next waits as long as it says, a few times."""
    with serve(refuse=always(503, retry_after="1")) as target:
        wire = transport(target)
        taken = []
        for _ in range(6):
            began = time.monotonic()
            assert wire.get("/x").status == 503
            taken.append(time.monotonic() - began > 0.8)
    assert taken == [False, True, True, True, False, False]


def test_a_503_for_longer_than_a_run_waits_stops_nothing() -> None:
    """A failure stays one, and a service that was mended is seen to be well at once, by this run and by the next."""
    with serve(refuse=always(503, retry_after="3600")) as target:
        wire = transport(target)
        assert [wire.get("/mcp").status for _ in range(3)] == [503] * 3
        target.refuse = None
        assert wire.get("/mcp").status == transport(target).get("/mcp").status == 405


def test_a_503_that_says_nothing_stops_nothing() -> None:
    """Without `Retry-After` it is an answer like any other."""
    with serve(refuse=always(503)) as target:
        wire = transport(target)
        assert [wire.get("/x").status for _ in range(3)] == [503] * 3


def test_two_runs_at_once_keep_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they never meet the limit, use what they may, and both get through."""
    monkeypatch.setattr(manners, "_WINDOW", 1.0)
    limiter = Limiter(10, 1.0)
    with serve(refuse=limiter) as target:
        answers: list[int] = []

        def run() -> None:
            wire = transport(target, budget=600)  # ten in the second that stands for a minute here
            answers.extend(wire.get("/mcp").status for _ in range(14))

        runs = [threading.Thread(target=run) for _ in range(2)]
        began = time.monotonic()
        for one in runs:
            one.start()
        for one in runs:
            one.join(60)
        assert limiter.violations == 0
        assert answers == [405] * 28
        assert time.monotonic() - began >= 2.0


def test_a_run_within_its_budget_does_not_wait(tmp_path: Path) -> None:
    """A healthy gateway that bears what a run asks is judged as fast as without a budget."""
    with serve() as target:
        config = configured(tmp_path, target.url, target=BUDGET)
        began = time.monotonic()
        assert outcomes(config, tmp_path / "run", GENERIC[:3]) == {}
        assert time.monotonic() - began < 20
        assert len(target.asked) < 150 * 0.8


def test_waiting_for_a_place_is_no_slowness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds of an answer, and its deadline, begin when it is sent."""
    monkeypatch.setattr(manners, "_WINDOW", 1.0)
    with serve() as target:
        wire = transport(target, budget=150)  # two in the second that stands for a minute here
        with wire.within(0.9):
            taken = [wire.get("/mcp").seconds for _ in range(6)]
        assert max(taken) < 0.8


@pytest.mark.parametrize("state", ["damaged", "endless", "a link", "of another user", "open to all"])
def test_a_file_that_is_not_ours_is_not_believed(state: str, tmp_path: Path) -> None:
    """What stands in its place is neither obeyed nor written to, and the target is asked as if nothing were known."""
    folder = tmp_path / "kept" / f"readiness-{os.getuid()}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    with serve() as target:
        own = Manners(place=target.url.removeprefix("http://"))
        folder.mkdir(mode=0o700)
        file = own._file
        if state == "a link":
            file.symlink_to(elsewhere)
        else:
            file.write_text({"damaged": '{"until": ', "endless": "[" * 300_000}.get(state, '{"until": 1e99}'))
        if state == "open to all":
            folder.chmod(0o777)
        if state == "of another user" and os.getuid() == 0:
            os.chown(folder, 65534, 65534)
        assert transport(target).get("/mcp").status == 405
    assert elsewhere.read_text() == "precious"


def test_nothing_is_kept_of_a_target_that_never_refuses(tmp_path: Path) -> None:
    """Most targets have no budget: no file is made for them."""
    with serve() as target:
        transport(target).get("/mcp")
    assert list((tmp_path / "kept").iterdir()) == []


def test_init_says_that_it_is_to_come_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target that refuses is not taken for one that is none, and is not asked on."""
    monkeypatch.chdir(tmp_path)
    with serve(refuse=lambda _m, path, _h: (429, {"retry-after": "900"}, "") if path == "/mcp" else None) as target:
        assert init.main(["--url", f"{target.url}/mcp"]) != 0
        sent = len(target.asked)
    text = "".join(capsys.readouterr())
    assert "answered 429, Retry-After 900" in text
    assert sent < 15
    assert not (tmp_path / "readiness.toml").exists()
