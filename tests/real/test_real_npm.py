"""A repository whose only dependency is the hub from npm, run by its script `start`: it is judged as it is, not as the sample is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.few_plugins import FEW
from tests.helpers.registry import registry
from tests.real.conftest import BIN

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
environment = "production"
[target]
release = "hub"
state = "../home/.local/state/mcp-hub"
[expect]
env_file = { expected = false, reason = "the servers need no variable" }
unit = { expected = false, reason = "npm start in a container" }
[release]
previous = "../before"
[contacts]
on_call = "Ada Engineer <ada@example.com>"
"""
PACKAGE = {
    "name": "acme-hub",
    "version": "1.4.0",
    "private": True,
    "engines": {"node": ">=18"},
    "scripts": {"start": "mcp-hub --port 3000 --config ./mcp-servers.json"},
    "dependencies": {"mcp-hub": "4.2.1"},
}
SERVERS = {
    "mcpServers": {"lists": {"command": "sh", "args": ["-c", "true"]}, "old": {"command": "gone", "disabled": True}}
}
DEPENDABOT = "version: 2\nupdates: [{package-ecosystem: npm, directory: /, schedule: {interval: weekly}}]\n"


@dataclasses.dataclass(frozen=True)
class Repository:
    """The release, and the folder of an operator with its readiness.toml."""

    folder: Path

    @property
    def release(self) -> Path:
        """The repository."""
        return self.folder / "hub"

    def run(self, *arguments: str, port: int = 9) -> subprocess.CompletedProcess[str]:
        """A verb of readiness, with a package registry on loopback."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "npm_", "NPM_"))
        }
        environment |= FEW | {"NPM_CONFIG_REGISTRY": f"http://127.0.0.1:{port}/"}
        return subprocess.run(
            [sys.executable, "-m", "readiness", *arguments], cwd=self.folder, env=environment, capture_output=True,
            text=True, timeout=180, check=False,
        )  # fmt: skip

    def judged(self) -> tuple[int, dict[str, Any]]:
        """What preflight says, and its report."""
        with registry(200, {}) as server:
            done = self.run("check", "-m", "preflight", port=server.server_port)
        path = self.folder / "reports" / "readiness.json"
        assert path.is_file(), done.stdout + done.stderr
        return done.returncode, dict(json.loads(path.read_text()))


def make(folder: Path) -> None:
    """A repository with the real package installed; the files are links to those that the tests share."""
    folder.mkdir()
    shutil.copytree(BIN.parent, folder / "node_modules", symlinks=True, copy_function=os.link)
    installed = json.loads((BIN.parent / ".package-lock.json").read_text())
    root = {key: PACKAGE[key] for key in ("name", "version", "dependencies", "engines")}
    kept = {name: one for name, one in installed["packages"].items() if "server-" not in name}
    lock = {"name": PACKAGE["name"], "version": PACKAGE["version"], "lockfileVersion": 3, "requires": True}
    (folder / "package-lock.json").write_text(json.dumps(lock | {"packages": {"": root} | kept}))
    (folder / "package.json").write_text(json.dumps(PACKAGE, indent=2))
    (folder / "mcp-servers.json").write_text(json.dumps(SERVERS))
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.4.0\n\n- Lists.\n")
    (folder / ".gitignore").write_text("node_modules\nbackups\n")
    (folder / ".github").mkdir()
    (folder / ".github" / "dependabot.yml").write_text(DEPENDABOT)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Such a repository, in order: committed, reviewed, backed up, with a release to return to."""
    made = Repository(tmp_path)
    make(made.release)
    make(tmp_path / "before")
    git = ["git", "-C", str(made.release), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    message = "Begin\n\nReviewed-by: Bo Reviewer <bo@example.com>"
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", message]):
        subprocess.run([*git, *words], check=True, timeout=60)
    (tmp_path / "home" / ".local" / "state" / "mcp-hub").mkdir(parents=True)
    (tmp_path / "readiness.toml").write_text(SETTINGS)
    (tmp_path / "reports").mkdir()
    record = {"finished": dt.datetime.now(dt.UTC).isoformat(), "seconds": 20, "result": "verified"}
    (tmp_path / "reports" / "rehearsal.json").write_text(json.dumps(record))
    backed_up = made.run("backup")
    assert backed_up.returncode == 0, backed_up.stdout + backed_up.stderr
    return made


def wrong(report: dict[str, Any]) -> dict[str, str]:
    """What did not pass and is applicable, with its reason."""
    return {
        one["check"]: f"{one['outcome']}: {one['reason']}"
        for one in report["findings"]
        if one["outcome"] not in {"passed", "not_applicable"}
    }


def test_a_hub_from_npm_that_is_in_order_is_deployed(repository: Repository) -> None:
    """Preflight has nothing to say against it: READY, DEPLOY, 0."""
    code, report = repository.judged()
    assert wrong(report) == {}
    assert (code, report["verdict"]["status"], report["verdict"]["decision"]) == (0, "READY", "DEPLOY")
    outcomes = {one["check"]: one["outcome"] for one in report["findings"]}
    for check in ("artifact-is-executable", "artifact-runs-and-reports-its-version", "previous-release-is-kept"):
        assert outcomes[check] == "passed"


def test_what_is_wrong_with_it_is_found(repository: Repository) -> None:
    """A hub that was not installed, and a lock of another version, fail the checks that name them."""
    (repository.release / "node_modules" / "mcp-hub" / "dist" / "cli.js").unlink()
    lock = repository.release / "package-lock.json"
    lock.write_text(lock.read_text().replace('"mcp-hub": "4.2.1"', '"mcp-hub": "4.2.0"'))
    found = wrong(repository.judged()[1])
    assert found["artifact-is-executable"].startswith("failed: ")
    assert found["lockfile-is-present-and-in-step"].startswith("failed: ")


def test_without_a_word_on_variables_they_are_unknown(repository: Repository) -> None:
    """Without an env file and a unit, where variables come from is not known, and the reason names the keys that say it."""
    toml = repository.folder / "readiness.toml"
    toml.write_text("\n".join(line for line in SETTINGS.splitlines() if not line.startswith("env_file")))
    found = wrong(repository.judged()[1])["required-variables-are-set"]
    assert found.startswith("unknown: ")
    assert "declare [expect] env_file as not expected" in found
