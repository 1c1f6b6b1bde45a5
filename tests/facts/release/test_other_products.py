"""Releases of products that are not mcp-hub: its customs prove nothing against them, what is broken still does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Target
from tests.suites.preflight_tree import judge

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "[Service]\nExecStart=/usr/bin/gate --config /etc/gate/config.yaml\n"
SERVER = "#!/usr/bin/env node\nconst kind = process.argv[2] || 'stdio';\nconsole.log(kind);\n"
YARGS = "#!/usr/bin/env node\nconst yargs = require('yargs');\n"
TEMPLATE = 'export const text = `\nimport { Store } from "./stores/Store.js";\n`;\nimport "./part.js";\n'
BROKEN = '// import "./gone.js"\nimport "./part.js";\n'


def _release(folder: Path, files: dict[str, str], **package: Any) -> Config:
    content = {"name": "gate", "version": "1.2.0", "bin": {"gate": "bin/gate.js"}} | package
    for name, text in ({"package.json": json.dumps(content)} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Config(target=Target(url="http://127.0.0.1:1", release=folder))


@pytest.mark.parametrize(
    "row",
    [
        ("config-parses", {"bin/gate.js": SERVER}, {}, "unknown", '[target] kind = "mcp"'),
        ("config-parses", {"bin/gate.js": SERVER}, {"name": "mcp-hub"}, "unknown", "set [target] config"),
        ("config-parses", {"gate.service": UNIT}, {}, "unknown", "not on this machine"),
        ("config-parses", {}, {"scripts": {"start": "node x.js --config a.json"}}, "failed", "a.json is missing"),
        ("artifact-is-executable", {"bin/gate.js": SERVER}, {}, "unknown", "npm makes a command executable"),
        ("artifact-is-executable", {"bin/gate.js": SERVER, "gate.service": UNIT}, {}, "unknown", "npm makes"),
        ("artifact-is-executable", {"bin/gate.js": SERVER}, {"scripts": {"start": "node bin/gate.js"}}, "passed", ""),
        ("artifact-is-executable", {"bin/gate.js": SERVER}, {"name": "mcp-hub"}, "failed", "its mode is 644"),
        ("artifact-is-executable", {}, {}, "failed", "bin/gate.js is missing"),
        ("artifact-runs-and-reports-its-version", {"bin/gate.js": SERVER}, {}, "unknown", "it was not started"),
        ("artifact-runs-and-reports-its-version", {"bin/gate.js": YARGS}, {}, "failed", "Cannot find module 'yargs'"),
        ("artifact-size-is-plausible", {"bin/gate.js": SERVER}, {}, "passed", ""),
        ("artifact-size-is-plausible", {"bin/gate.js": SERVER}, {"name": "@a/mcp-hub"}, "failed", "has 0.1 KB"),
        ("release-is-what-the-unit-runs", {"bin/gate.js": SERVER, "gate.service": UNIT}, {}, "unknown", "npm installs"),
        ("env-template-lists-every-variable", {"bin/gate.js": SERVER}, {}, "unknown", "nothing names an env file"),
        ("fast-logger-is-enabled", {"bin/gate.js": SERVER, "gate.service": UNIT}, {}, "passed", ""),
        ("required-variables-are-set", {"bin/gate.js": SERVER, "gate.service": UNIT}, {}, "passed", ""),
        ("test-suite-passes", {}, {"scripts": {"test": "node tests/a.test.js && x"}}, "unknown", "never had"),
        ("build-succeeds-in-a-copy", {}, {"scripts": {"build": "node scripts/build.js"}}, "unknown", "never had"),
    ],
)
def test_customs_of_mcp_hub_are_not_asked_of_others(tmp_path: Path, row: tuple[Any, ...]) -> None:
    """What only mcp-hub promises is unknown or no matter elsewhere; what nobody can run fails for everybody."""
    check, files, package, outcome, words = row
    found = judge(check, _release(tmp_path, files, **package))
    assert (found.outcome, words in found.reason) == (outcome, True), found


@pytest.mark.parametrize(("text", "outcome"), [(TEMPLATE, "passed"), (BROKEN, "failed")])
def test_a_text_that_shows_an_import_imports_nothing(tmp_path: Path, text: str, outcome: str) -> None:
    """Imports inside of template literals and comments are words; one beside them that leads nowhere is missing."""
    files = {"bin/gate.js": text} | ({"bin/part.js": ""} if outcome == "passed" else {})
    found = judge("artifact-size-is-plausible", _release(tmp_path, files, name="mcp-hub"))
    assert found.outcome == outcome, found
    assert ("./part.js" in found.reason) == (outcome == "failed"), found
