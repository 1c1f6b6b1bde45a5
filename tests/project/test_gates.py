"""The gates' templates: judged by the tools for such files, and their own scripts run in a hub's repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from readiness import demo
from tests.project.gate_runner import ACTION, CALLER, GITLAB, HOOK, PACKAGE, ROOT, WORKFLOW, Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

GITHUB = (ACTION, WORKFLOW, CALLER)
DEPLOYED = """
environment = "staging"
[target]
url = "{0.url}"
release = "{0.release}"
state = "{0.state_dir}"
[limits.hub-stays-up]
critical = 0.1
[[expect.tool_call]]
server = "everything"
tool = "echo"
arguments = {{ message = "ready?" }}
contains = "ready?"
[[expect.tool_call]]
server = "memory"
tool = "read_graph"
contains = "entities"
"""


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A linter of this environment."""
    program = Path(sys.executable).with_name(name)
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Without the network and with nothing ignored, in its strictest mood but the one that admits false alarms."""
    return tool("zizmor", "--offline", "--no-config", "--no-progress", "--color=never", "--persona=pedantic", *paths)


def runs() -> Iterator[tuple[str, str]]:
    """Every script in the templates for GitHub, with where it stands."""
    for path in GITHUB:
        document = yaml.safe_load(path.read_text())
        steps = document.get("runs", {}).get("steps", [])
        for job in document.get("jobs", {}).values():
            steps += job.get("steps", [])
        for step in steps:
            yield f"{path.name}: {step.get('name')}", step["run"]


def test_zizmor_finds_nothing() -> None:
    """No unpinned action, no injected template, no right too many, no credential left behind."""
    done = zizmor(*GITHUB)
    assert (done.returncode, done.stdout.strip()) == (0, "No findings to report. Good job!"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('"$GATE_PACKAGE"', '"${{ inputs.package }}"', "template-injection"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("    steps:\n", "    steps:\n      - uses: actions/checkout@v4\n", "unpinned-uses"),
    ],
)
def test_zizmor_would_find_it(tmp_path: Path, old: str, new: str, finding: str) -> None:
    """What the test above rests on: each of these, let back in, is named."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = WORKFLOW.read_text()
    assert old in text
    (folder / "readiness.yml").write_text(text.replace(old, new, 1))
    done = zizmor(folder / "readiness.yml")
    assert done.returncode != 0
    assert finding in done.stdout


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-actions", (ACTION,)),
        ("vendor.github-workflows", (WORKFLOW, CALLER)),
        ("vendor.gitlab-ci", (GITLAB,)),
    ],
)
def test_the_templates_fit_their_schemas(schema: str, paths: tuple[Path, ...]) -> None:
    """GitHub's and GitLab's own schemas, as check-jsonschema ships them."""
    done = tool("check-jsonschema", "--builtin-schema", schema, *paths)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_interpolated_into_a_script() -> None:
    """Inputs reach scripts through the environment alone: a branch named `$(…)` stays a name."""
    found = list(runs())
    assert len(found) == 6
    assert [where for where, script in found if "${{" in script] == []


def test_shellcheck_reads_every_script(tmp_path: Path) -> None:
    """The steps for GitHub as bash, GitLab's as sh, and the hook."""
    scripts = [("bash", script) for _, script in runs()]
    scripts.append(("sh", "\n".join(yaml.safe_load(GITLAB.read_text())[".readiness"]["script"])))
    paths = []
    for number, (shell, text) in enumerate(scripts):
        path = tmp_path / f"{number}.sh"
        path.write_text(f"#!/usr/bin/env {shell}\n{text}\n")
        paths.append(path)
    # GATE_OPTIONS is meant to be split into words
    done = tool("shellcheck", "--exclude=SC2086", *paths, HOOK)
    assert done.returncode == 0, done.stdout


def test_everything_is_pinned_and_asks_for_little() -> None:
    """Exact versions and full commits; each job may read contents and nothing else; each ends by itself."""
    workflow, caller = yaml.safe_load(WORKFLOW.read_text()), yaml.safe_load(CALLER.read_text())
    assert "default" not in workflow[True]["workflow_call"]["inputs"]["package"], "no index has it yet"
    assert {job["with"]["package"] for job in caller["jobs"].values()} == {PACKAGE}
    gitlab = yaml.safe_load(GITLAB.read_text())[".readiness"]["variables"]["GATE_PACKAGE"]
    assert re.fullmatch(r"mcp-hub-readiness\[all\] @ git\+https://\S+@[0-9a-f]{40}", gitlab)
    assert "uses:" not in WORKFLOW.read_text() + ACTION.read_text().split("runs:")[1]
    for document in (workflow, caller):
        assert document["permissions"] == {}
        for job in document["jobs"].values():
            assert job["permissions"] == {"contents": "read"}
            assert "timeout-minutes" in job or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", job["uses"])
    assert "pull_request_target" not in CALLER.read_text()


def test_each_gate_stands_where_it_should() -> None:
    """Preflight before the merge, health and the agent's path after the deploy, load at night: for GitHub and for GitLab."""
    caller, gitlab = yaml.safe_load(CALLER.read_text()), yaml.safe_load(GITLAB.read_text())
    phases = {name: job["with"]["phases"] for name, job in caller["jobs"].items()}
    assert phases == {"preflight": "preflight", "after-deploy": "health or alerts or e2e", "load": "load"}
    asked = {name: gitlab[f"readiness-{name}"].get("variables", {}).get("GATE_PHASES", "preflight") for name in phases}
    assert asked == phases
    known = set(yaml.safe_load(WORKFLOW.read_text())[True]["workflow_call"]["inputs"])
    assert all(set(job["with"]) <= known for job in caller["jobs"].values())
    reports = gitlab[".readiness"]["artifacts"]["reports"]
    from readiness.results.render import FILES

    assert {Path(path).name for path in reports.values()} == {name for name, _, _ in FILES["gitlab"]}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub's repository with a healthy release."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    return Hub(tmp_path)


def test_a_merge_is_blocked_on_the_lines_at_fault(hub: Hub, tmp_path: Path) -> None:
    """The workflow's own steps on a release with a key in a script: status 1, and the line is annotated."""
    line = hub.leak("scripts/start-mcp-hub.sh")
    hub.push()
    gate = hub.workflow()
    assert gate.code == 1, gate.out
    errors = gate.annotations("error")
    assert errors[0].startswith("::error title=NOT READY%3A DO NOT DEPLOY")
    assert any(f"file=scripts/start-mcp-hub.sh,line={line}," in error for error in errors), errors
    assert "NOT READY" in gate.summary
    assert (tmp_path / "pip").read_text().rstrip().endswith(PACKAGE)
    # the token went with the fetch and is written down nowhere
    config = (tmp_path / "workflow" / "checkout" / ".git" / "config").read_text()
    assert "extraheader" not in config.lower()
    assert "made-up-token" not in gate.out + config


@pytest.mark.matrix
def test_a_healthy_release_passes_every_gate(hub: Hub) -> None:
    """Nothing is annotated as an error, the status is 0, and the action's outputs say what to do."""
    gates = [hub.workflow(), hub.action(), hub.gitlab("readiness-preflight")]
    assert [gate.code for gate in gates] == [0, 0, 0], gates[0].out
    assert gates[0].annotations("error") == []
    assert gates[1].outputs["decision"] == "DEPLOY"
    assert gates[1].outputs["status"] in {"READY", "CONDITIONAL"}


@pytest.mark.matrix
def test_a_merge_is_blocked_where_something_critical_is_unknown(hub: Hub, tmp_path: Path) -> None:
    """Nobody says how the release is tested: INCOMPLETE, status 12 in every gate, and the reason stands in it."""
    hub.spoil("readiness.ci.toml", 'test = ["/bin/sh", "tools/test.sh"]\n', "")
    hub.spoil("package.json", '"test"', '"tested"')
    hub.push()
    gates = [hub.workflow(), hub.action(), hub.gitlab("readiness-preflight")]
    assert [gate.code for gate in gates] == [12, 12, 12], gates[0].out
    assert gates[0].annotations("error")[0].startswith("::error title=INCOMPLETE%3A HOLD")
    assert any("test-suite-passes" in text for text in gates[0].annotations("warning"))
    assert gates[1].outputs == {"status": "INCOMPLETE", "decision": "HOLD"}
    assert "test-suite-passes" in (tmp_path / "gitlab" / "checkout" / "reports" / "readiness.junit.xml").read_text()


@pytest.mark.matrix
def test_the_action_installs_the_commit_that_it_is_pinned_to(hub: Hub, tmp_path: Path) -> None:
    """The whole action for real: a virtual environment, this checkout built and installed into it, and its verdict.

    The libraries are this environment's, and the build needs no network: that is all that is different.
    """
    libraries = sysconfig.get_path("purelib")
    hub.more = {"PYTHONPATH": libraries, "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    gate = hub.action(python=sys.executable)
    assert gate.code == 0, gate.out
    (installed,) = (tmp_path / "action" / "temp" / "readiness").glob("lib/python*/site-packages/readiness/__main__.py")
    assert installed.read_text() == (ROOT / "readiness" / "__main__.py").read_text()
    assert gate.outputs["decision"] == "DEPLOY"


@pytest.mark.matrix
def test_the_gate_after_a_deploy_asks_the_hub(hub: Hub) -> None:
    """The workflow on a running hub, health and the agent's path: it passes, and with a dead server it does not."""
    codes = []
    for fault, phases in ((None, "health or e2e"), ("server-killed", "health")):
        with demo.start(fault) as running:
            (hub.tree / "readiness.toml").write_text(DEPLOYED.format(running))
            hub.push()
            gate = hub.workflow(f"after-{fault}", phases=phases, config="readiness.toml", prepare="")
            codes.append(gate.code)
    assert codes == [0, 1], gate.out
    assert any("mcp-servers-are-connected" in text for text in gate.annotations("error"))


@pytest.mark.matrix
def test_gitlab_shows_the_line_in_the_merge_request(hub: Hub, tmp_path: Path) -> None:
    """The code quality report has the file and the line, and the job fails."""
    line = hub.leak("scripts/start-mcp-hub.sh")
    hub.push()
    assert hub.gitlab("readiness-preflight").code == 1
    issues = json.loads((tmp_path / "gitlab" / "checkout" / "reports" / "gl-code-quality-report.json").read_text())
    places = {(one["location"]["path"], one["location"]["lines"]["begin"]) for one in issues}
    assert ("scripts/start-mcp-hub.sh", line) in places


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("inputs", "code", "word"),
    [
        ({"config": "gone.toml"}, 4, "gone.toml"),
        ({"phases": "preflght"}, 5, 'did you mean "preflight"?'),
        ({"phases": '$(touch owned) `touch owned` "; touch owned; "'}, 4, ""),
        ({"config": "$(touch owned); touch owned"}, 4, "touch owned"),
        ({"reports": "/dev/null/reports"}, 0, ""),
    ],
)
def test_no_input_passes_or_is_run(hub: Hub, tmp_path: Path, inputs: dict[str, Any], code: int, word: str) -> None:
    """A configuration that is not there, a phase misspelt, a command in a name: never 0, and nothing of it is run."""
    gate = hub.action(**inputs)
    assert gate.code != 0
    assert code in {0, gate.code}, gate.out
    assert word in gate.out
    assert gate.outputs == {"status": "INCOMPLETE", "decision": "HOLD"}
    assert list(tmp_path.rglob("owned")) == []


def push(hub: Hub, commit: str, *, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The hook as git calls it, with one line about what is pushed."""
    hub.git("config", "readiness.command", command)
    line = f"refs/heads/x {commit} refs/heads/x {'0' * 40}\n"
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"} | more
    return subprocess.run(
        [HOOK, "origin", "url"], input=line, capture_output=True, text=True, timeout=120, check=False, cwd=hub.tree,
        env=environment,
    )  # fmt: skip


def test_the_hook_stops_a_push_and_lets_a_deletion_pass(hub: Hub, tmp_path: Path) -> None:
    """What readiness says is what git is told; a deletion is not judged; a missing program is an error, no pass."""
    stub = tmp_path / "stub"
    stub.write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/asked\nexit 12\n')
    stub.chmod(0o755)
    done = push(hub, "1" * 40, command=str(stub))
    assert done.returncode == 12
    assert "not pushed, status 12" in done.stderr
    assert (tmp_path / "asked").read_text() == "check -q -m preflight --readiness-config readiness.ci.toml\n"
    (tmp_path / "asked").unlink()
    assert push(hub, "0" * 40, command=str(stub)).returncode == 0
    assert not (tmp_path / "asked").exists()
    gone = push(hub, "1" * 40, command=str(tmp_path / "gone"))
    assert gone.returncode == 1
    assert "pip install '/path/to/mcp-hub-readiness[all]'" in gone.stderr


@pytest.mark.matrix
def test_the_hook_judges_for_real(hub: Hub) -> None:
    """A healthy release is pushed, and one with a key in a script is not."""
    command = str(Path(sys.executable).with_name("readiness"))
    assert push(hub, hub.git("rev-parse", "HEAD"), command=command).returncode == 0
    hub.leak("scripts/start-mcp-hub.sh")
    done = push(hub, hub.push(), command=command)
    assert done.returncode == 1, done.stdout
    assert "DO NOT DEPLOY" in done.stdout
