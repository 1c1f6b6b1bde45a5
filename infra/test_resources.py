"""Each host has the cores, the memory and the room that a hub needs, and does not run out of them."""

from __future__ import annotations

import pytest

from readiness import Limits, check, measure, note, unknown, warn

pytestmark = pytest.mark.infra

GIB = 1024**3
THROTTLED = 10.0
"""Per cent of a container's periods in which it had used up its processors: more is felt in every answer."""


@check(
    "host-has-enough-cores",
    severity="medium",
    limits=Limits(warning=4, critical=2, unit="cores", better="higher"),
    remedy="Give the host (or the container: `--cpus`, `CPUQuota=`) 4 cores, or move the hub to one that has them.",
)
def test_host_has_enough_cores(resources):
    """The host has the processors that the hub was sized for."""
    measure(resources.cores(), what="processors")


@check(
    "host-has-enough-memory",
    severity="medium",
    limits=Limits(warning=4, critical=2, unit="GiB", better="higher"),
    remedy="Give the host (or the container: `--memory`, `MemoryMax=`) 4 GiB of memory.",
)
def test_host_has_enough_memory(resources):
    """The host has the memory that the hub was sized for."""
    measure(resources.memory() / GIB, what="memory")


@check(
    "host-has-enough-disk",
    severity="critical",
    limits=Limits(warning=20, critical=10, unit="GiB", better="higher"),
    remedy="Free room or grow the file system: `df -h`, `journalctl --vacuum-size=500M`, old backups and releases.",
)
def test_host_has_enough_disk(resources):
    """Every file system that the hub writes to has room left."""
    least = min(resources.file_systems(), key=lambda system: system.free)
    measure(least.free / GIB, what=f"free on {least.mount}:")


@check(
    "disk-use-is-safe",
    severity="critical",
    limits=Limits(warning=85, critical=95, unit="%"),
    remedy="Find what grows and rotate or remove it: `du -xh --max-depth=2 / | sort -h | tail`, `journalctl --disk-usage`.",
)
def test_disk_use_is_safe(resources):
    """No file system that the hub writes to is nearly full."""
    known = [system for system in resources.file_systems() if system.used_percent is not None]
    if not known:
        unknown("df tells no size of any file system that the hub writes to")
    fullest = max(known, key=lambda system: system.used_percent)
    measure(fullest.used_percent, what=f"used of {fullest.mount}:")


@check(
    "inodes-are-free",
    severity="medium",
    limits=Limits(warning=85, critical=95, unit="%"),
    remedy="Find the folder with too many small files and empty it: `df -i`, `du --inodes -x / | sort -n | tail`.",
)
def test_inodes_are_free(resources):
    """No file system that the hub writes to runs out of inodes."""
    known = [system for system in resources.file_systems(inodes=True) if system.inodes_percent is not None]
    if not known:
        note("no file system there counts inodes")
        return
    fullest = max(known, key=lambda system: system.inodes_percent)
    measure(fullest.inodes_percent, what=f"inodes used of {fullest.mount}:")


@check(
    "cpu-use-is-safe",
    severity="medium",
    limits=Limits(warning=80, critical=90, unit="%"),
    remedy="See what takes the processors: `top`; give the host more of them, or move its other work away.",
)
def test_cpu_use_is_safe(resources):
    """The processors have room left, and no quota holds the hub back."""
    throttled = resources.throttled_percent()
    if throttled is not None and throttled > THROTTLED:
        warn(f"the container used up its processor quota in {throttled:.0f} % of all periods: raise its quota")
    measure(resources.busy_percent(), what="processors busy:")
