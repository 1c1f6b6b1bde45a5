"""What listens on a host, whom it can reach by name and how soon, and whether its clock is right."""

from __future__ import annotations

import dataclasses
import ipaddress
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import Unknown
from readiness.facts.deployment import PROVIDERS, hub_config
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.network import latency
from readiness.facts.http import is_address, is_loopback, port_of
from readiness.support import file_reading

if TYPE_CHECKING:
    from readiness.config import Config

_LISTEN: Final = "0A"
_NAMES: Final = r"""
for n; do if getent ahosts "$n" >/dev/null; then echo yes; else c=$?; [ "$c" = 127 ] && exit 127; echo "no $c"; fi; done
true
"""
_CLOCK: Final = r"""
timedatectl show -p NTPSynchronized 2>/dev/null && exit 0
chronyc -n tracking 2>/dev/null && exit 0
ntpq -c rv 2>/dev/null && exit 0
exit 127
"""
_TIME: Final = 'printf "%s\\n" "$1"; date +%s'
"""The time here when it was asked, and the time there when it was read."""
_V4: Final = 8
"""Hex digits of an IPv4 address in /proc/net/tcp."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A listening TCP socket."""

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only the host itself gets in."""
        parsed = ipaddress.ip_address(self.address)
        mapped = getattr(parsed, "ipv4_mapped", None)
        return bool((mapped or parsed).is_loopback)

    @property
    def families(self) -> tuple[int, ...]:
        """The families that it accepts: `::` takes IPv4 too, unless the system says otherwise."""
        if self.address == "::":
            return (4, 6)
        return (ipaddress.ip_address(self.address).version,)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def endpoints(config: Config) -> tuple[str, ...]:
    """Where the hub asks its LLM: `[llm] base_url`, else the deployed configuration's, else the provider's own."""
    addresses = dict(config.llm.base_url)
    try:
        filtering = hub_config.read(config).data.get("toolFiltering")
    except file_reading.Unreadable:
        filtering = None
    llm = filtering.get("llmCategorization") if isinstance(filtering, dict) else None
    name = str(llm.get("provider") or "").lower() if isinstance(llm, dict) else ""
    if name in PROVIDERS and name not in addresses:
        own = llm.get("baseURL") if isinstance(llm, dict) else None
        usable = isinstance(own, str) and own.startswith(("http://", "https://")) and "${" not in own
        addresses[name] = str(own) if usable else PROVIDERS[name].host
    return tuple(dict.fromkeys(addresses.values()))


def hosts_of(urls: tuple[str, ...]) -> tuple[str, ...]:
    """The names among the addresses' hosts: what has to be looked up."""
    hosts = (urlsplit(url).hostname or "" for url in urls)
    return tuple(dict.fromkeys(host for host in hosts if host and not is_address(host)))


def hub_port(config: Config) -> int | None:
    """The port that the hub itself listens on; None where nothing says it."""
    own = config.target.internal_url
    if own:
        return port_of(own)
    url = config.target.url
    return port_of(url) if url and url.startswith("http://") else None


def client_ports(config: Config) -> frozenset[int]:
    """The ports of the addresses that clients are given on this machine itself, by a name of loopback."""
    addresses = (config.target.url, config.target.plain_url)
    ports = {port_of(url) for url in addresses if url and is_loopback(url)}
    return frozenset(port for port in ports if port)


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    urls = endpoints(config)
    return (
        HostQuestion(
            name="listeners", script="cat /proc/net/tcp; cat /proc/net/tcp6 2>/dev/null; true", limit=4 * 1024 * 1024
        ),
        HostQuestion(name="v6only", script="cat /proc/sys/net/ipv6/bindv6only"),
        HostQuestion(name="addresses", script="ip -o addr show scope global 2>/dev/null || hostname -I"),
        HostQuestion(name="names", script=_NAMES, args=hosts_of(urls), seconds=15),
        HostQuestion(name="connect", script=latency.SCRIPT, args=urls, seconds=25),
        HostQuestion(name="clock", script=_CLOCK),
        HostQuestion(name="time", script=_TIME, args=(f"{time.time():.0f}",)),
    )


def second(config: Config, answers: HostAnswers) -> tuple[HostQuestion, ...]:
    """The time once more: the first answer is older than this question, which bounds how far ahead that clock may be."""
    del config, answers
    return (HostQuestion(name="time-later", script=_TIME, args=(f"{time.time():.0f}",)),)


class Network:
    """A host's sockets, names and clock, parsed. Everything raises Unknown where the host could not say."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config

    def sockets(self) -> tuple[Socket, ...]:
        """Everything that listens over TCP, each once."""
        only6 = self._answers.get("v6only").text.strip() == "1"
        by_address: dict[tuple[str, int], Socket] = {}
        for line in self._answers.demand("listeners").lines:
            words = line.split()
            if len(words) > 3 and words[3] == _LISTEN:  # noqa: PLR2004 - sl local remote state
                address, _, port = words[1].rpartition(":")
                one = Socket(address=_address(address), port=int(port, 16))
                by_address[one.address, one.port] = one
        if only6:
            return tuple(by_address.values())
        # a wildcard of both families is one opening, not two
        return tuple(
            one
            for one in by_address.values()
            if one.address != "0.0.0.0" or ("::", one.port) not in by_address  # noqa: S104 - compared
        )

    def open_sockets(self) -> tuple[Socket, ...]:
        """Those that others than the host itself may reach."""
        return tuple(one for one in self.sockets() if not one.is_loopback)

    def on(self, port: int) -> tuple[Socket, ...]:
        """What listens on `port`."""
        return tuple(one for one in self.sockets() if one.port == port)

    def hub_port(self) -> int:
        """The port that the hub listens on. Raises Unknown where nothing says it."""
        port = hub_port(self.config)
        if port is None:
            raise Unknown("which port the hub listens on is not known: set [target] internal_url")
        return port

    def addresses(self) -> tuple[str, ...]:
        """The host's own addresses that others could use; none where it cannot say."""
        words = (word.partition("/")[0] for word in self._answers.get("addresses").text.split())
        return tuple(dict.fromkeys(word for word in words if is_address(word) and not _local_only(word)))

    def endpoints(self) -> tuple[str, ...]:
        """Where the hub asks its LLM. Raises Unknown where nothing says it."""
        addresses = endpoints(self.config)
        if not addresses:
            raise Unknown("which LLM the hub asks is not known: set [llm] base_url or [target] release")
        return addresses

    def unresolved(self) -> dict[str, str]:
        """Names that the host cannot look up, with getent's status."""
        names = hosts_of(self.endpoints())
        answer = self._answers.get("names")
        if answer.missing:
            raise Unknown(
                "getent is not installed there, so no name can be looked up as the hub does: install libc-bin"
            )
        answer_lines = self._answers.demand("names").lines if names else []
        if len(answer_lines) != len(names):
            raise Unknown("getent did not answer for every name")
        return {name: line.removeprefix("no ") for name, line in zip(names, answer_lines, strict=True) if line != "yes"}

    def reached(self) -> tuple[latency.Reach, ...]:
        """How every LLM endpoint is reached from the host."""
        urls = self.endpoints()
        answer = self._answers.get("connect")
        if answer.missing:
            raise Unknown("neither curl nor python3 is installed there, so no connection can be timed: install curl")
        blocks = list(latency.blocks(answer.lines))
        if len(blocks) != len(urls):
            raise Unknown(answer.trouble or "curl did not answer for every endpoint")
        return tuple(latency.reach(url, lines) for url, lines in zip(urls, blocks, strict=True))

    def clock_offset(self) -> float:
        """Seconds by which the host's clock is proven to be ahead of this run's (behind: negative); 0: nothing is proven.

        Between asking and reading lies a round trip, which is no fault of a clock. A reading cannot be older than its
        question, nor younger than the next question.
        """
        (host_times, own), (told_later, own_later) = self._times("time"), self._times("time-later")
        ahead = own - told_later
        behind = min(own - host_times, own_later - told_later)
        return float(max(0, ahead) + min(0, behind))

    def _times(self, name: str) -> tuple[int, int]:
        lines = self._answers.demand(name).lines
        if len(lines) != 2 or not all(line.strip().isdigit() for line in lines):  # noqa: PLR2004 - told, and its own
            raise Unknown("date answered no number of seconds")
        return int(lines[0]), int(lines[1])

    def synchronised(self) -> bool:
        """Whether something keeps the clock right. Raises Unknown where nothing there can tell."""
        answer = self._answers.get("clock")
        text = answer.text.lower()
        if answer.missing or not text.strip():
            raise Unknown(
                "nothing there tells whether the clock is kept right: systemd-timesyncd, chrony or ntpd is wanted"
            )
        good = ("ntpsynchronized=yes", "leap status     : normal", "leap_none", "leap=00")
        return any(word in text for word in good)


def _address(digits: str) -> str:
    """An address of /proc/net/tcp: words of the machine's byte order, in hex."""
    raw = b"".join(bytes.fromhex(digits[at : at + _V4])[::-1] for at in range(0, len(digits), _V4))
    return str(ipaddress.ip_address(raw))


def _local_only(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_link_local
