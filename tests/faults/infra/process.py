"""The processes: two hubs, old ones, orphans, limits, memory, and secrets that everyone can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.facts.host.service import processes as memory
from tests.faults.hub.words import DEGRADED, FAILED, UNKNOWN
from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault, add, each, swap
from tests.faults.infra.recording import missing, process, stat
from tests.faults.infra.world import AGE, NOW, PID, PORT, RELEASE, UID, UNIT

if TYPE_CHECKING:
    from tests.faults.infra.model import Edit

SECOND: Final = 5555
ORPHAN: Final = (host.NODE, "/usr/local/bin/mcp-server-memory")
OF_ONE_HUB: Final = ("memory-use-is-safe", "mcp-servers-run-once")
"""What can be told of one hub alone."""
NO_HUB: Final = {"processes": swap(host.HUB + host.SERVERS, ""), "process-detail": swap(host.DETAIL, "")}


def runs(*argv: str, pid: int = SECOND, parent: int = 1, uid: int = 1000, age: float = 900) -> str:
    """One more process, as a line without its end."""
    return process(pid, argv, parent=parent, uid=uid, age=age).rstrip()


def orphan(group: str) -> dict[str, Edit]:
    """An MCP server whose parent is the first process, in a control group."""
    return {
        "processes": add(runs(*ORPHAN, uid=UID, age=20 * 86_400)),
        "process-detail": add(f"@pid {SECOND}\nnofile 1024 4096\ncgroup 0::{group}"),
    }


def changed(path: str, mode: str, gid: int = 0) -> dict[str, Edit]:
    """A file that was written an hour after the hub started."""
    return {
        "paths": swap(
            stat(path, mode=mode, gid=gid, changed=host.DEPLOYED),
            stat(path, mode=mode, gid=gid, changed=NOW - AGE + 3600),
        )
    }


def process_fault(name: str, sentence: str, check: str, edits: dict[str, Edit], *words: str) -> Fault:
    """A fault that one check finds."""
    return Fault(name=name, sentence=sentence, edits=edits, expected={check: FAILED}, words=words)


SINGLE: Final = (
    Fault(
        name="two-hubs",
        sentence="A second hub was started by hand on the same port; it never listens and does not end.",
        edits={"processes": add(runs(host.NODE, "dist/cli.js", "--port", str(PORT), "--config", host.CONFIG))},
        expected={"process-is-single-and-fresh": FAILED} | dict.fromkeys(OF_ONE_HUB, UNKNOWN),
        words=(f"2 processes are this hub (pid {PID}, {SECOND})",),
    ),
    Fault(
        name="no-hub",
        sentence="The unit is active, and no process of the hub can be found.",
        edits=NO_HUB,
        expected={"process-is-single-and-fresh": FAILED} | dict.fromkeys(OF_ONE_HUB, UNKNOWN),
        words=("no process of the hub is running",),
    ),
    process_fault(
        "port-taken",
        "Another program has the hub's port.",
        "process-is-single-and-fresh",
        {"process-detail": swap(f"owner {PID}\n", "owner 700\n")},
        f"port {PORT} belongs to pid 700",
    ),
    process_fault(
        "nothing-listens",
        "The hub runs and does not listen: it waits for a slow server, or its port was in use.",
        "process-is-single-and-fresh",
        {"process-detail": swap(host.LISTENS, "")},
        f"nothing listens on port {PORT}",
    ),
    process_fault(
        "older-than-its-program",
        "A new release was put there, and the hub was not restarted.",
        "process-is-single-and-fresh",
        changed(host.ENTRY, "755"),
        f"older than the program {host.ENTRY} by 1.0 hours",
    ),
    process_fault(
        "older-than-its-configuration",
        "The configuration was changed, and the hub was not restarted.",
        "process-is-single-and-fresh",
        changed(host.CONFIG, "644"),
        f"the configuration {host.CONFIG}",
    ),
    process_fault(
        "older-than-its-keys",
        "The env file was changed, and the hub was not restarted.",
        "process-is-single-and-fresh",
        changed(host.ENV_FILE, "640", UID),
        f"the env file {host.ENV_FILE}",
    ),
    Fault(
        name="unprivileged-login",
        sentence="sudo -n is refused: who owns the port cannot be seen.",
        edits={"process-detail": swap(f"owner {PID}\n", "")},
        privileged=False,
        expected={"process-is-single-and-fresh": DEGRADED},
        words=("sudo -n is refused",),
    ),
    Fault(
        name="folder-of-the-hub-unseen",
        sentence="The hub was started with a relative path, and sudo -n is refused: where that leads cannot be seen.",
        edits={
            "processes": swap(host.HUB, process(PID, (host.NODE, "dist/cli.js", "--config", host.CONFIG), uid=UID)),
            "paths": add(missing(f"/proc/{PID}/cwd/dist/cli.js")),
        },
        privileged=False,
        expected={"process-is-single-and-fresh": UNKNOWN},
        words=("from which folder the hub runs",),
    ),
    Fault(
        name="start-ahead-of-the-clock",
        sentence="A container counts its own uptime: when the hub started cannot be told.",
        edits={"processes": swap(host.HUB, process(PID, host.HUB_ARGV, uid=UID, age=-86_400))},
        expected={"process-is-single-and-fresh": UNKNOWN},
        words=("since when the hub",),
    ),
    Fault(
        name="processes-lost",
        sentence="The list of processes took too long.",
        edits={"processes": (124, "")},
        expected=dict.fromkeys(
            (
                "process-is-single-and-fresh",
                "no-orphaned-mcp-servers",
                "mcp-servers-run-once",
                "no-secret-in-process-list",
                "memory-use-is-safe",
                "log-growth-is-sane",
                "logs-are-rotated",
                "logs-leave-the-host",
                "unit-is-active",
                "unit-has-not-been-restarting",
                "unit-runs-unprivileged",
            ),
            UNKNOWN,
        ),
        words=("processes: no answer in time",),
    ),
)
LIMITS: Final = (
    process_fault(
        "few-open-files",
        "The hub may open 1024 files.",
        "open-file-limit-is-high",
        {"process-detail": swap("nofile 65536 65536", "nofile 1024 4096")},
        "the running hub may open 1024 files",
        "≥ 65536",
    ),
    process_fault(
        "orphaned-server",
        "A server of an earlier hub outlived it in the hub's own control group (KillMode=process).",
        "no-orphaned-mcp-servers",
        orphan(f"/system.slice/{UNIT}"),
        f"mcp-server-memory (pid {SECOND})",
    ),
    process_fault(
        "copies-of-a-server",
        "The hub starts a server again and again, and does not end the copy before.",
        "mcp-servers-run-once",
        {"processes": add("\n".join(runs(*ORPHAN, pid=SECOND + n, parent=PID, uid=UID, age=900 * n) for n in (1, 2)))},
        f"3 times mcp-server-memory (pid {PID + 11}, {SECOND + 1}, {SECOND + 2})",
    ),
    Fault(
        name="server-that-is-restarted",
        sentence="A server was started anew seconds ago, twice, and those before it are still ending.",
        edits={
            "processes": add("\n".join(runs(*ORPHAN, pid=SECOND + n, parent=PID, uid=UID, age=9 * n) for n in (1, 2)))
        },
    ),
    process_fault(
        "orphan-of-a-terminal",
        "A server of a hub that somebody had started in a terminal.",
        "no-orphaned-mcp-servers",
        orphan("/user.slice/user-1000.slice/session-4.scope"),
        "outlived their hub",
    ),
    Fault(
        name="memory-high",
        sentence="The hub holds 6.5 GB.",
        edits={
            "processes": swap(host.HUB, process(PID, host.HUB_ARGV, uid=UID, mb=6500)),
            "unit-show": swap("MemoryMax=4294967296", "MemoryMax=infinity"),
        },
        expected={"memory-use-is-safe": DEGRADED},
        words=("6.5 GB is past its warning limit",),
    ),
    process_fault(
        "memory-past-its-limit",
        "The hub holds 7.5 GB.",
        "memory-use-is-safe",
        {
            "processes": swap(host.HUB, process(PID, host.HUB_ARGV, uid=UID, mb=7500)),
            "unit-show": swap("MemoryMax=4294967296", "MemoryMax=infinity"),
        },
        "the hub holds 7.5 GB, expected ≤ 7",
    ),
    process_fault(
        "memory-nearly-at-the-units-limit",
        "The hub and its servers hold 94 % of MemoryMax.",
        "memory-use-is-safe",
        {"processes": swap(host.HUB, process(PID, host.HUB_ARGV, uid=UID, mb=3900))},
        "94 % of MemoryMax",
    ),
)
BASELINE: Final = (
    Fault(
        name="memory-four-times-its-baseline",
        sentence="The hub holds 180 MB, and held 30 MB when its baseline was accepted.",
        patch=lambda patch: patch.setattr(memory, "baseline", lambda _: 30e6),
        expected={"memory-use-is-safe": FAILED},
        words=("the hub holds 0.18", "expected ≤ 0.12"),
    ),
    Fault(
        name="memory-twice-its-baseline",
        sentence="The hub holds 180 MB, and held 90 MB when its baseline was accepted: requests do that.",
        patch=lambda patch: patch.setattr(memory, "baseline", lambda _: 90e6),
    ),
)
NEAR: Final = (
    Fault(
        name="hub-of-another-port",
        sentence="A staging hub runs beside it, from its own folder on its own port, and was configured just now.",
        edits={"processes": add(runs(host.NODE, "/opt/mcp-hub-staging/dist/cli.js", "--port", "7100"))},
    ),
    Fault(
        name="somebody-reads-the-hub",
        sentence="An editor, a pager and a grep have the hub's name on their command lines.",
        edits={
            "processes": each(
                add(runs("vim", f"{RELEASE}/dist/cli.js", pid=6001)),
                add(runs("less", "/var/log/mcp-hub", pid=6002)),
                add(runs("grep", "mcp-hub", pid=6003)),
                add(runs("sh", "-c", f"node {RELEASE}/dist/cli.js --port {PORT}", pid=6004)),
            )
        },
    ),
    Fault(
        name="servers-of-others",
        sentence="An editor runs an MCP server of its own.",
        edits={
            "processes": each(add(runs("/usr/share/code/code", pid=6100)), add(runs(*ORPHAN, pid=6101, parent=6100)))
        },
    ),
    Fault(
        name="server-that-is-a-service",
        sentence="An MCP server has a unit of its own.",
        edits=orphan("/system.slice/mcp-memory.service"),
    ),
    Fault(
        name="no-limit-of-open-files",
        sentence="The hub may open as many files as it likes.",
        edits={"process-detail": swap("nofile 65536 65536", "nofile unlimited unlimited")},
    ),
    Fault(
        name="touched-before-it-started",
        sentence="The configuration was written in the very second in which the hub started.",
        edits={
            "paths": swap(stat(host.CONFIG, changed=host.DEPLOYED), stat(host.CONFIG, changed=NOW - AGE + 1)),
        },
    ),
)
FAULTS: Final = (*SINGLE, *LIMITS, *BASELINE, *NEAR)
