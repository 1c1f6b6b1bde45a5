"""What a site is made of: its releases, the link to the one that is deployed, its programs, and what is declared about it."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from readiness.config import demo_settings
from readiness.demo.launcher import HOST, LLM_PATH, package_path
from readiness.demo.release.maker import PREVIOUS, VERSION, build, sample
from readiness.demo.scratch import SETTINGS, Scratch
from readiness.demo.site import standins
from readiness.demo.site.service import SETTINGS as SITE_SETTINGS

NEW: Final = "4.3.1"
"""The version of the release that is to be deployed."""
SCRIPTS: Final = "current/scripts"
"""Where the lifecycle scripts of the release are that is deployed."""
SETTLE: Final = 2.0
"""Seconds within which the embedded hub has started on any machine: the site's start-up budget."""
PEOPLE: Final = {
    "on_call": "Ada Engineer",
    "tech_lead": "Grace Reviewer",
    "product": "Joan Product",
    "security": "Mary Security",
}
UNPACKED: Final = "a site's releases are unpacked where they are deployed, and no working trees"
UNKEPT: Final = "a site is removed with what ran on it"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseChange:
    """What is special about a release that is to be deployed: in words, and in its configuration (`old` becomes `new`)."""

    sentence: str
    old: str = ""
    new: str = ""


BAD: Final = {
    "one-server": ReleaseChange(
        sentence="one MCP server cannot start, since its name is misspelt in the configuration",
        old='"readiness.demo.stdio", "memory"',
        new='"readiness.demo.stdio", "memories"',
    ),
    "dies-at-start": ReleaseChange(
        sentence="the hub ends at every start, since a quotation mark was lost in its configuration",
        old='"mcpServers": {',
        new='"mcpServers: {',
    ),
}
GOOD: Final = "good"
"""A new release with which nothing is wrong."""


def lay_out(root: Path, port: int, llm_port: int) -> None:
    """The sample with what is around it, its releases beneath releases/, and `current`."""
    llm = f"http://{HOST}:{llm_port}{LLM_PATH}"
    made = sample(root, port=port, llm=llm, place="current")
    tree = root / "releases" / VERSION
    made.release.rename(tree)
    made.release.symlink_to(f"releases/{VERSION}")
    shutil.rmtree(tree / ".git", ignore_errors=True)
    (tree / "backups").rename(root / "backups")
    (root / SETTINGS).write_text(json.dumps({"llm": llm}), encoding="utf-8")
    (root / "run").mkdir(mode=0o700)
    (root / "bin").mkdir()
    scratch = Scratch(root=root, place="current")
    start = {
        "command": [sys.executable, "-P", "-m", "readiness.demo.site.installed", str(root)],
        "environment": scratch.environment() | {"PYTHONPATH": package_path()},
        "port": port,
        "llm_port": llm_port,
    }
    (root / SITE_SETTINGS).write_text(json.dumps(start), encoding="utf-8")
    (root / SITE_SETTINGS).chmod(0o600)  # the hub's environment holds its key
    _program(root, "systemctl", "-P", "-S", "-E", str(Path(__file__).with_name("systemctl.py")), str(root))
    _program(root, "readiness", "-P", "-m", "readiness")
    for name in standins.NAMES:
        if shutil.which(name) is None:
            _program(root, name, "-P", standins.__file__, name)


def _program(root: Path, name: str, *arguments: str) -> None:
    path = root / "bin" / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def new_release(root: Path, change: ReleaseChange) -> None:
    """The release that is to be deployed: the one that runs, with its own version and one change to its configuration."""
    tree = root / "releases" / NEW
    shutil.copytree(root / "releases" / VERSION, tree, ignore=shutil.ignore_patterns("dist", "logs"))
    for name in ("package.json", "package-lock.json", "config/mcp-hub.json"):
        text = (tree / name).read_text(encoding="utf-8").replace(VERSION, NEW)
        (tree / name).write_text(
            text.replace(change.old, change.new, 1) if name.startswith("config/") else text, encoding="utf-8"
        )
    build(tree)


def settings(root: Path, url: str) -> dict[str, Any]:
    """What is declared about the site at `root`, in the shape of a parsed readiness.toml."""
    declared = demo_settings(root / "current")
    declared["target"] |= {
        "url": url,
        "release": str(root / "current"),
        "state": str(root / "home" / ".local" / "state" / "mcp-hub"),
        "backups": str(root / "backups"),
    }
    del declared["target"]["version"]  # what is deployed says it
    del declared["expect"]["deployments"]
    declared["expect"] |= {
        "git": {"expected": False, "reason": UNPACKED},
        "log_keeping": {"expected": False, "reason": UNKEPT},
    }
    declared["release"] |= {
        "previous": str(root / "releases" / PREVIOUS),
        "rehearsal": str(root / "rehearsal.json"),
        "lock": str(root / "deploy.lock"),
        "bake": 0,
    }
    declared["rollback"] = {
        "mode": "auto",
        "steady": 1,
        "action": [
            {
                "name": "previous-release",
                "triggers": ["startup-failure", "validation-failure", "deploy-failure"],
                "command": [str(root / SCRIPTS / "rollback-deployment.sh"), "--yes"],
                "timeout": 60,
                "verify": ["health", "e2e"],
            }
        ],
    }
    # how long the embedded hub needs to start is known; a mail address would be written to
    declared["probe"] = {"settle": SETTLE, "interval": 0.5}
    declared["contacts"] = dict(PEOPLE)
    declared["drill"] |= {"deploy": [str(root / SCRIPTS / "deploy-mcp-hub.sh"), NEW]}
    return declared
