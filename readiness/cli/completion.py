"""`readiness completion SHELL`: prints what a shell needs to complete verbs and options, made from the real parsers."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.session import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    whole = argparse.ArgumentParser(prog="readiness", description="Whether to deploy, hold or roll back an MCP Hub.")
    whole.add_argument("--version", action="store_true", help="print the version")
    verbs = whole.add_subparsers(metavar="VERB")
    for verb, parser in verb_parsers(VERBS).items():
        help_text = VERBS[verb][1].replace("%", "%%")
        _complete_values(
            verbs.add_parser(verb, help=help_text, description=help_text, parents=[parser], add_help=False)
        )
    return whole


def _complete_values(parser: argparse.ArgumentParser) -> None:
    """Say what completes the value of an option, told by its metavar: files, folders, or words that are known."""
    import shtab

    from readiness.cli.new_check import PHASES as WRITTEN
    from readiness.demo import FAULTS
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


_PYTESTS: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    # pytest's own options that a run of checks is mostly given; the rest is in `pytest --help`
    (("-m",), {"metavar": "EXPRESSION", "help": 'phases: health, "health or e2e"; without: all but load and drill'}),
    (("-k",), {"metavar": "WORDS", "help": "only checks of these names: narrows, so the verdict is INCOMPLETE"}),
    (("-n", "--numprocesses"), {"metavar": "N", "help": "so many workers at once"}),
    (("-x", "--exitfirst"), {"action": "store_true", "help": "end at the first failure: narrows"}),
    (("-q", "--quiet"), {"action": "count", "help": "say less"}),
    (("-v", "--verbose"), {"action": "count", "help": "say more: a line a check, and the code at which one failed"}),
    (("--collect-only",), {"action": "store_true", "help": "print the plan and judge nothing"}),
    (("--junitxml",), {"metavar": "FILE", "help": "write JUnit, with a case for the verdict"}),
    (("--html",), {"metavar": "FILE", "help": "write pytest-html's page, with a line for the verdict"}),
    (("--hosts",), {"metavar": "BACKENDS", "help": "hosts for -m infra, in place of [target] hosts"}),
)


def verb_parsers(verbs: Mapping[str, tuple[str, str]]) -> dict[str, argparse.ArgumentParser]:
    """Each verb's own parser. Raises ReadinessError for a verb whose module offers none (`_parser`)."""
    return {verb: _parser_of(verb, module) for verb, (module, _) in verbs.items()}


def _parser_of(verb: str, module: str) -> argparse.ArgumentParser:
    offered = getattr(importlib.import_module(module), "_parser", None)
    parser = offered() if offered is not None else None
    if not isinstance(parser, argparse.ArgumentParser):
        raise ReadinessError(
            f"{module} offers no _parser(): `readiness {verb}` could neither be completed nor described; let it build its ArgumentParser there"
        )
    return parser


def check_parser() -> argparse.ArgumentParser:
    """What `readiness check` takes: the plugin's options, as the plugin declares them to pytest, and pytest's commonest."""
    parser = argparse.ArgumentParser(
        prog="readiness check",
        usage="readiness check [FOLDER of your own checks] [pytest arguments]",
        description="Runs pytest with only the plugins that readiness needs, e.g. readiness check -m health -n 2. "
        "Gives a verdict even when pytest dies; then tells people and, as configured, rolls back.",
        allow_abbrev=False,
        epilog="exit: 0 READY or CONDITIONAL, 1 NOT READY, 10 CONDITIONAL with --readiness-strict, 12 INCOMPLETE, "
        "4 a wrong call or configuration; after a rollback: 1 it is verified, 13 it is not verified, 14 it failed",
    )
    parser.add_argument(
        "place", nargs="*", metavar="PATH", help="a folder of your own checks is judged with what ships"
    )
    for flags, keywords in _PYTESTS:
        parser.add_argument(*flags, **keywords)
    for flag, keywords in OPTIONS.items():
        parser.add_argument(flag, **keywords)
    return parser
