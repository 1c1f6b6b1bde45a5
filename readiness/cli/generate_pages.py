"""The reference pages that are made from the command's own parsers and from the codes that runs really end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    import argparse

_PYTESTS: Final = {
    pytest.ExitCode.INTERRUPTED: "pytest: interrupted, or a file of checks does not import",
    pytest.ExitCode.INTERNAL_ERROR: "pytest: an internal error",
    pytest.ExitCode.USAGE_ERROR: "a wrong call, a wrong configuration, or a mistake in how a check is declared",
    pytest.ExitCode.NO_TESTS_COLLECTED: "pytest: nothing was collected, or nothing was left by `-k`",
}


def exit_codes_text() -> str:
    """The page of exit codes: of a run, of a rollback, of each verb."""
    from readiness.__main__ import VERBS
    from readiness.cli.parsers import verb_parsers
    from readiness.operations.rollback.outcome import EXIT
    from readiness.results.verdict.verdict import Status, exit_code

    told: dict[int, list[str]] = {}
    for status in Status:
        code, strict = exit_code(status, strict=False), exit_code(status, strict=True)
        told.setdefault(code, []).append(status.value)
        if strict != code:
            told.setdefault(strict, []).append(f"{status.value} with `--readiness-strict`")
    for result, code in EXIT.items():
        told.setdefault(code, []).append(f"{result.value}, after `readiness check` or `rollback` has acted")
    for code, meaning in _PYTESTS.items():
        told.setdefault(int(code), []).append(meaning)
    told[1].append("a test that is no check failed")
    lines = [
        "# Exit codes",
        "",
        "Generated from the code by `make catalogue`. 0 is the only green one; whatever was lost or could not be looked at never",
        "ends with it. In this order: pytest's own codes from 2 on stay; else 1 where a test that is no check failed; else the",
        "verdict's.",
        "",
        "## Of a run (`pytest -m …`, `readiness check`)",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {'; '.join(told[code])} |" for code in sorted(told)),
        "",
        "What a verdict means before and after a deploy: [scoring.md](scoring.md). After a rollback: [rollback.md](rollback.md).",
        "",
        "## Of each verb",
        "",
        "A call that cannot be understood ends with 4, unless the table says otherwise, and says what there is.",
        "",
        "| verb | codes |",
        "|---|---|",
    ]
    for verb, parser in verb_parsers(VERBS).items():
        codes = _plain(parser.epilog or "").removeprefix("exit: ") or f"see `readiness {verb} --help`"
        lines.append(f"| `readiness {verb}` | {codes} |")
    return "\n".join(lines) + "\n"


def cli_text() -> str:
    """The page of the command: each verb with its arguments."""
    from readiness.__main__ import VERBS
    from readiness.cli.parsers import verb_parsers

    lines = [
        "# The `readiness` command",
        "",
        "Generated from the command's own parsers by `make catalogue`. A verdict needs none of it: `pytest -m health` is enough.",
        'Completion of verbs, options and their words: `eval "$(readiness completion bash)"` (or zsh), `readiness completion fish |',
        "source`. What the codes mean: [exit-codes.md](exit-codes.md).",
    ]
    for verb, parser in verb_parsers(VERBS).items():
        lines += ["", f"## `readiness {verb}`", "", _plain(VERBS[verb][1]), "", "| argument | meaning |", "|---|---|"]
        actions = parser._actions  # noqa: SLF001 - argparse offers no other way to what it was told
        lines += [f"| {_flags(action)} | {_help(parser, action)} |" for action in actions if action.dest != "help"]
    return "\n".join(lines) + "\n"


def _flags(action: argparse.Action) -> str:
    given = action.metavar or action.dest.upper()
    value = "" if action.nargs == 0 else " ".join([given] if isinstance(given, str) else given)
    if not action.option_strings:
        return f"`{value}`"
    return ", ".join(f"`{flag}{f' {value}' if value else ''}`".replace("|", "\\|") for flag in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    values = vars(action) | {"prog": parser.prog}
    return _plain((action.help or "") % values)


def _plain(text: str) -> str:
    """One line that a table can hold."""
    return " ".join(text.split()).replace("|", "\\|")
