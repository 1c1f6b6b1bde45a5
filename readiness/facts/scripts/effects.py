"""What commands do to a simulated shell: its builtins change the shell itself, programs leave files, locks, time and output behind."""

from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.commands import SHELL_OPTIONS, SHELLS, operands, seconds, shell_call
from readiness.facts.scripts.expand import epoch
from readiness.facts.scripts.simulation import EMPTY, Exited, LoopLeft, Returned, SignalHandler, Value, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from readiness.facts.scripts.simulation import CommandStep, FileWrite, LoadedScript, ShellRun
    from readiness.facts.scripts.syntax import Node

    Builtin: TypeAlias = Callable[["ShellRun", "Call"], int]

_EVENTS: Final = frozenset({"EXIT", "ERR", "DEBUG", "RETURN"})
"""What a trap can wait for that is no signal."""
_NEXT_OPTION: Final = " option"
"""Where getopts keeps how far it is within `-abc`: no name of a variable."""
_MANY: Final = 10_000
"""Numbers of a `seq` at most."""
_NUMBER_OF_WORDS: Final = 3
_SILENT: Final = frozenset(
    {"mkdir", "rm", "rmdir", "mv", "cp", "ln", "chmod", "chown", "touch", "kill", "pkill", "sleep", "install"}
)
"""Programs that print nothing when all is well."""
_UNSURE: Final = frozenset(
    {"pgrep", "ps", "pidof", "grep", "egrep", "fgrep", "rg", "lsof", "ss", "netstat", "nc", "jq", "awk", "cmp", "diff", "which", "type", "hash", "mountpoint"}
)  # fmt: skip
"""Programs whose status answers a question: both answers are tried."""
_ANSWERS: Final = frozenset(
    {("kill", "-0"), ("systemctl", "is-active"), ("systemctl", "is-enabled"), ("command", "-v")}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A builtin as it is called: its statement, its words, and whether its status is looked at."""

    node: Node
    words: Sequence[Value]
    tested: bool


# --- builtins -------------------------------------------------------------------------------------------------------


def _true(*_: object) -> int:
    return 0


def _false(*_: object) -> int:
    return 1


def _cd(run: ShellRun, call: Call) -> int:
    target = next(
        (value.text for value in call.words[1:] if not value.text.startswith("-") or value.text == "-"), "~/."
    )
    before = run.state.cwd
    if target == "-":
        held = run.state.variables.get("OLDPWD")
        target = held.text if isinstance(held, Value) else "${OLDPWD}"
    run.state.variables["OLDPWD"] = Value(before)
    run.state.cwd = run.state.beneath(target)
    run.made.add(run.state.cwd)
    return 0


def _pushd(run: ShellRun, call: Call) -> int:
    run.state.folders.append(run.state.cwd)
    return _cd(run, call)


def _popd(run: ShellRun, _: Call) -> int:
    if not run.state.folders:
        return 1
    run.state.cwd = run.state.folders.pop()
    return 0


def _pwd(run: ShellRun, _: Call) -> int:
    _print(run, Value(run.state.cwd))
    return 0


def _echo(run: ShellRun, call: Call) -> int:
    run.note(run.step(call.words, node=call.node, tested=call.tested))
    words = call.words
    given = list(words[2:] if len(words) > 1 and words[1].text in {"-n", "-e", "-ne", "-en"} else words[1:])
    _print(run, joined(given, " "))
    return 0


def _printf(run: ShellRun, call: Call) -> int:
    run.note(run.step(call.words, node=call.node, tested=call.tested))
    words = list(call.words[1:])
    name = ""
    if len(words) > 1 and words[0].text == "-v":
        name, words = words[1].text, words[2:]
    if not words:
        return 0
    form = words[0].text.replace("\\n", "")
    if "%" not in form:
        value = Value(form, words[0].known, words[0].names)
    elif form == "%s" and len(words) == 2:  # noqa: PLR2004 - the form and one value
        value = words[1]
    else:
        value = Value("$(printf)", known=False, names=joined(words).names)
    if name:
        run.state.variables[name] = value
    else:
        _print(run, value)
    return 0


def _print(run: ShellRun, value: Value) -> None:
    if run.sink is not None:
        run.sink.append(value)


def _number(run: ShellRun, call: Call, otherwise: int) -> int:
    """The number that is given; where it is not known, both a success and a failure are tried."""
    value = call.words[1] if len(call.words) > 1 else None
    if value is None:
        return otherwise
    run.look_at([value])
    if not value.known:
        return 1 - run.decide(call.node, usual=int(run.hint))
    text = value.text.strip()
    return int(text) % 256 if text.lstrip("-").isdecimal() else 2


def _exit(run: ShellRun, call: Call) -> int:
    run.ended_at = (run.file, run.here)
    raise Exited(_number(run, call, run.status))


def _return(run: ShellRun, call: Call) -> int:
    raise Returned(_number(run, call, run.status))


def _break(run: ShellRun, call: Call) -> int:
    raise LoopLeft(_number(run, call, 1), again=False)


def _continue(run: ShellRun, call: Call) -> int:
    raise LoopLeft(_number(run, call, 1), again=True)


def _set(run: ShellRun, call: Call) -> int:
    state, rest = run.state, list(call.words[1:])
    while rest and rest[0].text[:1] in {"-", "+"} and len(rest[0].text) > 1:
        text = rest.pop(0).text
        if text == "--":
            state.args = rest
            return 0
        names = {SHELL_OPTIONS[letter] for letter in text[1:] if letter in SHELL_OPTIONS}
        if text.endswith("o") and rest:
            names.add(rest.pop(0).text)
        state.options = state.options | names if text[0] == "-" else state.options - names
    if rest:
        state.args = rest
    return 0


def _shopt(run: ShellRun, call: Call) -> int:
    given = [value.text for value in call.words[1:]]
    names = {word for word in given if not word.startswith("-")}
    if names & {"expand_aliases"} and "-s" in given:
        run.gap("aliases are not simulated")
    if any(word.startswith("-") and "q" in word for word in given):
        return int(not names <= run.state.options)
    if "-s" in given:
        run.state.options |= names
    elif "-u" in given:
        run.state.options -= names
    return 0


def _trap(run: ShellRun, call: Call) -> int:
    given = [value for value in call.words[1:] if value.text not in {"--", "-p", "-l"}]
    if len(given) == 1:
        given = [Value("-"), *given]
    for value in given[1:]:
        name = value.text.upper().removeprefix("SIG")
        name = {"0": "EXIT"}.get(name, name)
        if given[0].text == "-":
            run.state.traps.pop(name, None)
            continue
        run.state.traps[name] = (given[0], run.here)
        if name in {"DEBUG", "RETURN"} and given[0].text:
            run.gap(f"trap … {name} is not simulated")
        elif name not in _EVENTS and given[0].text:
            run.handlers[name, given[0].text] = SignalHandler(
                text=given[0], file=run.file, line=run.here, state=run.state, functions=run.functions
            )
    return 0


def _shift(run: ShellRun, call: Call) -> int:
    args, number = run.state.args, _number(run, call, 1)
    if number > len(args):
        return 1
    del args[:number]
    return 0


def _unset(run: ShellRun, call: Call) -> int:
    given = [value.text for value in call.words[1:]]
    for name in given:
        if "-f" in given:
            run.functions.pop(name, None)
        elif not name.startswith("-"):
            run.state.variables[name.partition("[")[0]] = EMPTY
    return 0


def _read(run: ShellRun, call: Call) -> int:
    valued = frozenset({"-p", "-t", "-n", "-N", "-d", "-i", "-u", "-a"})
    names = operands([value.text for value in call.words[1:]], valued)
    names += [b.text for a, b in zip(call.words, call.words[1:], strict=False) if a.text in {"-a", "-ra"}]
    names = names or ["REPLY"]
    if run.fed and run.input == EMPTY:
        run.state.variables |= dict.fromkeys(names, EMPTY)
        return 1
    if not run.fed:
        status = run.note(run.step(call.words, node=call.node, kind="ask", tested=call.tested))
        if status or not run.attended:
            run.state.variables |= dict.fromkeys(names, EMPTY)
            return 1
    for name in names:
        run.state.variables[name] = Value("${" + name + "}", known=False, sources=frozenset({"read"}))
    return 0


def _mapfile(run: ShellRun, call: Call) -> int:
    names = operands([value.text for value in call.words[1:]], frozenset({"-d", "-n", "-O", "-s", "-u", "-C", "-c"}))
    if any(value.text == "-C" for value in call.words):
        run.gap("mapfile -C is not simulated")
    name = names[-1] if names else "MAPFILE"
    run.state.variables[name] = [Value("${" + name + "}", known=False)]
    return 0


def _getopts(run: ShellRun, call: Call) -> int:
    """The next option; where nobody knows the arguments, any of them, or none."""
    words = call.words[1:]
    if len(words) < 2:  # noqa: PLR2004 - the letters and a name
        return 2
    letters, name, variables = words[0].text, words[1].text, run.state.variables
    args = list(words[2:]) or run.state.args
    if not all(value.known for value in (*words, *args)) or (not args and run.environ is None and not run.frames):
        variables |= {n: Value("${" + n + "}", known=False) for n in (name, "OPTARG", "OPTIND")}
        return 1 - run.decide(call.node, usual=0)
    run.looked_at |= {"OPTIND", _NEXT_OPTION}
    held, inner = variables.get("OPTIND", Value("1")), variables.get(_NEXT_OPTION, Value("1"))
    at, within = (int(v.text) if isinstance(v, Value) and v.text.isdecimal() else 1 for v in (held, inner))
    word = args[at - 1].text if at <= len(args) else ""
    if word[:1] != "-" or word in {"-", "--"}:
        variables |= {name: Value("?"), "OPTIND": Value(str(at + (word == "--"))), _NEXT_OPTION: Value("1")}
        return 1
    letter, rest = word[within : within + 1], word[within + 1 :]
    place = letters.find(letter)
    takes = place >= 0 and letters[place + 1 : place + 2] == ":"
    value = EMPTY
    if takes:
        value, at = (Value(rest), at + 1) if rest else (args[at] if at < len(args) else EMPTY, at + 2)
    elif not rest:
        at += 1
    unknown = place < 0 or letter == ":" or (takes and not rest and at - 1 > len(args))
    variables |= {
        name: Value("?" if unknown else letter),
        "OPTARG": Value(letter) if unknown and letters[:1] == ":" else value,
        "OPTIND": Value(str(at)),
        _NEXT_OPTION: Value(str(within + 1) if rest and not takes else "1"),
    }
    return 0


def _wait(run: ShellRun, call: Call) -> int:
    status = run.note(run.step(call.words, node=call.node, tested=call.tested))
    job, run.job_status = run.job_status, 0
    run.clock = max(run.clock, run.job_clock)
    return status or (job if len(call.words) > 1 else 0)


BUILTINS: Final[dict[str, Builtin]] = {
    ":": _true, "true": _true, "false": _false, "cd": _cd, "pushd": _pushd, "popd": _popd, "pwd": _pwd, "echo": _echo, "printf": _printf,
    "exit": _exit, "return": _return, "break": _break, "continue": _continue, "set": _set, "shopt": _shopt, "trap": _trap, "shift": _shift,
    "unset": _unset, "read": _read, "mapfile": _mapfile, "readarray": _mapfile, "getopts": _getopts, "wait": _wait,
}  # fmt: skip
"""The builtins that change no more than the shell's state; those that run other commands are the interpreter's own."""


# --- programs -------------------------------------------------------------------------------------------------------


def program_status(run: ShellRun, step: CommandStep, node: Node, *, known: bool) -> int:
    """A program's exit status: the world's, else 0; both are tried where it answers a question. `known`: it is simulated itself."""
    status = run.note(step)
    if status is not None or known:
        return status or 0
    first = step.words[0] if step.words else ""
    questioned = step.name in _UNSURE or (step.name, first) in _ANSWERS
    if questioned and (run.ignored or step.tested):
        return 1 - run.decide(node, usual=int(run.hint))
    return 0


def leave_behind(run: ShellRun, step: CommandStep) -> int:
    """What a program leaves behind, as far as the simulation follows it; its exit status."""
    name, words = step.name, list(step.words)
    if name == "mkdir" or (name == "install" and any(w.startswith("-") and "d" in w for w in words)):
        _make_folders(run, name, words)
    elif name == "flock":
        _take_lock(run, step)
    elif name in {"rm", "rmdir"}:
        gone = {run.state.beneath(word) for word in operands(words)}
        run.state.locks = {lock for lock in run.state.locks if lock[0] not in gone}
    elif name == "sleep":
        length = joined(step.inner[1:2])
        time = seconds(length.text) if length.known else None
        run.vague = run.vague or time is None
        if time is not None and step.bound is not None and step.bound < time:
            run.clock += step.bound
            return 124
        run.clock += time or 0.0
    elif step.bound is not None and name in {"tail", "wait", "sleep", *SHELLS}:
        run.clock += step.bound
        return 124 if step.tested or not step.errexit else 0
    return 0


def teed(run: ShellRun, step: CommandStep) -> tuple[FileWrite, ...]:
    """The files that `tee` writes."""
    return (
        tuple(run.write(run.state.beneath(word), step.line) for word in operands(step.words))
        if step.name == "tee"
        else ()
    )


def _make_folders(run: ShellRun, name: str, words: list[str]) -> None:
    parents = name == "install" or any(w == "--parents" or (w[:1] == "-" and w[1:2] != "-" and "p" in w) for w in words)
    for word in operands(words, frozenset({"-m", "--mode", "-o", "-g"})):
        path = run.state.beneath(word)
        if not parents and "lock" in posixpath.basename(path).lower():
            run.state.locks.add((path, -1))
        while path and path not in run.made:
            run.made.add(path)
            path = path.rpartition("/")[0] if parents else ""


def _take_lock(run: ShellRun, step: CommandStep) -> None:
    given = operands(step.words, frozenset({"-w", "-E", "--timeout", "--wait"}))
    number = next((value for value in step.inner[1:] if given and value.text == given[0]), None)
    if number is not None and not number.known and "$" in number.text:
        run.gap("flock of a descriptor that is not known beforehand")
    fd = int(given[0]) if given and given[0].isdecimal() else -1
    if "-u" in step.words or "--unlock" in step.words:
        run.state.locks = {lock for lock in run.state.locks if lock[1] != fd}
    elif fd in run.state.fds:
        run.state.locks.add((run.state.fds[fd], fd))


def print_output(run: ShellRun, step: CommandStep) -> None:
    """What a program prints goes where the shell's output goes."""
    given = run.prints(step)
    if run.sink is not None and given is not None:
        run.sink.append(Value(given, sources=frozenset({step.name})))
    elif run.sink is not None and step.name not in _SILENT and not step.writes:
        run.sink.append(_output(run, step.name, step.inner))


def _output(run: ShellRun, name: str, inner: Sequence[Value]) -> Value:
    """What a program prints; where nobody knows, a placeholder that says which program it came from."""
    given = [value for value in inner[1:] if not value.text.startswith("-")]
    if name in {"dirname", "basename"} and given:
        part = posixpath.dirname if name == "dirname" else posixpath.basename
        return Value(part(given[0].text) or ".", given[0].known, given[0].names)
    if name in {"realpath", "readlink"} and given and given[0].known:
        return Value(run.state.beneath(given[0].text))
    if name == "date" and [value.text for value in inner[1:]] == ["+%s"]:
        run.clock_read = True
        return Value(epoch(run.clock))
    if name == "seq" and given and all(one.known and one.text.isdecimal() for one in given):
        return _counted(run, [int(one.text) for one in given], joined(given).names)
    if name in {"command", "which", "type"} and len(given) == 1:
        # a program's path, if it is there
        return Value(given[0].text, known=False, sources=frozenset({name}), names=given[0].names)
    return Value(f"$({name})", known=False, sources=frozenset({name}), names=joined(given).names)


def _counted(run: ShellRun, numbers: list[int], names: frozenset[str]) -> Value:
    """`seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`."""
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) >= _NUMBER_OF_WORDS else 1
    counted = range(first, numbers[-1] + 1, step or 1)
    if len(counted) > _MANY:
        run.gap(f"a seq of {len(counted)} numbers")
    return Value(" ".join(str(n) for n in counted[:_MANY]), names=names)


def script_of(run: ShellRun, inner: Sequence[Value]) -> LoadedScript | None:
    """The script of the release that a command runs."""
    if not inner:
        return None
    path = inner[0].text
    if posixpath.basename(path) in SHELLS:
        call = shell_call(inner)
        if call.kind != "script" or call.given is None:
            return None
        path = call.given.text
    elif "/" not in path and not path.endswith(".sh"):
        return None
    return run.library.find(run.state.beneath(path))
