"""The first packet of an unknown sender, and what a firewall may do with it.

Rules are not read for what they look like but walked with a packet. A rule that cannot be decided (an unknown match) leads
both ways; only a fate that every way shares is sure.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Answer = Literal["yes", "no", "maybe"]
Fate = Literal["admitted", "blocked", "unsure"]
Way = Literal["accept", "drop", "away", "return", "on"]
"""What a rule or chain does with a packet: `on` to the next rule, `return` to the chain above, `away` to another host or a container."""
ON: Final[frozenset[Way]] = frozenset({"on"})
MAX_DEPTH: Final = 32
"""Jumps deep at most; the kernel allows 16 of its own making."""
STRANGER: Final = {4: ipaddress.ip_address("203.0.113.9"), 6: ipaddress.ip_address("2001:db8::9")}
"""Addresses reserved for documentation: no host has them, so no rule is meant for them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The first packet of a stranger's TCP connection to `port`. `interface`: where it comes in; None: not known."""

    port: int
    family: Literal[4, 6]
    interface: str | None = None

    @property
    def source(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """Where it comes from."""
        return STRANGER[self.family]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """`decide` says whether a packet matches; then it goes the `way`, or into the chain of the name `chain`.

    `then`: what a chain's end means for the chain that named it: `on` after a jump, `return` after a goto. `ports` are those that the rule names.
    """

    decide: Callable[[Packet], Answer]
    way: Way = "on"
    chain: str | None = None
    then: Way = "on"
    ports: frozenset[int] = frozenset()


Chains = dict[str, list[FirewallRule]]


def both(answers: Iterable[Answer]) -> Answer:
    """Whether all hold."""
    distinct = set(answers)
    return "no" if "no" in distinct else "maybe" if "maybe" in distinct else "yes"


def negated(answer: Answer) -> Answer:
    """The other way round; what cannot be decided stays so."""
    return {"yes": "no", "no": "yes", "maybe": "maybe"}[answer]  # type: ignore[return-value]


def always(answer: Answer) -> Callable[[Packet], Answer]:
    """A test that says the same of every packet."""
    return lambda _: answer


def comes_in_by(names: Iterable[str], packet: Packet, wildcard: str) -> Answer:
    """Whether a packet comes in by one of the interfaces; a name that ends with `wildcard` stands for all that begin so.

    A stranger never comes in by the loopback.
    """
    outside = [name for name in names if name != "lo"]
    if not outside:
        return "no"
    own = packet.interface
    if own is None:
        return "maybe"
    fits = (
        own == name or (name.endswith(wildcard) and own.startswith(name.removesuffix(wildcard))) for name in outside
    )
    return "yes" if any(fits) else "no"


def within(value: str, packet: Packet) -> Answer:
    """Whether the packet comes from the network `value`."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "maybe"
    if network.version != packet.family:
        return "no"
    return "yes" if packet.source in network else "no"


def walk(chains: Mapping[str, Sequence[FirewallRule]], name: str, packet: Packet, depth: int = 0) -> frozenset[Way]:
    """Every possible outcome for `packet` in a chain; `on` means that its end was reached."""
    if depth > MAX_DEPTH or name not in chains:
        return frozenset({"accept", "drop"})
    ways: set[Way] = set()
    for rule in chains[name]:
        answer = rule.decide(packet)
        if answer == "no":
            continue
        effect = _effect(chains, rule, packet, depth)
        ways |= effect - ON
        if answer == "yes" and "on" not in effect:
            return frozenset(ways)
    return frozenset({*ways, "on"})


def _effect(
    chains: Mapping[str, Sequence[FirewallRule]], rule: FirewallRule, packet: Packet, depth: int
) -> frozenset[Way]:
    if rule.chain is None:
        return frozenset({rule.way})
    inner = walk(chains, rule.chain, packet, depth + 1)
    ended = bool(inner & {"on", "return"})
    return (inner - {"on", "return"}) | ({rule.then} if ended else frozenset())


def through(chains: Mapping[str, Sequence[FirewallRule]], base: str, policy: Way, packet: Packet) -> frozenset[Way]:
    """Every possible outcome for `packet` in a base chain, whose policy decides where no rule did."""
    ways = walk(chains, base, packet)
    decided = ways - {"on", "return"}
    return decided | ({policy} if ways & {"on", "return"} else frozenset())


def fate(stations: Iterable[frozenset[Way]]) -> Fate:
    """The fate of a packet that has to be accepted at every station."""
    sure, possible = True, True
    for ways in stations:
        if ways == {"drop"}:
            possible = False
        elif ways != {"accept"}:
            sure = False
    if not possible:
        return "blocked"
    return "admitted" if sure else "unsure"
