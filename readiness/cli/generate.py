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

from readiness.cli.generate_pages import cli_text, exit_codes_text
from readiness.errors import ReadinessError
from readiness.findings import PHASES
from readiness.session.plan import plan as planning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.findings import Check

ROOT: Final = Path(__file__).resolve().parents[2]


class _Collector:
    def __init__(self) -> None:
        self.items: list[tuple[planning.PlannedItem, Path]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take every check."""
        for item in items:
            found = planning.item_of(item)
            if found is not None:
                self.items.append((found, item.path))
        items.clear()


def collect() -> list[tuple[planning.PlannedItem, str]]:
    """Every check of the suites with its file as `suite/test_topic.py`. Raises ReadinessError if one does not import."""
    folders = planning.suite_folders()
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
    found = collect()
    files = {id(item): file for item, file in found}
    return planning.catalogue_json([item for item, _ in found], lambda item: files[id(item)])


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
        planning.CATALOGUE_FILE: text,
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
