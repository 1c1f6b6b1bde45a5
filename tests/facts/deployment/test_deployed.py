"""What was deployed: JSON5 files, their claims, their references; and the env file beside them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Expect, Target
from readiness.facts.deployment.deployment import Deployment, claims
from readiness.facts.deployment.hub_config import HubConfig, read, read_files
from readiness.facts.release import env_file
from readiness.facts.release.release import Release
from readiness.support.file_reading import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

JSON5 = """// the hub's own file
{
  toolFiltering: { enabled: true, mode: 'prompt-based',
    llmCategorization: { enabled: true, provider: 'openai', apiKey: '${OPENAI_API_KEY}', }, },
  mcpServers: {
    everything: { command: 'mcp-server-everything', args: ['stdio'], env: { API_BASE: '${env:BASE}', HOME_TOKEN: null } },
    old: { command: 'x', disabled: true },
  },
}
"""


def release(folder: Path, text: str = JSON5) -> Config:
    """A configuration whose release holds this hub configuration."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "mcp-hub.json").write_text(text)
    return Config(target=Target(release=folder))


def test_json5_is_read(tmp_path: Path) -> None:
    """Comments, bare keys, single quotes and trailing commas are what the hub accepts."""
    deployed = read(release(tmp_path))
    assert deployed.server_names == ("everything",)
    assert set(deployed.servers) == {"everything", "old"}
    assert deployed.references == {"OPENAI_API_KEY", "BASE", "HOME_TOKEN"}


def test_several_files_are_merged_as_the_hub_does(tmp_path: Path) -> None:
    """A later file adds servers and replaces those of the same name."""
    for name, text in (
        ("a", '{"mcpServers": {"one": {"command": "1"}, "two": {}}}'),
        ("b", '{"mcpServers": {"one": {"command": "2"}}}'),
    ):
        (tmp_path / name).write_text(text)
    deployed = read_files((tmp_path / "a", tmp_path / "b"))
    assert deployed.servers == {"one": {"command": "2"}, "two": {}}


def test_settings_of_a_later_file_replace_an_earlier_one_whole(tmp_path: Path) -> None:
    """The hub does not look into a setting when it merges files, and neither do we."""
    (tmp_path / "a").write_text('{"toolFiltering": {"enabled": true, "mode": "category"}}')
    (tmp_path / "b").write_text('{"toolFiltering": {"mode": "hybrid"}}')
    assert not read_files((tmp_path / "a", tmp_path / "b")).claims("toolFiltering")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"servers": {"one": {}}}', ("one",)),
        ('{"servers": {"one": {}}, "mcpServers": {"two": {}}}', ("one",)),
        ('{"servers": {}, "mcpServers": {"two": {}}}', ()),
        ('{"servers": null, "mcpServers": {"two": {}}}', ("two",)),
        ('{"servers": false, "mcpServers": {"two": {}}}', ("two",)),
    ],
)
def test_the_key_of_an_editor_counts_before_the_other(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    """VS Code's `servers` counts wherever JavaScript takes it for true, as in the hub."""
    assert read(release(tmp_path, text)).server_names == names


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "[" * 100_000])
def test_an_unreadable_file_is_named(tmp_path: Path, text: str) -> None:
    """Whatever is no object of JSON5 ends in one error with the file's name."""
    with pytest.raises(Unreadable, match=r"mcp-hub\.json"):
        read(release(tmp_path, text))


def test_claims_come_from_the_file(tmp_path: Path) -> None:
    """Filtering and the LLM are claimed as the file enables them, with a reason where it does not."""
    found = claims(release(tmp_path))
    assert found["filtering"].expected is True
    assert found["llm"].expected is True
    bare = claims(release(tmp_path, '{"mcpServers": {}}'))
    assert (bare["filtering"].expected, bare["llm"].expected) == (False, False)
    assert "does not enable toolFiltering" in bare["filtering"].reason


def test_what_cannot_be_read_counts_as_claimed(tmp_path: Path) -> None:
    """A broken file declares nothing away."""
    found = claims(release(tmp_path, "{ broken"))
    assert (found["filtering"].expected, found["llm"].expected) == (True, True)


def test_production_expects_authentication_and_tls() -> None:
    """Outside production they are not expected, and the reason says so."""
    assert claims(Config(environment="production"))["tls"].expected is True
    local = claims(Config(environment="local"))
    assert local["authentication"].expected is False
    assert "local" in local["authentication"].reason


def test_a_release_that_is_not_named_declares_nothing_away() -> None:
    """Leaving `release` out makes its checks unknown, never inapplicable."""
    assert "release" not in claims(Config())
    with pytest.raises(Unreadable, match=r"\[target\] release"):
        Deployment(Config()).files()


def test_servers_and_version_are_declared_or_deployed(tmp_path: Path) -> None:
    """The configuration's word goes before the release's; without either nothing is expected."""
    config = release(tmp_path)
    (tmp_path / "package.json").write_text('{"name": "mcp-hub", "version": "4.3.0"}')
    assert (Deployment(config).servers(), Deployment(config).version()) == (("everything",), "4.3.0")
    told = Config(target=Target(release=tmp_path, version="4.4.0"), expect=Expect(servers=()))
    assert (Deployment(told).servers(), Deployment(told).version(), Deployment(told).declared_empty) == (
        (),
        "4.4.0",
        True,
    )
    assert (Deployment(Config()).servers(), Deployment(Config()).version()) == (None, None)


def test_an_env_file_is_read_without_executing_it(tmp_path: Path) -> None:
    """Quotes, export, comments and shell idioms: names and literal values, nothing is run."""
    file = tmp_path / ".env.production"
    file.write_text(
        "# a comment\nNODE_ENV=production\nexport KEY='a b'\n QUOTED=\"x\" \nREF=$(op read op://v/k)\nEMPTY=\nnot a line\nN=1 # why\n"
    )
    assert env_file.read(file) == {
        "NODE_ENV": "production",
        "KEY": "a b",
        "QUOTED": "x",
        "REF": "$(op read op://v/k)",
        "EMPTY": "",
        "N": "1",
    }
    assert env_file.of(Config(target=Target(release=tmp_path / "nowhere"))) == {}
    assert "NODE_ENV" in Deployment(Config(target=Target(release=tmp_path))).environment()


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("npm start", True),
        ("npx mcp-hub --port 1", True),
        ("/usr/bin/node node_modules/mcp-hub/cli.js", False),
    ],
)
def test_a_manager_of_packages_finds_what_is_installed_beside_the_hub(
    start: str, tmp_path: Path, *, found: bool
) -> None:
    """A server of node_modules/.bin is found by its bare name where npm or npx starts the hub, and only there."""
    config = release(tmp_path, '{"mcpServers": {"own": {"command": "server-of-ours"}}}')
    bins = tmp_path / "node_modules" / ".bin"
    bins.mkdir(parents=True)
    for name in ("server-of-ours", "mcp-hub"):
        (bins / name).write_text("#!/bin/sh\n")
        (bins / name).chmod(0o755)
    (tmp_path / "package.json").write_text('{"name": "site", "scripts": {"start": "mcp-hub --port 1"}}')
    unit = tmp_path / "hub.service"
    unit.write_text(f"[Service]\nWorkingDirectory={tmp_path}\nExecStart={start}\n")
    target = dataclasses.replace(config.target, unit="hub.service")
    command, where = HubConfig(Release.of(Config(target=target))).command("own")
    assert command == "server-of-ours"
    assert where == (str(bins / "server-of-ours") if found else None)
