"""`readiness load-worker --master HOST --port P`: join a load run that another machine leads."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE: Final = 4


def main(arguments: Sequence[str]) -> int:
    """Become the generator's worker, in this very process: the generator patches all of it, from its first line on."""
    ended = _ended(arguments)
    if ended is None:
        sys.stdout.flush()
        sys.stderr.flush()
        argv = [sys.executable, "-P", "-m", "readiness.loadgen", "worker", *arguments]
        os.execv(sys.executable, argv)  # noqa: S606 - this very interpreter and module, no shell
    return ended


def _ended(arguments: Sequence[str]) -> int | None:
    """The status where argparse has said what is wrong, or has helped; None where there is a run to join."""
    try:
        worker_parser().parse_args(arguments)
    except SystemExit as end:
        return _USAGE if end.code else 0
    return None


def worker_parser() -> argparse.ArgumentParser:
    """The parser of the worker that joins a run from elsewhere."""
    parser = argparse.ArgumentParser(
        prog="readiness load-worker",
        description="Join a distributed load run.",
        epilog="exit: 0 the run is over, 3 the master was lost, 4 a wrong call",
    )
    parser.add_argument("--master", required=True, metavar="HOST", help="where the run is led from")
    parser.add_argument("--port", required=True, type=int, metavar="P", help="the master's port ([load] port)")
    parser.add_argument("--locustfile", metavar="FILE", help="this machine's copy of the run's locustfile")
    return parser


_parser = worker_parser
"""Under the name by which the completion finds every verb's parser."""
