"""The proxy in front of the hub: what it is configured to do, and what it is seen to do."""

from __future__ import annotations

import time

import pytest

from readiness import Limits, caused_by, check, compared, measure, note, unknown, warn

pytestmark = pytest.mark.infra

SLOW_LIMIT = 10.0
"""Requests a second that one address may make: the assessment's number."""
STREAM_SECONDS = 3600.0
"""An hour without an event must not cut a stream: a quiet hub has nothing to say for long."""
WANTED = {
    "strict-transport-security": "keeps browsers from plain HTTP",
    "x-content-type-options": "keeps them from guessing types",
}


@check(
    "proxy-configuration-is-valid",
    severity="critical",
    needs=("nginx", "hub_host"),
    remedy="Mend the line that is named, then `nginx -t && systemctl reload nginx`.",
)
def test_proxy_configuration_is_valid(nginx):
    """The proxy can read its configuration: every directive stands where it may, with the arguments it wants."""
    assert nginx.tree.inside, f"{nginx.main} holds nothing"
    assert not nginx.errors, "; ".join(nginx.errors[:3])
    said = nginx.test()
    if said is None:
        note("nginx is not installed there: its files were read, nginx itself was not asked")
    assert not said, f"nginx refuses it: {said}"


@check(
    "proxy-terminates-tls",
    severity="critical",
    needs=("tls", "hub_host"),
    remedy="Let the server that forwards to the hub `listen 443 ssl` with a certificate, and clients use https://.",
)
def test_proxy_terminates_tls(proxy, tls_view, outside, readiness_config):
    """Clients speak TLS with the proxy, and nothing forwards to the hub without."""
    url = readiness_config.target.url
    assert not url or url.startswith("https://"), "clients are given an http:// address ([target] url)"
    spoken = tls_view.speaks()
    compared(expected="TLS", actual="TLS" if spoken else "something else")
    doors = proxy.plain_doors() if proxy is not None else []
    told = ", ".join(f"{door.place} (port {door.port})" for door in doors)
    assert spoken, "what answers at [target] url speaks no TLS" + (
        f"; nginx forwards to the hub without TLS: {told}" if doors else ""
    )
    if doors and not any(front.secure_ports for front in proxy.fronts):
        note(f"TLS ends before this nginx, which forwards without it: {told}")
        return
    for door in doors:
        seen = outside.plain_at(door.port, door.name, door.path)
        assert not seen.is_open, f"nginx forwards to the hub without TLS: {told}; to see it: {door.proof}"
        warn(
            f"nginx forwards to the hub without TLS: {told}; from here: {seen.how}. Let such a port listen on loopback alone"
        )


@check(
    "proxy-forwards-to-the-hub",
    severity="critical",
    stage="after",
    needs=("proxy", "hub_host"),
    remedy="Forward /api/, /mcp and /messages to the hub's port: an agent needs the POST to /messages as much as /mcp.",
)
def test_proxy_forwards_to_the_hub(proxy, street):
    """Through the proxy both the API and an agent's session reach the hub."""
    ways = proxy.elsewhere() if proxy is not None else {}
    closed = proxy is not None and proxy.refuses("/api/health")
    if closed and not street.mcp_through():
        note(f"only agents get through: {ways['/api/health']}")
        return
    trouble = street.hub_through()
    assert not trouble, trouble + _why(proxy, ways, "/api/health")
    trouble = street.mcp_through()
    assert not trouble, f"no agent's session through the proxy: {trouble}" + _why(proxy, ways, "/mcp", "/messages")
    if proxy is not None and not proxy.fronts:
        note("a hub answers through [target] url, and nginx's files do not say how: " + _doubts(proxy))


def _why(proxy, ways, *paths):
    """What nginx's files say of the paths that did not get through, for the reason."""
    if proxy is None:
        return ""
    if not proxy.fronts:
        doubts = proxy.doubts
        return (
            f"; {_doubts(proxy)}" if doubts else f"; no server of nginx forwards to the hub's port {proxy.port or ''}"
        )
    told = [f"{path} goes to {ways[path]}" for path in paths if path in ways]
    return f"; {'; '.join(told)}" if told else ""


def _doubts(proxy):
    """What was not read or not understood, in words."""
    doubts = proxy.doubts or ("no server of it leads to the hub's port",)
    return f"not understood: {'; '.join(doubts[:2])}"


@check(
    "proxy-limits-request-rates",
    severity="high",
    needs=("nginx", "hub_host"),
    after=("proxy-configuration-is-valid",),
    remedy="In http: `limit_req_zone $binary_remote_addr zone=hub:10m rate=10r/s;`, in the hub's server: `limit_req zone=hub burst=20 nodelay;`.",
)
def test_proxy_limits_request_rates(proxy):
    """One address cannot flood the hub: a limit of requests counts wherever the proxy leads to it."""
    if proxy is None or not proxy.fronts:
        if proxy is None or not proxy.doubts:
            caused_by("proxy-forwards-to-the-hub")
        unknown(
            "no server of nginx leads to the hub, so nothing can be limited" + (f"; {_doubts(proxy)}" if proxy else "")
        )
    for front in proxy.fronts:
        for path in ("/api/health", "/mcp"):
            if not proxy.serves(front, path):
                continue
            limits = proxy.limits(front, path)
            unused = proxy.unused_zones()
            told = f"; the zone {unused[0]} is defined and never used" if unused else ""
            if proxy.nginx.unread and not limits:
                unknown(f"{path} is not limited by what could be read; {_doubts(proxy)}")
            assert limits, f"{path} is not limited ({front.routes[path].place}){told}"
            undefined = [limit for limit in limits if limit.rate is None]
            assert not undefined, f"the zone {undefined[0].zone!r} is defined nowhere ({undefined[0].place})"
            _assert_counts_addresses(path, limits)
            least = min(limit.rate for limit in limits if limit.counts == "address")
            compared(expected=f"≤ {SLOW_LIMIT:.0f}", actual=f"{least:g}", unit="requests/s an address")
            if least > SLOW_LIMIT:
                warn(f"{path}: one address may make {least:g} requests a second, more than {SLOW_LIMIT:.0f}")


def _assert_counts_addresses(path, limits):
    """One of the limits counts each client by itself; what cannot be followed is unknown."""
    counts = {limit.counts for limit in limits}
    if "address" in counts:
        return
    first = limits[0]
    if "unclear" in counts:
        unknown(f"{path}: by what the limit counts is not understood ({first.key}, {first.place})")
    why = {
        "chosen": f"the limit counts by what a client may choose ({first.key}): with another value each time nothing limits it",
        "nobody": f"the limit counts nobody ({first.key or 'an empty key'})",
        "shared": f"all clients share one limit ({first.key})",
    }[first.counts]
    pytest.fail(f"{path}: {why} ({first.place})", pytrace=False)


def _needs_tls(tls_view):
    if not tls_view.speaks():
        caused_by("proxy-terminates-tls")
        unknown("what answers at [target] url speaks no TLS")


@check(
    "proxy-redirects-to-https",
    severity="medium",
    needs=("tls", "hub_host"),
    remedy="A server on port 80 that only says `return 301 https://$host$request_uri;`.",
)
def test_proxy_redirects_to_https(proxy, outside):
    """Plain HTTP is sent on to https by the proxy, or not served at all."""
    door = outside.plain()
    compared(expected="a redirect to https, or nothing", actual=door.how)
    if door.is_open is None:
        unknown(f"plain HTTP: {door.how}")
    places = ", ".join(one.place for one in proxy.plain_doors()) if proxy is not None else ""
    assert not door.is_open, f"plain HTTP is served: {door.how}" + (f" ({places})" if places else "")


@check(
    "proxy-streams-events",
    severity="medium",
    needs=("proxy", "hub_host"),
    limits=Limits(warning=1, critical=5, unit="s"),
    remedy="For /api/events and /mcp: `proxy_buffering off; proxy_http_version 1.1; proxy_read_timeout 1h;`.",
)
def test_proxy_streams_events(proxy, street):
    """Events come through the proxy when they happen, and a quiet stream is not cut."""
    refused = set(proxy.elsewhere()) if proxy is not None else set()
    trouble = "" if proxy is not None and proxy.refuses("/api/health") else street.hub_through()
    if trouble:
        caused_by("proxy-forwards-to-the-hub")
        unknown(trouble)
    for front in proxy.fronts if proxy is not None else ():
        for path in ("/api/events", "/mcp"):
            if not proxy.serves(front, path):
                continue
            trouble = proxy.buffers(front, path)
            assert not trouble, trouble
            quiet = proxy.read_timeout(front, path)
            if quiet < STREAM_SECONDS:
                warn(f"{path} is cut after {quiet:.0f} s without an event ({front.routes[path].place})")
    path = "/mcp" if "/api/events" in refused else "/api/events"
    measure(street.first_event(path), what="until the first event came through:")


@check(
    "certificate-is-valid",
    severity="critical",
    needs=("tls",),
    limits=Limits(warning=20, critical=10, unit="% of its lifetime left", better="higher"),
    remedy="Renew it and see why nothing did: `certbot renew --dry-run`, `systemctl list-timers`; send the whole chain.",
)
def test_certificate_is_valid(tls_view):
    """Clients can trust the certificate, and it does not end soon."""
    _needs_tls(tls_view)
    distrusted = tls_view.distrusted()
    assert not distrusted, f"clients refuse the certificate: {distrusted}"
    found = tls_view.certificate()
    note(f"valid until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(found.ends))} UTC")
    measure(found.left(time.time()), what="left of the certificate:")


@check(
    "tls-is-modern",
    severity="high",
    needs=("tls",),
    remedy="`ssl_protocols TLSv1.2 TLSv1.3;` in nginx's http block; then `systemctl reload nginx`.",
)
def test_tls_is_modern(proxy, tls_view):
    """Nothing before TLS 1.2 is spoken."""
    _needs_tls(tls_view)
    accepted = tls_view.accepted()
    compared(expected="TLS 1.2 or newer", actual=", ".join(accepted) or "nothing older")
    allowed = proxy.old_protocols() if proxy is not None else ""
    host, port = tls_view.where if accepted else ("", 0)
    proof = {"TLS 1.0": "-tls1"}.get(accepted[0], "-tls1_1") if accepted else ""
    assert not accepted, (
        f"{', '.join(accepted)} is accepted"
        + (f"; nginx allows {allowed}" if allowed else "")
        + f"; to see it: openssl s_client -connect {host}:{port} {proof} -cipher ALL:@SECLEVEL=0"
    )
    if allowed:
        note(f"nginx's files allow {allowed}, and TLS 1.0 and 1.1 were refused when they were tried")


@check(
    "rate-limit-answers-429",
    severity="medium",
    needs=("proxy", "rate_limit", "hub_host"),
    last=True,
    remedy="Apply the limit where clients meet it, and `limit_req_status 429;`: 503 looks like a hub that is down.",
)
def test_rate_limit_answers_429(street, alone):
    """A burst from one address meets the limit, and is told so with 429."""
    with alone():
        burst = street.burst()
    told = ", ".join(f"{count} times {status}" for status, count in sorted(burst.statuses.items()))
    compared(expected="some 429", actual=f"{told} in {burst.seconds:.1f} s")
    if 429 in burst.statuses:  # noqa: PLR2004 - HTTP's own number
        return
    if burst.statuses.get(503):
        warn("what is too much is answered with 503: set limit_req_status 429")
        return
    pace = burst.sent / max(burst.seconds, 0.001)
    if pace <= 2 * SLOW_LIMIT:
        unknown(f"the proxy was asked {pace:.0f} times a second only, too slowly to meet its limit")
    pytest.fail(
        f"{burst.sent} requests in {burst.seconds:.1f} s were all answered ({told}): nothing limits them", pytrace=False
    )


@check(
    "security-headers-are-set",
    severity="medium",
    needs=("tls", "hub_host"),
    remedy='`add_header Strict-Transport-Security "max-age=31536000" always; add_header X-Content-Type-Options nosniff always;`.',
)
def test_security_headers_are_set(street):
    """Browsers are told to stay with https and not to guess."""
    headers = street.headers().headers
    missing = [f"{name} ({why})" for name, why in WANTED.items() if not headers.get(name)]
    compared(
        expected=", ".join(WANTED), actual=", ".join(name for name in WANTED if headers.get(name)) or "none of them"
    )
    assert not missing, f"not set: {', '.join(missing)}"
    if headers.get("server", "").partition("/")[2]:
        warn(f"the proxy tells its version ({headers['server'][:40]}): `server_tokens off;`")
