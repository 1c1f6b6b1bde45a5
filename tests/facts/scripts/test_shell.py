"""The simulated shell: it goes the ways that bash goes, and whatever it is fed, it neither crashes nor runs anything."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.errors import Unknown
from readiness.facts.scripts.failure_modes import Questions
from readiness.facts.scripts.hygiene import Care
from readiness.facts.scripts.inventory import claim
from readiness.facts.scripts.parse import parse
from readiness.facts.scripts.shell import Scripts

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.scripts.values import Trace

SEMANTICS = {
    "errexit": "set -e; echo a; false; echo b",
    "no-errexit": "echo a; false; echo b",
    "errexit-off-again": "set -e; set +e; false; echo b",
    "errexit-in-a-condition": "set -e; f() { false; echo in; }; if f; then echo yes; fi; echo end",
    "errexit-and-list": "set -e; false && echo a; echo b",
    "errexit-last-of-a-list": "set -e; true && false; echo b",
    "errexit-negated": "set -e; ! true; echo b",
    "errexit-subshell": "set -e; (echo a; false; echo b); echo c",
    "pipe-hides": "set -e; false | true; echo b",
    "pipefail": "set -eo pipefail; false | true; echo b",
    "assignment": "set -e; x=$(false); echo b",
    "local-hides": "set -e; f() { local x=$(false); echo in; }; f; echo b",
    "substitution-goes-on": "set -e; x=$(false; printf a); echo b$x",
    "exit-trap": "trap 'echo bye $?' EXIT; echo a; exit 3",
    "exit-trap-reset": "trap 'echo bye' EXIT; trap - EXIT; echo a",
    "err-trap": "set -e; trap 'echo err' ERR; false; echo b",
    "err-trap-not-in-functions": "trap 'echo err' ERR; f() { false; echo in; }; f",
    "err-trap-by-errtrace": "set -E; trap 'echo err' ERR; f() { false; echo in; }; f",
    "err-trap-not-in-conditions": "trap 'echo err' ERR; if false; then :; fi; false || echo or",
    "return": "f() { echo a; return 4; echo b; }; f; echo $?",
    "positional": "f() { echo $# $1; shift; echo $1; }; f x y",
    "all-of-them": "f() { echo $#; }; g() { f \"$@\"; }; g 'a b' c",
    "case": "x=--yes; case $x in -y | --yes) echo yes ;; *) echo no ;; esac",
    "while": "n=0; while [ $n -lt 3 ]; do n=$((n + 1)); echo $n; done",
    "until-and-break": "n=0; until false; do ((n++)); [ $n -ge 2 ] && break; echo $n; done; echo end",
    "for": "for i in {1..3} x; do [ $i = 2 ] && continue; echo $i; done",
    "for-counting": "for ((i = 0; i < 3; i++)); do echo $i; done",
    "continue-two": "for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done",
    "defaults": "x=; echo ${x:-a} ${y:-b} ${x:+c} ${#x}",
    "cut": "x=a/b.sh; echo ${x%.sh} ${x##*/} ${x^^}",
    "array": "a=(x 'y z'); a+=(w); echo ${#a[@]}; for i in \"${a[@]}\"; do echo $i; done",
    "regex": "r=Y; if [[ ! $r =~ ^[Yy]$ ]]; then echo no; else echo yes; fi",
    "tests": "[ -z '' -a a = a ] && echo 1; [[ -n x && ( a == b || c == c* ) ]] && echo 2; [ ! a = a ] || echo 3",
    "subshell-variables": "x=1; (x=2; echo $x); echo $x",
    "eval": "eval 'echo a; x=3'; echo $x",
    "exit-in-a-function": "f() { echo a; exit 5; }; f; echo b",
    "quotes": "echo \"a  b\" 'c'\"d\" $'e'; x='p q'; set -- $x; echo $#",
    "heredoc": "cat <<END >/dev/null\necho no\nEND\necho yes",
    "heredoc-or": "cat <<END >/dev/null || exit 1\nfalse\nEND\necho yes",
    "group-or": "{ false; echo in; } || echo or",
    "function-in-a-pipe": "f() { echo a; return 1; }; set -o pipefail; f | cat >/dev/null; echo $?",
    "unset": "x=1; unset x; echo ${x:-gone}",
    "exit-status-of-a-script": "echo a; (exit 7)",
    "nested": "f() { if [ $1 -gt 0 ]; then echo $1; f $(($1 - 1)); fi; }; f 3",
}
"""Small scripts of builtins alone: what they echo, in which order, and their status."""


def release(folder: Path, **scripts: str | bytes) -> Scripts:
    """A release with these scripts; `start_mcp_hub` stands for `scripts/start-mcp-hub.sh`."""
    (folder / "scripts").mkdir(exist_ok=True)
    for name, text in scripts.items():
        file = folder / "scripts" / (name.replace("_", "-") + ".sh")
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Scripts(Config(target=Target(release=folder)))


def usual(scripts: Scripts, name: str) -> Trace:
    """The usual way through a script."""
    script = scripts.find(f"@/scripts/{name}.sh")
    assert script is not None
    return scripts.paths(script, environ={})[0]


@pytest.mark.parametrize("source", SEMANTICS.values(), ids=SEMANTICS)
def test_it_goes_where_bash_goes(source: str, tmp_path: Path) -> None:
    """What bash echoes, with which status, is what the simulation says it would."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    done = subprocess.run([bash, "-c", source], capture_output=True, text=True, timeout=10, check=False)
    trace = usual(release(tmp_path, it=source), "it")
    said = [" ".join(step.words) for step in trace.steps if step.name == "echo" and step.pos >= 0]
    expected = done.stdout.splitlines()
    # what a substitution or a pipe swallows is echoed in the simulation too: it is left out of the comparison
    assert [line for line in said if line in expected] == expected
    assert trace.status == done.returncode


GARBAGE = {
    "empty": b"",
    "bytes": bytes(range(1, 256)) * 40,
    "open-quote": b"echo 'a\n" * 200,
    "open-substitutions": b"$(" * 4000,
    "open-braces": b"{ " * 4000,
    "open-ifs": b"if true; then\n" * 2000,
    "long-list": b"true && " * 5000 + b"true\n",
    "deep-arithmetic": b"echo $((" + b"(" * 3000 + b"1" + b")" * 3000 + b"))\n",
    "recursion": b"f() { f; }\nf\n",
    "endless": b"while :; do :; done\necho after\n",
    "counting-for-ever": b"n=0\nwhile true; do n=$((n + 1)); done\n",
    "sources-itself": b'. "$0"\n. scripts/it.sh\nbash scripts/it.sh\n',
    "fork-bomb": b":() { : | : & }\n:\n",
    "no-words": b"> out\n< in\n&& ||\n;;\nesac\n",
    "huge-range": b"for i in {1..999999999}; do echo $i; done; seq 1 999999999\n",
    "huge-numbers": b"echo $((9999999999999999999999 * 9)) $((1 / 0)) $((1 % 0)) $((2 ** 99))\nexit 99999999999999999999\n",
    "odd-substitutions": b'echo "${}" ${x[} ${!x} ${x:1:2} ${x@Q} "$(" `\n',
    "not-utf-8": b"echo \xff\xfe\xc3 >logs/\xff\n",
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_gives_facts_or_a_reason(content: bytes, tmp_path: Path) -> None:
    """Whatever a script holds, it is answered in bounded time: with facts, or with why there are none."""
    scripts = release(tmp_path, it=content, start_mcp_hub=content)
    started = time.monotonic()
    for script in scripts.all:
        try:
            traces = scripts.paths(script)
        except Unknown:
            continue
        assert traces
        assert all(trace.ended in {"end", "exit", "exec", "endless"} for trace in traces)
    assert time.monotonic() - started < 10


def test_random_scripts_never_crash(tmp_path: Path) -> None:
    """Pieces of shell in any order are parsed and simulated without an error."""
    pieces = [
        *SEMANTICS.values(),
        "if",
        "then",
        "fi",
        "do",
        "done",
        "\n",
        "(",
        ")",
        "{",
        "}",
        "<<X",
        "X\n",
        "|",
        "&",
        "$(",
        "'",
        '"',
    ]
    chance = random.Random(7)
    for number in range(60):
        source = " ".join(chance.choices(pieces, k=12))
        scripts = release(tmp_path, **{f"it{number}": source})
        script = scripts.find(f"@/scripts/it{number}.sh")
        assert script is not None
        assert scripts.paths(script), source


def test_a_syntax_error_leaves_the_rest(tmp_path: Path) -> None:
    """What stands around a syntax error is still seen, and the error has its line."""
    program = parse(b"echo before\nif true; then\necho within\n")
    assert program.errors
    scripts = release(tmp_path, it="echo before\n)\nnpm run build\n")
    names = [step.text for step in usual(scripts, "it").steps]
    assert "npm run build" in names
    assert 2 in parse(b"echo before\n)\nnpm run build\n").errors


def test_lines_before_a_here_document_are_kept_apart(tmp_path: Path) -> None:
    """The grammar runs the lines before a here-document into one command; they are taken apart again."""
    source = 'a | tee x | b\ntrap "rm x" EXIT\nc <<END >out\nd\nEND\ne\n'
    steps = [step.text for step in usual(release(tmp_path, it=source), "it").steps]
    assert steps == ["a", "tee x", "b", "c", "e", "rm x"]


def test_paths_are_told_from_the_release(tmp_path: Path) -> None:
    """However a script finds its own folder, what it calls and writes is named from the release's."""
    source = (
        'HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\nROOT=${HERE%/*}\nLOG="$ROOT/logs/${NAME:-hub}.log"\n'
        'cd "$ROOT"\nbash "$HERE/stop-mcp-hub.sh" now >>"$LOG"\n'
    )
    scripts = release(tmp_path, it=source, stop_mcp_hub="echo stopped\n")
    (step,) = [step for step in usual(scripts, "it").steps if step.name == "bash"]
    assert (step.invokes, [write.path for write in step.writes]) == ("scripts/stop-mcp-hub.sh", ["@/logs/hub.log"])
    assert step.place == "scripts/it.sh:5"


def test_sourced_functions_are_followed(tmp_path: Path) -> None:
    """A function of a sourced file runs with the callers' options, and its steps bear the file they stand in."""
    scripts = release(tmp_path, it="set -e\nsource scripts/lib.sh\ngo x\n", lib='go() {\n  make "$1"\n}\n')
    (step,) = [step for step in usual(scripts, "it").steps if step.name == "make"]
    assert (step.file, step.line, step.words, step.errexit) == ("scripts/lib.sh", 2, ("x",), True)


def test_both_sides_of_an_unknown_test_are_taken(tmp_path: Path) -> None:
    """What a test of the file system says is not known: both ways are gone, the well one first."""
    scripts = release(tmp_path, it="if [ ! -f x ]; then\n  echo missing\n  exit 1\nfi\necho there\n")
    script = scripts.find("@/scripts/it.sh")
    assert script is not None
    assert [trace.status for trace in scripts.paths(script)] == [0, 1]


def test_nothing_is_executed(tmp_path: Path) -> None:
    """Reading and simulating a script leaves no trace of what it would have done."""
    mark = tmp_path / "mark"
    scripts = release(tmp_path, deploy_mcp_hub=f"touch {mark}\n$(touch {mark})\nnpm run build || touch {mark}\n")
    Questions(scripts).builds()
    Care(scripts).exposed()
    assert not mark.exists()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), False),
        (("start-mcp-hub.sh",), True),
        (("hub-start.sh",), True),
        (("notes.txt",), False),
        (("restart.sh",), False),
    ],
)
def test_scripts_are_claimed_by_what_is_there(files: tuple[str, ...], expected: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    """A release with a lifecycle script claims them; without one it says why the checks do not apply."""
    (tmp_path / "scripts").mkdir()
    for name in files:
        (tmp_path / "scripts" / name).write_text("true\n")
    found = claim(Config(target=Target(release=tmp_path)))
    assert (found.expected, bool(found.reason)) == (expected, not expected)
    assert claim(Config(target=Target(release=tmp_path, scripts=False))).expected is False
    assert claim(Config(target=Target(release=tmp_path, scripts=True))).expected is True
