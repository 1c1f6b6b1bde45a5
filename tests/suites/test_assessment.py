"""The state that the assessment describes: every gap is found, nothing good is faulted, and the documented tables are current."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import pytest

from tests.faults.preflight.mutation import each, edit
from tests.sources import ROOT
from tests.suites.assessment.items import GAPS, GOOD, Item
from tests.suites.assessment.judge import markdown, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.runner import Result


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """One run on the assessed state."""
    with contextlib.redirect_stdout(io.StringIO()):
        return run(tmp_path_factory.mktemp("assessed"))


@pytest.mark.parametrize("item", GAPS, ids=lambda item: item.check)
def test_every_gap_is_found(item: Item, assessed: Result) -> None:
    """What the assessment criticises is reported under its check, with the place that mends it."""
    assert assessed.outcomes[item.check] == item.outcome, assessed.reasons.get(item.check)
    reason = assessed.reasons[item.check]
    assert [word for word in item.words if word not in reason] == [], reason


@pytest.mark.parametrize("item", GOOD, ids=lambda item: item.check)
def test_nothing_good_is_faulted(item: Item, assessed: Result) -> None:
    """What the assessment praises passes."""
    assert assessed.outcomes[item.check] == item.outcome, assessed.reasons.get(item.check)


def test_the_verdict_differs(assessed: Result) -> None:
    """A state with six critical gaps is not deployed, whatever points it has."""
    verdict = assessed.report["verdict"]
    assert (verdict["status"], verdict["decision"], assessed.exit_code) == ("NOT READY", "DO NOT DEPLOY", 1)
    assert verdict["score"] < 85


def test_mending_it_as_the_assessment_says_satisfies_the_checks(tmp_path: Path) -> None:
    """The fixes that the assessment itself proposes for the scripts are accepted, with the rollback made to ask nobody."""
    loop = "for attempt in 1 2 3; do\n  {} && break\n  sleep 2\ndone\n"
    health = "HEALTH=$(curl -sf --max-time 5 \"$BASE_URL/api/health\" | jq -r '.status')\n"
    mend = each(
        edit("scripts/start-mcp-hub.sh", "nohup bun", "mkdir -p logs\nnohup bun"),
        edit(
            "scripts/complete-deployment.sh",
            'bash "$SCRIPT_DIR/deploy-mcp-hub.sh"\n',
            'if ! bash "$SCRIPT_DIR/deploy-mcp-hub.sh"; then\n  echo "❌ Deployment failed, rolling back..."\n'
            '  bash "$SCRIPT_DIR/rollback-deployment.sh"\n  exit 1\nfi\n',
        ),
        edit("scripts/rollback-deployment.sh", 'if [ "$CONFIRM" != "yes" ]', 'if [ -t 0 ] && [ "$CONFIRM" != "yes" ]'),
        edit("scripts/rollback-deployment.sh", "CONFIRM\n", "CONFIRM || true\n"),
        edit("scripts/validate-deployment.sh", health, loop.format(health.rstrip())),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        found = run(tmp_path, mend)
    mended = (
        "log-directory-is-created-before-use",
        "failed-build-rolls-back",
        "every-phase-rolls-back",
        "rollback-needs-no-terminal",
    )
    assert {check: found.outcomes[check] for check in mended} == dict.fromkeys(mended, "passed"), found.reasons
    # the health check is repeated now, the other seven are not
    assert "api/health" not in found.reasons["validation-retries"]


def test_the_documented_tables_are_current(assessed: Result) -> None:
    """`docs/assessment.md` is what `python -m tests.suites.assessment` prints."""
    assert (ROOT / "docs" / "assessment.md").read_text(encoding="utf-8") == markdown(assessed)
