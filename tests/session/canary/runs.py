"""One run of the whole plugin in a process and a folder of its own, and every byte that it said, sent or wrote."""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tests.faults.hub.deployment import Deployment
from tests.helpers.few_plugins import FEW, PAGES
from tests.session.canary.scenes import FILES, SECRETS, Scene, TalkativeHub, deployed
from tests.session.canary.search import TOKEN, leaks
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_OTHERS: Final = ("MCP_HUB", "PYTEST", "COV", "READINESS", "PYTHONDONTWRITEBYTECODE")
_CHECK: Final = "import tests.session.canary.spy, sys; from readiness.__main__ import main; sys.exit(main(['check', *sys.argv[1:]]))"
COMMANDS: Final = {"pytest": ("-m", "pytest"), "readiness check": ("-c", _CHECK)}
_UNDONE: Final = {"\\u00ab": "«", "\\xab": "«", "&#171;": "«", "&laquo;": "«"}


class Ran:
    """What one run left."""

    def __init__(self, folder: Path, status: int, said: str) -> None:
        self.folder, self.status, self.said = folder, status, said

    @functools.cached_property
    def written(self) -> Mapping[str, str]:
        """Each file below the reports, what the spy kept, the cache and the temporary folder; and the terminal."""
        found = {"terminal": self.said}
        for place in ("reports", "kept", ".pytest_cache", "tmp"):
            for path in sorted((self.folder / place).rglob("*")):
                if path.is_file():
                    found[str(path.relative_to(self.folder))] = path.read_bytes().decode("utf-8", "replace")
        return found

    @functools.cached_property
    def everything(self) -> str:
        """All of it as one text, with the mark's escapes undone."""
        text = "\n".join(self.written.values())
        for escaped, mark in _UNDONE.items():
            text = text.replace(escaped, mark)
        return text

    def leaking(self) -> dict[str, list[str]]:
        """Where canaries were found, and what stood around them."""
        return {name: found for name, text in self.written.items() if (found := leaks(text))}


def run(folder: Path, scene: Scene, *arguments: str, command: str = "pytest", **variables: str) -> Ran:
    """Run `command` on the deployment of `scene`, in `folder`, with every secret in its environment."""
    site = dataclasses.replace(scene.site, config=deployed(scene.site.config), files={**FILES, **scene.site.files})
    deployment = Deployment(folder, site)
    deployment.write_release()
    for name in ("kept", "tmp"):
        (folder / name).mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for name, text in scene.suites.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = deployment.environment | SECRETS | {"DEPLOYMENT": "here"}
    with TalkativeHub(scene.how, token=TOKEN, release=deployment.release, environment=environment) as hub:
        deployment.write_config(hub)
        return started(folder, *arguments, str(ROOT / "smoke"), *scene.suites, command=command, **variables)


def started(folder: Path, *arguments: str, command: str = "pytest", **variables: str) -> Ran:
    """Run `command` in `folder` as it stands."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    own = {"CANARY_KEPT": str(folder / "kept"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)}
    head = ("-p", "tests.session.canary.spy", *PAGES, "-p", "no:randomly", "-c", "pytest.ini", "--rootdir", ".")
    done = subprocess.run(
        [sys.executable, *COMMANDS[command], *head, "-m", "health or not check", *arguments],
        cwd=folder,
        env=clean | FEW | SECRETS | own | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "120"} | variables,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Ran(folder, done.returncode, done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace"))
