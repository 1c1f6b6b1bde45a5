"""The generator as a child process: its plan goes in, its progress comes out a line at a time, and it never outlives its run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.support import LOAD_KEY, child_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from readiness.config import Config

START_SECONDS: Final = 30.0
"""How long the generator may take to load its libraries and connect its workers."""
GRACE: Final = 15.0
"""Seconds beyond schedule and drain in which it has to be done."""
INTERRUPTED: Final = 0.8
"""Seconds in which an interrupted generator may write what it has."""
_LINE: Final = 64 * 1024
_WORDS: Final = 4_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorEnd:
    """How the generator ended: its own word (`done`, `aborted`, `interrupted`, `lost-worker`, …), and what it measured of itself."""

    end: str
    why: str = ""
    file: str = ""
    cpu: tuple[float, ...] = ()
    clock_offset_ms: float = 0.0
    last: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def run_generator(
    plan: Mapping[str, Any], config: Config, log: Path, progress: Callable[[Mapping[str, Any]], None]
) -> GeneratorEnd:
    """Start the generator, pass its progress to `progress`, and return how it ended. Raises Unknown where it gave no result.

    An interrupt is passed on: the generator then writes what it has, and the interrupt goes on.
    """
    seconds = float(plan["arrivals"]["seconds"]) + float(plan["drain"]) + START_SECONDS + GRACE
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "readiness.loadgen"],
            env=_environment(config),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        timer = threading.Timer(seconds, _end, (process,))
        timer.daemon = True
        timer.start()
        try:
            return _follow(process, plan, progress, log)
        except KeyboardInterrupt:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=INTERRUPTED)
            raise
        finally:
            timer.cancel()
            _end(process)


def _environment(config: Config) -> dict[str, str]:
    """What every child gets, and the variables that hold credentials: the generator alone has to know them."""
    variables = child_process.environment()
    variables["PYTHONUNBUFFERED"] = "1"
    for name in ("PYTHONPATH", "VIRTUAL_ENV", LOAD_KEY, *config.target.secret_variables):
        if name in os.environ:
            variables[name] = os.environ[name]
    return variables


def _follow(
    process: subprocess.Popen[bytes],
    plan: Mapping[str, Any],
    progress: Callable[[Mapping[str, Any]], None],
    log: Path,
) -> GeneratorEnd:
    assert process.stdin is not None
    assert process.stdout is not None
    # the input stays open: when this process dies, its end tells the generator
    with contextlib.suppress(BrokenPipeError):  # it died at its start: what it said of that follows
        process.stdin.write(json.dumps(plan).encode() + b"\n")
        process.stdin.flush()
    last: Mapping[str, Any] = {}
    for line in iter(lambda: process.stdout.readline(_LINE), b""):  # type: ignore[union-attr]
        message = _message(line)
        if "end" in message:
            return _ended(message, last)
        if "t" in message:
            last = message
            progress(message)
    try:
        code: int | str = process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        code = "unknown, it closed its output and went on"
    raise Unknown(f"the load generator ended with status {code} and no result: {_last_words(log)}")


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _ended(message: Mapping[str, Any], last: Mapping[str, Any]) -> GeneratorEnd:
    cpu, offsets = message.get("cpu"), message.get("clock_offset_ms")
    shares = cpu.values() if isinstance(cpu, dict) else cpu if isinstance(cpu, list) else [cpu]
    apart = offsets.values() if isinstance(offsets, dict) else []
    return GeneratorEnd(
        end=str(message["end"])[:40],
        why=str(message.get("why") or "")[:300],
        file=str(message.get("file") or ""),
        cpu=tuple(float(one) for one in shares if isinstance(one, (int, float))),
        # what is no number is no proof that the clocks agree
        clock_offset_ms=max((abs(one) if isinstance(one, (int, float)) else math.inf for one in apart), default=0.0),
        last=last,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the generator and its workers, whatever they are doing."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        until = time.monotonic() + 1.0
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace")[-_WORDS:].splitlines()
    except OSError:
        lines = []
    words = [line.strip() for line in lines if line.strip()]
    return words[-1][:300] if words else "it said nothing"
