"""Workers of one run take turns at the hub: those that disturb it are alone, those that look share it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from readiness.errors import CouldNotLook
from readiness.session.fixtures.reachability import turn

if TYPE_CHECKING:
    from pathlib import Path


def test_those_that_look_share(tmp_path: Path) -> None:
    """Two lookers hold the hub at the same time."""
    held = []
    with turn(tmp_path, alone=False, patience=1):
        held.append("first")
        with turn(tmp_path, alone=False, patience=1):
            held.append("second")
    assert held == ["first", "second"]


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_who_disturbs_is_alone(tmp_path: Path, first: bool, second: bool) -> None:  # noqa: FBT001 - rows
    """Nobody gets in beside it, and the wait has an end with words."""
    refused = pytest.raises(CouldNotLook, match="did not give the hub free")
    with turn(tmp_path, alone=first), refused, turn(tmp_path, alone=second, patience=0.1):
        pass
    with turn(tmp_path, alone=second, patience=0.1):
        pass


def test_who_waits_to_be_alone_gets_its_turn(tmp_path: Path) -> None:
    """Lookers that come one after another do not keep it waiting for ever."""
    got = threading.Event()
    stop = time.monotonic() + 10

    def look() -> None:
        while not got.is_set() and time.monotonic() < stop:
            with turn(tmp_path, alone=False):
                time.sleep(0.02)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    with turn(tmp_path, alone=True, patience=5):
        got.set()
    for looker in lookers:
        looker.join(10)
    assert not any(looker.is_alive() for looker in lookers)


def test_a_worker_that_dies_gives_its_turn_back(tmp_path: Path) -> None:
    """The lock ends with its process, however that ends."""
    code = (
        "import os, sys, pathlib; from readiness.session.fixtures.reachability import turn\n"
        "turn(pathlib.Path(sys.argv[1]), alone=True).__enter__(); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    assert done.returncode == 9
    with turn(tmp_path, alone=True, patience=1):
        pass
