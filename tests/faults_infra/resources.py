"""Resources: what a healthy host has, and uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults_infra.model import Fault, Told

_DISK: Final = """/dev/vda1 85899345920 21474836480 64424509440 25% /
/dev/vda1 85899345920 21474836480 64424509440 25% /
"""
_INODES: Final = """/dev/vda1 5242880 262144 4980736 5% /
/dev/vda1 5242880 262144 4980736 5% /
"""
_MEMORY: Final = """MemTotal:        8146240 kB
MemFree:         4073120 kB
MemAvailable:    6109680 kB
Block: 8000000
Blocks: 64
"""
HEALTHY: Final[dict[str, Told]] = {
    "cpu-before": (0, "cpu  10000 0 5000 80000 1000 0 100 0 0 0\ncpu0 2500 0 1250 20000 250 0 25 0 0 0\n"),
    "cores": (0, "4\n"),
    "cgroup": (0, "cpu.max max 100000\nmemory.max max\nnr_periods 0\nnr_throttled 0\n"),
    "memory": (0, _MEMORY),
    "disk": (0, _DISK),
    "inodes": (0, _INODES),
    "cpu-after": (0, "cpu  10080 0 5020 80300 1000 0 100 0 0 0\ncpu0 2520 0 1255 20075 250 0 25 0 0 0\n"),
}
FAULTS: Final[tuple[Fault, ...]] = ()
