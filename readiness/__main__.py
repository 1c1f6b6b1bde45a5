"""The few verbs that are not a test run; each lives in a module of its own and is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Callable

VERBS: Final = {
    "baseline": ("readiness.cli.baseline", "sample for 60 s, keep, compare with the accepted one; --accept"),
    "backup": ("readiness.cli.backup", "make a checksummed backup; --list, --verify NAME, --restore NAME"),
    "check": ("readiness.cli.check", "run pytest with only the plugins it needs; a verdict even when pytest dies"),
    "completion": ("readiness.cli.completion", "bash, zsh, fish: print completion for a shell"),
    "demo": ("readiness.demo.__main__", "start the embedded hub; --fault NAME breaks it in a named way"),
    "init": ("readiness.cli.init", "look at a hub and write a first readiness.toml"),
    "release": (
        "readiness.cli.release",
        "-- COMMAND: back up, judge, deploy, prove, keep or roll back; --record for other means",
    ),
    "load-worker": ("readiness.loadgen.join", "join a distributed load run; --master HOST --port P"),
    "nagios": (
        "readiness.cli.nagios",
        "the last report as a monitoring plugin's answer; --max-age 30m: older is UNKNOWN",
    ),
    "new-check": ("readiness.cli.new_check", "write a first check of your own; --phase, --severity, --rollback, --dir"),
    "notify": ("readiness.cli.notify", "--test: a message to every configured channel, and what came of each"),
    "report": (
        "readiness.cli.report",
        "show any run again; --compare A B, --merge SHARDS, --list, --index: the page over all runs",
    ),
    "rollback": ("readiness.cli.rollback", "show the planned rollback; --yes carries it out, --resume finishes it"),
    "schedule": ("readiness.cli.schedule", "units and cron lines for smoke every few minutes; --preset week-one"),
    "watch": (
        "readiness.cli.watch",
        "the live view: metrics, alerts, host; --once --json for scripts, --for 60m as a gate",
    ),
}


def usage() -> str:
    """What there is, a line a verb."""
    lines = ["usage: readiness VERB [ARGUMENTS]", "", *(f"  {verb:<11} {text}" for verb, (_, text) in VERBS.items())]
    return "\n".join([*lines, "", "In a checkout a verdict needs no verb: pytest -m health"])


_ENDLESS: Final = frozenset({"demo", "load-worker", "watch"})
"""Verbs that end when nobody reads what they print any more."""
_DECIDING: Final = frozenset({"check", "nagios", "release", "rollback"})
FAULT: Final = 70
"""What sysexits calls an internal error: a fault of ours or of the machine ended a verb. Never 1, which says NOT READY."""
_INCOMPLETE: Final = 12


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit status; 4 for a call that cannot be understood."""
    if argv is not None:
        return _verb(argv)
    from readiness.support import endure, flush_output, open_closed_streams, say, say_what_was_lost

    arguments = sys.argv[1:]
    verb = arguments[0] if arguments else ""
    if verb in _ENDLESS:
        open_closed_streams()
    else:
        endure()
    try:
        code = _verb(arguments)
    except Exception as error:  # noqa: BLE001 - Python's own exit status 1 would say NOT READY
        code = _INCOMPLETE if verb == "check" else FAULT
        _say_fault(f"readiness {verb}", error, say)
    flush_output()
    is_lost = say_what_was_lost()
    # of these verbs the exit status is what counts; of the others, what they print
    return FAULT if is_lost and not code and verb not in _DECIDING else code


def _say_fault(name: str, error: Exception, say: Callable[..., None]) -> None:
    """In one sentence where the machine is at fault; what is a fault of ours comes with its traceback, for a report of it."""
    if not isinstance(error, OSError | MemoryError):
        import traceback

        say(traceback.format_exc().rstrip(), error=True)
    say(f"{name}: ended by {type(error).__name__}: {error}", error=True)


def _verb(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write(usage() + "\n")
        return 0 if arguments else 4
    if arguments[0] == "--version":
        from readiness import __version__

        sys.stdout.write(f"readiness {__version__}\n")
        return 0
    verb = VERBS.get(arguments[0])
    if verb is None:
        import difflib  # only when something is misspelt

        near = difflib.get_close_matches(arguments[0][:40].lower(), VERBS, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        sys.stderr.write(f"readiness: there is no verb {arguments[0][:80]!r}{hint}\n\n{usage()}\n")
        return 4
    try:
        return int(importlib.import_module(verb[0]).main(arguments[1:]))
    except BrokenPipeError:
        # whoever read us has seen enough (`| head`); Python would complain once more when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ReadinessError as error:
        sys.stderr.write(f"readiness {arguments[0]}: {error}\n")
        return 4


if __name__ == "__main__":
    raise SystemExit(main())
