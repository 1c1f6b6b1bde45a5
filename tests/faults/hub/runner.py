"""Run the real suite once against a faulty hub, in this process, and read back what it decided."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.faults.hub.deployment import TOKEN, TOKEN_ENV, Deployment
from tests.faults.hub.model import How
from tests.faults.hub.server import FaultyHub
from tests.faults.hub.words import CHECKS
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.faults.hub.model import Fault

WELL: Final = frozenset({"passed", "not_applicable"})
_CLEARED: Final = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "READINESS_RUN_ID")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run gave."""

    exit_code: int
    report: Mapping[str, Any]
    requests: tuple[str, ...]

    @property
    def troubled(self) -> dict[str, str]:
        """Every check that is not well, with its outcome."""
        found = self.report["findings"]
        return {row["check"]: row["outcome"] for row in found if row["outcome"] not in WELL}

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of every check that is not well."""
        found = self.report["findings"]
        return {row["check"]: row["reason"] for row in found if row["outcome"] not in WELL}

    @property
    def fired(self) -> tuple[str, ...]:
        """The triggers of the planned rollback."""
        actions = self.report["rollback"]["actions"]
        return tuple(dict.fromkeys(trigger for action in actions for trigger in action["triggers"]))


def run(
    fault: Fault,
    root: Path,
    *,
    marker: str = "health",
    checks: tuple[str, ...] = CHECKS,
    prepare: Callable[[FaultyHub, Deployment], None] | None = None,
) -> Result:
    """Break a hub as `fault` says, run `pytest -m MARKER` on it with everything real, and read the report.

    `checks` are those that passed before the deploy; `prepare` is called once the hub runs and is configured.
    """
    deployment = Deployment(root, fault.site, checks)
    deployment.write_release()
    if fault.site.healthy_run_first:
        _run(How(), deployment, marker)
    return _run(fault.how, deployment, marker, prepare)


def _run(
    how: How, deployment: Deployment, marker: str, prepare: Callable[[FaultyHub, Deployment], None] | None = None
) -> Result:
    with FaultyHub(how, token=TOKEN, release=deployment.release, environment=deployment.environment) as hub:
        deployment.write_config(hub)
        if prepare is not None:
            prepare(hub, deployment)
        status = _pytest(deployment, marker)
        report = json.loads((deployment.reports / "readiness.json").read_text(encoding="utf-8"))
        return Result(exit_code=status, report=report, requests=tuple(hub.requests))


def _pytest(deployment: Deployment, marker: str) -> int:
    arguments = [
        *("-m", marker, "-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging"),
        *("--readiness-config", str(deployment.file), "--readiness-report", str(deployment.reports)),
        *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(ROOT / "smoke")),
    ]
    with _environment():
        return int(pytest.main(arguments))


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    saved, hooks, path = dict(os.environ), list(sys.meta_path), list(sys.path)
    for name in (*_CLEARED, *_PROXIES):
        os.environ.pop(name, None)
    os.environ |= {TOKEN_ENV: TOKEN, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        sys.meta_path[:], sys.path[:] = hooks, path
