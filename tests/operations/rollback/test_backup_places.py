"""Where backups lie: never below a link that moves, apart from those of a release's own script, and found by a rollback."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import OWN_BACKUPS, Config, Target, moving_link
from readiness.errors import ReadinessError
from readiness.facts.backup.backups import Backups
from readiness.operations.backup.release_backup import back_up_release
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.operations.release import bookkeeping
from readiness.operations.rollback.target import chosen_backup
from tests.operations.backup.tree import release
from tests.operations.rollback.restored import Restored

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
set -eu
made=backups/$(date +%Y%m%d-%H%M%S); mkdir -p "$made"
cp package.json "$made"; echo "commit: $(git rev-parse HEAD 2>/dev/null || echo abc1234)" > "$made/manifest.txt"
"""
"""Makes a backup as the scripts of releases do."""
NEWEST = """
set -eu
newest=$(ls -1dt backups/*/ | head -n 1)
[ -f "$newest/manifest.txt" ] || { echo "no manifest in $newest" >&2; exit 1; }
cat "$newest/manifest.txt"
"""
"""Takes the newest folder of them, as they do."""


def linked(folder: Path) -> Restored:
    """A site whose `[target] backups` is left to its default, with the old release behind the link."""
    site = Restored(folder)
    object.__setattr__(site.config.target, "backups", None)
    switch(folder, "old")
    return site


def switch(folder: Path, name: str) -> None:
    """Let the link lead to that release."""
    (folder / "next").symlink_to(folder / "releases" / name)
    (folder / "next").replace(folder / "current")


def test_the_layout_of_the_documentation_from_first_backup_to_restoration(tmp_path: Path) -> None:
    """Backed up through the link, deployed by moving it, restored: the backup lies beside the link and is found."""
    site = linked(tmp_path)
    made = back_up_release(site.config)
    assert made.path.parent == tmp_path / OWN_BACKUPS
    site.rewrite(deployed_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    switch(tmp_path, "new")
    newest = Backups(site.config).latest()
    assert newest is not None
    assert newest.path == made.path
    (site.old / "config" / "mcp-hub.json").write_text("{}")
    site.run()
    assert (tmp_path / "current").resolve() == site.old
    assert "old" in (site.old / "config" / "mcp-hub.json").read_text()
    switch(tmp_path, "new")
    shutil.rmtree(site.old)
    assert Backups(site.config).latest() is not None, "pruning a release loses no backup"


def test_a_backup_that_an_earlier_version_wrote_into_the_old_release_is_found(tmp_path: Path) -> None:
    """What lies below the release that is returned to counts, also now that the link leads elsewhere."""
    site = linked(tmp_path)
    object.__setattr__(site.config.target, "backups", str(site.old / "backups"))
    made = back_up_release(site.config)
    object.__setattr__(site.config.target, "backups", None)
    site.rewrite(deployed_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    switch(tmp_path, "new")
    assert chosen_backup(site.config, site.deploy).path == made.path
    assert site.config.target.backups_dir == tmp_path / OWN_BACKUPS


def test_what_lies_beside_a_link_is_nobodys_business(tmp_path: Path) -> None:
    """`/opt/backups` and the folders of other programs beside `/opt/mcp-hub` are not looked into."""
    for name in ("backups/of-a-database", "other/backups/20260101-000000", "mcp-hub-4.2.1/config"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mcp-hub-4.2.1" / "config" / "mcp-hub.json").write_text("{}")
    (tmp_path / "mcp-hub").symlink_to(tmp_path / "mcp-hub-4.2.1")
    target = Target(release=tmp_path / "mcp-hub")
    assert target.backups_dirs == (tmp_path / OWN_BACKUPS,)
    (tmp_path / "mcp-hub-4.2.1" / "backups").mkdir()
    assert target.backups_dirs == (tmp_path / OWN_BACKUPS, tmp_path / "mcp-hub" / "backups")


def test_the_releases_own_scripts_find_their_own_newest(tmp_path: Path) -> None:
    """Between a script's backup and its rollback, `readiness backup` adds one: the script takes its own, both are found."""
    tree = release(tmp_path)
    config = Config(target=Target(release=tree))
    subprocess.run(["sh", "-c", SCRIPT], cwd=tree, check=True, capture_output=True, timeout=30)
    made = back_up_release(config)
    assert made.path.parent == tree / OWN_BACKUPS
    found = subprocess.run(["sh", "-c", NEWEST], cwd=tree, check=True, capture_output=True, text=True, timeout=30)
    assert found.stdout.startswith("commit: ")
    assert {backup.own for backup in Backups(config).all()} == {True, False}
    again = dataclasses.replace(config, target=dataclasses.replace(config.target, backups="backups"))
    with pytest.raises(ReadinessError, match="another program keeps its backups"):
        back_up_release(again)


def test_a_folder_of_ours_alone_is_gone_on_with(tmp_path: Path) -> None:
    """Who has backups of ours in `backups` keeps them there, until a script puts its own beside them."""
    tree = release(tmp_path)
    usual = Config(target=Target(release=tree, backups="backups"))
    first = back_up_release(usual).path
    config = Config(target=Target(release=tree))
    assert back_up_release(config).path.parent == first.parent
    (tree / "backups" / "20251116-101500").mkdir()
    assert back_up_release(config).path.parent == tree / OWN_BACKUPS
    assert len([backup for backup in Backups(config).all() if backup.own]) == 3


@pytest.mark.parametrize(
    ("release_path", "link"),
    [("site/current", "site/current"), ("site/current/hub", "site/current"), ("disk/hub", None), ("site/plain", None)],
)
def test_a_link_that_moves(release_path: str, link: str | None, tmp_path: Path) -> None:
    """The release itself, or a link above it that leads beside itself; a disk linked in its place does not move."""
    for name in ("site/releases/1/hub", "site/plain", "elsewhere/hub"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "site" / "current").symlink_to("releases/1")
    (tmp_path / "roots").mkdir()
    (tmp_path / "disk").symlink_to("/usr")
    assert moving_link(tmp_path / release_path) == (None if link is None else tmp_path / link)


def test_a_configuration_of_the_same_version_has_a_backup_to_go_back_to(tmp_path: Path) -> None:
    """After a deploy that changed the configuration alone, the backup from before it is not "of the very release"."""
    site = linked(tmp_path)
    for tree in (site.old, site.new):
        (tree / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": "4.2.1"}))
    before = ReleaseIdentity(version="4.2.1", folder=str(site.old), content=bookkeeping._content(site.config))
    made = back_up_release(site.config)
    switch(tmp_path, "new")
    now = {"version": "4.2.1", "folder": str(site.new), "content": bookkeeping._content(site.config)}
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    site.rewrite(deployed_at=later, before=before, **now)
    assert chosen_backup(site.config, site.deploy).path == made.path
    of_the_new = back_up_release(site.config)
    site.rewrite(deployed_at=later + dt.timedelta(seconds=5))
    assert of_the_new.path.name > made.path.name
    with pytest.raises(ReadinessError, match="of the very release"):
        chosen_backup(site.config, site.deploy)
