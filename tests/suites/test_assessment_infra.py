"""The unit and the nginx site that the assessment proposes: what is wrong with them is found, and what is well is not faulted."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from readiness import demo
from tests.faults.infra import proxy, words
from tests.faults.infra.model import Fault
from tests.faults.infra.recording import files
from tests.faults.infra.runner import run
from tests.faults.infra.world import UNIT_FILE
from tests.helpers.infra_run import infra
from tests.helpers.nginx_site import NAME, Site
from tests.sources import ROOT
from tests.suites.assessment.infra import SITE, UNIT, zone_in_http

if TYPE_CHECKING:
    from pathlib import Path

REFUSED: Final = '"limit_req_zone" directive is not allowed here'


def placed(text: str, site: Site) -> str:
    """The site with the ports, the name and the certificate of this test."""
    for old, new in (
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{site.port} ssl http2;"),
        ("127.0.0.1:7000", f"127.0.0.1:{site.hub_port}"),
        ("mcp-hub.example.com", NAME),
        (f"/etc/letsencrypt/live/{NAME}/", f"{site.folder}/"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def test_nginx_refuses_the_proposed_site(tmp_path: Path) -> None:
    """The real nginx does not start with it, and its files alone say the same, with the line."""
    site = Site(tmp_path / "nginx", 7000)
    site.site.write_text(placed(SITE, site), encoding="utf-8")
    asked = subprocess.run(
        [site.nginx, "-t", "-c", str(site.main), "-e", str(tmp_path / "log")],
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    assert asked.returncode != 0
    assert REFUSED in asked.stderr
    result = run(Fault(name="site", sentence="As proposed.", edits={"nginx-files": proxy.files(SITE)}), tmp_path)
    assert result.troubled == {"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"}
    line = 1 + SITE[: SITE.index("limit_req_zone")].count("\n")
    assert f"mcp-hub.conf:{line}: {REFUSED}" in result.reasons["proxy-configuration-is-valid"]
    assert result.report["verdict"]["status"] == "NOT READY"


def test_mended_it_still_lacks_three_things(tmp_path: Path) -> None:
    """With the zone in its place it starts: TLS, forwarding and the limit are well; streams, headers and 429 are not."""
    hub = demo.start()
    try:
        site = Site(tmp_path / "nginx", int(hub.url.rpartition(":")[2]))
        site.site.write_text(placed(zone_in_http(), site), encoding="utf-8")
        target = {"url": site.url, "internal_url": hub.url, "plain_url": f"http://{NAME}:{site.plain_port}"}
        target |= {"ca_file": str(site.ca_file), "proxy_config": str(site.main)}
        settings = {"environment": "staging", "target": target, "expect": {"tls": True}}
        with site.running():
            ran = infra(tmp_path, settings, str(ROOT / "infra" / "test_proxy.py"))
    finally:
        hub.stop()
    outcomes = ran.outcomes()
    assert {check: outcomes[check] for check in OF_PROXY} == OF_PROXY, ran.reasons()


OF_PROXY: Final = {
    "proxy-configuration-is-valid": "passed",
    "proxy-terminates-tls": "passed",
    "proxy-forwards-to-the-hub": "passed",
    "proxy-limits-request-rates": "passed",
    "proxy-redirects-to-https": "passed",
    "certificate-is-valid": "passed",
    "tls-is-modern": "passed",
    "proxy-streams-events": "failed",
    "security-headers-are-set": "failed",
    "rate-limit-answers-429": "degraded",
}
"""What clients and files show of it, mended."""


def test_the_proposed_unit_is_sound_and_not_hardened(tmp_path: Path) -> None:
    """It is found, restarts, runs as its own user and fits its time-out; whoever gets into the hub gets at the whole host."""
    told = {**words.OFFLINE, "unit-files": (0, files({UNIT_FILE: UNIT}))}
    result = run(Fault(name="unit", sentence="As proposed.", edits=told), tmp_path)
    outcomes = {row["check"]: row["outcome"] for row in result.report["findings"]}
    wanted = dict.fromkeys(
        (
            "unit-restarts-on-failure",
            "unit-runs-unprivileged",
            "stop-fits-its-timeout",
            "unit-has-no-obsolete-directives",
        ),
        "passed",
    )
    assert {check: outcomes[check] for check in wanted} == wanted, result.reasons
    assert outcomes["unit-is-hardened"] == "failed"
    assert "NoNewPrivileges=no, ProtectSystem=no" in result.reasons["unit-is-hardened"]
    assert [check for check, outcome in outcomes.items() if outcome == "failed"] == ["unit-is-hardened"]
