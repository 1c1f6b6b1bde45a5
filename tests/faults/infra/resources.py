"""Resources: what a healthy host has and uses, and every way to have too little or to use too much."""

from __future__ import annotations

from typing import Final

from tests.faults.infra.model import Fault, Told, add, swap

GIB: Final = 1024**3
CLEARED: Final = ("host-has-enough-disk", "disk-use-is-safe", "inodes-are-free", "log-growth-is-sane")
"""What cannot be told where df says nothing."""
_MEMORY: Final = """MemTotal:        8146240 kB
MemFree:         4073120 kB
MemAvailable:    6109680 kB
Block: 8000000
Blocks: 64
"""


def disk(size: int, used: int, mount: str = "/") -> Told:
    """`df` of one file system, in GiB; three folders lie on it."""
    row = f"/dev/vda1 {size * GIB} {used * GIB} {(size - used) * GIB} {100 * used // size}% {mount}\n"
    return 0, row * 3


def inodes(percent: float, mount: str = "/") -> Told:
    """`df -i` of the same."""
    return (
        0,
        f"/dev/vda1 1000000 {percent * 10_000:.0f} {1_000_000 - percent * 10_000:.0f} {percent:.0f}% {mount}\n" * 3,
    )


def processors(percent: int) -> Told:
    """/proc/stat a second after the healthy host's first reading, with so much of the time used."""
    return 0, f"cpu  {10000 + 4 * percent} 0 5000 {80000 + 4 * (100 - percent)} 1000 0 100 0 0 0\n"


def memory(gib: float) -> Told:
    """/proc/meminfo of a host that does not tell its memory's blocks."""
    return 0, f"MemTotal:  {gib * 1024 * 1024:.0f} kB\nMemFree:  200000 kB\nMemAvailable:  {gib * 500_000:.0f} kB\n"


HEALTHY: Final[dict[str, Told]] = {
    "cpu-before": (0, "cpu  10000 0 5000 80000 1000 0 100 0 0 0\ncpu0 2500 0 1250 20000 250 0 25 0 0 0\n"),
    "cores": (0, "4\n"),
    "cgroup": (0, "cpu.max max 100000\nmemory.max max\nnr_periods 0\nnr_throttled 0\n"),
    "memory": (0, _MEMORY),
    "disk": disk(80, 20),
    "inodes": inodes(5),
    "cpu-after": (0, "cpu  10080 0 5020 80300 1000 0 100 0 0 0\ncpu0 2520 0 1255 20075 250 0 25 0 0 0\n"),
}


def _use(percent: int, outcome: str) -> Fault:
    limit = "expected ≤ 95" if outcome == "failed" else "warning limit of 85"
    return Fault(
        name=f"{percent} % of the disk used",
        sentence=f"A large file system is {percent} % full.",
        edits={"disk": disk(1000, percent * 10)},
        expected={"disk-use-is-safe": outcome},
        words=("used of /", f"{percent}", limit),
    )


def _busy(percent: int, outcome: str) -> Fault:
    return Fault(
        name=f"processors {percent} % busy",
        sentence=f"For a second the processors are {percent} % busy.",
        edits={"cpu-after": processors(percent)},
        expected={"cpu-use-is-safe": outcome},
        words=("processors busy", f"{percent}"),
    )


def _cores(count: int, outcome: str) -> Fault:
    return Fault(
        name=f"{count} core{'s' * (count > 1)}",
        sentence=f"The host has {count} of the 4 processors that the hub was sized for.",
        edits={"cores": (0, f"{count}\n")},
        expected={"host-has-enough-cores": outcome},
        words=("processors", f"{count} cores"),
    )


def _memory(gib: float, outcome: str) -> Fault:
    return Fault(
        name=f"{gib} GiB of memory",
        sentence=f"The host has {gib} of 4 GiB.",
        edits={"memory": memory(gib)},
        expected={"host-has-enough-memory": outcome},
        words=("memory", f"{gib:g}"),
    )


_DISKS: Final = (
    _use(86, "degraded"),
    _use(94, "degraded"),
    _use(95, "degraded"),
    _use(96, "failed"),
    Fault(
        name="19 GiB free",
        sentence="A small disk has room by its share, and little by what it holds.",
        edits={"disk": disk(100, 81)},
        expected={"host-has-enough-disk": "degraded"},
        words=("free on /", "19"),
    ),
    Fault(
        name="9 GiB free",
        sentence="A hub's logs of a day may not fit any more.",
        edits={"disk": disk(40, 31)},
        expected={"host-has-enough-disk": "failed"},
        words=("free on /", "expected ≥ 10"),
    ),
    Fault(
        name="a full file system beside an empty one",
        sentence="The logs have a file system of their own, and that one is full.",
        edits={"disk": (0, disk(80, 20)[1] + disk(40, 39, "/var/log")[1])},
        expected={"host-has-enough-disk": "failed", "disk-use-is-safe": "failed"},
        words=("/var/log",),
    ),
    Fault(
        name="inodes nearly used up",
        sentence="Millions of small files: bytes are left, names are not.",
        edits={"inodes": inodes(94)},
        expected={"inodes-are-free": "degraded"},
        words=("inodes used of /", "94"),
    ),
    Fault(
        name="no inodes left",
        sentence="No file can be made any more.",
        edits={"inodes": inodes(100)},
        expected={"inodes-are-free": "failed"},
        words=("inodes used of /", "100"),
    ),
    Fault(
        name="df names no file system",
        sentence="What is free cannot be told: neither are the limits held nor broken.",
        edits={"disk": (0, ""), "inodes": (0, "")},
        expected=dict.fromkeys(CLEARED, "unknown"),
        words=("df named no file system",),
    ),
    Fault(
        name="df hangs",
        sentence="A network file system that does not answer keeps df from ending.",
        edits={"disk": (124, ""), "inodes": (124, "")},
        expected=dict.fromkeys(CLEARED, "unknown"),
        words=("no answer in time",),
    ),
    Fault(
        name="the answer about inodes is lost",
        sentence="What was not told is no pass.",
        edits={"inodes": None},
        expected={"inodes-are-free": "unknown"},
        words=("inodes",),
    ),
)
_SIZES: Final = (
    _cores(1, "failed"),
    _cores(2, "degraded"),
    _cores(3, "degraded"),
    _memory(1.9, "failed"),
    _memory(2, "degraded"),
    _memory(3.9, "degraded"),
    Fault(
        name="a container with one and a half processors",
        sentence="The host has four, and the hub's container may use fewer.",
        edits={"cgroup": (0, "cpu.max 150000 100000\nmemory.max max\n")},
        expected={"host-has-enough-cores": "failed"},
        words=("1.5",),
    ),
    Fault(
        name="a quota further up",
        sentence="The slice around the service has the lower quota.",
        edits={"cgroup": (0, "cpu.max max 100000\ncpu.max 300000 100000\nmemory.max max\nmemory.max 3221225472\n")},
        expected={"host-has-enough-cores": "degraded", "host-has-enough-memory": "degraded"},
        words=("3 cores", "3 GiB"),
    ),
    Fault(
        name="a container with one GiB",
        sentence="The host has eight, and the hub's container may use one.",
        edits={"cgroup": (0, "cpu.max max 100000\nmemory.max 1073741824\n")},
        expected={"host-has-enough-memory": "failed"},
        words=("1 GiB",),
    ),
    Fault(
        name="nproc says nothing",
        sentence="How many processors there are cannot be told.",
        edits={"cores": (127, "")},
        expected={"host-has-enough-cores": "unknown"},
        words=("cores: what it asks is not installed there",),
    ),
    Fault(
        name="no MemTotal",
        sentence="/proc/meminfo is cut off.",
        edits={"memory": (0, "MemFree: 12 kB\n")},
        expected={"host-has-enough-memory": "unknown"},
        words=("/proc/meminfo has no MemTotal",),
    ),
)
_USE: Final = (
    _busy(81, "degraded"),
    _busy(89, "degraded"),
    _busy(91, "failed"),
    Fault(
        name="a container that is throttled",
        sentence="Its processors look idle, and a quarter of the time it may not use them.",
        edits={"cgroup": add("nr_periods 200\nnr_throttled 50")},
        expected={"cpu-use-is-safe": "degraded"},
        words=("used up its processor quota in 25 % of all periods",),
    ),
    Fault(
        name="processors that stand still",
        sentence="Two looks at /proc/stat show the same numbers.",
        edits={"cpu-after": HEALTHY["cpu-before"]},
        expected={"cpu-use-is-safe": "unknown"},
        words=("did not move between two looks",),
    ),
)
_NEAR: Final = (
    Fault(name="84 % of the disk used", sentence="Below every limit.", edits={"disk": disk(1000, 840)}),
    Fault(name="85 % of the disk used", sentence="What equals a limit is inside it.", edits={"disk": disk(1000, 850)}),
    Fault(name="20 GiB free", sentence="What equals a limit is inside it.", edits={"disk": disk(100, 80)}),
    Fault(name="processors 79 % busy", sentence="Below every limit.", edits={"cpu-after": processors(79)}),
    Fault(
        name="processors that wait for disks",
        sentence="Time that is waited is not used.",
        edits={"cpu-after": (0, "cpu  10020 0 5000 80020 1360 0 100 0 0 0\n")},
    ),
    Fault(
        name="3.8 GiB of a host of four",
        sentence="The kernel keeps a part for itself: what was bought counts.",
        edits={"memory": (0, "MemTotal: 3981234 kB\nMemAvailable: 2900000 kB\nBlock: 8000000\nBlocks: 32\n")},
    ),
    Fault(name="4 GiB exactly", sentence="What equals a limit is inside it.", edits={"memory": memory(4)}),
    Fault(
        name="a file system without inodes",
        sentence="btrfs has none to run out of.",
        edits={"inodes": (0, "/dev/vda1 0 0 0 - /\n")},
    ),
    Fault(
        name="a quota above what is there",
        sentence="A container that may use more processors and memory than its host has.",
        edits={"cgroup": swap("cpu.max max 100000\nmemory.max max", "cpu.max 1600000 100000\nmemory.max 99999999999")},
    ),
    Fault(
        name="an old kind of control group without a limit",
        sentence="Version 1 says so with a number near 2^63.",
        edits={"cgroup": (0, "cpu.max -1 100000\nmemory.max 9223372036854771712\n")},
    ),
    Fault(
        name="a mount point with blanks",
        sentence="Names of folders may hold anything.",
        edits={"disk": (0, disk(80, 20)[1] + disk(1000, 200, "/srv/my hub")[1]), "inodes": inodes(5, "/srv/my hub")},
    ),
)
FAULTS: Final = (*_DISKS, *_SIZES, *_USE, *_NEAR)
