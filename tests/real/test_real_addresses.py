"""The real hub asked at a name that is not this machine's: every runner that does not stand on the hub's host asks so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.test_real_e2e import CALLS

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub

STALLS = "session-close-does-not-stall-the-hub"
"""The one thing that is wrong with a healthy 4.2.1: every session that closes freezes it."""
RESOLVER = """
import socket

_asked = socket.getaddrinfo


def getaddrinfo(host, *arguments, **named):
    return _asked("127.0.0.1" if host in ("hub.test", b"hub.test") else host, *arguments, **named)


socket.getaddrinfo = getaddrinfo
"""


def test_a_healthy_hub_is_well_by_another_name(healthy: RealHub, judge: Judge) -> None:
    """The pause that keeps our own rate is never measured as the hub's slowness."""
    (judge.folder / "resolver.py").write_text(RESOLVER)
    judge.configure(healthy, CALLS)
    settings = judge.folder / "readiness.toml"
    settings.write_text(settings.read_text().replace("127.0.0.1", "hub.test"))
    judged = judge.run("-m", "e2e", "-p", "resolver")
    wrong = judged.by_outcome("failed", "unknown", "degraded", "flaky")
    assert {check: reason for check, reason in wrong.items() if check != STALLS} == {}
