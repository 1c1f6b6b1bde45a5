"""Writes a run's files anew once something became of it: a rollback that it planned has ended, or the release that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.results.history import store as history_store
from readiness.results.render.write import write_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.results.report import Report


def renew(report: Report, directory: Path, formats: Sequence[str]) -> list[Path]:
    """Write the files on top, the run's own in the history, and the page over all runs; the paths of those on top.

    Raises ReadinessError as `write_all` does.
    """
    written = write_all(report, directory, formats)
    history_store.renew(report, directory)
    if history_store.page_wanted(directory):
        from readiness.results.render.page import runs

        runs.write(directory)
    return written
