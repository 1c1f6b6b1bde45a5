"""Child processes: an argument list and never a shell, a time-out, a bounded output, and nothing left behind.

A child leads a process group of its own, and the whole group is ended when the time is over and when the child itself
has ended. It gets no standard input, and of this process's environment only what a tool needs to be found and to speak.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OUTPUT_LIMIT: Final = 1024 * 1024
"""Bytes kept of each of a child's two outputs: the first quarter and the last three, where summaries stand."""
_GRACE: Final = 2.0
"""Seconds between asking a group to end and ending it."""
_ERROR: Final = re.compile(r"(?:Uncaught )?\w*Error(?: \[\w+\])?: ")
_TICK: Final = 0.05
_CHUNK: Final = 65536
_INHERITED: Final = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("VOLTA_HOME", "NVM_DIR", "BUN_INSTALL", "ASDF_DATA_DIR", "MISE_DATA_DIR"),
)
"""What a child gets of this environment: how to find tools and the network, and no secret."""


class ToolNotInstalled(Unknown):
    """A tool that a check needs is not there; the text says which, and what to install."""


class CouldNotRun(Unknown):
    """A tool is there and could not be started."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FinishedProcess:
    """What came of a child. `code` is negative for a signal; `seconds` is how long it ran."""

    argv: tuple[str, ...]
    code: int
    out: str = dataclasses.field(repr=False)
    err: str = dataclasses.field(repr=False)
    timed_out: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return self.code == 0 and not self.timed_out

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.timed_out:
            return f"did not end within {self.seconds:.0f} s"
        if self.code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-self.code).name}"
        return f"ended with status {self.code}"

    def last_words(self, limit: int = 300) -> str:
        """The last lines that say something, of its errors or else of its output, at most `limit` characters."""
        for text in (self.err, self.out):
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines and lines[-1].startswith("Node.js v"):  # a trace, whose first words say what is wrong
                lines = [line for line in lines if _ERROR.match(line)] or lines
            if lines:
                return " / ".join(lines[-4:])[-limit:]
        return "it said nothing"


def environment(home: Path | None = None, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: what it inherits, `home` with the XDG folders below it, then `extra`."""
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables.setdefault("PATH", os.defpath)
    variables |= {"LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    if home is not None:
        variables |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_STATE_HOME": str(home / ".local" / "state"),
            "XDG_RUNTIME_DIR": str(home / ".run"),
            "TMPDIR": str(home / "tmp"),
        }
    return variables | dict(extra or {})


@contextlib.contextmanager
def scratch_home() -> Iterator[Path]:
    """A private folder to be a child's HOME, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="readiness-home-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        for folder in (".config", ".cache", ".local/share", ".local/state", ".run", "tmp"):
            (home / folder).mkdir(parents=True, mode=0o700)
        yield home


def find(name: str, install: str = "") -> str:
    """Where the tool `name` is. Raises NotInstalled, which says to install `install` (default: the tool's own name)."""
    program = shutil.which(name)
    if program is None:
        raise ToolNotInstalled(f"{name} is not installed: install {install or name} and run again")
    return program


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit: int = OUTPUT_LIMIT,
) -> FinishedProcess:
    """Run `argv` for at most `timeout` seconds with exactly `env` (default: `environment()`).

    Never put a secret into `argv`: every user of the machine can read it; use `env`. A time-out is not raised, it is a
    field. Raises NotInstalled where there is no such program, CouldNotRun where it cannot be started.
    """
    started = time.monotonic()
    process = _start(list(argv), cwd, dict(environment() if env is None else env))
    outputs: dict[object, _Kept] = {process.stdout: _Kept(limit), process.stderr: _Kept(limit)}
    try:
        timed_out = not _follow(process, outputs, started + timeout)
    finally:
        _end_group(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    return FinishedProcess(
        argv=tuple(argv),
        code=process.returncode,
        out=outputs[process.stdout].text(),
        err=outputs[process.stderr].text(),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
    )


def _start(argv: list[str], cwd: Path | None, env: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - an argument list that a check's author or readiness.toml wrote
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise CouldNotRun(f"{argv[0]} could not be started: {cwd} is no folder") from None
        raise ToolNotInstalled(f"{error.filename or argv[0]} is not installed: install it and run again") from None
    except (OSError, ValueError) as error:
        raise CouldNotRun(f"{argv[0]} could not be started: {getattr(error, 'strerror', None) or error}") from None


class _Kept:
    """The beginning and the end of an output, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self.head_limit, self.tail_limit = limit // 4, limit - limit // 4
        self.head, self.tail, self.cut = bytearray(), bytearray(), 0

    def take(self, data: bytes) -> None:
        room = self.head_limit - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        over = len(self.tail) - self.tail_limit
        if over > 0:
            del self.tail[:over]
            self.cut += over

    def text(self) -> str:
        middle = f"\n… [{self.cut} bytes cut]\n".encode() if self.cut else b""
        return (bytes(self.head) + middle + bytes(self.tail)).decode("utf-8", "replace")


def _follow(process: subprocess.Popen[bytes], outputs: Mapping[object, _Kept], deadline: float) -> bool:
    """Read until the child has ended; whether that was in time. A grandchild that keeps a pipe open holds up nothing."""
    with selectors.DefaultSelector() as selector:
        for pipe in outputs:
            os.set_blocking(pipe.fileno(), False)  # type: ignore[attr-defined]
            selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type]
        while not _has_ended(process):
            left = deadline - time.monotonic()
            if left <= 0:
                _read(selector, outputs, 0)
                return False
            _read(selector, outputs, min(_TICK, left))
        while _read(selector, outputs, 0):
            if time.monotonic() > deadline:
                break
    return True


def _read(selector: selectors.BaseSelector, outputs: Mapping[object, _Kept], wait: float) -> bool:
    """Take what is there within `wait` seconds; whether anything was."""
    if not selector.get_map():
        time.sleep(min(wait, 0.005))
        return False
    some = False
    for key, _ in selector.select(wait):
        with contextlib.suppress(BlockingIOError):
            data = os.read(key.fd, _CHUNK)
            some = some or bool(data)
            outputs[key.fileobj].take(data)
            if not data:
                selector.unregister(key.fileobj)
    return some


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended, without reaping it: until then its group's number belongs to nobody else."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever of the group is still there, politely where the child itself still runs."""
    if not _has_ended(process):
        _signal(process, signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while not _has_ended(process) and time.monotonic() < until:
            time.sleep(0.01)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
