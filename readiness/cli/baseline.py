"""`readiness baseline`: sample a hub for a minute, keep what was measured, and hold it against the accepted baseline."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError, Unknown
from readiness.operations.watch import wording as words
from readiness.support import TermAsInterrupt, shorten, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.config import Config
    from readiness.operations.baseline import BaselineComparison, Difference, Measurement, Series
    from readiness.operations.watch import Bench

_USAGE: Final = 4
_INCOMPLETE: Final = 12
_SECONDS: Final = 60.0
_MOST: Final = 3600.0
_INTERVAL: Final = 0.5
_BETWEEN: Final = (0.02, 10.0)
"""Seconds that may lie between two samples."""
_ACCEPT: Final = "readiness baseline --accept"
_MARK: Final = {"worse": "WORSE", "better": "better", "same": "same", "shown": "", "unknown": "unknown"}


def main(argv: Sequence[str] | None = None) -> int:
    """Sample and compare: 0 the same or better (or accepted), 1 worse, 12 nothing can be concluded, 4 a wrong call."""
    from readiness.operations.watch import watched

    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    if given.accept_load:
        return _accept_load(given)
    term = TermAsInterrupt()
    try:
        with watched(given, "readiness baseline") as (watcher, config):
            if given.accept_tools:
                return _accept_tools(watcher.bench, config)
            return _run(given, watcher.bench, config)
    except KeyboardInterrupt:
        sys.stderr.write("\nreadiness baseline: interrupted; nothing was kept\n")
        return _INCOMPLETE
    except Unknown as error:
        sys.stderr.write(f"readiness baseline: {_plain(error)}\n")
        return _INCOMPLETE
    finally:
        term.restore()


def _parser() -> argparse.ArgumentParser:
    from readiness.operations.watch import target_options

    parser = argparse.ArgumentParser(
        prog="readiness baseline",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 the same or better, or accepted; 1 worse than the accepted baseline; 12 nothing can be concluded",
    )
    target_options(parser)
    parser.add_argument(
        "--for", dest="lasting", type=_lasting, default=_SECONDS, metavar="TIME", help="1s to 60m (60s)"
    )
    parser.add_argument(
        "--interval", type=_interval, default=_INTERVAL, metavar="S", help="seconds between samples (0.5)"
    )
    parser.add_argument(
        "--accept-tools",
        action="store_true",
        help="make the tools that are offered now the accepted ones ([expect] tools); samples nothing",
    )
    parser.add_argument("--accept", action="store_true", help="make what is measured now the accepted baseline")
    parser.add_argument(
        "--accept-load", action="store_true", help="make the last load run the accepted one; samples nothing"
    )
    return parser


def _accept_load(given: argparse.Namespace) -> int:
    """Accept the last load run: 0, or 12 where there is none that could be believed, 4 for a wrong configuration."""
    from readiness.config import load
    from readiness.errors import ConfigError
    from readiness.session import accept_load_baseline

    try:
        config = load(file=given.readiness_config, demo=given.demo, report_dir=given.readiness_report)
        sys.stdout.write(f"{accept_load_baseline(config)}\n")
    except ReadinessError as error:
        sys.stderr.write(f"readiness baseline: {_plain(error)}\n")
        return _USAGE if isinstance(error, ConfigError) else _INCOMPLETE
    return 0


def _accept_tools(bench: Bench, config: Config) -> int:
    """Accept the tools that the target offers now: 0. Raises Unknown where it does not say them."""
    accepted = bench.fact("accepted_tools")
    try:
        count = accepted.write(bench.fact("hub").server_tools())
    except OSError as error:
        raise Unknown(f"{accepted.file} cannot be written: {error.strerror or error}") from None
    sys.stdout.write(f"accepted: {count} tools in {accepted.file}\n")
    if config.expect.tools is None:
        sys.stdout.write(f'to hold every run against them: [expect] tools = "{accepted.file.name}" in readiness.toml\n')
    return 0


def _lasting(text: str) -> float:
    from readiness.operations.watch import duration

    seconds = duration(text)
    if not 1 <= seconds <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not between 1s and 60m")
    return seconds


def _interval(text: str) -> float:
    low, high = _BETWEEN
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not low <= seconds <= high:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no interval; expected {low:g} to {high:g} seconds")
    return seconds


def _run(given: argparse.Namespace, bench: Bench, config: Config) -> int:
    from readiness.operations.baseline import Sampler, compare, unsound
    from readiness.operations.baseline import file as baseline_file

    folder = config.report_dir
    try:
        kept = baseline_file.load(folder)  # before a minute is spent on something that cannot be compared
    except ReadinessError as error:
        if not given.accept:
            raise Unknown(str(error)) from None
        kept = baseline_file.Kept()
    now = Sampler(bench, _Progress(given.lasting)).take(given.lasting, given.interval)
    if trouble := unsound(now):
        raise Unknown(f"nothing was kept: {trouble}")
    path = baseline_file.keep(folder, now, accept=given.accept)
    say = sys.stdout.write
    before = kept.accepted
    if before is None:
        say("".join(f"{text}\n" for text in _table(compare(now, now), first=True)))
        say(
            f"accepted: {path}\n"
            if given.accept
            else f"kept, and nothing to compare with yet; to accept it: {_ACCEPT}\n"
        )
        return 0 if given.accept else _INCOMPLETE
    comparison = compare(before, now)
    say("".join(f"{text}\n" for text in [*_about(before, now), *_table(comparison)]))
    say(f"{_conclusion(comparison)}\n")
    if given.accept:
        say(f"accepted: {path}\n")
        return 0
    return comparison.exit_code


class _Progress:
    """How long it still takes: a line that counts down on a terminal, one line elsewhere."""

    def __init__(self, seconds: float) -> None:
        self._live, self._next = sys.stderr.isatty(), 0.0
        if not self._live:
            sys.stderr.write(f"readiness baseline: sampling for {seconds:g} s\n")

    def __call__(self, left: float) -> None:
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + 1
            sys.stderr.write(f"\rreadiness baseline: sampling, {left:.0f} s left \x1b[K")
            sys.stderr.flush()
        if self._live and left <= 1:
            sys.stderr.write("\r\x1b[K")


def _about(before: Measurement, now: Measurement) -> Iterator[str]:
    for name, labelled in (("accepted", before), ("now", now)):
        about = ", ".join(f"{key} {value}" for key, value in labelled.about.items())
        yield f"{name:<9} {labelled.at[:19].replace('T', ' ')} UTC, {labelled.seconds:.0f} s, {about}"


def _table(comparison: BaselineComparison, *, first: bool = False) -> Iterator[str]:
    """A line a series: medians, the 95th and the 99th percentile, before and now, and what to make of them."""
    from readiness.operations.baseline import RULES

    rows = [["", "p50", "p95", "p99", "" if first else "change", ""]]
    for difference in comparison.differences:
        cells = [_cell(difference, share, first=first) for share in (0.5, 0.95, 0.99)]
        change = "" if first or difference.relative is None else f"{difference.relative:+.0%}"
        rows.append([RULES[difference.name].title, *cells, change, "" if first else _verdict(difference)])
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _cell(difference: Difference, share: float, *, first: bool) -> str:
    then, now = _quantile(difference.before, share), _quantile(difference.now, share)
    return now if first or then == now else f"{then} → {now}"


def _quantile(series: Series | None, share: float) -> str:
    from readiness.support import quantile

    if series is None or not series.samples:
        return "-"
    value = quantile(series.samples, share)
    share_of = series.unit == "share"
    return words.shown(value, "" if share_of else series.unit, is_share=share_of)


def _verdict(difference: Difference) -> str:
    mark = _MARK[difference.change]
    if difference.p is not None and difference.effect is not None:
        mark += f" (p {_p(difference.p)}, A {difference.effect:.2f})"
    return f"{mark}: {_plain(difference.words)}" if difference.words else mark


def _p(p: float) -> str:
    return f"{p:.2g}" if p >= 0.0001 else "<0.0001"  # noqa: PLR2004 - smaller ones say no more


def _conclusion(comparison: BaselineComparison) -> str:
    from readiness.operations.baseline import RULES

    if comparison.unsound:
        return f"not comparable: {_plain(comparison.unsound)}. To accept what was measured now: {_ACCEPT}"
    if comparison.worse:
        names = ", ".join(RULES[difference.name].title for difference in comparison.worse)
        return f"worse than the accepted baseline: {names}. Look with `readiness watch`; if it is meant: {_ACCEPT}"
    better = [RULES[d.name].title for d in comparison.differences if d.change == "better"]
    return f"no worse than the accepted baseline{': better ' + ', '.join(better) if better else ''}"


def _plain(text: object) -> str:
    from readiness.support import one_line

    return shorten(one_line(text, 600), 600)
