"""A scheduled run: alone, in its time, acting never, telling what is news, on the embedded hub and by a web hook's double."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness import __main__, demo
from readiness.config.loading import load
from readiness.config.model import Config
from readiness.errors import ReadinessError
from readiness.findings import Outcome, Severity
from readiness.operations.check_run import run as check_command
from readiness.operations.check_run.arguments import CheckArguments
from readiness.operations.check_run.pytest_child import Ended
from readiness.operations.deploys import lock
from readiness.operations.deploys.journal import JournalFile
from readiness.operations.notify.events import Pacing
from readiness.operations.rollback.document import PlanRun, SavedPlan
from readiness.operations.schedule import jobs as schedule
from readiness.operations.schedule import scheduled_run as schedule_run
from readiness.operations.schedule.exclusion import alone, releasing
from readiness.operations.schedule.scheduled_run import JobEnd, Options, run
from readiness.results.report import to_json
from readiness.results.verdict.verdict import Decision, Status
from readiness.support.environment import CHECK_ID, SCHEDULED
from tests.operations.notify.people_doubles import Hooks, serving
from tests.results.report.factory import judged, planned_action, report, rollback_plan
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.operations.schedule.jobs import Job

HOUR = 3600.0
TOML = """
environment = "staging"
[target]
url = "{url}"
release = "{release}"
state = "{state}"
[probe]
attempts = 2
interval = 0.1
settle = 1
[limits.hub-stays-up]
critical = 0.1
[expect]
telemetry = {{ expected = false, reason = "a hub that was restarted has counted nothing yet" }}
[notify.medium]
urls = ["${{HOOK}}"]
"""


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    """A web hook."""
    with serving(Hooks()) as server:
        yield server


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, hooks: Hooks) -> Hooks:
    """The web hook without the child process that sends to it: for stories of many messages."""

    def send(url: str, title: str, body: str, *, kind: str, **_: object) -> str:
        if "/ok" not in url:
            return "500"
        hooks.got.append({"title": title, "message": body, "type": kind})
        return ""

    monkeypatch.setattr("readiness.operations.notify.delivery.send", send)
    return hooks


class Site:
    """A deployment whose runs are made up: each leaves a report, at a time that the test says."""

    def __init__(self, folder: Path, hooks: Hooks, mood: str = "ok") -> None:
        self.folder, self.hooks, self.now, self.runs = folder, hooks, 1_700_000_000.0, 0
        (folder / "readiness.toml").write_text(TOML.format(url="http://127.0.0.1:9", release=folder, state=folder))
        self.config = load(file=folder / "readiness.toml", report_dir=folder / "reports")
        self.mood = mood

    def options(self, **more: Any) -> Options:
        """What a run is told."""
        environ = {"HOOK": self.hooks.url(self.mood)}
        values: dict[str, Any] = {"limit": 60.0, "repeat": 4.0, "environ": environ, "pacing": Pacing(pauses=())}
        return Options(config=self.config, clock=lambda: self.now, **values | more)

    def run(self, *failed: str, later: float = 300, job: Job = schedule.SMOKE, **more: Any) -> tuple[int, list[str]]:
        """A run in which `failed` fail; its status and the titles of the messages that it sent."""
        self.now += later
        self.runs += 1
        before = len(self.hooks.got)
        code = run(job, self.options(**more), self.leaves(*failed))
        return code, [message["title"] for message in self.hooks.got[before:]]

    def leaves(self, *failed: str, **about: Any) -> schedule_run.Execute:
        """What plays the child: it leaves a report and ends with its status."""

        def execute(_job: Job, run_id: str, options: Options) -> JobEnd:
            rows = [judged(name, Outcome.FAILED, 20, severity=Severity.CRITICAL, reason="no") for name in failed]
            status = Status.NOT_READY if failed else Status.READY
            decision = about.pop("decision", Decision.HOLD if failed else Decision.KEEP)
            document = to_json(report(rows or [judged("a")], status, decision, **about))
            document["run"]["id"] = run_id
            options.config.report_dir.mkdir(exist_ok=True)
            (options.config.report_dir / "readiness.json").write_text(json.dumps(document))
            return JobEnd(status=1 if failed else 0, seconds=0.1)

        return execute


def test_a_night_of_failure_is_four_messages(tmp_path: Path, quick: Hooks) -> None:
    """Told at once, again every four hours, when something else fails, and when it is over: no more, and in this order."""
    site = Site(tmp_path, quick)
    assert site.run() == (0, [])
    code, titles = site.run("a")
    assert code == 1
    assert titles == ["readiness · critical: HOLD · production https://hub.example.com is NOT READY: 1 check failed"]
    assert [site.run("a")[1] for _ in range(47)] == [[]] * 47
    assert site.run("a")[1][0].endswith("(for 4 h)")
    assert "2 checks failed" in site.run("a", "b")[1][0]
    assert "new: b" in quick.got[-1]["message"]
    assert site.run("a")[1] == []
    assert site.run() == (0, ["readiness · mended: staging http://127.0.0.1:9 is READY again, after 4 h 15 min"])
    assert quick.got[-1]["type"] == "success"
    assert site.run() == (0, [])
    assert len(quick.got) == 4


def test_a_message_goes_the_whole_way(tmp_path: Path, hooks: Hooks) -> None:
    """By Apprise, in a child process, to a web hook: bad news as failure, the end of it as success."""
    site = Site(tmp_path, hooks)
    assert len(site.run("a")[1]) == 1
    assert site.run()[1] == ["readiness · mended: staging http://127.0.0.1:9 is READY again, after 5 min"]
    assert [message["type"] for message in hooks.got] == ["failure", "success"]


def test_jobs_have_memories_of_their_own(tmp_path: Path, quick: Hooks) -> None:
    """What one job told is no news of it, and still news of another, which looked at something else."""
    site = Site(tmp_path, quick)
    assert len(site.run("a")[1]) == 1
    assert len(site.run("agent", job=schedule.AGENT)[1]) == 1
    assert site.run("a")[1] == []
    assert site.run(job=schedule.AGENT)[1] == [
        "readiness · mended: staging http://127.0.0.1:9 is READY again, after 10 min"
    ]
    assert site.run("a")[1] == []


def test_a_dead_channel_is_tried_again_until_it_lives(tmp_path: Path, quick: Hooks, capsys: Any) -> None:
    """Nothing arrived: nothing is believed to be known, every run says so, and the first that can tells."""
    site = Site(tmp_path, quick, "e500")
    assert site.run("a") == (1, [])
    assert site.run("a") == (1, [])
    assert capsys.readouterr().out.count("told people: failed: [notify.medium] HOOK") == 2
    site.mood = "ok"
    assert len(site.run("a")[1]) == 1
    assert site.run("a")[1] == []


def test_of_two_channels_the_one_that_has_it_gets_it_once(tmp_path: Path, quick: Hooks) -> None:
    """One channel is dead: it is tried by the next runs, and the living one hears nothing twice."""
    site = Site(tmp_path, quick)
    text = (tmp_path / "readiness.toml").read_text().replace('"${HOOK}"]', '"${HOOK}", "${SECOND}"]')
    (tmp_path / "readiness.toml").write_text(text)
    site.config = load(file=tmp_path / "readiness.toml", report_dir=tmp_path / "reports")
    both = {"HOOK": quick.url("ok/one"), "SECOND": quick.url("e500")}
    assert len(site.run("a", environ=both)[1]) == 1
    assert len(site.run("a", environ=both)[1]) == 0
    assert len(site.run("a", environ=both | {"SECOND": quick.url("ok/two")})[1]) == 1
    assert site.run("a", environ=both)[1] == []


def test_quiet_prints_only_what_people_are_told(tmp_path: Path, quick: Hooks, capsys: Any) -> None:
    """So that cron, which mails whatever is printed, mails news and nothing else."""
    site = Site(tmp_path, quick)
    site.run(quiet=True)
    assert capsys.readouterr().out == ""
    site.run("a", quiet=True)
    assert "this is news" in capsys.readouterr().out
    site.run("a", quiet=True)
    assert capsys.readouterr().out == ""
    site.run("a")
    assert "NOT READY in 0.1 s; nothing new since 2023-11-14 22:23 UTC" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "word"), [(None, "ended after 60 s"), (3, "ended with status 3")])
def test_a_run_without_a_verdict_is_told(tmp_path: Path, quick: Hooks, status: int | None, word: str) -> None:
    """A run that had to be ended, or died, proves nothing: that is an alarm, once."""
    site = Site(tmp_path, quick)
    codes = [run(schedule.SMOKE, site.options(), lambda *_: JobEnd(status=status, seconds=61.0)) for _ in range(2)]
    assert codes == [12 if status is None else 3] * 2
    assert [message["title"] for message in quick.got] == [
        f"readiness · high: staging http://127.0.0.1:9: the scheduled run smoke {word} and left no verdict"
    ]


@pytest.mark.parametrize(("status", "word"), [(1, "worse than the accepted baseline"), (12, "nothing could be said")])
def test_a_worse_baseline_is_told(tmp_path: Path, quick: Hooks, status: int, word: str) -> None:
    """The daily measurement has no verdict, but what came of it is news all the same, and so is its end."""
    site = Site(tmp_path, quick)

    def measured(*_: object) -> JobEnd:
        log = site.options().folder / "performance.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("\n\nGET /api/health  p95  12 ms  WORSE\n")
        return JobEnd(status=status, seconds=60.0)

    assert run(schedule.PERFORMANCE, site.options(), measured) == status
    assert word in quick.got[0]["title"]
    assert "p95 12 ms WORSE" in quick.got[0]["message"]
    assert run(schedule.PERFORMANCE, site.options(), lambda *_: JobEnd(status=0, seconds=60.0)) == 0
    assert "READY again" in quick.got[1]["title"]


def test_a_planned_rollback_is_told_and_left_to_a_person(tmp_path: Path, quick: Hooks) -> None:
    """A scheduled run plans and does nothing: the message says so, how to carry it out, and where the incident report is."""
    site = Site(tmp_path, quick)
    plan = rollback_plan(fired=("startup-failure",), mode="auto",
                actions=(planned_action("previous-release", ("startup-failure",), "a failed", "planned"),))  # fmt: skip
    assert run(schedule.SMOKE, site.options(), site.leaves("a", decision=Decision.ROLL_BACK, rollback=plan)) == 1
    assert "ROLL BACK" in quick.got[0]["title"]
    text = quick.got[0]["message"]
    assert re.match(r"nothing was done: .readiness rollback. shows what is planned and carries it out", text)
    assert re.search(r"incident report: /\S+/incident-\w+\.md", text)


def test_a_rollback_that_was_carried_out_is_not_told_again(tmp_path: Path, quick: Hooks) -> None:
    """Its decision, begin and end were told by whoever rolled back: "planned" after the all-clear would be untrue."""
    site = Site(tmp_path, quick)
    plan = rollback_plan(fired=("startup-failure",), mode="auto",
                actions=(planned_action("previous-release", ("startup-failure",), "a failed", "planned"),))  # fmt: skip
    leaves = site.leaves("a", decision=Decision.ROLL_BACK, rollback=plan)

    def acts(job: Job, run_id: str, options: Options) -> JobEnd:
        book = JournalFile(options.config.report_dir / "rollback" / "one.jsonl")
        run = PlanRun(id=run_id, finished="", status="NOT READY", decision="ROLL BACK")
        book.write("begin", plan=SavedPlan(run=run).to_json())
        book.write("outcome", result="ROLLED_BACK_VERIFIED", because="", seconds={})
        book.close()
        return leaves(job, run_id, options)

    assert run(schedule.SMOKE, site.options(), acts) == 1
    assert quick.got == []
    assert site.run() == (0, [])


def test_a_check_that_is_scheduled_neither_acts_nor_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a plan in mode auto before it, `readiness check` leaves it alone unless the schedule says that it may act."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "rollback-plan.json").write_text("{}")
    done: list[object] = []
    monkeypatch.setattr(
        check_command,
        "run_pytest",
        lambda _given, run_id: Ended(status=(done.append(run_id), 1)[1], pid=1, asked=CheckArguments()),
    )
    monkeypatch.setattr(check_command, "_settle", lambda ended, *_: ended.status)
    monkeypatch.setattr(check_command, "tell_people", lambda *_: done.append("told"))
    monkeypatch.setattr(
        "readiness.operations.check_run.acting.act",
        lambda _id, code, *_, tell, **_more: (done.append("acted"), tell(""), code)[2],
    )
    for value in ("looks", "acts"):
        monkeypatch.setenv(CHECK_ID, "abc123")
        monkeypatch.setenv(SCHEDULED, value)
        assert check_command.check(["-m", "health"]) == 1
        assert SCHEDULED not in os.environ, "what the run starts is not scheduled"
    assert done == ["abc123", "abc123", "acted"]
    check_command.check(["-m", "health"])
    assert done[-2:] == ["acted", "told"]


def test_a_run_that_finds_another_leaves_at_once(tmp_path: Path, quick: Hooks, capsys: Any) -> None:
    """Two at once: the second says who is at work, ends with 0, and looks at nothing."""
    site = Site(tmp_path, quick)
    with alone(site.options().folder, schedule.AGENT) as (descriptor, _):
        assert descriptor is not None
        started = time.monotonic()
        assert site.run("a") == (0, [])
        assert time.monotonic() - started < 1
    assert re.search(
        rf"smoke: another run is at work \(agent, process {os.getpid()}, since [\d:]+ UTC\); this one leaves it",
        capsys.readouterr().out,
    )
    assert not (tmp_path / "reports" / "readiness.json").exists()
    assert site.run("a")[0] == 1


def test_a_rare_run_waits_for_a_frequent_one(tmp_path: Path, quick: Hooks) -> None:
    """The hourly run is not lost to a smoke run that began a moment before it."""
    folder = Site(tmp_path, quick).options().folder
    holder = "import fcntl,sys,time; f=open(sys.argv[1],'a'); fcntl.flock(f,2); print(1,flush=True); time.sleep(0.5)"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", holder, str(folder / "run.lock")], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with alone(folder, dataclasses.replace(schedule.AGENT, wait=0)) as (descriptor, other):
            assert (descriptor, bool(other)) == (None, True)
        with alone(folder, schedule.AGENT) as (descriptor, _):
            assert descriptor is not None


def test_a_folder_without_locks_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system knows no locks nothing is run: two at once would make a healthy hub look ill."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ReadinessError, match="keep the reports on a local disk"), alone(tmp_path, schedule.SMOKE):
        pytest.fail("it was not alone")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "run.lock").unlink()
    (tmp_path / "run.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReadinessError, match="cannot lock"), alone(tmp_path, schedule.SMOKE):
        pytest.fail("it wrote through a link")


def test_a_release_at_work_is_left_alone_for_two_hours(tmp_path: Path, quick: Hooks, capsys: Any) -> None:
    """A hub that is being deployed is down on purpose; a lock that nobody takes away does not blind the schedule."""
    site = Site(tmp_path, quick)
    site.now = time.time()
    with lock.held(lock.folder_for(site.config), "a release"):
        assert site.run("a") == (0, [])
        assert "smoke: not now, " in capsys.readouterr().out
        assert "a release since" in releasing(site.config, time.time())
        assert releasing(site.config, time.time() + 2.1 * HOUR) == ""
        assert site.run("a", later=2.1 * HOUR)[0] == 1
    assert releasing(site.config, time.time()) == ""


def test_a_holder_that_is_gone_holds_nothing_up(tmp_path: Path, quick: Hooks) -> None:
    """A lock whose process is dead is nobody's; one that cannot be read is somebody's, for two hours."""
    site = Site(tmp_path, quick)
    folder = lock.folder_for(site.config)
    with lock.held(folder, "a release"):
        text = (folder / lock.FILE).read_text()
    (folder / lock.FILE).write_text(text.replace(f'"pid": {os.getpid()}', '"pid": 4194303'))
    assert releasing(site.config, time.time()) == ""
    (folder / lock.FILE).write_text("?")
    assert "cannot be told" in releasing(site.config, time.time())
    assert releasing(site.config, time.time() + 3 * HOUR) == ""


def child(folder: Path, body: str) -> tuple[Job, Options]:
    """A job whose `readiness` is a script of the test's: found first on the child's path."""
    package = folder / "fake" / "readiness"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(f"import os, signal, sys, time\n{body}\n")
    environ = {**os.environ, "PYTHONPATH": str(package.parent)}
    config = Config(path=folder / "readiness.toml", report_dir=folder / "reports")
    return schedule.SMOKE, Options(config=config, limit=0.6, repeat=4.0, environ=environ, pacing=Pacing(pauses=()))


def test_a_run_past_its_time_may_still_give_its_verdict(tmp_path: Path) -> None:
    """It is asked to end first: what it then says counts."""
    job, options = child(
        tmp_path, "signal.signal(15, lambda *_: sys.exit(12))\nprint('on', flush=True)\ntime.sleep(30)"
    )
    assert run(job, options) == 12


def test_a_run_that_does_not_listen_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deaf to SIGTERM and with a child of its own: both are gone soon after the limit, and the status is INCOMPLETE."""
    monkeypatch.setattr(schedule_run, "GRACE", 0.3)
    body = (
        "signal.signal(15, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n    open('grandchild', 'w').write(str(os.getpid()))\n"
        "time.sleep(30)"
    )
    monkeypatch.chdir(tmp_path)
    job, options = child(tmp_path, body)
    started = time.monotonic()
    assert run(job, options) == 12
    assert time.monotonic() - started < 5
    pid = int((tmp_path / "grandchild").read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(0.02)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def test_an_orphan_keeps_the_next_run_away(tmp_path: Path) -> None:
    """SIGKILL on the scheduled run leaves its child at work: the lock is the child's too, until it is done."""
    body = "open('at-work', 'w').write(str(os.getpid()))\ntime.sleep(1.5)"
    _, options = child(tmp_path, body)
    (tmp_path / "readiness.toml").write_text('[target]\nurl = "http://127.0.0.1:9"\n')
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from readiness.__main__ import main; "
        "sys.path.pop(0); import os; os.environ['PYTHONPATH'] = sys.argv[2]; main(['schedule', '--run', 'smoke'])"
    )
    argv = [sys.executable, "-c", code, str(ROOT), str(tmp_path / "fake")]
    with subprocess.Popen(argv, cwd=tmp_path, start_new_session=True) as first:
        deadline = time.monotonic() + 20
        while not (tmp_path / "at-work").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        orphan = int((tmp_path / "at-work").read_text())
        with alone(options.folder, schedule.SMOKE) as (descriptor, other):
            assert descriptor is None
            assert other.startswith("smoke, process")
    with alone(options.folder, dataclasses.replace(schedule.AGENT, wait=20)) as (descriptor, _):
        assert descriptor is not None
    assert not _lives(orphan)


@pytest.mark.matrix
def test_a_hub_that_breaks_and_heals_tells_its_story(
    tmp_path: Path, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The real verb on the embedded hub: healthy, a server killed, dead, healed; what is told, and what is not, when."""
    monkeypatch.setenv("HOOK", hooks.url("ok"))
    monkeypatch.chdir(tmp_path)
    story: list[tuple[str, int, list[str]]] = []

    def look(word: str) -> None:
        before = len(hooks.got)
        code = __main__.main(["schedule", "--run", "smoke", "--limit", "60"])
        titles = [re.sub(r"^readiness · |http\S+ |, after .*", "", m["title"]) for m in hooks.got[before:]]
        story.append((word, code, titles))

    with demo.start() as hub:
        port = int(hub.url.rsplit(":", 1)[1])
        (tmp_path / "readiness.toml").write_text(TOML.format(url=hub.url, release=hub.release, state=hub.state_dir))
        look("healthy")
    look("dead")
    look("dead")
    with demo.start("server-killed", port=port) as hub:
        (tmp_path / "readiness.toml").write_text(TOML.format(url=hub.url, release=hub.release, state=hub.state_dir))
        look("a server is dead")
    with demo.start(port=port) as hub:
        (tmp_path / "readiness.toml").write_text(TOML.format(url=hub.url, release=hub.release, state=hub.state_dir))
        look("healed")
        look("healed")
    assert story == [
        ("healthy", 0, []),
        ("dead", 1, ["critical: HOLD · staging is NOT READY: 1 check failed"]),
        ("dead", 1, []),
        ("a server is dead", 1, ["critical: HOLD · staging is NOT READY: 1 check failed"]),
        # what the runs saw of its absence stays unproven for a while: availability, honestly
        ("healed", 0, ["mended: staging is CONDITIONAL: nothing fails any more"]),
        ("healed", 0, []),
    ]
    assert "new: mcp-servers-are-connected · no longer: hub-answers" in hooks.got[1]["message"]
    assert len(list((tmp_path / "reports" / "history").glob("2*.json"))) == 6
    assert "exit 0: " in (tmp_path / "reports" / "schedule" / "smoke.log").read_text()
    assert "nothing new since" in capsys.readouterr().out
