"""`readiness check`: pytest with only the plugins it needs, and a verdict even when pytest dies."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run pytest with `argv` and return the verdict's exit status."""
    if argv and argv[0] in {"-h", "--help"}:
        sys.stdout.write(_parser().format_help())
        return 0
    from readiness.operations.check_run import check

    return check(argv)


def _parser() -> argparse.ArgumentParser:
    """What may be asked for, to be told and completed: pytest itself parses it."""
    from readiness.cli.completion import check_parser

    return check_parser()
