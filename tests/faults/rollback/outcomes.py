"""What an action does that should not, what comes back, and what a fault leaves."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readiness.operations.deploys import quarantine
from readiness.operations.rollback import document, probe, verify
from readiness.operations.rollback import journal as rollback_journal
from readiness.support import process_identity
from tests.faults.rollback.scene import answering
from tests.helpers import fake_systemctl
from tests.operations.rollback.rolled import BACK
from tests.results.verdict.judging import planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.rollback.scene import Scene


def comes_back(*looks: dict[str, Any], tools: str | None = "passed", check: str = "tools") -> Callable[[Scene], None]:
    """What the looks at the hub and the check show afterwards; no `tools`: the verifying run asks nothing."""

    def prepare(scene: Scene) -> None:
        scene.seen = [answering(**changes) for changes in looks or ({},)]
        scene.rows = [] if tools is None else [{"check": check, "outcome": tools, "reason": "as it was"}]

    return prepare


def no_report(scene: Scene) -> None:
    """The verifying run dies."""
    scene.prove = lambda _config, deploy, _phases, folder, *_: verify.proof_in(folder, deploy.passed_before)


def bad_quarantine(scene: Scene) -> None:
    """The list of quarantine is damaged."""
    (scene.site.reports / quarantine.FILE).write_text("{}")


def secret(scene: Scene) -> None:
    """The environment holds a token."""
    scene.patch.setenv("HUB_API_TOKEN", SECRET)


SECRET = "s3cr3t-Value-8261-that-nobody-may-see"


def nowhere(scene: Scene) -> None:
    """The token stands nowhere."""
    assert SECRET not in scene.everything()
    assert "redacted" in scene.everything()


def group_is_gone(scene: Scene) -> None:
    """What the action started is ended with it."""
    for text in (scene.folder / "children").read_text().split():
        until = time.monotonic() + 3
        while process_identity.start_of(int(text)) is not None and time.monotonic() < until:
            time.sleep(0.02)
        assert process_identity.start_of(int(text)) is None


def small_journal(scene: Scene) -> None:
    """A flood is not kept."""
    assert scene.site.state().path.stat().st_size < 100_000


def no_escape(scene: Scene) -> None:
    """What a terminal would obey is nowhere."""
    assert "\x1b" not in scene.everything()
    assert "\\u001b" not in scene.everything()


def infra_alone(scene: Scene) -> None:
    """A finding about the host, which judges no release."""
    scene.entries = [planned("host", "critical", rollback="security", phase="infra"), planned("tools", "critical")]


ASSESSMENT = Path(__file__).with_name("rollback-deployment.sh").read_text(encoding="utf-8")
"""The assessment's own script, rebuilt from its description: it finds the latest backup, shows it and asks."""


def its_script(scene: Scene) -> None:
    """The action is the assessment's script, as its guide calls it."""
    tree = scene.folder / "releases" / "new"
    (tree / "scripts").mkdir()
    (tree / "backups" / "backup-1").mkdir(parents=True)
    (tree / "backups" / "backup-1" / "manifest.txt").write_text("version 4.2.1\n")
    script = tree / "scripts" / "rollback-deployment.sh"
    script.write_text(ASSESSMENT)
    script.chmod(0o755)
    scene.action(command=("bash", "scripts/rollback-deployment.sh"))


def script_did_nothing(scene: Scene) -> None:
    """It got no answer, said so and left everything as it was."""
    assert (scene.folder / "current").resolve().name == "new"
    assert "Rollback cancelled" in scene.everything()


SLOW_BACK = BACK + "\nimport time; time.sleep(1)\n"
FORKS = """
import os, signal, subprocess, sys, time
ignoring = 'import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)'
pids = [str(subprocess.Popen([sys.executable, '-S', '-E', '-c', ignoring]).pid) for _ in range(3)]
open('{folder}/children', 'w').write(' '.join(pids))
time.sleep(60)
"""
LEAVES_A_HUB = """
import subprocess
hub = subprocess.Popen([sys.executable, '-S', '-E', '-c', 'import time; time.sleep(0.3); print(1, flush=True); time.sleep(20)'])
open('{folder}/hub', 'w').write(str(hub.pid))
"""


def hub_lives(scene: Scene) -> None:
    """What the action started still runs, and was not ended by writing."""
    pid = int((scene.folder / "hub").read_text())
    try:
        time.sleep(0.5)
        assert process_identity.start_of(pid) is not None
    finally:
        os.kill(pid, 9)


def nothing_waits(scene: Scene) -> None:
    """Latency and success rate stand beside sure triggers for all three actions: nothing is to be looked at again."""
    plan = document.read_plan(scene.site.reports)
    assert plan is not None
    assert probe.doubtful_causes(plan) == []


def other_is_through(scene: Scene) -> None:
    """The other one finished what it had begun."""
    scene.stack.close()
    assert scene.site.state().is_finished


def still_open(scene: Scene) -> None:
    """The journal that is not finished stays, and --resume is the way on."""
    assert rollback_journal.unfinished_rollback(scene.site.journals) is not None
    for path in scene.site.journals.glob("*.jsonl"):
        path.unlink()


def restarting(scene: Scene) -> None:
    """Systemd starts what came back three times while it is verified."""
    fake_systemctl.install(scene.folder, scene.patch)
    scene.target(unit="mcp-hub.service")
    (scene.folder / "restarts").write_text("0\n3\n")
    comes_back()(scene)
