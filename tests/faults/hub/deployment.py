"""The deployment around the hub: a release tree, a configuration, a log and the record of a deploy."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from tomli_w import dumps

from readiness.operations.deploys.record import DeployRecord, write_record
from tests.faults.hub import healthy
from tests.faults.hub.certificates import write_authority
from tests.faults.hub.words import CHECKS
from tests.helpers.pace import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.faults.hub.model import Site
    from tests.faults.hub.server import FaultyHub

TOKEN: Final = "token-of-the-fault-matrix"
TOKEN_ENV: Final = "FAULT_MATRIX_TOKEN"
KNOWN_SECRET: Final = "correct-horse-battery-staple-7319"
"""In no provider's format: only who knows it can find it."""
COMMIT: Final = "5f0c1d6a9b8e7c4d3f2a1b0c9d8e7f6a5b4c3d2e"
LEVELS: Final = {"info": 30, "warn": 40, "error": 50, "fatal": 60}
"""Pino's numbers."""
NEWER: Final = 1.1
"""Seconds after the hub's start at which a file is proven to be newer than it."""


class Deployment:
    """Everything a run is told about one hub, in one folder."""

    def __init__(self, root: Path, site: Site, checks: tuple[str, ...] = CHECKS) -> None:
        """`checks` are those that passed before the deploy."""
        self.site, self.checks = site, checks
        self.release, self.reports, self.home = root / "release", root / "reports", root / "home"
        self.file = root / "readiness.toml"
        self.authority = root / "authority.pem"

    @property
    def environment(self) -> dict[str, str]:
        """What the hub's process was started with."""
        known = {} if self.site.missing_variable else {"OPENAI_API_KEY": KNOWN_SECRET}
        return {"NODE_ENV": "production", "HOME": str(self.home)} | known

    def write_release(self) -> None:
        """The release tree and the log: older than any process that serves it, unless the fault says otherwise."""
        files: dict[str, str | None] = {
            "config/mcp-hub.json": json.dumps(healthy.deployed_config(), indent=2),
            "package.json": json.dumps({"name": "mcp-hub", "version": healthy.VERSION}),
            ".env.production": f"NODE_ENV=production\nOPENAI_API_KEY={KNOWN_SECRET}\n",
        }
        for name, text in (files | dict(self.site.files)).items():
            if text is not None:
                path = self.release / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        changed = (dt.datetime.now(dt.UTC) - dt.timedelta(days=2)).timestamp()
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.release / "config" / "mcp-hub.json", (changed, changed))
        self._write_log()

    def _write_log(self) -> None:
        if self.site.log == ("absent",):
            return
        lines = [_log_line("info", "Starting MCP Hub"), _log_line("info", "MCP Hub is ready")]
        if self.site.log:
            lines.append(_log_line(*self.site.log))
        path = self.home / ".local" / "state" / "mcp-hub" / "logs" / "mcp-hub.log"
        path.parent.mkdir(parents=True)
        path.write_text("".join(lines), encoding="utf-8")

    def write_config(self, hub: FaultyHub) -> None:
        """`readiness.toml` for `hub`, and the authority its certificate is from."""
        write_authority(self.authority)
        self.reports.mkdir(exist_ok=True)
        self._record_deploy()
        if self.site.config_is_newer:
            time.sleep(NEWER)
            (self.release / "config" / "mcp-hub.json").touch()
        settings = _merged(self._settings(hub), self.site.config)
        # what runs out because nothing comes is short on an idle machine, and stretched on a busy one
        settings["probe"]["timeout"] = seconds(settings["probe"]["timeout"])
        self.file.write_text(dumps(settings), encoding="utf-8")

    def _record_deploy(self) -> None:
        minutes = self.site.deployed_minutes_ago
        if minutes is None:
            return
        record = DeployRecord(
            deployed_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes),
            version=self.site.recorded_version,
            commit=COMMIT,
            passed_before=tuple(check for check in self.checks if check not in self.site.failed_before),
            failed_before=self.site.failed_before,
            previous=self.site.previous,
        )
        write_record(self.reports / "deploy.json", record)

    def _settings(self, hub: FaultyHub) -> dict[str, Any]:
        return {
            "environment": "production",
            "target": {
                "url": hub.url,
                "internal_url": hub.internal_url,
                "plain_url": hub.plain_url,
                "release": str(self.release),
                # as systemd knows it: a page or a 502 may roll back only where the listener is proven to be the hub
                **({"pid": hub.pid} if (hub.how.answers or hub.how.edits) and hub.how.replaced_after is None else {}),
                "version": healthy.VERSION,
                "token_env": TOKEN_ENV,
                "ca_file": str(self.authority),
            },
            "expect": {"filtering": True, "llm": True, "telemetry": True, "authentication": True, "tls": True}
            | {"servers": ["everything", "memory"]},
            "limits": {"hub-stays-up": {"critical": 0}},
            "probe": {"attempts": 3, "interval": 0.01, "timeout": 2.0, "settle": 0.05, "rate": 1000},
            "report": {"formats": ["json"]},
            "rollback": {
                "mode": "plan",
                "action": [
                    {
                        "name": "previous-release",
                        "triggers": ["startup-failure", "validation-failure", "deploy-failure"],
                        "command": ["scripts/rollback-deployment.sh", "--yes"],
                    }
                ],
            },
        }


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _log_line(level: str, text: str, code: str = "") -> str:
    now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
    entry = {"level": LEVELS[level], "time": now, "pid": os.getpid(), "msg": text} | ({"code": code} if code else {})
    return json.dumps(entry) + "\n"
