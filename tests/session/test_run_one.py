"""One check at a time finds what a whole run finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from readiness import demo
from readiness.config.loading import load
from readiness.errors import ReadinessError
from readiness.session.plan.planning import Scope, catalogue
from readiness.session.run_one import CheckRunner, run_one
from readiness.session.setup import deployed_claims
from tests.helpers.few_plugins import FEW
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config.model import Config

QUICK = "[probe]\ninterval = 0.05\ntimeout = 1.0\nsettle = 0.5\n[limits.hub-stays-up]\ncritical = 0\n"


def configured(folder: Path, url: str, release: Path | None) -> Config:
    """The configuration of a hub in `folder`, which a whole run reads too."""
    tree = f'release = "{release}"\n' if release else ""
    (folder / "readiness.toml").write_text(f'environment = "local"\n[target]\nurl = "{url}"\n{tree}{QUICK}')
    return load(file=folder / "readiness.toml", report_dir=folder / "reports")


def _whole_run(folder: Path) -> dict[str, Any]:
    """The report of `pytest -m health`, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-m", "health", "-q", "-p", "no:cacheprovider", str(ROOT / "smoke")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "READINESS", "MCP_HUB"))} | FEW
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)
    return dict(json.loads((folder / "reports" / "readiness.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("fault", [None, "server-down", "starting-for-ever"])
def test_the_findings_are_those_of_a_whole_run(fault: str | None, tmp_path: Path) -> None:
    """The outcome of each check of health is the same, alone and in a run, for a healthy hub and broken ones."""
    with demo.start(fault=fault) as hub:
        config = configured(tmp_path, hub.url, hub.release)
        whole = _whole_run(tmp_path)
        (tmp_path / "run").mkdir()
        scope = Scope(config, lambda: deployed_claims(config))
        expected = {
            row["check"]: row["outcome"]
            for row in whole["findings"]
            # what others have found is known to a whole run alone
            if not str(row["reason"]).startswith("blocked by") and row["outcome"] != "not_applicable"
        }
        with CheckRunner(config, scope, str, tmp_path / "run") as checks:
            alone = {check: checks.run(check)[-1].finding.outcome.value for check in expected}
    assert alone == expected


def test_a_dead_hub_is_found_by_one_check_and_unknown_to_the_others(tmp_path: Path) -> None:
    """What proves that a hub is down fails; a check that needs its answers is unknown, and nothing is raised."""
    config = configured(tmp_path, "http://127.0.0.1:9", None)
    scope = Scope(config, lambda: deployed_claims(config))
    with CheckRunner(config, scope, str, tmp_path) as checks:
        (answers,) = checks.run("hub-answers")
        (tools,) = checks.run("tools-are-listed")
    assert (answers.finding.outcome.value, tools.finding.outcome.value) == ("failed", "unknown")
    assert answers.finding.attempts == config.probe.attempts
    assert answers.may_pass_later


def test_without_settling_there_is_one_attempt(tmp_path: Path) -> None:
    """A view that looks again by itself takes one attempt at a time, and hears that another one may mend it."""
    config = configured(tmp_path, "http://127.0.0.1:9", None)
    with CheckRunner(config, Scope(config, dict), str, tmp_path, settle=False) as checks:
        (answers,) = checks.run("hub-answers")
    assert (answers.finding.attempts, answers.may_pass_later) == (1, True)


def test_every_check_that_ships_can_be_run_alone(tmp_path: Path) -> None:
    """Whatever its phase, a check gives a finding of its own for a target that is not there; none of them raises."""
    config = configured(tmp_path, "http://127.0.0.1:9", None)
    scope = Scope(config, lambda: deployed_claims(config))
    with CheckRunner(config, scope, str, tmp_path, settle=False) as checks:
        for check, _ in catalogue():
            if check.phase != "infra":  # a host is this machine, which is there: tests/facts/host
                ran = checks.run(check.id)
                assert {one.finding.check for one in ran} == {check.id}
                assert json.loads(json.dumps(ran[0].finding.to_json()))["outcome"] != "passed" or not check.after, (
                    check.id
                )


def test_an_unknown_check_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    """An id that no check has is an error that names it."""
    config = configured(tmp_path, "http://127.0.0.1:9", None)
    with pytest.raises(ReadinessError, match="no check 'hub-anwsers'"):
        run_one("hub-anwsers", config, Scope(config, dict), str, tmp_path)


def test_secrets_are_taken_out_of_findings(tmp_path: Path) -> None:
    """The reason of a finding goes through the redaction that it is given."""
    config = configured(tmp_path, "http://127.0.0.1:9", None)
    (finding,) = run_one(
        "hub-answers", config, Scope(config, dict), lambda text: text.replace("127.0.0.1", "***"), tmp_path
    )
    assert "***" in finding.reason
    assert "127.0.0.1" not in finding.reason
