"""`readiness notify --test`: one message to every configured channel, and what came of each.

A channel that is tried for the first time when something burns is no channel.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.config import Config
    from readiness.operations.notify import Event

NOTHING: Final = 4
"""Exit status where nobody is configured, as for a call that cannot be understood."""


def main(argv: Sequence[str]) -> int:
    """Send the test and return 0 where every channel took it, 1 where one did not, 4 where there is none."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what is wrong
        return 0 if end.code in {0, None} else NOTHING
    return _test(options.readiness_config, os.environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness notify",
        description="Send a test message to each channel of [notify.SEVERITY] and [contacts].",
        allow_abbrev=False,
        epilog="exit: 0 every channel took it, 1 one did not, 4 there is none, or a wrong call",
    )
    parser.add_argument("--test", action="store_true", required=True, help="send the test message")
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    return parser


def _test(file: Path | None, environ: Mapping[str, str]) -> int:
    from readiness.config import load
    from readiness.operations.notify import Pacing, deliver, every_channel, unreachable

    config = load(file=file)
    for who in unreachable(config):
        sys.stdout.write(f"not a channel: [contacts] {who} is a name or a number; nothing can be sent to it\n")
    every = every_channel(config, environ)
    if not every:
        sys.stdout.write("readiness notify: no channel is configured: see [notify.SEVERITY] and [contacts]\n")
        return NOTHING
    deliveries = deliver(_event(config), every, {}, config, environ, Pacing())
    for delivery in deliveries:
        sys.stdout.write(f"{delivery.line}\n")
    return 0 if all(delivery.outcome == "sent" for delivery in deliveries) else 1


def _event(config: Config) -> Event:
    from readiness.findings import Severity
    from readiness.operations.notify import Event

    return Event(
        kind="alarm",
        severity=Severity.LOW,
        title=f"test of the channels for {config.environment}",
        lines=("Nothing happened. You get what readiness tells of deploys and rollbacks here.",),
    )
