"""A site: the sample's own scripts deploy, start, stop and roll back for real; and the demonstration believes nobody's word."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from readiness import demo
from readiness.demo.site import bad_deploy, site
from readiness.demo.site.layout import GOOD, NEW
from readiness.demo.site.service import STARTS, SiteService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def health(found: site.DemoSite) -> dict[str, Any]:
    """What its hub answers; nothing where nobody does."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{found.url}/api/health", timeout=2) as answer:
        return dict(json.load(answer))
    return {}


def pid(found: site.DemoSite) -> int:
    """The process that answers and is ready; 0 for none."""
    told = health(found)
    return int(told["workspaces"]["allActive"][str(found.port)]["pid"]) if told.get("state") == "ready" else 0


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def good() -> Iterator[site.DemoSite]:
    """A site to which a release without a fault is to be deployed; its tests follow each other."""
    with site.make(GOOD) as made:
        yield made
    assert not made.root.exists()


def ran(found: site.DemoSite, name: str, *arguments: str, status: int = 0, **environ: str) -> str:
    """What a lifecycle script says; it must end with `status`."""
    pairs = [f"{key}={value}" for key, value in environ.items()]
    done = found.call("env", *pairs, str(found.script(name)), *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_its_hub_is_supervised(good: site.DemoSite) -> None:
    """Killed, it is followed by another process, which `systemctl` names."""
    victim = pid(good)
    os.kill(victim, signal.SIGKILL)
    assert within(15, lambda: pid(good) not in {0, victim})
    shown = good.call(str(good.root / "bin" / "systemctl"), "show", "--property=MainPID", "--value", "mcp-hub.service")
    assert int(shown.stdout) == pid(good)


def test_its_release_is_deployed_and_rolled_back_by_its_scripts(good: site.DemoSite) -> None:
    """Backed up, deployed, validated, rolled back: each script does it, and says what runs now."""
    assert "match their SHA-256" in ran(good, "backup-pre-deployment")
    first = pid(good)
    assert f"deploy: {NEW} runs" in ran(good, "deploy-mcp-hub", NEW)
    second = pid(good)
    assert (good.deployed, health(good)["version"], second not in {0, first}) == (NEW, NEW, True)
    assert "all is well" in ran(good, "validate-deployment", READINESS_ROLLBACK="1")
    told = ran(good, "rollback-deployment", "--yes", "--to=4.3.0", READINESS_ROLLBACK="1")
    assert "rollback: 4.3.0 runs again" in told
    assert (good.deployed, health(good)["version"], pid(good) not in {0, second}) == ("4.3.0", "4.3.0", True)


def test_its_scripts_refuse_what_they_cannot_do(good: site.DemoSite) -> None:
    """A release that is not there, a question that nobody is there to answer, a deployment that goes on: nothing changes."""
    before = pid(good)
    assert "is not there, or was not built" in ran(good, "deploy-mcp-hub", "9.9.9", status=1)
    assert "no terminal to ask on" in ran(good, "rollback-deployment", f"--to={NEW}", status=1)
    assert "is not there" in ran(good, "rollback-deployment", "--yes", READINESS_PREVIOUS="/nowhere", status=1)
    with (good.root / "deploy.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another deployment is running" in ran(good, "deploy-mcp-hub", NEW, status=1)
        assert "another deployment is running" in ran(good, "rollback-deployment", "--yes", f"--to={NEW}", status=1)
    assert (good.deployed, pid(good)) == ("4.3.0", before)


def test_its_hub_stops_and_starts(good: site.DemoSite) -> None:
    """Stopped, nothing follows it and stopping again is no error; started, it is ready when the script returns."""
    assert "has ended" in ran(good, "stop-mcp-hub")
    assert "does not run" in ran(good, "stop-mcp-hub")
    assert health(good) == {}
    assert "is ready" in ran(good, "start-mcp-hub")
    assert pid(good) > 0


def test_a_site_goes_with_whoever_made_it(tmp_path: Path) -> None:
    """Killed, the one that made it leaves neither a hub nor a supervisor nor the folder behind."""
    told = tmp_path / "told"
    code = f"from readiness.demo.site import site; import os, pathlib, signal; made = site.make({GOOD!r}); "
    code += (
        f"pathlib.Path({str(told)!r}).write_text(f'{{made.root}} {{made.port}}'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == -signal.SIGKILL
    root, port = told.read_text().split()

    def nobody_answers() -> bool:
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", int(port))) != 0

    assert within(10, lambda: nobody_answers() and not os.path.lexists(root))


def test_what_cannot_start_is_given_up(tmp_path: Path) -> None:
    """After five starts in ten seconds the unit has failed, as systemd would say; `reset-failed` and `start` try again."""
    (tmp_path / "current").mkdir()
    (tmp_path / "site.json").write_text(json.dumps({"command": [sys.executable, "-S", "-c", ""], "environment": {}}))
    service = SiteService(tmp_path)
    service.start()
    assert within(20, lambda: bool(service.step() or service.failed))
    assert len(service.starts) == STARTS + 1
    assert service.answer(["is-failed", "--quiet", "x.service"])["status"] == 0
    assert service.answer(["is-active", "x.service"])["status"] == 3
    service.answer(["reset-failed", "x.service"])
    service.answer(["start", "x.service"])
    service.step()
    assert service.pid > 0
    assert service.answer(["mask"])["status"] == 1


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ({"command": sys.executable, "args": ["-m", "readiness.demo.stdio", "memory"]}, None),
        ({"command": sys.executable, "args": ["-m", "readiness.demo.stdio", "memories"]}, "Connection closed"),
        ({"command": "/nowhere/memory"}, "ENOENT"),
        ({}, "ENOENT"),
    ],
)
def test_a_server_that_could_not_be_started_is_not_connected(definition: dict[str, Any], why: str | None) -> None:
    """The embedded hub keeps its servers itself, and is no better than its configuration."""
    from readiness.demo.hub.managed import unstartable

    found = unstartable(definition, {"memory", "everything"})
    assert (found is None) if why is None else (why in str(found))


def test_a_site_needs_its_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scripts call and is not installed is named, before anything is made; so is a release that nobody knows."""
    with pytest.raises(demo.DemoError, match="no release is named 'bad'"):
        site.make("bad")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(demo.DemoError, match="need bash, flock"):
        site.make()


def test_what_a_machine_has_not_the_site_brings(
    tmp_path: Path, good: site.DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without curl and jq the same scripts come to the same answers, by stand-ins that know what the scripts ask."""
    from readiness.demo.site import standins

    for name in standins.NAMES:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -P {standins.__file__} {name} "$@"\n')
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "all is well" in ran(good, "validate-deployment", READINESS_ROLLBACK="1")
    curl = ["curl", "--fail", "--silent", "--max-time", "5", "--retry", "1", "--retry-delay", "0"]
    urls = {
        "http://127.0.0.1:9/": 7,
        "http://example.com/": 2,
        f"{good.url}/api/nowhere": 22,
        f"{good.url}/api/health": 0,
    }
    assert {url: good.call(*curl, url).returncode for url in urls} == urls
    asked = [("-r", ".version", 0, "4.3.0\n"), ("--exit-status", ".nothing", 1, "null\n"), ("-r", ".version[", 5, "")]
    for option, program, status, said in asked:
        done = good.call("jq", option, program, str(good.root / "current" / "package.json"))
        assert (done.returncode, done.stdout) == (status, said), done


WELL = {"outcome": "ROLLED_BACK_VERIFIED", "because": "so", "phases": []}


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (WELL, 1, []),
        (WELL, 0, ["status 0"]),
        (WELL | {"outcome": "KEPT"}, 0, ["ended KEPT: so"]),
        (WELL | {"outcome": "HELD"}, 12, ["ended HELD"]),
        (None, 1, ["ended without a word"]),
    ],
)
def test_the_demonstration_holds_the_release_to_its_word(
    document: dict[str, Any] | None, code: int, words: list[str], good: site.DemoSite
) -> None:
    """Anything but a verified rollback is told, whatever the hub answers."""
    good.reports.mkdir(exist_ok=True)
    (good.reports / "quarantine.json").write_text(json.dumps([NEW]))
    (good.reports / "release.json").write_text("" if document is None else json.dumps(document))
    shown = bad_deploy.judge(good, code)
    assert len(shown.wrong) == len(words), shown.wrong
    assert all(word in told for word, told in zip(words, shown.wrong, strict=True))


def test_the_demonstration_looks_for_itself(good: site.DemoSite) -> None:
    """What the release claims is nothing without the old release in place, the new one in quarantine, and a hub that answers."""
    (good.reports / "release.json").write_text(json.dumps(WELL))
    (good.reports / "quarantine.json").unlink()
    link = good.root / "current"
    link.unlink()
    link.symlink_to(f"releases/{NEW}")
    try:
        wrong = bad_deploy.judge(good, 1).wrong
        assert [f"release {NEW} is in place" in wrong[0], "is not in quarantine" in wrong[1]] == [True, True]
        assert good.call(str(good.root / "bin" / "systemctl"), "stop", "x.service").returncode == 0
        assert "does not answer" in bad_deploy.judge(good, 1).wrong[-1]
    finally:
        link.unlink()
        link.symlink_to("releases/4.3.0")


def test_what_goes_on_shows_until_it_is_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a phase shows while it lasts and makes way; into a file nothing is written twice; paths are short."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for terminal in (True, False):
        screen = bad_deploy.Screen("/tmp/site", terminal=terminal)
        screen.show("verify …", 1.0)
        screen.show("verify: failed: /tmp/site/reports/x", 2.0)
        said = capsys.readouterr().out
        assert ("\r\x1b[2K" in said, "verify …" in said) == (terminal, terminal)
        assert said.endswith("  2.0 s  verify: failed: reports/x\n")
        screen.show("verify: failed after 1.0 s: x", 3.0)
        assert ("\x1b[31mfailed\x1b[0m after" in capsys.readouterr().out) == terminal


@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["one-server", "dies-at-start"])
def test_a_bad_deploy_is_caught_rolled_back_and_verified(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`readiness demo --release`, for real: status 0, the outcome in its last lines, the reports kept, the site gone."""
    from readiness.demo.__main__ import main

    monkeypatch.chdir(tmp_path)
    assert main(["--release", kind]) == 0
    said = capsys.readouterr().out
    assert "CAUGHT, ROLLED BACK AND VERIFIED" in said
    document = json.loads((tmp_path / "reports" / "bad-deploy" / "release.json").read_text())
    assert document["outcome"] == "ROLLED_BACK_VERIFIED"
    failed = [phase["name"] for phase in document["phases"] if phase["status"] == "failed"]
    assert failed == ["verify" if kind == "one-server" else "deploy"]


@pytest.mark.matrix
def test_a_rollback_that_restores_nothing_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An action that says that it worked and changes nothing: status 1, and what is wrong is told."""
    made = site.make()
    action = {
        "name": "idle",
        "triggers": ["validation-failure"],
        "command": ["true"],
        "verify": ["health"],
        "timeout": 9,
    }
    made.configure(rollback={"action": [action]})
    monkeypatch.setattr(bad_deploy, "make", lambda _: made)
    monkeypatch.chdir(tmp_path)
    assert bad_deploy.main("one-server") == 1
    said = capsys.readouterr().out
    assert "did NOT go as it must" in said
    assert "ROLLBACK_FAILED" in said
    assert f"release {NEW} is in place" in said
