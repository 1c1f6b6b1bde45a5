"""A site: a folder laid out as a host is, where releases are deployed to an embedded hub by the sample release's own scripts.

SITE/releases/VERSION   each release, built and kept         SITE/current        a link to the one that is deployed
SITE/readiness.toml     what is declared about it            SITE/bin/systemctl  speaks to the supervisor of its hub
SITE/reports            what runs on it leave behind
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tomli_w import dumps

from readiness.config import SCRIPTS_NEED
from readiness.demo.faults.fault import DemoError
from readiness.demo.launcher import HOST, free_port, package_path
from readiness.demo.scratch import PREFIX, Scratch
from readiness.demo.site import standins
from readiness.demo.site.layout import BAD, GOOD, SCRIPTS, ReleaseChange, lay_out, new_release, settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

START_SECONDS: Final = 20.0
"""Seconds in which the hub of a new site is ready; it takes one on an idle machine."""


@dataclasses.dataclass(slots=True, kw_only=True, weakref_slot=True)
class DemoSite:
    """A site whose hub runs; as a context manager it ends, and its folder goes, when the block does."""

    root: Path
    port: int
    service: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where its hub answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def config(self) -> Path:
        """What is declared about it."""
        return self.root / "readiness.toml"

    @property
    def reports(self) -> Path:
        """Where runs on it leave their reports."""
        return self.root / "reports"

    @property
    def deployed(self) -> str:
        """The version that `current` leads to."""
        return (self.root / "current").resolve().name

    @property
    def standins(self) -> list[str]:
        """Programs that this machine has not, for which the site brings something."""
        return [name for name in standins.NAMES if (self.root / "bin" / name).exists()]

    def script(self, name: str) -> Path:
        """One of the lifecycle scripts of the release that is deployed."""
        return self.root / SCRIPTS / f"{name}.sh"

    def environment(self) -> dict[str, str]:
        """What its scripts and `readiness` are called with: this user's environment, and where everything is."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "READINESS", "PYTEST"))}
        return kept | {
            "PATH": os.pathsep.join((str(self.root / "bin"), os.environ.get("PATH", os.defpath))),
            "PYTHONPATH": package_path(),
            "READINESS_CONFIG": str(self.config),
            "SITE": str(self.root),
            "LOCK": str(self.root / "deploy.lock"),
            "BACKUPS": str(self.root / "backups"),
            "HUB": self.url,
        }

    def call(self, *argv: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command at the site to its end, without a terminal. Raises OSError, subprocess.TimeoutExpired."""
        return subprocess.run(  # noqa: S603 - a script of the site, or this program itself
            argv,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def readiness(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """`readiness`, called at the site."""
        return self.call(sys.executable, "-P", "-m", "readiness", *arguments, timeout=timeout)

    def configure(self, **sections: dict[str, Any]) -> None:
        """Write its readiness.toml, with `sections` over what stands there by default."""
        configuration = settings(self.root, self.url)
        for name, values in sections.items():
            configuration[name] = configuration.get(name, {}) | values
        self.config.write_text(dumps(configuration), encoding="utf-8")

    def remove(self) -> None:
        """End the hub with its supervisor, and remove the folder; again: nothing."""
        if self.service.stdin is not None:
            with contextlib.suppress(OSError):
                self.service.stdin.close()
        try:
            self.service.wait(10)
        except subprocess.TimeoutExpired:
            self.service.kill()
            self.service.wait(10)
        Scratch(root=self.root).remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()


def missing() -> list[str]:
    """Programs that the scripts need and this machine has not."""
    return [name for name in SCRIPTS_NEED if shutil.which(name) is None]


def make(new: str = "one-server") -> DemoSite:
    """A new site: the good release runs and is ready, `new` (a key of `BAD`, or `GOOD`) is built beside it, not deployed.

    Raises DemoError where it cannot be made, `new` is neither, or the hub is not ready in time.
    """
    if new not in {*BAD, GOOD}:
        raise DemoError(f"no release is named {new!r}; there is: {', '.join((*BAD, GOOD))}")
    if absent := missing():
        raise DemoError(f"the sample's scripts need {', '.join(absent)}, which this machine has not: install them")
    root = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    try:
        port, llm_port = free_port(), free_port()
        lay_out(root, port, llm_port)
        new_release(root, BAD.get(new, ReleaseChange(sentence="")))
        site = DemoSite(root=root, port=port, service=_supervised(root))
    except BaseException:
        Scratch(root=root).remove()
        raise
    try:
        site.configure()
        _started(site)
    except BaseException:
        site.remove()
        raise
    return site


# --- its supervisor -------------------------------------------------------------------------------------------------------


def _supervised(root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-S", "-E", str(Path(__file__).with_name("service.py")), str(root)]
    with (root / "service.log").open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the process that started this one
        )


def _started(site: DemoSite) -> None:
    """Start the hub, and wait until it is ready. Raises DemoError."""
    until = time.monotonic() + START_SECONDS
    asked = False
    while time.monotonic() < until:
        asked = asked or _ctl(site, "start")
        with (
            contextlib.suppress(OSError, ValueError),
            urllib.request.urlopen(f"{site.url}/api/health", timeout=1) as answer,  # noqa: S310 - loopback
        ):
            if json.load(answer)["state"] == "ready":
                return
        time.sleep(0.05)
    log_end = (site.root / "hub.log").read_text(errors="replace")[-1_000:] if (site.root / "hub.log").exists() else ""
    raise DemoError(f"the site's hub is not ready within {START_SECONDS:g} s; it said:\n{log_end or 'nothing'}")


def _ctl(site: DemoSite, *words: str) -> bool:
    done = site.call(str(site.root / "bin" / "systemctl"), *words, timeout=30)
    return done.returncode == 0
