"""What a host shows of a hub that runs on it: release, configuration, unit, env file, and whether others reach it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from readiness.facts.host import inspect_hub
from readiness.facts.hub import is_exposed
from readiness.facts.release import systemd_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTENS = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(120)
"""


class Site:
    """A release behind the link `current`, and a process that stands for its hub."""

    def __init__(self, folder: Path) -> None:
        self.release = folder / "releases" / "v1"
        self.release.mkdir(parents=True)
        self.link = folder / "current"
        self.link.symlink_to(self.release)
        self.units = folder / "units"
        self.units.mkdir()
        (self.release / "package.json").write_text(json.dumps({"name": "mcp-hub", "version": "4.2.1"}))
        (self.release / "cli.py").write_text(LISTENS)
        (self.release / "hub.json").write_text('{"mcpServers": {}}')
        self.process: subprocess.Popen[str] | None = None

    def start(self, folder: Path) -> str:
        """Start it in `folder`; where it answers."""
        command = [
            sys.executable,
            str(self.release / "cli.py"),
            "--port",
            "1",
            "--config",
            str(self.release / "hub.json"),
        ]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Such a place; its process is ended."""
    made = Site(tmp_path)
    monkeypatch.setattr(systemd_unit, "FOLDERS", (made.units,))
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()


@pytest.mark.parametrize("within", [True, False])
def test_the_release_is_named_by_the_link_that_stays(site: Site, *, within: bool) -> None:
    """Also where the hub works elsewhere: the tree that holds its program is the release, by the link of each next one."""
    seen = inspect_hub(site.start(site.release if within else Path("/")))
    assert seen is not None
    assert (seen.release, seen.version, seen.configs) == (site.link, "4.2.1", (site.release / "hub.json",))
    assert seen.no_unit.startswith("no systemd unit named the release")
    assert seen.no_env_file.startswith("the hub's configuration took no variable")


def test_a_unit_that_names_the_release_says_its_env_file(site: Site) -> None:
    """The installed unit by its name, and the file of its EnvironmentFile=."""
    file = site.release.parent / "env"
    file.write_text("A=b\n")
    (site.units / "hub.service").write_text(
        f"[Service]\nWorkingDirectory={site.link}\nEnvironmentFile={file}\nExecStart=/usr/bin/node cli.js\n"
    )
    seen = inspect_hub(site.start(site.release))
    assert seen is not None
    assert (seen.unit, seen.no_unit, seen.env_file, seen.no_env_file) == ("hub.service", "", file, "")


def test_variables_without_a_file_are_not_declared_away(site: Site) -> None:
    """A configuration that takes one from the environment: where it comes from is not seen, and nothing is said."""
    (site.release / "hub.json").write_text('{"mcpServers": {"a": {"command": "x", "env": {"K": "${TOKEN}"}}}}')
    seen = inspect_hub(site.start(site.release))
    assert seen is not None
    assert (seen.env_file, seen.no_env_file) == (None, "")


def test_a_folder_that_is_no_release_is_none(site: Site) -> None:
    """A program of another package in a home folder: no release is made up."""
    (site.release / "package.json").unlink()
    url = site.start(site.release)
    assert inspect_hub(url) is None
    assert site.process is not None
    seen = inspect_hub(url, site.process.pid)
    assert seen is not None
    assert (seen.release, seen.unit, seen.no_unit) == (None, "", "")


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", False), ("0.0.0.0", True), ("::", True), ("::1", False)]
)
def test_the_kernel_says_whether_others_reach_it(address: str, *, expected: bool) -> None:
    """Loopback alone is closed to other machines; every interface is not; an address elsewhere is not ours to say."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        server = socket.create_server((address, 0), family=family, dualstack_ipv6=address == "::")
    except OSError as error:
        pytest.skip(f"this machine has no {address}: {error}")
    with server:
        port = server.getsockname()[1]
        assert is_exposed(f"http://localhost:{port}") is expected
        assert is_exposed(f"http://hub.example.com:{port}") is None
    assert is_exposed(f"http://localhost:{port}") is None
