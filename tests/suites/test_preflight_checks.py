"""Artifact, configuration, environment, dependencies, release and process: each check both ways, on the sample release."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.suites.cases_environment import ENVIRONMENT
from tests.suites.cases_host import DEPENDENCIES, PROCESS, RELEASE
from tests.suites.cases_tree import ARTIFACT, CONFIGURATION
from tests.suites.preflight_tree import functions, judge, settings, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.suites.preflight_vocabulary import Case

TODAY = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the healthy sample is made, once."""
    return tmp_path_factory.mktemp("sample") / "host"


@pytest.mark.parametrize("one", [*ARTIFACT, *CONFIGURATION, *ENVIRONMENT, *DEPENDENCIES, *RELEASE, *PROCESS])
def test_a_change_is_judged(one: Case, tmp_path: Path, pristine: Path) -> None:
    """Each change to the healthy release is seen by its check, and what only looks like one is not."""
    root = tree(tmp_path, pristine)
    one.change(root)
    found = judge(one.check, settings(root, **one.release), server=one.server)
    assert found.outcome == one.outcome, found
    if one.outcome != "passed":
        assert one.words in found.reason, found


def test_the_healthy_release_passes_every_check(tmp_path: Path, pristine: Path) -> None:
    """Nothing is found in the sample release."""
    root = tree(tmp_path, pristine)
    rehearsed(root)
    found = {check: judge(check, settings(root), server="everything") for check in functions()}
    assert {check: one for check, one in found.items() if one.outcome != "passed"} == {}


def rehearsed(root: Path, **keys: Any) -> None:
    """Leave the record of a rehearsal."""
    folder = root.parent / "reports"
    folder.mkdir(exist_ok=True)
    record = {"finished": (TODAY - dt.timedelta(days=7)).isoformat(), "seconds": 41.5, "result": "verified"} | keys
    (folder / "rehearsal.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("record", "outcome", "words"),
    [
        ({"finished": (TODAY - dt.timedelta(days=40)).isoformat()}, "failed", "days since the last rehearsal 40"),
        ({"finished": (TODAY + dt.timedelta(days=40)).isoformat()}, "failed", "still to come"),
        ({"result": "failed"}, "failed", "did not succeed"),
        ({"seconds": None}, "degraded", "how long"),
        ({"finished": "lately"}, "failed", "no record of a rehearsal"),
        ({"finished": f"{TODAY:%Y-%m-%d}"}, "passed", ""),
    ],
)
def test_a_rehearsal_is_recent_successful_and_timed(
    record: dict[str, Any], outcome: str, words: str, tmp_path: Path, pristine: Path
) -> None:
    """The record of a rehearsed rollback is held against the day."""
    root = tree(tmp_path, pristine)
    rehearsed(root, **record)
    found = judge("rollback-was-rehearsed", settings(root))
    assert found.outcome == outcome, found
    assert words in found.reason


@pytest.mark.parametrize(
    ("told", "outcome"),
    [("[Contact]", "failed"), ("TBD", "failed"), ("", "failed"), ("--", "failed"), ("+49 30 1234", "passed")],
)
def test_a_contact_is_a_person(told: str, outcome: str, tmp_path: Path, pristine: Path) -> None:
    """A placeholder names nobody."""
    config = settings(tree(tmp_path, pristine))
    object.__setattr__(config, "contacts", {"on_call": told})
    assert judge("on-call-contact-is-named", config).outcome == outcome


def test_a_running_deployment_is_seen_by_its_process(tmp_path: Path, pristine: Path) -> None:
    """A lock that names a living process, or that one holds in the kernel, belongs to a running deployment."""
    root = tree(tmp_path, pristine)
    lock = root / ".deploy.lock"
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        held = judge("no-other-deployment-is-running", settings(root))
        lock.unlink()
        lock.write_text(f"pid: {other.pid}\n")
        named = judge("no-other-deployment-is-running", settings(root))
        other.communicate("\n", timeout=10)
    left = judge("no-other-deployment-is-running", settings(root))
    assert (held.outcome, named.outcome, left.outcome) == ("failed", "failed", "passed")
    assert f"process {other.pid} holds .deploy.lock" in held.reason
    assert "left over" in left.notes[0]


def test_the_lock_of_this_very_deployment_is_no_other(tmp_path: Path, pristine: Path) -> None:
    """A deployment that runs preflight holds the lock itself."""
    root = tree(tmp_path, pristine)
    with (root / ".deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert judge("no-other-deployment-is-running", settings(root)).outcome == "passed"


def test_a_build_that_writes_into_the_release_is_seen(tmp_path: Path, pristine: Path) -> None:
    """A build that leaves its copy by an absolute path is a failure, and says what it touched."""
    root = tree(tmp_path, pristine)
    build = root / "tools" / "build.sh"
    build.write_text(build.read_text() + f"echo x >> {root}/src/cli.js\n")
    found = judge("build-succeeds-in-a-copy", settings(root))
    assert found.outcome == "failed"
    assert "src/cli.js" in found.reason


def test_a_linked_node_modules_is_copied_and_never_written(tmp_path: Path, pristine: Path) -> None:
    """A build that writes through a link to a shared folder writes into its copy of that folder."""
    root = tree(tmp_path, pristine)
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "state").write_text("before")
    (root / "node_modules").symlink_to(shared)
    build = root / "tools" / "build.sh"
    build.write_text(build.read_text() + "cat node_modules/state; echo after > node_modules/state\n")
    assert judge("build-succeeds-in-a-copy", settings(root)).outcome == "passed"
    assert (shared / "state").read_text() == "before"


def test_a_finding_names_its_place(tmp_path: Path, pristine: Path) -> None:
    """Path and line come with what was found, relative to the release."""
    root = tree(tmp_path, pristine)
    env = root / ".env.production"
    lines = env.read_text().splitlines()
    env.write_text(env.read_text().replace("LOG_LEVEL=info", "LOG_LEVEL=loud"))
    found = judge("log-level-is-valid", settings(root))
    assert (found.path, found.line) == (".env.production", lines.index("LOG_LEVEL=info") + 1)


NAMES = (
    *("package.json", "dist/cli.js", "config/mcp-hub.json", "config.schema.json", ".env.production", "CHANGELOG.md"),
    *(
        ".env.production.example",
        "package-lock.json",
        ".github/dependabot.yml",
        "systemd/mcp-hub.service",
        ".deploy.lock",
    ),
)
WAYS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_text(""),
    "a folder": lambda path: path.mkdir(),
    "binary": lambda path: path.write_bytes(b"\x7fELF\0\1\2" * 500),
    "no UTF-8": lambda path: path.write_bytes(b'{"a": "\xff\xfe"}\nX=\xff\n'),
    "enormous": lambda path: (path.touch(), os.truncate(path, 100 * 1024**2)),
    "a pipe": os.mkfifo,
    "a loop": lambda path: path.symlink_to(path.name),
    "garbage": lambda path: path.write_text("{{{ ]] '\"\n=\n[Service]\nExecStart=\n"),
    "deep": lambda path: path.write_text("[" * 50_000),
    "of other types": lambda path: path.write_text(
        '{"name": null, "version": 7, "scripts": [], "engines": 1, "bin": [1], "dependencies": "x", "packages": {"": 1},'
        '"mcpServers": {"everything": {"command": 4, "env": [], "cwd": 3}}, "toolFiltering": [1]}'
    ),
}
SLOW = {"build-succeeds-in-a-copy", "test-suite-passes", "lint-passes"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("one", ["every file", "config/mcp-hub.json"])
def test_no_file_crashes_a_check(way: str, one: str, tmp_path: Path, pristine: Path) -> None:
    """Whatever stands in a file's place, each check ends with an outcome and a sentence."""
    root = tree(tmp_path, pristine)
    for name in NAMES if one == "every file" else (one,):
        path = root / name
        path.unlink(missing_ok=True)
        WAYS[way](path)
    for check in sorted(set(functions()) - SLOW):
        found = judge(check, settings(root), server="everything")
        assert found.outcome == "passed" or len(found.reason) > 10, (check, found)
