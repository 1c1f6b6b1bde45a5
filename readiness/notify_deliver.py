"""One event to several channels at once: each message redacted, made harmless, and sent by a child of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from readiness.findings import Severity
from readiness.notify import Delivery
from readiness.notify_send import send
from readiness.notify_state import Permit
from readiness.notify_text import message
from readiness.redact import Redactor
from readiness.redact_known import secrets_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.config.model import Config
    from readiness.notify import Event, Pacing
    from readiness.notify_channels import Channel

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
    redactor = Redactor.from_environment(environ, config)
    for channel in found:
        for secret in secrets_in(channel.name, channel.url, declared=True):
            redactor.learn(*secret)

    def one(channel: Channel) -> Delivery:
        if channel.problem:
            return Delivery(channel=channel.label, outcome="failed", reason=channel.problem)
        permit = permits.get(channel.name) or Permit()
        if permit.refused:
            return Delivery(channel=channel.label, outcome="suppressed", reason=permit.refused)
        title, body = message(event, redactor.clean, extra=permit.lines)
        kind = _KINDS[event.severity]
        reason = send(channel.url, title, body, kind=kind, deadline=pacing.deadline, pauses=pacing.pauses)
        return Delivery(channel=channel.label, outcome="failed" if reason else "sent", reason=redactor.clean(reason))

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tell") as pool:
        return list(pool.map(one, found))
