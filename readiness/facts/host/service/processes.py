"""The processes of a host: which is the hub, since when, as whom, with which files, with how much memory.

Also which MCP servers nobody owns, and what the hub held when its baseline was accepted.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import statistics
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host import systemd_values
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.network.network import hub_port
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.process import Detail, HostProcess, is_server, limits_of, port_in, process_of
from readiness.support import file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from readiness.config import Config

BASELINE: Final = "baseline.json"
"""What `readiness baseline` leaves in the folder of reports."""
_SIZE_LIMIT: Final = 8 * 1024 * 1024
_LIST: Final = r"""
printf 'now %s\n' "$(date +%s)"
read -r up _ </proc/uptime; printf 'uptime %s\n' "$up"
printf 'ticks %s\n' "$(getconf CLK_TCK 2>/dev/null || echo 100)"
for d in /proc/[0-9]*; do
  u= r= q=
  while read -r k v _; do case $k in Uid:) u=$v ;; VmRSS:) r=$v ;; PPid:) q=$v ;; esac; done <"$d/status"
  [ -n "$r" ] || continue
  c=$(head -c 16384 "$d/cmdline" | base64 -w0)
  s=; read -r s <"$d/stat"
  printf 'p %s %s %s %s %s %s\n' "${d#/proc/}" "${q:-0}" "${u:-0}" "$r" "${c:--}" "${s##*) }"
done 2>/dev/null
true
"""
_DETAIL: Final = r"""
h=$1
shift
found=
for f in /proc/net/tcp /proc/net/tcp6; do
  [ -r $f ] && while read -r _ l _ st _ _ _ _ _ i _; do
    case $l:$st in *:$h:0A) printf 'listens %s\n' "$i"; found="$found -e s#.*socket:\[$i\]\$#o#p" ;; esac
  done <$f
done
own=
if [ -n "$found" ]; then
  own=$(ls -lnq /proc/[0-9]*/fd 2>/dev/null | sed -n -e 's#^/proc/\([0-9]*\)/fd:$#\1#p' $found |
    { p=; while read -r x; do if [ "$x" = o ]; then echo "$p"; else p=$x; fi; done; } | sort -u)
fi
for p in $own; do printf 'owner %s\n' "$p"; done
for p in $own "$@"; do
  printf '@pid %s\n' "$p"
  sed -n 's/^Max open files *\([0-9a-z]*\) *\([0-9a-z]*\).*/nofile \1 \2/p' "/proc/$p/limits"
  sed 's/^/cgroup /' "/proc/$p/cgroup"
done 2>/dev/null
true
"""
_AHEAD: Final = 5.0
"""Seconds: what lies further ahead of the clock than the list took to make is no time of a start."""
_RESTART: Final = 60.0
"""Seconds after which a server that was restarted has replaced the one before it."""
_REFERENCE: Final = re.compile(r"\$\{[^}]*\}")
_ENTRIES: Final = ("dist/cli.js", "src/utils/cli.js")


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    del config
    # as administrator where that is possible: /proc may hide the processes of others
    return (
        HostQuestion(name="processes", script='$SUDO sh -c "$1"', args=(_LIST,), seconds=10, limit=6 * 1024 * 1024),
    )


def second(config: Config, answers: HostAnswers) -> tuple[HostQuestion, ...]:
    """What the list of processes names."""
    processes = Processes(answers, config)
    try:
        port, seen = processes.port(), [one.pid for one in (*processes.candidates(), *processes.strays())]
    except Unknown:
        port, seen = None, []
    pids = (str(pid) for pid in dict.fromkeys([*seen, *filter(None, [_main(answers, config)])]))
    args = (_DETAIL, "sh", f"{port or 0:04X}", *pids)
    return (HostQuestion(name="process-detail", script='$SUDO sh -c "$@"', args=args, seconds=10),)


def _main(answers: HostAnswers, config: Config) -> int | None:
    try:
        return Service(answers, config).main_pid
    except Unknown:
        return None


class Processes:
    """The processes of one host."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config

    @functools.cached_property
    def _clock(self) -> dict[str, float]:
        values = {}
        for line in self._answers.demand("processes").lines[:3]:
            key, _, value = line.partition(" ")
            if re.fullmatch(r"\d{1,12}(?:\.\d+)?", value):
                values[key] = float(value)
        if not {"now", "uptime", "ticks"} <= set(values):
            raise Unknown("the host does not tell its time and how long it has been up")
        return values

    @property
    def now(self) -> float:
        """The host's clock when it was asked, seconds since the epoch. Raises Unknown."""
        return self._clock["now"]

    @property
    def uptime(self) -> float:
        """Seconds since the host started. Raises Unknown."""
        return self._clock["uptime"]

    @functools.cached_property
    def all(self) -> dict[int, HostProcess]:
        """Every process that was seen, by its number. Raises Unknown."""
        born = self.now - self.uptime
        lines = self._answers.demand("processes").lines
        processes = (process_of(line, born, self._clock["ticks"]) for line in lines if line.startswith("p "))
        return {one.pid: self._sane(one) for one in processes if one is not None}

    def _sane(self, one: HostProcess) -> HostProcess:
        # a container that counts its own uptime knows no start: one that lies ahead is none
        ahead = one.started is not None and one.started > self.now + _AHEAD
        return dataclasses.replace(one, started=None) if ahead else one

    def port(self) -> int | None:
        """The hub's port: as configured, else as the unit's command says; None where nothing says it."""
        configured = hub_port(self.config)
        if configured is not None:
            return configured
        try:
            words = Service(self._answers, self.config).unit().argv
        except Unknown:
            return None
        return port_in("--port", words)

    def candidates(self) -> list[HostProcess]:
        """What looks like a hub by its command line. Raises Unknown."""
        return [one for one in self.all.values() if self._looks_like_a_hub(one)]

    def _looks_like_a_hub(self, one: HostProcess) -> bool:
        program = PurePosixPath(one.program)
        release = self.config.target.release
        if program.name == "mcp-hub":
            return True
        if not one.program.endswith(_ENTRIES):
            return False
        inside = release is not None and program.is_relative_to(str(release))
        return inside or "mcp-hub" in one.program or (one.option("--config") is not None and not program.is_absolute())

    def likely(self) -> list[HostProcess]:
        """Those of them that are not told another port than this deployment's. Raises Unknown."""
        port = self.port()
        return [one for one in self.candidates() if port is None or port_in("--port", one.argv) in {None, port}]

    def hubs(self) -> list[HostProcess]:
        """The processes that are this deployment's hub: who looks like it, or else who owns its port. Raises Unknown."""
        owners = self.owners()
        candidates_by_pid = {
            one.pid: one for one in (*self.likely(), *(o for o in self.candidates() if o.pid in owners))
        }
        return list(candidates_by_pid.values()) or [self.all[pid] for pid in owners if pid in self.all]

    def others(self) -> list[HostProcess]:
        """Hubs of other ports. Raises Unknown."""
        mine = {one.pid for one in self.hubs()}
        return [one for one in self.candidates() if one.pid not in mine]

    def hub(self) -> HostProcess:
        """The hub's process. Raises Unknown where there is none, or more than one."""
        candidates = self.hubs()
        if len(candidates) != 1:
            number = "no process" if not candidates else f"{len(candidates)} processes"
            raise Unknown(f"{number} of the hub can be seen on the host: process-is-single-and-fresh says more")
        return candidates[0]

    @property
    def listening(self) -> bool:
        """Whether anything listens on the hub's port. Raises Unknown."""
        return any(line.startswith("listens ") for line in self._answers.demand("process-detail").lines)

    def owners(self) -> list[int]:
        """The processes that own the hub's port; none where they cannot be seen. Raises Unknown."""
        lines = self._answers.demand("process-detail").lines
        return [int(line.split()[1]) for line in lines if re.fullmatch(r"owner \d+", line)]

    @property
    def sees_owners(self) -> bool:
        """Whether the owner of a port can be seen: only an administrator may look at the files of others."""
        return self._answers.privileged

    def detail(self, pid: int) -> Detail:
        """What is known of a process only to the administrator. Raises Unknown."""
        limits: tuple[float, float] | None = None
        groups, inside = [], False
        for line in self._answers.demand("process-detail").lines:
            if line.startswith("@pid "):
                inside = line == f"@pid {pid}"
            elif inside and line.startswith("nofile "):
                limits = limits_of(line)
            elif inside and line.startswith("cgroup "):
                groups.append(line.removeprefix("cgroup ").split(":", 2)[-1])
        return Detail(open_files=limits, group=max(groups, key=len, default=""))

    def open_files(self) -> tuple[float, float] | None:
        """How many files the running hub may open: its soft and its hard limit; None where that cannot be seen."""
        try:
            return self.detail(self.hub().pid).open_files
        except Unknown:
            return None

    def ancestors(self, one: HostProcess) -> Iterator[HostProcess]:
        """Who started a process, the nearest first."""
        seen = {one.pid}
        parent = self.all.get(one.parent)
        while parent is not None and parent.pid not in seen:
            yield parent
            seen.add(parent.pid)
            parent = self.all.get(parent.parent)

    def family(self, one: HostProcess) -> list[HostProcess]:
        """A process and everything that it started, directly or not."""
        return [one, *(other for other in self.all.values() if any(up.pid == one.pid for up in self.ancestors(other)))]

    def strays(self) -> list[HostProcess]:
        """MCP servers whose parent is the first process: no hub uses them any more. Raises Unknown."""
        first = self.all.get(1)
        if first is not None and self._looks_like_a_hub(first):
            return []  # a container whose first process is the hub itself
        return [one for one in self.all.values() if one.parent == 1 and is_server(one, self._commands)]

    def copies(self) -> list[list[HostProcess]]:
        """Children of the hub that run one command more often than servers are configured with it. Raises Unknown.

        Those that started a moment ago do not count: while a server is restarted the one before it may still be ending.
        """
        hub, most = self.hub(), self._most_alike()
        alike: dict[tuple[str, ...], list[HostProcess]] = {}
        for one in self.all.values():
            if one.parent == hub.pid and (one.started is None or one.started < self.now - _RESTART):
                alike.setdefault(tuple(one.argv), []).append(one)
        return [copies for copies in alike.values() if len(copies) > most]

    def _most_alike(self) -> int:
        """How many servers at most are configured with one and the same command. Raises Unknown."""
        commands = [tuple(_REFERENCE.sub("${}", word) for word in words) for words in self._commands]
        if commands:
            return max(commands.count(one) for one in commands)
        expected = self.config.expect.servers
        if expected is None:
            raise Unknown(
                "which commands the hub's servers have is not known: [target] release cannot be read from here, and "
                "[expect] servers names none"
            )
        return max(1, len(expected))

    def orphans(self) -> list[HostProcess]:
        """Those strays that are not a service of their own. Raises Unknown."""
        unit = _unit_name(self._answers, self.config)
        orphaned = []
        for one in self.strays():
            service = re.search(r"([^/]+\.service)\b[^/]*$", self.detail(one.pid).group)
            if service is None or service[1] in {unit, "ssh.service", "sshd.service", "cron.service"}:
                orphaned.append(one)
        return orphaned

    @functools.cached_property
    def _commands(self) -> tuple[tuple[str, ...], ...]:
        from readiness.facts.deployment import hub_config

        try:
            servers = hub_config.read(self.config).servers.values()
        except Unknown:
            return ()
        commands = ([str(server.get("command") or ""), *map(str, server.get("args") or [])] for server in servers)
        return tuple(tuple(words) for words in commands if words[0])


def _unit_name(answers: HostAnswers, config: Config) -> str:
    try:
        return Service(answers, config).name
    except Unknown:
        return ""


class Memory:
    """The hub's memory on one host; all sizes in bytes."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self.config = config
        self._processes, self._service = Processes(answers, config), Service(answers, config)

    def resident(self) -> int:
        """What the hub's own process holds. Raises Unknown."""
        return self._processes.hub().resident

    def of_family(self) -> int:
        """What the hub and the servers that it started hold, shared pages counted for each. Raises Unknown."""
        return sum(one.resident for one in self._processes.family(self._processes.hub()))

    def most(self) -> int | None:
        """The unit's MemoryMax; None where it sets none, or where there is no unit."""
        try:
            return systemd_values.size(self._service.value("MemoryMax"))
        except Unknown:
            return None

    def baseline(self) -> float | None:
        """The median of the accepted baseline; None where there is none that can be read."""
        return baseline(self.config.report_dir)


def baseline(folder: Path) -> float | None:
    """What the hub held in the accepted baseline of a folder of reports, in bytes (the median)."""
    content = file_reading.content_or_none(folder / BASELINE, _SIZE_LIMIT)
    if content is None:
        return None
    try:
        samples = json.loads(content)["accepted"]["series"]["hub.memory"]["samples"]
        middle = statistics.median(float(one) for one in samples)
    except (ValueError, RecursionError, KeyError, TypeError, statistics.StatisticsError):
        return None
    return middle if middle > 0 else None
