"""Shell completion: what a real shell offers is what the command really takes."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from readiness.__main__ import VERBS, main
from readiness.cli.completion import SHELLS, check_parser, script, verb_parsers
from readiness.findings import PHASES, Severity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bash's script in a file."""
    path = tmp_path_factory.mktemp("completion") / "readiness.bash"
    path.write_text(script("bash"))
    return path


def offered(completed: Path, *words: str) -> set[str]:
    """What bash offers for the last of `words`, by the function that it was told to ask."""
    line = " ".join(map(shlex.quote, words))
    told = (
        f"source {shlex.quote(str(completed))}; function=$(complete -p readiness); function=${{function##*-F }}; function=${{function%% *}}; "
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
        '"${function}" readiness "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    bash = shutil.which("bash")
    assert bash, "bash is what this is about"
    done = subprocess.run([bash, "--norc", "-c", told], capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr == ""
    return {word.strip() for word in done.stdout.splitlines()} - {""}


def test_bash_offers_every_verb(completed: Path) -> None:
    """All of them for an empty word, the right one for its beginning."""
    assert set(VERBS) <= offered(completed, "readiness", "")
    assert offered(completed, "readiness", "new-") == {"new-check"}


def test_bash_offers_a_verbs_options_and_words(completed: Path) -> None:
    """Options of the verb that stands there, and the words that an option takes."""
    assert {"--once", "--json", "--for"} <= offered(completed, "readiness", "watch", "--")
    assert "--readiness-strict" in offered(completed, "readiness", "check", "--readiness-s")
    assert set(PHASES) <= offered(completed, "readiness", "check", "-m", "")
    assert {s.value for s in Severity} <= offered(completed, "readiness", "new-check", "x", "--severity", "")
    assert "server-killed" in offered(completed, "readiness", "demo", "--fault", "server-k")
    assert offered(completed, "readiness", "completion", "") >= set(SHELLS)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names each verb; another shell is refused with those that there are."""
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in VERBS)
    assert main(["completion", "csh"]) == 4
    assert "fish" in capsys.readouterr().err


def test_every_verb_offers_its_parser() -> None:
    """Named as the verb is called, with help on each option, and with what its exit codes mean."""
    for verb, parser in verb_parsers(VERBS).items():
        assert parser.prog == f"readiness {verb}"
        assert (parser.epilog or "").startswith("exit: 0 "), verb
        assert [action.dest for action in parser._actions if not action.help] == []


def test_check_tells_only_what_pytest_takes(pytestconfig: pytest.Config) -> None:
    """Every option in `readiness check --help` is one of pytest's or of a plugin that is installed here."""
    mine = {flag for action in check_parser()._actions for flag in action.option_strings}
    taken = {name for option in pytestconfig._parser._anonymous.options for name in option.names()}
    taken |= {name for group in pytestconfig._parser._groups for option in group.options for name in option.names()}
    assert mine - taken - {"-h", "--help"} == set()
