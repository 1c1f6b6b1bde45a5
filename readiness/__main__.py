"""The few verbs that are not a test run; each lives in a module of its own and is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

from readiness.errors import ReadinessError

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


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit status; 4 for a call that cannot be understood."""
    arguments = sys.argv[1:] if argv is None else argv
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
