"""Jobs written as systemd units and as lines for cron, with every name and path in the form that each of them reads.

Both have a `%` of their own: systemd expands specifiers, cron ends the command. What cannot be written so that it is
read back unchanged is refused.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.operations.schedule.jobs import Job

MARK: Final = "# Written by `readiness schedule`"
"""The first words of every file of ours: a file without them is somebody else's and is left alone."""
_UNIT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]{0,80}")
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}\$?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_GRACE: Final = 30
"""Seconds between our own limit and that of systemd, which is the last resort."""

_SANDBOX: Final = """\
# What it may: read, ask the hub, write its reports. Nothing here keeps it from seeing the hub's process, its files and
# its logs, which is what it judges.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={reports}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0027
"""
_NO_NEW_CODE: Final = "MemoryDenyWriteExecute=yes\n"
_NO_SANDBOX: Final = """\
# No sandbox: what rolls back switches links, starts services and asks sudo, and a rollback that a sandbox stops half
# way is worse than none.
UMask=0027
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where and as whom the jobs run; all paths absolute."""

    program: tuple[str, ...]
    """The argv that means `readiness`."""
    config: Path
    reports: Path
    user: str
    name: str = "readiness"
    """What the units' names begin with."""
    environment: Path | None = None
    """A file of variables: the token and the addresses of `[notify]`."""
    repeat: float = 4.0
    acts: bool = False

    def __post_init__(self) -> None:
        """Refuse what no unit could hold."""
        if not _UNIT.fullmatch(self.name):
            raise ReadinessError(f"--name {self.name!r}: letters, digits and :_.- make a unit's name")
        if not _USER.fullmatch(self.user):
            raise ReadinessError(f"--user {self.user!r}: not the name of a user")
        for path in (self.config, self.reports, *((self.environment,) if self.environment else ())):
            if any(ord(sign) < 32 or ord(sign) == 127 for sign in str(path)):  # noqa: PLR2004 - control characters
                raise ReadinessError(f"{str(path)!r} holds a control character, which no unit and no crontab can")

    def argv(self, job: Job) -> tuple[str, ...]:
        """What runs `job`."""
        return (
            *self.program, "schedule", "--run", job.name, "--limit", str(job.limit), "--repeat", f"{self.repeat:g}",
            "--readiness-config", str(self.config), "--readiness-report", str(self.reports),
            *(("--act",) if self.acts else ()),
        )  # fmt: skip


def units(jobs: tuple[Job, ...], site: Site) -> dict[str, str]:
    """A service and a timer for each job, by file name."""
    files = {}
    for job in jobs:
        stem = f"{site.name}-{job.name}"
        files[f"{stem}.service"] = _service(job, site)
        files[f"{stem}.timer"] = _timer(job)
    return files


def _service(job: Job, site: Site) -> str:
    program, *arguments = site.argv(job)
    if any(sign in program for sign in "\"'\\"):
        raise ReadinessError(
            f"{program}: systemd starts no program with a quote or a backslash in its path; install it elsewhere"
        )
    command = " ".join([_word(program, variables=False), *map(_word, arguments)])
    sandbox = _NO_SANDBOX if site.acts else _SANDBOX.format(reports=_word(str(site.reports), variables=False))
    if not (site.acts or job.starts_programs):
        sandbox += _NO_NEW_CODE
    variables = "" if site.environment is None else f"EnvironmentFile={_value(site.environment)}\n"
    return f"""{MARK}: {job.title}.
[Unit]
Description=readiness {job.name}: {_text(job.title)}
After=network-online.target
Wants=network-online.target

[Service]
# a oneshot that still runs is not started again: systemd lets no two overlap, and a lock keeps the jobs apart
Type=oneshot
User={_text(site.user)}
WorkingDirectory={_value(site.config.parent)}
{variables}ExecStart={command}
# its own limit is {job.limit} s; this one is for the case that it cannot keep it
TimeoutStartSec={job.wait + job.limit + _GRACE}
TimeoutStopSec={_GRACE}
KillMode=control-group
Nice=5
{sandbox}"""


def _timer(job: Job) -> str:
    calendar = "\n".join(_explained(job, [f"OnCalendar={time.systemd}" for time in job.times]))
    spread = f"RandomizedDelaySec={job.jitter}\nFixedRandomDelay=yes\n" if job.jitter else ""
    return f"""{MARK}: {job.rhythm}.
[Unit]
Description=readiness {job.name}, {_text(job.rhythm)}

[Timer]
{calendar}
# hosts spread over that many seconds, each with a place of its own that stays
{spread}AccuracySec=5
Persistent={"yes" if job.makes_up else "no"}

[Install]
WantedBy=timers.target
"""


def crontab(jobs: tuple[Job, ...], site: Site) -> str:
    """The same jobs for /etc/cron.d, with the user's column. Raises ReadinessError for a path that cron cannot hold."""
    lines = [
        f"{MARK}, for /etc/cron.d; a crontab of one user has no column for the user.",
        "# A run that finds another one at work leaves; what is printed, and so mailed, is what people were told.",
        "SHELL=/bin/sh",
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "",
    ]
    for job in jobs:
        lines.append(f"# {job.name}: {job.title}")
        command = _cron_command(job, site)
        lines += _explained(
            job,
            [
                f"# cron knows no time zone of its own: choose a line for {time.systemd}"
                if time.cron is None
                else f"{time.cron} {site.user} {command}"
                for time in job.times
            ],
        )
    return "\n".join(lines) + "\n"


def _explained(job: Job, lines: list[str]) -> list[str]:
    """A line for each time of `job`, and above the first of those that have the same reason that reason."""
    found, last = [], ""
    for time, text in zip(job.times, lines, strict=True):
        if time.why and time.why != last:
            found.append(f"# {time.why}")
        last = time.why
        found.append(text)
    return found


def _cron_command(job: Job, site: Site) -> str:
    argv = [*site.argv(job), "--quiet", "--jitter", str(job.jitter)]
    if site.environment is not None:
        argv += ["--environment-file", str(site.environment)]
    for word in argv:
        if "\\" in word:
            raise ReadinessError(
                f"{word}: a backslash in a path reads differently in one cron and another; use another path, "
                "or --format systemd"
            )
    folder = shlex.quote(str(site.config.parent))
    return f"cd {folder} && {shlex.join(argv)}".replace("%", "\\%")


def _word(text: str, *, variables: bool = True) -> str:
    """One word of a command or of a list of paths; `variables`: whether `$` means one there."""
    if _PLAIN.fullmatch(text):
        return text
    shown = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if variables:
        shown = shown.replace("$", "$$")
    return f'"{shown}"'


def _value(path: Path) -> str:
    """A path that is the whole of a setting: nothing is unquoted there, and a backslash at the end goes on below."""
    text = str(path)
    if text.endswith("\\") or text != text.strip():
        raise ReadinessError(f"{text!r}: a unit cannot hold a path that ends in a backslash or a space")
    return text.replace("%", "%%")


def hidden(site: Site) -> list[Path]:
    """What lies in a folder for temporary files, of which the units see an empty one of their own."""
    own = [Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - named, not used
    paths = [site.config, site.reports, Path(site.program[0]).resolve()]
    return [] if site.acts else [path for path in paths if any(folder in path.parents for folder in own)]


def _text(text: str) -> str:
    return text.replace("%", "%%")


def overwritten(files: Mapping[str, str], folder: Path) -> list[Path]:
    """The files of that name in `folder` that are not ours."""
    paths = []
    for name in files:
        path = folder / name
        try:
            with path.open(encoding="utf-8", errors="replace") as there:
                if not there.readline().startswith(MARK):
                    paths.append(path)
        except FileNotFoundError:
            continue
        except OSError:
            paths.append(path)
    return paths
