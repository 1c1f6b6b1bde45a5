"""Starting and stopping an embedded hub from another program. Imports the standard library only."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from readiness.demo.faults.table import DemoError, find_all
from readiness.demo.llm_control import SLOW, LlmControl
from readiness.demo.scratch import Scratch
from readiness.support import require_extra

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"
LLM_PATH = "/v1"
BACKLOG = 256
START_SECONDS = 15.0
"""How long it may take to listen; it takes less than one on an idle machine."""
STOP_SECONDS = 3.0
"""How long it may take to end by itself before it is killed."""
TAIL = 2_000
"""Characters of its standard error that an error shows."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class DemoHub:
    """A running embedded hub; as a context manager it stops when the block ends.

    `pid` is the process that listens. `release` is the tree it was deployed from, `config_file` and `env_file`
    what it was started with, `state_dir` where its workspaces.json and logs/ are.
    """

    url: str
    pid: int
    port: int
    scratch: Scratch
    process: subprocess.Popen[bytes]
    fault: str | None = None

    @property
    def release(self) -> Path:
        """The release tree: package.json, .env.production and config/."""
        return self.scratch.release

    @property
    def config_file(self) -> Path:
        """The configuration that it runs."""
        return self.scratch.config_file

    @property
    def env_file(self) -> Path:
        """The environment file that it runs with."""
        return self.scratch.env_file

    @property
    def state_dir(self) -> Path:
        """The hub's state folder."""
        return self.scratch.state_dir

    @property
    def log_file(self) -> Path:
        """The hub's log, one JSON object a line."""
        return self.state_dir / "logs" / "mcp-hub.log"

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self.process.poll() is None

    def llm(self, order: str, seconds: float = SLOW) -> None:
        """Breaks or mends its LLM, as `llm_control` does; returns when that is in force. Raises `OrderError`."""
        LlmControl(self.scratch.root).give(order, seconds)

    def stop(self) -> None:
        """Ends it and removes its folder; again: nothing."""
        _stop(self.process, self.scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(  # noqa: PLR0913 - by name, and each has a default
    fault: str | None = None,
    *,
    port: int = 0,
    seconds: float | None = None,
    token_env: str | None = None,
    breaker_rest: float | None = None,
    supervised: bool = False,
    kind: str | None = None,
    timeout: float = START_SECONDS,
) -> DemoHub:
    """Starts an embedded hub on loopback and returns when it listens; it becomes ready a moment later.

    `fault` is a name of `readiness.demo.faults.table.FAULTS`, or several with commas; `seconds` replaces the fault's own
    number of them. `breaker_rest`: seconds that an open circuit breaker rests. `supervised`: where the hub's process
    ends by itself or is killed, another takes its place on the same port. `kind`: `mcp` or `bridge`, in place of a hub.
    `token_env` names an environment variable: the hub then demands its value as bearer token.
    Raises `DemoError` for an unknown fault, an empty token, or a hub that does not listen within `timeout` seconds.
    """
    find_all(fault)
    require_extra("demo")
    if token_env is not None and not os.environ.get(token_env):
        raise DemoError(f"the environment variable {token_env} that should hold the hub's token is not set")
    options: dict[str, object] = {"--fault": fault, "--token-env": token_env, "--seconds": seconds}
    options |= {"--breaker-rest": breaker_rest, "--kind": kind}
    # bound here, so that what the release says about its port and its provider is true before anything runs
    flags = ("--supervised",) if supervised else ()
    with _listener(port) as own, _listener(free_port()) as llm:
        scratch = Scratch.create(port=own.getsockname()[1], llm=f"http://{HOST}:{llm.getsockname()[1]}{LLM_PATH}")
        try:
            process = _spawn(scratch, options, *flags, token_env=token_env, listeners=(own.fileno(), llm.fileno()))
        except BaseException:
            scratch.remove()
            raise
    try:
        where = _ready_line(process, scratch, timeout)
    except BaseException:
        scratch.remove()
        raise
    hub = DemoHub(**where, scratch=scratch, process=process, fault=fault)
    # the process ends by itself when this program does; this removes the folder if the process died before
    weakref.finalize(hub, _stop, process, scratch)
    return hub


def free_port() -> int:
    """A port by its number: what is bound so keeps its port while it refuses connections, as the LLM's double may."""
    with _listener(0) as listener:
        return int(listener.getsockname()[1])


def package_path() -> str:
    """PYTHONPATH with which a child finds this package, in a checkout that is not installed too."""
    here, given = Path(__file__).resolve().parents[2], os.environ.get("PYTHONPATH", "")
    if here.name in {"site-packages", "dist-packages"}:  # they must not come before the standard library
        return given
    return os.pathsep.join(filter(None, [str(here), given]))


def _listener(port: int) -> socket.socket:
    """A socket that listens on loopback; 0: on a free port. Raises DemoError."""
    try:
        return socket.create_server((HOST, port), backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise DemoError(f"nothing can listen on port {port} of {HOST}: {error}") from None


def _spawn(
    scratch: Scratch, options: dict[str, object], *flags: str, token_env: str | None, listeners: tuple[int, int]
) -> subprocess.Popen[bytes]:
    """The process, which takes over `listeners`: the hub's own and its provider's."""
    given = [*flags, *(part for name, value in options.items() if value is not None for part in (name, str(value)))]
    for name, number in zip(("--listener", "--llm-listener"), listeners, strict=True):
        given += [name, str(number)]
    command = [sys.executable, "-P", "-m", "readiness.demo.hub_process", "--scratch", str(scratch.root), *given]
    environment = scratch.environment()
    if token_env is not None:
        environment[token_env] = os.environ[token_env]
    environment["PYTHONPATH"] = package_path()
    with scratch.stderr.open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            cwd=scratch.release,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the process that started this one
            pass_fds=listeners,
        )


def _ready_line(process: subprocess.Popen[bytes], scratch: Scratch, timeout: float) -> dict[str, Any]:
    """The line that says where it listens; raises `DemoError`, with the process ended, when there is none in time."""
    lines: list[bytes] = []
    out = process.stdout

    def read() -> None:
        if out is not None:
            lines.append(out.readline(10_000))

    reader = threading.Thread(target=read, name="demo-ready-line", daemon=True)
    reader.start()
    reader.join(timeout)
    with contextlib.suppress(IndexError, ValueError, KeyError, TypeError):
        announced = json.loads(lines[0])
        return {"url": str(announced["url"]), "pid": int(announced["pid"]), "port": int(announced["port"])}
    why = f"did not listen within {timeout:g} s" if process.poll() is None and not lines else "ended before it listened"
    process.kill()
    process.wait(STOP_SECONDS)
    tail = scratch.stderr.read_text(encoding="utf-8", errors="replace")[-TAIL:].strip()
    _close_pipes(process)
    raise DemoError(f"the embedded hub {why}" + (f"; it said:\n{tail}" if tail else "; it said nothing"))


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _stop(process: subprocess.Popen[bytes], scratch: Scratch) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    _close_pipes(process)
    scratch.remove()
