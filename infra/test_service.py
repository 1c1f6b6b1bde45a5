"""The hub's service comes up with the host, stays up, and is kept within bounds, by systemd or whatever else supervises it."""

from __future__ import annotations

import re

import pytest

from readiness import Limits, check, compared, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.infra

HOUR = 3600.0
HARDENING = {
    "NoNewPrivileges": ("yes",),
    "ProtectSystem": ("strict", "full"),
    "ProtectHome": ("yes", "read-only", "tmpfs"),
    "PrivateTmp": ("yes",),
}
"""What every service can bear, and what counts as set."""
RENAMED = {
    "MemoryLimit": "MemoryMax",
    "CPUShares": "CPUWeight",
    "StartupCPUShares": "StartupCPUWeight",
    "BlockIOWeight": "IOWeight",
    "BlockIODeviceWeight": "IODeviceWeight",
    "StartLimitInterval": "StartLimitIntervalSec in [Unit]",
    "ReadWriteDirectories": "ReadWritePaths",
    "ReadOnlyDirectories": "ReadOnlyPaths",
    "InaccessibleDirectories": "InaccessiblePaths",
    "PermissionsStartOnly": "the prefix + of an Exec line",
    "Capabilities": "AmbientCapabilities",
    "SysVStartPriority": "After=",
}
"""Directives of [Service] that systemd renamed or dropped. It takes many of them still, and says nothing."""
OBSOLETE = re.compile(
    r"obsolete|deprecated|please use|will be removed|Unknown (?:key|section|lvalue)|ignoring", re.IGNORECASE
)
ON_BOOT = {"enabled", "alias", "generated"}


def _supervised(service, other):
    """End the check where nothing is known that supervises the hub."""
    if other is None and not service.booted:
        unknown(service.no_systemd)


@check(
    "unit-is-installed-and-enabled",
    severity="critical",
    needs=("supervision", "hub_host"),
    remedy="Install the unit and enable it: `systemctl daemon-reload && systemctl enable --now mcp-hub` (`systemctl unmask` first, where it is masked).",
)
def test_unit_is_installed_and_enabled(service, other_supervisor):
    """The hub starts with the host: its unit is installed and enabled, or another supervisor starts it."""
    _supervised(service, other_supervisor)
    if other_supervisor is not None:
        other = other_supervisor
        note(f"{other.kind} supervises the hub as {other.name}")
        assert other.boots, f"{other.kind} does not start {other.name} with the host: {other.boots_how}; {other.mend}"
        return
    assert service.installed, f"there is no unit {service.name} on the host: nothing starts the hub"
    assert not service.masked, (
        f"{service.name} is masked: systemd refuses to start it; `systemctl unmask {service.name}`"
    )
    state = service.enabled
    compared(expected="enabled", actual=state)
    if service.needs_reload:
        warn(f"{service.name} was changed since systemd read it: `systemctl daemon-reload`, then restart it")
    if state in {"static", "indirect"}:
        warn(f"{service.name} is {state}: only another unit that wants it starts it with the host")
        return
    assert state in ON_BOOT, f"{service.name} is {state}: after the next start of the host there is no hub"


@check(
    "unit-is-active",
    severity="critical",
    needs=("supervision", "hub_host"),
    stage="after",
    remedy="See why it ended and start it: `systemctl status mcp-hub`, `journalctl -u mcp-hub -n 100`, `systemctl restart mcp-hub`.",
)
def test_unit_is_active(service, other_supervisor, processes):
    """The hub's service is running now."""
    _supervised(service, other_supervisor)
    if other_supervisor is not None:
        note(f"{other_supervisor.kind} runs the hub as {other_supervisor.name}")
        return
    life = service.life(processes.uptime)
    said = f"{life.active} ({life.sub})"
    compared(expected="active (running)", actual=said)
    why = f", its last result: {life.result}" if life.result not in {"", "success"} else ""
    assert (life.active, life.sub) in {("active", "running"), ("reloading", "reload")}, f"{service.name} is {said}{why}"


@check(
    "unit-restarts-on-failure",
    severity="critical",
    needs=("supervision", "hub_host"),
    remedy="Set `Restart=always` (`systemctl edit mcp-hub`, then `systemctl daemon-reload`): the hub ends with status 0 on fatal errors, and on-failure leaves it dead.",
)
def test_unit_restarts_on_failure(service, other_supervisor):
    """A hub that ends is started again, whatever its exit status: fatal errors end it with 0."""
    if other_supervisor is not None:
        other = other_supervisor
        compared(expected="started again after every end", actual=f"{other.kind}: {other.restart_how}")
        assert other.always, (
            f"{other.kind} has {other.restart_how} for {other.name}: a hub that ends with status 0, as it does on fatal "
            f"errors, stays dead; {other.mend}"
        )
        return
    told = service.value("Restart") or "no"
    compared(expected="always", actual=told)
    assert told == "always", (
        f"{service.name} has Restart={told}: the hub ends with status 0 on fatal errors, and then it stays dead"
    )


@check(
    "unit-runs-unprivileged",
    severity="critical",
    needs=("supervision", "hub_host"),
    remedy="Give the hub a user of its own: `useradd --system mcp-hub`, `User=mcp-hub` in the unit, `chown` what it writes, restart it.",
)
def test_unit_runs_unprivileged(service, other_supervisor, processes):
    """The hub does not run as root."""
    if other_supervisor is None:
        user = service.value("User")
        if not service.yes("DynamicUser"):
            assert user not in {None, "", "root", "0"}, (
                f"{service.name} sets {'no User=' if not user else f'User={user}'}: the hub runs as root"
            )
        if not service.booted:
            return
    rooted = [one.pid for one in processes.hubs() if one.uid == 0]
    assert not rooted, f"the hub (pid {', '.join(map(str, rooted))}) runs as root"


@check(
    "unit-is-hardened",
    severity="medium",
    needs=("unit", "hub_host"),
    remedy="Set NoNewPrivileges=yes, ProtectSystem=strict, ProtectHome=read-only, PrivateTmp=yes and the ReadWritePaths= it needs; `systemd-analyze security mcp-hub` shows more.",
)
def test_unit_is_hardened(service):
    """The unit keeps the hub from what it never needs: more privileges, the system, homes, others' temporary files."""
    open_ = [
        f"{key}={service.value(key) or 'no'}"
        for key, good in HARDENING.items()
        if _plain(service.value(key)) not in good
    ]
    if service.exposure is not None:
        note(f"systemd-analyze rates its exposure {service.exposure:g} of 10")
    assert not open_, f"{service.name} has {', '.join(open_)}: whoever gets into the hub gets at the rest of the host"


def _plain(value):
    word = (value or "no").lower()
    return "yes" if word in {"true", "on", "1"} else word


@check(
    "unit-paths-exist",
    severity="critical",
    needs=("unit", "supervision", "hub_host"),
    remedy="Correct the path in the unit (`systemctl edit --full mcp-hub`) or put the file where it is looked for; create the user it names.",
)
def test_unit_paths_exist(service, places):
    """Every path that the unit names is there, and so is its user."""
    service.unit()
    wrong = []
    for place in places.named():
        # systemd reads the env files itself, before it closes anything
        hidden = places.hidden_by(place.path) if place.what != "EnvironmentFile" else ""
        if hidden:
            wrong.append(f"{place.what} {place.shown} is out of its sight by {hidden}")
            continue
        found = places.stat(place)
        if not found.there:
            wrong.append(f"{place.what} {place.shown} is missing")
        elif place.kind == "directory" and found.kind != "directory":
            wrong.append(f"{place.what} {place.shown} is no folder")
        elif place.kind == "program" and not found.mode & 0o111:
            wrong.append(f"{place.what} {place.shown} is not executable")
    user = service.value("User")
    if user and not service.yes("DynamicUser") and places.identity() is None:
        wrong.append(f"User={user} does not exist")
    assert not wrong, f"{service.name} cannot start as it is: {'; '.join(wrong)}"


@check(
    "unit-lets-the-hub-run",
    severity="critical",
    needs=("unit", "hub_host"),
    remedy="Take the directive out of the unit (`systemctl edit mcp-hub`: an empty `NAME=` takes it back), then `systemctl daemon-reload` and restart it.",
)
def test_unit_lets_the_hub_run(service, places):
    """Nothing in the unit keeps the hub from starting, or from being reached: neither its limits nor its type."""
    wrong = places.obstacles()
    assert not wrong, f"under {service.name} the hub cannot do its work: {'; '.join(wrong)}"


@check(
    "unit-has-no-obsolete-directives",
    severity="low",
    needs=("unit", "hub_host"),
    remedy="Rename them: MemoryLimit → MemoryMax, CPUShares → CPUWeight, StartLimitInterval → StartLimitIntervalSec in [Unit]; then `systemd-analyze verify UNIT`.",
)
def test_unit_has_no_obsolete_directives(service):
    """The unit uses no directive that systemd has renamed, dropped or never had."""
    unit = service.unit()
    found = [
        f"{one.key}= ({one.file.name}:{one.line}): use {RENAMED[one.key]}"
        for one in unit.directives
        if one.section == "Service" and one.key in RENAMED
    ]
    known = " ".join(found)
    # what the unit itself shows is proven without systemd's own word
    for line in service.complaints() if service.verified or not found else ():
        named = re.search(r"(\w+)=", line)
        if OBSOLETE.search(line) and not (named and f"{named[1]}=" in known):
            found.append(line)
    where_found(str(service.path))
    assert not found, f"{service.name} has obsolete or unknown directives: {'; '.join(found[:8])}"


@check(
    "unit-has-not-been-restarting",
    severity="high",
    needs=("supervision", "hub_host"),
    stage="after",
    remedy="See why it ends: `journalctl -u mcp-hub --since -1h`, then mend that; `systemctl reset-failed mcp-hub` afterwards.",
)
def test_unit_has_not_been_restarting(service, other_supervisor, processes):
    """The hub was not restarted by its supervisor within the last hour."""
    _supervised(service, other_supervisor)
    if other_supervisor is not None:
        _not_restarting(other_supervisor, processes)
        return
    life = service.life(processes.uptime)
    if life.restarts is None:
        unknown(f"systemd does not count the restarts of {service.name}")
    compared(expected="0 in the last hour", actual=life.restarts, unit="restarts")
    assert life.sub != "auto-restart", (
        f"{service.name} ended and waits to be started again, after {life.restarts} restarts"
    )
    old = life.seconds is not None and life.seconds >= HOUR
    if life.restarts and old:
        note(f"{life.restarts} restarts, the last one {life.seconds / HOUR:.0f} hours ago")
        return
    assert not life.restarts, (
        f"systemd has restarted {service.name} {life.restarts} times, the last time within this hour"
    )


def _not_restarting(other, processes):
    hub = processes.hub()
    age = processes.now - hub.started if hub.started is not None else 0.0
    if age >= HOUR or other.restarts == 0:
        return
    assert not other.restarts, (
        f"{other.kind} has restarted {other.name} {other.restarts} times, the last time within this hour"
    )
    unknown(f"the hub is {age / 60:.0f} minutes old, and {other.kind} does not tell why: ask again in an hour")


@check(
    "stop-fits-its-timeout",
    severity="high",
    needs=("supervision", "hub_host"),
    limits=Limits(critical=30, unit="s", better="higher"),
    remedy="Set `TimeoutStopSec=45` and KillSignal=SIGTERM (`systemctl edit mcp-hub`): with 200 clients the hub needs 20 to 27 s to end in order.",
)
def test_stop_fits_its_timeout(service, other_supervisor):
    """Whoever stops the hub asks it to end, and waits long enough before killing it."""
    if other_supervisor is not None:
        seconds = other_supervisor.stop_seconds
        what = f"{other_supervisor.kind} kills the hub after"
    else:
        told = service.setting("KillMode") or "control-group"
        assert told != "none", f"{service.name} has KillMode=none: systemd ends nothing, and the old hub keeps the port"
        signal = service.kill_signal
        assert signal in {"SIGTERM", "SIGINT"}, f"{service.name} has KillSignal={signal}: calls in flight are lost"
        seconds, what = service.stop_seconds(), f"{service.name} kills the hub after"
    if seconds is None:
        note("it is never killed for being slow")
        return
    measure(seconds, what=what)
