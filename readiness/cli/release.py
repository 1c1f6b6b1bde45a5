"""`readiness release`: a whole release in one hand, or the bookkeeping of a deploy made by other means.

readiness release -- COMMAND …   lock, backup, preflight, what passes now, COMMAND, ready, health and e2e; kept and
                                 watched, or rolled back and verified
readiness release --record       before and after a deploy made by other means: opens the window of a rollback
"""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from readiness.config import Config
    from readiness.operations.release import Note, Running

_USAGE: Final = 4
_INTERRUPTED: Final = 130
_MOST_MINUTES: Final = 10_080


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb.

    0 when recorded, kept or given up as asked; 1 when refused, aborted, held or rolled back and verified; 12 when held because too little is
    known; 13 and 14 as a rollback ends; 4 for a wrong call, 130 when interrupted.
    """
    arguments = list(sys.argv[2:] if argv is None else argv)
    command: tuple[str, ...] = ()
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], tuple(arguments[at + 1 :])
    parser = _parser()
    try:
        given = parser.parse_args(arguments)
    except SystemExit as end:
        return _USAGE if end.code else 0
    wrong = _wrong(given, command)
    if wrong:
        sys.stderr.write(f"{parser.format_usage()}readiness release: {wrong}\n")
        return _USAGE
    from readiness.config import load

    config = load(file=given.readiness_config, report_dir=Path.cwd() / given.readiness_report)
    try:
        if given.record is not None:
            return _record(config, given.record)
        from readiness.support import survive_hangup

        with survive_hangup():
            return _release(config, given, command)
    except ReadinessError as error:
        from readiness.operations.release import Interrupted
        from readiness.support import say

        for line in str(error).splitlines():
            say(f"readiness release: {line}", error=True)
        return _INTERRUPTED if isinstance(error, Interrupted) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness release",
        description=__doc__,
        usage="readiness release [options] -- COMMAND … | --resume | --abandon | --record",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog="exit: 0 KEPT, or recorded; 1 REFUSED, ABORTED, ROLLED_BACK_VERIFIED, or HELD on NOT READY; 12 HELD on INCOMPLETE; "
        "13 ROLLED_BACK_UNVERIFIED; 14 ROLLBACK_FAILED; 4 a wrong call; 130 interrupted",
    )
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    parser.add_argument(
        "--bake", type=_minutes, metavar="MINUTES", help="watch it for so long afterwards; default: [release] bake"
    )
    parser.add_argument(
        "--version", metavar="V", dest="expected", help="what should run afterwards, where readiness.toml says another"
    )
    parser.add_argument(
        "--candidate-url",
        metavar="URL",
        help="COMMAND starts a new hub there beside the old one: it is proven, then [release] switch lets clients reach it",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--resume", action="store_true", help="go on with a release that was interrupted")
    what.add_argument("--abandon", action="store_true", help="give an interrupted release up: a person took over")
    what.add_argument(
        "--record",
        nargs="?",
        const="",
        choices=("", "before", "after"),
        metavar="before|after",
        help="for a deploy made by other means: run before it (what passes now) and after it (opens the window of a "
        "rollback); which of the two is told by what has changed unless it is said",
    )
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 <= minutes <= _MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"0 to {_MOST_MINUTES} minutes")
    return minutes


def _wrong(given: argparse.Namespace, command: tuple[str, ...]) -> str:
    """What is wrong with the call; empty where nothing is."""
    other = given.resume or given.abandon or given.record is not None
    if not command and not other:
        return "say what to do: `-- COMMAND …`, --resume, --abandon or --record"
    if command and (given.abandon or given.record is not None):
        return "a command goes with a release or with --resume alone"
    if other and (given.bake is not None or given.expected or given.candidate_url):
        return "--bake, --version and --candidate-url belong to a new release"
    url = given.candidate_url
    if url is not None and not url.startswith(("http://", "https://")):
        return f"--candidate-url {url!r}: expected the address of the new hub, like http://127.0.0.1:7001"
    return ""


def _release(config: Config, given: argparse.Namespace, command: tuple[str, ...]) -> int:
    from readiness.operations.release import ReleaseOrder, ReleasePorts, flow

    ports = ReleasePorts()
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        if given.abandon:
            flow.abandon(config, ports.say)
            return 0
        if given.resume:
            return flow.resume(config, ports, command).exit
        order = ReleaseOrder(
            command=command,
            folder=Path.cwd(),
            bake=float(config.release.bake if given.bake is None else given.bake),
            candidate=given.candidate_url,
            version=given.expected,
        )
        return flow.release(config, order, ports).exit
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _record(config: Config, when: str) -> int:
    from readiness.operations.deploys import look
    from readiness.operations.release import bookkeeping as own

    if config.first_look:
        raise ReadinessError("nothing was declared about this deployment: write a readiness.toml (`readiness init`)")
    now = dt.datetime.now(dt.UTC)
    seen = look(config)
    running_now = own.running(config, seen)
    note = own.read_note(config.report_dir)
    changes = running_now.changes(note.running) if note is not None else []
    if not when and running_now.path is not None and changes == [own.THE_PROCESS]:
        raise ReadinessError(
            "another process runs, and the release and its settings are the same: a restart is no deploy; "
            "say `--record after` if it was one, `--record before` if one is to come"
        )
    if when == "before" or (not when and not changes):
        return _before(config, running_now, now, renewed=note is not None)
    if note is None:
        raise ReadinessError(
            "what passed before the deploy was not noted, so nothing could be called worse after it: "
            "run `readiness release --record` before the next one"
        )
    if not changes:
        raise ReadinessError(
            f"nothing was deployed since {note.noted_at:%Y-%m-%d %H:%M} UTC: release, settings and process are the same"
        )
    return _after(config, note, running_now, changes, now)


def _before(config: Config, running_now: Running, now: dt.datetime, *, renewed: bool) -> int:
    from readiness.operations.release import bookkeeping as own

    if running_now.pid is None:
        sys.stderr.write("readiness release: the hub's process cannot be told, so only its files will show a deploy\n")
    passed, failed = own.standing(config, running_now.started, now)
    own.write_note(config.report_dir, own.Note(noted_at=now, running=running_now, passed=passed, failed=failed))
    also = f", {len(failed)} that fail ({', '.join(failed[:3])})" if failed else ""
    sys.stdout.write(
        f"{'nothing was deployed yet: noted again' if renewed else 'noted'}: {len(passed)} checks that pass{also}\n"
        f"  on {running_now.named}\n"
        "deploy now, then run `readiness release --record` once more\n"
    )
    return 0


def _after(config: Config, note: Note, running_now: Running, changes: Sequence[str], now: dt.datetime) -> int:
    from readiness.operations.release import bookkeeping as own

    made = own.record(config, note, running_now, now)
    until = now + dt.timedelta(minutes=config.rollback.window)
    sys.stdout.write(
        f"recorded the deploy of {running_now.named}; changed: {', '.join(changes)}\n"
        f"  until {until:%Y-%m-%d %H:%M} UTC a run that is NOT READY may decide to roll back, "
        f"on the {len(made.passed_before)} checks that passed before\n"
        f"  to return to: {made.previous or 'nothing; keep the last release or set [release] previous'}\n"
    )
    from readiness.operations.deploys import quarantine

    entry = quarantine.find(config.report_dir, running_now.identity)
    if entry is not None:
        sys.stderr.write(
            f"readiness release: {entry.name} was rolled back on {entry.since} ({entry.because}) and is in quarantine; "
            f"`readiness rollback --lift {entry.name}` where that is mended\n"
        )
    if own.THE_PROCESS not in changes:
        sys.stderr.write(f"readiness release: {note.running.named} still runs: restart the hub\n")
    wanted = config.target.version
    if wanted and running_now.version and wanted.removeprefix("v") != running_now.version.removeprefix("v"):
        sys.stderr.write(
            f"readiness release: [target] version is {wanted} and {running_now.version} was deployed: set it right, or "
            "nothing will be rolled back\n"
        )
    return 0
