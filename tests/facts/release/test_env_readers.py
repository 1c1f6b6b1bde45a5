"""What each reader makes of an env file's lines, held against the real shell where it is one."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from readiness.facts.release import env_file, env_readers

if TYPE_CHECKING:
    from pathlib import Path

LINES = {
    "A=plain": {},
    "A=": {},
    "A='My hub'": {"export": "differs", "env": "ends", "docker": "differs"},
    'A="My hub"': {"export": "differs", "env": "ends", "docker": "differs"},
    "A=My hub": {"shell": "ends", "export": "differs", "env": "ends"},
    "A=info  # error, warn": {"export": "ends", "env": "ends", "systemd": "differs", "docker": "differs"},
    "A='x' # why": {"export": "ends", "env": "ends", "systemd": "differs", "docker": "differs"},
    "A=ab#cd": {"node": "differs"},
    "A='ab#cd'": {"docker": "differs"},
    "A=pa$word": {"shell": "differs", "compose": "differs"},
    'A="pa$word"': {"shell": "differs", "docker": "differs", "compose": "differs"},
    "A='pa$word'": {"docker": "differs"},
    "A=a&b": {"shell": "ends"},
    "A=a;b": {"shell": "ends"},
    "A=a(b": {"shell": "ends"},
    "A=it's": {"shell": "ends", "export": "differs", "env": "differs"},
    "A = b": {"shell": "ends", "export": "ends", "env": "ends", "docker": "ends"},
    "export A=b": {"systemd": "differs", "docker": "ends", "env": "ends"},
    "A=$HOME/x": {},
    "A=https://u:p@h/?x=1": {},
    "A=a\\b": {"shell": "differs", "export": "differs", "env": "differs", "systemd": "differs"},
}
CASES = [(line, reader) for line in LINES for reader in env_readers.NAMES if (line, reader) != ("export A=b", "env")]


@pytest.mark.parametrize(("line", "reader"), CASES)
def test_a_line_is_read_as_each_reader_reads_it(line: str, reader: env_readers.Reader, tmp_path: Path) -> None:
    """A value that stays what it was meant to be, becomes another one, or ends whoever reads it."""
    file = tmp_path / ".env"
    file.write_text(f"FIRST=1\n{line}\n")
    found = env_readers.misreadings(env_file.parse(file), file.read_text(), reader)
    told = "ends" if any(one.ends for one in found) else "differs" if found else ""
    assert told == LINES[line].get(reader, ""), found
    assert all(one.line == 2 for one in found)


SCRIPTS = {
    "shell": "set -e\nset -a\n. ./.env\nset +a\nprintf '%s' \"$A\"",
    "export": "set -e\nexport $(cat .env | xargs)\nprintf '%s' \"$A\"",
    "env": "set -e\nenv $(cat .env | xargs) sh -c 'printf %s \"$A\"'",
}


@pytest.mark.parametrize(("line", "reader"), [(line, reader) for line, reader in CASES if reader in SCRIPTS])
def test_the_real_shell_says_the_same(line: str, reader: env_readers.Reader, tmp_path: Path) -> None:
    """Bash and xargs read the line: what is said to end them ends them, what is said to stay stays."""
    bash = shutil.which("bash")
    if bash is None or shutil.which("xargs") is None:
        pytest.skip("bash or xargs is not installed")
    file = tmp_path / ".env"
    file.write_text(f"FIRST=1\n{line}\n")
    done = subprocess.run(
        [bash, "-c", SCRIPTS[reader]], cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": "/h"}, capture_output=True,
        text=True, timeout=20, check=False,
    )  # fmt: skip
    told = LINES[line].get(reader, "")
    meant = env_file.parse(file).values["A"].replace("$HOME", "/h" if reader == "shell" else "$HOME")
    if told == "ends":
        assert done.returncode != 0, done
    elif told == "":
        assert (done.returncode, done.stdout) == (0, meant)
    else:
        assert done.returncode != 0 or done.stdout != meant


def test_carriage_returns_and_comments_reach_some_readers(tmp_path: Path) -> None:
    """A shell takes the CR into each value, systemd does not; without a filter a comment ends `export $(…)`."""
    file = tmp_path / ".env"
    file.write_bytes(b"# why\r\nA=1\r\n")
    read, text = env_file.parse(file), file.read_text()
    assert [one.line for one in env_readers.misreadings(read, text, "shell")] == [2]
    assert env_readers.misreadings(read, text, "systemd") == []
    ends = env_readers.misreadings(read, text, "export", filtered=False)
    assert [(one.line, one.ends) for one in ends] == [(1, True), (2, False)]


@pytest.mark.parametrize(("text", "outcomes"), [
    ("\ufeffA=1\nB=2\n", {"shell": "ends", "export": "ends", "env": "ends", "systemd": "differs"}),
    ("\ufeff# mine\nA=1\n", {"shell": "ends", "export": "ends", "env": "ends"}),
    ("A=one\\\ntwo\nB=2\n", {"export": "differs", "env": "differs"}),
])  # fmt: skip
def test_marks_and_lines_that_go_on_are_read_as_each_reader_reads_them(
    text: str, outcomes: dict[str, str], tmp_path: Path
) -> None:
    """A byte-order mark is a letter to some, and a backslash at the end of a line joins the next one for shells and systemd."""
    file = tmp_path / ".env"
    file.write_text(text, encoding="utf-8")
    for reader in env_readers.NAMES:
        found = env_readers.misreadings(env_file.parse(file), text, reader)
        told = "ends" if any(one.ends for one in found) else "differs" if found else ""
        assert told == outcomes.get(reader, ""), (reader, found)
    ended = subprocess.run(
        ["bash", "-c", "set -ea\n. ./.env"], cwd=tmp_path, capture_output=True, timeout=10, check=False
    )
    assert bool(ended.returncode) == (outcomes.get("shell") == "ends"), ended
