"""Run the real preflight on the assessed state, in this process, and write down what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tomli_w import dumps

from tests.faults import runner
from tests.suites.assessment.items import ELSEWHERE, GAPS, GOOD
from tests.suites.assessment.tree import build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.suites.assessment.items import Item

SETTINGS: Final[Mapping[str, Any]] = {
    "environment": "production",
    "release": {"build": ["/bin/sh", "build.sh"], "test": ["/bin/sh", "test.sh"]},
    # nobody answers at the discard port: what a provider would say of the key stays unknown
    "llm": {"base_url": {"gemini": "http://127.0.0.1:9/v1beta"}},
    "expect": {"runtime": {"expected": False, "reason": "the stand-in for the hub runs in any shell"}},
}
HEAD: Final = """# The assessment, reproduced

Written by `python -m tests.suites.assessment > docs/assessment.md`; a test asserts that it is current. `tests/suites/assessment/` rebuilds the
release that the production readiness assessment of MCP Hub 4.3.0 describes, from its text, and runs `pytest -m preflight`
on it. Every gap that a file can show must be found under its check, and nothing that the assessment praises may be faulted.
"""


def run(folder: Path, mend: Callable[[Path], None] | None = None) -> runner.Result:
    """Build the assessed release in `folder`, mend it if asked to, run preflight on it and read the report."""
    tree = build(folder / "release")
    if mend is not None:
        mend(tree)
    file, reports, home = folder / "readiness.toml", folder / "reports", folder / "home"
    target = {"release": str(tree), "state": str(home / ".local" / "state" / "mcp-hub")}
    file.write_text(dumps({**SETTINGS, "target": target}), encoding="utf-8")
    return runner.run("preflight", "preflight", config=file, reports=reports, environment={"HOME": str(home)})


def markdown(result: runner.Result) -> str:
    """The tables, and the two verdicts side by side."""
    verdict, found = result.report["verdict"], result.outcomes
    lines = [HEAD, "## Two verdicts on one state", "", "| | verdict | score |", "|---|---|---|"]
    lines += ["| the assessment | READY FOR PRODUCTION with 6 critical recommendations | 85/100 |"]
    lines += [f"| this project | **{verdict['status']}: {verdict['decision']}** | {verdict['score']} of 100 |", ""]
    lines += [
        f"Why: {verdict['because']}. The assessment adds points up and lets a critical gap cost a few of them; here a single critical check",
        "that fails stops a deploy, whatever the score. Its six critical recommendations are criteria of this gate, not advice beside a pass.",
        "It also praises that the rollback asks for a `yes`: the orchestrator calls that rollback by itself, where nobody can answer.",
        "",
    ]
    lines += [f"## {len(GAPS)} gaps that a file can show", "", *_table(GAPS, found), ""]
    lines += [f"## {len(GOOD)} things that are well, and must not be faulted", "", *_table(GOOD, found), ""]
    lines += [
        "## What no file of a release can show",
        "",
        "| section | the assessment | answered by |",
        "|---|---|---|",
    ]
    lines += [f"| {one.section} | {one.says} | {one.answered} |" for one in ELSEWHERE]
    return "\n".join(lines) + "\n"


def _table(items: tuple[Item, ...], found: Mapping[str, str]) -> list[str]:
    rows = [f"| {one.section} | {one.says} | `{one.check}` | {found.get(one.check, 'absent')} |" for one in items]
    return ["| section | the assessment | check | outcome |", "|---|---|---|---|", *rows]
