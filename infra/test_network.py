"""Each host lets in what is declared and nothing else, finds what it needs, and knows what time it is."""

from __future__ import annotations

import pytest

from readiness import Limits, caused_by, check, compared, measure, note, unknown, warn

pytestmark = pytest.mark.infra

APART = 5.0
"""Seconds by which clocks may differ: tokens and certificates tolerate that much."""


@check(
    "hub-port-is-private",
    severity="critical",
    needs=("hub_host",),
    remedy="Close the hub's port to everybody but the proxy: `ufw deny 7000/tcp`, or bind it to 127.0.0.1 in a container.",
)
def test_hub_port_is_private(network, firewall, vantage):
    """Nobody but the proxy reaches the hub's own port."""
    port = network.hub_port()
    sockets = network.on(port)
    public = [socket for socket in sockets if not socket.is_loopback]
    compared(expected="loopback, or kept closed by a filter", actual=", ".join(map(str, sockets)) or "nothing listens")
    if sockets and not public:
        return
    reached = vantage.reached(port)
    assert not reached, f"the hub answers on {', '.join(reached)} port {port} from outside its host: anyone may use it"
    fates = {firewall.fate(port, family) for socket in public for family in socket.families}
    if fates == {"blocked"}:
        note(f"it listens on {', '.join(map(str, public))}; the firewall lets no stranger in")
    elif public:
        warn(f"the hub listens on {', '.join(map(str, public))}, and no filter is known that keeps strangers out")
    else:
        unknown(f"nothing listens on port {port} there now; ask again while the hub runs")


@check(
    "firewall-admits-only-what-is-declared",
    severity="high",
    needs=("firewall",),
    remedy="Let in what [target] open_ports declares and nothing else: `ufw default deny incoming; ufw allow 443/tcp; ufw allow 22/tcp; ufw enable`.",
)
def test_firewall_admits_only_what_is_declared(network, firewall, open_ports):
    """The firewall lets strangers in where that was declared, over IPv4 and IPv6, and nowhere else."""
    heard = {(socket.port, family) for socket in network.open_sockets() for family in socket.families}
    asked = heard | {(port, family) for port in firewall.named for family in (4, 6)}
    fates = {one: firewall.fate(*one) for one in asked if one[0] not in open_ports}
    compared(
        expected=f"only {_ports(open_ports)}",
        actual=f"also {_ports({p for p, _ in fates if fates[p, _] == 'admitted'})}",
    )
    if not firewall.filters:
        loose = sorted({port for port, _ in heard if port not in open_ports})
        assert not loose, f"there is no firewall, and {_ports(loose)} can be reached by anyone"
        warn("there is no firewall: only that nothing else listens keeps strangers out")
        return
    for family in (4, 6):
        loose = sorted(port for (port, of), fate in fates.items() if of == family and fate == "admitted")
        listening = [port for port in loose if (port, family) in heard or port in firewall.named]
        assert not listening, (
            f"IPv{family}: the firewall lets strangers in on {_ports(listening)}, which is not declared"
        )
        if firewall.rest(family) == "admitted":
            warn(f"IPv{family}: the firewall lets strangers in on every port that no rule names")
    unsure = sorted({port for (port, _), fate in fates.items() if fate == "unsure"})
    if unsure:
        unknown(f"whether {_ports(unsure)} is open depends on rules that cannot be judged from here")


def _ports(ports):
    found = sorted(ports)
    return ("port " if len(found) == 1 else "ports ") + ", ".join(map(str, found[:12])) if found else "none"


@check(
    "names-resolve",
    severity="high",
    needs=("llm",),
    remedy="Mend the host's resolver: `resolvectl status`, /etc/resolv.conf; then `getent ahosts NAME`.",
)
def test_names_resolve(network):
    """The host finds the names of what the hub needs."""
    missing = network.unresolved()
    assert not missing, f"the host cannot look up {', '.join(sorted(missing))}"


@check(
    "llm-endpoints-are-near",
    severity="high",
    needs=("llm",),
    after=("names-resolve",),
    limits=Limits(warning=200, critical=500, unit="ms"),
    remedy="See where the time goes from that host: `curl -sv -o /dev/null URL`, `mtr HOST`; use a nearer region or another way out.",
)
def test_llm_endpoints_are_near(network):
    """The host reaches the LLM's endpoint, and soon."""
    reached = network.reached()
    lost = [one for one in reached if one.milliseconds is None]
    told = "; ".join(f"{one.url}: {one.why}" for one in lost)
    if lost and all(one.host in network.unresolved() for one in lost):
        caused_by("names-resolve")
        unknown(told)
    assert not lost, f"not reached from the host: {told}"
    slowest = max(reached, key=lambda one: one.milliseconds)
    measure(slowest.milliseconds, what=f"to connect to {slowest.url}:")


@check(
    "clock-is-synchronised",
    severity="medium",
    needs=("clock",),
    remedy="Let something keep the clock: `timedatectl set-ntp true`, or install chrony.",
)
def test_clock_is_synchronised(network):
    """The host's clock is right and is kept right."""
    offset = network.clock_offset()
    assert abs(offset) <= APART, (
        f"the host's clock is at least {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this run's"
    )
    assert network.synchronised(), "nothing keeps the host's clock right"
