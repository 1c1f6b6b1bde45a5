"""What the simulation of scripts does not understand or does not reach is a gap with its place, and no answer passes over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness.facts.scripts.failure_modes import FailureModes
from readiness.facts.scripts.hygiene import Hygiene
from readiness.facts.scripts.parse import parse
from readiness.facts.scripts.preconditions import Preconditions
from readiness.facts.scripts.simulation import Gap, Incomplete, ScriptEvidence
from readiness.facts.scripts.waiting import Waiting
from tests.facts.scripts.test_shell import release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.facts.scripts.release_scripts import Scripts

PLACE = Gap("scripts/it.sh", 3, "a reason")
GAPS = {
    "coproc-of-a-group": ("echo a\ncoproc worker { echo b; }\n", 2, "coproc"),
    "local-n": ("f() {\n  local -n name=x\n}\nf\n", 2, "local -n"),
    "declare-i": ("declare -i n\n", 1, "declare -i"),
    "trap-for-a-return": ("trap 'echo x' RETURN\n", 1, "RETURN"),
    "trap-before-each-command": ("\ntrap 'echo x' DEBUG\n", 2, "DEBUG"),
    "alias": ("shopt -s expand_aliases\n", 1, "aliases"),
    "mapfile-with-a-callback": ("mapfile -C f -c 1 x <file\n", 1, "mapfile -C"),
    "eval-of-what-is-not-known": ('echo a\neval "$STEPS"\n', 2, "eval runs a text"),
    "eval-of-a-program-s-output": ('eval "$(deployctl shell)"\n', 1, "eval runs a text"),
    "eval-of-a-syntax-error": ("eval 'if true; then'\n", 1, "not understood"),
    "trap-of-a-syntax-error": ("echo a\ntrap 'if true; then' EXIT\n", 2, "not understood"),
    "trap-of-what-is-not-known": ('trap "$HANDLER" EXIT\n', 1, "a trap runs a text"),
    "source-of-a-computed-path": ('source "$LIBRARY"\n', 1, "sources ${LIBRARY}"),
    "source-from-outside": ("\n. /opt/lib/deploy.sh\n", 2, "sources /opt/lib/deploy.sh"),
    "sources-itself": (". scripts/it.sh\n", 1, "sources itself"),
    "calls-itself-for-ever": ("bash scripts/it.sh\n", 1, "called within 8 calls"),
    "a-command-that-is-not-known": ("echo a\n$RUNNER build\n", 2, "the command `${RUNNER}`"),
    "a-shell-that-reads-a-pipe": ("curl x | bash\n", 1, "bash reads its commands"),
    "a-shell-that-reads-a-file": ("sh <steps\n", 1, "sh reads its commands"),
    "a-shell-of-a-text-that-is-not-known": ('bash -c "$STEPS"\n', 1, "a shell runs a text"),
    "a-function-within-itself": ("f() { f; }\nf\n", 1, "calls itself more than 40 times"),
    "more-rounds-than-are-tried": ("n=0\nwhile [ $n -lt 5000 ]; do n=$((n + 1)); done\n", 2, "700 rounds"),
    "more-commands-than-are-tried": ("for i in {1..7000}; do a $i; done\n", 1, "6000 commands"),
    "more-statements-than-are-tried": (
        "for i in {1..300}; do for j in {1..300}; do x=1; done; done\n",
        1,
        "60000 statements",
    ),
    "more-words-than-are-tried": ("for i in {1..20000}; do break; done\n", 1, "20000 words"),
    "more-numbers-than-are-tried": ("seq 1 2\nfor i in $(seq 1 20000); do break; done\n", 2, "20000 numbers"),
    "a-descriptor-that-is-not-known": ("exec {fd}>&-\n", 1, "file descriptor in $fd"),
    "a-lock-on-what-is-not-known": ('flock "$FD"\n', 1, "flock of a descriptor"),
    "a-syntax-error": ("echo a\n)\necho b\n", 2, "syntax"),
    "an-open-if": ("echo a\nif true; then\n  echo b\n", 4, "syntax"),
    "a-word-where-a-command-belongs": ("echo a\n} x\n", 2, ""),
    "more-ways-than-are-tried": ("".join(f"[ -f {n} ]\n" for n in range(60)), 60, "one of more than 48 ways"),
    "nested-too-deeply": ("( " * 300 + ":" + " )" * 300, 1, "nested too deeply"),
}
"""A script, the line of what is not simulated in it, and words of the reason."""


@pytest.mark.parametrize(("source", "line", "reason"), GAPS.values(), ids=GAPS)
def test_what_is_not_simulated_is_a_gap(source: str, line: int, reason: str, tmp_path: Path) -> None:
    """Each construct that is not followed, and each limit that is reached, is named with file and line."""
    gaps = release(tmp_path, it=source).traces(release(tmp_path).all[0], signals=True).gaps
    assert [gap for gap in gaps if (gap.file, gap.line) == ("scripts/it.sh", line) and reason in gap.reason], gaps


COMPLETE = {
    "settings": "source .env.production\n. /etc/os-release\n[ -f /etc/default/hub ] && . /etc/default/hub\n",
    "a-program-that-is-looked-for": 'RUNNER=$(command -v docker)\n"$RUNNER" compose up\n',
    "a-program-by-default": '"${NPM:-npm}" ci\n',
    "a-library-of-the-release": ". lib/steps.sh\nstep\n",
    "an-agent-s-variables": 'eval "$(ssh-agent -s)"\n',
    "a-loop-without-an-end": "i=0\nwhile true; do i=$((i + 1)); echo $i; sleep 5; done\necho never\n",
    "a-loop-in-the-background": "while sleep 5; do echo x; done &\necho on\n",
    "options-of-its-own": 'while getopts "ab:" o; do case $o in a) x=1 ;; b) y=$OPTARG ;; *) exit 2 ;; esac; done\n',
    "a-question": 'select x in a b; do echo "$x"; break; done\nread -r -p "sure? " y\n',
    "locks": 'exec {lock}>/run/lock/hub\nflock --nonblock "$lock" || exit 1\nexec {lock}>&-\n(flock 9; echo a) 9>/run/lock/b\n',
    "traps": "cleanup() { rm -rf x; }\ntrap cleanup EXIT INT TERM\ntrap 'rm -f \"$tmp\"' HUP\n",
    "a-time-limit": "timeout 30 bash -c 'until curl -fs x; do sleep 1; done'\n",
    "a-shell-with-a-document": "sudo bash <<'END'\necho a\nEND\nbash -s x <<END\necho $HOME\nEND\n",
    "the-list-of-arguments": 'for file do\n  echo "$file"\ndone\n',
}
"""Ordinary shell that is followed to its end."""


@pytest.mark.parametrize("source", COMPLETE.values(), ids=COMPLETE)
def test_ordinary_shell_leaves_no_gap(source: str, tmp_path: Path) -> None:
    """What many scripts do does not make them unknown."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/steps.sh").write_text("step() { echo step; }\n")
    scripts = release(tmp_path, it=source)
    traces = scripts.traces(scripts.all[0], signals=True)
    assert traces.gaps == ()
    assert list(traces)


def test_evidence_gives_all_or_raises() -> None:
    """With a gap, what was seen is answered from, and what was not seen is not taken for absent."""
    evidence = ScriptEvidence([1, 2], [PLACE])
    assert any(number == 2 for number in evidence)
    assert not all(number == 1 for number in evidence)
    assert bool(evidence)
    assert next(iter(evidence)) == 1
    for conclude in (
        list,
        len,
        lambda e: any(n == 3 for n in e),
        lambda e: all(n > 0 for n in e),
        lambda e: bool(e.where(lambda n: n > 2)),
    ):  # type: ignore[misc]
        with pytest.raises(Incomplete, match=r"scripts/it\.sh:3: a reason"):
            conclude(evidence)
    assert list(ScriptEvidence([1, 2]).where(lambda number: number > 1)) == [2]
    assert not ScriptEvidence([])


def test_an_item_that_cannot_be_told_becomes_a_gap() -> None:
    """A predicate that meets a gap hides its item, and the rest is still answered."""

    def holds(number: int) -> bool:
        ScriptEvidence((), [PLACE] if number == 1 else []).require_complete()
        return True

    chosen = ScriptEvidence([1, 2]).where(holds)
    assert (chosen.seen, chosen.gaps) == ((2,), (PLACE,))


HEALTHY = """set -euo pipefail
exec 9>/run/lock/hub
flock -n 9 || exit 1
[ "$(df -Pk . | tail -1)" -gt 100 ] || exit 1
[ -w . ] || exit 1
"""
ANSWERS: dict[str, Callable[[Scripts], object]] = {
    "unseen": lambda scripts: bool(FailureModes(scripts).all_unseen()),
    "builds": lambda scripts: bool(FailureModes(scripts).builds().where(lambda f: not f.restored)),
    "phases": lambda scripts: [list(failures) for failures in FailureModes(scripts).phases().values()],
    "calls": lambda scripts: list(FailureModes(scripts).rollback_calls()),
    "asks": lambda scripts: FailureModes(scripts).rollback_asks(),
    "logs": lambda scripts: bool(Hygiene(scripts).unready_logs()),
    "secrets": lambda scripts: bool(Hygiene(scripts).exposed()),
    "requests": lambda scripts: bool(Hygiene(scripts).requests()),
    "loose": lambda scripts: bool(Hygiene(scripts).loose_starts()),
    "managed": lambda scripts: list(Hygiene(scripts).managed_starts()),
    "lock": lambda scripts: Hygiene(scripts).lock("deploy").require_complete(),
    "room": lambda scripts: Preconditions(scripts).room("deploy").require_complete(),
    "stop": lambda scripts: list(Waiting(scripts).stopping()),
    "attempts": lambda scripts: list(Waiting(scripts).asking("validate")),
}
"""The questions that checks ask, each as its check concludes from it when nothing bad is seen."""


@pytest.mark.parametrize("conclude", ANSWERS.values(), ids=ANSWERS)
def test_no_question_passes_over_a_gap(conclude: Callable[[Scripts], object], tmp_path: Path) -> None:
    """The same scripts answer without a gap, and make the answer incomplete, with its place, once something in them is not followed."""
    names = (
        "complete_deployment",
        "deploy_mcp_hub",
        "rollback_deployment",
        "stop_mcp_hub",
        "validate_deployment",
        "start_mcp_hub",
    )
    conclude(release(tmp_path, **dict.fromkeys(names, HEALTHY)))
    scripts = release(tmp_path, **dict.fromkeys(names, HEALTHY + 'eval "$MORE"\n'))
    with pytest.raises(Incomplete, match=r"scripts/[a-z-]+\.sh:6: eval runs a text"):
        conclude(scripts)


def test_a_failure_that_was_seen_stays_one(tmp_path: Path) -> None:
    """A gap behind a fault, or elsewhere, takes nothing back of what was seen."""
    scripts = release(
        tmp_path,
        deploy_mcp_hub='cp -a new current\ncurl http://hub/\nnohup mcp-hub &\ncurl -H "$API_KEY" x\necho x >logs/a.log\neval "$MORE"\n',
    )
    script = scripts.needed("deploy")
    assert [str(place) for place in FailureModes(scripts).unseen(script).seen] == [
        "scripts/deploy-mcp-hub.sh:1 `cp -a new current`"
    ]
    hygiene = Hygiene(scripts)
    assert [one.lacks for one in hygiene.requests().seen][:1] == [("a time limit", "--fail")]
    assert bool(hygiene.loose_starts())
    assert [one.name for one in hygiene.exposed().seen] == ["$API_KEY"]
    assert [place.line for place in hygiene.unready_logs().seen] == [5]
    lock = hygiene.lock("deploy").bare
    assert lock is not None
    assert lock.line == 1


def test_nothing_below_a_redirection_by_exec_is_lost(tmp_path: Path) -> None:
    """Requests without a bound are found below each way to open and close files with exec."""
    opens = (
        "exec {fd}>lock",
        "exec 9>lock",
        "exec >>log",
        "exec 2>&1",
        "exec {fd}>&-",
        "exec 9<&-",
        "exec < /dev/null",
        "exec 3>&1 4>&2",
    )
    for line in opens:
        first = "exec {fd}>x\n" if "&-" in line else "\n"
        scripts = release(tmp_path, it=first + line + "\n" + "curl http://hub/\n" * 4)
        requests = Hygiene(scripts).requests()
        assert ([request.place.line for request in requests], requests.gaps) == ([3, 4, 5, 6], ()), line


def test_handlers_of_signals_are_seen(tmp_path: Path) -> None:
    """What a script does at a signal is asked about as well, and changes nothing in how the script itself goes on."""
    scripts = release(tmp_path, it="stop() { curl http://hub/; }\ntrap stop TERM\necho a\n")
    assert [request.place.line for request in Hygiene(scripts).requests()] == [1]
    assert [step.name for step in scripts.traces(scripts.all[0]).seen[0].steps] == ["echo"]


def test_what_stands_where_a_command_belongs_is_named() -> None:
    """A keyword that the parser takes for a command's name is a statement that is not understood."""
    kinds = {type(node).__name__ for node in parse(b"echo a\ncoproc { b; }\n").body}
    assert "NotUnderstood" in kinds


def test_a_script_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    """What an unreadable script may do is missing from every answer about all scripts."""
    scripts = release(tmp_path, it="echo a\n", start_mcp_hub=b"\0binary")
    for conclude in (Hygiene(scripts).exposed, Hygiene(scripts).loose_starts, FailureModes(scripts).rollback_calls):
        with pytest.raises(Incomplete, match=r"start-mcp-hub\.sh:1: it cannot be read"):
            bool(conclude())  # type: ignore[operator]


def test_a_helper_of_the_release_is_followed_with_its_own_options(tmp_path: Path) -> None:
    """Another script is another process: a condition around it, and this script's options, change nothing within it."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/steps.sh").write_text("false\nmake install\n")
    for call, runs in (("bash lib/steps.sh", True), ("bash -e lib/steps.sh", False), ("lib/steps.sh", True)):
        scripts = release(tmp_path, it=f"set -e\nif {call}; then echo yes; fi\n")
        steps = scripts.traces(scripts.all[0]).seen[0].steps
        assert ("make" in [step.name for step in steps]) is runs, call


def test_scripts_beyond_the_most_that_are_read_are_named(tmp_path: Path) -> None:
    """A release with more scripts than are read says so."""
    scripts = release(tmp_path, **{f"s{number:03}": "echo a\n" for number in range(302)})
    assert len(scripts.all) == 300
    assert "2 scripts beyond the first 300" in scripts.unread()


@pytest.mark.parametrize(
    ("source", "ended", "last"),
    [
        ("while true; do sleep 5; done\necho never\n", "loop", "sleep"),
        ("i=0\nwhile true; do i=$((i + 1)); date; done\necho never\n", "loop", "date"),
        ("(while true; do sleep 5; done)\necho never\n", "loop", "sleep"),
        ("while true; do sleep 5; done | tee log\necho on\n", "end", "echo"),
        ("while true; do sleep 5; done &\necho on\n", "end", "echo"),
        ("until curl x; do sleep 5; done\necho on\n", "end", "echo"),
        ("while pgrep hub; do sleep 1; done\necho on\n", "end", "echo"),
        ("timeout 9 bash -c 'while true; do sleep 5; done'\necho on\n", "end", "echo"),
        ("(n=0; while [ $n -lt 5000 ]; do n=$((n + 1)); done)\necho never\n", "gap", ""),
        ("exec 2>&1\nexec echo on\necho never\n", "exec", "echo"),
        ("exit 0\necho never\n", "exit", ""),
    ],
)
def test_a_run_ends_where_the_script_would(source: str, ended: str, last: str, tmp_path: Path) -> None:
    """What stands below a loop that never ends, an exit or an exec is not taken to run; what a loop may leave is."""
    scripts = release(tmp_path, it=source)
    (trace, *_) = scripts.traces(scripts.all[0]).seen
    commands = [step.name for step in trace.steps if step.kind == "command"]
    assert (trace.ended, "".join(commands[-1:]), "never" in str(trace.steps)) == (ended, last, False)


def test_time_passes_as_the_script_waits(tmp_path: Path) -> None:
    """Sleeps add up, a time limit ends them, and a job in the background takes no time until it is waited for."""
    waits = {
        "sleep 5; sleep 2m\n": 125, "sleep 9 &\n": 0, "sleep 9 &\nwait\n": 9, "timeout 9 bash -c 'while true; do sleep 5; done'\n": 9,
        "timeout 9 sleep 20 || true\n": 9, "for i in 1 2 3; do sleep 2; done\n": 6, "SECONDS=0; while ((SECONDS < 3)); do sleep 1; done\n": 3,
    }  # fmt: skip
    for source, seconds in waits.items():
        scripts = release(tmp_path, it=source)
        assert scripts.traces(scripts.all[0]).seen[0].clock == seconds, source


def test_ways_that_were_not_tried_are_missing_from_what_follows_a_failure(tmp_path: Path) -> None:
    """A command may fail on a way that was not tried as well."""
    source = "".join(f"[ -f {number} ] && echo {number}\n" for number in range(60)) + "npm run build\n"
    scripts = release(tmp_path, deploy_mcp_hub=source)
    traces = scripts.after_failure(scripts.needed("deploy"), lambda step: step.name == "npm", "npm")
    assert traces.seen
    assert {gap.reason for gap in traces.gaps} == {
        "one of more than 48 ways through scripts/deploy-mcp-hub.sh, not tried"
    }
