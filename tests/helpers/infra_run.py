"""`pytest -m infra` as an operator runs it: a process of its own, a readiness.toml, and the report that it leaves."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tomli_w import dumps

from tests.helpers.few_plugins import FEW
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of it: exit status, what stood on the terminal, the report."""

    code: int
    out: str
    report: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The findings."""
        return list(self.report["findings"])

    def outcomes(self, instance: str = "") -> dict[str, str]:
        """Each check's outcome; of one host, where `instance` names it."""
        return {row["check"]: row["outcome"] for row in self.rows if instance in (row["instance"] or "")}

    def reasons(self, instance: str = "") -> dict[str, str]:
        """The reason of each check that is not well."""
        return {
            row["check"]: row["reason"] for row in self.rows if row["reason"] and instance in (row["instance"] or "")
        }


def infra(
    folder: Path, settings: Mapping[str, Any], *arguments: str, above: Sequence[str] = (), **environment: str
) -> Ran:
    """Write the readiness.toml, run, read.

    `arguments` go to pytest; without a path it is all of infra/. `above` is a command that runs it, `ip netns exec NAME`.
    """
    folder.mkdir(exist_ok=True)
    file, reports = folder / "readiness.toml", folder / "reports"
    file.write_text(dumps(dict(settings)), encoding="utf-8")
    report = reports / "readiness.json"
    report.unlink(missing_ok=True)
    cleared = ("PYTEST", "MCP_HUB", "READINESS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http", "https", "all_proxy")
    env = {key: value for key, value in os.environ.items() if not key.startswith(cleared)}
    env |= FEW | environment
    where = () if any(one.startswith(str(ROOT)) for one in arguments) else (str(ROOT / "infra"),)
    command = [
        *above,
        *(sys.executable, "-m", "pytest", "-p", "testinfra.plugin", "-m", "infra", "-p", "no:cacheprovider"),
        *("--readiness-config", str(file), "--readiness-report", str(reports), *arguments, *where),
    ]
    done = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=SECONDS, check=False,
    )  # fmt: skip
    out = done.stdout + done.stderr
    assert report.is_file() or done.returncode == 4, f"exit {done.returncode}\n{out[-4000:]}"
    told = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {"findings": []}
    return Ran(code=done.returncode, out=out, report=told)
