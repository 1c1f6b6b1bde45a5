"""The network: what listens on a healthy host, what it finds and how soon, its clock; and every way for these to be wrong."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.host.network import remote_probe
from tests.faults.infra.model import Fault, Told
from tests.faults.infra.world import NOW, PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

_HEAD: Final = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PUBLIC: Final = (("0.0.0.0", 22), ("::", 22), ("0.0.0.0", 80), ("0.0.0.0", 443), ("::", 443))
"""What a host has open to everybody: ssh, and nginx."""
LLM: Final = "api.openai.com"


def _hex(address: str) -> str:
    packed = ipaddress.ip_address(address).packed
    return b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4)).hex().upper()


def listeners(*hub: str, more: tuple[tuple[str, int], ...] = (), port: int = PORT) -> Told:
    """/proc/net/tcp and tcp6 of a host on which the hub listens at `hub`; one connection is no listener."""
    rows: dict[bool, list[str]] = {False: [], True: []}
    for address, number in (*PUBLIC, *((one, port) for one in hub), *more):
        at = rows[":" in address]
        there = _hex("::") if ":" in address else "00000000"
        at.append(f"{len(at):4}: {_hex(address)}:{number:04X} {there}:0000 0A 00000000:00000000 00:00000000 00000000")
    rows[False].append(
        "   9: 0100007F:D431 0100007F:1B58 01 00000000:00000000 00:00000000 00000000  1000        0 99 1"
    )
    return 0, "".join(_HEAD + "\n".join(rows[six]) + "\n" for six in (False, True))


def connected(*milliseconds: float) -> Told:
    """The three connections of curl to the endpoint of the LLM; the lookup before each took 12 ms."""
    return 0, "".join(f"0 0.012 {0.012 + one / 1000:.6f}\n" for one in milliseconds) + ".\n"


def not_connected(status: int) -> Told:
    """What curl says when it gave up with a status of its own."""
    return 0, f"{status} 0.012 0.000000\n.\n"


def times(*, off: int = 0, first: int = 1, later: int = 0) -> dict[str, Told]:
    """Both readings of a clock that is `off` seconds ahead; so many seconds lay between question and reading."""
    told = NOW + first + 2
    return {
        "time": (0, f"{NOW}\n{NOW + first + off}\n"),
        "time-later": (0, f"{told}\n{told + later + off}\n"),
    }


HEALTHY: Final[dict[str, Told]] = {
    "listeners": listeners("127.0.0.1"),
    "v6only": (0, "0\n"),
    "addresses": (
        0,
        (
            "2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n"
            "2: eth0    inet6 2001:db8:1::10/64 scope global \\       valid_lft forever\n"
        ),
    ),
    "names": (0, "yes\n"),
    "connect": connected(38, 41, 120),
    "clock": (0, "NTPSynchronized=yes\n"),
    **times(),
}
CONFIG: Final[dict[str, Any]] = {"llm": {"base_url": {"openai": f"https://{LLM}/v1"}}}
_REMOTE: Final = {"target": {"hosts": ["ssh://hub-1.example.com"]}}


def _reached(*addresses: str) -> Callable[[pytest.MonkeyPatch], None]:
    """From where the run is, a hub answers at these addresses of the host, if they are asked."""

    def answered(asked: dict[str, None], port: int) -> list[str]:
        assert port == PORT
        return [one for one in asked if one in addresses]

    return lambda patch: patch.setattr(remote_probe, "answered", answered)


_PORT: Final = (
    Fault(
        name="the hub answers strangers",
        sentence="It listens everywhere, and is reached from where the run is.",
        edits={"listeners": listeners("0.0.0.0")},
        config=_REMOTE,
        patch=_reached("192.0.2.10", "127.0.0.1"),
        expected={"hub-port-is-private": "failed"},
        words=("the hub answers on 192.0.2.10 port 7000 from outside its host",),
    ),
    Fault(
        name="a published port that nothing on the host listens on",
        sentence="The kernel leads it into a container: no socket shows it, and it answers strangers.",
        edits={"listeners": listeners()},
        config=_REMOTE,
        patch=_reached("hub-1.example.com"),
        expected={"hub-port-is-private": "failed"},
        words=("the hub answers on hub-1.example.com port 7000",),
    ),
    Fault(
        name="the hub does not listen",
        sentence="Whether its port is private cannot be told while it is down.",
        edits={"listeners": listeners()},
        expected={"hub-port-is-private": "unknown"},
        words=("nothing listens on port 7000 there now",),
    ),
    Fault(
        name="the sockets cannot be read",
        sentence="/proc is hidden.",
        edits={"listeners": (124, "")},
        expected={"hub-port-is-private": "unknown", "firewall-admits-only-what-is-declared": "unknown"},
        words=("listeners: no answer in time",),
    ),
)
_NAMES: Final = (
    Fault(
        name="the LLM's name is not found",
        sentence="The resolver does not answer.",
        edits={"names": (0, "no 2\n"), "connect": not_connected(6)},
        expected={"names-resolve": "failed", "llm-endpoints-are-near": "unknown"},
        words=(f"the host cannot look up {LLM}", "blocked by names-resolve"),
    ),
    Fault(
        name="no getent",
        sentence="A small image looks names up without it.",
        edits={"names": (127, "")},
        expected={"names-resolve": "unknown", "llm-endpoints-are-near": "unknown"},
        words=("getent is not installed there", "install libc-bin"),
    ),
    Fault(
        name="lookups hang",
        sentence="Every resolver of the host is gone.",
        edits={"names": (124, ""), "connect": (124, "")},
        expected={"names-resolve": "unknown", "llm-endpoints-are-near": "unknown"},
        words=("names: no answer in time",),
    ),
)
_LLM: Final = (
    Fault(
        name="the LLM is refused",
        sentence="A firewall on the way out answers for it.",
        edits={"connect": not_connected(7)},
        expected={"llm-endpoints-are-near": "failed"},
        words=(f"not reached from the host: https://{LLM}/v1: the connection is refused",),
    ),
    Fault(
        name="the LLM is silent",
        sentence="A firewall on the way out drops what is sent to it.",
        edits={"connect": not_connected(28)},
        expected={"llm-endpoints-are-near": "failed"},
        words=("no connection within 3 s",),
    ),
    Fault(
        name="curl alone finds no name",
        sentence="getent knows the name and curl does not: it was built with a resolver of its own.",
        edits={"connect": not_connected(6)},
        expected={"llm-endpoints-are-near": "failed"},
        words=("its name is not found",),
    ),
    Fault(
        name="250 ms to the LLM",
        sentence="Another continent.",
        edits={"connect": connected(250, 251, 249)},
        expected={"llm-endpoints-are-near": "degraded"},
        words=(f"to connect to https://{LLM}/v1: 250 ms", "warning limit of 200"),
    ),
    Fault(
        name="600 ms to the LLM",
        sentence="A satellite, or a proxy that is overrun.",
        edits={"connect": connected(600, 610, 590)},
        expected={"llm-endpoints-are-near": "failed"},
        words=("600 ms",),
    ),
    Fault(
        name="neither curl nor python3",
        sentence="No connection can be timed.",
        edits={"connect": (127, "")},
        expected={"llm-endpoints-are-near": "unknown"},
        words=("neither curl nor python3 is installed there", "install curl"),
    ),
    Fault(
        name="no LLM is known",
        sentence="Neither the configuration nor the release says which one the hub asks.",
        config={"llm": None},
        edits={"names": (0, ""), "connect": (0, "")},
        expected={"llm-endpoints-are-near": "unknown", "names-resolve": "unknown"},
        words=("which LLM the hub asks is not known: set [llm] base_url",),
    ),
)
_CLOCK: Final = (
    Fault(
        name="a clock 10 s ahead",
        sentence="Tokens seem to be from the past.",
        edits=times(off=10),
        expected={"clock-is-synchronised": "failed"},
        words=("ahead of this run's",),
    ),
    Fault(
        name="a clock 10 s behind",
        sentence="Certificates are not valid yet.",
        edits=times(off=-10),
        expected={"clock-is-synchronised": "failed"},
        words=("behind this run's",),
    ),
    Fault(
        name="a clock two hours ahead",
        sentence="Somebody set it to local time.",
        edits=times(off=7200),
        expected={"clock-is-synchronised": "failed"},
        words=("s ahead of this run's",),
    ),
    Fault(
        name="a clock that nothing keeps",
        sentence="It is right today.",
        edits={"clock": (0, "NTPSynchronized=no\n")},
        expected={"clock-is-synchronised": "failed"},
        words=("nothing keeps the host's clock right",),
    ),
    Fault(
        name="chrony without a source",
        sentence="The service runs and is not synchronised.",
        edits={
            "clock": (0, "Reference ID    : 00000000 ()\nStratum         : 0\nLeap status     : Not synchronised\n")
        },
        expected={"clock-is-synchronised": "failed"},
        words=("nothing keeps the host's clock right",),
    ),
    Fault(
        name="nothing tells about the clock",
        sentence="Neither systemd-timesyncd nor chrony nor ntpd.",
        edits={"clock": (127, "")},
        expected={"clock-is-synchronised": "unknown"},
        words=("nothing there tells whether the clock is kept right",),
    ),
    Fault(
        name="date says nothing",
        sentence="What the host takes for the time cannot be told.",
        edits={"time": (0, f"{NOW}\n\n")},
        expected={"clock-is-synchronised": "unknown"},
        words=("date answered no number of seconds",),
    ),
)
_NEAR: Final = (
    Fault(name="the hub on ::1", sentence="Loopback too.", edits={"listeners": listeners("::1")}),
    Fault(
        name="the hub on a mapped loopback",
        sentence="::ffff:127.0.0.1 is loopback, as a socket of both families writes it.",
        edits={"listeners": listeners("::ffff:127.0.0.1")},
    ),
    Fault(
        name="the hub on 127.0.0.53",
        sentence="All of 127.0.0.0/8 is loopback.",
        edits={"listeners": listeners("127.0.0.53")},
    ),
    Fault(
        name="the hub on loopback, looked at from elsewhere",
        sentence="Nothing answers there from outside.",
        config=_REMOTE,
        patch=_reached(),
    ),
    Fault(name="150 ms to the LLM", sentence="Below the limit.", edits={"connect": connected(150, 151, 149)}),
    Fault(
        name="one slow connection of three",
        sentence="The median counts: one met a busy moment.",
        edits={"connect": connected(45, 900, 50)},
    ),
    Fault(
        name="chrony keeps the clock",
        sentence="Its own words for it.",
        edits={"clock": (0, "Reference ID    : C0000201 (192.0.2.1)\nLeap status     : Normal\n")},
    ),
    Fault(
        name="a slow way to the host",
        sentence="Twenty seconds lie between asking for the time and reading it: no fault of the clock.",
        edits=times(first=20, later=20),
    ),
)
FAULTS: Final = (*_PORT, *_NAMES, *_LLM, *_CLOCK, *_NEAR)
