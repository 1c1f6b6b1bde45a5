"""The proxy: a healthy host's nginx files and what clients see through it, and ways for either to be wrong.

`tests/suites/test_proxy_faults.py` breaks a real nginx in many more ways; here each check has at least one fault beside all others.
"""

from __future__ import annotations

import base64
import types
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.host.proxy.proxy_client import Burst, ProxyClient
from readiness.facts.host.proxy.tls import Certificate, TlsView
from readiness.facts.hub.anonymous_view import AnonymousView, Door
from tests.faults.infra.model import Fault, Told
from tests.faults.infra.world import PORT
from tests.helpers.nginx_site import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

_MAIN: Final = "worker_processes auto;\nevents { worker_connections 768; }\nhttp {\n    include conf.d/*.conf;\n}\n"
_SITE: Final = TEMPLATE.read_text(encoding="utf-8").replace("@PORT@", str(PORT))
_DAY: Final = 86_400.0
_NOW: Final = 4_000_000_000.0
"""A time that stays in the future, so that what is left of a certificate does not depend on the day of the test."""
_THROUGH: Final = (
    "proxy-forwards-to-the-hub",
    "proxy-streams-events",
    "rate-limit-answers-429",
    "security-headers-are-set",
)
"""What is asked through the address that clients use."""
_OF_FILES: Final = ("proxy-configuration-is-valid", "proxy-limits-request-rates")


def files(site: str) -> Told:
    """The files of nginx as they travel: name and content, each as base64."""
    told = {
        "/etc/nginx/nginx.conf": _MAIN,
        "/etc/nginx/conf.d/mcp-hub.conf": site,
        "/etc/nginx/mcp-hub-clients.key": "",
    }
    packed = [
        f"{base64.b64encode(name.encode()).decode()} {base64.b64encode(text.encode()).decode()}\n"
        for name, text in told.items()
    ]
    return 0, "".join(packed)


def edited(old: str, new: str) -> Told:
    """The files with one text of the site's replaced."""
    assert old in _SITE, old
    return files(_SITE.replace(old, new))


_PLAIN: Final = """
server {
    listen 8080;
    limit_req zone=mcp_hub burst=20;
    location / {
        proxy_pass http://mcp_hub;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_read_timeout 1h;
    }
}
"""


def _unread() -> Told:
    """The files where the site includes one that cannot be read."""
    code, text = files("include /srv/nginx/hub.conf;\n")
    return code, text + f"{base64.b64encode(b'/srv/nginx/hub.conf').decode()} !\n"


HEALTHY: Final[dict[str, Told]] = {"nginx-files": files(_SITE), "nginx-test": (0, "")}
_HEADERS: Final = {
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "server": "nginx",
}
SEEN: Final[dict[tuple[type, str], Any]] = {
    (ProxyClient, "hub_through"): "",
    (ProxyClient, "mcp_through"): "",
    (ProxyClient, "first_event"): 0.04,
    (ProxyClient, "headers"): types.SimpleNamespace(headers=_HEADERS),
    (ProxyClient, "burst"): Burst(statuses={404: 27, 429: 33}, seconds=0.4),
    (TlsView, "speaks"): True,
    (TlsView, "distrusted"): "",
    (TlsView, "certificate"): Certificate(begins=0.0, ends=_NOW, protocol="TLSv1.3"),
    (TlsView, "accepted"): [],
    (AnonymousView, "plain"): Door(is_open=False, how="a redirect to https"),
}
"""What clients see of the healthy host: nothing of it is asked of anybody."""


def seen(changes: dict[tuple[type, str], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Clients see this instead."""

    def put(patch: pytest.MonkeyPatch) -> None:
        for (owner, name), value in changes.items():
            patch.setattr(owner, name, lambda _self, *_, value=value: value)

    return put


PATCH: Final = seen(SEEN)


def _certificate(left: float) -> Callable[[pytest.MonkeyPatch], None]:
    """A certificate of which so many per cent are left; what passes during the test is too little to see."""
    import time

    now, life = time.time(), 90 * _DAY
    ends = now + life * left / 100
    return seen({(TlsView, "certificate"): Certificate(begins=ends - life, ends=ends, protocol="TLSv1.3")})


_ZONE: Final = "limit_req_zone $binary_remote_addr zone=mcp_hub:10m rate=10r/s;"
_APPLIED: Final = "    limit_req zone=mcp_hub burst=20 nodelay;\n"
_FILES: Final = (
    Fault(
        name="a zone inside server",
        sentence="nginx refuses the whole file: the assessment's template has it there.",
        edits={
            "nginx-files": edited(_APPLIED, f"    {_ZONE}\n{_APPLIED}"),
            "nginx-test": (
                1,
                'nginx: [emerg] "limit_req_zone" directive is not allowed here in /etc/nginx/conf.d/mcp-hub.conf:40\n',
            ),
        },
        expected={"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"},
        words=('"limit_req_zone" directive is not allowed here', "blocked by proxy-configuration-is-valid"),
    ),
    Fault(
        name="nginx refuses what looks well",
        sentence="The certificate's file is not there, which only nginx itself sees.",
        edits={
            "nginx-test": (
                1,
                'nginx: [emerg] cannot load certificate "/etc/letsencrypt/live/hub.example.com/fullchain.pem"\n',
            )
        },
        expected={"proxy-configuration-is-valid": "failed", "proxy-limits-request-rates": "unknown"},
        words=("nginx refuses it: cannot load certificate",),
    ),
    Fault(
        name="nginx may not be asked",
        sentence="It wants to write where only the administrator may.",
        privileged=False,
        edits={
            "nginx-test": (
                1,
                '2026/11/23 05:02:03 [emerg] 9898#9898: open() "/run/nginx.pid" failed (13: Permission denied)\n',
            )
        },
        expected={
            "proxy-configuration-is-valid": "unknown",
            "proxy-limits-request-rates": "unknown",
            "process-is-single-and-fresh": "degraded",
        },
        words=('nginx may not be asked by this user (open() "/run/nginx.pid" failed', "let `sudo -n nginx -t` be run"),
    ),
    Fault(
        name="no nginx",
        sentence="Nobody said what else stands in front.",
        edits={"nginx-files": (44, ""), "nginx-test": (127, "")},
        expected=dict.fromkeys(_OF_FILES, "unknown"),
        words=("no nginx is configured on this host", "declare [expect] nginx as not expected"),
    ),
    Fault(
        name="no limit of requests",
        sentence="The zone is defined and never used.",
        edits={"nginx-files": edited(_APPLIED, "")},
        expected={"proxy-limits-request-rates": "failed"},
        words=("/api/health is not limited", "the zone mcp_hub", "is defined and never used"),
    ),
    Fault(
        name="events are buffered",
        sentence="They arrive in heaps.",
        edits={"nginx-files": edited("        proxy_buffering off;\n", "")},
        expected={"proxy-streams-events": "failed"},
        words=("is buffered",),
    ),
    Fault(
        name="forwards without TLS",
        sentence="Another port speaks plain HTTP, and leads to the hub.",
        edits={"nginx-files": files(_SITE + _PLAIN)},
        patch=seen({(AnonymousView, "plain_at"): Door(is_open=True, how="answered 200")}),
        expected={"proxy-terminates-tls": "failed"},
        words=("nginx forwards to the hub without TLS", "conf.d/mcp-hub.conf", "curl -i http://HOST:8080/api/health"),
    ),
    Fault(
        name="forwards without TLS where nobody gets",
        sentence="Another port leads to the hub in plain HTTP, and it is closed to whoever asks from outside.",
        edits={"nginx-files": files(_SITE + _PLAIN)},
        patch=seen({(AnonymousView, "plain_at"): Door(is_open=False, how="nothing listens there")}),
        expected={"proxy-terminates-tls": "degraded"},
        words=("from here: nothing listens there",),
    ),
    Fault(
        name="forwards to another port",
        sentence="The hub moved, the proxy did not.",
        edits={"nginx-files": edited(f"server 127.0.0.1:{PORT};", "server 127.0.0.1:7001;")},
        patch=seen({(ProxyClient, "hub_through"): "the proxy answers 502 for /api/health"}),
        expected={
            "proxy-forwards-to-the-hub": "failed",
            "proxy-limits-request-rates": "unknown",
            "proxy-streams-events": "unknown",
        },
        words=("the proxy answers 502 for /api/health; no server of nginx forwards to the hub's port 7000",),
    ),
    Fault(
        name="a limit by a header",
        sentence="Whoever sends another X-Forwarded-For each time is never limited.",
        edits={"nginx-files": edited("$binary_remote_addr zone", "$http_x_forwarded_for zone")},
        expected={"proxy-limits-request-rates": "failed"},
        words=("the limit counts by what a client may choose ($http_x_forwarded_for)",),
    ),
    Fault(
        name="the client's address comes from anybody's header",
        sentence="set_real_ip_from trusts the whole internet.",
        edits={"nginx-files": files("set_real_ip_from 0.0.0.0/0;\nreal_ip_header X-Forwarded-For;\n" + _SITE)},
        expected={"proxy-limits-request-rates": "failed"},
        words=("the limit counts by what a client may choose ($binary_remote_addr)",),
    ),
    Fault(
        name="a limit that counts nobody",
        sentence="The map gives an empty key to everybody but the machine that it names.",
        edits={
            "nginx-files": files(
                'map $remote_addr $counted { default ""; 192.0.2.7 $remote_addr; }\n'
                + _SITE.replace("$binary_remote_addr zone", "$counted zone")
            )
        },
        expected={"proxy-limits-request-rates": "failed"},
        words=("the limit counts nobody",),
    ),
)
_SEEN: Final = (
    Fault(
        name="an include that only nginx may read",
        sentence="What leads to the hub was not read; it answers all the same.",
        edits={"nginx-files": _unread()},
        expected={"proxy-limits-request-rates": "unknown"},
        words=("not understood: /etc/nginx/conf.d/mcp-hub.conf:1: include /srv/nginx/hub.conf",),
    ),
    Fault(
        name="the hub is dead behind the proxy",
        sentence="Clients get 502 at once.",
        patch=seen({(ProxyClient, "hub_through"): "the proxy answers 502 for /api/health"}),
        expected={"proxy-forwards-to-the-hub": "failed", "proxy-streams-events": "unknown"},
        words=("the proxy answers 502 for /api/health", "blocked by proxy-forwards-to-the-hub"),
    ),
    Fault(
        name="nothing limits",
        sentence="The files promise a limit that clients never meet.",
        patch=seen({(ProxyClient, "burst"): Burst(statuses={404: 60}, seconds=0.3)}),
        expected={"rate-limit-answers-429": "failed"},
        words=("60 requests in 0.3 s were all answered",),
    ),
    Fault(
        name="no headers",
        sentence="Browsers are told nothing.",
        patch=seen({(ProxyClient, "headers"): types.SimpleNamespace(headers={})}),
        expected={"security-headers-are-set": "failed"},
        words=("not set: strict-transport-security",),
    ),
    Fault(
        name="plain HTTP is served",
        sentence="Port 80 answers as the hub does.",
        patch=seen({(AnonymousView, "plain"): Door(is_open=True, how="GET /api/health answered 200")}),
        expected={"proxy-redirects-to-https": "failed"},
        words=("plain HTTP is served: GET /api/health answered 200",),
    ),
    Fault(
        name="an expired certificate",
        sentence="Clients refuse it, so nothing else can be asked through it.",
        patch=seen({(TlsView, "distrusted"): "certificate has expired"}),
        expected={"certificate-is-valid": "failed", **dict.fromkeys(_THROUGH, "unknown")},
        words=("clients refuse the certificate: certificate has expired",),
    ),
    Fault(
        name="a certificate with a seventh of its life left",
        sentence="Its renewal should have happened long ago.",
        patch=_certificate(15),
        expected={"certificate-is-valid": "degraded"},
        words=("left of the certificate", "warning limit of 20"),
    ),
    Fault(
        name="TLS 1.1 is accepted",
        sentence="The files do not say so: something in front of nginx does.",
        patch=seen({(TlsView, "accepted"): ["TLS 1.1"]}),
        expected={"tls-is-modern": "failed"},
        words=("TLS 1.1 is accepted",),
    ),
    Fault(
        name="what answers speaks no TLS",
        sentence="Another program took the port.",
        patch=seen({(TlsView, "speaks"): False}),
        expected={
            "proxy-terminates-tls": "failed",
            "certificate-is-valid": "unknown",
            "tls-is-modern": "unknown",
            **dict.fromkeys(_THROUGH, "unknown"),
        },
        words=("what answers at [target] url speaks no TLS",),
    ),
)
_NEAR: Final = (
    Fault(
        name="TLS 1.0 is allowed and not spoken",
        sentence="An old line of ssl_protocols, which the library refuses when it is tried.",
        edits={"nginx-files": edited("ssl_protocols TLSv1.2", "ssl_protocols TLSv1 TLSv1.2")},
    ),
    Fault(
        name="TLS ends in front of nginx",
        sentence="A load balancer speaks TLS with clients, nginx plain HTTP with it.",
        edits={"nginx-files": edited("listen 443 ssl;", "listen 443;")},
    ),
    Fault(
        name="a server for this machine alone",
        sentence="It listens on loopback without TLS.",
        edits={"nginx-files": files(_SITE + _PLAIN.replace("8080", "127.0.0.1:8080"))},
    ),
    Fault(
        name="a load balancer in front, declared",
        sentence="No nginx there; its behaviour is still observed.",
        edits={"nginx-files": (44, ""), "nginx-test": (127, "")},
        config={"expect": {"nginx": {"expected": False, "reason": "a load balancer ends TLS"}}},
        absent=_OF_FILES,
    ),
    Fault(
        name="nginx files without nginx",
        sentence="A container reads them; they are read here too, and nginx itself is not asked.",
        edits={"nginx-test": (127, "")},
    ),
)
FAULTS: Final = (*_FILES, *_SEEN, *_NEAR)
