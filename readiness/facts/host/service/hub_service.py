"""The hub's systemd unit on a host: systemd's own view where it runs, else the unit's file and drop-ins.

`[target] unit` says which unit it is (a name, or a path); else the one that names the release.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host import systemd_values
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.remote_files import RemoteFile, dumped
from readiness.facts.host.service import unit_questions
from readiness.facts.release import systemd_unit as unit
from readiness.support import file_reading

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.facts.release import SystemdUnit

_RENAMED: Final = {"TimeoutStopSec": "TimeoutStopUSec"}
"""Directives that systemd shows under another name."""
_SIGNALS: Final = {"15": "SIGTERM", "2": "SIGINT", "9": "SIGKILL", "3": "SIGQUIT", "1": "SIGHUP"}


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly: the host looks for the unit itself."""
    words = unit_questions.arguments(config)
    return (
        HostQuestion(name="unit-name", script=unit_questions.FIND + unit_questions.NAME, args=words),
        HostQuestion(name="unit-files", script=unit_questions.FIND + unit_questions.FILES, args=words),
        HostQuestion(
            name="unit-show",
            script=unit_questions.FIND + unit_questions.SHOW,
            args=(*words, unit_questions.PROPERTIES),
            errors=True,
        ),
        HostQuestion(name="unit-enabled", script=unit_questions.FIND + unit_questions.ENABLED, args=words, errors=True),
        HostQuestion(
            name="unit-verify", script=unit_questions.FIND + unit_questions.VERIFY, args=words, errors=True, seconds=10
        ),
        HostQuestion(
            name="unit-security", script=unit_questions.FIND + unit_questions.SECURITY, args=words, seconds=10
        ),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The unit's state in systemd's words, its restarts, and for how many seconds it has been in it (None: unknown)."""

    active: str
    sub: str
    result: str
    restarts: int | None
    seconds: float | None


class Service:
    """The unit, and what systemd makes of it."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config

    @functools.cached_property
    def _told(self) -> dict[str, str]:
        lines = self._answers.demand("unit-name").lines
        return {key: value for key, _, value in (line.partition(" ") for line in lines)}

    @property
    def booted(self) -> bool:
        """Whether systemd is this host's first process. Raises Unknown."""
        return self._told.get("booted") == "yes"

    @property
    def first_process(self) -> str:
        """The name of this host's first process. Raises Unknown."""
        return self._told.get("first", "")

    @property
    def name(self) -> str:
        """The unit's name. Raises Unknown where no unit, or more than one, can be meant."""
        return self._told.get("name") or self.path.name

    @property
    def path(self) -> Path:
        """The unit's file. Raises Unknown where no unit, or more than one, can be meant."""
        unit_path, seen = self._told.get("path", ""), self._told.get("seen", "").split()
        if not unit_path and len(seen) > 1:
            raise Unknown(
                f"{len(seen)} units name the hub ({', '.join(seen[:5])}): set [target] unit to the one that runs it"
            )
        if not unit_path:
            raise Unknown(
                "no unit names the hub: set [target] unit, or declare [expect] unit as not expected, with a reason"
            )
        return Path(unit_path)

    @functools.cached_property
    def files(self) -> tuple[RemoteFile, ...]:
        """The unit's file and its drop-ins, in the order in which they count. Raises Unknown."""
        unit_files = dumped(self._answers.demand("unit-files"))
        main = [one for one in unit_files if one.path == self.path]
        extra: dict[str, RemoteFile] = {}
        for one in unit_files:
            if one.path != self.path:
                # the folders come in systemd's order: of drop-ins with one name, the first counts
                extra.setdefault(one.path.name, one)
        return (*main, *(extra[name] for name in sorted(extra)))

    @property
    def installed(self) -> bool:
        """Whether there is such a unit: by systemd where it runs, else by its file. Raises Unknown."""
        if self.show is not None:
            return self.show.get("LoadState") not in {"not-found", ""}
        return bool(self.files) and self.files[0].path == self.path

    @property
    def masked(self) -> bool:
        """Whether the unit is masked: a link to nothing. Raises Unknown."""
        if self.show is not None:
            return self.show.get("LoadState") == "masked"
        return any(one.real == Path("/dev/null") for one in self.files[:1])

    def unit(self) -> SystemdUnit:
        """The unit, parsed. Raises Unknown."""
        if not self.installed:
            raise Unknown(f"{self.path} is not there")
        try:
            return unit.of_texts([(one.path, one.text) for one in self.files])
        except (file_reading.Unreadable, IndexError):
            raise Unknown(f"{self.path} is no service unit that can be read") from None

    @functools.cached_property
    def show(self) -> dict[str, str] | None:
        """Systemd's own view; None where systemd does not run there. Raises Unknown where it runs and does not answer."""
        if not self.booted:
            return None
        name = self.name
        answer = self._answers.get("unit-show")
        properties = {key: value for key, equals, value in (line.partition("=") for line in answer.lines) if equals}
        if not answer.ok or "LoadState" not in properties:
            raise Unknown(f"systemd does not tell about {name}: {_first(answer.lines) or answer.trouble}")
        return properties

    def value(self, key: str) -> str | None:
        """The effective value of a directive: systemd's own, else the last assignment; None where it is not set."""
        if self.show is not None:
            if not self.installed or self.masked:
                raise Unknown(f"{self.name} is not installed there: what it says cannot be judged")
            return self.show.get(_RENAMED.get(key, key)) or None
        return self.unit().last(key)

    def setting(self, key: str) -> str | None:
        """As `value`; where systemd was not asked for it, what the files say."""
        shown = self.show is None or key in self.show
        return self.value(key) if shown else self.unit().last(key)

    def settings(self, key: str) -> list[str]:
        """The words of a directive that is a list, over all of its lines. Raises Unknown."""
        if self.show is not None and key in self.show:
            return (self.show[key] or "").split()
        return [word for one in self.unit().all(key) for word in one.value.split()]

    def yes(self, key: str) -> bool:
        """Whether a switch is on."""
        return (self.value(key) or "").lower() in {"yes", "true", "on", "1"}

    @property
    def enabled(self) -> str:
        """What `systemctl is-enabled` says: enabled, disabled, masked, static, …. Raises Unknown."""
        if self.show is not None and self.show.get("UnitFileState"):
            return self.show["UnitFileState"]
        answer = self._answers.get("unit-enabled")
        word = answer.lines[-1].strip() if answer.lines else ""
        if not re.fullmatch(r"[a-z-]{4,20}", word):
            raise Unknown(
                f"systemctl does not say whether {self.path.name} is enabled: {_first(answer.lines) or answer.trouble}"
            )
        return word

    @property
    def needs_reload(self) -> bool:
        """Whether the files were changed since systemd read them."""
        return self.show is not None and self.show.get("NeedDaemonReload") == "yes"

    def life(self, uptime: float) -> Life:
        """How the unit fares. `uptime`: seconds since the host started. Raises Unknown where systemd does not run there."""
        shown = self.show
        if shown is None:
            raise Unknown(self.no_systemd)
        since = shown.get("ActiveEnterTimestampMonotonic", "")
        # a container that counts its own uptime is younger than its host's service
        seconds = uptime - int(since) / 1e6 if since.isdigit() and int(since) else -1.0
        restarts = shown.get("NRestarts", "")
        return Life(
            active=shown.get("ActiveState", ""),
            sub=shown.get("SubState", ""),
            result=shown.get("Result", ""),
            restarts=int(restarts) if restarts.isdigit() else None,
            seconds=seconds if seconds >= 0 else None,
        )

    @property
    def no_systemd(self) -> str:
        """What to say where systemd does not run."""
        return (
            f"systemd does not run there (the first process is {self.first_process[:30]!r}), and no other supervisor of the hub was "
            "recognised: declare [expect] supervision as not expected, with a reason, where something else sees to it"
        )

    @property
    def main_pid(self) -> int | None:
        """The service's main process; None where systemd knows none."""
        pid_text = (self.show or {}).get("MainPID", "0")
        return int(pid_text) if pid_text.isdigit() and int(pid_text) else None

    def stop_seconds(self) -> float | None:
        """Seconds between SIGTERM and SIGKILL; None: for ever. Raises Unknown."""
        span = self.value("TimeoutStopSec") or (self.unit().last("TimeoutSec") if self.show is None else None)
        return 90.0 if span is None else systemd_values.seconds(span)

    @property
    def kill_signal(self) -> str:
        """The signal that asks the service to end."""
        signal_name = self.value("KillSignal") or "SIGTERM"
        return _SIGNALS.get(signal_name, signal_name)

    def open_files(self) -> float | None:
        """The hard limit of open files; None where the unit sets none and systemd does not tell. Raises Unknown."""
        limit_text = self.value("LimitNOFILE")
        if limit_text is None:
            return None
        word = limit_text.rpartition(":")[2].strip()
        if word == "infinity":
            return float("inf")
        if not word.isdigit():
            raise Unknown(f"LimitNOFILE={limit_text[:40]} is no number")
        return float(word)

    @property
    def verified(self) -> bool:
        """Whether `systemd-analyze verify` was there to be asked. Raises Unknown."""
        answer = self._answers.get("unit-verify")
        return not (answer.missing or answer.timed_out or answer.code is None)

    def complaints(self) -> list[str]:
        """What `systemd-analyze verify` says about this unit's own files. Raises Unknown where it cannot be asked."""
        if not self.verified:
            raise Unknown(f"systemd-analyze cannot verify the unit: {self._answers.get('unit-verify').trouble}")
        answer = self._answers.get("unit-verify")
        own = (*(f"{one.path}:" for one in self.files), f"{self.path.name}:")
        return [line.strip() for line in answer.lines if line.strip().startswith(own)]

    @property
    def exposure(self) -> float | None:
        """The score of `systemd-analyze security`: 0 (closed) to 10 (open); None where it cannot be asked."""
        answer = self._answers.get("unit-security")
        text = answer.text.strip()
        return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def _first(lines: list[str]) -> str:
    return next((line.strip()[:200] for line in lines if line.strip()), "")
