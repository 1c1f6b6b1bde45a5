"""Faults of reachability and of the wire: the hub is away, mute, slow, or breaks off."""

from __future__ import annotations

from tests.faults.model import Answer, Fault, How, Site, When
from tests.faults.words import (
    CONFIG,
    EVERY,
    FAILED,
    HEALTH,
    SERVERS,
    STARTUP,
    STATS,
    TOOLS,
    UNKNOWN,
    UNPROVEN,
    WATCHED,
    edit,
    every,
    paced,
    says,
    status,
)

DOWN = {"hub-answers": FAILED, "http-redirects-to-https": None}
"""One root cause, one failed line; what does not ask the hub stays as it is."""

FAULTS = (
    Fault(
        name="dead",
        sentence="Nothing listens on the hub's port.",
        how=How(dead=True),
        expected=every(UNKNOWN, but=DOWN),
        words=("refused", "hub-answers"),
        ends=STARTUP,
    ),
    Fault(
        name="accepts-and-never-answers",
        sentence="The port is open, but no request is ever answered.",
        how=How(answers=(paced(EVERY, "silent"),)),
        expected=every(UNKNOWN, but=DOWN),
        words=("no answer", "hub-answers"),
        ends=STARTUP,
    ),
    Fault(
        name="resets-every-connection",
        sentence="Every connection is reset before an answer comes.",
        how=How(answers=(paced(EVERY, "reset"),)),
        expected=every(UNKNOWN, but=DOWN),
        words=("hub-answers",),
        ends=STARTUP,
    ),
    Fault(
        name="closes-every-connection",
        sentence="Every connection is closed without a byte.",
        how=How(answers=(paced(EVERY, "close"),)),
        expected=every(UNKNOWN, but=DOWN),
        words=("hub-answers",),
        ends=STARTUP,
    ),
    Fault(
        name="starting-for-ever",
        sentence="The hub is alive, says status ok, and never leaves the state starting.",
        how=How(edits=(edit(HEALTH, "state", "starting"),)),
        expected={"hub-is-ready": FAILED},
        words=("starting",),
        ends=STARTUP,
    ),
    Fault(
        name="stuck-in-error",
        sentence="The hub answers and says that its state is error.",
        how=How(edits=(edit(HEALTH, "state", "error"),)),
        expected={"hub-is-ready": FAILED},
        words=("error",),
        ends=STARTUP,
    ),
    Fault(
        name="stopping",
        sentence="The hub answers while it is being stopped.",
        how=How(edits=(edit(HEALTH, "state", "stopping"),)),
        expected={"hub-is-ready": FAILED},
        words=("stopping",),
        ends=STARTUP,
    ),
    Fault(
        name="slow-headers",
        sentence="Health's headers come a byte at a time.",
        how=How(answers=(paced(HEALTH, "drip-headers"),)),
        ends=STARTUP,
    ),
    Fault(
        name="slow-body",
        sentence="Health's body comes a byte at a time.",
        how=How(answers=(paced(HEALTH, "drip-body"),)),
        ends=STARTUP,
    ),
    Fault(
        name="endless-body",
        sentence="Health's body never ends.",
        how=How(answers=(paced(HEALTH, "endless"),)),
        ends=STARTUP,
    ),
    Fault(
        name="endless-tools",
        sentence="The list of tools never ends.",
        how=How(answers=(paced(TOOLS, "endless"),)),
    ),
    Fault(
        name="cut-off-body",
        sentence="Health announces more bytes than it sends.",
        how=How(answers=(paced(HEALTH, "cut"),)),
    ),
    Fault(
        name="dies-in-the-middle",
        sentence="The hub is ready, and dies during the run.",
        how=How(dies_after=12),
        ends=STARTUP,
    ),
    Fault(
        name="restarted-in-the-middle",
        sentence="Another process answers at the run's end than at its beginning.",
        how=How(replaced_after=4),
    ),
    Fault(
        name="flapping",
        sentence="Every other answer is 503.",
        how=How(answers=(status(EVERY, 503, "overloaded", When(every=2)),)),
    ),
    Fault(
        name="everything-is-503",
        sentence="Every route answers 503.",
        how=How(answers=(status(EVERY, 503, "overloaded"),)),
    ),
    Fault(
        name="everything-is-500",
        sentence="Every route answers 500.",
        how=How(answers=(status(EVERY, 500, "broken"),)),
    ),
    Fault(
        name="everything-is-404",
        sentence="Something answers 404 on every route: another program took the port.",
        how=How(answers=(says(EVERY, b"not found", status=404, content_type="text/plain"),)),
    ),
    Fault(
        name="everything-is-401",
        sentence="The inner port suddenly wants a login.",
        how=How(answers=(status(EVERY, 401, "unauthorized"),)),
    ),
    Fault(
        name="everything-is-403",
        sentence="The inner port refuses everything.",
        how=How(answers=(status(EVERY, 403, "forbidden"),)),
    ),
    Fault(
        name="everything-is-429",
        sentence="Every request is told to slow down.",
        how=How(answers=(status(EVERY, 429, "slow down"),)),
    ),
    Fault(
        name="tools-are-500",
        sentence="The list of tools answers 500.",
        how=How(answers=(status(TOOLS, 500, "broken"),)),
    ),
    Fault(
        name="servers-are-503",
        sentence="The list of servers answers 503.",
        how=How(answers=(status(SERVERS, 503, "overloaded"),)),
    ),
    Fault(
        name="stats-are-404",
        sentence="This version has no filtering statistics.",
        how=How(answers=(says(STATS, b"Cannot GET", status=404, content_type="text/html"),)),
    ),
    Fault(
        name="config-is-403",
        sentence="The configuration may not be read.",
        how=How(answers=(status(CONFIG, 403, "forbidden"),)),
    ),
    Fault(
        name="redirect-loop",
        sentence="Health redirects to itself.",
        how=How(answers=(Answer(route=HEALTH, status=302, headers=(("Location", "/api/health"),)),)),
    ),
    Fault(
        name="redirects-to-another-host",
        sentence="Health redirects to another host.",
        how=How(answers=(Answer(route=HEALTH, status=302, headers=(("Location", "http://hub.invalid/api/health"),)),)),
    ),
    Fault(
        name="slow-answers",
        sentence="Answers take longer than the limit, though they come.",
        how=How(answers=(paced(HEALTH, "slow", seconds=0.06),)),
        site=Site(config={"limits": {"api-answers-fast": {"warning": 20, "critical": 40}}}),
        expected={"api-answers-fast": FAILED},
        ends=WATCHED,
        words=("ms",),
    ),
    Fault(
        name="slow-proxy-only",
        sentence="The proxy is dead, the hub behind it is well.",
        how=How(dead_proxy=True),
        expected={
            "api-requires-authentication": UNKNOWN,
            "admin-routes-are-closed": UNKNOWN,
            "cors-is-restricted": UNKNOWN,
        },
        ends=UNPROVEN,
        words=("refused",),
    ),
)
