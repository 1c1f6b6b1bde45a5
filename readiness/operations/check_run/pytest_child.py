"""Runs pytest in a child process, so that there is a verdict even when it dies.

The child is this interpreter over again: the parent has imported next to nothing, so that forking it takes 1 ms.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.support import OWN_CHECKS, RUN_ID, flush_output, say, say_what_was_lost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from readiness.operations.check_run.arguments import CheckArguments

COLLECTOR: Final = (50_000, 20, 20)
"""Thresholds of the garbage collector in pytest's process, which is short and ours alone: the usual ones cost it 50 ms."""
INTERNAL_ERROR: Final = 70
"""What sysexits calls an internal error, should pytest leave without a status."""


_SHIPPED: Final = 64 * 1024 * 1024
"""Bytes of what a child ships that are kept: 10,000 findings are about 5 MB."""
_LOOK: Final = 0.2
"""Seconds between two looks at what the child takes, and whether it has ended where something holds its pipe."""
_MEMORY: Final = 2 << 30
_LEAST_MEMORY: Final = 512 << 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the child that ran pytest ended. `status` is negative for a signal."""

    status: int
    pid: int
    asked: CheckArguments
    shipped: bytes = b""
    """Its journal, as it came through the pipe."""
    trouble: str = ""
    """Why it was ended by us, where it was."""


def run_pytest(given: Sequence[str], run_id: str) -> Ended:
    """Run pytest with the arguments `given` to its end. Ctrl-C and SIGTERM are the child's to answer."""
    from readiness.operations.check_run.arguments import CheckArguments, without_reading

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ[RUN_ID] = run_id
    readable, written = os.pipe()
    heard, said = os.pipe()
    flush_output()
    child = os.fork()
    if not child:
        os.close(readable)
        os.close(heard)
        _child(given, written, said)
    os.close(written)
    os.close(said)

    def forward(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    previous = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, forward),
        # the terminal sends Ctrl-C to the child as well: wait for what it has to say
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
    }
    try:
        with open(readable, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor; the child closes it before it runs
            text = pipe.read()
        status, shipped, trouble = _waited(child, heard)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(heard)
    asked = CheckArguments.from_json(text) if text.endswith("}") else without_reading(given)
    return Ended(status=status, pid=child, asked=asked, shipped=shipped, trouble=trouble)


def _waited(child: int, heard: int) -> tuple[int, bytes, str]:
    """Wait for the child's end; its status, what it shipped, and why it was ended by us, if it was.

    What it left behind may hold the pipe: nobody waits for that.
    """
    shipped, is_open, trouble = bytearray(), True, ""
    ended: int | None = None
    limit, looked = _memory_limit(), time.monotonic()
    os.set_blocking(heard, False)
    while is_open:
        is_ready = bool(select.select([heard], [], [], _LOOK)[0])
        if time.monotonic() - looked >= _LOOK and ended is None:
            looked = time.monotonic()
            if end_what_outgrew(child, limit):
                trouble = (
                    f"the run took more than {limit >> 20} MB of memory and was ended; what it had found by then counts"
                )
        if is_ready:
            part = os.read(heard, 1 << 16)
            is_open = bool(part)
            if len(shipped) < _SHIPPED:
                shipped += part
        elif ended is not None:
            break
        else:
            pid, code = os.waitpid(child, os.WNOHANG)
            ended = code if pid else None
    if ended is None:
        ended = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(ended), bytes(shipped), trouble


def _memory_limit() -> int:
    """Bytes that one process of a run may take: 2 GB, or half of what the machine has."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _MEMORY
    return max(min(_MEMORY, whole // 2), _LEAST_MEMORY)


def end_what_outgrew(child: int, limit: int) -> bool:
    """End the run's process where it takes more than `limit` bytes, or those of its workers that do; whether it was the run's.

    What is measured is what lies in memory: address space says nothing of a process with threads, nor of a node that a check
    starts, which would inherit a limit of it.
    """
    if _resident(child) > limit:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        return True
    with contextlib.suppress(OSError, ValueError):
        own = os.readlink("/proc/self/exe")  # noqa: PTH115 - a tick's work
        for worker in map(int, Path(f"/proc/{child}/task/{child}/children").read_text(encoding="ascii").split()):
            if _resident(worker) > limit and os.readlink(f"/proc/{worker}/exe") == own:  # noqa: PTH115
                os.kill(worker, signal.SIGKILL)
    return False


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _child(given: Sequence[str], written: int, said: int) -> None:
    status = INTERNAL_ERROR
    try:
        import gc

        import pytest

        gc.set_threshold(*COLLECTOR)
        from readiness.operations.check_run.arguments import read_arguments
        from readiness.session import VERDICT_PIPE, find_own_modules

        find_own_modules()
        VERDICT_PIPE.descriptor = said
        asked = read_arguments(given)
        with open(written, "w", encoding="utf-8") as pipe:
            pipe.write(asked.to_json())
        os.environ[OWN_CHECKS] = os.pathsep.join(asked.own_checks)
        sys.argv = ["pytest", *asked.pytest]
        gc.freeze()  # what pytest is made of is no garbage: its last look at everything need not look at that
        status = int(pytest.main(list(asked.pytest)))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else INTERNAL_ERROR
    except OSError as error:
        say(f"readiness check: pytest was ended by the machine: {error}", error=True)
    except BaseException:  # noqa: BLE001 - the child must not return into the parent's code
        say(traceback.format_exc().rstrip(), error=True)
    finally:
        flush_output()
        say_what_was_lost()
        os._exit(status)
