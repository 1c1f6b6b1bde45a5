"""Telling people: what happened, to whom it goes, and what came of each message.

`tell` never raises and never waits longer than `Pacing.deadline` for all channels together; `People` does not wait at
all. Nothing is sent by a plain pytest run: `readiness check`, `release` and `rollback` call this, and only they.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

from readiness.findings import Severity
from readiness.operations.notify.events import Event, Happening, Notified, Pacing
from readiness.operations.notify.thread import thread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.notify.channels import Channel


def tell(  # noqa: PLR0913 - the three that say what, and what tests put in place of the world
    event: Event,
    config: Config,
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    pacing: Pacing | None = None,
    now: float | None = None,
) -> Notified:
    """Send `event` to everyone who should hear of it and say what came of it; never raises.

    `folder` is the report folder, where `notified.json` remembers what was told. The addresses are read from `environ`
    (default: this process's) at the last moment; the embedded hub's people are made up and told nothing. Waits at most `pacing.deadline` and a little for all channels together.
    """
    environ = os.environ if environ is None else environ
    try:
        audience = [] if config.demo else _audience(event, config, folder, environ)
        if not audience:
            return Notified()
        return _tell(event, audience, config, folder, environ, pacing or Pacing(), time.time() if now is None else now)
    except Exception as error:  # noqa: BLE001 - people not told must never cost a verdict or a rollback
        return Notified(notes=(f"people were not told, by a fault of ours: {type(error).__name__}",))


def _audience(event: Event, config: Config, folder: Path, environ: Mapping[str, str]) -> list[Channel]:
    """Who hears of `event` by its severity, and who heard the alarm that it belongs to and not yet that it is over."""
    from readiness.operations.notify.channels import channels, every_channel
    from readiness.operations.notify.state import NoticeMemory

    audience = channels(config, environ, event)
    everyone = every_channel(config, environ)
    if event.kind == "phase" or len(audience) == len(everyone):
        return audience
    names = {channel.name for channel in audience}
    alarmed = NoticeMemory(folder).alarmed(thread_of(config))
    return [*audience, *(one for one in everyone if one.name in alarmed and one.name not in names)]


def _tell(  # noqa: PLR0913, PLR0917 - everything that one event needs, private
    event: Event,
    audience: Sequence[Channel],
    config: Config,
    folder: Path,
    environ: Mapping[str, str],
    pacing: Pacing,
    now: float,
) -> Notified:
    from readiness.operations.notify.delivery import deliver
    from readiness.operations.notify.state import NoticeMemory

    state = NoticeMemory(folder)
    permits = state.reserve([c.name for c in audience if not c.problem], event, now)
    deliveries = deliver(event, audience, permits, config, environ, pacing)
    arrived = {
        channel.name: delivery.outcome == "sent"
        for channel, delivery in zip(audience, deliveries, strict=True)
        if channel.name in permits and delivery.outcome != "suppressed"
    }
    if arrived:
        state.settle(arrived, event, now, thread_of(config))
    return Notified(deliveries=tuple(deliveries), notes=(state.problem,) if state.problem else ())


class People:
    """A `Teller` for a rollback or a release: each event is sent by a thread of its own, in order, and nobody waits.

    `settle` at the end gives what came of them all; `told` is called with each as it is known, from that thread.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        told: Callable[[Event, Notified], None] | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        """Tell the people of `config`; what was told is remembered in `folder`, the report folder."""
        self._config, self._folder, self._told, self._pacing = config, folder, told, pacing
        self._done: list[tuple[Event, Notified]] = []
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
                ends_alarm=event.ends_alarm,
            )
        self._pending += 1
        # a daemon: a channel that hangs must not keep the process from its end
        thread = threading.Thread(target=self._send, args=(event, self._last), daemon=True, name="people")
        self._last = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads: the event is lost, the rollback is not
            self._last = None
            self._done.append((event, Notified(notes=("people were not told: no thread could be started",))))

    def _send(self, event: Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        notified = tell(event, self._config, self._folder, pacing=self._pacing)
        self._done.append((event, notified))
        if self._told is not None:
            with contextlib.suppress(Exception):  # who listens must not cost the next event
                self._told(event, notified)

    def settle(self, seconds: float) -> list[tuple[Event, Notified]]:
        """Wait at most `seconds` for what is still on its way; events with what came of them, in order, each once."""
        last = self._last
        if last is not None:
            last.join(max(seconds, 0.0))
        done = list(self._done)
        del self._done[: len(done)]
        self._pending -= len(done)
        missing = self._pending
        if missing > 0:
            late = Event(kind="alarm", severity=Severity.LOW, title="messages still on their way")
            done.append((late, Notified(notes=(f"{missing} messages were still on their way after {seconds:.0f} s",))))
        return done
