"""The container recipe: what a linter cannot know, and what has to be in the build for the wheel to be whole."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from tests.sources import ROOT

LINES: Final = [
    line
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


def test_its_base_is_pinned_and_nobody_is_root() -> None:
    """A tag with a version and a system, never `latest`; the last user is a number that is not 0, whatever the host calls it."""
    bases = [line.split()[1] for line in LINES if line.startswith("FROM ")]
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in bases), bases
    (user,) = [line.split()[1] for line in LINES if line.startswith("USER ")]
    assert int(user) > 0
    assert next(i for i, line in enumerate(LINES) if line.startswith("USER ")) < len(LINES) - 1


def test_no_secret_can_enter_it() -> None:
    """Nothing is asked for at build time, and the build sees the sources alone: no configuration, report or env file of a site."""
    assert [line for line in LINES if line.startswith("ARG ")] == []
    settings = " ".join(line for line in LINES if line.startswith("ENV "))
    assert re.findall(r"TOKEN|KEY|SECRET|PASSWORD", settings) == []
    first, *kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    assert first == "*"
    taken = {line.removeprefix("!") for line in kept if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["packages"],
        *(name.partition("/")[0] for name in wheel["force-include"]),
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    assert taken == needed | {"pyproject.toml", "constraints.txt"}
    assert all((ROOT / name).exists() for name in taken)
