"""The firewall: what a healthy host lets in, and every way to let in more, or not to tell."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.faults.infra.model import Fault, Told
from tests.faults.infra.network import listeners
from tests.sources import ROOT

RECORDED: Final = ROOT / "tests" / "data" / "host"
CHECK: Final = "firewall-admits-only-what-is-declared"
HUB: Final = "hub-port-is-private"
NONE: Final[Told] = (127, "")
"""The program is not installed."""
EVERYWHERE: Final = listeners("0.0.0.0")
EMPTY: Final[Told] = (0, '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}\n')


def _match(left: dict[str, Any], right: object, operator: str = "==") -> dict[str, Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


def ports(*numbers: int, verdict: str = "accept") -> list[dict[str, Any]]:
    """A rule for strangers' connections to some ports."""
    field = {"payload": {"protocol": "tcp", "field": "dport"}}
    return [_match(field, {"set": list(numbers)} if len(numbers) > 1 else numbers[0]), {verdict: None}]


def ruleset(*rules: list[dict[str, Any]], policy: str = "drop", family: str = "inet") -> Told:
    """`nft -j list ruleset` as nft 1.0 prints it: one table with the usual beginning, then `rules`."""
    place = {"family": family, "table": "filter", "chain": "input"}
    usual = [
        [_match({"meta": {"key": "iif"}}, "lo"), {"accept": None}],
        [_match({"ct": {"key": "state"}}, ["established", "related"], "in"), {"accept": None}],
    ]
    base = {"family": family, "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input"}
    entries: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": family, "name": "filter", "handle": 1}},
        {"chain": {**base, "prio": 0, "policy": policy}},
    ]
    entries += [{"rule": {**place, "handle": 4 + at, "expr": expr}} for at, expr in enumerate([*usual, *rules])]
    return 0, json.dumps({"nftables": entries}) + "\n"


def by_iptables(four: str, six: str) -> dict[str, Told]:
    """A host without nft."""
    return {"firewall-nft": NONE, "firewall-iptables": (0, four), "firewall-ip6tables": (0, six)}


def _recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


DECLARED: Final = ports(22, 80, 443)
HEALTHY: Final[dict[str, Told]] = {
    "firewall-kernel": (0, "nf_tables \noutside=eth0\n"),
    "firewall-nft": ruleset(DECLARED),
    "firewall-iptables": NONE,
    "firewall-ip6tables": NONE,
    "firewall-iptables-legacy": (0, ""),
    "firewall-ip6tables-legacy": (0, ""),
}
_UFW: Final = {
    "firewall-kernel": (0, "filter\nip_tables \noutside=eth0\n"),
    **by_iptables(_recorded("ufw-iptables.txt"), _recorded("ufw-ip6tables.txt")),
}
_OFF: Final = {"firewall-kernel": (0, "outside=eth0\n"), "firewall-nft": EMPTY}
_DROP: Final = (
    "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n"
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT\n{}COMMIT\n"
)
_DOCKER: Final = (
    "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
    ":DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
    "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 172.17.0.2:9090\nCOMMIT\n"
)
_ODD: Final = [{"xt": {"type": "match", "name": "geoip"}}, *ports(9443)]
FAULTS: Final = (
    Fault(
        name="no firewall",
        sentence="Only what is declared listens, and nothing keeps strangers out if that changes.",
        edits=_OFF,
        expected={CHECK: "degraded"},
        words=("there is no firewall: only that nothing else listens",),
    ),
    Fault(
        name="no firewall, and the hub everywhere",
        sentence="Anyone who finds the port is served.",
        edits={**_OFF, "listeners": EVERYWHERE},
        expected={CHECK: "failed", HUB: "degraded"},
        words=("there is no firewall, and port 7000 can be reached", "no filter is known that keeps strangers out"),
    ),
    Fault(
        name="no firewall, and the hub on ::",
        sentence="Both families are served.",
        edits={**_OFF, "listeners": listeners("::")},
        expected={CHECK: "failed", HUB: "degraded"},
        words=("the hub listens on [::]:7000",),
    ),
    Fault(
        name="no firewall, and a database",
        sentence="Something else listens everywhere.",
        edits={**_OFF, "listeners": listeners("127.0.0.1", more=(("0.0.0.0", 5432),))},
        expected={CHECK: "failed"},
        words=("port 5432 can be reached by anyone",),
    ),
    Fault(
        name="a port that is not declared",
        sentence="Somebody opened it for a test.",
        edits={"firewall-nft": ruleset(DECLARED, ports(8080))},
        expected={CHECK: "failed"},
        words=("IPv4: the firewall lets strangers in on port 8080, which is not declared",),
    ),
    Fault(
        name="the hub's port is let in",
        sentence="The hub listens everywhere, and a rule admits strangers.",
        edits={"firewall-nft": ruleset(DECLARED, ports(7000)), "listeners": EVERYWHERE},
        expected={CHECK: "failed", HUB: "degraded"},
        words=("lets strangers in on port 7000",),
    ),
    Fault(
        name="IPv6 was forgotten",
        sentence="The rules are IPv4's alone, and the hub listens on both.",
        edits={"firewall-nft": ruleset(DECLARED, family="ip"), "listeners": listeners("::")},
        expected={CHECK: "failed", HUB: "degraded"},
        words=("IPv6: the firewall lets strangers in on port 7000",),
    ),
    Fault(
        name="IPv6 is open, and nothing listens",
        sentence="The rules are IPv4's alone; today nothing else is there to be reached.",
        edits={"firewall-nft": ruleset(DECLARED, family="ip")},
        expected={CHECK: "degraded"},
        words=("IPv6: the firewall lets strangers in on every port that no rule names",),
    ),
    Fault(
        name="accepts by default",
        sentence="One port is barred, all others are open.",
        edits={"firewall-nft": ruleset(ports(3306, verdict="drop"), policy="accept")},
        expected={CHECK: "degraded"},
        words=("IPv4: the firewall lets strangers in on every port that no rule names",),
    ),
    Fault(
        name="ip6tables accepts everything",
        sentence="iptables was set up, its sister was not.",
        edits={
            "firewall-kernel": (0, "filter\nip_tables \noutside=eth0\n"),
            **by_iptables(_DROP.format(""), "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"),
        },
        expected={CHECK: "degraded"},
        words=("IPv6",),
    ),
    Fault(
        name="a container's published port",
        sentence="Docker leads it past the rules that drop everything.",
        edits={
            "firewall-kernel": (0, "nat\nfilter\nip_tables \noutside=eth0\n"),
            **by_iptables(_DOCKER + _DROP.format(""), _DROP.format("")),
        },
        expected={CHECK: "failed"},
        words=("IPv4: the firewall lets strangers in on port 9090",),
    ),
    Fault(
        name="the rules are not to be read",
        sentence="nft refuses although this is the administrator: a container without the right.",
        edits={"firewall-nft": (1, "Operation not permitted (you must be root)\n"), "firewall-iptables": (4, "")},
        expected={CHECK: "unknown"},
        words=("the firewall's rules cannot be read",),
    ),
    Fault(
        name="the rules are not to be read, and the hub everywhere",
        sentence="Whether strangers are kept out cannot be told.",
        edits={
            "firewall-nft": (1, ""),
            "firewall-iptables": (4, ""),
            "listeners": EVERYWHERE,
        },
        expected={CHECK: "unknown", HUB: "unknown"},
        words=("the firewall's rules cannot be read",),
    ),
    Fault(
        name="neither nft nor iptables",
        sentence="The kernel has loaded a filter, and nothing there can show it.",
        edits={"firewall-nft": NONE},
        expected={CHECK: "unknown"},
        words=("neither nft nor iptables is installed to show it: install nftables",),
    ),
    Fault(
        name="a rule that cannot be judged",
        sentence="A port is open to some countries: whether to a stranger cannot be told from here.",
        edits={"firewall-nft": ruleset(DECLARED, _ODD)},
        expected={CHECK: "unknown"},
        words=("whether port 9443 is open depends on rules that cannot be judged from here",),
    ),
    Fault(
        name="a ruleset that is no JSON",
        sentence="An old nft, or one that was killed.",
        edits={"firewall-nft": (0, '{"nftables": [{"metainfo":')},
        expected={CHECK: "unknown"},
        words=("nft",),
    ),
    Fault(
        name="ufw lets the hub's port in",
        sentence="`ufw allow 7000/tcp`, for a test.",
        edits={
            **_UFW,
            "firewall-iptables": (
                0,
                _recorded("ufw-iptables.txt").replace(
                    "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
                    "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n"
                    "-A ufw-user-input -p tcp -m tcp --dport 7000 -j ACCEPT",
                ),
            ),
        },
        expected={CHECK: "failed"},
        words=("IPv4: the firewall lets strangers in on port 7000",),
    ),
    # near misses
    Fault(name="ufw", sentence="Its own forty chains, recorded from a host.", edits=_UFW),
    Fault(
        name="the hub everywhere behind a firewall",
        sentence="The firewall keeps strangers out: not as good as loopback, and private.",
        edits={"listeners": EVERYWHERE},
    ),
    Fault(
        name="a port that only colleagues may use",
        sentence="A rule admits a network of the house's, and no stranger.",
        edits={
            "firewall-nft": ruleset(
                DECLARED,
                [
                    _match(
                        {"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "10.0.0.0", "len": 8}}
                    ),
                    *ports(9100),
                ],
            )
        },
    ),
    Fault(
        name="another port that was declared",
        sentence="[target] open_ports names it.",
        config={"target": {"open_ports": [22, 80, 443, 8080]}},
        edits={"firewall-nft": ruleset(DECLARED, ports(8080))},
    ),
    Fault(
        name="both kinds of rules",
        sentence="iptables and nft: what one drops is gone.",
        edits={
            "firewall-kernel": (0, "filter\nip_tables \nnf_tables \noutside=eth0\n"),
            "firewall-nft": ruleset(policy="accept"),
            "firewall-iptables": (0, _DROP.format("")),
            "firewall-ip6tables": (0, _DROP.format("")),
        },
    ),
)
