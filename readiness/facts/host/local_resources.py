"""What the host has left and the hub takes of it: memory, disk, processor, and how long a connection to the hub takes.

Of the host only where the hub runs on it: the memory of the machine that looks says nothing about another one.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.errors import Unknown
from readiness.facts.http import port_of
from readiness.facts.telemetry import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import psutil

    from readiness.config import Config
    from readiness.facts.hub import Hub

SAMPLE: Final = 0.1
"""Seconds over which the processors are watched."""
UNITS: Final = {
    "host.memory": "share",
    "host.memory_free": "bytes",
    "host.disk": "share",
    "host.disk_free": "bytes",
    "host.cpu": "share",
    "host.load": "per core",
    "hub.memory": "bytes",
    "hub.memory_tree": "bytes",
    "hub.cpu": "cores",
    "hub.files": "",
    "hub.connect": "ms",
}
"""Every reading and its unit: used shares from 0 to 1, resident bytes of the hub alone and with what it started."""
ELSEWHERE: Final = "the hub's process is not on this host: look from there"


def look(hub: Hub, config: Config, *, seconds: float = SAMPLE) -> dict[str, Reading]:
    """Every reading of `UNITS`, by name; watches the processors for `seconds`. Raises nothing.

    A reading without a value says why: the hub runs elsewhere, this user may not look, or it did not answer.
    """
    taken = {
        "hub.connect": _reading("hub.connect", lambda: connect_ms(hub.transport.settings.base, config.probe.timeout))
    }
    try:
        process = hub.process()
    except Unknown as error:
        reason = str(error) or ELSEWHERE
        return {name: taken.get(name) or _without(name, reason) for name in UNITS}
    return {name: taken.get(name) or _local(name, process, config, seconds) for name in UNITS}


def connect_ms(url: str, timeout: float) -> float:
    """Milliseconds until the address of `url` accepts a connection: the network's share of every answer. Raises OSError."""
    host = urlsplit(url).hostname or ""
    started = time.perf_counter()
    with socket.create_connection((host, port_of(url) or 80), timeout=timeout):
        return (time.perf_counter() - started) * 1000


def _local(name: str, process: psutil.Process, config: Config, seconds: float) -> Reading:
    import psutil

    folder = _folder(config)
    memory = psutil.virtual_memory
    ways: dict[str, Callable[[], float]] = {
        "host.memory": lambda: memory().percent / 100,
        "host.memory_free": lambda: float(memory().available),
        "host.disk": lambda: psutil.disk_usage(str(folder)).percent / 100,
        "host.disk_free": lambda: psutil.disk_usage(str(folder)).free,
        "host.cpu": lambda: psutil.cpu_percent(interval=seconds) / 100,
        "host.load": lambda: psutil.getloadavg()[0] / (psutil.cpu_count() or 1),
        "hub.memory": lambda: process.memory_info().rss,
        "hub.memory_tree": lambda: _tree(process),
        "hub.cpu": lambda: process.cpu_percent(interval=seconds) / 100,
        "hub.files": process.num_fds,
    }
    return _reading(name, ways[name])


def _folder(config: Config) -> Path:
    """Where the hub writes: its state folder, else its release, else where the reports go; the nearest that is there."""
    folder = config.target.state_dir or config.target.release or config.report_dir.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _tree(process: psutil.Process) -> float:
    """Resident bytes of the hub and of everything it started, its MCP servers above all."""
    import psutil

    total: int = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may have ended since it was listed
            total += child.memory_info().rss
    return total


def _reading(name: str, look_up: Callable[[], float]) -> Reading:
    import psutil

    try:
        return Reading(metric=name, unit=UNITS[name], value=float(look_up()), source="this host")
    except (OSError, psutil.Error) as error:
        return _without(name, f"{name} could not be read: {error}")


def _without(name: str, reason: str) -> Reading:
    return Reading(metric=name, unit=UNITS[name], trouble="absent", reason=reason)


def lines(taken: Mapping[str, Reading]) -> list[str]:
    """Every reading as a short text, `hub.memory 93.4 MiB`, in the order of `UNITS`."""
    return [f"{name} {_shown(taken[name])}" for name in UNITS if name in taken]


def _shown(reading: Reading) -> str:
    number = reading.number
    if number is None:
        return f"unknown ({reading.reason})"
    if reading.unit == "bytes":
        return f"{number / 2**20:.1f} MiB"
    return f"{number:.0%}" if reading.unit == "share" else f"{number:.4g} {reading.unit}".rstrip()
