"""The way to a host: it cannot be looked at, or lets nobody see what is the administrator's."""

from __future__ import annotations

import json
from typing import Final

from tests.faults.infra.firewall import CHECK as FIREWALL
from tests.faults.infra.model import Fault
from tests.sources import ROOT

_CATALOGUE: Final = json.loads(
    (ROOT / "readiness" / "session" / "plan" / "catalogue.json").read_text(encoding="utf-8")
)["checks"]
CHECKS: Final = tuple(row["id"] for row in _CATALOGUE if row["phase"] == "infra")
"""Every check of infra."""


def _lost(name: str, sentence: str, why: str) -> Fault:
    return Fault(
        name=name,
        sentence=sentence,
        unreachable=why,
        expected=dict.fromkeys(CHECKS, "unknown"),
        words=(f"cannot be looked at: {why}",),
    )


FAULTS: Final = (
    _lost(
        "the host is down",
        "Nothing answers at its address.",
        "ssh: connect to host hub-1 port 22: Connection timed out",
    ),
    _lost("the host lets nobody in", "The key was taken away.", "ops@hub-1: Permission denied (publickey)."),
    _lost("the host is too slow", "It answered the greeting and not the questions.", "it did not answer within 55 s"),
    Fault(
        name="sudo is refused, and the rules are the administrator's",
        sentence="This user may not read the firewall's rules.",
        privileged=False,
        edits={"firewall-nft": (1, ""), "firewall-iptables": (4, "")},
        expected={FIREWALL: "unknown", "process-is-single-and-fresh": "degraded"},
        words=("let `sudo -n` run nft and iptables-save", "sudo -n is refused"),
    ),
)
