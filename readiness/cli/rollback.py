"""`readiness rollback`: show what would happen, carry it out, or resume what was not finished."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config

_USAGE: Final = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when shown, 1, 13 or 14 after acting, 1 when refused, 4 for a wrong call."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    from readiness.config import load

    config = load(file=given.readiness_config, report_dir=Path.cwd() / given.readiness_report)
    try:
        return _do(given, config)
    except ReadinessError as error:
        from readiness.support import say

        for line in str(error).splitlines():
            say(f"readiness rollback: {line}", error=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness rollback",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 shown, or nothing to do; 1 refused, or ROLLED_BACK_VERIFIED; 13 ROLLED_BACK_UNVERIFIED; "
        "14 ROLLBACK_FAILED; 4 a wrong call or configuration",
    )
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--yes", action="store_true", help="carry it out without asking; gates are passed and noted")
    what.add_argument("--resume", action="store_true", help="finish a rollback that was interrupted")
    what.add_argument(
        "--abandon", action="store_true", help="give an interrupted rollback up, as failed: a person took over"
    )
    what.add_argument(
        "--lift", metavar="RELEASE", help="take a release out of quarantine, by its commit, version or folder"
    )
    parser.add_argument("--action", metavar="NAME", help="carry out this action although no run planned it")
    return parser


def _do(given: argparse.Namespace, config: Config) -> int:
    from readiness.operations.deploys import quarantine
    from readiness.operations.rollback import (
        FOLDER,
        abandon,
        by_hand,
        carry_out,
        confirmed,
        read_plan,
        show_plan,
        unfinished_rollback,
    )

    folder = config.report_dir / FOLDER
    if given.lift is not None:
        if not quarantine.lift(config.report_dir, given.lift):
            raise ReadinessError(f"no release {given.lift} is in quarantine")
        _say(f"{given.lift} may be deployed again")
        return 0
    if given.abandon:
        abandon(config, folder, _say)
        return 0
    if given.resume:
        return carry_out(None, config, person=True).exit_code
    unfinished = unfinished_rollback(folder)
    if unfinished is not None:
        raise ReadinessError(
            f"{unfinished.path} was not finished: `readiness rollback --resume` finishes it, --abandon gives it up"
        )
    plan = read_plan(config.report_dir) if given.action is None else by_hand(given.action, config)
    if plan is None:
        _say("nothing is planned: no trigger fired in the last run; --action NAME carries out an action all the same")
        return 0
    show_plan(plan, config)
    if not given.yes and (not plan.actions or not confirmed(config, plan)):
        return 0
    return carry_out(plan, config, person=True).exit_code


def _say(text: str) -> None:
    from readiness.support import say

    say(text)
