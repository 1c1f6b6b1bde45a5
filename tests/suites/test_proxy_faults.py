"""The proxy's checks against a real nginx: the sample's template passes, and each way to spoil it is found by its name."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness import demo
from readiness.facts.host import collect
from tests.helpers.nginx_site import TOKEN, Site
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.demo.launcher import DemoHub

STREET: Final = dict.fromkeys(
    (
        "proxy-forwards-to-the-hub",
        "proxy-streams-events",
        "rate-limit-answers-429",
        "security-headers-are-set",
    ),
    "unknown",
)
"""What cannot be asked through an address that clients refuse."""
CHECKS: Final = {
    *STREET,
    *("proxy-configuration-is-valid", "proxy-terminates-tls", "proxy-redirects-to-https"),
    *("proxy-limits-request-rates", "certificate-is-valid", "tls-is-modern"),
}
ZONE: Final = "limit_req_zone $binary_remote_addr zone=mcp_hub:10m rate=10r/s;"
APPLIED: Final = "    limit_req zone=mcp_hub burst=20 nodelay;\n"
NOW: Final = dt.datetime.now(dt.UTC)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What replaces texts of the template, before nginx starts (`live`) or on disk only; and what must come of it."""

    name: str
    edits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    live: bool = True
    cert: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    expected: Mapping[str, str] = dataclasses.field(default_factory=dict)
    words: str = ""
    always: bool = False
    """Whether `make test` runs it too; the others wait for `make matrix`."""


FAULTS: Final = (
    Fault(
        name="the zone inside server, as in the assessment's template",
        edits={ZONE: "", "    server_tokens off;\n    add_header": f"    {ZONE}\n    add_header"},
        live=False,
        expected={"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"},
        words="not allowed here",
        always=True,
    ),
    Fault(
        name="a brace is missing",
        edits={"    location / {\n        return 404;\n    }\n": "    location / {\n        return 404;\n"},
        live=False,
        expected={"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"},
        words="unexpected end of file",
    ),
    Fault(
        name="an included file is missing",
        edits={"/etc/nginx/mcp-hub-clients.key": "/etc/nginx/nobody.key"},
        live=False,
        expected={"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"},
        words="there is no such file",
    ),
    Fault(
        name="no TLS",
        edits={
            "listen 443 ssl;": "listen 127.0.0.1:@TLS-PORT@;",
        },
        expected=STREET
        | {"proxy-terminates-tls": "failed", "certificate-is-valid": "unknown", "tls-is-modern": "unknown"},
        words="forwards to the hub without TLS",
    ),
    Fault(
        name="TLS 1.0 is spoken",
        edits={"ssl_protocols TLSv1.2 TLSv1.3;": "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"},
        expected={"tls-is-modern": "failed"},
        words="TLSv1",
        always=True,
    ),
    Fault(
        name="an expired certificate",
        cert={"not_before": NOW - dt.timedelta(days=90), "not_after": NOW - dt.timedelta(days=1)},
        expected=STREET | {"certificate-is-valid": "failed"},
        words="expired",
        always=True,
    ),
    Fault(
        name="a certificate for another name",
        cert={"identity": "other.example.com"},
        expected=STREET | {"certificate-is-valid": "failed"},
        words="localhost",
    ),
    Fault(
        name="a certificate of an authority that nobody trusts",
        cert={"trusted": False},
        expected=STREET | {"certificate-is-valid": "failed"},
        words="issuer",
    ),
    Fault(
        name="a certificate that ends soon",
        cert={"not_before": NOW - dt.timedelta(days=85), "not_after": NOW + dt.timedelta(days=15)},
        expected={"certificate-is-valid": "degraded"},
        words="warning limit of 20",
    ),
    Fault(
        name="a certificate that ends tomorrow",
        cert={"not_before": NOW - dt.timedelta(days=89), "not_after": NOW + dt.timedelta(days=1)},
        expected={"certificate-is-valid": "failed"},
        words="left of the certificate",
    ),
    Fault(
        name="no limit of requests",
        edits={APPLIED: "", ZONE: ""},
        expected={"proxy-limits-request-rates": "failed", "rate-limit-answers-429": "failed"},
        words="nothing limits them",
        always=True,
    ),
    Fault(
        name="a limit that is defined and never applied",
        edits={APPLIED: ""},
        expected={"proxy-limits-request-rates": "failed", "rate-limit-answers-429": "failed"},
        words="defined and never used",
    ),
    Fault(
        name="a limit in the wrong place",
        edits={APPLIED: "", "location / {": "location / {\n        limit_req zone=mcp_hub burst=20 nodelay;"},
        expected={"proxy-limits-request-rates": "failed", "rate-limit-answers-429": "failed"},
        words="/api/health is not limited",
    ),
    Fault(
        name="one limit that all clients share",
        edits={"$binary_remote_addr zone": "$server_name zone"},
        expected={"proxy-limits-request-rates": "failed"},
        words="share one limit",
    ),
    Fault(
        name="a limit that lets floods through",
        edits={"rate=10r/s": "rate=500r/s", "burst=20": "burst=200"},
        expected={"proxy-limits-request-rates": "degraded", "rate-limit-answers-429": "failed"},
        words="500 requests a second",
    ),
    Fault(
        name="a limit that answers 503",
        edits={"    limit_req_status 429;\n": ""},
        expected={"rate-limit-answers-429": "degraded"},
        words="limit_req_status 429",
    ),
    Fault(
        name="events are buffered",
        edits={"        proxy_buffering off;\n": ""},
        expected={"proxy-streams-events": "failed"},
        words="is buffered",
        always=True,
    ),
    Fault(
        name="quiet streams are cut",
        edits={"        proxy_read_timeout 1h;\n": ""},
        expected={"proxy-streams-events": "degraded"},
        words="cut after 60 s",
    ),
    Fault(
        name="HTTP/1.0 to the hub",
        edits={"    proxy_http_version 1.1;\n": ""},
        expected={"proxy-streams-events": "failed"},
        words="HTTP/1.0",
    ),
    Fault(
        name="forwards elsewhere",
        edits={"server 127.0.0.1:@PORT@;": "server 127.0.0.1:9;"},
        expected={
            "proxy-forwards-to-the-hub": "failed",
            "proxy-streams-events": "unknown",
            "proxy-limits-request-rates": "unknown",
        },
        words="forwards to the hub's port",
        always=True,
    ),
    Fault(
        name="agents' messages are not forwarded",
        edits={"|mcp|messages)$": "|mcp)$"},
        expected={"proxy-forwards-to-the-hub": "failed"},
        words="/messages goes to",
    ),
    Fault(
        name="the hub over plain HTTP",
        edits={"    return 301 https://$host$request_uri;": "    location / { proxy_pass http://mcp_hub; }"},
        expected={
            "proxy-terminates-tls": "failed",
            "proxy-redirects-to-https": "failed",
            "proxy-streams-events": "failed",
            "proxy-limits-request-rates": "failed",
        },
        words="without TLS",
    ),
    Fault(
        name="no security headers",
        edits={
            '    add_header Strict-Transport-Security "max-age=31536000" always;\n': "",
            "    add_header X-Content-Type-Options nosniff always;\n": "",
        },
        expected={"security-headers-are-set": "failed"},
        words="strict-transport-security",
    ),
    Fault(
        name="a header that an inner block takes back",
        edits={"    location /api/ {": "    location /api/ {\n        add_header X-Own yes;"},
        expected={"security-headers-are-set": "failed"},
        words="x-content-type-options",
    ),
    Fault(
        name="the proxy tells its version",
        edits={"    server_tokens off;\n    add_header": "    add_header"},
        expected={"security-headers-are-set": "degraded"},
        words="tells its version",
    ),
    # near misses
    Fault(name="healthy", always=True),
    Fault(
        name="an old protocol in a comment",
        edits={"    ssl_protocols": "    # ssl_protocols TLSv1;\n    ssl_protocols"},
    ),
    Fault(name="600 requests a minute", edits={"rate=10r/s": "rate=600r/m"}),
    Fault(name="the limit in http", edits={APPLIED: "", ZONE: ZONE + "\nlimit_req zone=mcp_hub burst=20 nodelay;"}),
    Fault(
        name="the upstream by a variable",
        edits={
            "    location /api/ {": "    set $backend mcp_hub;\n    location /api/ {",
            "    location / {\n        return 404;\n    }": "    location / {\n        proxy_pass http://$backend;\n    }",
        },
    ),
    Fault(name="redirected with 308", edits={"return 301 https": "return 308 https"}),
)


@pytest.fixture(scope="module")
def hub() -> Iterator[DemoHub]:
    """The embedded hub behind every proxy here."""
    running = demo.start()
    yield running
    running.stop()


def _judge(site: Site, hub_url: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run the real suite, in this process, and read each of the proxy's checks back."""
    (folder / "readiness.toml").write_text(
        f'environment = "staging"\n[target]\nurl = "{site.url}"\ninternal_url = "{hub_url}"\n'
        f'plain_url = "http://localhost:{site.plain_port}"\nca_file = "{site.ca_file}"\n'
        f'token_env = "READINESS_PROXY_TOKEN"\nproxy_config = "{site.main}"\n[expect]\ntls = true\n'
        "[probe]\ninterval = 0.1\ntimeout = 2.0\n",
        encoding="utf-8",
    )
    arguments = [
        *("-m", "infra", "-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging", "--tb=no"),
        *("--readiness-config", str(folder / "readiness.toml"), "--readiness-report", str(folder / "reports")),
        *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
        str(ROOT / "infra" / "test_proxy.py"),
    ]
    pytest.main(arguments)
    rows = json.loads((folder / "reports" / "readiness.json").read_text(encoding="utf-8"))["findings"]
    return {row["check"]: row for row in rows if row["check"] in CHECKS}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, id=one.name, marks=() if one.always else pytest.mark.matrix) for one in FAULTS],
)
def test_a_spoilt_proxy_is_found_by_name(
    fault: Fault, hub: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly the named checks change, and a reason says what an operator has to mend."""
    monkeypatch.setenv("READINESS_PROXY_TOKEN", TOKEN)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # what a host has and uses takes a second to measure, and is no part of this
    monkeypatch.setattr(collect, "TOPICS", ("proxy.nginx",))
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
        monkeypatch.delenv(name)
    port = int(hub.url.rpartition(":")[2])
    site = Site(tmp_path / "nginx", port, edits=fault.edits if fault.live else {}, **fault.cert)
    with site.running():
        if not fault.live:
            site.site.write_text(site._text(fault.edits), encoding="utf-8")
        rows = _judge(site, hub.url, tmp_path)
    assert set(rows) == CHECKS
    told = "\n".join(f"{name}: {row['outcome']}: {row['reason']}" for name, row in rows.items())
    assert {name: row["outcome"] for name, row in rows.items() if row["outcome"] != "passed"} == fault.expected, told
    assert fault.words in told
