"""A test whose program is missing is skipped with its reason, and fails in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SKIPS = """
import pytest

def test_body():
    pytest.skip("npm is not installed")

@pytest.mark.skipif(True, reason="{reason}")
def test_mark():
    assert False
"""


@pytest.mark.parametrize(
    ("where", "reason", "ends"),
    [
        ("", "bash is not installed", "2 skipped"),
        ("true", "bash is not installed", "1 failed, 1 error"),
        ("true", "root may read everything", "1 failed, 1 skipped"),
    ],
)
def test_what_is_missing_fails_in_ci_alone(where: str, reason: str, ends: str, tmp_path: Path) -> None:
    """By a mark or in the test's own body; what is skipped for another reason stays so."""
    (tmp_path / "test_skips.py").write_text(SKIPS.format(reason=reason))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "test_skips.py"],
        cwd=tmp_path, env=os.environ | {"CI": where, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].startswith(ends), done.stdout + done.stderr
