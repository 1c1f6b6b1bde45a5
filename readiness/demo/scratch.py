"""The folder an embedded hub lives in: its release, its state, and nothing outside it."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "mcp-hub-readiness-demo-"
AGE: Final = 60.0
"""Seconds by which the release is older than the process that runs it."""
KEY_VARIABLE: Final = "OPENAI_API_KEY"
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")


def _config() -> dict[str, Any]:
    servers = {
        name: {"command": sys.executable, "args": ["-m", "readiness.demo.stdio", name]}
        for name in ("everything", "memory")
    }
    prompts = {"enabled": True, "defaultExposure": "meta-only", "enableMetaTools": True, "sessionIsolation": True}
    llm = {
        "enabled": True,
        "provider": "openai",
        "apiKey": f"${{{KEY_VARIABLE}}}",
        "model": "gpt-4o-mini",
        "baseURL": "http://127.0.0.1:9/v1",
    }
    filtering = {"enabled": True, "mode": "prompt-based", "promptBasedFiltering": prompts, "llmCategorization": llm}
    return {"toolFiltering": filtering, "mcpServers": servers}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The folder and the places in it."""

    root: Path

    @property
    def release(self) -> Path:
        """The release tree: package.json, .env.production, config/."""
        return self.root / "release"

    @property
    def config_file(self) -> Path:
        """What the hub was started with."""
        return self.release / "config" / "mcp-hub.json"

    @property
    def env_file(self) -> Path:
        """The environment it was started with; its key is made up anew each time."""
        return self.release / ".env.production"

    @property
    def state_dir(self) -> Path:
        """`$XDG_STATE_HOME/mcp-hub`: workspaces.json and logs/."""
        return self.root / "home" / ".local" / "state" / "mcp-hub"

    @property
    def stderr(self) -> Path:
        """What the process wrote to its standard error."""
        return self.root / "stderr.log"

    @classmethod
    def create(cls, version: str) -> Scratch:
        """A new folder with a release in it, dated before now, so that the process is younger than its files."""
        scratch = cls(root=Path(tempfile.mkdtemp(prefix=PREFIX)).resolve())
        for folder in (scratch.config_file.parent, scratch.state_dir / "logs"):
            folder.mkdir(parents=True)
        package = {"name": "mcp-hub", "version": version, "private": True, "type": "module"}
        key = f"sk-demo-{secrets.token_hex(20)}"
        values = {"NODE_ENV": "production", KEY_VARIABLE: key, "LOG_LEVEL": "info", "ENABLE_PINO_LOGGER": "true"}
        files = {
            scratch.release / "package.json": json.dumps(package, indent=2) + "\n",
            scratch.config_file: json.dumps(_config(), indent=2) + "\n",
            scratch.env_file: "".join(f"{name}={value}\n" for name, value in values.items()),
        }
        before = time.time() - AGE
        for path, content in files.items():
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
            os.utime(path, (before, before))
        return scratch

    def environment(self) -> dict[str, str]:
        """The environment of the process: the release's variables, its own HOME, and what Python needs."""
        home = self.root / "home"
        kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        own = dict(line.split("=", 1) for line in lines)
        folders = {"STATE": ".local/state", "CONFIG": ".config", "CACHE": ".cache", "DATA": ".local/share"}
        xdg = {f"XDG_{kind}_HOME": str(home / place) for kind, place in folders.items()}
        return kept | own | {"HOME": str(home)} | xdg

    def remove(self) -> None:
        """Removes the folder; nothing happens if it is gone, or is not one of ours."""
        if self.root.name.startswith(PREFIX):
            shutil.rmtree(self.root, ignore_errors=True)
