"""The command's own parsers, gathered: shell completion and the reference pages are made from what really parses."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.session.invocation import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

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
