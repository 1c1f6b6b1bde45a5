"""A phase of the real suite, run in this process against whatever a fault has made, and what it decided.

One runner for every table of faults: a table brings the world (a hub, a host, a release) and its `readiness.toml`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness.config.loading import load, redactor_for
from readiness.findings import Finding, Outcome
from readiness.results.report import to_json
from readiness.session.conclusion import conclude
from readiness.session.journal import Run
from readiness.session.plan.planning import Scope, catalogue
from readiness.session.run_one import CheckRunner
from readiness.session.setup import deployed_claims
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from readiness.findings import Check

WELL: Final = frozenset({"passed", "not_applicable"})
EXITS: Final = {"READY": 0, "CONDITIONAL": 0, "NOT READY": 1, "INCOMPLETE": 12}
"""The exit code that belongs to each verdict."""
_CLEARED: Final = ("PYTEST_", "READINESS_", "GIT_")
"""What the environment of whoever runs the tests must not hand to a run."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run gave."""

    exit_code: int
    report: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The verdict."""
        return str(self.report["verdict"]["status"])

    @property
    def decision(self) -> str:
        """What follows from it."""
        return str(self.report["verdict"]["decision"])

    @property
    def outcomes(self) -> dict[str, str]:
        """Every check with its outcome."""
        return {row["check"]: row["outcome"] for row in self.report["findings"]}

    @property
    def troubled(self) -> dict[str, str]:
        """Every check that is not well, with its outcome."""
        return {row["check"]: row["outcome"] for row in self.report["findings"] if row["outcome"] not in WELL}

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of every check that is not well."""
        return {row["check"]: row["reason"] for row in self.report["findings"] if row["outcome"] not in WELL}

    @property
    def fired(self) -> tuple[str, ...]:
        """The triggers of the planned rollback."""
        actions = self.report["rollback"]["actions"]
        return tuple(dict.fromkeys(trigger for action in actions for trigger in action["triggers"]))

    def __str__(self) -> str:
        """Everything that a person wants to see of a run that ended otherwise than written."""
        lines = [f"{check}: {self.troubled[check]}: {reason}" for check, reason in self.reasons.items()]
        head = f"exit {self.exit_code}, {self.report['verdict']['because']}"
        return "\n".join([head, *lines, *self.report.get("trouble", ())])


def run(
    phase: str,
    *suites: str,
    config: Path,
    reports: Path,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run `pytest -m PHASE` on `suites` (paths in the checkout) with everything real, in this process; read the report.

    `environment` is added to what is left of the process's own.
    """
    arguments = [
        # nobody reads a traceback here, and making them takes a third of a run's time
        *("-m", phase, "-q", "--tb=no", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging", *options),
        # at the end of a run these two collect the garbage of all tests before it, five times over
        *("-p", "no:unraisableexception", "-p", "no:threadexception"),
        *("--readiness-config", str(config), "--readiness-report", str(reports)),
        *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
        *(str(ROOT / suite) for suite in suites),
    ]
    settings = config.read_text(encoding="utf-8")
    if "[report]" not in settings:  # the page is tried elsewhere, and making it takes longer than most checks
        config.write_text(f'{settings}\n[report]\nformats = ["json"]\n', encoding="utf-8")
    with clean_environment(environment or {}):
        code = int(pytest.main(arguments))
    return Result(exit_code=code, report=json.loads((reports / "readiness.json").read_text(encoding="utf-8")))


def judge(
    phase: str,
    checks: Collection[str],
    *,
    config: Path,
    reports: Path,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run only `checks` of a phase, one by one, and conclude as a whole run would in which all others pass.

    Worth it where a whole run takes long; only a whole one shows that nothing else is found.
    """
    with clean_environment(environment or {}), tempfile.TemporaryDirectory() as private:
        folder = Path(private)
        loaded = load(file=config, report_dir=reports)
        redact = redactor_for(loaded, os.environ).clean
        scope = Scope(loaded, lambda: deployed_claims(loaded))
        ledger = Run()
        with CheckRunner(loaded, scope, redact, folder) as runner:
            phases_checks = [check for check, _ in catalogue() if check.phase == phase]
            assert set(checks) <= {check.id for check in phases_checks}
            runner.collect(sorted(checks))
            for check in _in_order(phases_checks):
                planned = runner.planned(check.id)
                findings = [Finding(check=check.id, outcome=Outcome.PASSED)]
                if check.id in checks and not planned.not_applicable:
                    findings = [ran.finding for ran in runner.run(check.id)]
                ledger.plan[check.id] = dataclasses.replace(
                    planned, instances=tuple(finding.instance for finding in findings)
                )
                for finding in () if planned.not_applicable else findings:
                    ledger.record(finding)
        concluded = conclude(
            ledger,
            loaded,
            cap=scope.first_look_cap(),
            redact=redact,
            run_id="judged",
            started=time.time(),
            selection=phase,
            folder=folder,
        )
    return Result(exit_code=concluded.exit_code, report=to_json(concluded.report))


def _in_order(checks: Sequence[Check]) -> list[Check]:
    """Each check after those that it comes after, the last ones at the end."""
    known = {check.id: check for check in checks}

    def depth(check: Check) -> int:
        return 1 + max((depth(known[name]) for name in check.after if name in known), default=0)

    return sorted(checks, key=lambda check: (check.last, depth(check)))


@contextlib.contextmanager
def clean_environment(more: Mapping[str, str]) -> Iterator[None]:
    """No proxy, no provider's key, no plugins but this one's, and nothing of the run that runs the tests."""
    saved, hooks, path = dict(os.environ), list(sys.meta_path), list(sys.path)
    for name in saved:
        if name.startswith(_CLEARED) or name.lower().endswith("_proxy") or name.endswith("_API_KEY"):
            del os.environ[name]
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | more
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        sys.meta_path[:], sys.path[:] = hooks, path
