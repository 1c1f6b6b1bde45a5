"""What a run loads: nothing where no check is concerned, the facts of its phases where some are, any where they are one's own."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING

import pytest

from readiness.session import fixtures, invocation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.ends.conftest import Project

COUNT = """
import atexit, json, pathlib, sys
def names():
    return [name for name in sys.modules if name.partition(".")[0] == "readiness"]
atexit.register(lambda: pathlib.Path("loaded.json").write_text(json.dumps(names())))
"""
PLAIN = "def test_plain():\n    assert True\n"
MODULES = sorted({name for names in fixtures.MODULES.values() for name in names})


def _loaded(project: Project, *arguments: str) -> set[str]:
    (project.folder / "count_modules.py").write_text(COUNT)
    project.run("-p", "count_modules", *arguments)
    return set(json.loads((project.folder / "loaded.json").read_text()))


def _stranger(project: Project) -> Project:
    """A project that never heard of readiness."""
    for name in ("readiness.toml", "minicatalogue.py", "catalogue.json"):
        (project.folder / name).unlink()
    (project.folder / "minicatalogue.py").write_text("")
    (project.folder / "test_plain.py").write_text(PLAIN)
    return project


@pytest.mark.parametrize("arguments", [(), ("--collect-only",), ("-m", "health")])
def test_a_strangers_run_loads_next_to_nothing(project: Project, arguments: tuple[str, ...]) -> None:
    """At most six modules of this project, although its plugin is installed."""
    assert len(_loaded(_stranger(project), *arguments)) <= 6


def test_a_check_makes_a_strangers_run_one_of_readiness(
    project: Project, mode: list[str], *, is_parallel: bool
) -> None:
    """Also where files were collected before it: without a target it is a usage error, and never green."""
    _stranger(project).suite(
        '@check("own", severity="low")\ndef test_own(hub, release):\n    """Own."""\n', "test_z_own.py"
    )
    listed = project.run("--collect-only", "-m", "health", "-k", "own")
    assert "readiness plan:" in listed.out
    assert "own" in listed.out
    ended = project.run("-m", "health", *mode)
    assert "fixture 'hub' not found" not in ended.out
    if is_parallel:  # nobody could end it before the workers had collected
        assert ended.status == "INCOMPLETE"
    else:
        assert ended.code == 4
        assert "nothing says which hub or release to look at" in ended.out


def test_the_first_check_of_a_stranger_is_held_to_the_rules(project: Project) -> None:
    """One that pytest does not collect is told of, in the very module that made the run one of readiness."""
    _stranger(project).suite('@check("own", severity="low")\ndef never_run():\n    """Own."""\n')
    ended = project.run("-m", "health")
    assert ended.code == 4
    assert "call it test_never_run" in ended.out


def test_suites_in_a_projects_own_environment_are_not_its_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Installed below the project, they are reached by their own path or name alone: pytest passes over environments."""
    package = tmp_path / ".venv" / "lib" / "site-packages" / "readiness"
    suite = package / "suites" / "smoke"
    suite.mkdir(parents=True)
    monkeypatch.setattr(invocation, "PACKAGE", package)
    monkeypatch.setattr(invocation, "suite_folders", lambda: {"smoke": suite})
    reached = {}
    for argument in (str(tmp_path), str(package), str(suite), str(suite / "test_health.py"), "readiness.suites.smoke"):
        monkeypatch.setattr(pytestconfig, "args", [argument])
        reached[argument] = invocation.reaches_suites(pytestconfig)
    assert list(reached.values()) == [False, True, True, True, True]


def test_a_run_loads_the_facts_of_its_phases_alone(project: Project) -> None:
    """A file that ships gets the fixtures of its phase; a release's facts, hosts, drills and load stay on disk."""
    (project.folder / "minicatalogue.py").write_text("")  # the real catalogue knows the phases of its files
    health = str(invocation.suite_folders()["smoke"] / "test_health.py")
    loaded = _loaded(project, "-m", "health", health)
    modules = {name for name in MODULES if f"readiness.session.fixtures.{name}" in loaded}
    assert modules == {"hub"}


def test_every_module_of_fixtures_is_registered_for_some_phase() -> None:
    """One that no phase names would be found by nobody."""
    folder = invocation.PACKAGE / "session" / "fixtures"
    named = {path.stem for path in folder.glob("*.py") if "@pytest.fixture" in path.read_text(encoding="utf-8")}
    assert named == set(MODULES)


def test_a_check_of_ones_own_may_ask_for_any_fact(project: Project) -> None:
    """Whatever its phase: all fixtures are there, and so are those of a conftest beside it, which win."""
    names = [
        name
        for module in MODULES
        for name, value in vars(importlib.import_module(f"readiness.session.fixtures.{module}")).items()
        if hasattr(value, "_fixture_function_marker")
    ]
    (project.folder / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef limits():\n    print('limits of my own')\n"
    )
    project.suite(f'@check("own", severity="low")\ndef test_own({", ".join(names)}):\n    """Own."""\n')
    ended = project.run("-m", "health", "--setup-plan")
    assert len(names) > 60
    assert "not found" not in ended.out
    assert ended.out.count("limits") > 1
