"""Drills as a run: who may, what is told, in workers, on the demonstration, and when it is interrupted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from readiness.config.model import Config, DrillSettings, Target
from readiness.errors import Unknown
from readiness.operations.drills import permit, rehearsal
from readiness.operations.drills.drills import Drills
from readiness.operations.drills.server import _runs, _words
from readiness.operations.drills.state import Back
from readiness.operations.drills.victim import _refuse_strangers
from readiness.session.fixtures import _printable
from tests.faults.drills.faults import CRASH, FAULTS, LLM
from tests.faults.drills.runner import CHECKS, _answers, _free_port, _started, _write
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SUNDAY = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


def config(*, environment: str = "production", requested: bool = True, **drill: Any) -> Config:
    """A configuration with a `[drill]`."""
    return Config(
        environment=environment, drill_requested=requested, drill=DrillSettings(**drill),
        target=Target(url=f"http://127.0.0.1:{_free_port()}"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (config(requested=False, allowed=True), "--readiness-drill"),
        (config(), "[drill] allowed = true"),
        (config(allowed=True), "[drill] window"),
        (config(allowed=True, window="Mon 02:00-04:00 UTC"), "closed now"),
        (config(allowed=True, window="Sun 02:00-03:00 UTC"), "closed now"),
        (config(allowed=True, window="Sun 03:00-03:01 UTC"), ""),
        (config(allowed=True, environment="test"), ""),
        (config(allowed=True, environment="test", window="Mon 02:00-04:00 UTC"), "closed now"),
    ],
)
def test_who_may_be_drilled(told: Config, words: str) -> None:
    """Asked for, allowed, and in production inside a named window; a refusal says what to set."""
    why = permit.refusal(told, SUNDAY)
    assert words in why
    assert bool(why) == bool(words)


def test_a_window_must_hold_the_whole_drill() -> None:
    """Forty minutes of soak do not begin a quarter of an hour before the window closes."""
    told = config(allowed=True, window="Sun 02:00-03:15 UTC")
    assert permit.refusal(told, SUNDAY) == ""
    assert "closes before" in permit.refusal(told, SUNDAY, 40)
    assert permit.refusal(told, SUNDAY, 14) == ""


def test_one_drill_at_a_time() -> None:
    """A second drill of the same hub is refused, and may follow once the first is over, however that ended."""
    told = config(allowed=True)
    with permit.alone(told), pytest.raises(Unknown, match="another drill"), permit.alone(told):
        pytest.fail("two drills at once")
    with pytest.raises(KeyboardInterrupt), permit.alone(told):
        raise KeyboardInterrupt
    with permit.alone(told):
        pass
    port = str(told.target.url).rpartition(":")[2]
    assert not list(Path(tempfile.gettempdir()).glob(f"readiness-drill-*-{port}.lock"))


def test_a_hub_that_is_down_is_not_drilled() -> None:
    """Nothing answers: nothing is done, and the reason says so."""
    said: list[str] = []
    drills = Drills(dataclasses.replace(config(environment="test", allowed=True)), say=said.append)
    with pytest.raises(Unknown, match="not drilled: the hub does not answer"):
        drills.crash()
    assert said == []


def test_a_drill_after_one_that_left_the_hub_broken_does_not_begin() -> None:
    """What an earlier drill could not put back is the reason."""
    drills = Drills(config(environment="test", allowed=True), say=lambda _: None)
    drills.left = "server memory is not connected"
    for drill in (drills.crash, drills.server, lambda: drills.stop(1), lambda: drills.llm(1)):
        with pytest.raises(Unknown, match="server memory is not connected"):
            drill()


def test_who_must_not_be_signalled() -> None:
    """The first process of a container, this run and whoever started it."""
    for pid in (1, os.getpid(), os.getppid()):
        with pytest.raises(Unknown, match="not drilled"):
            _refuse_strangers(psutil.Process(pid))


class Line:
    """A process that only has a command line."""

    def __init__(self, *line: str) -> None:
        self.line = list(line)

    def cmdline(self) -> list[str]:
        """It."""
        return self.line


@pytest.mark.parametrize(
    ("line", "command", "arguments", "same"),
    [
        (("node", "/bin/mcp-server-memory"), "/bin/mcp-server-memory", [], True),
        (("node", "/bin/mcp-server-memory"), "mcp-server-memory", [], True),
        (("node", "/bin/mcp-server-everything", "stdio"), "mcp-server-memory", [], False),
        (("node", "/bin/mcp-server-everything", "stdio"), "mcp-server-everything", ["stdio"], True),
        (("npm exec @acme/server /data",), "npx", ["-y", "@acme/server", "/data"], True),
        (("npm exec @acme/server /data",), "npx", ["-y", "@acme/server", "/other"], False),
        (("node", "server.js"), "node", [], True),
        (("/usr/bin/node", "other.js"), "node", ["server.js"], False),
        ((), "node", ["server.js"], False),
    ],
)
def test_which_process_runs_a_server(
    line: tuple[str, ...], command: str, arguments: Sequence[str], same: object
) -> None:
    """A server's process is told by its configured command line, as interpreters and runners show it."""
    words = _words({"command": command, "args": list(arguments)})
    found: Any = Line(*line)
    assert _runs(found, words) is same


def test_a_server_without_a_command_is_no_process() -> None:
    """Remote servers and broken settings have no words to look for; references are no words."""
    assert _words({"url": "https://example.com/mcp"}) == []
    assert _words({"command": 3}) == []
    assert _words({"command": "x", "args": ["${TOKEN}", "a", 4]}) == ["x", "a"]


def test_commands_are_bounded() -> None:
    """A command that fails, hangs or is not there is told in words; what it leaves behind by intent is left."""
    drills = Drills(config(environment="test", allowed=True, timeout=0.5), say=lambda _: None)
    assert drills.run(["true"]) == drills.launch(["true"]) == ""
    assert "status 1" in drills.run(["false"])
    assert "status 1" in drills.launch(["false"])
    assert "no-such-program" in drills.run(["no-such-program"])
    assert "no-such-program" in drills.launch(["no-such-program"])
    started = time.monotonic()
    assert "did not end within" in drills.run(["sleep", "20"])
    assert "did not end within" in drills.launch(["sleep", "20"])
    assert time.monotonic() - started < 8


def test_what_is_told_cannot_play_with_a_terminal() -> None:
    """A hub's words stand in what is told: escape sequences lose their escape."""
    assert _printable("server \x1b[2Jx\r\n is ü") == "server ?[2Jx?? is ü"


class Placed:
    """A scene around two releases behind a link, without a hub: who looks finds the release in place."""

    def __init__(self, folder: Path) -> None:
        for name in ("old", "new"):
            (folder / name).mkdir()
        self.link, self.said, self.left, self.told = folder / "current", list[str](), "", 0
        self.place("old")
        self.config = Config(target=Target(release=self.link))
        self.drills = self.watch = self
        self.before, self.budget, self.say = None, 0.0, self.said.append

    def place(self, name: str) -> None:
        """Let the link point there."""
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.link.parent / name)

    def back(self, *_: object, other: bool) -> Back:
        """All of a hub that was there before."""
        return Back(seconds=float(other), pid=1)

    def hub(self) -> Any:
        """Its version is not told."""
        raise Unknown("nobody tells")

    def replaced(self) -> None:
        """Another process answers."""
        self.told += 1


@pytest.mark.parametrize("works", [True, False])
def test_an_interrupted_rehearsal_puts_the_release_back(works: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    """Ctrl-C after the broken release is in place: it is rolled back by hand, or said that it could not be."""
    scene: Any = Placed(tmp_path)
    product: Any = SimpleNamespace(begun=True, back=lambda: scene.place("old" if works else "new") or "tried")
    found: list[Any] = []

    def interrupted() -> None:
        with rehearsal._put_back(scene, product) as after:
            found.append(after)
            scene.place("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "is in place" in found[0].trouble
    assert (scene.link.resolve().name, scene.told) == ("old" if works else "new", 1)
    assert ("NOT back" in scene.said[-1], bool(scene.left)) == (not works, not works)


def test_a_rehearsal_that_never_began_puts_nothing_back(tmp_path: Path) -> None:
    """Interrupted before anything was deployed: nobody rolls anything back."""
    scene: Any = Placed(tmp_path)
    product: Any = SimpleNamespace(begun=False, back=lambda: pytest.fail("there was nothing to put back"))
    with pytest.raises(KeyboardInterrupt), rehearsal._put_back(scene, product) as after:
        raise KeyboardInterrupt
    assert (after.trouble, after.words, scene.left) == ("", "the hub is as before", "")


# --- whole runs ---------------------------------------------------------------------------------------------------


def command(*arguments: str) -> list[str]:
    """A run of the drills as an operator starts it."""
    plain = [sys.executable, "-u", "-m", "pytest", "-m", "drill", "--readiness-drill", "-p", "no:cacheprovider"]
    return [*plain, *arguments]


def surroundings() -> dict[str, str]:
    """The environment without what tests and other runs left in it."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}


def findings(folder: Path) -> dict[str, dict[str, Any]]:
    """The findings by check."""
    report = json.loads((folder / "reports" / "readiness.json").read_text(encoding="utf-8"))
    return {row["check"]: row for row in report["findings"]} | {"verdict": report["verdict"]}


@pytest.mark.matrix
def test_the_demonstration_survives_its_drills(tmp_path: Path) -> None:
    """`pytest -m drill --readiness-demo --readiness-drill` is READY; each drill is told on the terminal before it acts."""
    done = subprocess.run(
        command("--readiness-demo", str(ROOT / "smoke")),
        cwd=tmp_path, env=surroundings(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = findings(tmp_path)
    assert (done.returncode, found["verdict"]["status"]) == (0, "READY"), done.stdout[-3000:]
    assert found["mcp-server-crash-is-contained"]["outcome"] == "not_applicable"
    for words in ("drill: kills", "drill: tells", "drill: takes the LLM away", "drill: sends"):
        assert words in done.stdout


@pytest.mark.matrix
def test_health_judges_the_hub_that_came_back(tmp_path: Path) -> None:
    """After a crash on purpose every check of health passes on the new process, the one of its identity too."""
    plain = [sys.executable, "-m", "pytest", "-m", "health or drill", "--readiness-drill", "--readiness-demo"]
    done = subprocess.run(
        [*plain, "-p", "no:cacheprovider", "-k", "after_a_crash or health", str(ROOT / "smoke")],
        cwd=tmp_path, env=surroundings(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = findings(tmp_path)
    found.pop("verdict")
    left_out = [check for check, row in found.items() if "left out of this run" in row["reason"]]
    wrong = {check: row["reason"] for check, row in found.items() if row["outcome"] not in {"passed", "not_applicable"}}
    assert set(wrong) == set(left_out), done.stdout[-3000:]
    assert found["hub-stays-up"]["outcome"] == found["service-restarts-after-a-crash"]["outcome"] == "passed"
    assert found["hub-process-is-the-one-deployed"]["outcome"] == "passed"


@pytest.mark.matrix
@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_workers_do_not_drill(workers: str, tmp_path: Path) -> None:
    """In workers nothing is broken: every drill is unknown and says how to run it."""
    done = subprocess.run(
        command(workers, "--readiness-demo", str(ROOT / "smoke" / "test_drill.py")),
        cwd=tmp_path, env=surroundings(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = findings(tmp_path)
    assert found["verdict"]["status"] == "INCOMPLETE", done.stdout[-3000:]
    assert "without -n" in found["service-restarts-after-a-crash"]["reason"]


@pytest.mark.matrix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("name", "check"), [("nobody-but-a-command", CRASH), ("breaker-stays-closed", LLM)])
def test_an_interrupted_drill_puts_things_back(name: str, check: str, number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C or SIGTERM in the middle of it: the hub is started again, the LLM is given back, and then the run ends."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    port = _free_port()
    _write(fault, tmp_path, port)
    with _started(fault, tmp_path, port):
        process = subprocess.Popen(
            command(f"{ROOT / 'smoke' / 'test_drill.py'}::{CHECKS[check]}"),
            cwd=tmp_path, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "drill: kills" in line or "drill: takes" in line:
                break
        until = time.monotonic() + 10
        while time.monotonic() < until and _answers(port) and not (tmp_path / "llm-is-down").exists():
            time.sleep(0.01)
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
        told = "".join(said) + rest
        assert _answers(port), told
    assert "drill: putting the hub back" in told or "drill: giving the LLM back" in told
    assert not (tmp_path / "llm-is-down").exists()
    assert process.returncode != 0
