"""A hub that was started with relative paths: they are relative to its working directory, not to ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.few_plugins import FEW
from tests.real.conftest import MEMORY
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.conftest import Judge, RealHub

pytestmark = pytest.mark.matrix

CHECK = "running-config-is-the-deployed-one"


@pytest.fixture
def hub(hubs: Any) -> RealHub:
    """A hub that was started with `--config ./hub.json` in its own folder."""
    started: RealHub = hubs({"memory": MEMORY}, is_relative=True)
    started.wait_ready()
    return started


def configure(judge: Judge, hub: RealHub, release: Path) -> None:
    """Name `release` as what was deployed."""
    judge.configure(hub, min_servers=1, servers=["memory"])
    file = judge.folder / "readiness.toml"
    text = file.read_text().replace(
        'version = "4.2.1"', f'version = "4.2.1"\nrelease = "{release}"\nconfig = "hub.json"'
    )
    file.write_text("\n".join(line for line in text.splitlines() if not line.startswith("release = {")))


def found(judge: Judge, folder: Path) -> dict[str, Any]:
    """What the check says, asked from `folder`."""
    toml = str(judge.folder / "readiness.toml")
    command = [sys.executable, "-m", "pytest", "-m", "health", str(ROOT / "smoke"), "-p", "no:cacheprovider"]
    subprocess.run(
        [*command, "-k", "running_config or hub_answers", f"--readiness-config={toml}", f"--readiness-report={judge.folder / 'reports'}"],
        cwd=folder, env=FEW | {"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    report = json.loads((judge.folder / "reports" / "readiness.json").read_text())
    return next(dict(one) for one in report["findings"] if one["check"] == CHECK)


def test_the_deployed_file_is_known_from_every_folder(hub: RealHub, judge: Judge, tmp_path: Path) -> None:
    """Asked from three folders, one of which holds another file of that name, a healthy hub runs what was deployed."""
    configure(judge, hub, hub.folder)
    (tmp_path / "hub.json").write_text("{}")
    for folder in (tmp_path, judge.folder, hub.folder):
        assert found(judge, folder)["outcome"] == "passed", folder


def test_another_file_is_seen_from_every_folder(hub: RealHub, judge: Judge, tmp_path: Path) -> None:
    """A hub that reads its own copy does not run the deployed file, also when asked from the folder of that file."""
    release = tmp_path / "release"
    release.mkdir()
    shutil.copy2(hub.folder / "hub.json", release)
    configure(judge, hub, release)
    for folder in (tmp_path, release):
        one = found(judge, folder)
        assert one["outcome"] == "failed", one
        assert str(hub.folder / "hub.json") in one["reason"]


def test_a_fresh_backup_holds_what_runs(hub: RealHub, judge: Judge, tmp_path: Path) -> None:
    """The file that the hub reads is looked for where it is, so that a backup of a second ago lacks nothing."""
    configure(judge, hub, hub.folder)
    (hub.folder / "package.json").write_text('{"name": "mine", "version": "1.0.0"}')
    toml = f"--readiness-config={judge.folder / 'readiness.toml'}"
    made = subprocess.run(
        [sys.executable, "-m", "readiness", "backup", toml], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False, env=FEW | {"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    command = [sys.executable, "-m", "pytest", "-m", "preflight", str(ROOT / "preflight"), "-p", "no:cacheprovider"]
    subprocess.run(
        [*command, "-k", "backup_contains", toml, f"--readiness-report={judge.folder / 'reports'}"],
        cwd=tmp_path, env=FEW | {"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    report = json.loads((judge.folder / "reports" / "readiness.json").read_text())
    one = next(one for one in report["findings"] if one["check"] == "backup-contains-what-runs")
    assert "hub.json" not in (one["reason"] or ""), one


def test_init_writes_a_path_that_does_not_depend_on_the_folder(hub: RealHub, tmp_path: Path) -> None:
    """What the hub calls ./hub.json is written as the whole path."""
    written = subprocess.run(
        [sys.executable, "-m", "readiness", "init", "--url", hub.url], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False, env=FEW | {"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert written.returncode == 0, written.stdout + written.stderr
    assert f'config = "{hub.folder / "hub.json"}"' in (tmp_path / "readiness.toml").read_text()


def test_a_mistyped_state_folder_of_a_running_hub_proves_nothing(hub: RealHub, judge: Judge, tmp_path: Path) -> None:
    """A folder that is not there is no folder that the hub makes at its first start: it has been up for a while."""
    configure(judge, hub, hub.folder)
    (hub.folder / "package.json").write_text('{"name": "mine", "version": "1.0.0"}')
    file = judge.folder / "readiness.toml"
    file.write_text(file.read_text().replace("/state/mcp-hub", "/sttae/mcp-hub"))
    command = [sys.executable, "-m", "pytest", "-m", "preflight", str(ROOT / "preflight"), "-p", "no:cacheprovider"]
    subprocess.run(
        [*command, "-k", "hub_state or secret_in_logs", f"--readiness-config={file}", f"--readiness-report={judge.folder / 'reports'}"],
        cwd=tmp_path, env=FEW | {"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    report = json.loads((judge.folder / "reports" / "readiness.json").read_text())
    reasons = {one["check"]: one["reason"] for one in report["findings"] if one["outcome"] == "unknown"}
    for check in ("hub-state-is-readable", "no-secret-in-logs"):
        assert "correct [target] state" in reasons[check], reasons
