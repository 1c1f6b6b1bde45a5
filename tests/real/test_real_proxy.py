"""The real hub behind a real nginx: the sample's template passes every check of the proxy, and a dead hub is told as one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.infra_run import infra
from tests.helpers.nginx_site import TOKEN, Site
from tests.helpers.sshd import Sshd, program
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROXY = str(ROOT / "infra" / "test_proxy.py")
CHECKS = {
    *("proxy-configuration-is-valid", "proxy-terminates-tls", "proxy-forwards-to-the-hub"),
    *("proxy-limits-request-rates", "proxy-redirects-to-https", "proxy-streams-events"),
    *("certificate-is-valid", "tls-is-modern", "rate-limit-answers-429", "security-headers-are-set"),
}


def settings(site: Site, *hosts: str) -> dict[str, Any]:
    """What an operator writes down of this proxy."""
    target = {
        "url": site.url,
        "internal_url": f"http://127.0.0.1:{site.hub_port}",
        "plain_url": f"http://localhost:{site.plain_port}",
        "ca_file": str(site.ca_file),
        "token_env": "READINESS_PROXY_TOKEN",
        "proxy_config": str(site.main),
        "hosts": list(hosts),
    }
    return {"environment": "staging", "target": target, "expect": {"tls": True}}


def test_the_template_serves_the_real_hub(hubs: Any, tmp_path: Path) -> None:
    """Looked at on the spot and over ssh, with a certificate of a private authority: all ten checks pass."""
    if program() is None or shutil.which("ssh") is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    hub = hubs()
    hub.wait_ready()
    site = Site(tmp_path / "nginx", hub.port)
    with site.running(), Sshd(folder=tmp_path / "sshd", address="127.0.0.2") as server:
        told = settings(site, "local://", server.spec)
        ran = infra(tmp_path / "run", told, PROXY, READINESS_PROXY_TOKEN=TOKEN)
    rows = [row for row in ran.rows if row["check"] in CHECKS]
    assert {(row["check"], row["outcome"]) for row in rows} == {(check, "passed") for check in CHECKS}, ran.reasons()
    assert {row["instance"] for row in rows} == {"local://", "ssh://127.0.0.2"}


@pytest.mark.matrix
def test_a_dead_hub_behind_nginx_is_told_as_that(hubs: Any, tmp_path: Path) -> None:
    """Nginx answers 502 for a killed hub: clients lose it, the proxy itself is in order, and nothing is rolled back for it."""
    hub = hubs()
    hub.wait_ready()
    site = Site(tmp_path / "nginx", hub.port)
    with site.running():
        hub.stop()
        ran = infra(tmp_path / "run", settings(site, "local://"), PROXY, READINESS_PROXY_TOKEN=TOKEN)
    outcomes = {check: outcome for check, outcome in ran.outcomes().items() if check in CHECKS and outcome != "passed"}
    assert outcomes == {"proxy-forwards-to-the-hub": "failed", "proxy-streams-events": "unknown"}, ran.reasons()
    assert "the proxy answers 502 for /api/health" in ran.reasons()["proxy-forwards-to-the-hub"]
    assert ran.reasons()["proxy-streams-events"].startswith("blocked by proxy-forwards-to-the-hub")
    assert ran.report["rollback"]["actions"] == []
    assert ran.report["verdict"]["status"] == "NOT READY"
