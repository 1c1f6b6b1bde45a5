"""`readiness check`: pytest with only the plugins it needs, and a verdict even when pytest dies.

pytest runs in a child. Strangers' plugins stay out of the gate, which also halves start-up. If the child ends without
a verdict (a segmentation fault, SIGKILL, an `os._exit`), the journal it left is judged instead.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from types import FrameType

RUN_ID: Final = "READINESS_RUN_ID"
CHECK_ID: Final = "READINESS_CHECK_ID"
"""Names this run, where a release started it and looks for its report afterwards."""
OWN_CHECKS: Final = "READINESS_OWN_CHECKS"
"""The folders of somebody's own checks, for the run that verifies a rollback."""
VERIFYING: Final = "READINESS_VERIFYING"
"""Set where a rollback asks for the proof that it worked."""
SCHEDULED: Final = "READINESS_SCHEDULED"
"""Set by a scheduled run, which tells people itself: `looks`, or `acts` where it may do more."""
_OPTIONAL: Final = {
    # option prefix: the plugin that owns it
    "-n": "xdist",
    "--numprocesses": "xdist",
    "--dist": "xdist",
    "--max-worker-restart": "xdist",
    "--html": "pytest_html",
    "--self-contained-html": "pytest_html",
    "--css": "pytest_html",
    "--reruns": "pytest_rerunfailures",
    "--timeout": "pytest_timeout",
    "--hosts": "testinfra",
    "--ssh-config": "testinfra",
    "--sudo": "testinfra",
}
COLLECTOR: Final = (50_000, 20, 20)
"""Thresholds of the garbage collector in pytest's process, which is short and ours alone: the usual ones cost it 50 ms."""
_NEEDS: Final = {
    "pytest_html": ("pytest_metadata.plugin", "pytest_html.plugin"),
    "xdist": ("xdist.plugin", "xdist.looponfail"),
}
_TESTINFRA: Final = ("testinfra.plugin",)
_BRIEF: Final = ("--tb=no", "-o", "verbosity_test_cases=-1")
"""Of pytest's own a line a failure and a dot a check: what they mean stands in the verdict below, which has to be seen."""


def main(argv: Sequence[str]) -> int:
    """Run pytest with `argv` and return the verdict's exit status."""
    if argv and argv[0] in {"-h", "--help"}:
        sys.stdout.write(_parser().format_help())
        return 0
    # taken out: what this run starts is not scheduled, not even the run that verifies its rollback
    scheduled = os.environ.pop(SCHEDULED, "")
    run_id = os.environ.pop(CHECK_ID, "") or uuid.uuid4().hex[:12]
    started = time.time()
    os.environ[OWN_CHECKS] = os.pathsep.join(_own_checks(argv))
    status = _run([*plugin_arguments(argv), *_brevity(argv), *argv, *_suites(argv)], run_id)
    code = _settle(status, argv, run_id, started)
    if scheduled and scheduled != "acts":
        return code
    return _follow(code, argv, run_id, tells=not scheduled)


def _parser() -> argparse.ArgumentParser:
    """What may be asked for, to be told and completed: pytest itself parses it."""
    from readiness.cli.parsers import check_parser

    return check_parser()


def _follow(code: int, argv: Sequence[str], run_id: str, *, tells: bool = True) -> int:
    """Tell people and do what the verdict asks for; what a rollback needs is imported only where a plan lies there."""
    folder = _report_folder(argv)
    if code != 1 or VERIFYING in os.environ or not (folder / "rollback-plan.json").exists():
        if tells:
            _tell_people(argv, run_id, code)
        return code
    from readiness.operations.check_run import act as check_rollback
    from readiness.session import crash_recovery as recover

    return check_rollback.act(
        run_id,
        code,
        folder,
        lambda: check_rollback.outside(recover.config_of(argv, folder)),
        argv=argv,
        tell=(lambda: _tell_people(argv, run_id, code)) if tells else lambda: None,
    )


def plugin_arguments(argv: Sequence[str]) -> list[str]:
    """`-p` arguments for the plugins that `argv` asks for."""
    wanted: list[str] = ["readiness.plugin"]
    for argument in argv:
        for prefix, plugin in _OPTIONAL.items():
            if argument == prefix or argument.startswith(f"{prefix}=") or (prefix == "-n" and argument[:2] == "-n"):
                wanted += _NEEDS.get(plugin, _TESTINFRA if plugin == "testinfra" else (plugin,))
    if _phase_wanted("infra", argv):
        wanted += _TESTINFRA
    return [part for plugin in dict.fromkeys(wanted) for part in ("-p", plugin)]


def _brevity(argv: Sequence[str]) -> tuple[str, ...]:
    """What keeps pytest short, unless more is asked for; single options of `argv` stand behind it and win."""
    more = any(a == "--verbose" or (a.startswith("-v") and set(a[1:]) == {"v"}) for a in argv)
    return () if more else _BRIEF


def _expression(argv: Sequence[str]) -> str:
    expression = ""
    for index, argument in enumerate(argv):
        if argument == "-m" and index + 1 < len(argv):
            expression = argv[index + 1]
        elif argument.startswith("-m") and len(argument) > 2:  # noqa: PLR2004 - longer than the flag
            expression = argument[2:].lstrip("=")
    return expression


def _phase_wanted(phase: str, argv: Sequence[str]) -> bool:
    expression = _expression(argv)
    return not expression or phase in expression


_TAKES_VALUE: Final = frozenset(
    ("-m", "-k", "-n", "-p", "-c", "-o", "-W", "-r", "--readiness-config", "--readiness-report", "--junitxml",
     "--junit-xml", "--html", "--css", "--reruns", "--timeout", "--dist", "--maxfail", "--rootdir", "--tb", "--hosts",
     "--durations", "--basetemp", "--ignore", "--ignore-glob", "--deselect", "--confcutdir", "--capture", "--color",
     "--max-worker-restart", "--numprocesses", "--log-level", "--log-cli-level", "--import-mode")
)  # fmt: skip


def _suites(argv: Sequence[str]) -> list[str]:
    """The suites that ship, unless `argv` says where to look: a suite, a package, a file or a test narrows the run.

    Any other folder is somebody's own checks, which are judged together with what ships.
    """
    from readiness.session.invocation import suite_folders

    folders = suite_folders().values()
    if any(_narrows(place, folders) for place in _places(argv)):
        return []
    return [str(folder) for folder in folders]


def _own_checks(argv: Sequence[str]) -> list[str]:
    """The folders of somebody's own checks that `argv` names."""
    places = _places(argv)
    if not places:
        return []
    from readiness.session.invocation import suite_folders

    folders = suite_folders().values()
    return [str(place) for place in places if not _narrows(place, folders)]


def _narrows(place: Path, suites: Iterable[Path]) -> bool:
    """Whether a place names part of what ships, or a single file: any other folder is somebody's own checks."""
    return not place.is_dir() or any(place.is_relative_to(suite) or suite.is_relative_to(place) for suite in suites)


def _places(argv: Sequence[str]) -> list[Path]:
    """Where `argv` says to look."""
    found, skip = list[Path](), False
    for argument in argv:
        if skip:
            skip = False
        elif argument in _TAKES_VALUE:
            skip = True
        elif argument == "--pyargs" or not argument.startswith("-"):
            found.append(Path(argument).resolve())
    return found


def _run(arguments: list[str], run_id: str) -> int:
    """Run pytest in a child to its end; its status, negative for a signal. Ctrl-C and SIGTERM are the child's to answer."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ[RUN_ID] = run_id
    child = _forked(arguments) if hasattr(os, "fork") else _spawned(arguments)

    def forward(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    previous = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, forward),
        # the terminal sends Ctrl-C to the child as well: wait for what it has to say
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
    }
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _forked(arguments: list[str]) -> int:
    """A child that is this interpreter over again: this process has imported next to nothing, so that costs 1 ms."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 70  # what sysexits calls an internal error, should pytest leave without a status
    try:
        sys.argv = ["pytest", *arguments]
        sys.path.insert(0, str(Path.cwd()))  # as `python -m pytest` has it
        import gc

        import pytest

        gc.set_threshold(*COLLECTOR)
        gc.freeze()  # what pytest is made of is no garbage: its last look at everything need not look at that
        status = int(pytest.main(arguments))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - the child must not return into the parent's code
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status)


def _spawned(arguments: list[str]) -> int:
    """The same where there is no fork."""
    return subprocess.Popen([sys.executable, "-m", "pytest", *arguments]).pid  # noqa: S603 - our own interpreter, no shell


def _settle(status: int, argv: Sequence[str], run_id: str, started: float) -> int:
    """The child's status if it reached a verdict, else that of a verdict made from its journal."""
    from readiness.session import journal

    folder = _report_folder(argv) / "journal"
    path = folder / f"{run_id}.jsonl"
    if not path.is_file():
        # refused before it began, or nothing was asked for; a child that died has a negative status
        informs = any(
            a in {"--collect-only", "--co", "--version", "-V", "--help", "--markers", "--fixtures"} for a in argv
        )
        if status > 0 or (status == 0 and informs):
            return status
        sys.stderr.write("readiness check: no check ran, so there is no verdict: INCOMPLETE\n")
        return 12
    found = journal.read(path)
    if found.finished:
        path.unlink(missing_ok=True)
        return status if status >= 0 else 12
    from readiness.session.crash_recovery import recover

    return recover(found, argv=argv, status=status, run_id=run_id, started=started, report_dir=_report_folder(argv))


def _tell_people(argv: Sequence[str], run_id: str, code: int) -> None:
    """Tell people what came of it, as configured; the verdict's status stands, whoever could be told."""
    if VERIFYING in os.environ:  # a step of a rollback, which tells people itself
        return
    from readiness.operations.notify import after as notify_after
    from readiness.operations.rollback import page as rollback_page
    from readiness.session import crash_recovery as recover

    folder = _report_folder(argv)
    lines = notify_after.after(
        run_id=run_id,
        status=code,
        folder=folder,
        config=lambda: recover.config_of(argv, folder),
        journal=lambda asked: rollback_page.entries(folder, asked),
    )
    for line in lines:
        sys.stdout.write(line + "\n")


def _report_folder(argv: Sequence[str]) -> Path:
    folder = "reports"
    for index, argument in enumerate(argv):
        if argument == "--readiness-report" and index + 1 < len(argv):
            folder = argv[index + 1]
        elif argument.startswith("--readiness-report="):
            folder = argument.partition("=")[2]
    return Path.cwd() / folder
