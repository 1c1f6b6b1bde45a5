"""A project with fixtures of the same names as readiness has: they are its own, and say nothing of the real hub."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from readiness.session.fixtures import MODULES

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub

MOCK = '''
@pytest.fixture
def {name}():
    """A mock."""
    return Mock()
'''
CONFTEST = '''
import pytest

class Mock:
    """Something of which nothing is true."""

@pytest.fixture(autouse=True)
def _nobody_connects(monkeypatch):
    """What a project's unit tests want."""
    import socket
    monkeypatch.setattr(socket.socket, "connect", None)
'''
OWN = '''
"""A check of the project's own."""
import pytest
from readiness import check

pytestmark = pytest.mark.health

@check("mock-is-used", severity="low")
def test_mock(hub):
    """A check of somebody's own gets what its project overrides."""
    assert type(hub).__name__ == "Mock"
'''


def names() -> list[str]:
    """The names of all fixtures that readiness registers."""
    modules = {name for names in MODULES.values() for name in names}
    found = (vars(importlib.import_module(f"readiness.session.fixtures.{name}")) for name in sorted(modules))
    return sorted(
        {
            name
            for values in found
            for name, value in values.items()
            if "FixtureFunctionDefinition" in type(value).__name__
        }
    )


def test_shipped_checks_take_nothing_from_a_projects_conftest(healthy: RealHub, judge: Judge) -> None:
    """With a mock under each name of a fixture, in its root conftest.py, a healthy hub is as READY as without."""
    assert {"hub", "limits", "release", "service", "network"} <= set(names())
    judge.configure(healthy)
    (judge.folder / "pytest.ini").write_text("[pytest]\n")
    (judge.folder / "conftest.py").write_text(CONFTEST + "".join(MOCK.format(name=name) for name in names()))
    (judge.folder / "test_own.py").write_text(OWN)
    judged = judge.run(str(judge.folder), "-c", str(judge.folder / "pytest.ini"), f"--rootdir={judge.folder}")
    assert judged.by_outcome("failed", "unknown", "degraded", "flaky") == {}
    assert "mock-is-used" in {one["check"] for one in judged.report["findings"]}
    assert (judged.code, judged.status) == (0, "READY")
