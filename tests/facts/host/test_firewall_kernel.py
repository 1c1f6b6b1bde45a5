"""What is read from a ruleset is what the kernel does with it: the same rules, walked here and knocked at there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness.facts.host.batch import HostAnswer, HostAnswers
from readiness.facts.host.network import firewall
from readiness.facts.host.network.firewall import FAMILIES, Firewall
from tests.helpers.netns import Cable, cable

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS: Final = (22, 25, 26, 80, 443, 3000, 7000, 8005, 8011, 9999)
NFT: Final = {
    "nothing": "",
    "drops by default": """
table inet filter {
  set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 203.0.113.0-203.0.113.7 }
}
  chain ssh_rules { ip saddr @admins accept
    counter drop
  }
  chain input { type filter hook input priority 0; policy drop;
    iif "lo" accept
    ct state vmap { established : accept, related : accept, invalid : drop }
    tcp dport 22 jump ssh_rules
    tcp dport { 80, 443 } ct state new limit rate 100/second accept
    tcp dport 8000-8010 accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport vmap { 25 : drop, 26 : accept }
    meta nfproto ipv6 tcp dport 7000 accept
    udp dport 9999 accept
  }
}""",
    "accepts by default, and bars one": """
table ip filter { chain in4 { type filter hook input priority 0; policy accept; tcp dport 7000 reject
}
}
table ip6 other { chain in6 { type filter hook input priority 0; policy accept; ip6 nexthdr tcp tcp dport != { 22, 443 } drop
}
}""",
    "two chains in a row": """
table inet one { chain a { type filter hook input priority -10; policy accept; tcp dport { 22, 7000, 443 } accept
 tcp dport 80 drop
}
}
table inet two { chain b { type filter hook input priority 10; policy drop; tcp dport { 22, 80 } accept
 ct state established,related accept
 meta l4proto ipv6-icmp accept
}
}""",
    "an interface, a source, a goto": """
table inet f { chain in { type filter hook input priority 0; policy drop;
    iifname "docker*" accept
    iifname "out0" tcp dport 443 accept
    ip saddr 203.0.113.9 tcp dport 3000 accept
    ip saddr != 203.0.113.9 tcp dport 22 accept
    meta l4proto ipv6-icmp accept
    tcp dport 7000 goto sevens
    tcp dport 7000 accept
    fib daddr type local tcp dport 8005 accept
  }
  chain sevens { ip saddr 10.0.0.0/8 accept
  }
}""",
}
IPTABLES: Final = {
    "ports and states": """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,8000:8010 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 100/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -g web
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 3000 -j web
-A INPUT -p tcp -m tcp --dport 3000 -j ACCEPT
-A INPUT ! -i out0 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT
-A INPUT -p tcp -m tcp ! --dport 1:9000 -m comment --comment "the rest, \\"high\\"" -j REJECT --reject-with tcp-reset
-A INPUT -p udp -j ACCEPT
-A web -p tcp -m addrtype --dst-type LOCAL -j RETURN
-A web -j ACCEPT
COMMIT
""",
    "ufw's way of limiting": """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:limited - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name x --mask 255.255.255.255 --rsource
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name x --mask 255.255.255.255 --rsource -j limited
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A limited -j REJECT --reject-with icmp-port-unreachable
COMMIT
""",
}


@pytest.fixture(scope="module")
def pair() -> Iterator[Cable]:
    """A host and a stranger."""
    with cable("fw") as made, made.listening(PORTS):
        yield made


def read(made: Cable) -> Firewall:
    """The host's firewall, by the questions that hosts are asked."""
    from readiness.config.model import Config

    said: dict[str, HostAnswer] = {}
    for ask in firewall.first(Config()):
        text = made.on_host("sh", "-c", f"SUDO=; PATH=$PATH:/usr/sbin:/sbin; {ask.script}")
        said[ask.name] = HostAnswer(name=ask.name, code=0, text=text)
    return Firewall(HostAnswers(said, privileged=True))


def compare(made: Cable) -> None:
    """Every port, both families: what is read equals what happens."""
    found = read(made)
    opened: dict[str, Any] = made.knock(PORTS)
    expected = {str(family): [p for p in PORTS if found.fate(p, family) == "admitted"] for family in FAMILIES}
    unsure = [(p, family) for family in FAMILIES for p in PORTS if found.fate(p, family) == "unsure"]
    assert (expected, unsure) == (opened, [])


@pytest.mark.parametrize("name", NFT)
def test_nft_is_read_as_the_kernel_does_it(pair: Cable, name: str) -> None:
    """Sets, ranges, maps of verdicts, jumps, gotos, interfaces, sources and chains in a row."""
    pair.on_host("nft", "-f", "-", text="flush ruleset\n" + NFT[name])
    compare(pair)
    assert read(pair).filters is (name != "nothing")


@pytest.mark.parametrize("name", IPTABLES)
def test_iptables_is_read_as_the_kernel_does_it(pair: Cable, name: str) -> None:
    """Modules, negations, flags, limits, jumps and gotos, for IPv4 alone: IPv6 stays open, and is said to be."""
    pair.on_host("nft", "flush", "ruleset")
    try:
        pair.on_host("iptables-restore", text=IPTABLES[name])
    except RuntimeError as error:
        if "recent" in IPTABLES[name]:
            pytest.skip(f"this kernel cannot count connections: {error}")
        raise
    compare(pair)
    assert read(pair).fate(7000, 6) == "admitted"


NATTED: Final = {
    "docker": ":DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
    "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7000 -j DNAT --to-destination 172.17.0.2:7000\n",
    "container networks": ":CNI-HOSTPORT-DNAT - [0:0]\n:CNI-DN-1 - [0:0]\n-A PREROUTING -j CNI-HOSTPORT-DNAT\n"
    "-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 7000 -j CNI-DN-1\n"
    "-A CNI-DN-1 -p tcp -j DNAT --to-destination 10.88.0.2:7000\n",
    "accepted before it is led away": "-A PREROUTING -s 10.0.0.0/8 -j ACCEPT\n"
    "-A PREROUTING -p tcp -m tcp --dport 7000 -j REDIRECT --to-ports 3000\n",
}


@pytest.mark.parametrize("name", NATTED)
def test_a_published_port_passes_the_rules_for_the_host(pair: Cable, name: str) -> None:
    """A container's published port is led past the input rules: it counts as admitted although they drop it."""
    pair.on_host("nft", "flush", "ruleset")
    pair.on_host(
        "iptables-restore",
        text=f"*nat\n:PREROUTING ACCEPT [0:0]\n{NATTED[name]}COMMIT\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
    )
    found = read(pair)
    assert (found.fate(7000, 4), found.fate(7001, 4)) == ("admitted", "blocked")


def test_a_port_that_is_kept_from_being_led_away_is_not(pair: Cable) -> None:
    """ACCEPT in the nat table leads nowhere: the rules for the host decide."""
    pair.on_host("nft", "flush", "ruleset")
    rules = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 7000 -j ACCEPT\nCOMMIT\n"
    pair.on_host("iptables-restore", text=f"{rules}*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    assert read(pair).fate(7000, 4) == "blocked"
