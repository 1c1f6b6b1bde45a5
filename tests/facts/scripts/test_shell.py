"""The simulated shell: it goes the ways that bash goes, and whatever it is fed, it neither crashes nor runs anything."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.facts.scripts.failure_modes import FailureModes
from readiness.facts.scripts.hygiene import Hygiene
from readiness.facts.scripts.inventory import claim
from readiness.facts.scripts.parse import parse
from readiness.facts.scripts.release_scripts import Scripts

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.scripts.simulation import Trace

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
    "exec-opens-a-file": "exec {fd}>lock; echo $fd; exec {fd}>&-; echo b",
    "exec-opens-a-number": "exec 9>lock; echo a; exec 9>&-; echo b",
    "exec-turns-the-output": "echo a; exec >log; echo b; exec 2>&1; echo c",
    "exec-ends-it": "trap 'echo bye' EXIT; exec true; echo b",
    "words-behind-a-redirection": "echo >log a b; echo a >log b 2>/dev/null c",
    "a-group-s-file": "{ echo a; echo b; } >log 2>&1; echo c",
    "braces": "echo x{a,b}{1,2} {a,{b,c}} {1..3} {a..c} {1..9..4} {x} a,b",
    "brace-variables": 'x=1; echo {$x,2} "{a,b}" \\{a,b\\}',
    "case-falls": "case a in a) echo 1 ;& b) echo 2 ;; c) echo 3 ;; esac",
    "case-goes-on": "case ab in a*) echo 1 ;;& *b) echo 2 ;;& c) echo 3 ;;& *) echo 4 ;; esac",
    "case-quoted": "case 'a*' in 'b*') echo 1 ;; \"a*\") echo 2 ;; esac; case ab in 'a*') echo 3 ;; a?) echo 4 ;; esac",
    "case-classes": "case 7 in [[:alpha:]]) echo 1 ;; [!0-5]) echo 2 ;; esac",
    "case-none": "case a in b) echo b ;; esac; echo $?",
    "extglob": "shopt -s extglob; [[ abab == +(ab) ]] && echo 1; [[ c == @(a|b) ]] || echo 2",
    "test-is-no-pattern": "[ ab = 'a*' ] || echo 1; x='a*'; [[ ab == \"$x\" ]] || echo 2; [[ ab == $x ]] && echo 3",
    "regex-quoted": "[[ a.b =~ ^a.b$ ]] && echo 1; [[ axb =~ ^a\\.b$ ]] || echo 2; [[ x9 =~ ^[[:alpha:]][0-9]+$ ]] && echo 3",
    "double-and-or": "[[ a == b && x == x || -n y ]] && echo 1; [[ ! ( a == a ) ]] || echo 2",
    "getopts": "f() { local OPTIND o; while getopts ':ab:c' o; do echo $o \"$OPTARG\"; done; shift $((OPTIND - 1)); echo $# $1; }; f -a -b x -cz -bq rest",
    "getopts-none": "set --; while getopts 'a' o; do echo $o; done; echo end",
    "options-by-shift": "set -- --yes --to=3 x; while [ $# -gt 0 ]; do case $1 in --to=*) echo ${1#--to=} ;; -*) echo opt ;; *) echo $1 ;; esac; shift; done",
    "array-element": "a=(x y); a[1]=z; a[3]=w; i=1; echo ${a[$i]} ${a[i + 2]} ${a[0]} ${a[-1]}",
    "array-keys": "declare -A m=([a]=1 [b]=2); m[c]=3; k=c; echo ${m[$k]} ${m[a]} ${#m[@]}; unset m; echo ${m[a]:-gone}",
    "array-append": "a=(x); a+=(y z); a[0]+=q; echo ${a[@]} ${#a[@]} $a",
    "arithmetic": "x=5; ((x *= 2, x += 1)); echo $x $((x ** 2)) $((7 / 2)) $((-7 / 2)) $((-7 % 3)) $((1 << 4 | 1)) $((~1)) $((010)) $((0x10))",
    "arithmetic-short": "x=0; ((x && y++)); echo ${y:-none}; ((1 || z++)); echo ${z:-none} $((x ? 1 : 2))",
    "increment-from-nothing": "set -e; n=0; ((n++)); echo b",
    "increment-before": "set -e; n=0; ((++n)); echo $n; let n+=1; echo $n",
    "for-without-list": "set -- a b; for i; do echo $i; done",
    "for-the-same": "for i in x x x; do echo $i; done; echo end",
    "for-many": "n=0; for i in {1..900}; do n=$((n + 1)); done; echo $n",
    "for-counting-none": "for ((i = 3; i < 3; i++)); do echo $i; done; echo end $i",
    "while-the-clock": "SECONDS=0; n=0; while ((n < 40)); do ((n += 1)); done; echo $n",
    "break-two": "for i in 1 2; do while true; do echo $i; break 2; done; done; echo end",
    "local-bare": "x=1; f() { local x; echo ${x:-none}; x=2; local x; echo $x; }; f; echo $x",
    "local-dynamic": "f() { local x=1; g; echo $x; }; g() { x=2; }; f; echo ${x:-none}",
    "declare-global": "f() { declare -g x=1; }; f; echo $x",
    "readonly-and-export": "readonly a=1; export b=2 c; echo $a $b ${c:-none}",
    "err-trap-set-in-a-function": "f() { trap 'echo err' ERR; false; echo in; }; f; false; echo end",
    "err-trap-of-a-function-call": "trap 'echo err' ERR; f() { return 3; }; f; echo $?",
    "err-trap-in-a-subshell": "trap 'echo err' ERR; (false; echo in); echo b",
    "err-trap-in-a-subshell-by-errtrace": "set -E; trap 'echo err' ERR; (false; echo in); echo b",
    "err-trap-and-errexit-in-a-function": "set -e; trap 'echo err' ERR; f() { false; echo in; }; f; echo b",
    "err-trap-in-a-substitution": "trap 'echo err' ERR; x=$(false; echo in); echo $x",
    "err-trap-by-errexit-exits": "set -eE; trap 'echo err; exit 9' ERR; f() { false; }; f; echo b",
    "err-trap-of-a-pipe": "set -o pipefail; trap 'echo err' ERR; false | true; echo b",
    "err-trap-of-a-test": "trap 'echo err' ERR; [ a = b ]; [[ a == b ]]; ((0)); ! true; echo b",
    "exit-trap-in-a-subshell": "trap 'echo bye' EXIT; (echo in); (trap 'echo sub' EXIT; echo in2); echo b",
    "exit-trap-status": "trap 'echo $?; exit 4' EXIT; exit 3",
    "exit-trap-by-errexit": "set -e; trap 'echo bye $?' EXIT; false; echo b",
    "exit-trap-replaced": "trap 'echo one' EXIT; trap 'echo two' EXIT; trap '' ERR; false; echo b",
    "trap-function": "bye() { echo bye $?; }; trap bye EXIT; (exit 3)",
    "trap-for-a-signal": "trap 'echo never' INT TERM; echo a",
    "return-in-a-loop": "f() { for i in 1 2 3; do [ $i = 2 ] && return 5; echo $i; done; }; f; echo $?",
    "return-of-the-last": "f() { false; return; }; f; echo $?",
    "and-or-chains": "true && false || echo 1; false || false && echo 2; false || echo 3 && echo 4",
    "not-in-a-list": "! false && echo 1; ! true || echo 2; if ! false; then echo 3; fi",
    "errexit-in-an-if-body": "set -e; if true; then false; fi; echo b",
    "errexit-of-a-group": "set -e; { false; } && echo a; { echo b; false; }; echo c",
    "errexit-in-a-substitution-inherited": "set -e; shopt -s inherit_errexit; x=$(false; echo a); echo b",
    "errexit-of-a-return": "set -e; f() { return 1; }; f || echo or; f; echo b",
    "errexit-of-a-loop": "set -e; for i in 1 2; do echo $i; false; done; echo b",
    "errexit-of-a-while": "set -e; n=0; while [ $n -lt 1 ]; do n=1; done; until false; do break; done; echo b",
    "errexit-subshell-in-a-condition": "set -e; if (false; echo in); then echo yes; fi; (false; echo a) || echo or",
    "errexit-by-the-shell": "bash -ec 'false; exit 5'; echo $?; bash -o errexit -c 'false; exit 5'; echo $?; bash -c 'false; exit 5'; echo $?",
    "errexit-of-another-process": "if bash -ec 'false; true'; then echo yes; else echo no; fi; bash -ec 'false; true' || echo or",
    "a-shell-of-its-own": "x=1; bash -c 'x=2; exit 3' || true; echo $x",
    "a-shell-with-options": "set -e; bash -euo pipefail -c 'true'; bash -c 'exit 4' || echo $?",
    "pipestatus": "false | true; echo ${PIPESTATUS[0]} ${PIPESTATUS[1]}; true; echo ${PIPESTATUS[0]}",
    "pipe-in-a-condition": "set -eo pipefail; if false | true; then echo a; else echo b; fi",
    "lastpipe": "shopt -s lastpipe; x=1; true | x=2; echo $x",
    "input-by-a-here-string": 'x=a; while read -r l; do echo round; break; done <<<"$x"',
    "process-substitution": "while read -r l; do echo round; break; done < <(echo in)",
    "heredoc-substitution": "cat <<END >/dev/null\n$(echo in)\nEND\ncat <<'END' >/dev/null\n$(echo out)\nEND\necho b",
    "heredoc-to-a-shell": "bash <<'END'\nexit 3\nEND\necho $?",
    "heredoc-to-a-shell-expanded": "x=3; bash <<END\nexit $x\nEND\necho $?",
    "heredoc-background": "cat <<END >/dev/null &\nx\nEND\nwait; echo b",
    "background-status": "(exit 3) & wait $!; echo $?; wait; echo $?",
    "background-loop": "(while true; do sleep 9; done) & p=$!; echo a; kill $p; echo b",
    "pushd-and-back": "mkdir -p d/e; cd d; cd e; cd ..; cd - >/dev/null; echo ${PWD##*/}; pushd .. >/dev/null; popd >/dev/null; echo ${PWD##*/}",
    "printf-into-a-variable": "printf -v x %s abc; echo $x",
    "cut-with-patterns": "x=a.b.c; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.}; y='*'; echo ${x%\"$y\"} ${x^} ${x^^}",
    "must-be-set": "x=1; : ${x:?no}; echo a; unset x; : ${x:?no} 2>/dev/null; echo b",
    "plus-and-default": "x=1; echo ${x:+y} ${z:+y} ${z:=w} $z ${x:-d}",
    "indirect-is-left": 'set -- a \'b c\'; echo $# "$*"; f() { echo $#; }; f "$@" "$*"',
    "unset-a-function": "f() { echo a; }; f; f() { echo b; }; f; unset -f f; echo c",
    "function-keyword": "function f { echo $1; }; f a; g() ( x=2; echo $x ); x=1; g; echo $x",
    "function-defined-within": "f() { g() { echo g; }; }; f; g",
    "command-and-builtin": "echo() { command echo x; }; builtin true; command true; type true >/dev/null && f=1; unset -f echo; [ $f = 1 ]",
    "time-of-a-function": "f() { echo a; return 3; }; time f 2>/dev/null; echo $?",
    "eval-of-words": "c='if true; then echo a; fi'; eval \"$c\"; eval echo b '&&' false || echo c",
    "eval-sets": 'for v in a b; do eval "$v=1"; done; echo $a$b',
    "continue-in-a-case": "for i in 1 2 3; do case $i in 2) continue ;; esac; echo $i; done",
    "read-from-nothing": "read x </dev/null || echo no; while read -r l; do echo round; done </dev/null; echo end",
    "the-clock-from-nothing": "SECONDS=0; echo $SECONDS; SECONDS=5; echo $SECONDS",
    "inherit-errexit-off-again": "set -e; shopt -s inherit_errexit; shopt -u inherit_errexit; x=$(false; echo a); echo b",
    "spaces-between-variables": 'x=1; y=2; z="$x $y  ${x} $((1)) $(printf 3)"; echo "$z" "$x $y" ${#z}; [ "$x $y" = \'1 2\' ] && echo same',
    "select-without-input": "select x in a b; do echo $x; break; done </dev/null 2>/dev/null; echo end",
    "set-and-unset": "set -e; set +e; false; echo a; set -o errexit; false; echo b",
    "noglob-words": "set -- *none*; echo $#",
    "comments": "echo a # echo b\n# echo c\necho d",
    "continued-lines": "echo a \\\n  b \\\n  c\ntrue &&\n  echo d ||\n  echo e",
    "escapes": 'echo a\\ b \'c\\d\' "e\\"f" g\\$h',
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
    return scripts.traces(script, environ={}).seen[0]


RECORDER = 'exec 3>>"$1"; shift; echo() { builtin echo "$@" >&3; builtin echo "$@"; }\n'
"""Makes bash note every line that is echoed, wherever it goes: into a substitution, a pipe, a file."""


def bash(source: str, folder: Path) -> tuple[list[str], int]:
    """What bash echoes, in order, and its exit status."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("bash is not installed")
    record = folder / "record"
    record.touch()
    argv = [program, "-c", RECORDER + source, "bash", str(record)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, cwd=folder)
    return record.read_text(encoding="utf-8").splitlines(), done.returncode


@pytest.mark.parametrize("source", SEMANTICS.values(), ids=SEMANTICS)
def test_it_goes_where_bash_goes(source: str, tmp_path: Path) -> None:
    """What bash echoes, line for line, with which status, is what the simulation says it would; and it leaves no gap."""
    scripts = release(tmp_path, it=source)
    (trace, *_) = scripts.traces(scripts.all[0], environ={}).seen
    echoed = [" ".join(step.words) for step in trace.steps if step.name == "echo"]
    assert (echoed, trace.status) == bash(source, tmp_path)
    assert trace.gaps == ()


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
        traces = scripts.traces(script)
        assert traces.seen or traces.gaps
        assert all(trace.gaps for trace in traces.seen if trace.ended == "gap")
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
        assert scripts.traces(script).seen, source


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
    assert [trace.status for trace in scripts.traces(script)] == [0, 1]


def test_nothing_is_executed(tmp_path: Path) -> None:
    """Reading and simulating a script leaves no trace of what it would have done."""
    mark = tmp_path / "mark"
    scripts = release(tmp_path, deploy_mcp_hub=f"touch {mark}\n$(touch {mark})\nnpm run build || touch {mark}\n")
    assert FailureModes(scripts).builds().seen
    Hygiene(scripts).exposed()
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


def test_a_status_is_looked_at_where_it_decides_something(tmp_path: Path) -> None:
    """Of several commands in a condition only the last one's status is looked at."""
    source = "if { a; b; }; then c; fi\nd || e\n! f\ng\nwhile h; i; do j; break; done\n(k; l) || m\n"
    steps = usual(release(tmp_path, it=source), "it").steps
    assert [step.name for step in steps if step.tested] == ["b", "d", "f", "i", "l"]


@pytest.mark.parametrize(
    ("source", "locked"),
    [
        ("exec 9>lock\nflock -n 9\ncp a b\nexec 9>&-\ncp c d\n", [True, False]),
        ('exec {fd}>lock\nflock -n "$fd"\ncp a b\nexec {fd}>&-\ncp c d\n', [True, False]),
        ("exec 9<lock 8<&9\nflock 8\ncp a b\nflock -u 8\ncp c d\n", [True, False]),
        ("{ flock 9; cp a b; } 9>lock\ncp c d\n", [True, False]),
        ("(flock 9; cp a b) 9>lock\ncp c d\n", [True, False]),
        ("flock lock cp a b\ncp c d\n", [True, False]),
        ("flock -n lock -c 'cp a b'\ncp c d\n", [True, False]),
        ("mkdir hub.lock\ncp a b\nrmdir hub.lock\ncp c d\n", [True, False]),
        ("f() { exec 9>lock; flock 9; }\nf\ncp a b\n(cp c d)\n", [True, True]),
        ("(exec 9>lock; flock 9)\ncp a b\n", [False]),
        ("flock 9\ncp a b\n", [False]),
    ],
)
def test_a_lock_is_held_as_long_as_its_file_is_open(source: str, locked: list[bool], tmp_path: Path) -> None:
    """A lock is held from flock on until its descriptor is closed, by hand or by the end of what opened it."""
    steps = usual(release(tmp_path, it=source), "it").steps
    assert [bool(step.locks) for step in steps if step.name == "cp"] == locked
