"""The house rules: who may import whom, read from the syntax trees, and what importing the plugin costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from tests.sources import ROOT, imports, module_of, sources, where

SUITES: Final = ("preflight", "smoke", "infra", "load")
PUBLIC: Final = "readiness"
"""The package itself: its public names."""
HEAVY: Final = (
    "httpx",
    "jinja2",
    "jsonschema",
    "psutil",
    "locust",
    "mcp",
    "json5",
    "testinfra",
    "gevent",
    "starlette",
    "dotenv",
    "tree_sitter",
    "detect_secrets",
    "rich",
    "apprise",
    "shtab",
)
"""Libraries that importing the plugin must not load: every pytest run of an installation pays for them."""


def test_nobody_imports_the_plugin() -> None:
    """Its hooks forward to others and hold nothing that anybody could want, not even types."""
    files = [path for folder in ("readiness", *SUITES) for path in sources(folder)]
    wrong = [where(p, i.line) for p in files for i in imports(p) if i.module == "readiness.plugin"]
    assert wrong == []


def test_the_load_generator_alone_knows_locust() -> None:
    """`import locust` patches the whole process: nothing outside the generator's own process may do it."""
    wrong = [
        where(path, found.line)
        for folder in ("readiness", *SUITES)
        for path in sources(folder)
        for found in imports(path)
        if found.module.partition(".")[0] in {"locust", "gevent"}
        and not module_of(path).startswith("readiness.loadgen")
        # users of the load run, which the generator loads into its own process
        and module_of(path) != "load.locustfile"
    ]
    assert wrong == []


def test_the_mcp_sdk_stays_where_it_is_needed() -> None:
    """It costs over half a second and 64 MB: the agent's session and the embedded hub alone may load it."""
    wrong = [
        where(path, found.line)
        for folder in ("readiness", *SUITES)
        for path in sources(folder)
        for found in imports(path)
        if found.module.partition(".")[0] == "mcp"
        and not found.for_types
        and module_of(path) != "readiness.facts.mcp.sdk"
        and not module_of(path).startswith("readiness.demo")
    ]
    assert wrong == []


@pytest.mark.parametrize("suite", SUITES)
def test_suites_import_public_names_only(suite: str) -> None:
    """A check is written as a user would write it: against `readiness`'s public names, and facts through fixtures."""
    import readiness

    wrong = []
    for path in sources(suite):
        if module_of(path) == "load.locustfile":
            continue  # no suite of checks: it runs in the generator's process
        for found in imports(path):
            if found.module.partition(".")[0] != PUBLIC or found.for_types:
                continue
            if found.module != PUBLIC or (found.name is not None and found.name not in readiness.__all__):
                wrong.append(f"{where(path, found.line)}: {found.module} {found.name or ''}".rstrip())
    assert wrong == []


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    """Every pytest run where the plugin is installed pays for its import: the standard library and pytest, no more."""
    code = f"import sys, readiness.plugin; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_speaking_http_loads_no_command_line() -> None:
    """What httpx brings along as its own command line, where rich and click are installed, is loaded by no run."""
    code = "import sys, readiness.facts.http.client as ours; print(ours.httpx.Client.__name__, 'rich' in sys.modules, 'click' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (done.stdout.split(), done.stderr) == (["Client", "False", "False"], "")


def test_front_doors_offer_what_they_say() -> None:
    """Every name in a package's `__all__` can be had from it, and no other name is made up."""
    import importlib

    packages = [module_of(path) for path in sources("readiness") if path.name == "__init__.py"]
    # the load generator's modules patch the process that imports them
    packages.remove("readiness.loadgen")
    offered = 0
    for package in packages:
        door = importlib.import_module(package)
        names = getattr(door, "__all__", ())
        assert all(getattr(door, name) is not None for name in names), package
        assert not hasattr(door, "no_such_name"), package
        offered += len(names)
    assert offered > 400
