"""Gives an interrupted rollback up: a person finished it by other means, or never will."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.errors import ReadinessError
from readiness.operations.deploys import journal, lock
from readiness.operations.rollback import steps
from readiness.operations.rollback.outcome import Result
from readiness.support import process_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config.model import Config


def abandon(config: Config, folder: Path, say: Callable[[str], None]) -> None:
    """Write down that the unfinished rollback in `folder` failed and nobody goes on with it.

    Raises ReadinessError where there is none, or where its command still runs; lock.Held where somebody is at it.
    """
    with lock.held(lock.folder_for(config), "giving a rollback up", folder):
        state = journal.unfinished(folder)
        given_up = steps.give_up(config)
        if given_up is not None:
            say(f"{steps.words(given_up)}; how files were before is kept beside it")
        if state is None and given_up is not None:
            return
        if state is None:
            raise ReadinessError("there is no unfinished rollback to give up")
        for entry in state.entries:
            if (
                entry["kind"] != journal.STARTED
                or entry["boot"] != process_identity.boot()
                or entry["host"] != process_identity.host()
            ):
                continue
            if process_identity.alive(int(entry["pid"]), entry["start"]):
                raise ReadinessError(
                    f"its action {entry['action']} still runs as process {entry['pid']}: wait or end it"
                )
        book = journal.Journal(state.path)
        try:
            book.write(journal.OUTCOME, result=Result.FAILED.value, because="given up by a person", seconds={})
        finally:
            book.close()
        say(f"{state.path} is closed as {Result.FAILED.value}; look at the hub")
