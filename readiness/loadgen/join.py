"""`readiness load-worker --master HOST --port P`: join a load run that another machine leads."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from readiness.loadgen.options import worker_parser as _parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE: Final = 4


def main(arguments: Sequence[str]) -> int:
    """Become the generator's worker, in this very process: the generator patches all of it, from its first line on."""
    ended = _ended(arguments)
    if ended is None:
        sys.stdout.flush()
        sys.stderr.flush()
        argv = [sys.executable, "-m", "readiness.loadgen", "worker", *arguments]
        os.execv(sys.executable, argv)  # noqa: S606 - this very interpreter and module, no shell
    return ended


def _ended(arguments: Sequence[str]) -> int | None:
    """The status where argparse has said what is wrong, or has helped; None where there is a run to join."""
    try:
        _parser().parse_args(arguments)
    except SystemExit as end:
        return _USAGE if end.code else 0
    return None
