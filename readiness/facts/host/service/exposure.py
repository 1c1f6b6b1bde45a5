"""Secrets that any user of a host can read: on command lines, and in the environment that a unit or another supervisor gives.

The run's known values come first, in all their encodings, then the shapes of providers' keys, then literals under a
telling name. What is found is never kept: where, of which kind, and a fingerprint.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.processes import Processes
from readiness.facts.host.service.supervisors import readable_by_all
from readiness.facts.secretscan import Needles, fingerprint, known_secrets, search_stream, secret_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.config import Config
    from readiness.facts.host.batch import HostAnswers
    from readiness.facts.host.service.process import HostProcess
    from readiness.facts.release import SecretResolver

_TELLING: Final = re.compile(r"(?i)(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|credentials?)$")
"""How an option or a variable is called that holds a secret itself; `--token-env` and `--token-file` say where it is."""
_IN_URL: Final = re.compile(r"[A-Za-z][\w+.-]*://[^\s:/@?#]*:(?![$%<*{]|x+@)([^\s/@?#]+)@[\w\[]")
"""A URL with a password that is written out; `${NAME}`, `<password>` and `***` stand for one."""
_SHOWN: Final = ("Environment", "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecReload")
_REFERENCE: Final = re.compile(r"[A-Z][A-Z0-9_]*|[.~]{0,2}/\S*")
"""The name of a variable, or a path."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One secret that is shown: where, of which kind, and the first 8 hex digits of its SHA-256."""

    place: str
    kind: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind} (fingerprint {self.fingerprint})"


class Exposure:
    """The search on one host."""

    def __init__(self, answers: HostAnswers, config: Config, resolver: SecretResolver) -> None:
        self._answers = answers
        self._processes, self._service = Processes(answers, config), Service(answers, config)
        known = known_secrets.gather_known_secrets(config, resolver)
        self.missed = known.missed
        """Why some values could not be learnt: those are found by their shape alone."""
        self._needles = Needles(known.values)

    def found(self) -> list[Shown]:
        """Every secret that is shown, each place once. Raises Unknown."""
        return list(dict.fromkeys([*self._command_lines(), *self._unit(), *self._supervisors()]))

    def _command_lines(self) -> Iterator[Shown]:
        for one in self._processes.all.values():
            yield from self._in(f"the command line of {_name(one)} (pid {one.pid})", one.argv)

    def _unit(self) -> Iterator[Shown]:
        try:
            unit = self._service.unit()
        except Unknown:
            return  # without a unit, nothing of it is shown
        for one in (directive for key in _SHOWN for directive in unit.all(key)):
            # systemd tells these to everyone (`systemctl show`), whatever the file's mode
            words = [word.strip("\"'") for word in one.value.split()]
            yield from self._in(f"{one.key}= in {one.file}, line {one.line}", words)

    def _supervisors(self) -> Iterator[Shown]:
        for one in readable_by_all(self._answers):
            for hit in search_stream([(0, one.text.encode("utf-8", "surrogateescape"))], self._needles):
                yield Shown(place=f"{one.path}, which everyone can read", kind=hit.kind, fingerprint=hit.fingerprint)

    def _in(self, place: str, words: Sequence[str]) -> Iterator[Shown]:
        text = "\0".join(words).encode("utf-8", "surrogateescape")
        hits = search_stream([(0, text)], self._needles)
        for hit in hits:
            yield Shown(place=place, kind=hit.kind, fingerprint=hit.fingerprint)
        if hits:
            return
        for word in words:
            for match in _IN_URL.finditer(word):
                yield Shown(place=place, kind="a password in a URL", fingerprint=fingerprint(match[1]))
        pairs = [word.partition("=") for word in words]
        named = {name: value for name, equals, value in pairs if equals and not name.startswith("-")}
        for _, name, value in (*secret_literals(list(words)), *secret_literals(named)):
            where = (name or next((word.partition("=")[0] for word in words if value in word), "")).lstrip("-")
            if _TELLING.search(where) and not _REFERENCE.fullmatch(value):
                yield Shown(place=place, kind=f"a literal under {where[:40]}", fingerprint=fingerprint(value))


def _name(one: HostProcess) -> str:
    """A process by its program alone: its arguments may be the secret."""
    return PurePosixPath(one.program or "a process").name[:40]
