"""The JUnit file: one synthetic case says the verdict, the counts stay true, odd files are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import junitparser
import pytest

from readiness.results.render.machine.junit import add_verdict
from tests.results.report.scenes import SCENES

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "def test_good(): pass\ndef test_bad(): assert 0\ndef test_odd(nothing): pass\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The JUnit file of a real run with one passed, one failed and one broken test."""
    folder = tmp_path_factory.mktemp("junit")
    (folder / "test_some.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=out.xml", "test_some.py"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    subprocess.run(command, cwd=folder, timeout=60, check=False, capture_output=True, env=environment)
    return (folder / "out.xml").read_bytes()


def _suite(path: Path) -> Any:
    return next(iter(junitparser.JUnitXml.fromfile(str(path))))


@pytest.mark.parametrize(
    ("scene", "kind", "counts"),
    [
        ("ready", None, (4, 1, 1)),
        ("conditional", None, (4, 1, 1)),
        ("hub_down", "Failure", (4, 2, 1)),
        ("incomplete", "Error", (4, 1, 2)),
    ],
)
def test_the_verdict_becomes_a_case(
    scene: str, kind: str | None, counts: tuple[int, int, int], written: bytes, tmp_path: Path
) -> None:
    """A reader of JUnit finds the case with decision and reason, and counts that include it."""
    file = tmp_path / "out.xml"
    file.write_bytes(written)
    found = SCENES[scene]()
    assert add_verdict(file, found) is None
    suite = _suite(file)
    case = list(suite)[-1]
    assert (case.classname, case.name) == ("readiness", "verdict")
    assert [type(result).__name__ for result in case.result] == ([kind] if kind else [])
    said = case.result[0].message if kind else case.system_out
    assert found.because in said
    assert found.decision in said
    assert (suite.tests, suite.failures, suite.errors) == counts
    assert len(list(suite)) == counts[0]


def test_a_second_verdict_replaces_the_first(written: bytes, tmp_path: Path) -> None:
    """Judging again leaves one case and counts as if there had been one all along."""
    file = tmp_path / "out.xml"
    file.write_bytes(written)
    for scene in ("hub_down", "incomplete", "ready"):
        assert add_verdict(str(file), SCENES[scene]()) is None
    suite = _suite(file)
    assert [case.name for case in suite].count("verdict") == 1
    assert (suite.tests, suite.failures, suite.errors) == (4, 1, 1)


def test_hostile_texts_leave_well_formed_xml(written: bytes, tmp_path: Path) -> None:
    """Control characters, surrogates and markup in every text still parse, and nothing breaks out of its element."""
    file = tmp_path / "out.xml"
    file.write_bytes(written)
    assert add_verdict(file, SCENES["hostile"]()) is None
    assert len(list(_suite(file))) == 4
    assert b"<img" not in file.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no xml",
        b"<html/>",
        b"<testsuites/>",
        b"<testsuites><testsuite>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuites><testsuite/></testsuites>',
        b'<?xml version="1.0" encoding="no-such-encoding"?><testsuites><testsuite/></testsuites>',
        b"\x00" * 100,
    ],
)
def test_an_odd_file_is_told_and_left_alone(content: bytes | None, tmp_path: Path) -> None:
    """A missing, damaged or foreign file gives a sentence, no exception and no change."""
    file = tmp_path / "out.xml"
    if content is not None:
        file.write_bytes(content)
    sentence = add_verdict(file, SCENES["ready"]())
    assert sentence is not None
    assert "the verdict is not in" in sentence
    assert (file.read_bytes() if file.exists() else None) == content


def test_odd_counts_do_not_stop_the_case(tmp_path: Path) -> None:
    """Counts that are no numbers stay as they are, and the case is added."""
    file = tmp_path / "out.xml"
    file.write_text('<testsuite tests="many" failures="-1" errors="99999999999999999999"/>')
    assert add_verdict(file, SCENES["hub_down"]()) is None
    assert 'tests="many"' in file.read_text()
    assert 'name="verdict"' in file.read_text()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe in the file's place gives a sentence at once."""
    os.mkfifo(tmp_path / "out.xml")
    assert "no regular file" in str(add_verdict(tmp_path / "out.xml", SCENES["ready"]()))
