"""The hub's logs on a host: where they grow and how fast, what rotates them, and what takes them elsewhere."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.remote_files import STAT, Stat, dumped, stat_of
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.processes import Processes
from readiness.facts.host.service.service_paths import ServicePaths
from readiness.facts.host.service.unit_questions import FIND, arguments

if TYPE_CHECKING:
    from readiness.config import Config

LEAST_SECONDS: Final = 900
"""A log younger than this tells no rate: what a start writes would count for a whole hour."""
JOURNAL_LIMIT: Final = 512 * 1024 * 1024
"""Bytes of the journal that are counted at most."""
SHIPPERS: Final = frozenset(
    {
        *("vector", "fluent-bit", "fluentd", "td-agent", "td-agent-bit", "promtail", "alloy", "grafana-agent"),
        *("filebeat", "journalbeat", "elastic-agent", "otelcol", "otelcol-contrib", "splunkd", "nxlog", "logstash"),
        *(
            "datadog-agent",
            "agent",
            "amazon-cloudwatch-agent",
            "google_cloud_ops_agent_engine",
            "systemd-journal-upload",
        ),
    }
)
"""Programs whose one job is to take logs elsewhere; `agent` is Datadog's, by its folder."""
_ROTATION: Final = r"""
put() {
  [ -f "$1" ] && [ -r "$1" ] || return
  printf '@file %s %s\n' "$(printf %s "$1" | base64 -w0)" "$(printf %s "$1" | base64 -w0)"
  head -c 65536 "$1" | sed 's/^/|/'; printf '\n'
}
for f in /etc/logrotate.conf /etc/logrotate.d/* /etc/rsyslog.conf /etc/rsyslog.d/*.conf /etc/syslog-ng/syslog-ng.conf /etc/systemd/journald.conf \
  /etc/systemd/journald.conf.d/*.conf /etc/systemd/journal-upload.conf; do put "$f"; done
for p in /usr/sbin/logrotate /usr/bin/logrotate /sbin/logrotate; do [ -x $p ] && { printf 'program yes\n'; break; }; done
for f in /etc/cron.daily/logrotate /etc/cron.hourly/logrotate /etc/cron.d/logrotate /etc/periodic/daily/logrotate \
  /etc/systemd/system/timers.target.wants/logrotate.timer; do [ -e $f ] && printf 'runs %s\n' "$f"; done
[ -d /var/log/journal ] && printf 'journal kept\n'
true
"""
_JOURNAL: Final = r"""
[ -n "$N" ] || exit 1
command -v journalctl >/dev/null || exit 127
journalctl -u "$N" --since=-1h -o cat --no-pager -q | head -c "$4" | wc -c
"""
_FILES: Final = (
    STAT
    + r"""
one() { [ -f "$1" ] || return; tell "$1"; printf 'free %s\n' "$(stat -f -c '%a %S' -- "$1")"; }
for p; do case $p in
  /*) for f in "$p"/*.log "$p"/*.out "$p"/*.log.[0-9]* "$p"/*.log-[0-9]* "$p"/logs/*.log "$p"/logs/*.log.[0-9]*; do one "$f"; done ;;
  *) for d in /proc/$p/fd/*; do t=$(readlink "$d") && case $t in
       /*.log|/*.out|/*/log/*|/*/logs/*) case $t in *.json|*.db|*' (deleted)') ;; *) one "$t" ;; esac ;;
     esac; done ;;
esac; done 2>/dev/null
true
"""
)
_REMOTE: Final = re.compile(r"^\s*[^#\s].*\s@@?[\w\[(]|omfwd|omrelp|omelasticsearch|imfile.*remote", re.MULTILINE)
_SYSLOG_NG: Final = re.compile(r"^\s*destination\s+\S+\s*\{[^}]*\b(?:tcp|udp|network|syslog|tls)\s*\(", re.MULTILINE)
_ROTATED: Final = re.compile(r"\.log[.-]\d")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A log that grows: bytes now, since when (seconds on the host's clock), and bytes free where it lies."""

    path: str
    size: int
    since: float
    free: int


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    arguments_and_limit = (*arguments(config), str(JOURNAL_LIMIT))
    return (
        HostQuestion(name="log-rotation", script='$SUDO sh -c "$1"', args=(_ROTATION,), limit=1024 * 1024),
        HostQuestion(
            name="log-journal", script='$SUDO sh -c "$@"', args=(FIND + _JOURNAL, "sh", *arguments_and_limit), seconds=8
        ),
    )


def second(config: Config, answers: HostAnswers) -> tuple[HostQuestion, ...]:
    """What the unit, the configuration and the running hub write to."""
    folders = [config.target.state_dir, config.target.release and config.target.release / "logs"]
    asked = ServicePaths(answers, config).state_asked()[1]
    named = [str(folder) for folder in folders if folder is not None] + ([asked] if asked.startswith("/") else [])
    try:
        pids = [str(one.pid) for one in Processes(answers, config).likely()]
    except Unknown:
        pids = []
    args = (_FILES, "sh", *dict.fromkeys([*named, *_written(answers, config), *pids]))
    return (HostQuestion(name="log-files", script='$SUDO sh -c "$@"', args=args, seconds=8),)


def _written(answers: HostAnswers, config: Config) -> list[str]:
    """The folders of files that the unit sends its output to."""
    service = Service(answers, config)
    try:
        targets = [service.value(key) or "" for key in ("StandardOutput", "StandardError")]
    except Unknown:
        return []
    paths = [word.partition(":")[2] for word in targets if word.startswith(("file:/", "append:/", "truncate:/"))]
    return [str(PurePosixPath(path).parent) for path in paths]


class Logs:
    """The logs of one host's hub."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config
        self._processes, self._service = Processes(answers, config), Service(answers, config)

    def _listed(self) -> list[tuple[Stat, int]]:
        sizes: dict[str, tuple[Stat, int]] = {}
        stat: Stat | None = None
        for line in self._answers.demand("log-files").lines:
            if line.startswith("free "):
                words = line.split()[1:]
                if stat is not None and len(words) == 2 and all(word.isdigit() for word in words):  # noqa: PLR2004
                    sizes[stat.path] = (stat, int(words[0]) * int(words[1]))
            else:
                stat = stat_of(line)
        return list(sizes.values())

    def files(self) -> list[LogFile]:
        """Log files that are being written, with since when they have grown. Raises Unknown."""
        listed = self._listed()
        if not listed and not self._answers.privileged:
            raise Unknown("sudo -n is refused: which files the hub logs to cannot be seen")
        started = min((one.started for one in self._processes.hubs() if one.started is not None), default=None)
        log_files = []
        for stat, free in listed:
            if _ROTATED.search(stat.path):
                continue
            # a rotation by copying empties the file and leaves its birth as it was: its last copy tells when
            copies = [old.changed for old, _ in listed if old.path.startswith(stat.path) and old.path != stat.path]
            begun = [float(copy) for copy in copies] + ([float(stat.born)] if stat.born else [])
            if not begun and started is not None:
                begun = [started]
            if begun:
                log_files.append(LogFile(path=stat.path, size=stat.size, since=max(begun), free=free))
        return log_files

    @property
    def now(self) -> float:
        """The host's clock. Raises Unknown."""
        return self._processes.now

    def journal_bytes(self) -> int:
        """Bytes that the unit wrote to the journal within the last hour. Raises Unknown."""
        size_text = self._answers.demand("log-journal").text.strip()
        if not size_text.isdigit():
            raise Unknown("journalctl does not tell what the unit wrote")
        return int(size_text)

    @property
    def to_journal(self) -> bool:
        """Whether the unit's output goes to the journal; not where there is no unit."""
        try:
            return self._service.booted and (self._service.value("StandardOutput") or "journal").startswith("journal")
        except Unknown:
            return False

    def _config(self, *names: str) -> str:
        held = dumped(self._answers.demand("log-rotation"))
        return "\n".join(one.text for one in held if any(name in str(one.path) for name in names))

    def rotated(self, path: str) -> bool:
        """Whether a logrotate configuration names the file. Raises Unknown."""
        patterns = [word.strip('"') for line in self._config("/logrotate").splitlines() for word in _globs(line)]
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)

    @property
    def rotates(self) -> bool:
        """Whether logrotate is there and something runs it. Raises Unknown."""
        lines = self._answers.demand("log-rotation").lines
        return "program yes" in lines and any(line.startswith("runs ") for line in lines)

    def shippers(self) -> list[str]:
        """What takes logs elsewhere: running programs, and what a syslog daemon was told. Raises Unknown."""
        running = []
        for one in self._processes.all.values():
            name = PurePosixPath(one.argv[0]).name if one.argv else ""
            if name in SHIPPERS and (name != "agent" or "datadog" in one.argv[0]):
                running.append(name)
        if _REMOTE.search(self._config("/rsyslog")):
            running.append("rsyslog")
        if _SYSLOG_NG.search(self._config("/syslog-ng")):
            running.append("syslog-ng")
        return list(dict.fromkeys(running))


def _globs(line: str) -> list[str]:
    line = line.split("#", 1)[0].strip().removesuffix("{").strip()
    return [word for word in line.split() if word.strip('"').startswith("/")]
