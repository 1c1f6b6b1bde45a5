"""Telling people: what happened, to whom it goes, and what came of each message.

`tell` never raises and never waits longer than `Pacing.deadline` for all channels together; `People` does not wait at
all. Nothing is sent by a plain pytest run: `readiness check`, `release` and `rollback` call this, and only they.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

from readiness.findings import Severity

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.notify.channels import Channel

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
    occasion: str = ""
    """What it is told of, where somebody else decides whether it is news: alone it makes the same event then."""

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
class Told:
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


def tell(  # noqa: PLR0913 - the three that say what, and what tests put in place of the world
    event: Event,
    config: Config,
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    pacing: Pacing | None = None,
    now: float | None = None,
) -> Told:
    """Send `event` to everyone who should hear of it and say what came of it; never raises.

    `folder` is the report folder, where `notified.json` remembers what was told. The addresses are read from `environ`
    (default: this process's) at the last moment; the embedded hub's people are made up and told nothing. Waits at most `pacing.deadline` and a little for all channels together.
    """
    from readiness.operations.notify.channels import channels

    environ = os.environ if environ is None else environ
    try:
        found = [] if config.demo else channels(config, environ, event)
        if not found:
            return Told()
        return _tell(event, found, config, folder, environ, pacing or Pacing(), time.time() if now is None else now)
    except Exception as error:  # noqa: BLE001 - people not told must never cost a verdict or a rollback
        return Told(notes=(f"people were not told, by a fault of ours: {type(error).__name__}",))


def _tell(  # noqa: PLR0913, PLR0917 - everything that one event needs, private
    event: Event,
    found: Sequence[Channel],
    config: Config,
    folder: Path,
    environ: Mapping[str, str],
    pacing: Pacing,
    now: float,
) -> Told:
    from readiness.operations.notify.deliver import deliver
    from readiness.operations.notify.state import State

    state = State(folder)
    permits = state.reserve([c.name for c in found if not c.problem], event, now)
    deliveries = deliver(event, found, permits, config, environ, pacing)
    arrived = {
        channel.name: delivery.outcome == "sent"
        for channel, delivery in zip(found, deliveries, strict=True)
        if channel.name in permits and delivery.outcome != "suppressed"
    }
    if arrived:
        state.settle(arrived, event, now)
    return Told(deliveries=tuple(deliveries), notes=(state.problem,) if state.problem else ())


class People:
    """A `Teller` for a rollback or a release: each event is sent by a thread of its own, in order, and nobody waits.

    `settle` at the end gives what came of them all; `told` is called with each as it is known, from that thread.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        told: Callable[[Event, Told], None] | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        """Tell the people of `config`; what was told is remembered in `folder`, the report folder."""
        self._config, self._folder, self._told, self._pacing = config, folder, told, pacing
        self._done: list[tuple[Event, Told]] = []
        self._last: threading.Thread | None = None
        self._pending = 0

    def __call__(self, event: Event | Happening) -> None:
        """Have `event` sent, after those before it."""
        if not isinstance(event, Event):
            event = Event(
                kind=event.kind,
                severity=Severity(event.severity),
                title=event.title,
                lines=event.lines,
                report=None if event.report is None else str(event.report),
            )
        self._pending += 1
        # a daemon: a channel that hangs must not keep the process from its end
        thread = threading.Thread(target=self._send, args=(event, self._last), daemon=True, name="people")
        self._last = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads: the event is lost, the rollback is not
            self._last = None
            self._done.append((event, Told(notes=("people were not told: no thread could be started",))))

    def _send(self, event: Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        told = tell(event, self._config, self._folder, pacing=self._pacing)
        self._done.append((event, told))
        if self._told is not None:
            with contextlib.suppress(Exception):  # who listens must not cost the next event
                self._told(event, told)

    def settle(self, seconds: float) -> list[tuple[Event, Told]]:
        """Wait at most `seconds` for what is still on its way; events with what came of them, in order."""
        last = self._last
        if last is not None:
            last.join(max(seconds, 0.0))
        done = list(self._done)
        missing = self._pending - len(done)
        if missing > 0:
            late = Event(kind="alarm", severity=Severity.LOW, title="messages still on their way")
            done.append((late, Told(notes=(f"{missing} messages were still on their way after {seconds:.0f} s",))))
        return done
