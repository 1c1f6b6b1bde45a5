"""Preflight on the installed mcp-hub@4.2.1: a package from npm is a release tree too, of another make than the sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.real.conftest import BIN, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_package_from_npm(tmp_path: Path) -> None:
    """What the package has is proven, what it lacks is found, and nothing crashes on a tree nobody made for this suite."""
    package = BIN.parent / "mcp-hub"
    (tmp_path / "readiness.toml").write_text(
        f"""environment = "local"
[target]
release = "{package}"
[llm]
base_url = {{ openai = "http://127.0.0.1:9", gemini = "http://127.0.0.1:9", anthropic = "http://127.0.0.1:9" }}
"""
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "preflight", str(ROOT / "preflight"), "-p", "no:cacheprovider", "-q"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    report = json.loads((tmp_path / "reports" / "readiness.json").read_text())
    found = {f["check"]: (f["outcome"], f["reason"]) for f in report["findings"]}
    for check in (
        "artifact-is-executable",
        "artifact-size-is-plausible",
        "artifact-runs-and-reports-its-version",
    ):
        assert found[check][0] == "passed", (check, found[check])
    assert found["runtime-version-is-supported"][0] == "degraded", "the package declares no engines"
    assert found["lockfile-is-present-and-in-step"][0] == "failed"
    assert found["no-known-vulnerabilities"][0] in {"unknown", "passed"}, found["no-known-vulnerabilities"]
    assert all("Traceback" not in reason for _, reason in found.values())
    assert report["trouble"] == [], done.stdout[-2000:]
    assert report["verdict"]["decision"] in {"DO NOT DEPLOY", "HOLD"}
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before, "the tree itself was touched"
