"""Writes what is derived from the code: `readiness/session/plan/catalogue.json` and the pages of checks, verbs and exit codes.

Run by `make catalogue`; tests assert that all of them are still what the code says.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from readiness.errors import ReadinessError
from readiness.findings import PHASES
from readiness.session import CATALOGUE_FILE, PlannedItem, catalogue_json, item_of, suite_folders

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from readiness.findings import Check

ROOT: Final = Path(__file__).resolve().parents[2]
_PYTESTS: Final = {
    pytest.ExitCode.INTERRUPTED: "pytest: interrupted, or a file of checks does not import",
    pytest.ExitCode.INTERNAL_ERROR: "pytest: an internal error",
    pytest.ExitCode.USAGE_ERROR: "a wrong call, a wrong configuration, or a mistake in how a check is declared",
    pytest.ExitCode.NO_TESTS_COLLECTED: "pytest: nothing was collected, or nothing was left by `-k`",
}


class _Collector:
    def __init__(self) -> None:
        self.items: list[tuple[PlannedItem, Path]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take every check."""
        for item in items:
            planned_item = item_of(item)
            if planned_item is not None:
                self.items.append((planned_item, item.path))
        items.clear()


def collect() -> list[tuple[PlannedItem, str]]:
    """Every check of the suites with its file as `suite/test_topic.py`. Raises ReadinessError if one does not import."""
    folders = suite_folders()
    collector = _Collector()
    output = io.StringIO()
    # without -m no file is passed over, whatever an older catalogue says of it
    arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:readiness.plugin"]
    markers = [f"markers={name}: x" for name in ("check", *PHASES)]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = pytest.main(
            [*arguments, "--noconftest", "-c", "/dev/null", "--rootdir", str(ROOT), "--import-mode=importlib",
             "-o", "\n".join(markers), *map(str, folders.values())],
            plugins=[collector],
        )  # fmt: skip
    if status not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise ReadinessError(
            f"the suites could not be collected (pytest says {int(status)}): {output.getvalue()[-2000:]}"
        )
    names = {folder: name for name, folder in folders.items()}
    return [(item, f"{names[path.parent]}/{path.name}") for item, path in collector.items]


def catalogue_text() -> str:
    """The text that `catalogue.json` has to have."""
    collected = collect()
    files = {id(item): file for item, file in collected}
    return catalogue_json([item for item, _ in collected], lambda item: files[id(item)])


def exit_codes_text() -> str:
    """The page of exit codes: of a run, of a rollback, of each verb."""
    from readiness.__main__ import FAULT, VERBS
    from readiness.cli.completion import verb_parsers
    from readiness.operations.rollback import EXIT
    from readiness.results.verdict import Status, exit_code

    meanings: dict[int, list[str]] = {}
    for status in Status:
        code, strict = exit_code(status, strict=False), exit_code(status, strict=True)
        meanings.setdefault(code, []).append(status.value)
        if strict != code:
            meanings.setdefault(strict, []).append(f"{status.value} with `--readiness-strict`")
    for result, code in EXIT.items():
        meanings.setdefault(code, []).append(f"{result.value}, after `readiness check` or `rollback` has acted")
    for code, meaning in _PYTESTS.items():
        meanings.setdefault(int(code), []).append(meaning)
    meanings[1].append("a test that is no check failed")
    meanings[12].append("a plugin failed at the end of the run, as `--junitxml` does on a full disk")
    meanings[FAULT] = ["a fault of ours, or of the machine (no disk, no memory), ended another verb than `check`"]
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
        *(f"| {code} | {'; '.join(meanings[code])} |" for code in sorted(meanings)),
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
    from readiness.cli.completion import verb_parsers

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


def reference_text(checks: Sequence[Check]) -> str:
    """The page that lists every check: what it says, how much it matters, when it cannot be proven, what mends it."""
    lines = [
        "# The checks",
        "",
        "Generated from the decorators by `make catalogue`. The id is a statement that holds when all is well;",
        "it is what `[limits.ID]`, waivers and reports use.",
    ]
    category = ""
    for check in sorted(checks, key=lambda c: (PHASES.index(c.phase), c.topic)):
        if check.category != category:
            category = check.category
            lines += ["", f"## {category}"]
        lines += ["", f"### `{check.id}`", "", f"{check.title}", "", f"- severity: {check.severity.value}"]
        if check.rollback:
            lines.append(f"- rollback trigger: {check.rollback}")
        if check.limits:
            bounds = check.limits
            given = [
                f"{name} {value:g}"
                for name in ("warning", "critical", "rollback")
                if (value := getattr(bounds, name)) is not None
            ]
            few = f", at least {bounds.samples} samples" if bounds.samples > 1 else ""
            lines.append(f"- limits: {', '.join(given)} {bounds.unit} ({bounds.better} is better{few})")
        if check.needs:
            lines.append(f"- needs: {', '.join(f'`{key}`' for key in check.needs)} of `[expect]`")
        if check.after:
            lines.append(f"- blocked by: {', '.join(f'`{key}`' for key in check.after)}")
        if not check.waivable:
            lines.append("- cannot be waived")
        if check.remedy:
            lines.append(f"- to mend it: {check.remedy}")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; `--check` only says whether they are current (exit 1 if not)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    text = catalogue_text()
    checks = list({item.check.id: item.check for item, _ in collect()}.values())
    docs = ROOT / "docs"
    wanted = {
        CATALOGUE_FILE: text,
        docs / "checks.md": reference_text(checks),
        docs / "cli.md": cli_text(),
        docs / "exit-codes.md": exit_codes_text(),
    }
    stale = [
        path for path, content in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]
    for path in [] if "--check" in arguments else stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    sys.stdout.write(f"{len(checks)} checks; {'changed' if stale else 'current'}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main())
