"""A plugin for runs under test: keeps what workers send and what lies in the run's private folder, or blinds redaction."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

KEPT = Path(os.environ["CANARY_KEPT"])


def blind() -> None:
    """Switch redaction off, for the proof that the search can find something."""
    from readiness.support.redaction.redactor import Redactor

    Redactor._redact = lambda _self, text: text  # type: ignore[assignment, method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Write down everything that goes through a worker's channel."""
    if not hasattr(config, "workerinput"):
        return
    import execnet.gateway_base as base

    send = base.Channel.send

    def noted(self: Any, item: Any) -> Any:
        with (KEPT / "traffic").open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{item!r}\n")
        return send(self, item)

    base.Channel.send = noted  # type: ignore[method-assign]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Copy the run's private folder while it is there; die in the middle where that is asked for."""
    for folder in Path(os.environ["TMPDIR"]).glob("readiness-*"):
        with contextlib.suppress(shutil.Error, OSError):  # a worker's file that was renamed while it was copied
            shutil.copytree(folder, KEPT / folder.name, dirs_exist_ok=True)
    if report.when == "teardown" and os.environ.get("CANARY_DIES") == report.nodeid.rpartition("::")[2]:
        os.kill(os.getpid(), signal.SIGKILL)


if os.environ.get("CANARY_BLIND"):
    blind()
