"""What a host's firewall lets in: rules of nftables and iptables, IPv4 and IPv6, followed for an unknown sender's packet.

ufw and firewalld write rules of the same two kinds, so they are read by what they do.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Literal

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.network import iptables, nftables
from readiness.facts.host.network.packet import Fate, FirewallRule, Packet, Way, fate, through

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config

Family = Literal[4, 6]
FAMILIES: Final[tuple[Family, ...]] = (4, 6)
_NAMES: Final = {4: "ip", 6: "ip6"}
SOURCES: Final = ("nft", "iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy")
LIMIT: Final = 2 * 1024 * 1024
"""Bytes of a ruleset at most; a host with thousands of banned addresses has long ones."""
_TABLES: Final = (
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("mangle", "INPUT"),
    ("filter", "INPUT"),
)
"""Where a packet to this host passes, in the kernel's order."""
_UNSEEN: Final = 61_999
"""A port that hardly any rule names: its fate is what the firewall does with the rest."""

# a tool that is missing where the kernel has loaded no filter is no gap: there is nothing that it could have shown
_KERNEL: Final = r"""
cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null
grep -oE '^(nf_tables|ip_tables|ip6_tables|iptable_filter) ' /proc/modules 2>/dev/null
awk '$2 == "00000000" { print "outside=" $1; exit }' /proc/net/route 2>/dev/null
true
"""


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    del config
    legacy = "command -v {0} >/dev/null || exit 0; $SUDO {0}"
    return (
        HostQuestion(name="firewall-kernel", script=_KERNEL),
        HostQuestion(name="firewall-nft", script="$SUDO nft -j list ruleset", limit=LIMIT),
        HostQuestion(name="firewall-iptables", script="$SUDO iptables-save", limit=LIMIT),
        HostQuestion(name="firewall-ip6tables", script="$SUDO ip6tables-save", limit=LIMIT),
        HostQuestion(name="firewall-iptables-legacy", script=legacy.format("iptables-legacy-save"), limit=LIMIT),
        HostQuestion(name="firewall-ip6tables-legacy", script=legacy.format("ip6tables-legacy-save"), limit=LIMIT),
    )


class Firewall:
    """The packet filter of one host. Raises Unknown where its rules cannot be read."""

    def __init__(self, answers: HostAnswers) -> None:
        self._answers = answers

    @functools.cached_property
    def _kernel(self) -> list[str]:
        return [line.strip() for line in self._answers.get("firewall-kernel").lines]

    @property
    def outside(self) -> str | None:
        """The interface of the default route; None where there is none."""
        return next((line.removeprefix("outside=") for line in self._kernel if line.startswith("outside=")), None)

    @functools.cached_property
    def _loaded(self) -> bool:
        """Whether the kernel has loaded a packet filter."""
        return any(not line.startswith("outside=") for line in self._kernel)

    def _text(self, source: str) -> str:
        answer = self._answers.get(f"firewall-{source}")
        if answer.ok:
            return answer.text
        if answer.missing:
            # iptables and nft show the same kernel's rules where both are the newer kind: one of them is enough
            return ""
        if not self._answers.privileged:
            raise Unknown(
                "the firewall's rules are the administrator's to read: let `sudo -n` run nft and iptables-save"
            )
        raise Unknown(f"the firewall's rules cannot be read: {answer.trouble}")

    @functools.cached_property
    def _nft(self) -> nftables.Ruleset:
        managed = {(_NAMES[family], name) for family, kept in self._tables if kept.by_nft for name in kept.chains}
        return nftables.parse(self._text("nft"), frozenset(managed))

    @functools.cached_property
    def _tables(self) -> list[tuple[Family, iptables.Tables]]:
        tables: list[tuple[Family, iptables.Tables]] = []
        for source in SOURCES[1:]:
            text = self._text(source)
            if text.strip():
                tables.append((6 if source.startswith("ip6") else 4, iptables.parse(text)))
        return tables

    def _readable(self) -> None:
        """Raise Unknown where a filter may be there and nothing could show it."""
        seen = [self._answers.get(f"firewall-{source}") for source in SOURCES[:3]]
        if self._loaded and all(sources.missing for sources in seen):
            raise Unknown(
                "a packet filter is loaded, and neither nft nor iptables is installed to show it: install nftables"
            )

    def _stations(self, packet: Packet) -> Iterator[frozenset[Way]]:
        for ways in self._met(packet):
            if "away" not in ways:
                yield ways
                continue
            # led past the host's own rules (a container's published port), to where somebody may well answer
            yield frozenset({"accept"}) if ways == {"away"} else frozenset({"accept", "drop"})
            return

    def _met(self, packet: Packet) -> Iterator[frozenset[Way]]:
        """What each base chain does with the packet, in the order in which it meets them."""
        for base in self._nft.of(packet.family):
            yield through(self._nft.tables[base.table], base.key, base.policy, packet)
        for family, tables in self._tables:
            for table, chain in _TABLES if family == packet.family else ():
                chains = tables.chains.get(table, {})
                if chain in chains:
                    yield through(chains, chain, tables.policies.get(table, {}).get(chain, "accept"), packet)

    def fate(self, port: int, family: Family) -> Fate:
        """What becomes of a stranger's connection to `port`. Raises Unknown."""
        self._readable()
        packet = Packet(port=port, family=family, interface=self.outside)
        return fate(self._stations(packet))

    @property
    def filters(self) -> bool:
        """Whether anything is ever kept out. Raises Unknown."""
        return any(self.fate(_UNSEEN, family) != "admitted" for family in FAMILIES) or any(
            self.fate(port, family) == "blocked" for port in self.named for family in FAMILIES
        )

    def rest(self, family: Family) -> Fate:
        """What becomes of a connection to a port that no rule names. Raises Unknown."""
        return self.fate(next(port for port in range(_UNSEEN, 1, -1) if port not in self.named), family)

    @functools.cached_property
    def named(self) -> frozenset[int]:
        """Ports that some rule names. Raises Unknown."""
        rules: list[FirewallRule] = [rule for _, tables in self._tables for rule in tables.rules]
        rules += [rule for chains in self._nft.tables.values() for chain in chains.values() for rule in chain]
        return frozenset(port for rule in rules for port in rule.ports if 0 < port < 65_536)  # noqa: PLR2004 - TCP's ports
