"""A simulated shell's builtins: they change the shell itself, where programs only leave a status behind."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.argv import operands
from readiness.facts.scripts.conditions import OPERATORS_ALL
from readiness.facts.scripts.values import EMPTY, Exited, Left, Returned, Value, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from readiness.facts.scripts.commands import Commands
    from readiness.facts.scripts.tree import Node

    Builtin: TypeAlias = Callable[[Node, Sequence[Value], bool], int]

_LONG_OPTIONS: Final = {"e": "errexit", "u": "nounset", "C": "noclobber", "E": "errtrace", "x": "xtrace", "f": "noglob"}
_BY_SIGN: Final = {"[": "_do_test", ":": "_do_true", ".": "_do_source"}


class Builtins:
    """The builtins of a machine's shell; each takes its statement, its words, and whether its status is looked at."""

    def __init__(self, commands: Commands) -> None:
        self.commands, self.machine = commands, commands.machine

    def find(self, name: str) -> Builtin | None:
        """The builtin called `name`; None where there is none, or it does nothing that matters here."""
        found: Builtin | None = (
            getattr(self, _BY_SIGN.get(name, f"_do_{name}"), None) if name in _BY_SIGN or name.isalpha() else None
        )
        return found

    def test(self, tokens: Sequence[str | Value], *, node: Node, tested: bool) -> int:
        """`[ … ]`: worked out, or decided."""
        machine = self.machine
        shown = tuple(token if isinstance(token, Value) else Value(token) for token in tokens)
        self.commands.note(self.commands.step(shown, node=node, kind="test", tested=tested))
        truth = machine.expand.truth(tokens, made=machine.made)
        if truth is None:
            truth = bool(machine.decide(node.pos, usual=int(machine.hint)))
            texts = [str(token) for token in tokens]
            if texts[-2:-1] == ["-d"] and truth == (texts[0] != "!") and len(texts) < 4:  # noqa: PLR2004 - `! -d X` at most
                machine.made.add(machine.state.beneath(texts[-1]))
        return int(not truth)

    def _do_test(self, node: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        given = words[1:-1] if words[0].text == "[" else words[1:]
        tokens = [v.text if v.known and not v.names and v.text in OPERATORS_ALL else v for v in given]
        return self.test(tokens, node=node, tested=tested)

    def _do_true(self, *_: object) -> int:
        return 0

    def _do_false(self, *_: object) -> int:
        return 1

    def _do_cd(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        target = next((value.text for value in words[1:] if not value.text.startswith("-")), "~/.")
        self.machine.state.cwd = self.machine.state.beneath(target)
        self.machine.made.add(self.machine.state.cwd)
        return 0

    _do_pushd = _do_cd

    def _do_pwd(self, *_: object) -> int:
        if self.machine.sink is not None:
            self.machine.sink.append(Value(self.machine.state.cwd))
        return 0

    def _do_echo(self, node: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        self.commands.note(self.commands.step(words, node=node, tested=tested))
        given = list(words[2:] if len(words) > 1 and words[1].text in {"-n", "-e", "-ne", "-en"} else words[1:])
        if self.machine.sink is not None:
            self.machine.sink.append(joined(given, " "))
        return 0

    def _do_printf(self, node: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        self.commands.note(self.commands.step(words, node=node, tested=tested))
        if self.machine.sink is not None and len(words) > 1:
            form = words[1].text.replace("\\n", "")
            if "%" not in form:
                self.machine.sink.append(Value(form, words[1].known, words[1].names))
            elif form == "%s" and len(words) == 3:  # noqa: PLR2004 - one value
                self.machine.sink.append(words[2])
            else:
                self.machine.sink.append(Value("$(printf)", known=False, names=joined(words[1:]).names))
        return 0

    def _do_exit(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        raise Exited(self._number(words, self.machine.status))

    def _do_return(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        raise Returned(self._number(words, self.machine.status))

    def _do_break(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        raise Left(self._number(words, 1), again=False)

    def _do_continue(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        raise Left(self._number(words, 1), again=True)

    @staticmethod
    def _number(words: Sequence[Value], otherwise: int) -> int:
        text = words[1].text if len(words) > 1 else ""
        return int(text) if text.isdecimal() else otherwise

    def _do_set(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        state, rest = self.machine.state, list(words[1:])
        while rest and rest[0].text[:1] in {"-", "+"} and len(rest[0].text) > 1:
            text = rest.pop(0).text
            if text == "--":
                state.args = rest
                return 0
            names = {_LONG_OPTIONS[letter] for letter in text[1:] if letter in _LONG_OPTIONS}
            if text.endswith("o") and rest:
                names.add(rest.pop(0).text)
            state.options = state.options | names if text[0] == "-" else state.options - names
        if rest:
            state.args = rest
        return 0

    def _do_trap(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        given = [value.text for value in words[1:] if value.text not in {"--", "-p", "-l"}]
        if len(given) == 1:
            given = ["-", *given]
        for name in given[1:]:
            key = {"0": "EXIT"}.get(name, name.upper().removeprefix("SIG"))
            if given[0] == "-":
                self.machine.state.traps.pop(key, None)
            else:
                self.machine.state.traps[key] = given[0]
        return 0

    def _do_shift(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        args, number = self.machine.state.args, self._number(words, 1)
        if number > len(args):
            return 1
        del args[:number]
        return 0

    def _do_unset(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        for value in words[1:]:
            self.machine.state.variables[value.text] = EMPTY
        return 0

    def _do_eval(self, _: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        return self.machine.block(self.commands.parsed(joined(words[1:], " ").text), tested=tested)

    def _do_let(self, _: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        text = "".join(f"(( {value.text} ))\n" for value in words[1:])
        return self.machine.block(self.commands.parsed(text), tested=tested)

    def _do_source(self, _: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        machine = self.machine
        script = machine.library.find(machine.state.beneath(words[1].text)) if len(words) > 1 else None
        if script is None or any(file == script.path for file, _ in machine.within) or script.path == machine.file:
            return 0
        file, within, machine.within = machine.file, machine.within, (*machine.within, (machine.file, 0))
        machine.file = script.path
        with contextlib.suppress(Returned):
            try:
                machine.block(script.body, tested=tested)
            finally:
                machine.file, machine.within = file, within
        return 0

    def _do_read(self, node: Node, words: Sequence[Value], tested: bool) -> int:  # noqa: FBT001 - one signature
        machine = self.machine
        valued = frozenset({"-p", "-t", "-n", "-N", "-d", "-i", "-u", "-a"})
        names = operands([value.text for value in words[1:]], valued) or ["REPLY"]
        if not machine.fed:
            said = self.commands.note(self.commands.step(words, node=node, kind="ask", tested=tested))
            if said or not machine.attended:
                machine.state.variables |= dict.fromkeys(names, EMPTY)
                return 1
        for name in names:
            machine.state.variables[name] = Value("${" + name + "}", known=False, sources=frozenset({"read"}))
        return 0

    def _do_mapfile(self, _: Node, words: Sequence[Value], __: bool) -> int:  # noqa: FBT001 - one signature
        name = operands([value.text for value in words[1:]], frozenset({"-d", "-n", "-O", "-s", "-u"}))[-1:] or [
            "MAPFILE"
        ]
        self.machine.state.variables[name[0]] = [Value("${" + name[0] + "}", known=False)]
        return 0

    _do_readarray = _do_mapfile
