"""What a host has and uses: cores, memory, file systems and inodes; a container's limits where it has lower ones."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from readiness.config import Config

GIB: Final = 1024**3
STATE: Final = "/.local/state/mcp-hub"
_UNLIMITED: Final = 2**60
"""cgroup v1 says "no limit" with a number near 2^63."""
_FILE_SYSTEMS: Final = 6
"""Columns of `df -P`."""

# both generations of cgroups, from the group of the shell itself up to the root: the lowest limit counts
_CGROUP: Final = r"""
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
at="/sys/fs/cgroup$own"
while :; do
  for f in cpu.max memory.max; do [ -r "$at/$f" ] && printf '%s %s\n' "$f" "$(cat "$at/$f")"; done
  [ "$at" = /sys/fs/cgroup ] || [ "$at" = / ] || [ -z "$own" ] && break
  at=$(dirname "$at")
  case $at in /sys/fs/cgroup*) ;; *) break ;; esac
done
v1=/sys/fs/cgroup/cpu
[ -r $v1/cpu.cfs_quota_us ] && printf 'cpu.max %s %s\n' "$(cat $v1/cpu.cfs_quota_us)" "$(cat $v1/cpu.cfs_period_us)"
v1=/sys/fs/cgroup/memory/memory.limit_in_bytes
[ -r $v1 ] && printf 'memory.max %s\n' "$(cat $v1)"
for f in /sys/fs/cgroup$own/cpu.stat /sys/fs/cgroup/cpu/cpu.stat; do [ -r "$f" ] && sed -n 's/^\(nr_[a-z]*\) /\1 /p' "$f" && break; done
true
"""
# the kernel keeps a part for itself: a host of 4 GiB says less in MemTotal, and was still bought with 4
_MEMORY: Final = r"""
cat /proc/meminfo
m=/sys/devices/system/memory
if [ -r $m/block_size_bytes ]; then
  printf 'Block: %s\n' "$(cat $m/block_size_bytes)"
  printf 'Blocks: %s\n' "$(cat $m/memory*/online 2>/dev/null | grep -c 1)"
fi
true
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """A file system that the hub writes to, by where it is mounted. Sizes in bytes; shares from 0 to 100 (None: cannot be told)."""

    mount: str
    free: int
    used_percent: float | None
    inodes_percent: float | None = None


def places(config: Config) -> tuple[str, ...]:
    """The folders whose file systems matter: the release, the hub's state, the backups, logs and temporary files."""
    target = config.target
    configured: Iterable[Path | None] = (target.release, target.state_dir, target.backups_dir)
    return tuple(dict.fromkeys([*(str(path) for path in configured if path is not None), "/var/log", "/tmp"]))  # noqa: S108 - looked at


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    # of a folder that is not there yet, the nearest one above it counts
    nearest = (
        'for p; do while [ ! -d "$p" ] && [ "$p" != / ] && [ -n "$p" ]; do p=$(dirname "$p"); done; {}; done; true'
    )
    folders = places(config)
    return (
        HostQuestion(name="cores", script="nproc"),
        HostQuestion(name="cgroup", script=_CGROUP),
        HostQuestion(name="memory", script=_MEMORY),
        HostQuestion(name="disk", script=nearest.format('df -P -B1 "$p" | tail -n +2'), args=folders),
        HostQuestion(name="inodes", script=nearest.format('df -P -i "$p" | tail -n +2'), args=folders),
    )


def second(config: Config, answers: HostAnswers) -> tuple[HostQuestion, ...]:
    """Two looks at the processors with a second of nothing in between: what this run itself asks is not what they do."""
    del config, answers
    return (
        HostQuestion(name="cpu-before", script="cat /proc/stat"),
        HostQuestion(name="cpu-after", script="sleep 1; cat /proc/stat"),
    )


class Resources:
    """The figures of one host."""

    def __init__(self, answers: HostAnswers) -> None:
        self._answers = answers

    def cores(self) -> float:
        """Processors that the hub may use: those of the host, or its container's quota. Raises Unknown."""
        there = _whole(self._answers.demand("cores").text, "nproc")
        quotas = [quota for quota in map(_quota, self._cgroup("cpu.max")) if quota is not None]
        return min([float(there), *quotas])

    def memory(self) -> int:
        """Bytes of memory: the host's, or its container's limit. Raises Unknown."""
        fields = _fields(self._answers.demand("memory").lines)
        total = _kibibytes(fields.get("MemTotal"), "MemTotal")
        size, count = fields.get("Block", ""), fields.get("Blocks", "")
        if count.isdigit() and size.strip():
            total = max(total, int(count) * int(size, 16))
        limits = [int(value) for value in self._cgroup("memory.max") if value.isdigit() and int(value) < _UNLIMITED]
        return min([total, *limits])

    def file_systems(self, *, inodes: bool = False) -> tuple[FileSystem, ...]:
        """Where the hub writes, each once; with `inodes`, how many of them are used. Raises Unknown."""
        inode_lines = self._answers.demand("inodes").lines if inodes else []
        if inodes and not inode_lines:
            raise Unknown("df -i named no file system")
        counted = {row[-1]: row for row in _rows(inode_lines)}
        by_mount: dict[str, FileSystem] = {}
        for row in _rows(self._answers.demand("disk").lines):
            mount, used, free = row[-1], int(row[2]), int(row[3])
            by_mount[mount] = FileSystem(
                mount=mount,
                free=free,
                used_percent=_share(used, used + free),
                inodes_percent=_share(int(counted[mount][2]), int(counted[mount][1])) if mount in counted else None,
            )
        if not by_mount:
            raise Unknown("df named no file system")
        return tuple(by_mount.values())

    def busy_percent(self) -> float:
        """Share of the processors' time that was used between two looks, 0 to 100; waiting for disks is not use. Raises Unknown."""
        before, after = (_ticks(self._answers.demand(f"cpu-{when}").lines) for when in ("before", "after"))
        whole = sum(after) - sum(before)
        if whole <= 0:
            raise Unknown("/proc/stat did not move between two looks")
        idle = (after[3] + after[4]) - (before[3] + before[4])
        return max(0.0, 100.0 * (whole - idle) / whole)

    def throttled_percent(self) -> float | None:
        """Share of its periods in which the container's quota was used up, 0 to 100, since its start; None without a quota."""
        counters = dict(line.split(" ", 1) for line in self._answers.get("cgroup").lines if line.startswith("nr_"))
        periods, throttled = counters.get("nr_periods", "0"), counters.get("nr_throttled", "0")
        if not periods.strip().isdigit() or not throttled.strip().isdigit() or int(periods) == 0:
            return None
        return 100.0 * int(throttled) / int(periods)

    def _cgroup(self, key: str) -> list[str]:
        lines = self._answers.get("cgroup").lines
        return [line.removeprefix(key).strip() for line in lines if line.startswith(f"{key} ")]


def _whole(text: str, what: str) -> int:
    if not text.strip().isdigit():
        raise Unknown(f"{what} answered no number")
    return int(text)


def _quota(value: str) -> float | None:
    quota, _, period = value.partition(" ")
    if not quota.isdigit() or not period.strip().isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _fields(lines: list[str]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _kibibytes(value: str | None, what: str) -> int:
    number = (value or "").removesuffix("kB").strip()
    if not number.isdigit():
        raise Unknown(f"/proc/meminfo has no {what}")
    return int(number) * 1024


def _rows(lines: list[str]) -> list[list[str]]:
    rows = [line.split(None, _FILE_SYSTEMS - 1) for line in lines]
    return [row for row in rows if len(row) == _FILE_SYSTEMS and all(word.isdigit() for word in row[1:4])]


def _share(part: int, whole: int) -> float | None:
    # df counts a started per cent as a whole one; a file system without inodes of its own has none to run out of
    return None if whole <= 0 else min(100.0, math.floor(1000.0 * part / whole) / 10)


def _ticks(lines: list[str]) -> list[int]:
    words = next((line.split()[1:9] for line in lines if line.startswith("cpu ")), [])
    if len(words) < 5 or not all(word.isdigit() for word in words):  # noqa: PLR2004 - user nice system idle iowait
        raise Unknown("/proc/stat has no line for all processors")
    return [int(word) for word in words]
