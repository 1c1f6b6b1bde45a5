"""The printed units under a live systemd: process 1 of namespaces of its own, which end with it, and with all it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from readiness.operations.schedule import jobs as schedule
from readiness.operations.schedule.units import Site, hidden, units
from tests.helpers.pace import seconds
from tests.helpers.wires import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEMD = Path("/lib/systemd/systemd")
NAMESPACES = ("--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup", "--mount-proc")
BOOT = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/lock /run/own/folder
mount --bind {folder} /run/own/folder
# whatever a boot cleans or writes is its own: the machine's places show through, and nothing reaches them
for place in tmp var etc; do
  mkdir -p /run/own/$place/upper /run/own/$place/work
  chmod --reference=/$place /run/own/$place/upper
  mount -t overlay own -o lowerdir=/$place,upperdir=/run/own/$place/upper,workdir=/run/own/$place/work /$place
done
mount --bind /run/own/folder {folder}
cp {folder}/units/* /run/systemd/system/
export container=unshare
exec {systemd} --system --unit=trial.target --log-target=null --show-status=no
"""
TOML = """
environment = "staging"
[target]
url = "http://127.0.0.1:{port}"
version = "4.3.0"
[expect]
release = {{ expected = false, reason = "judged elsewhere" }}
servers = ["everything", "memory"]
[limits.hub-stays-up]
critical = 0.1
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is in no place for temporary files: the units see an empty one there."""
    made = Path(tempfile.mkdtemp(prefix="schedule-", dir="/var/lib" if os.access("/var/lib", os.W_OK) else None))
    before = groups()
    yield made
    shutil.rmtree(made, ignore_errors=True)
    # a systemd that was killed leaves its control groups behind, empty
    for path in sorted(groups() - before, reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()


def groups() -> set[Path]:
    """The control groups that are there."""
    names = ("**/*.service", "**/*.slice", "**/*.scope")
    return {path for name in names for path in Path("/sys/fs/cgroup").glob(name) if path.is_dir()}


@pytest.fixture
def canary() -> Iterator[Path]:
    """A file in the machine's own place for temporary files, which the boot removes from what it sees."""
    with tempfile.NamedTemporaryFile(prefix="canary-", dir="/tmp", delete=False) as made:
        path = Path(made.name)
    yield path
    path.unlink(missing_ok=True)


def lay(folder: Path, port: int, canary: Path) -> None:
    """The smoke job's units as they are printed, but for their rhythm; a hub beside them, and what starts both."""
    program = Path(sys.executable).with_name("readiness")
    site = Site(
        program=(str(program),), config=folder / "readiness.toml", reports=folder / "reports", user="root", name="trial"
    )
    found = units((schedule.smoke(),), site)
    timer, service = found["trial-smoke.timer"], found["trial-smoke.service"]
    found["trial-smoke.timer"] = timer.replace("*-*-* *:00/5:00 UTC", "*-*-* *:*:00/2").replace("Sec=60", "Sec=1")
    if hidden(site):  # a checkout that is itself temporary could not be seen
        service = service.replace("PrivateTmp=yes\n", "ReadWritePaths=/tmp\n")
    # the usual dependencies would boot a whole machine
    service = service.replace("After=network-online.target\nWants=network-online.target\n", "")
    found["trial-smoke.service"] = service.replace("[Service]\n", f"[Service]\nStandardOutput=append:{folder}/said\n")
    # without rights of its own: whoever runs the checks has none either, and sees the process only then
    found["hub.service"] = (
        f"[Unit]\n[Service]\nCapabilityBoundingSet=\nEnvironment=HOME={folder} TMPDIR={folder}\n"
        f"ExecStartPre=/bin/rm {canary}\nExecStartPre=/bin/touch {folder}/booted\n"
        f"ExecStart={program} demo --port {port}\n"
    )
    found["trial.target"] = "[Unit]\nWants=hub.service trial-smoke.timer\n"
    (folder / "units").mkdir()
    (folder / "reports").mkdir()
    for name, text in found.items():
        (folder / "units" / name).write_text(text.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n"))
    (folder / "readiness.toml").write_text(TOML.format(port=port))
    (folder / "boot").write_text(BOOT.format(folder=folder, systemd=SYSTEMD))


def wait(path: Path, most: float, lines: int = 0) -> bool:
    """Whether `path` is there, with so many lines, in that time."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if path.read_text().count("\n") >= lines:
                return True
        time.sleep(0.05)
    return False


@pytest.mark.matrix
def test_the_units_work_under_a_live_systemd(folder: Path, canary: Path) -> None:
    """The timer starts the sandboxed run again and again: READY, with the whole proven, and history kept."""
    if os.geteuid() != 0 or not SYSTEMD.exists() or shutil.which("unshare") is None:
        pytest.skip("a live systemd in namespaces needs root, systemd and unshare")
    port = free_port()
    lay(folder, port, canary)
    with subprocess.Popen(
        ["unshare", *NAMESPACES, "sh", str(folder / "boot")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as systemd:  # fmt: skip
        try:
            if not wait(folder / "booted", seconds(15)):
                pytest.skip("no systemd can be process 1 of a namespace here, with places of its own to write to")
            told = wait(folder / "said", seconds(45), lines=2)
        finally:
            # process 1 of the namespace dies with it (--kill-child), and all that it started with that
            systemd.send_signal(signal.SIGKILL)
    assert canary.exists(), "the boot reached the machine's own /tmp"
    said = (folder / "said").read_text() if told else ""
    log = folder / "reports" / "schedule" / "smoke.log"
    assert said.count("readiness schedule: smoke: READY in ") == 2, said + (log.read_text() if log.exists() else "")
    report = json.loads((folder / "reports" / "readiness.json").read_text())
    assert (report["verdict"]["status"], report["verdict"]["proven"]) == ("READY", 1.0)
    assert len(list((folder / "reports" / "history").glob("2*.json"))) == 2
