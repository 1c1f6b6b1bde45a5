"""Runs pytest in a child process, so that there is a verdict even when it dies.

The child is this interpreter over again: the parent has imported next to nothing, so that forking it takes 1 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
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


_VERDICT: Final = 4_096
"""Bytes of what a child says of its verdict."""


def run_pytest(given: Sequence[str], run_id: str) -> tuple[int, CheckArguments, int | None]:
    """Run pytest with the arguments `given` to its end.

    Returns its status, negative for a signal, what the arguments asked for, and the status that it said
    its verdict asks for; None: it said none, or several.
    Ctrl-C and SIGTERM are the child's to answer.
    """
    from readiness.operations.check_run.arguments import CheckArguments, without_reading

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ[RUN_ID] = run_id
    readable, written = os.pipe()
    heard, said = os.pipe()
    flush_output()
    child = os.fork()
    if not child:
        os.close(readable)
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
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    os.set_blocking(heard, False)  # what the child left behind may hold the other end
    verdict: int | None = None
    with contextlib.suppress(BlockingIOError, ValueError, KeyError, TypeError):
        verdict = int(json.loads(os.read(heard, _VERDICT))["exit"])
    os.close(heard)
    return status, CheckArguments.from_json(text) if text.endswith("}") else without_reading(given), verdict


def _child(given: Sequence[str], written: int, said: int) -> None:
    status = INTERNAL_ERROR
    try:
        # last, and not first as `python -m pytest` has it: an httpx.py that lies there is not what anybody means
        sys.path.append(str(Path.cwd()))
        import gc

        import pytest

        gc.set_threshold(*COLLECTOR)
        from readiness.operations.check_run.arguments import read_arguments
        from readiness.session import VERDICT_PIPE

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
