"""The rules of nftables as `nft -j list ruleset` writes them, ready to be walked with a packet."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
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
    from collections.abc import Callable, Iterator, Mapping

_HOOKS: Final = ("ingress", "prerouting", "input")
"""Where packets to this host pass, in their order."""
_VERDICTS: Final[dict[str, Way]] = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return"}
_FORWARDS: Final = frozenset({"dnat", "redirect", "tproxy"})
_FAMILIES: Final = {"ip": (4,), "ip6": (6,), "inet": (4, 6), "netdev": (4, 6)}
_OF_FAMILY: Final = {"saddr4": 4, "saddr6": 6}
_FIRST: Final = {"new", "untracked"}
_COUNTS: Final = frozenset({"counter", "log", "comment", "mangle", "notrack", "flow", "ct helper", "meter", "secmark"})
_IN: Final = frozenset({"==", "in", "&"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base chain: where packets to this host pass. `key` names it among its table's chains."""

    table: tuple[str, str]
    key: str
    policy: Way
    order: tuple[int, int]
    kind: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """Every table, by family and name: its chains; and the base chains in the order in which packets meet them."""

    tables: Mapping[tuple[str, str], Chains]
    bases: tuple[Base, ...]

    def of(self, family: int) -> list[Base]:
        """The base chains that a packet of the family meets."""
        return [base for base in self.bases if family in _FAMILIES.get(base.table[0], ())]


def parse(text: str, managed: frozenset[tuple[str, str]] = frozenset()) -> Ruleset:
    """Read nft's JSON. Raises Unknown for anything else. `managed`: tables that iptables-nft keeps and `iptables-save` shows."""
    try:
        items = json.loads(text)["nftables"] if text.strip() else []
        return _Reader([item for item in items if isinstance(item, dict)], managed).ruleset()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unknown("nft answered no ruleset in JSON") from None


class _Reader:
    def __init__(self, items: list[dict[str, Any]], managed: frozenset[tuple[str, str]]) -> None:
        self.items, self.foreign = items, managed
        self.sets: dict[tuple[str, str, str], list[Any]] = {}

    def _all(self, kind: str) -> Iterator[dict[str, Any]]:
        return (item[kind] for item in self.items if isinstance(item.get(kind), dict))

    def ruleset(self) -> Ruleset:
        for kind in ("set", "map"):
            for one in self._all(kind):
                self.sets[one["family"], one["table"], one["name"]] = list(one.get("elem", ()))
        tables: dict[tuple[str, str], Chains] = {}
        bases = []
        for chain in self._all("chain"):
            table = (chain["family"], chain["table"])
            if table in self.foreign:
                continue
            tables.setdefault(table, {})[chain["name"]] = []
            if chain.get("hook") in _HOOKS and chain.get("type") in {"filter", "nat"}:
                policy = _VERDICTS.get(chain.get("policy", "accept"), "accept")
                order = (_HOOKS.index(chain["hook"]), int(chain.get("prio", 0)))
                bases.append(Base(table=table, key=chain["name"], policy=policy, order=order, kind=chain["type"]))
        for rule in self._all("rule"):
            table = (rule["family"], rule["table"])
            if table not in self.foreign:
                tables.setdefault(table, {}).setdefault(rule["chain"], []).extend(self._rules(table, rule))
        return Ruleset(tables=tables, bases=tuple(sorted(bases, key=lambda base: base.order)))

    def _rules(self, table: tuple[str, str], rule: dict[str, Any]) -> Iterator[FirewallRule]:
        """One rule, or several where it maps values to verdicts."""
        tests: list[Callable[[Packet], Answer]] = []
        ports: set[int] = set()
        for part in rule.get("expr", ()):
            name, value = next(iter(part.items())) if isinstance(part, dict) and part else ("", {})
            if name == "match":
                tests.append(self._match(table, value, ports))
            elif name == "limit":
                over = isinstance(value, dict) and bool(value.get("inv"))
                tests.append(always("no" if over else "yes"))  # a stranger's first packet
            elif name == "vmap":
                yield from self._vmap(table, value, tuple(tests))
                return
            elif (made := _verdict(name, value)) is not None:
                way, chain, then = made
                yield FirewallRule(decide=_all_of(tests), way=way, chain=chain, then=then, ports=frozenset(ports))
                return
            elif name not in _COUNTS:
                tests.append(always("maybe"))

    def _vmap(
        self,
        table: tuple[str, str],
        value: Any,  # noqa: ANN401 - JSON
        tests: tuple[Callable[[Packet], Answer], ...],
    ) -> Iterator[FirewallRule]:
        data = value["data"]
        elements = self._elements(table, data) if isinstance(data, str) else data.get("set", [])
        for wanted, verdict in elements:
            name, inner = next(iter(verdict.items()))
            made = _verdict(name, inner)
            if made is None:
                continue
            ports: set[int] = set()
            test = self._match(table, {"op": "==", "left": value["key"], "right": wanted}, ports)
            way, chain, then = made
            decide = _all_of([*tests, test])
            yield FirewallRule(decide=decide, way=way, chain=chain, then=then, ports=frozenset(ports))

    def _match(self, table: tuple[str, str], value: dict[str, Any], ports: set[int]) -> Callable[[Packet], Answer]:
        left, right, op = value["left"], value["right"], value.get("op", "==")
        if op not in _IN and op != "!=":
            return always("maybe")
        wanted = self._values(table, right)
        key = _key(left)
        if key == "dport" and op != "!=":
            ports |= {one for one in wanted if isinstance(one, int)}

        def decide(packet: Packet) -> Answer:
            if key in _OF_FAMILY and _OF_FAMILY[key] != packet.family:
                return "no"  # a field that the packet does not have is not unequal either
            answer = _holds(key, wanted, packet)
            return negated(answer) if op == "!=" else answer

        return decide

    def _values(self, table: tuple[str, str], right: Any) -> list[Any]:  # noqa: ANN401 - JSON
        if isinstance(right, str) and right.startswith("@"):
            return self._elements(table, right)
        if isinstance(right, dict) and "set" in right:
            return list(right["set"])
        return list(right) if isinstance(right, list) else [right]

    def _elements(self, table: tuple[str, str], name: str) -> list[Any]:
        elements = self.sets.get((*table, name.removeprefix("@")), [])
        return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in elements]


def _verdict(name: str, value: Any) -> tuple[Way, str | None, Way] | None:  # noqa: ANN401 - JSON
    """What a statement does: a way, a chain to go into, and what that one's end means; None: it is no verdict."""
    if name in _VERDICTS:
        return _VERDICTS[name], None, "on"
    if name in _FORWARDS:
        return "away", None, "on"
    if name in {"jump", "goto"}:
        return "on", str(value["target"]), "return" if name == "goto" else "on"
    # a program or an extension decides: as with a chain that nobody knows, anything may come of it
    target = name == "xt" and isinstance(value, dict) and value.get("type") == "target"
    return ("on", "", "on") if name == "queue" or target else None


def _key(left: Any) -> str:  # noqa: ANN401 - JSON
    """What a match looks at, in one word; empty where that is not known."""
    kind, part = next(iter(left.items())) if isinstance(left, dict) and left else ("", None)
    if not isinstance(part, dict):
        return ""
    match kind:
        case "payload":
            return _payload(str(part.get("protocol", "")), str(part.get("field", "")))
        case "meta":
            return str(part.get("key", ""))
        case "ct":
            return f"ct {part.get('key', '')}"
        case "fib":
            return "fib" if part.get("result") == "type" else ""
        case _:
            return ""


def _payload(protocol: str, field: str) -> str:
    if field == "dport":
        # udp's and sctp's ports are another matter
        return "dport" if protocol in {"tcp", "th"} else "never"
    known = {
        ("ip", "saddr"): "saddr4",
        ("ip6", "saddr"): "saddr6",
        ("ip", "protocol"): "l4proto",
        ("ip6", "nexthdr"): "l4proto",
    }
    return known.get((protocol, field), "")


def _holds(key: str, wanted: list[Any], packet: Packet) -> Answer:  # noqa: PLR0911 - one return a kind of match
    match key:
        case "dport":
            return "yes" if any(_in_range(packet.port, one) for one in wanted) else "no"
        case "never":
            return "no"
        case "saddr4" | "saddr6":
            return _any(_from(one, packet) for one in wanted)
        case "iif" | "iifname":
            return comes_in_by(map(str, wanted), packet, "*")
        case "l4proto" | "protocol":
            return "yes" if {"tcp", 6} & set(map(_plain, wanted)) else "no"
        case "nfproto":
            return "yes" if {"ipv4", "ipv6"} & set(map(str, wanted)) & {f"ipv{packet.family}"} else "no"
        case "ct state":
            return "yes" if _FIRST & set(map(str, wanted)) & {"new"} else "no"
        case "fib":
            return "yes" if "local" in wanted else "no"
        case _:
            return "maybe"


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if isinstance(value, (str, int)) else repr(value)


def _in_range(port: int, value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return bool(low <= port <= high)
    return bool(value == port)


def _from(value: Any, packet: Packet) -> Answer:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and "prefix" in value:
        return within(f"{value['prefix']['addr']}/{value['prefix']['len']}", packet)
    if isinstance(value, dict) and "range" in value:
        low, high = (ipaddress.ip_address(one) for one in value["range"])
        return "yes" if low.version == packet.family and int(low) <= int(packet.source) <= int(high) else "no"
    return within(str(value), packet)


def _any(answers: Iterator[Answer]) -> Answer:
    distinct = set(answers)
    return "yes" if "yes" in distinct else "maybe" if "maybe" in distinct else "no"


def _all_of(tests: list[Callable[[Packet], Answer]]) -> Callable[[Packet], Answer]:
    kept = tuple(tests)
    return lambda packet: both(test(packet) for test in kept)
