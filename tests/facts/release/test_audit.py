"""The audit, through npm itself and a registry on loopback with recorded answers."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from tests.helpers.registry import ADVISORY, WANTED, lock, registry
from tests.suites.preflight_tree import judge

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def release(folder: Path, port: int) -> Config:
    """A release with one locked dependency that asks the registry at `port`."""
    (folder / "package.json").write_text(json.dumps({"name": "x", "version": "1.0.0", "dependencies": WANTED}))
    (folder / "package-lock.json").write_text(lock("x", "1.0.0"))
    (folder / ".npmrc").write_text(f"registry=http://127.0.0.1:{port}/\n")
    return Config(target=Target(release=folder))


@pytest.mark.parametrize(
    ("status", "answer", "outcome", "words"),
    [
        (200, {}, "passed", ""),
        (200, {"lodash": [ADVISORY]}, "failed", "lodash (critical: Prototype Pollution in lodash)"),
        (200, {"lodash": [ADVISORY | {"severity": "high"}]}, "failed", "lodash (high"),
        (200, {"lodash": [ADVISORY | {"severity": "moderate"}]}, "degraded", "lodash (moderate"),
        (200, {"lodash": [ADVISORY | {"severity": "low"}]}, "passed", ""),
        (405, {}, "unknown", "405"),
        (500, {"error": "down"}, "unknown", "did not answer the audit"),
        (200, b"<html>a captive portal</html>", "unknown", ""),
    ],
)
def test_an_audit_is_judged(status: int, answer: object, outcome: str, words: str, tmp_path: Path) -> None:
    """High and critical fail, moderate degrades, and a registry that does not answer proves nothing."""
    with registry(status, answer) as server:
        found = judge("no-known-vulnerabilities", release(tmp_path, server.server_port))
    assert found.outcome == outcome, found
    assert words in found.reason
    assert server.asked
    assert server.asked[0] == {"lodash": ["4.17.11"]}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".npmrc", "package-lock.json", "package.json"]


def test_a_registry_that_cannot_be_reached_is_unknown(tmp_path: Path) -> None:
    """Without a network nothing is proven."""
    with registry(200, {}) as server:
        port = server.server_port
    found = judge("no-known-vulnerabilities", release(tmp_path, port))
    assert found.outcome == "unknown", found
    assert "ECONNREFUSED" in found.reason
