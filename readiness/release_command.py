"""`readiness release`: the bookkeeping of a deploy, so that a run after it may decide to roll back."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config.model import Config
    from readiness.release_record import Note, Running

_USAGE: Final = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when it is recorded, 1 when it cannot be, 4 for a wrong call."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    if given.record is None:
        sys.stderr.write(f"{parser.format_usage()}readiness release: say what to do: --record\n")
        return _USAGE
    from readiness.config.load import load

    config = load(file=given.readiness_config, report_dir=Path.cwd() / given.readiness_report)
    try:
        return _record(config, given.record)
    except ReadinessError as error:
        sys.stderr.write(f"readiness release: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="readiness release", description=__doc__, allow_abbrev=False)
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    parser.add_argument(
        "--record",
        nargs="?",
        const="",
        choices=("", "before", "after"),
        metavar="before|after",
        help="for a deploy made by other means: run before it (what passes now) and after it (opens the window of a "
        "rollback); which of the two is told by what has changed unless it is said",
    )
    return parser


def _record(config: Config, when: str) -> int:
    from readiness import release_record as own
    from readiness.rollback.look import look

    if config.first_look:
        raise ReadinessError("nothing was declared about this deployment: write a readiness.toml (`readiness init`)")
    now = dt.datetime.now(dt.UTC)
    seen = look(config)
    found = own.running(config, seen)
    note = own.read_note(config.report_dir)
    changes = found.changes(note.running) if note is not None else []
    if not when and found.path is not None and changes == ["the process"]:
        raise ReadinessError(
            "another process runs, and the release and its settings are the same: a restart is no deploy; "
            "say `--record after` if it was one, `--record before` if one is to come"
        )
    if when == "before" or (not when and not changes):
        return _before(config, found, now, renewed=note is not None)
    if note is None:
        raise ReadinessError(
            "what passed before the deploy was not noted, so nothing could be called worse after it: "
            "run `readiness release --record` before the next one"
        )
    if not changes:
        raise ReadinessError(
            f"nothing was deployed since {note.noted_at:%Y-%m-%d %H:%M} UTC: release, settings and process are the same"
        )
    return _after(config, note, found, changes, now)


def _before(config: Config, found: Running, now: dt.datetime, *, renewed: bool) -> int:
    from readiness import release_record as own

    if found.pid is None:
        sys.stderr.write("readiness release: the hub's process cannot be told, so only its files will show a deploy\n")
    passed, failed = own.standing(config, found.started, now)
    own.write_note(config.report_dir, own.Note(noted_at=now, running=found, passed=passed, failed=failed))
    also = f", {len(failed)} that fail ({', '.join(failed[:3])})" if failed else ""
    sys.stdout.write(
        f"{'nothing was deployed yet: noted again' if renewed else 'noted'}: {len(passed)} checks that pass{also}\n"
        f"  on {found.named}\n"
        "deploy now, then run `readiness release --record` once more\n"
    )
    return 0


def _after(config: Config, note: Note, found: Running, changes: Sequence[str], now: dt.datetime) -> int:
    from readiness import release_record as own

    made = own.record(config, note, found, now)
    until = now + dt.timedelta(minutes=config.rollback.window)
    sys.stdout.write(
        f"recorded the deploy of {found.named}; changed: {', '.join(changes)}\n"
        f"  until {until:%Y-%m-%d %H:%M} UTC a run that is NOT READY may decide to roll back, "
        f"on the {len(made.passed_before)} checks that passed before\n"
        f"  to return to: {made.previous or 'nothing; keep the last release or set [release] previous'}\n"
    )
    from readiness.rollback import quarantine

    entry = quarantine.find(config.report_dir, found.commit, found.version)
    if entry is not None:
        sys.stderr.write(
            f"readiness release: {entry.name} was rolled back on {entry.since} ({entry.because}) and is in quarantine; "
            f"`readiness rollback --lift {entry.name}` where that is mended\n"
        )
    if "the process" not in changes:
        sys.stderr.write(f"readiness release: {note.running.named} still runs: restart the hub\n")
    wanted = config.target.version
    if wanted and found.version and wanted.removeprefix("v") != found.version.removeprefix("v"):
        sys.stderr.write(
            f"readiness release: [target] version is {wanted} and {found.version} was deployed: set it right, or "
            "nothing will be rolled back\n"
        )
    return 0
