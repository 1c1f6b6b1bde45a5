"""`readiness watch`: the live view of a hub: metrics with their limits, alerts, host and servers, every few seconds."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from readiness.operations.watch import duration, interval, target_options, watched
from readiness.support import TermAsInterrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.config import Config
    from readiness.operations.watch import Watcher, WatchLook

_USAGE: Final = 4
_INCOMPLETE: Final = 12
_INTERVAL: Final = 5.0
_REFRESH: Final = 0.25
"""Seconds after which Ctrl-C, the end of the time and a new look are noticed at the latest."""
_SECOND: Final = 1.0
"""Seconds after which the screen is drawn anew where nothing new was seen: how long ago, is told in seconds."""
_RANK: Final = ("READY", "CONDITIONAL", "INCOMPLETE", "NOT READY")
"""Verdicts from best to worst: what is proven bad is worse than what is not known."""


def main(argv: Sequence[str] | None = None) -> int:
    """Watch: the exit code is the verdict's (the worst one of `--for`); 0 for an endless view that is left, 4: a wrong call."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    term = TermAsInterrupt()
    try:
        with watched(given, "readiness watch") as (watcher, config):
            return _Watch(given, watcher, config).run()
    except KeyboardInterrupt:
        return _INCOMPLETE  # before anything was seen
    finally:
        term.restore()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness watch",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 READY or CONDITIONAL, 1 NOT READY, 10 CONDITIONAL with --readiness-strict, 12 INCOMPLETE",
    )
    target_options(parser)
    parser.add_argument("--interval", type=interval, default=_INTERVAL, metavar="S", help="seconds between looks (5)")
    parser.add_argument(
        "--once", action="store_true", help="look once, settle, tell and end with the verdict's exit code"
    )
    parser.add_argument("--json", action="store_true", help="a JSON document a look, each on a line")
    parser.add_argument(
        "--for", dest="lasting", type=duration, metavar="TIME", help="90s, 60m, 2h: then end by the worst"
    )
    parser.add_argument("--readiness-strict", action="store_true", help="CONDITIONAL ends with 10")
    return parser


def code_of(look: WatchLook, config: Config) -> int:
    """The exit code that a look asks for."""
    from readiness.results.verdict import exit_code

    return exit_code(look.judgement.status, strict=config.strict)


class _Looker(threading.Thread):
    """Looks at its own pace: a hub that keeps a look waiting keeps neither the screen nor Ctrl-C waiting."""

    def __init__(self, watcher: Watcher, interval: float) -> None:
        super().__init__(name="readiness-watch", daemon=True)
        self._watcher, self._interval = watcher, interval
        self.seen: queue.Queue[WatchLook | BaseException] = queue.Queue(maxsize=2)
        self._since: float | None = None

    @property
    def looking(self) -> float:
        """Seconds that the look that runs has taken so far; 0 between two looks."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def run(self) -> None:
        due = time.monotonic()
        while True:
            self._since = time.monotonic()
            try:
                look = self._watcher.look()
            except BaseException as error:  # noqa: BLE001 - a bug must end the view with its traceback, not hang it
                self.seen.put(error)
                return
            self._since = None
            self.seen.put(look)
            due = max(due + self._interval, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


class _Watch:
    """One call of the verb."""

    def __init__(self, given: argparse.Namespace, watcher: Watcher, config: Config) -> None:
        self.given, self.watcher, self.config = given, watcher, config
        self.worst: WatchLook | None = None
        self._outcomes: dict[str, str] = {}

    def run(self) -> int:
        """Look as long as asked for; the exit code."""
        if self.given.once:
            return self._once()
        looker = _Looker(self.watcher, self.given.interval)
        looker.start()
        interrupted = False
        try:
            with contextlib.suppress(_Over):
                self._follow(looker)
        except KeyboardInterrupt:
            interrupted = True
        return self._end(interrupted=interrupted)

    def _once(self) -> int:
        """Look until everything has settled, which the checks' settle times bound."""
        look = self.watcher.look()
        while look.pending:
            time.sleep(self.config.probe.interval)
            look = self.watcher.look()
        self._tell(look, whole=True)
        return code_of(look, self.config)

    def _follow(self, looker: _Looker) -> None:
        if self.given.json or not _is_terminal():
            for look in self._looks(looker):
                if look is not None:
                    self._tell(look, whole=False)
            return
        from readiness.support import require_extra

        require_extra("watch")
        from readiness.operations.watch import View

        last, drawn = None, 0.0
        with View(self._target(), self.given.interval) as view:
            view.waiting(0)
            for look in self._looks(looker):
                if look is not None:
                    last = look
                    view.take(look)
                elif time.monotonic() - drawn < _SECOND:
                    continue
                drawn = time.monotonic()
                if last is None:
                    view.waiting(looker.looking)
                else:
                    worst = self.worst.judgement.status.value if self.worst else ""
                    view.draw(last, worst=worst, now=time.time(), looking=looker.looking)

    def _looks(self, looker: _Looker) -> Iterator[WatchLook | None]:
        """Every look as it comes, and None when there is none for a moment; ends with the time."""
        until = None if self.given.lasting is None else time.monotonic() + self.given.lasting
        while True:
            left = _REFRESH if until is None else min(_REFRESH, until - time.monotonic())
            if left <= 0:
                raise _Over
            try:
                next_look = looker.seen.get(timeout=left)
            except queue.Empty:
                yield None
                continue
            if isinstance(next_look, BaseException):
                raise next_look
            self._keep_worst(next_look)
            yield next_look

    def _keep_worst(self, look: WatchLook) -> None:
        if not look.proven:
            return
        if self.worst is None or _rank(look) > _rank(self.worst):
            self.worst = look

    def _tell(self, look: WatchLook, *, whole: bool) -> None:
        if self.given.json:
            from readiness.operations.watch import to_json

            document = to_json(look, self.config, code_of(look, self.config))
            sys.stdout.write(json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n")
        elif whole:
            from readiness.operations.watch import plain_lines

            sys.stdout.writelines(f"{text}\n" for text in plain_lines(look))
        else:
            from readiness.operations.watch import changes, line_of

            self._outcomes, news = changes(self._outcomes, look)
            at = dt.datetime.fromtimestamp(look.at, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            sys.stdout.writelines(
                f"{text}\n" for text in [f"{at} {line_of(look)}", *(f"  {change}" for change in news)]
            )
        sys.stdout.flush()

    def _end(self, *, interrupted: bool) -> int:
        worst = self.worst
        summary = "nothing settled" if worst is None else f"{worst.judgement.status.value}: {worst.judgement.because}"
        sys.stderr.write(f"readiness watch: the worst seen was {summary}\n")
        if interrupted and self.given.lasting is None:
            return 0
        code = _INCOMPLETE if worst is None else code_of(worst, self.config)
        # what was cut short proves nothing about the time that is missing
        return _INCOMPLETE if interrupted and code in {0, 10} else code

    def _target(self) -> str:
        from readiness.facts.http import bare
        from readiness.support import one_line

        return "the embedded hub" if self.config.demo else one_line(bare(self.config.target.facts_url or ""), 120)


class _Over(Exception):  # noqa: N818 - no error: the time is over
    """The time of `--for` is over."""


def _rank(look: WatchLook) -> int:
    return _RANK.index(look.judgement.status.value)


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
