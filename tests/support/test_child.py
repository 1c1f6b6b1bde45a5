"""Child processes: time-outs, groups, bounded output, an environment without secrets."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from readiness.support import child_process


def python(code: str) -> list[str]:
    """A child that runs `code`."""
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    """Whether process `pid` has ended; one that nobody reaped counts as ended."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_both_outputs_and_the_status_are_kept() -> None:
    """What a child writes and how it ends is what comes back."""
    done = child_process.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=20)
    assert (done.out, done.err, done.code, done.ok, done.ending) == (
        "out\n",
        "err\n",
        3,
        False,
        "ended with status 3",
    )
    assert done.last_words() == "err"


def test_a_child_has_no_input() -> None:
    """A child that asks gets the end of the file at once, and cannot hang on a question."""
    assert child_process.run(python("import sys; print(repr(sys.stdin.read()))"), timeout=20).out == "''\n"


def test_the_group_is_ended_on_time_out(tmp_path: Path) -> None:
    """A child that ignores TERM goes with everything that it started, and soon."""
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(inner.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()
    done = child_process.run(python(code), timeout=1.0)
    assert done.timed_out
    assert not done.ok
    assert "did not end within" in done.ending
    assert time.monotonic() - started < 8
    assert gone(int(done.out))


def test_what_a_child_leaves_behind_is_ended_too() -> None:
    """A child that ends and leaves a process with its pipes open costs no time and leaves nothing."""
    code = (
        "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)\n"
    )
    started = time.monotonic()
    done = child_process.run(python(code), timeout=20)
    assert time.monotonic() - started < 10
    assert done.ok
    assert gone(int(done.out))


def test_a_flood_keeps_its_beginning_and_its_end() -> None:
    """Output is bounded; what a tool says first and last stays."""
    code = "import sys\nsys.stdout.write('first\\n' + 'x' * 3_000_000 + '\\nlast\\n')"
    done = child_process.run(python(code), timeout=20, limit=10_000)
    assert done.out.startswith("first\n")
    assert done.out.endswith("last\n")
    assert len(done.out) < 10_100
    assert "bytes cut" in done.out


def test_no_secret_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child finds its tools and the network, and none of the secrets of this process."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    monkeypatch.setenv("NODE_OPTIONS", "--require=/nowhere.js")
    names = child_process.run(python("import os; print(*os.environ)"), timeout=20).out.split()
    assert "PATH" in names
    assert not {"OPENAI_API_KEY", "NODE_OPTIONS"} & set(names)


def test_a_scratch_home_is_private_and_goes() -> None:
    """HOME and every XDG folder lie in a folder that nobody else may read, and that is gone afterwards."""
    with child_process.scratch_home() as home:
        env = child_process.environment(home, {"NODE_ENV": "production"})
        inside = [name for name, value in env.items() if value.startswith(str(home))]
        assert len(inside) == 7
        assert env["NODE_ENV"] == "production"
        assert home.stat().st_mode & 0o077 == 0
    assert not home.exists()


def test_a_tool_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The text says what to install; a folder that is not there is not taken for a missing tool."""
    with pytest.raises(child_process.ToolNotInstalled, match="no-such-tool is not installed: install the-package"):
        child_process.find("no-such-tool", "the-package")
    with pytest.raises(child_process.ToolNotInstalled, match="no-such-tool"):
        child_process.run(["no-such-tool"], timeout=1)
    with pytest.raises(child_process.CouldNotRun, match="is no folder"):
        child_process.run(python("pass"), timeout=1, cwd=tmp_path / "nowhere")
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(child_process.CouldNotRun, match="Permission denied"):
        child_process.run([str(plain)], timeout=1)


def test_no_descriptor_is_leaked() -> None:
    """Twenty children leave no open file."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        child_process.run(["true"], timeout=5)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
