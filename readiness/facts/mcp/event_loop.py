"""An event loop in a thread of its own: checks are plain functions, the agent's sessions are not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

from readiness.facts.http import TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

_T = TypeVar("_T")

GRACE: Final = 3.0
"""Seconds that the loop gets over a call's own time-out before its caller stops waiting for it."""


class Loop:
    """Runs coroutines from any thread; started at the first one, and ended with its thread by `close`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether there is a thread to close."""
        return self._thread is not None

    def run(self, work: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """The result of `work`, which is to bound itself to `seconds`. Raises what it raises, and TimedOut."""
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result(seconds + GRACE)
        except TimeoutError:
            raise TimedOut(f"no end within {seconds:.3g} s") from None
        finally:
            future.cancel()

    def close(self) -> None:
        """End what still runs, then the loop and its thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result(GRACE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(GRACE)
        if not thread.is_alive():
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="readiness-mcp", daemon=True)
            self._thread.start()
        return self._loop


async def _end_tasks() -> None:
    own = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not own]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


async def first_of(work: Awaitable[_T], other: asyncio.Future[Any], seconds: float) -> _T:
    """The result of `work`, unless `other` ends before it, or `seconds` do. Raises what either raises, and TimeoutError.

    What is still under way then is cancelled, and waited for as long again at most.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task, other}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            return task.result()
        if other in done:
            other.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=min(seconds, 1.0))
