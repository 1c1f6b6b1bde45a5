"""The doors that must be closed, and the secrets that answers must keep."""

from __future__ import annotations

import pytest

from readiness import check, compared, note, unknown, warn

pytestmark = pytest.mark.health

API = ("/api/servers", "/api/workspaces")
"""Read-only routes that every version serves and no stranger should read."""
ADMIN = ("/api/config", "/api/servers/start")
"""Routes that change a hub; both refuse an empty object before they do anything."""
STRANGER = "https://readiness.invalid"
"""An origin that no deployment can have allowed on purpose."""


@pytest.mark.usefixtures("hub")
@check(
    "api-requires-authentication",
    severity="critical",
    rollback="security",
    settle="probe",
    needs=("authentication",),
    after=("hub-answers",),
    remedy="Put authentication in front of the hub (the proxy's auth_request, basic auth or mTLS): it has none itself.",
)
def test_api_requires_authentication(outside):
    """Without credentials nobody gets into the API through the public address."""
    seen = outside.doors(API)
    compared(expected="401, 403, a login or a TLS refusal", actual=_told(seen))
    assert not _told(seen, is_open=True), f"anyone may use the API: {_told(seen, is_open=True)}"
    if _told(seen, is_open=None):
        unknown(f"neither open nor closed: {_told(seen, is_open=None)}")
    if outside.kind.is_hub and outside.entry("/api/health").is_open:
        warn("/api/health answers anyone: it names servers, tools and paths")


def _told(doors, is_open="any"):
    """The doors in words: all, or only those that are open (True), closed (False) or neither (None)."""
    return "; ".join(f"{route}: {door.how}" for route, door in doors.items() if is_open in {"any", door.is_open})


@pytest.mark.usefixtures("hub")
@check(
    "agents-find-the-login",
    severity="high",
    settle="probe",
    needs=("oauth",),
    after=("hub-answers",),
    remedy="Answer 401 with `WWW-Authenticate: Bearer resource_metadata=…`, serve that document with the public address as `resource` and the "
    "authorization server, and let that server's metadata offer S256.",
)
def test_agents_find_the_login(outside):
    """Who has no credentials is led to the login: a 401, the resource's metadata, and an authorization server with S256."""
    path = outside.login()
    compared(expected="401, metadata of the public address, S256", actual="; ".join(path.wrong) or "so it is")
    assert not path.wrong, "; ".join(path.wrong)
    if path.unasked:
        unknown(path.unasked)
    for text in path.odd:
        warn(text)


@pytest.mark.usefixtures("hub")
@check(
    "admin-routes-are-closed",
    severity="critical",
    rollback="security",
    settle="probe",
    needs=("authentication", "hub_api"),
    after=("hub-answers",),
    waivable=False,
    remedy="Deny POST to /api/config, /api/restart, /api/hard-restart and /api/servers/* at the proxy: they run commands.",
)
def test_admin_routes_are_closed(outside):
    """Strangers cannot reach the routes that change the hub."""
    seen = {route: outside.admin(route) for route in ADMIN}
    compared(expected="closed", actual=_told(seen))
    assert not _told(seen, is_open=True), f"anyone may change the hub: {_told(seen, is_open=True)}"
    if _told(seen, is_open=None):
        unknown(f"neither open nor closed: {_told(seen, is_open=None)}")


@check(
    "api-discloses-no-secret",
    severity="critical",
    rollback="security",
    settle="probe",
    after=("hub-answers",),
    waivable=False,
    remedy="Replace the literal by a reference (${NAME}), rotate the key that was shown, and deny the route at the proxy.",
)
def test_api_discloses_no_secret(hub, front, disclosure):
    """No route reads out a key, a token or a password."""
    for view, how in ((hub, ""), (front, " (through [target] url)")):
        leaks = disclosure.leaks(view) if view is not None else []
        compared(expected="0 secrets", actual=f"{len(leaks)} secrets")
        assert not leaks, "; ".join(f"{leak}{how}" for leak in leaks[:5])


@check(
    "errors-hide-internals",
    severity="medium",
    settle="probe",
    after=("hub-answers",),
    remedy="Run the hub with NODE_ENV=production, so that errors carry no stack.",
)
def test_errors_hide_internals(hub, disclosure):
    """What the hub refuses, it refuses without stack traces and file names."""
    shown = disclosure.internals(hub)
    assert not shown, "; ".join(shown[:4])


@check(
    "cors-is-restricted",
    severity="medium",
    settle="probe",
    after=("hub-answers",),
    remedy="Let only your own origins in: neither Access-Control-Allow-Origin: * nor whatever origin asks.",
)
def test_cors_is_restricted(hub, front, readiness_config):
    """A stranger's web page may not read the API through its visitor's browser: whatever route it asks."""
    views = [(view, how) for view, how in ((hub, "the hub"), (front, "[target] url")) if view is not None]
    answers = [(view.watched_pulse(origin=STRANGER), how) for view, how in views]
    # a proxy decides by the path: one that is careful with the route that is watched may be open at the others
    if front is not None and hub.kind.is_hub:
        routes = (API[0], readiness_config.target.endpoint_path, "/messages")
        answers += [(front.raw(route, origin=STRANGER), f"[target] url{route}") for route in routes]
    allowed = [(answer.headers.get("access-control-allow-origin", "").strip(), how) for answer, how in answers]
    compared(expected="no foreign origin", actual=", ".join(dict.fromkeys(one for one, _ in allowed if one)) or "none")
    for origin, how in allowed:
        assert origin not in {"*", STRANGER}, f"{how} allows any origin (Access-Control-Allow-Origin: {origin})"


@check(
    "http-redirects-to-https",
    severity="medium",
    settle="probe",
    needs=("tls",),
    remedy="Let the proxy answer port 80 with `return 308 https://$host$request_uri;`.",
)
def test_http_redirects_to_https(outside):
    """Whoever comes in plain HTTP is sent to HTTPS, and served nothing."""
    door = outside.plain()
    compared(expected="a redirect to https", actual=door.how)
    note(f"plain HTTP: {door.how}")
    assert door.is_open is False, f"plain HTTP is not redirected to https: {door.how}"
