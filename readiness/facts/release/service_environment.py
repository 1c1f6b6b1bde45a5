"""The variables that a service is started with: which have a value, which have one that only the host knows, and what could not be read.

What systemd sets by itself is in systemd.exec(5), "Environment Variables Set or Propagated by the Service Manager".
"""

from __future__ import annotations

import contextlib
import dataclasses
import pwd
from typing import TYPE_CHECKING, Final

from readiness.facts.release import env_file
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from readiness.facts.release.systemd_unit import SystemdUnit

_ALWAYS: Final = frozenset({"PATH", "LANG", "INVOCATION_ID", "SYSTEMD_EXEC_PID"})
"""What systemd gives every service."""
_LOGIN: Final = frozenset({"HOME", "LOGNAME", "SHELL"})
"""What it gives a service with a user, unless SetLoginEnvironment= says otherwise."""
_USER_MANAGER: Final = _LOGIN | {"USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "MANAGERPID"}
"""What it gives a service of `systemctl --user`."""
_FOLDERS: Final = {
    "RuntimeDirectory": ("RUNTIME_DIRECTORY", "/run"),
    "StateDirectory": ("STATE_DIRECTORY", "/var/lib"),
    "CacheDirectory": ("CACHE_DIRECTORY", "/var/cache"),
    "LogsDirectory": ("LOGS_DIRECTORY", "/var/log"),
    "ConfigurationDirectory": ("CONFIGURATION_DIRECTORY", "/etc"),
}
"""Setting to the variable that it sets, and where the folder lies."""
_CREDENTIALS: Final = (
    "LoadCredential",
    "LoadCredentialEncrypted",
    "SetCredential",
    "SetCredentialEncrypted",
    "ImportCredential",
)
_JOURNAL: Final = frozenset({"journal", "journal+console", "kmsg", "kmsg+console", "inherit"})
_TRUE: Final = frozenset({"1", "yes", "y", "true", "t", "on"})
_ANY_START: Final = frozenset({"HOME", "PATH"})
"""What a program has, whoever starts it: a shell, cron, a container, a process manager."""
_SESSION: Final = frozenset({"USER", "LOGNAME", "SHELL", "LANG", "PWD", "TERM", "HOSTNAME", "TMPDIR"})
"""What some ways to start a program set, and some do not."""
_SHELLS: Final = {
    "bash": frozenset({"PWD", "SHLVL", "OLDPWD", "_"}),
    "sh": frozenset({"PWD"}),
    "dash": frozenset({"PWD"}),
}
_MANAGERS: Final = frozenset({"npm", "npx", "pnpm", "yarn"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEnvironment:
    """What a service is started with. Never print the values."""

    values: Mapping[str, str] = dataclasses.field(repr=False)
    by_manager: frozenset[str] = frozenset()
    """Names that what starts the service sets by itself; the value of most is known to the running host alone."""
    perhaps: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Names that may be set, to whom that depends on."""
    unread: tuple[str, ...] = ()
    """What may set more, in words, and could not be read."""

    def missing(self, name: str) -> str:
        """Why `name` has no value; an empty text where it has one."""
        if name in self.values:
            return "" if self.values[name].strip() else "is set to nothing"
        return "" if name in self.by_manager else "is not set"

    def doubt(self, name: str) -> str:
        """Why it cannot be said that `name` has no value; an empty text where it can."""
        if name in self.values:
            return ""
        return self.perhaps.get(name, "") or (self.unread[0] if self.unread else "")


def of_unit(unit: SystemdUnit, own: Path, here: Callable[[Path], Path]) -> ServiceEnvironment:
    """What `unit` starts its service with; `own` is the release's env file, `here` finds a path of the unit on this disk."""
    values, by_manager = _manager_variables(unit)
    values |= unit.environment
    unread: list[str] = []
    loaded = False
    for one in unit.all("EnvironmentFile"):
        path = unit.environment_file(one)
        loaded = loaded or path.name == own.name
        text = _read_into(values, own if path.name == own.name else here(path), optional=one.value.startswith("-"))
        unread += [text] if text else []
    perhaps = {
        name: f"{one.file.name}:{one.line} takes {name} from the service manager, which is not asked"
        for one in unit.all("PassEnvironment")
        for name in unit.words(one.value)
    }
    for one in unit.all("UnsetEnvironment"):
        for word in unit.words(one.value):
            name, equals, value = word.partition("=")
            if not equals or values.get(name) == value:
                values.pop(name, None)
                perhaps.pop(name, None)
                by_manager -= {name}
    by_manager |= _of_starter(unit.argv)
    if not loaded:
        with contextlib.suppress(Unreadable):
            values |= env_file.parse(own).values
    return ServiceEnvironment(values=values, by_manager=by_manager, perhaps=perhaps, unread=tuple(unread))


def without_unit(own: Path) -> ServiceEnvironment:
    """What is known where no unit is: the env file, and what every way to start a program sets."""
    values: dict[str, str] = {}
    text = _read_into(values, own, optional=False)
    unread = (f"{text}, and no unit says what sets variables: set [target] env_file or unit",) if text else ()
    nobody = "no unit is known that would say whether {0} is set: set [target] unit, or set {0} in the env file"
    return ServiceEnvironment(
        values=values,
        by_manager=_ANY_START,
        perhaps={name: nobody.format(name) for name in _SESSION},
        unread=unread,
    )


def _read_into(values: dict[str, str], file: Path, *, optional: bool) -> str:
    """Add what a file sets; why it could not be read, or an empty text."""
    if "%" in str(file):
        return f"{file} holds a specifier of systemd that is not resolved here"
    if optional and not file_reading.exists(file):
        return ""
    try:
        values |= env_file.parse(file).values
    except Unreadable as error:
        return str(error)
    return ""


def _manager_variables(unit: SystemdUnit) -> tuple[dict[str, str], frozenset[str]]:
    """What systemd sets by itself: the values that are known, and the names of all."""
    values, names = _folders(unit), set(_ALWAYS)
    own_manager = {"user"} & set(unit.file.parts[:-1])
    login = own_manager or unit.user or _is_on(unit.last("DynamicUser")) or unit.last("PAMName")
    if own_manager:
        names |= _USER_MANAGER
    if unit.user or own_manager:
        names |= {"USER"}
    wanted = unit.last("SetLoginEnvironment")
    if own_manager or (login if not wanted else _is_on(wanted)):
        names |= _LOGIN
    if unit.last("PAMName"):
        names |= {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "USER"}
    names |= _of_settings(unit)
    if unit.user and "%" not in unit.user:
        values |= _of_user(unit.user, frozenset(names))
    return values, frozenset(names | set(values))


def _of_settings(unit: SystemdUnit) -> set[str]:
    """What single settings of a unit bring along."""
    names: set[str] = set()
    if any(unit.last(key) for key in _CREDENTIALS):
        names |= {"CREDENTIALS_DIRECTORY"}
    if (unit.last("Type") or "").startswith("notify") or (unit.last("NotifyAccess") or "none") != "none":
        names |= {"NOTIFY_SOCKET"}
    if (unit.last("WatchdogSec") or "0") != "0":
        names |= {"WATCHDOG_PID", "WATCHDOG_USEC"}
    if unit.last("Sockets"):
        names |= {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
    if {unit.last("StandardOutput") or "journal", unit.last("StandardError") or "inherit"} & _JOURNAL:
        names |= {"JOURNAL_STREAM"}
    return names


def _of_user(user: str, given: frozenset[str]) -> dict[str, str]:
    """The values of the variables that come from the user, where this machine knows that user."""
    values = {"USER": user, "LOGNAME": user}
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        values |= {"USER": entry.pw_name, "LOGNAME": entry.pw_name, "HOME": entry.pw_dir, "SHELL": entry.pw_shell}
    return {name: value for name, value in values.items() if name in given and value}


def _folders(unit: SystemdUnit) -> dict[str, str]:
    values = {}
    for key, (name, above) in _FOLDERS.items():
        folders = [word.partition(":")[0] for one in unit.all(key) for word in unit.words(one.value)]
        if folders:
            values[name] = ":".join(f"{above}/{folder}" for folder in folders)
    return values


def _of_starter(argv: list[str]) -> frozenset[str]:
    """What a shell or a package manager between systemd and the hub sets."""
    name = argv[0].rpartition("/")[2] if argv else ""
    if name in _MANAGERS:
        return frozenset({"INIT_CWD", "NODE"})
    return _SHELLS.get(name, frozenset())


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in _TRUE
