"""Where the service lives on a host: the paths that its unit and its process name, its user, the folder of its state."""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.remote_files import STAT, Stat, decoded, stat_of, stats
from readiness.facts.host.service import unit_limits
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.processes import Processes
from readiness.facts.host.service.unit_limits import is_beneath
from readiness.facts.release import RUNTIMES, entry_point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config import Config
    from readiness.facts.release import SystemdUnit

HOME_STATE: Final = ".local/state/mcp-hub"
_PATHS: Final = STAT + 'for p; do tell "$p"; done'
_STATE: Final = (
    STAT
    + r"""
u=$1 asked=$2
if [ -n "$u" ]; then
  if i=$(id -u -- "$u" 2>/dev/null); then
    printf 'user %s %s\n' "$i" "$(id -G -- "$u")"
    l=$(getent passwd "$u" 2>/dev/null || grep "^$u:" /etc/passwd)
    IFS=:; set -- $l; unset IFS; home=$6
    printf 'home %s\n' "$(printf %s "$home" | base64 -w0)"
  else printf 'user none\n'; fi
fi
case $asked in
  /*) ;;
  *) [ -n "$home" ] && asked=$home/$asked || exit 0 ;;
esac
printf 'asked %s\n' "$(printf %s "$asked" | base64 -w0)"
at=$asked
while [ -n "$at" ] && [ ! -d "$at" ]; do at=${at%/*}; done
tell "${at:-/}"
if [ "$PRIVILEGED" = 1 ] && [ ! -w "${at:-/}" ]; then printf 'readonly\n'; fi
true
"""
)
_ENTER_AND_WRITE: Final = 0o3
_UNTOLD: Final = frozenset("%$* \t\n")
"""What stands in a path that only systemd, or a shell, can tell."""
_WRITTEN: Final = re.compile(
    r"(?i)(?:\w+_)?(?:logs?|state|data|cache)_(?:dir|file|path|home|root)|--(?:logs?|state|data|cache)-(?:dir|file|path)"
)
"""How a variable or an option is called that says where something is written."""
_SYSTEM: Final = ("/usr", "/boot", "/efi", "/etc")
_HOMES: Final = ("/home", "/root", "/run/user")
_OWN: Final = {"StateDirectory": "/var/lib", "LogsDirectory": "/var/log", "CacheDirectory": "/var/cache"}
_ALWAYS: Final = ("/dev", "/proc", "/sys", "/tmp", "/var/tmp")  # noqa: S108 - writable under ProtectSystem=strict with PrivateTmp


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServicePath:
    """A path that somebody names: as what, and the path as it is looked for on the host."""

    what: str
    path: str
    shown: str
    kind: str = "file"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """The folder of the hub's state: what was asked for, the nearest folder that is there, and whether its disk is read-only."""

    asked: str
    nearest: Stat
    read_only: bool


def of_unit(unit: SystemdUnit) -> Iterator[ServicePath]:
    """What a unit names. Paths with a specifier (`%i`) are left out: only systemd can tell what they mean."""
    own = (unit.last("WorkingDirectory") or "").lstrip("-").strip('"')
    folder = _with_home(own, unit) if own.startswith(("/", "%h")) else "/"
    places = []
    if folder != "/":
        places.append(ServicePath(what="WorkingDirectory", path=folder, shown=_shown(own, folder), kind="directory"))
    for one in unit.all("EnvironmentFile"):
        if not one.value.startswith("-"):
            value = one.value.strip('"')
            path = _with_home(value, unit)
            places.append(ServicePath(what="EnvironmentFile", path=path, shown=_shown(value, path)))
    words = [_with_home(entry_point.substitute_variables(word, unit.environment), unit) for word in unit.argv]
    if words and words[0].startswith("/"):
        places.append(ServicePath(what="ExecStart's program", path=words[0], shown=words[0], kind="program"))
    files = [
        word.removeprefix("--config=").removeprefix("--env-file=")
        for before, word in zip(["", *words], words, strict=False)
        if _is_read(word, before, first=words[0])
    ]
    places += [
        ServicePath(what="ExecStart's file", path=str(PurePosixPath(folder, file)), shown=file) for file in files
    ]
    yield from (one for one in places if not set(one.path) & _UNTOLD)


def _with_home(path: str, unit: SystemdUnit) -> str:
    """`path` with `%h` as the system's own manager reads it: /root, whoever User= names."""
    of_a_user = "/user/" in str(unit.file) or str(unit.file).startswith("/home/")
    return path if of_a_user else re.sub(r"(?<!%)%h", "/root", path)


def _shown(written: str, path: str) -> str:
    return path if written == path else f"{written} ({path}: %h is not the home of User=)"


def _is_read(word: str, before: str, first: str) -> bool:
    """Whether a word of ExecStart names a file that has to be there; what is written (a pid file) has not."""
    if word.startswith("-"):
        return word.startswith(("--config=", "--env-file="))
    if before in {"--config", "--"} or (before == first and RUNTIMES.fullmatch(PurePosixPath(first).name)):
        return before == "--config" or word.startswith("/")
    return word.endswith((".js", ".mjs", ".cjs", ".ts")) and before not in {"-r", "--require", "--import", "--loader"}


def of_process(processes: Processes, config: Config, unit: SystemdUnit | None) -> Iterator[ServicePath]:
    """What must be older than the running hub: its program, its configurations, its env file. Raises Unknown."""
    for hub in processes.likely():
        here = f"/proc/{hub.pid}/cwd/"
        words = [("the program", hub.program)]
        words += [
            ("the configuration", after)
            for word, after in zip(hub.argv, hub.argv[1:], strict=False)
            if word == "--config"
        ]
        words += [
            ("the configuration", word.removeprefix("--config=")) for word in hub.argv if word.startswith("--config=")
        ]
        for what, word in words:
            if word:
                yield ServicePath(what=what, path=word if word.startswith("/") else here + word, shown=word)
    for file in unit.environment_files if unit is not None else ():
        if not set(str(file)) & _UNTOLD:
            yield ServicePath(what="the env file", path=str(file), shown=str(file))
    own = config.target.environment_file
    if own is not None:
        yield ServicePath(what="the env file", path=str(own), shown=str(own))


def first(config: Config) -> tuple[HostQuestion, ...]:
    """Nothing can be asked blindly: the unit names the paths."""
    del config
    return ()


def second(config: Config, answers: HostAnswers) -> tuple[HostQuestion, ...]:
    """What the unit and the processes name."""
    places = ServicePaths(answers, config)
    paths = tuple(dict.fromkeys(one.path for one in (*places.named(), *places.running())))
    return (
        HostQuestion(name="paths", script='$SUDO sh -c "$@"', args=(_PATHS, "sh", *paths)),
        HostQuestion(
            name="state",
            script='$SUDO env PRIVILEGED=$PRIVILEGED sh -c "$@"',
            args=(_STATE, "sh", *places.state_asked()),
        ),
    )


class ServicePaths:
    """The paths, the user and the state of one host's hub."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config
        self._service = Service(answers, config)
        self._processes = Processes(answers, config)

    def _unit(self) -> SystemdUnit | None:
        try:
            return self._service.unit()
        except Unknown:
            return None

    def named(self) -> list[ServicePath]:
        """What the unit names; nothing where there is none."""
        unit = self._unit()
        return list(of_unit(unit)) if unit is not None else []

    def running(self) -> list[ServicePath]:
        """What the running hub was started from; nothing where that cannot be seen."""
        try:
            return list(of_process(self._processes, self.config, self._unit()))
        except Unknown:
            return []

    @functools.cached_property
    def _stats(self) -> dict[str, Stat]:
        return {one.path: one for one in stats(self._answers.demand("paths").lines)}

    def stat(self, place: ServicePath) -> Stat:
        """What is at a place. Raises Unknown."""
        known = self._stats.get(place.path)
        if known is None:
            raise Unknown(f"the host said nothing about {place.shown}")
        if place.path.startswith("/proc/") and known.kind != "regular file" and not self._answers.privileged:
            raise Unknown(
                f"sudo -n is refused: from which folder the hub runs, and so how old its {place.shown} is, cannot be seen"
            )
        return known

    def user(self) -> str:
        """The user whom the service runs as by its unit; root where it names none. Raises Unknown."""
        return self._service.value("User") or "root"

    def state_asked(self) -> tuple[str, str]:
        """The user, and the folder of the hub's state: absolute, or relative to the user's home."""
        configured = self.config.target.state_dir
        try:
            user = self.user()
        except Unknown:
            user = ""
        if configured is not None:
            return user, str(configured)
        unit = self._unit()
        given = (unit.environment if unit is not None else {}) | self._environment()
        if given.get("XDG_STATE_HOME"):
            return user, f"{given['XDG_STATE_HOME']}/mcp-hub"
        if self._service_is_dynamic():
            given.setdefault("HOME", "")
        return user, f"{given['HOME']}/{HOME_STATE}" if "HOME" in given else HOME_STATE

    def _service_is_dynamic(self) -> bool:
        """Whether the user is made when the service starts: its home is /."""
        try:
            return self._service.yes("DynamicUser")
        except Unknown:
            return False

    def _environment(self) -> dict[str, str]:
        try:
            assignments = (self._service.show or {}).get("Environment", "")
        except Unknown:
            return {}
        return {name: value for name, equals, value in (word.partition("=") for word in assignments.split()) if equals}

    def identity(self) -> tuple[int, tuple[int, ...]] | None:
        """The number of the service's user and those of its groups; None: there is no such user. Raises Unknown."""
        if self._service.yes("DynamicUser"):
            raise Unknown("DynamicUser=yes: the user is made when the service starts")
        line = next((line for line in self._answers.demand("state").lines if line.startswith("user ")), None)
        if line is None:
            raise Unknown("whom the service runs as is not known")
        words = line.split()[1:]
        return None if words == ["none"] else (int(words[0]), tuple(map(int, words[1:])))

    def state(self) -> StateFolder:
        """The folder of the hub's state. Raises Unknown."""
        lines = self._answers.demand("state").lines
        asked = next((decoded(line.split()[1]) for line in lines if line.startswith("asked ")), None)
        nearest = next((one for one in map(stat_of, lines) if one is not None), None)
        if asked is None or nearest is None:
            raise Unknown("where the hub keeps its state is not known: set [target] state")
        return StateFolder(asked=asked, nearest=nearest, read_only="readonly" in lines)

    def state_is_a_mistake(self, state: StateFolder) -> bool:
        """Whether `[target] state` names a folder that is not there."""
        return self.config.target.state is not None and state.nearest.path != state.asked

    def closed_by(self, path: str) -> str:
        """The directive of the unit that keeps `path` from being written; empty where none does. Raises Unknown."""
        if hidden := self.hidden_by(path):
            return hidden
        if any(is_beneath(path, place) for place in self._opened()):
            return ""
        system = (self._service.value("ProtectSystem") or "no").lower()
        homes = (self._service.value("ProtectHome") or "no").lower()
        if self._service.yes("DynamicUser"):  # it implies both
            system, homes = "strict", "read-only" if homes == "no" else homes
        if homes in {"yes", "true", "on", "1", "read-only", "tmpfs"} and any(
            is_beneath(path, place) for place in _HOMES
        ):
            return f"ProtectHome={homes}"
        if system == "strict" and not any(is_beneath(path, place) for place in _ALWAYS):
            return "ProtectSystem=strict"
        full = system == "full"
        closed = _SYSTEM[: 4 if full else 3]
        if system in {"yes", "true", "on", "1", "full"} and any(is_beneath(path, place) for place in closed):
            return f"ProtectSystem={system}"
        return ""

    def obstacles(self) -> list[str]:
        """What in the unit keeps the hub from starting, or from being reached. Raises Unknown."""
        return list(unit_limits.obstacles(self._service))

    def closed_writes(self) -> str:
        """A path that the unit means to be written, and the directive of its own that keeps it from being; empty where there is none. Raises Unknown.

        That is what ReadWritePaths= holds, and what a variable or an option calls a log, a state, data or a cache.
        """
        unit = self._service.unit()
        meant = {word.lstrip("-+"): "ReadWritePaths=" for word in self._service.settings("ReadWritePaths")}
        options = zip(unit.argv, [*unit.argv[1:], ""], strict=True)
        named = [*unit.environment.items(), *options, *(word.partition("=")[::2] for word in unit.argv if "=" in word)]
        meant |= {path: name for name, path in named if _WRITTEN.fullmatch(name) and path.startswith("/")}
        for path, name in meant.items():
            closed = self.hidden_by(path) if name == "ReadWritePaths=" else self.closed_by(path)
            if closed:
                return f"{name} {path} is closed by {closed}"
        return ""

    def hidden_by(self, path: str) -> str:
        """The directive of the unit that takes `path` out of the service's sight; empty where none does. Raises Unknown."""
        return unit_limits.hidden_by(self._service, path)

    @staticmethod
    def may_write(stat: Stat, uid: int, gids: tuple[int, ...]) -> bool:
        """Whether a folder's mode lets somebody write into it; access lists are not looked at."""
        if uid == 0:
            return True
        shift = 6 if stat.uid == uid else 3 if stat.gid in gids else 0
        return (stat.mode >> shift) & _ENTER_AND_WRITE == _ENTER_AND_WRITE

    def _opened(self) -> list[str]:
        opened = [
            f"{above}/{word.partition(':')[0]}" for key, above in _OWN.items() for word in self._service.settings(key)
        ]
        return opened + [word.lstrip("-+") for word in self._service.settings("ReadWritePaths")]
