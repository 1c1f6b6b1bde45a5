"""Run the real suite once against a host that answers as told, in this process, and read back what it decided."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Final

import pytest
from tomli_w import dumps

from readiness.facts.host import collect
from readiness.facts.host.connection import Unreachable
from tests.faults.hub.runner import ROOT, Result
from tests.faults.infra.healthy import TOPICS, answers, settings
from tests.faults.infra.world import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.host.batch import HostAnswers
    from readiness.facts.host.connection import HostConnection
    from tests.faults.infra.model import Fault

_CLEARED: Final = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "READINESS_RUN_ID")


def run(fault: Fault, root: Path) -> Result:
    """Let every host of the run answer as `fault` says, run `pytest -m infra`, and read the report."""
    file, reports = root / "readiness.toml", root / "reports"
    file.write_text(dumps(settings(fault.config)), encoding="utf-8")
    said = answers(fault)

    def look(machine: HostConnection, config: Config) -> HostAnswers:
        del config
        if fault.unreachable:
            raise Unreachable(f"{machine.name} cannot be looked at: {fault.unreachable}")
        return said

    with pytest.MonkeyPatch.context() as patch, _environment():
        patch.setattr(collect, "look", look)
        for topic in TOPICS:
            if hasattr(topic, "PATCH"):
                topic.PATCH(patch)
        if fault.patch is not None:
            fault.patch(patch)
        status = int(pytest.main(_arguments(file, reports)))
    report = json.loads((reports / "readiness.json").read_text(encoding="utf-8"))
    return Result(exit_code=status, report=report, requests=())


def _arguments(file: Path, reports: Path) -> list[str]:
    return [
        *("-m", "infra", "-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging"),
        *("--readiness-config", str(file), "--readiness-report", str(reports)),
        *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(ROOT / "infra")),
    ]


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    saved, hooks, path = dict(os.environ), list(sys.meta_path), list(sys.path)
    for name in list(os.environ):
        if name in _CLEARED or name.lower().endswith("_proxy") or name.endswith("_API_KEY"):
            del os.environ[name]
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ENVIRONMENT
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        sys.meta_path[:], sys.path[:] = hooks, path
