"""As much of a CI system as the templates use: their own run steps, in bash as GitHub calls it, in a hub's repository."""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import string
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from readiness.demo.release import sample
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION: Final = ROOT / "gates" / "github" / "action.yml"
WORKFLOW: Final = ROOT / ".github" / "workflows" / "readiness.yml"
CALLER: Final = ROOT / "gates" / "github" / "hub-repository.yml"
PACKAGE: Final = f"mcp-hub-readiness[all] @ git+https://github.com/your-org/mcp-hub-readiness@{'0' * 40}"
"""What the template lets pip install, until somebody puts in a copy and a commit."""
GITLAB: Final = ROOT / "gates" / "gitlab" / "readiness.gitlab-ci.yml"
HOOK: Final = ROOT / "gates" / "hooks" / "pre-push"
TOML: Final = """
environment = "production"
[target]
release = "."
where = "ci"
version = "4.3.0"
unit = "systemd/mcp-hub.service"
[release]
build = ["/bin/sh", "tools/build.sh"]
test = ["/bin/sh", "tools/test.sh"]
lint = ["/bin/sh", "tools/lint.sh"]
[contacts]
on_call = "a person"
"""
BUILD: Final = "sh tools/build.sh"
_EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

# what a job does first is to install: that is proven elsewhere, and takes half a minute
_INSTALLED: Final = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec "{python}" "$@"
mkdir -p "$3/bin"
printf '#!/bin/sh\\n[ "$2" = pip ] || exec "{python}" "$@"\\nprintf "%%s\\\\n" "$*" > "{asked}"\\n' > "$3/bin/python"
printf '#!/bin/sh\\nexec "{python}" -P -m readiness "$@"\\n' > "$3/bin/readiness"
chmod +x "$3/bin/python" "$3/bin/readiness"
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How a gate ended: its status, what it printed, and the files that the CI system reads afterwards."""

    code: int
    out: str
    summary: str = ""
    outputs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def annotations(self, kind: str) -> list[str]:
        """The annotations of a kind, each a line."""
        return re.findall(rf"^::{kind} .*$", self.out, re.MULTILINE)


class Hub:
    """A hub's repository, its release healthy, where CI fetches it from; `spoil` and `push` change what is pushed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.origin = folder, folder / "server" / "org" / "hub"
        self.more: dict[str, str] = {}
        self.origin.parent.mkdir(parents=True)
        self.tree = sample(folder / "host").release
        (self.tree / "readiness.ci.toml").write_text(TOML)
        self.python = folder / "python"
        self.python.write_text(_INSTALLED.format(python=sys.executable, asked=folder / "pip"))
        self.python.chmod(0o755)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git("config", "uploadpack.allowAnySHA1InWant", "true", where=self.origin)
        self.push()

    def git(self, *arguments: str, where: Path | None = None) -> str:
        """What git says."""
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "core.hooksPath=/dev/null"]
        command = ["git", *who, "-C", str(where or self.tree if self.tree.exists() else self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def push(self) -> str:
        """Commit all that is there, reviewed by another person, and push it; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "A change\n\nReviewed-by: Bob <bob@example.com>")
        self.git("push", "--quiet", str(self.origin), "HEAD:refs/heads/main")
        return self.git("rev-parse", "HEAD")

    def spoil(self, name: str, old: str, new: str) -> None:
        """Replace `old` in a file by `new`."""
        path = self.tree / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1))

    def leak(self, name: str) -> int:
        """Write a made-up key into a file of the release; the number of its line."""
        path = self.tree / name
        text = path.read_text()
        letters = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(48))
        path.write_text(f"{text}export OPENAI_API_KEY={'sk-' + 'proj-'}{letters}\n")
        return text.count("\n") + 1

    def _environment(self, work: Path) -> dict[str, str]:
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
        (work / "checkout").mkdir(parents=True)
        return {name: os.environ[name] for name in kept if name in os.environ} | {
            **self.more,
            "CI": "true",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GATE_WORK": str(work),
        }

    def workflow(self, name: str = "workflow", **inputs: Any) -> Gate:
        """Run the reusable workflow's only job on what was pushed last."""
        document = yaml.safe_load(WORKFLOW.read_text())
        declared = document[True]["workflow_call"]["inputs"]  # YAML reads `on` as a truth
        values = {key: value["default"] for key, value in declared.items() if "default" in value}
        values |= {"package": PACKAGE}
        values |= {"config": "readiness.ci.toml", "python": str(self.python), "prepare": BUILD} | inputs
        return self._github(document["jobs"]["gate"]["steps"], self.folder / name, values)

    def action(self, name: str = "action", **inputs: Any) -> Gate:
        """Run the composite action in a checkout that was built."""
        document = yaml.safe_load(ACTION.read_text())
        values = {key: value["default"] for key, value in document["inputs"].items()}
        values |= {"config": "readiness.ci.toml", "python": str(self.python)} | inputs
        steps = [
            {"run": f"git clone -q '{self.origin}' . && git checkout -q main && {BUILD}"},
            *document["runs"]["steps"],
        ]
        return self._github(steps, self.folder / name, values)

    def _github(self, steps: list[dict[str, Any]], work: Path, inputs: Mapping[str, Any]) -> Gate:
        files = {name: work / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        environment = self._environment(work) | {name: str(path) for name, path in files.items()}
        environment |= {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(work / "checkout"),
            "GITHUB_ACTION_PATH": str(ACTION.parent),
            "GITHUB_SERVER_URL": f"file://{self.folder / 'server'}",
            "GITHUB_REPOSITORY": "org/hub",
            "GITHUB_BASE_REF": "main",
            "GITHUB_REF_NAME": "7/merge",
            "GITHUB_SHA": self.git("rev-parse", "HEAD"),
            "RUNNER_TEMP": str(work / "temp"),
        }
        (work / "temp").mkdir()
        for path in files.values():
            path.touch()
        code, out = 0, ""
        for step in steps:
            script = work / "step.sh"
            script.write_text(step["run"])
            own = {key: _evaluated(str(value), inputs) for key, value in step.get("env", {}).items()}
            code, said = _run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)], environment | own)
            out += said
            if code:
                break
        told = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return Gate(code=code, out=out, summary=files["GITHUB_STEP_SUMMARY"].read_text(), outputs=told)

    def gitlab(self, job: str, name: str = "gitlab", **variables: str) -> Gate:
        """Run the script of a GitLab job on what was pushed last, in one shell as a runner does."""
        document = yaml.safe_load(GITLAB.read_text())
        base, own = document[".readiness"], document[job]
        work = self.folder / name
        environment = self._environment(work) | {
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(work / "checkout"),
            "CI_BUILDS_DIR": str(work),
            "CI_JOB_ID": "1",
        }
        environment |= base["variables"] | own.get("variables", {})
        environment |= {"GATE_PYTHON": str(self.python), "GATE_PREPARE": BUILD} | variables
        self.git("clone", "-q", "--branch", "main", str(self.origin), str(work / "checkout"), where=self.folder)
        code, out = _run(["sh", "-e", "-c", "\n".join(base["script"])], environment)
        return Gate(code=code, out=out)


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=Path(environment["GATE_WORK"], "checkout"), env=dict(environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _evaluated(text: str, inputs: Mapping[str, Any]) -> str:
    """`text` with its expressions evaluated: the few forms that the templates use, and no other."""

    def value(match: re.Match[str]) -> str:
        place, _, name = match[1].partition(".")
        if place == "inputs":
            found = inputs[name]
            return str(found).lower() if isinstance(found, bool) else str(found)
        return {"github.token": "made-up-token", "secrets.hub-token": ""}[match[1]]

    return _EXPRESSION.sub(value, text)
