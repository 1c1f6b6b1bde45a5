"""What a watch or a baseline looks at: the options that say so, and the bench for it."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config
    from readiness.operations.watch.look import Watcher

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_BETWEEN: Final = (0.2, 3600.0)
"""Seconds that may lie between two looks."""


def target_options(parser: argparse.ArgumentParser) -> None:
    """Options that say what is looked at, as every verb and pytest have them."""
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument(
        "--readiness-report", type=Path, metavar="DIR", default=Path("reports"), help="default: reports/"
    )
    parser.add_argument("--demo", "--readiness-demo", action="store_true", help="start and look at the embedded hub")


def duration(text: str) -> float:
    """`90s`, `60m`, `2h` or seconds. Raises argparse.ArgumentTypeError."""
    match = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= 30 * 86_400:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no time; expected seconds, or 90s, 60m, 2h (at most 30 days)"
        )
    return seconds


def interval(text: str) -> float:
    """Seconds between two looks. Raises argparse.ArgumentTypeError."""
    low, high = _BETWEEN
    with contextlib.suppress(ValueError):
        if low <= (seconds := float(text)) <= high:
            return seconds
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is no interval; expected {low:g} to {high:g} seconds")


@contextlib.contextmanager
def watched(given: argparse.Namespace, verb: str) -> Iterator[tuple[Watcher, Config]]:
    """What looks at the target that the options name, for as long as the block lasts. Raises ReadinessError."""
    from readiness.config import load, missing_target, redactor_for, unknown_names
    from readiness.operations.watch.bench import Bench
    from readiness.operations.watch.host import SAMPLE
    from readiness.operations.watch.look import Watcher
    from readiness.session import Scope, catalogue, deployed_claims

    with contextlib.ExitStack() as stack:
        where: dict[str, Any] = {}
        if given.demo:
            from readiness import demo

            sys.stderr.write(f"{verb}: starting the embedded hub\n")
            hub = stack.enter_context(demo.start())
            where = {"demo_url": hub.url, "demo_release": hub.release}
        config = load(
            file=None if given.demo else given.readiness_config,
            strict=getattr(given, "readiness_strict", False),
            report_dir=given.readiness_report.absolute(),
            **where,
        )
        if text := missing_target(config, {"alerts"}):
            raise ReadinessError(text)
        checks = {check.id: check for check, _ in catalogue()}
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="readiness-", ignore_cleanup_errors=True))
        redactor = redactor_for(config, os.environ)
        scope = Scope(config, lambda: deployed_claims(config))
        if refused := scope.unowned_exceptions(checks):
            raise ReadinessError(redactor.clean("\n".join(refused)))
        unknown = unknown_names(config, checks.values())
        if misspelt := [name.sentence for name in unknown if name.is_misspelt]:
            raise ReadinessError(redactor.clean("\n".join(misspelt)))
        for name in unknown:
            sys.stderr.write(f"{verb}: {redactor.clean(name.sentence)}\n")
        sample = min(SAMPLE, given.interval / 10)
        yield Watcher(Bench(config, scope, redactor.clean, Path(folder)), sample), config
