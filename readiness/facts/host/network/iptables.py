"""The rules of iptables as `iptables-save` writes them, ready to be walked with a packet."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Final

from readiness.facts.host.network.packet import (
    Answer,
    Chains,
    FirewallRule,
    Packet,
    Way,
    always,
    both,
    comes_in_by,
    negated,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_VERDICTS: Final[dict[str, Way]] = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_SILENT: Final = frozenset({"LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "NOTRACK", "CT", "SET", "TCPMSS", "CHECKSUM"})
"""Targets that do something and let the packet go on."""
_FORWARDS: Final = frozenset({"DNAT", "REDIRECT", "TPROXY"})
"""Targets that lead a packet past the rules for this host's own ports."""
_NO_VALUE: Final = frozenset(
    {"--syn", "-f", "--set", "--update", "--rcheck", "--remove", "--reap", "--rttl", "--rsource"}
)
_FLAGS: Final = 2
_SAYS_NOTHING: Final = frozenset(
    {"-m", "--match", "--comment", "--name", "--mask", "--limit-burst", "--hashlimit-name", "--seconds"}
)
_FIRST_PACKET: Final[dict[str, Answer]] = {
    **dict.fromkeys(("--syn", "--set", "--limit", "--hashlimit-upto"), "yes"),
    **dict.fromkeys(("--update", "--rcheck", "-f", "--hashlimit-above", "--hitcount"), "no"),
}
"""What counts packets lets the first one through."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """One family's tables: their chains, and the policies of the base chains."""

    chains: dict[str, Chains]
    policies: dict[str, dict[str, Way]]
    by_nft: bool = False
    """Whether nft keeps these rules, and shows them too."""

    @property
    def rules(self) -> list[FirewallRule]:
        """Every rule that decides about packets to this host."""
        tables = (self.chains.get(name, {}) for name in ("raw", "mangle", "filter", "nat"))
        return [rule for table in tables for chain in table.values() for rule in chain]


def parse(text: str) -> Tables:
    """Read what `iptables-save` wrote; a line that is none of its own is passed over, a rule that is not understood is kept as maybe."""
    chains: dict[str, Chains] = {}
    policies: dict[str, dict[str, Way]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            name, policy, *_ = [*line[1:].split(), "-"]
            chains.setdefault(table, {}).setdefault(name, [])
            if policy in _VERDICTS:
                policies.setdefault(table, {})[name] = _VERDICTS[policy]
        elif line.startswith("-A "):
            name, rule = _rule(line)
            chains.setdefault(table, {}).setdefault(name, []).append(rule)
    return Tables(chains=chains, policies=policies, by_nft="(nf_tables)" in text.partition("\n")[0])


def _rule(line: str) -> tuple[str, FirewallRule]:
    try:
        words = shlex.split(line)[1:]
    except ValueError:
        words = line.split()[1:]
    name, words = (words[0], words[1:]) if words else ("", [])
    parts = _Parts()
    while words:
        words = parts.take(words)
    target = parts.target
    way: Way = "away" if target in _FORWARDS else _VERDICTS.get(target, "on")
    chain = None if not target or target in _VERDICTS or target in _FORWARDS | _SILENT else target
    then: Way = "return" if parts.goto else "on"
    tests = tuple(parts.tests)

    def decide(packet: Packet) -> Answer:
        return both(test(packet) for test in tests)

    return name, FirewallRule(
        decide=decide,
        way=way,
        chain=chain,
        then=then,
        ports=frozenset(parts.ports),
    )


class _Parts:
    """The words of one rule, as tests of a packet."""

    def __init__(self) -> None:
        self.tests: list[Callable[[Packet], Answer]] = []
        self.ports: set[int] = set()
        self.target, self.goto = "", False

    def take(self, words: list[str]) -> list[str]:
        """Read one option and its values; what is left."""
        turned = words[0] == "!"
        words = words[1:] if turned else words
        if not words:
            return []
        option, rest = words[0], words[1:]
        count = _FLAGS if option == "--tcp-flags" else 0 if option in _NO_VALUE else 1
        values, rest = rest[:count], rest[count:]
        if option in {"-j", "--jump", "-g", "--goto"}:
            self.target, self.goto = (values or [""])[0], option in {"-g", "--goto"}
            # what follows belongs to the target
            return []
        test = self._test(option, values)
        if test is not None:
            self.tests.append((lambda packet: negated(test(packet))) if turned else test)
        return rest

    def _test(self, option: str, values: list[str]) -> Callable[[Packet], Answer] | None:
        value = values[0] if values else ""
        if option in _SAYS_NOTHING:
            return None
        if option in _FIRST_PACKET:
            return always(_FIRST_PACKET[option])
        match option:
            case "-i" | "--in-interface":
                return lambda packet: comes_in_by([value], packet, "+")
            case "-s" | "--source":
                return lambda packet: within(value, packet)
            case "--dport" | "--dports" | "--destination-port" | "--ports":
                ports = _ports(value)
                self.ports |= {low for low, high in ports if low == high}
                return lambda packet: "yes" if any(low <= packet.port <= high for low, high in ports) else "no"
            case _:
                return always(_of_any(option, values))


def _of_any(option: str, values: list[str]) -> Answer:
    """What a match says of every unknown sender's first packet alike."""
    value = values[0] if values else ""
    match option:
        case "-p" | "--protocol":
            return "yes" if value in {"tcp", "6", "all"} else "no"
        case "--ctstate" | "--state":
            return "yes" if "NEW" in value.split(",") else "no"
        case "--dst-type":
            return "yes" if value == "LOCAL" else "no"
        case "--tcp-flags":
            wanted = set(values[-1].split(",")) if len(values) == _FLAGS else set()
            return "yes" if wanted & {"SYN", "ALL"} and "ACK" not in wanted else "no"
        case _:
            return "maybe"


def _ports(value: str) -> list[tuple[int, int]]:
    ranges = []
    for part in value.split(","):
        low, colon, high = part.partition(":")
        if (low.isdigit() or (not low and colon)) and (high.isdigit() or not high):
            first = int(low or 0)
            ranges.append((first, int(high) if high else (65535 if colon else first)))
    return ranges
