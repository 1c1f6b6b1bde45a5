"""The version of the hub that a release tree starts: of a hub that is a dependency, not of the repository around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.facts.deployment import expected_version, version_in

if TYPE_CHECKING:
    from pathlib import Path

HUB = "node_modules/mcp-hub"
START = {"start": "mcp-hub --port 3000 --config hub.json"}


def tree(folder: Path, package: object, **files: str) -> Path:
    """A release tree with this package.json and the hub 4.2.1 installed, or without it."""
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps(package))
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def installed(folder: Path, version: str) -> None:
    """Let the hub be a dependency that is there."""
    (folder / HUB / "dist").mkdir(parents=True)
    (folder / HUB / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": version}))
    (folder / HUB / "dist" / "cli.js").write_text("")
    (folder / "node_modules" / ".bin").mkdir()
    (folder / "node_modules" / ".bin" / "mcp-hub").symlink_to("../mcp-hub/dist/cli.js")


@pytest.mark.parametrize("scripts", [START, {}], ids=["by start", "by a unit"])
def test_a_hub_that_is_a_dependency(tmp_path: Path, scripts: dict[str, str]) -> None:
    """Of this release and of the one before; a record of a deploy names the version that health will name."""
    package = {"name": "acme", "version": "1.4.0", "scripts": scripts, "dependencies": {"mcp-hub": "^4.2.0"}}
    now, before = tree(tmp_path / "now", package), tree(tmp_path / "before", package)
    installed(now, "4.2.1")
    installed(before, "4.2.0")
    config = Config(target=Target(release=now))
    assert (version_in(now, config), version_in(before, config)) == ("4.2.1", "4.2.0")


def test_a_hub_of_its_own_tree(tmp_path: Path) -> None:
    """A built release and a clone have the hub's version themselves; what is not installed says its own or nothing."""
    built = tree(tmp_path / "built", {"name": "mcp-hub", "version": "4.3.0", "bin": "dist/cli.js"}, dist__cli="")
    config = Config(target=Target(release=built))
    assert version_in(built, config) == expected_version(config) == "4.3.0"
    bare = tree(tmp_path / "bare", {"name": "acme", "version": "1.4.0", "dependencies": {"mcp-hub": "^4.2.0"}})
    assert version_in(bare, config) == "1.4.0"
    (bare / "package.json").write_text("{")
    assert version_in(bare, config) is None
