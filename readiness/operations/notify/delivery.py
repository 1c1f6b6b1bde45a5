"""One event to several channels at once: each message redacted, made harmless, and sent by a child of its own.

Chats obey what they read: `@channel` wakes a whole company, `<!here>` too, brackets make links, asterisks make noise. Text from
a hub may do none of that, and every service reads another dialect: what any of them would obey is replaced by a sign that
looks alike.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from typing import TYPE_CHECKING, Final

from readiness.config import redactor_for
from readiness.findings import Severity
from readiness.operations.notify.events import Delivery
from readiness.operations.notify.send import send
from readiness.operations.notify.state import Permit
from readiness.operations.notify.thread import hub_of, thread_of, threaded
from readiness.support import DRILL, one_line
from readiness.support.redaction import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from readiness.config import Config
    from readiness.operations.notify.channels import Channel
    from readiness.operations.notify.events import Event, Pacing

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
    audience: Sequence[Channel],
    permits: Mapping[str, Permit],
    config: Config,
    environ: Mapping[str, str],
    pacing: Pacing,
) -> list[Delivery]:
    """Send `event` to each of `found` that `permits` lets it go to (all that are not named there), in their order."""
    redactor = redactor_for(config, environ)
    for channel in audience:
        for secret in secrets_in(channel.name, channel.url, declared=True):
            redactor.learn(*secret)

    redact: Callable[[object], str] = redactor.clean
    found_out: dict[int, Delivery] = {}
    turn = threading.Semaphore(_AT_ONCE)

    def work(index: int, channel: Channel) -> None:
        with turn:
            permit = permits.get(channel.name) or Permit()
            found_out[index] = _one(event, channel, permit, redact, pacing, (hub_of(config), thread_of(config)))

    # daemons: a message on its way must not keep a process from its end, as a pool's threads would
    threads = [threading.Thread(target=work, args=pair, daemon=True, name="tell") for pair in enumerate(audience)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found_out[index] for index in range(len(audience))]


def _one(  # noqa: PLR0913, PLR0917 - one message and all that it is made of, private
    event: Event,
    channel: Channel,
    permit: Permit,
    redact: Callable[[object], str],
    pacing: Pacing,
    about: tuple[str, str],
) -> Delivery:
    """What came of it on one channel; a fault of ours is that channel's failure and no other's."""
    if channel.problem:
        return Delivery(channel=channel.label, outcome="failed", reason=channel.problem)
    if permit.refused:
        return Delivery(channel=channel.label, outcome="suppressed", reason=permit.refused)
    try:
        hub, thread = about
        shown = one_line if channel.url.partition(":")[0].lower() in _MACHINES else harmless
        extra = (*permit.lines, f"{shown(redact(hub), LINE)} · thread {thread}")
        title, body = message(event, redact, extra=extra, shown=shown)
        kind = "success" if event.is_good_news else _KINDS[event.severity]
        reason = send(
            threaded(channel.url, thread), title, body, kind=kind, deadline=pacing.deadline, pauses=pacing.pauses
        )
    except Exception as error:  # noqa: BLE001 - its text may hold the address
        reason = f"by a fault of ours: {type(error).__name__}"
    return Delivery(channel=channel.label, outcome="failed" if reason else "sent", reason=redact(reason))


_MACHINES: Final = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Channels that a program reads, which obeys no mention and no markup: it gets the text as it is, on one line."""
TITLE: Final = 140
"""Characters of a title: what a phone shows on its lock screen, and a mail's subject in full."""
LINE: Final = 400
LINES: Final = 12
"""Lines of an event that are sent; a message is read at 3 a.m., the report holds the rest."""

_LOOKS_ALIKE: Final = str.maketrans(
    {"@": "＠", "<": "‹", ">": "›", "*": "∗", "`": "ˋ", "[": "⟦", "]": "⟧", "|": "∣", "~": "∼", "\\": "∖"}  # noqa: RUF001 - that they look alike is the point
)
_AT_THE_START: Final = ("#", "-", "+", "=", "!", "/")


def harmless(value: object, limit: int) -> str:
    """`value` as one line that no chat, mail or pager obeys: no mention, no link with a hidden target, no markup."""
    shown = one_line(value, limit).translate(_LOOKS_ALIKE)
    # two underscores around a word make it slanted; file names keep theirs
    shown = shown.replace("__", "_ _")
    return f"· {shown}" if shown.startswith(_AT_THE_START) else shown


def message(
    event: Event,
    redact: Callable[[object], str],
    extra: tuple[str, ...] = (),
    shown: Callable[[object, int], str] = harmless,
) -> tuple[str, str]:
    """The title and the body of a message: redacted first, then made harmless by `shown`. `extra` lines are our own."""
    title = shown(redact(event.title), TITLE)
    body = [shown(redact(text), LINE) for text in event.lines[:LINES] if text.strip()]
    if len(event.lines) > LINES:
        body.append(f"and {len(event.lines) - LINES} more lines in the report")
    if event.since is not None:
        body.append(f"since {moment(event.since)}")
    if event.report:
        body.append(f"report: {shown(redact(event.report), LINE)}")
    # good news goes to everybody who heard the bad, and must not look like it
    word = event.severity.value if not event.is_good_news else "mended" if event.kind == "changed" else "all clear"
    # whoever is woken up by a drill is told so in the first word
    drill = "DRILL · " if os.environ.get(DRILL) else ""
    return f"{drill}readiness · {word}: {title}", "\n".join([*body, *extra]) or title


def moment(when: dt.datetime) -> str:
    """`when` in UTC, to the second, as people read it."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
