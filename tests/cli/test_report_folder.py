"""`--readiness-report FOLDER` means the same in both of its forms, wherever the folder lies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["--readiness-report {}", "--readiness-report={}"])
def test_a_report_folder_elsewhere_changes_nothing_else(form: str, tmp_path: Path) -> None:
    """An existing folder outside the checkout gets the report, and the suites are collected, not the project's tests."""
    reports, release = tmp_path / "reports", tmp_path / "release"
    reports.mkdir()
    release.mkdir()
    (release / "hub.json").write_text("{")
    (tmp_path / "readiness.toml").write_text(
        'environment = "local"\n[target]\nrelease = "release"\nconfig = "hub.json"\n'
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "preflight", "-k", "test_config_parses", "-p", "no:cacheprovider"),
            *(f"--readiness-config={tmp_path / 'readiness.toml'}", *form.format(reports).split()),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MCP_HUB"))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads((reports / "readiness.json").read_text())
    rows = {row["check"]: row for row in report["findings"]}
    assert rows["config-parses"]["outcome"] == "failed"
    assert rows["artifact-is-executable"]["reason"].startswith("left out of this run by -k")
    collected = next(line for line in done.stdout.splitlines() if line.startswith("collected"))
    assert int(collected.split()[1]) < 200, collected
