"""One event to several channels at once: each message redacted, made harmless, and sent by a child of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from readiness.config.redaction import redactor_for
from readiness.findings import Severity
from readiness.operations.notify.notify import Delivery
from readiness.operations.notify.send import send
from readiness.operations.notify.state import Permit
from readiness.operations.notify.text import message
from readiness.support.redaction.known import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from readiness.config.model import Config
    from readiness.operations.notify.channels import Channel
    from readiness.operations.notify.notify import Event, Pacing

_AT_ONCE: Final = 8
_KINDS: Final = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
}
"""What Apprise calls a message's type; services show it as a colour or a priority."""


def deliver(  # noqa: PLR0913, PLR0917 - an event, whom it goes to, and what must not be in it
    event: Event,
    found: Sequence[Channel],
    permits: Mapping[str, Permit],
    config: Config,
    environ: Mapping[str, str],
    pacing: Pacing,
) -> list[Delivery]:
    """Send `event` to each of `found` that `permits` lets it go to (all that are not named there), in their order."""
    redactor = redactor_for(config, environ)
    for channel in found:
        for secret in secrets_in(channel.name, channel.url, declared=True):
            redactor.learn(*secret)

    redact: Callable[[object], str] = redactor.clean
    found_out: dict[int, Delivery] = {}
    turn = threading.Semaphore(_AT_ONCE)

    def work(index: int, channel: Channel) -> None:
        with turn:
            found_out[index] = _one(event, channel, permits.get(channel.name) or Permit(), redact, pacing)

    # daemons: a message on its way must not keep a process from its end, as a pool's threads would
    threads = [threading.Thread(target=work, args=pair, daemon=True, name="tell") for pair in enumerate(found)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found_out[index] for index in range(len(found))]


def _one(event: Event, channel: Channel, permit: Permit, redact: Callable[[object], str], pacing: Pacing) -> Delivery:
    """What came of it on one channel; a fault of ours is that channel's failure and no other's."""
    if channel.problem:
        return Delivery(channel=channel.label, outcome="failed", reason=channel.problem)
    if permit.refused:
        return Delivery(channel=channel.label, outcome="suppressed", reason=permit.refused)
    try:
        title, body = message(event, redact, extra=permit.lines)
        kind = "success" if event.kind == "changed" else _KINDS[event.severity]
        reason = send(channel.url, title, body, kind=kind, deadline=pacing.deadline, pauses=pacing.pauses)
    except Exception as error:  # noqa: BLE001 - its text may hold the address
        reason = f"by a fault of ours: {type(error).__name__}"
    return Delivery(channel=channel.label, outcome="failed" if reason else "sent", reason=redact(reason))
