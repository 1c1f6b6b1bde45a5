"""Commands of a release or a rollback: begun only once the process is written down, bounded in time, the output untrusted.

The child waits at a gate until its number and start are on disk, and leaves a mark there itself before the command begins:
whoever resumes knows which process to look for, and whether it ever began. Its process group is ended past the time and
at no other end, since a hub that it started may belong to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import tempfile
import time
from typing import IO, TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys.journal import ENDED, INTENT, STARTED, EndedCommand, mark, read_journal
from readiness.support import flush_folder, process_identity, visible_text
from readiness.support.redaction import shown_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GRACE: Final = 10.0
"""Seconds between asking a process group to end and ending it."""
HEAD: Final = 16 * 1024
"""Bytes kept of an output's beginning, and three times as many of its end."""
FLOOD: Final = 1024 * 1024
"""Bytes of output after which what was seen is let go: a flood must not fill the disk."""
OUTPUT: Final = 8_000
"""Characters of an output that a journal keeps."""
_STEP: Final = 0.02
_NOT_LET: Final = 125
_NOT_FOUND: Final = 127


class JournalledCommands:
    """Runs commands of which each is begun once, whoever dies when: the journal and a mark tell whoever comes after."""

    def __init__(  # noqa: PLR0913 - where it is written, and what tests put in place of the usual
        self,
        path: Path,
        write: Callable[..., None],
        *,
        say: Callable[[str], None] = lambda _: None,
        clean: Callable[[str, int], str] = visible_text,
        on_step: Callable[[str], None] = lambda _: None,
        grace: float = GRACE,
        subject: str = "action",
    ) -> None:
        """`path` is the journal, `write` appends to it; `subject` is the key by which it names a command."""
        self.path, self.write, self.say, self.clean = path, write, say, clean
        self.on_step, self.grace, self.subject = on_step, grace, subject

    def run(  # noqa: PLR0913 - what a command is, one keyword each
        self,
        name: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        again: Callable[[], bool] = lambda: False,
    ) -> EndedCommand:
        """Run it, or learn what became of it where it was begun before; `again`: whether it is begun once more all the same."""
        known = read_journal(self.path).ended(name)
        if known is not None:
            return known
        ended = self.wait(name, timeout)
        if ended is None or again():
            self.write(INTENT, **{self.subject: name}, command=self.clean(" ".join(shown_arguments(argv)), 1_000))
            self.say(f"{name}: begun")
            ended = self.begin(name, argv, cwd=cwd, env=env, timeout=timeout)
        return self.keep(name, ended)

    def wait(self, name: str, timeout: float) -> EndedCommand | None:
        """What came of a command that another process began and did not live to see ending; None where it never began."""
        started = read_journal(self.path).started(name)
        if started is None:
            return None
        ended = EndedCommand(code=None)
        if started.is_of_this_boot:
            self.say(f"{name} was begun before: waiting for process {started.pid}")
            ended = wait_for_command(started.pid, started.start, until=started.at + timeout, grace=self.grace)
        # asked once the process is gone: until then it may be about to begin
        return ended if mark(self.path, name).exists() else None

    def begin(
        self, name: str, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> EndedCommand:
        """Begin it, and wait for its end."""

        def on_started(pid: int, start: str | None) -> None:
            self.write(
                STARTED,
                **{self.subject: name},
                pid=pid,
                start=start,
                boot=process_identity.boot(),
                host=process_identity.host(),
            )
            self.on_step(f"let {name} begin")

        begun = mark(self.path, name)
        begun.unlink(missing_ok=True)
        ended = run_command(
            argv, cwd=cwd, env=env, timeout=timeout, on_started=on_started, begun=begun, grace=self.grace
        )
        self.on_step(f"{name} has ended")
        return ended

    def keep(self, name: str, ended: EndedCommand) -> EndedCommand:
        """Write down how it ended, without secrets; as it is written."""
        kept = dataclasses.replace(
            ended, trouble=self.clean(ended.trouble, 300), output=self.clean(ended.output, OUTPUT)
        )
        self.write(ENDED, **{self.subject: name}, **dataclasses.asdict(kept))
        return kept


def run_command(  # noqa: PLR0913 - what a command is, one keyword each
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    on_started: Callable[[int, str | None], None],
    begun: Path | None = None,
    grace: float = GRACE,
) -> EndedCommand:
    """Run `argv`; `on_started` gets its process and start before the command begins, and keeps it from it by raising.

    `begun` is a file that the process makes, on disk, just before the command begins.
    """
    began = time.monotonic()
    with _output() as output:
        pid, gate, errors = _spawn(list(argv), cwd, dict(env), output, begun)
        try:
            on_started(pid, process_identity.start_of(pid))
            os.write(gate, b"1")
        except BaseException:
            os.close(gate)  # the child reads the end of it, and leaves without having done anything
            os.close(errors)
            os.waitpid(pid, 0)
            raise
        os.close(gate)
        kept = bytearray()
        timed_out = not _wait(pid, began + timeout, output, kept)
        if timed_out:
            _end_group(pid, grace)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        trouble = _why(errors)
        return EndedCommand(
            code=code,
            timed_out=timed_out,
            seconds=time.monotonic() - began,
            output=_text(output, kept),
            trouble=trouble,
        )


def wait_for_command(pid: int, start: str | None, *, until: float, grace: float = GRACE) -> EndedCommand:
    """Wait for a command that another process began and did not live to see ending; `until` is by the wall clock."""
    began = time.monotonic()
    while process_identity.alive(pid, start):
        if time.time() > until:
            _end_group(pid, grace)
            return EndedCommand(code=None, timed_out=True, seconds=time.monotonic() - began)
        time.sleep(_STEP)
    return EndedCommand(code=None, seconds=time.monotonic() - began)


def _output() -> IO[bytes]:
    """A file without a name: a hub that keeps it as its output is not killed by writing, as it would be by a pipe."""
    try:
        return tempfile.TemporaryFile("w+b", buffering=0)
    except OSError:
        return open(os.devnull, "w+b", buffering=0)  # noqa: PTH123 - a full disk must not keep anybody from going back


def _spawn(
    argv: list[str], cwd: Path, env: dict[str, str], output: IO[bytes], mark: Path | None
) -> tuple[int, int, int]:
    gate, opened = os.pipe()
    errors, wrong = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        for descriptor in (gate, opened, errors, wrong):
            os.close(descriptor)
        raise ReadinessError(f"no process could be started: {error.strerror or error}") from error
    if not pid:
        _child(argv, cwd, env, output.fileno(), mark, gate=gate, opened=opened, wrong=wrong)
    os.close(gate)
    os.close(wrong)
    return pid, opened, errors


def _child(  # noqa: PLR0913 - descriptors, by name
    argv: list[str],
    cwd: Path,
    env: dict[str, str],
    output: int,
    mark: Path | None,
    *,
    gate: int,
    opened: int,
    wrong: int,
) -> None:
    try:
        os.setsid()
        os.close(opened)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if not os.read(gate, 1):
            os._exit(_NOT_LET)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(cwd)
        if mark is not None:
            os.fsync(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            flush_folder(mark.parent)
        os.execvpe(argv[0], argv, env)  # noqa: S606 - an argument list from readiness.toml, and no shell
    except (OSError, ValueError) as error:
        os.write(wrong, (getattr(error, "strerror", None) or str(error)).encode()[:200])
    finally:
        os._exit(_NOT_FOUND)


def _wait(pid: int, deadline: float, output: IO[bytes], kept: bytearray) -> bool:
    """Wait until the child has ended, letting go of a flood; whether that was in time."""
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return False
        _drain(output, kept)
        time.sleep(_STEP)
    return True


def _drain(output: IO[bytes], kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        if os.fstat(output.fileno()).st_size > FLOOD:
            if not kept:
                kept += os.pread(output.fileno(), HEAD, 0)
            os.ftruncate(output.fileno(), 0)
            os.lseek(output.fileno(), 0, os.SEEK_SET)  # the child shares the position: it goes on at the beginning


def _end_group(pid: int, grace: float) -> None:
    """End the group that `pid`, proven to run, leads: politely, then whatever of it is left for good."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 1.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        until = time.monotonic() + seconds
        while process_identity.start_of(pid) is not None and time.monotonic() < until:
            time.sleep(_STEP)


def _why(errors: int) -> str:
    """What kept the command from beginning; nothing where it began."""
    with os.fdopen(errors, "rb", buffering=0) as pipe:
        os.set_blocking(pipe.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            return (pipe.read(200) or b"").decode("utf-8", "replace")
    return ""


def _text(output: IO[bytes], kept: bytearray) -> str:
    with contextlib.suppress(OSError):
        size = os.fstat(output.fileno()).st_size
        head = bytes(kept) or os.pread(output.fileno(), HEAD, 0)
        begin = 0 if kept else len(head)
        tail = os.pread(output.fileno(), 3 * HEAD, max(begin, size - 3 * HEAD))
        cut = b"\n[... output cut ...]\n" if kept or begin + len(tail) < size else b""
        return (head + cut + tail).decode("utf-8", "replace")
    return ""
