"""`readiness completion SHELL`: prints what a shell needs to complete verbs and options, made from the real parsers."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE: Final = 4
SHELLS: Final = ("bash", "zsh", "fish")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script: 0, or 4 for a wrong call."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    sys.stdout.write(script(given.shell))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness completion",
        description='Prints completion for a shell. bash: eval "$(readiness completion bash)"; '
        'zsh: eval "$(readiness completion zsh)"; fish: readiness completion fish | source',
        allow_abbrev=False,
        epilog="exit: 0 printed, 4 a wrong call",
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return parser


def script(shell: str) -> str:
    """The completion script for `shell`."""
    import shtab

    return f"{shtab.complete(whole_parser(), shell=shell)}\n"


def whole_parser() -> argparse.ArgumentParser:
    """One parser for the command with all its verbs, as nobody calls it: only to be read."""
    from readiness.__main__ import VERBS
    from readiness.cli.parsers import verb_parsers

    whole = argparse.ArgumentParser(prog="readiness", description="Whether to deploy, hold or roll back an MCP Hub.")
    whole.add_argument("--version", action="store_true", help="print the version")
    verbs = whole.add_subparsers(metavar="VERB")
    for verb, parser in verb_parsers(VERBS).items():
        told = VERBS[verb][1].replace("%", "%%")
        _complete_values(verbs.add_parser(verb, help=told, description=told, parents=[parser], add_help=False))
    return whole


def _complete_values(parser: argparse.ArgumentParser) -> None:
    """Say what completes the value of an option, told by its metavar: files, folders, or words that are known."""
    import shtab

    from readiness.cli.new_check import PHASES as WRITTEN
    from readiness.demo.faults.table import FAULTS
    from readiness.findings import PHASES, TRIGGERS, Severity

    words = {
        "EXPRESSION": PHASES,
        "PHASE": WRITTEN,
        "TRIGGER": tuple(TRIGGERS),
        "SEVERITY": tuple(severity.value for severity in Severity),
        "FAULT": tuple(FAULTS),
    }
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to what it was told
        if action.metavar in {"FILE", "PATH"}:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own way
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # shtab's own way
        elif action.choices is None and isinstance(action.metavar, str):
            action.choices = words.get(action.metavar)
