"""Files that are replaced several at a time: each whole or not at all, whatever becomes of the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from readiness.support import file_writing

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_file_is_replaced_or_left_as_it_was(tmp_path: Path) -> None:
    """Where one cannot be written the others are, it is told by its path, and no temporary file stays."""
    (tmp_path / "old").write_text("before")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    names = ("old", "taken", "new", "missing/folder")
    found = file_writing.replace_files((tmp_path / name, f"{name} \ud800 é") for name in names)
    assert {path.name: bool(problem) for path, problem in found.items()} == {
        "old": False, "taken": True, "new": False, "folder": True}  # fmt: skip
    assert str(found[tmp_path / "taken"]).startswith(f"cannot write {tmp_path / 'taken'}: ")
    assert (tmp_path / "old").read_text() == "old \\ud800 é"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old", "taken"]


def test_without_threads_files_are_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread is to be had, as at the interpreter's end, each is written in turn."""

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    assert file_writing.replace_files([(tmp_path / "a", "1"), (tmp_path / "b", "2")]) == {
        tmp_path / "a": None,
        tmp_path / "b": None,
    }
    assert [(tmp_path / name).read_text() for name in "ab"] == ["1", "2"]


def test_nothing_to_replace_is_nothing(tmp_path: Path) -> None:
    """A run without formats touches no folder."""
    assert file_writing.replace_files([]) == {}
    assert list(tmp_path.iterdir()) == []
