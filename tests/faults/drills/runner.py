"""Run one drill against the miniature hub, in this process, and read back what was found."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from readiness.operations.drills import rehearsal
from tests.faults import runner
from tests.helpers.pace import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE: Final = Path(__file__).parent
CHECKS: Final = {
    "service-restarts-after-a-crash": "test_service_restarts_after_a_crash",
    "stop-is-graceful-live": "test_stop_is_graceful_live",
    "llm-outage-is-survived": "test_llm_outage_is_survived",
    "mcp-server-crash-is-contained": "test_mcp_server_crash_is_contained",
    "memory-is-stable-under-soak": "test_memory_is_stable_under_soak",
    "rollback-restores-service": "test_rollback_restores_service",
}
WAIT: Final = 30.0
"""Seconds that the miniature may take to listen."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way in which a drill ends, as data: how the hub and its surroundings are, and what must be found."""

    name: str
    sentence: str
    check: str
    outcome: str
    words: tuple[str, ...] = ()
    how: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    supervisor: tuple[int, float] | None = (9, 0.05)
    """How often it starts the hub again, and after how many seconds; None: nobody does."""
    toml: str = ""
    """More of `[drill]`."""
    product: str = ""
    """What the stand-in for `readiness` does that the drill calls; it then knows two releases behind a link."""
    record: bool = False
    """Whether the drill writes down that a rollback was rehearsed."""
    more: str = ""
    """More sections."""
    budget: float | None = None
    """Seconds that the hub may take to be back; None: as long as a busy machine needs."""
    environment: str = "test"
    allowed: bool = True
    alive: bool = True
    """Whether a hub answers afterwards."""
    starts: int | None = None
    """How many processes the hub had, where that is the point: 1 says that it was never touched."""
    quick: bool = False
    """Whether it belongs to the representative part."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was found of the fault's check, and what of the hub is left."""

    outcome: str
    told: str
    alive: bool
    starts: int
    code: int
    record: bool
    placed: str
    """The release in place; empty where there are none."""


def run(fault: Fault, folder: Path) -> Result:
    """Start the hub, drill it, and end all that was started."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    _write(fault, folder, port)
    with _started(fault, folder, port), _product(folder):
        result = runner.run(
            "drill",
            f"smoke/test_drill.py::{CHECKS[fault.check]}",
            config=folder / "readiness.toml",
            reports=folder / "reports",
            options=("--readiness-drill",),
        )
        alive = _answers(port)
    row = next(row for row in result.report["findings"] if row["check"] == fault.check)
    return Result(
        outcome=row["outcome"],
        told="\n".join([row["reason"], *row.get("notes", ())]),
        alive=alive,
        starts=len((folder / "starts").read_text().splitlines()),
        code=result.exit_code,
        record=(folder / "reports" / "rehearsal.json").exists(),
        placed=(folder / "current").resolve().name if fault.product else "",
    )


@contextlib.contextmanager
def _product(folder: Path) -> Iterator[None]:
    """The stand-in in the place of `readiness`, for what a drill calls."""
    before = rehearsal.PRODUCT
    rehearsal.PRODUCT = (sys.executable, "-P", "-m", "tests.faults.drills.product", str(folder))  # type: ignore[misc]
    try:
        yield
    finally:
        rehearsal.PRODUCT = before  # type: ignore[misc]


def _write(fault: Fault, folder: Path, port: int) -> None:
    command = {"command": sys.executable, "args": ["-S", "-E", str(HERE / "server.py")]}
    servers = {name: command | {"args": [*command["args"], name]} for name in ("everything", "memory")}
    (folder / "hub.json").write_text(json.dumps({"mcpServers": servers}))
    (folder / "how.json").write_text(
        json.dumps(
            {"port": port, **fault.how} | ({"says_pid": os.getpid()} if fault.how.get("says_pid") == "own" else {})
        )
    )
    release = ""
    if fault.product:
        (folder / "product").write_text(fault.product)
        for name in ("old", "new"):
            (folder / "releases" / name).mkdir(parents=True)
        (folder / "current").symlink_to(folder / "releases" / "old")
        release = f'release = "{folder / "current"}"'
    flag = folder / "llm-is-down"
    calls = "".join(
        f'[[expect.tool_call]]\nserver = "{name}"\ntool = "say"\ncontains = "{name} say"\n' for name in servers
    )
    (folder / "readiness.toml").write_text(
        f"""environment = "{fault.environment}"
[target]
url = "http://127.0.0.1:{port}"
{release}
[probe]
settle = {seconds(3.0) if fault.budget is None else fault.budget}
timeout = {seconds(2.0)}
attempts = 1
[drill]
allowed = {str(fault.allowed).lower()}
call = {{ server = "everything", tool = "{"say" if fault.how.get("fast") else "slow"}" }}
llm_down = {'["false"]' if fault.how.get("no_down") else f'["touch", "{flag}"]'}
llm_up = ["rm", "-f", "{flag}"]
{fault.toml.format(folder=folder, port=port, python=sys.executable, hub=HERE / "hub.py")}
[expect]
servers = ["everything", "memory"]
{calls}
{fault.more}
"""
    )


@contextlib.contextmanager
def _started(fault: Fault, folder: Path, port: int) -> Iterator[None]:
    command = [sys.executable, "-S", "-E", str(HERE / "hub.py"), str(folder)]
    if fault.supervisor is not None:
        limit, pause = fault.supervisor
        command = [sys.executable, "-S", "-E", str(HERE / "supervisor.py"), str(limit), str(pause), *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT
        while not _answers(port) and time.monotonic() < until:
            time.sleep(0.02)
        yield
    finally:
        _end(process, folder)


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End the supervisor first, then every process that the hub's own list names and what is below it."""
    process.kill()
    process.wait(5)
    for line in (folder / "starts").read_text().splitlines():
        with contextlib.suppress(psutil.Error):
            hub = psutil.Process(int(line))
            if str(folder) in hub.cmdline():
                for one in [*hub.children(recursive=True), hub]:
                    one.kill()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=seconds(1)) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
