"""`.ci/install-targets`: what a registry does not have is skipped, any other error fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NO_SUCH = "ERROR: No matching distribution found for litellm"
PYTHON = """#!/bin/sh
case "$*" in
  *"-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  *litellm*) [ -z "${SAYS:-}" ] || { echo "$SAYS"; exit 1; } ;;
esac
"""


@pytest.mark.parametrize(
    ("says", "before", "code", "left"),
    [
        ("", "", 0, "litellm.wanted"),
        (NO_SUCH, "", 0, "litellm.unavailable"),
        (NO_SUCH, "an older one", 1, "litellm.failed"),
        (f"WARNING: Retrying (Retry(total=0)) after connection broken\n{NO_SUCH}", "", 1, "litellm.failed"),
        ("ERROR: [Errno 28] No space left on device", "", 1, "litellm.failed"),
    ],
    ids=["installed", "never had", "had before", "not reached", "disk full"],
)
def test_only_what_a_registry_does_not_have_is_no_failure(
    says: str, before: str, code: int, left: str, tmp_path: Path
) -> None:
    """A registry that answers and lacks a release is told from one that is out of reach, and from what was there before."""
    (tmp_path / "tools").mkdir()
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "install-targets", tmp_path / ".ci")
    for name, text in (("python", PYTHON), ("npm", "#!/bin/sh\n")):
        (tmp_path / "tools" / name).write_text(text, encoding="utf-8")
        (tmp_path / "tools" / name).chmod(0o755)
    folder = tmp_path / ".tools" / "targets"
    if before:
        folder.mkdir(parents=True)
        (folder / "litellm.once").touch()
    environ = {"PATH": f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}", "SAYS": says}
    ended = subprocess.run(
        ["sh", ".ci/install-targets", str(tmp_path / "tools" / "python")], cwd=tmp_path, env=environ, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert (folder / left).is_file()
    assert (folder / "fastmcp.wanted").is_file()
