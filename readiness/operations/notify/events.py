"""What people are told, and what came of it: the values that the other modules of this package pass along."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from readiness.findings import Severity

Kind = Literal["plan", "refused", "start", "outcome", "phase", "alarm", "changed"]
ROLLBACK_KINDS: Final = frozenset({"plan", "refused", "start", "outcome"})
"""Kinds that are about a rollback: product hears of them, and they are never held back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that people are told: what, measured against what, since when, what was done.

    `title` is one short sentence, `lines` a few more; both may hold what a hub said, they are made harmless when sent.
    Two events with the same kind, severity, title and checks are the same event.
    """

    kind: Kind
    severity: Severity
    title: str
    lines: tuple[str, ...] = ()
    report: str | None = None
    """Where the report is: a path or an address."""
    checks: tuple[str, ...] = ()
    since: dt.datetime | None = None
    """When it began, with its time zone."""
    security: bool = False
    """Whether a security finding is among it: the security contact hears of it too."""
    ends_alarm: bool = False
    """Whether what people were alarmed about is over: it goes to everyone who heard the alarm as well."""
    occasion: str = ""
    """What it is told of, where somebody else decides whether it is news: alone it makes the same event then."""

    @property
    def is_good_news(self) -> bool:
        """Whether all is well again."""
        return self.kind == "changed" or (self.kind == "outcome" and self.ends_alarm)

    @property
    def key(self) -> str:
        """What makes it the same event as another: a digest, so that no text of a hub stands in the state."""
        if self.occasion:
            return hashlib.sha256(f"occasion\0{self.occasion}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
        parts = (self.kind, self.severity.value, self.title, *sorted(set(self.checks)))
        if self.kind in {"start", "outcome"}:
            parts += self.lines  # each happens once: two rollbacks within the hour are two
        return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


class Happening(Protocol):
    """An event of a module that does not know this one: the same fields, of plain types."""

    @property
    def kind(self) -> Kind: ...  # noqa: D102 - as in Event
    @property
    def severity(self) -> str: ...  # noqa: D102 - as in Event
    @property
    def title(self) -> str: ...  # noqa: D102 - as in Event
    @property
    def lines(self) -> tuple[str, ...]: ...  # noqa: D102 - as in Event
    @property
    def report(self) -> Path | None: ...  # noqa: D102 - as in Event
    @property
    def ends_alarm(self) -> bool: ...  # noqa: D102 - as in Event


Teller = Callable[[Event], None]
"""What a rollback or a release calls: it returns at once and never raises. `People` is one, `silent` another."""


def silent(_event: Event) -> None:
    """Tell nobody."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of one event on one channel; `reason` says why where it was not sent."""

    channel: str
    """A name that gives nothing away: the variable, the kind of service, and the host where that is one."""
    outcome: Literal["sent", "failed", "suppressed"]
    reason: str = ""

    @property
    def line(self) -> str:
        """One line for a terminal or a journal."""
        return f"{self.outcome}: {self.channel}" + (f": {self.reason}" if self.reason else "")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """What came of one event, channel by channel, and `notes` on what else went wrong meanwhile."""

    deliveries: tuple[Delivery, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sent(self) -> tuple[Delivery, ...]:
        """Those that arrived, as far as the channel says."""
        return tuple(d for d in self.deliveries if d.outcome == "sent")

    @property
    def failed(self) -> tuple[Delivery, ...]:
        """Those that did not."""
        return tuple(d for d in self.deliveries if d.outcome == "failed")

    @property
    def suppressed(self) -> tuple[Delivery, ...]:
        """Those that were told within the hour already, or held back by the limit."""
        return tuple(d for d in self.deliveries if d.outcome == "suppressed")

    def lines(self) -> list[str]:
        """A line a channel, then the notes."""
        return [*(d.line for d in self.deliveries), *self.notes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How long and how often: `deadline` in seconds for all attempts on one channel, `pauses` in seconds between them."""

    deadline: float = 20.0
    pauses: tuple[float, ...] = (0.5, 1.5)
    """One retry each."""
