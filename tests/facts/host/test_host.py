"""A host is asked everything in two round trips, whatever stands between, and nothing it says is taken for the frame."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.errors import Unknown
from readiness.facts.host import batch, collect
from readiness.facts.host.batch import HostAnswer, HostAnswers, HostQuestion
from readiness.facts.host.collect import Hosts, look
from readiness.facts.host.connection import HostConnection, Unreachable, shown_spec
from readiness.facts.host.resources import GIB, Resources
from tests.helpers.sshd import Sshd, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def here(*asks: HostQuestion) -> HostAnswers:
    """What this machine answers."""
    return HostConnection("local://").ask(asks)


def test_answers_cannot_be_taken_for_the_frame(tmp_path: Path) -> None:
    """A file whose name looks like the frame, holds newlines and is no UTF-8 comes back as an answer's text."""
    name = b"x\n@@ .\n@0\n\xff ; $(id) 'y"
    (tmp_path / os.fsdecode(name)).write_text("")
    answers = here(
        HostQuestion(name="list", script='ls -1 "$1"', args=(str(tmp_path),)),
        HostQuestion(name="next", script="echo fine"),
    )
    assert answers.get("list").text.startswith("x\n@@ .\n@0\n\\xff ; $(id) 'y")
    assert (answers.get("next").text.strip(), answers.get("next").code) == ("fine", 0)


def test_arguments_are_never_code(tmp_path: Path) -> None:
    """What comes from a configuration reaches the script as arguments, whatever it holds."""
    told = f"'; touch {tmp_path}/owned; echo \"$(touch {tmp_path}/owned)` \n@@ x"
    assert here(HostQuestion(name="echo", script='printf %s "$1"', args=(told,))).get("echo").text == told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("no-such-program", "not installed"),
        ("sleep 30", "no answer in time"),
        ("head -c 300000 /dev/zero | tr '\\0' x", "longer than what is read"),
        ("exit 3", "ended with status 3"),
    ],
)
def test_each_question_fails_for_itself(script: str, trouble: str) -> None:
    """A missing tool, a slow one, one without end: its own answer says so, and the next question is answered."""
    started = time.monotonic()
    answers = here(HostQuestion(name="bad", script=script, seconds=1), HostQuestion(name="good", script="echo fine"))
    assert trouble in answers.get("bad").trouble
    with pytest.raises(Unknown, match="bad"):
        answers.demand("bad")
    assert answers.demand("good").lines == ["fine"]
    assert time.monotonic() - started < 8


def test_a_foreign_locale_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that speaks German answers in the one language that is parsed."""
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    assert (
        here(HostQuestion(name="locale", script="echo $LC_ALL; cat /none", errors=True)).get("locale").lines[0] == "C"
    )


def test_what_was_not_asked_is_unknown() -> None:
    """An answer that got lost is unknown, with its name."""
    with pytest.raises(Unknown, match="not asked for weather"):
        here().get("weather")


@pytest.mark.parametrize("output", ["", "Last login: today", "\n@@ cores\nMg==\n", "\n@@ hello\n\x00\n"])
def test_a_host_that_does_not_say_hello_is_not_believed(output: str) -> None:
    """Greetings, half an answer and garbage are no answers: unknown, never empty facts."""
    found = batch.parse(output)
    assert found is None or not found.privileged


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("ssh://127.0.0.1:1", "Connection refused"),
        ("hub-1", "write the host as ssh://hub-1"),
        ("ssh://me:hunter22@127.0.0.1", "a password in [target] hosts is not used"),
        ("nonsense://x", "nonsense"),
        ("docker://readiness-none", "docker"),
    ],
)
def test_a_host_that_cannot_be_looked_at_says_why(spec: str, words: str) -> None:
    """One sentence with the host's name and the reason, without a password, and soon."""
    with pytest.raises(Unreachable) as caught:
        look(HostConnection(spec), Config())
    assert words in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert shown_spec(spec) in str(caught.value)


def test_an_address_is_shown_without_password_and_options() -> None:
    """Instances are named by their host, and bear no secret."""
    assert shown_spec("ssh://me:hunter22@hub-1:2222?ssh_identity_file=/x") == "ssh://me@hub-1:2222"
    assert shown_spec("local://") == "local://"


def test_processes_of_a_run_ask_a_host_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one process collected is read by the others, a failure included, from a private file."""
    specs = ("local://", "ssh://127.0.0.1:1")
    asked: list[str] = []
    original = collect.look

    def counted(machine: HostConnection, config: Config) -> HostAnswers:
        asked.append(machine.spec)
        return original(machine, config)

    monkeypatch.setattr(collect, "look", counted)
    for _ in range(2):
        hosts = Hosts(Config(), specs, tmp_path)
        assert hosts.answers("local://").get("cores").ok
        with pytest.raises(Unreachable, match="refused"):
            hosts.answers("ssh://127.0.0.1:1")
    assert sorted(asked) == sorted(specs)
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "hosts").iterdir()} == {"0o600"}


def answers(**texts: str) -> HostAnswers:
    """Made-up answers, all with status 0."""
    said = {name.replace("_", "-"): HostAnswer(name=name, code=0, text=text) for name, text in texts.items()}
    return HostAnswers(said, privileged=True)


def test_a_container_counts_its_own_limits() -> None:
    """The lowest limit on the way up counts, and `max` is none."""
    found = Resources(
        answers(
            cores="8\n",
            cgroup="cpu.max 150000 100000\nmemory.max max\ncpu.max max 100000\nmemory.max 1073741824\n"
            "nr_periods 200\nnr_throttled 50\n",
            memory="MemTotal: 16000000 kB\nBlock: 8000000\nBlocks: 128\n",
        )
    )
    assert (found.cores(), found.memory() / GIB, found.throttled_percent()) == (1.5, 1.0, 25.0)


def test_memory_is_what_was_bought() -> None:
    """The kernel's own part belongs to the host's memory: a host of 4 GiB is not short of it."""
    assert (
        Resources(answers(cgroup="", memory="MemTotal: 3981234 kB\nBlock: 8000000\nBlocks: 32\n")).memory() == 4 * GIB
    )


def test_file_systems_survive_hostile_mounts() -> None:
    """Blanks in a mount point, a line that is none, and a file system without inodes."""
    disk = "/dev/a 1000 840 160 84% /srv/my hub\noverlay - - - - /x\n\n/dev/a 1000 840 160 84% /srv/my hub\n"
    (found,) = Resources(answers(disk=disk, inodes="/dev/a 0 0 0 - /srv/my hub\n")).file_systems(inodes=True)
    assert (found.mount, found.free, found.used_percent, found.inodes_percent) == ("/srv/my hub", 160, 84.0, None)


@pytest.mark.parametrize("text", ["", "cpu \n", "cpu a b c d e\n", "intr 1 2 3\n"])
def test_processors_that_say_nothing_are_unknown(text: str) -> None:
    """No figure is made up from a /proc/stat that cannot be read."""
    with pytest.raises(Unknown):
        Resources(answers(cpu_before=text, cpu_after=text)).busy_percent()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A real server on loopback; skipped with the reason where there is none."""
    if program() is None or shutil.which("ssh") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("sshd is not installed: apt-get install openssh-server")
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    with Sshd(folder=tmp_path / "sshd") as server:
        yield server


def test_over_ssh_two_round_trips_use_one_connection(sshd: Sshd) -> None:
    """The whole collection takes two round trips, one login, and leaves no client behind."""
    machine = HostConnection(sshd.spec)
    found = look(machine, Config(target=Target(hosts=(sshd.spec,))))
    assert (machine.rounds, sshd.connections) == (2, 1)
    assert Resources(found).cores() == Resources(look(HostConnection("local://"), Config())).cores()
    machine.close()
    left = subprocess.run(["pgrep", "-f", f"ssh.*{sshd.folder}/client"], capture_output=True, check=False, timeout=5)
    assert left.stdout == b""


def test_importing_the_fixtures_is_cheap() -> None:
    """The library is loaded when a host is asked, not when the plugin is."""
    code = "import sys, readiness.session.fixtures.host; print('testinfra' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "False"
