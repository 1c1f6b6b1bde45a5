"""One scheduled run: alone, in its time, never acting by itself, and telling people only what is news.

The lock is the kernel's, so no dead run can hold it; the child that does the work shares it, so that an orphan still
keeps the next one away. Exit status: that of the verdict; 0 where another run or a release is at work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.notify import hub_of
from readiness.operations.schedule.exclusion import alone, releasing
from readiness.operations.schedule.jobs import BASELINE, Job
from readiness.support import CHECK_ID, SCHEDULED, file_writing

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.notify import Event, Notified, Pacing

FOLDER: Final = "schedule"
GRACE: Final = 20.0
"""Seconds for a run past its time to end by itself, with a verdict on what it has."""
_TAIL: Final = 4000
INCOMPLETE: Final = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """How the child ended: its status, None where it had to be ended, and its seconds."""

    status: int | None
    seconds: float


Execute = Callable[["Job", str, "Options"], JobEnd]
"""Runs a job under a run id; tests put something shorter in its place."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a scheduled run was told besides its job; `limit` in seconds, `repeat` in hours."""

    config: Config
    limit: float
    repeat: float
    acts: bool = False
    quiet: bool = False
    environ: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ))
    clock: Callable[[], float] = time.time
    pacing: Pacing | None = None
    lock_fd: int | None = None

    @property
    def folder(self) -> Path:
        """Where the schedule keeps its own things, below the report folder."""
        return self.config.report_dir / FOLDER


def run(job: Job, options: Options, execute: Execute | None = None) -> int:
    """Run `job` once and return its exit status. Raises ReadinessError where the reports cannot be written."""
    with alone(options.folder, job) as (descriptor, other):
        if descriptor is None:
            _say(options, f"{job.name}: another run is at work ({other}); this one leaves it to the next")
            return 0
        why = releasing(options.config, options.clock())
        if why:
            _say(options, f"{job.name}: not now, {why}")
            return 0
        run_id = uuid.uuid4().hex[:12]
        ended = (execute or _execute)(job, run_id, dataclasses.replace(options, lock_fd=descriptor))
        return _follow(job, run_id, ended, options)


def _follow(job: Job, run_id: str, ended: JobEnd, options: Options) -> int:
    """Tell people what is news of it, say so, and return the exit status."""
    status, event = _event(job, run_id, ended, options)
    notified, line = _tell(job, run_id, status, event, options)
    head = f"{job.name}: {status} in {ended.seconds:.1f} s"
    _say(options, f"{head}; {line}", news=notified is not None)
    for text in () if notified is None else notified.lines():
        _say(options, f"told people: {text}", news=True)
    return INCOMPLETE if ended.status is None else ended.status


def _event(job: Job, run_id: str, ended: JobEnd, options: Options) -> tuple[str, Event | None]:
    """The word for how the run ended, and what it would tell by itself."""
    from readiness.findings import Severity
    from readiness.operations.notify import Event as Message
    from readiness.operations.notify import event_of, find

    folder = options.config.report_dir
    if job.verb == BASELINE and ended.status is not None:
        word = {0: "READY", 1: "WORSE"}.get(ended.status, "INCOMPLETE")
        if ended.status == 0:
            return word, None
        return word, Message(
            kind="alarm",
            severity=Severity.MEDIUM,
            title=f"{hub_of(options.config)}: {_OF_BASELINE[word]}",
            lines=tuple(_tail(options, job)),
            checks=(f"baseline {word}",),
        )
    document = find(folder, run_id)
    if document is not None:
        page = folder / "readiness.html"
        return str(document["verdict"]["status"]), event_of(document, str(page if page.exists() else folder))
    how = f"ended after {options.limit:.0f} s" if ended.status is None else f"ended with status {ended.status}"
    return "INCOMPLETE", Message(
        kind="alarm",
        severity=Severity.HIGH,
        title=f"{hub_of(options.config)}: the scheduled run {job.name} {how} and left no verdict",
        lines=("Nothing is proven.", *_tail(options, job)),
        checks=("no verdict",),
    )


_OF_BASELINE: Final = {
    "WORSE": "worse than the accepted baseline",
    "INCOMPLETE": "nothing could be said about its performance",
}


def _tell(job: Job, run_id: str, status: str, event: Event | None, options: Options) -> tuple[Notified | None, str]:
    """Tell what is news; what came of it (None: nothing was to tell), and a line about it."""
    from readiness.operations.notify import change as notify_change
    from readiness.operations.notify import people as notify

    now = options.clock()
    path = options.folder / f"{job.name}.json"
    if event is not None and event.kind == "plan" and _is_carried_out(options, run_id):
        # who rolled back told the decision, the begin and the end: people know what it said last
        with contextlib.suppress(ReadinessError):
            notify_change.write(path, notify_change.JobMemory())
        return None, "its rollback told people itself"
    standing = notify_change.read(path)
    # never more often than hourly: below that people are told of the same thing once anyway
    repeat = max(options.repeat, 1.0) * 3600
    decided = notify_change.decide(
        standing, event, where=hub_of(options.config), status=status, run=run_id, now=now, repeat=repeat
    )
    notified = None
    if decided.event is not None:
        named = _with_pages(decided.event, run_id, options)
        notified = notify.tell(
            named, options.config, options.config.report_dir, environ=options.environ, pacing=options.pacing, now=now
        )
    after = _after(decided, notified)
    try:
        notify_change.write(path, after)
    except ReadinessError as error:  # they are rather told twice
        return notified, f"what was told cannot be remembered: {error}"
    if decided.what is None:
        return None, "nothing new" if after.known is None else f"nothing new since {_clock(after.told)}"
    return notified, _NEWS[decided.what]


def _is_carried_out(options: Options, run_id: str) -> bool:
    """Whether the rollback that the run planned has come to an outcome."""
    from readiness.operations.rollback import entries_of

    return any(entry.get("kind") == "outcome" for entry in entries_of(options.config.report_dir, run_id))


def _with_pages(event: Event, run_id: str, options: Options) -> Event:
    """`event` with where the reports are, and with what a decision to roll back means for a run that does not act."""
    folder = options.config.report_dir
    lines = event.lines
    if event.kind == "plan":
        from readiness.operations.notify import after as notify_after
        from readiness.operations.rollback import entries_of

        acts = entries_of(folder, run_id)
        page, trouble = notify_after.write_page(notify_after.find(folder, run_id), folder, acts)
        lines += () if page is None else (f"incident report: {page}",)
        lines += tuple(trouble)
        if not acts:
            lines = ("nothing was done: `readiness rollback` shows what is planned and carries it out", *lines)
    return dataclasses.replace(event, lines=lines, report=event.report or str(folder / "readiness.html"))


_NEWS: Final = {
    "new": "this is news",
    "changed": "it changed",
    "still": "it lasts",
    "over": "it is over",
    "unsteady": "it comes and goes",
}


def _after(decided: Any, told: Notified | None) -> Any:  # noqa: ANN401 - a decision and a standing, imported when needed
    """What is remembered: by whether the message arrived everywhere, somewhere or nowhere. Nobody to tell is everywhere."""
    if told is None or not told.deliveries:
        return decided.arrived
    there = told.sent or (told.suppressed if decided.repeated else ())
    if not there:
        return decided.lost
    return decided.partly if told.failed else decided.arrived


def _execute(job: Job, run_id: str, options: Options) -> JobEnd:
    """Run the job in a process group of its own, its output in a file beside its memory, until its time is over."""
    config = options.config
    argv = [sys.executable, "-P", "-m", "readiness", job.verb, *job.arguments]
    argv += [] if job.verb == BASELINE else ["-q", "-p", "no:cacheprovider"]
    argv += ["--readiness-report", str(config.report_dir)]
    argv += ["--readiness-config", str(config.path)] if config.path else []
    environment = {**options.environ, CHECK_ID: run_id, SCHEDULED: "acts" if options.acts else "looks"}
    log = _log(options, job)
    file_writing.make_folder(log.parent)
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True, pass_fds=() if options.lock_fd is None else (options.lock_fd,),
        )  # fmt: skip
        with _passed_on(child):
            status = _ended(child, options.limit)
    return JobEnd(status=status, seconds=time.monotonic() - started)


@contextlib.contextmanager
def _passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """What ends this process ends the child as well, which still gives a verdict on what it has."""

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(child: subprocess.Popen[bytes], limit: float) -> int | None:
    """The child's status; None where it did not end in its time and the grace after it."""
    try:
        return child.wait(limit)
    except subprocess.TimeoutExpired:
        child.terminate()
    try:
        return child.wait(GRACE)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _log(options: Options, job: Job) -> Path:
    return options.folder / f"{job.name}.log"


def _tail(options: Options, job: Job) -> list[str]:
    """The last lines of the run's own output."""
    try:
        with _log(options, job).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _TAIL, 0))
            text = file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-6:]


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _say(options: Options, text: str, *, news: bool = False) -> None:
    if news or not options.quiet:
        sys.stdout.write(f"readiness schedule: {text}\n")
        sys.stdout.flush()
