"""The folder an embedded hub lives in: its release, its state, and nothing outside it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from readiness.demo.release.maker import NO_LLM, PORT, Sample, sample

PREFIX: Final = "mcp-hub-readiness-demo-"
KEY_VARIABLE: Final = "OPENAI_API_KEY"
SETTINGS: Final = "demo.json"
"""What a run on the demonstration must be told beyond the hub's address; `readiness.config.demo` reads it."""
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The folder and the places in it."""

    root: Path
    place: str = "release"

    @property
    def sample(self) -> Sample:
        """The sample release that the hub runs from, with what is around it."""
        return Sample(root=self.root, place=self.place)

    @property
    def release(self) -> Path:
        """The release tree: package.json, .env.production, config/."""
        return self.sample.release

    @property
    def config_file(self) -> Path:
        """What the hub was started with."""
        return self.release / "config" / "mcp-hub.json"

    @property
    def env_file(self) -> Path:
        """The environment it was started with; its key stands there by reference."""
        return self.release / ".env.production"

    @property
    def state_dir(self) -> Path:
        """`$XDG_STATE_HOME/mcp-hub`: workspaces.json and logs/."""
        return self.sample.state

    @property
    def stderr(self) -> Path:
        """What the process wrote to its standard error."""
        return self.root / "stderr.log"

    @classmethod
    def create(cls, *, port: int = PORT, llm: str = NO_LLM) -> Scratch:
        """A new folder with a release in it, dated before now, so that the process is younger than its files.

        `port` is where the hub will listen, `llm` the base URL of its provider. Raises DemoError.
        """
        scratch = cls(root=Path(tempfile.mkdtemp(prefix=PREFIX)).resolve())
        try:
            sample(scratch.root, port=port, llm=llm)
            (scratch.root / SETTINGS).write_text(json.dumps({"llm": llm}), encoding="utf-8")
        except BaseException:
            scratch.remove()
            raise
        return scratch

    def environment(self) -> dict[str, str]:
        """The environment of the process: the release's variables, its own HOME, and what Python needs."""
        home = self.sample.home
        kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        own = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        # what the secrets manager's loader does when it starts the hub
        own[KEY_VARIABLE] = self.sample.key
        folders = {"STATE": ".local/state", "CONFIG": ".config", "CACHE": ".cache", "DATA": ".local/share"}
        xdg = {f"XDG_{kind}_HOME": str(home / place) for kind, place in folders.items()}
        return kept | own | {"HOME": str(home)} | xdg

    def remove(self) -> None:
        """Removes the folder; nothing happens if it is gone, or is not one of ours."""
        if self.root.name.startswith(PREFIX):
            shutil.rmtree(self.root, ignore_errors=True)
