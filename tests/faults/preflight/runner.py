"""Run the real preflight once on a mutated release, in this process, and read back what it decided."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.hub.runner import ROOT, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.preflight.mutation import Mutation
    from tests.faults.preflight.site import Site

_CLEARED: Final = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "READINESS_RUN_ID")


def run(mutation: Mutation, where: Site) -> Result:
    """Mutate a fresh copy of the healthy release, run `pytest -m preflight` on it, and read the report."""
    where.put(mutation)
    status = _pytest(where)
    report = json.loads((where.reports / "readiness.json").read_text(encoding="utf-8"))
    return Result(exit_code=status, report=report, requests=())


def _pytest(where: Site) -> int:
    arguments = [
        *("-m", "preflight", "-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging"),
        *("--readiness-config", str(where.file), "--readiness-report", str(where.reports)),
        *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
        str(ROOT / "preflight"),
    ]
    with _environment(where):
        return int(pytest.main(arguments))


@contextlib.contextmanager
def _environment(where: Site) -> Iterator[None]:
    saved, hooks, path = dict(os.environ), list(sys.meta_path), list(sys.path)
    for name in list(os.environ):
        if name in _CLEARED or name.lower().endswith("_proxy") or name.endswith("_API_KEY"):
            del os.environ[name]
    # the service's user: its cache and its state are the sample's, not whoever runs the tests'
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HOME": str(where.sample.home)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        sys.meta_path[:], sys.path[:] = hooks, path
