"""Every fault around a rollback ends exactly as written down: status, words, actions, people, and nothing left open."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from readiness.operations.rollback import journal as rollback_journal
from tests.faults.rollback import FAULTS
from tests.faults.rollback.model import EXIT, TOLD, RollbackFault
from tests.faults.rollback.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_written_down(
    fault: RollbackFault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It ends in its time with its status and words; no action runs twice; people are told; nothing is left open."""
    scene = Scene(fault, tmp_path, monkeypatch)
    with scene.stack:
        fault.prepare(scene)
        scene.plan()
        fault.between(scene)
        before = len(rollback_journal.rollbacks(scene.site.journals))
        began = time.monotonic()
        status = scene.act()
        took = time.monotonic() - began
        out, err = capfd.readouterr()
        everything = f"{out}\n{err}\n{scene.everything()}"
        usual = fault.actions if fault.acts and not fault.restores else ()
        assert status == EXIT[fault.expected], everything
        assert [word for word in fault.words if word not in everything] == [], everything
        assert scene.told_as() == (TOLD[fault.expected] if fault.told is None else fault.told), everything
        if not scene.told:
            assert scene.site.done() == []
        elif scene.told_as() == TOLD["refused"]:
            assert len(rollback_journal.rollbacks(scene.site.journals)) == before, "what was refused was begun"
        fault.after(scene)
        assert tuple(scene.site.done()) == (usual if fault.done is None else fault.done), everything
        assert took < 10
        assert scene.finished()


def test_faults_are_well_formed() -> None:
    """There are more than fifty, each with a name of its own, and every way to end is among them."""
    names = [fault.name for fault in FAULTS]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert len(names) >= 50
    assert {fault.expected for fault in FAULTS} == set(EXIT)
    for fault in FAULTS:
        assert fault.sentence.endswith("."), fault.name
        assert fault.words or fault.expected in {"held", "verified"}, f"{fault.name} does not say why"
