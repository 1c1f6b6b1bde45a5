"""The house rules: who may import whom, read from the syntax trees, and what importing the plugin costs."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.sources import ROOT, imports, module_of, sources, where

if TYPE_CHECKING:
    from pathlib import Path

SUITES: Final = ("preflight", "smoke", "infra", "load")
PUBLIC: Final = "readiness"
"""The package itself: its public names."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A noun of the architecture: the modules below `readiness` that belong to it, and what they may import.

    `places` are other nouns, `packages` libraries beside the standard one. Every place may import itself.
    """

    modules: str
    places: str = ""
    packages: str = ""


# The table of the architecture. A new module belongs into one row: a module that is in none fails the first test.
TABLE: Final = {
    "errors": Place(modules="errors"),
    "findings": Place(modules="findings"),
    # which parts an installation may leave out
    "extras": Place(modules="extras", places="errors"),
    "text": Place(modules="text"),
    "files": Place(modules="files", places="errors"),
    # how a backup lies on disk: who writes one and who verifies it agree in nothing else
    "backup_format": Place(modules="backup_files backup_format", places="errors"),
    "config": Place(modules="config", places="errors findings"),
    # pytest: the decorator is one of its marks
    "checks": Place(modules="checks", places="errors findings", packages="pytest"),
    "facts": Place(
        modules="facts",
        places="config errors extras files backup_format secret-shapes ranks",
        packages="httpx httpcore httpx2 psutil json5 jsonschema mcp mcp_types yaml dotenv tree_sitter tree_sitter_bash detect_secrets testinfra crossplane",
    ),
    # what a secret looks like: shared by what hides secrets and by what looks for them
    "secret-shapes": Place(modules="redact_forms secret_words"),
    # one job each, named by it
    "redact": Place(modules="redact redact_known", places="errors findings config secret-shapes", packages="json5"),
    "history": Place(
        modules="history history_index history_overview history_past history_store",
        places="errors findings config files report text",
    ),
    # telling people; `incident` is the page that is written about it
    "notify": Place(
        modules=(
            "notify notify_after notify_change notify_channels notify_check notify_child notify_deliver notify_send notify_state "
            "notify_text incident"
        ),
        places="errors findings config files redact report text",
        packages="apprise",
    ),
    # a whole release in one hand: it runs checks, commands and a rollback, and looks at what came of them
    "release": Place(
        modules="releasing",
        places="errors findings config facts files redact report text rollback notify history render command",
    ),
    "backup": Place(
        modules="backup backup_copy backup_sources", places="backup_format errors findings config files report text"
    ),
    "schedule": Place(modules="schedule schedule_units", places="errors findings config files report text"),
    # how two samples differ: for a load run and for the baseline verb
    "ranks": Place(modules="ranks"),
    "loadgen": Place(modules="loadgen", packages="locust gevent geventhttpclient"),
    # they break a hub on purpose and put it back; what that means is for the checks
    "drills": Place(modules="drills", places="facts config errors files rollback demo", packages="psutil"),
    # facts as fixtures; `reach` tells "could not look" from "bad" in their set-up
    "fixtures": Place(
        modules=(
            "fixtures agent_fixtures turns alert_fixtures drill_fixtures infra_fixtures load_fixtures load_progress "
            "preflight_fixtures service_fixtures reach"
        ),
        places="facts drills checks config errors extras findings",
        packages="pytest rich",
    ),
    "run": Place(modules="run", places="findings"),
    # standing, score, gate and waivers are the steps to a verdict; all of them pure
    "verdict": Place(modules="verdict gate score standing waivers", places="findings config"),
    "rollback": Place(modules="rollback", places="facts findings config errors files redact text", packages="psutil"),
    # jsonschema: a document that is read back is held against the report's schema first
    "report": Place(modules="report", places="errors verdict rollback findings text", packages="jsonschema"),
    # findings: what outcomes and severities there are. pytest and pytest_metadata: for the one line on pytest-html's page
    "render": Place(
        modules="render",
        places="report findings errors files text",
        packages="jinja2 markupsafe pytest pytest_html pytest_metadata",
    ),
    # redaction at pytest's boundary
    "shield": Place(modules="shield shield_reports shield_streams", places="redact text", packages="pytest"),
    "demo": Place(
        modules="demo",
        places="config errors extras backup backup_format",
        packages="mcp starlette uvicorn anyio jsonschema json5 jq",
    ),
    # the plugin's own internals, which its hooks forward to
    "internals": Place(
        modules="session options worker mistaken outcome plan_file signals closing planning involved scope setup conclude load_keep runs_page journal recover",
        places=(
            "readiness checks config errors facts files findings fixtures history redact render report rollback run "
            "text verdict demo"
        ),
        packages="pytest _pytest",
    ),
    "plugin": Place(modules="plugin", places="internals fixtures shield render", packages="pytest"),
    # the verbs that are not a test run
    "command": Place(
        modules=(
            "__main__ backup_command check_command check_probe check_rollback rollback_command rollback_page firstfile firstlook generate nagios_command notify_command load_worker release_command release_record schedule_command schedule_run schedule_turn report_command report_find report_merge report_words"
        ),
        places=(
            "readiness internals checks config errors facts files findings history redact render report rollback run "
            "text verdict demo notify release backup backup_format schedule watch loadgen typed"
        ),
        packages="pytest",
    ),
    # what a person types: a first check, completion and the parsers that both and the reference pages are made from
    "typed": Place(
        modules="new_check completion parsers generate_pages",
        places="command internals checks config errors findings demo rollback verdict",
        packages="shtab pytest",
    ),
    # the verbs that look again and again: they run checks outside pytest, with the fixtures' own facts
    "watch": Place(
        modules=(
            "watch watch_bench watch_document watch_host watch_look watch_plain watch_row watch_settle watch_target "
            "watch_view watch_words baseline baseline_compare baseline_file baseline_sample"
        ),
        places=(
            "internals fixtures checks config errors extras facts files findings ranks redact report text verdict demo"
        ),
        packages="pytest rich",
    ),
    "readiness": Place(modules="__init__", places="checks findings"),
}
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


def place_of(module: str) -> str | None:
    """The noun that a module of `readiness` belongs to, by the first part of its name."""
    part = module.split(".")[1] if "." in module else "__init__"
    return next((noun for noun, place in TABLE.items() if part in place.modules.split()), None)


def test_hidden_imports_are_seen(tmp_path: Path) -> None:
    """The reader of imports misses none: inside functions, by computed name, and it tells those for types apart."""
    file = tmp_path / "sly.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from readiness.verdict import Status\nelse:\n    import json\n"
        "def f(name):\n    from readiness import plugin, check\n    import httpx._models as m\n"
        "    return importlib.import_module(f'readiness.render.{name}')\n"
    )
    assert sorted((i.module, i.name, i.for_types) for i in imports(file) if i.module != "typing") == [
        ("httpx._models", None, False),
        ("json", None, False),
        ("readiness", "check", False),
        ("readiness.plugin", None, False),
        ("readiness.render", None, False),
        ("readiness.verdict", "Status", True),
    ]


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_every_module_imports_only_what_its_place_may(path: Path) -> None:
    """The table holds for every import that is executed, also for those inside functions.

    Imports for type checkers alone are exempt: they never run, so they tie nothing together when one module is
    replaced or loaded without the other. The next test keeps even those away from the plugin.
    """
    noun = place_of(module_of(path))
    assert noun is not None, f"{path.relative_to(ROOT)} is in no row of TABLE: give it to the noun it belongs to"
    allowed = {*TABLE[noun].places.split(), noun}
    packages = {*TABLE[noun].packages.split(), *sys.stdlib_module_names}
    wrong = []
    for found in imports(path):
        top = found.module.partition(".")[0]
        fine = place_of(found.module) in allowed if top == PUBLIC else top in packages
        if not fine and not found.for_types:
            wrong.append(f"{where(path, found.line)}: {noun} may not import {found.module}")
    assert wrong == []


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
        and place_of(module_of(path)) != "loadgen"
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
        and module_of(path) != "readiness.facts.mcp"
        and place_of(module_of(path)) != "demo"
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
    code = "import sys, readiness.facts.http as ours; print(ours.httpx.Client.__name__, 'rich' in sys.modules, 'click' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (done.stdout.split(), done.stderr) == (["Client", "False", "False"], "")
