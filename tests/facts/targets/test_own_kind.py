"""A kind that another package brings by its entry point is configured, judged and refused like those that ship."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from readiness.config import kind_named
from readiness.errors import ConfigError
from tests.facts.targets.test_kinds import CALL, GENERIC, configured, judged, outcomes
from tests.helpers.mcp_target import serve

PACKAGE = Path(__file__).parents[2] / "data" / "kind_package"
SERVERS = "mcp-servers-are-connected"
ROUTES = {
    "/healthz": (200, "ok"),
    "/readyz": (200, "ok"),
    "/about": (200, {"build": {"commit": "abc1234"}}),
    "/upstreams": (200, {"upstreams": [{"name": "billing", "state": "up"}]}),
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example package on the path, with the metadata that an installer writes from its pyproject.toml."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site)
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["readiness.kinds"].items()]
    (info / "entry_points.txt").write_text(
        "\n".join(["[readiness.kinds]", *lines, "broken = readiness_kind_acme:AcmeGateway"])
    )
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.usefixtures("installed")
def test_a_kind_of_another_package_is_judged_by_its_own_facts(tmp_path: Path) -> None:
    """Its routes are asked, its servers are held against [expect], and sentences speak of it."""
    with serve(routes=dict(ROUTES)) as target:
        config = configured(tmp_path, target.url, "acme", 'version = "abc1234"', CALL)
        assert outcomes(config, tmp_path / "a", (*GENERIC, SERVERS, "hub-is-the-expected-release")) == {}
        target.routes["/upstreams"] = (200, {"upstreams": [{"name": "billing", "state": "down"}]})
        target.routes["/readyz"] = (503, "starting")
        found = judged(config, tmp_path / "b", [SERVERS, "hub-is-ready"])
    assert found[SERVERS].reason == "1 of 1 servers are not connected: billing is down"
    not_ready = "the Acme gateway's state is 'not ready (/readyz answers 503)', while agents are offered 2 tools"
    assert found["hub-is-ready"].reason == not_ready


@pytest.mark.usefixtures("installed")
def test_what_is_no_kind_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    """A name that is not there is told with those that are; an entry point that is no kind is named."""
    with pytest.raises(ConfigError, match="one of mcp-hub, mcp, bridge, litellm, contextforge, acme"):
        configured(tmp_path, "http://127.0.0.1:9", "acmee")
    with pytest.raises(ConfigError, match="is no TargetKind of the name broken"):
        configured(tmp_path, "http://127.0.0.1:9", "broken")
    assert kind_named("nobody") is None
