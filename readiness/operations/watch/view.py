"""The live view of a terminal: one screen, the verdict on top; every text is shown as it is, none is obeyed as markup."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from readiness.operations.watch import wording as words
from readiness.support import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from readiness.operations.watch.look import WatchLook
    from readiness.operations.watch.row import WatchRow

_STATUS: Final = {
    "READY": "bold black on green",
    "CONDITIONAL": "bold black on yellow",
    "NOT READY": "bold white on red",
    "INCOMPLETE": "bold white on magenta",
}
_STATE: Final = {"ok": "green", "warning": "yellow", "flaky": "yellow", "ALARM": "bold red", "unknown": "magenta"} | {
    "past warning": "yellow",
    "past limit": "red",
}
_SERVER: Final = {"connected": "green", "disabled": "dim", "connecting": "yellow"}
_MOST_SERVERS: Final = 8
_AWAY: Final = "not_applicable"
"""The outcome of a row whose metric the hub declared that it has none of."""
_MOST_ALERTS: Final = 6
_REASON_LINES: Final = 2
_TALL: Final = 36
"""Lines from which a screen has room for what nothing judges."""
_WIDE: Final = 124
"""Columns from which servers and host stand side by side."""


class View:
    """Draws looks until it is left; a context manager, which gives the terminal back as it was."""

    def __init__(self, target: str, interval: float, console: Console | None = None) -> None:
        """`target` is what is watched, in one plain line; `interval` is told in seconds."""
        self.console = console or Console(markup=False, highlight=False, emoji=False)
        self.target, self.interval = target, interval
        self.trends = words.Trends()
        encoding = (self.console.encoding or "").lower()
        self._bars = words.BARS if encoding.startswith("utf") else words.ASCII_BARS
        self._live = Live(console=self.console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(None, None, None)

    def waiting(self, seconds: float) -> None:
        """Nothing was seen yet."""
        self._live.update(Text(f"readiness watch: {self.target}\nlooking for {seconds:.0f} s"), refresh=True)

    def take(self, look: WatchLook) -> None:
        """Remember a look for the trends."""
        self.trends.take(look)

    def draw(self, look: WatchLook, *, worst: str, now: float, looking: float) -> None:
        """Show a look; `now` in seconds since the epoch, `looking`: seconds that the next look has taken so far."""
        self._live.update(self.frame(look, worst=worst, now=now, looking=looking), refresh=True)

    def frame(self, look: WatchLook, *, worst: str, now: float, looking: float) -> RenderableType:
        """One screen."""
        parts: list[RenderableType] = [self._head(look), self._about(look, worst, now, looking)]
        parts += self._alerts(look)
        claimed = [row for row in look.metrics if row.value is not None or row.outcome != _AWAY]
        if any(row.check or row.value is not None for row in claimed):
            parts.append(self._metrics("Telemetry", claimed))
        below: list[RenderableType] = [self._metrics("Host", look.host, 12)] if look.host else []
        below.append(self._servers(look))
        if self.console.width >= _WIDE and len(below) > 1:
            grid = Table.grid(padding=(0, 4))
            grid.add_row(*below)
            below = [grid]
        return Group(*parts, *below)

    def _head(self, look: WatchLook) -> Text:
        status = look.judgement.status.value
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(f" {status} ", _STATUS.get(status, "bold"))
        head.append(f"  {self.target}", "bold")
        if look.version:
            head.append(f"  {look.version}")
        if look.trouble:
            head.append("\n")
            head.append(shorten(look.trouble, self.console.width), "bold red")
        else:
            answer = "-" if look.answer_ms is None else f"{look.answer_ms:.3g} ms"
            head.append(f"\n{look.state or 'no state'}, answers in {answer} ")
            head.append(words.sparkline(self.trends.of("answer"), self._bars), "cyan")
        head.append("\n")
        head.append(shorten(look.judgement.because, self.console.width), "" if status == "READY" else "bold")
        return head

    def _alerts(self, look: WatchLook) -> list[RenderableType]:
        findings = words.alerts(look)
        if not findings:
            return [Padding(Text(f"no alerts: {words.counts(look)}", "green"), (1, 0, 1, 0))]
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings[:_MOST_ALERTS]:
            state = words.STATES[finding.outcome.value]
            text = Text(finding.check, "bold")
            text.append(f"  {shorten(finding.reason, self.console.width * _REASON_LINES)}", "")
            if finding.check in look.pending:
                text.append(f"  ({look.pending[finding.check]})", "dim")
            table.add_row(Text(state, _STATE.get(state, "")), text)
        if len(findings) > _MOST_ALERTS:
            table.add_row(Text(""), Text(f"and {len(findings) - _MOST_ALERTS} more", "dim"))
        return [Padding(table, (1, 0, 1, 0))]

    def _metrics(self, title: str, rows: Sequence[WatchRow], trend: int = 24) -> RenderableType:
        shown = [row for row in rows if row.value is not None or row.check]
        if self.console.height < _TALL:
            shown = [row for row in shown if row.check] or shown
        table = Table(
            box=None, padding=(0, 2, 0, 0), title=Text(title, "bold"), title_justify="left", show_header=False
        )
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        for row in shown:
            state = words.state(row)
            table.add_row(
                Text(row.title),
                Text(words.value(row), "bold" if row.value is not None else "dim"),
                Text(state, _STATE.get(state, "dim")),
                Text(words.sparkline(self.trends.of(row.name)[-trend:], self._bars), "cyan"),
                Text(words.limits(row), "dim"),
            )
        if not shown:
            table.add_row(Text(next((row.reason for row in rows if row.reason), "nothing is published"), "dim"))
        return table

    def _servers(self, look: WatchLook) -> RenderableType:
        title = Text(f"Servers: {words.connected(look)}", "bold")
        table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", show_header=False)
        # those that need somebody come first
        ordered = sorted(look.servers, key=lambda server: server.is_up)
        for server in ordered[:_MOST_SERVERS]:
            dead = server.status == "connected" and not server.is_up
            table.add_row(
                Text(shorten(server.name, 30)),
                Text(shorten(server.status, 20), "red" if dead else _SERVER.get(server.status, "red")),
                Text(
                    "up 0 s: just started, or dead" if dead else f"up {words.up(server.uptime)}", "red" if dead else ""
                ),
                Text(f"{server.tools} tools"),
            )
        if look.server_count > _MOST_SERVERS:
            table.add_row(Text(f"and {look.server_count - _MOST_SERVERS} more", "dim"))
        return table

    def _about(self, look: WatchLook, worst: str, now: float, looking: float) -> Text:
        """When this was seen, and how to leave; above what a small screen crops."""
        at = dt.datetime.fromtimestamp(look.at, dt.UTC).strftime("%H:%M:%S UTC")
        parts = [f"seen {at}, {max(0.0, now - look.at):.0f} s ago", f"every {self.interval:g} s"]
        if looking > 1.0:
            parts.append(f"looking again for {looking:.0f} s")
        parts += [f"worst so far: {worst or 'nothing settled yet'}", "Ctrl-C ends"]
        return Text(", ".join(parts), "dim", no_wrap=True, overflow="ellipsis")
