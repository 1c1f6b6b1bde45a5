"""Everything that the checks of a host need, in two round trips: what can be asked blindly, then what the answers name.

A topic is a module of this package with `first(config)` and, where it has more to ask, `second(config, answers)`; both return
questions. `TOPICS` lists them. Processes of one run share what was collected through the run's private folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.connection import HostConnection, Unreachable, shown_spec
from readiness.support import locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from readiness.config import Config

TOPICS: Final = (
    "resources",
    "network.firewall",
    "network.network",
    "proxy.nginx",
    "service.hub_service",
    "service.supervisors",
    "service.processes",
    "service.service_paths",
    "service.logs",
)
"""Modules of this package that have questions."""
AT_ONCE: Final = 8
"""Hosts that one process asks at the same time."""
WAIT_SECONDS: Final = 150
"""How long a process waits for another one that is asking the same host."""


def questions(config: Config, answers: HostAnswers | None = None) -> tuple[HostQuestion, ...]:
    """What every topic asks: blindly, or knowing the first answers."""
    asked: list[HostQuestion] = []
    for name in TOPICS:
        topic = importlib.import_module(f"readiness.facts.host.{name}")
        if answers is None:
            asked += topic.first(config)
        elif hasattr(topic, "second"):
            asked += topic.second(config, answers)
    return tuple(asked)


def look(machine: HostConnection, config: Config) -> HostAnswers:
    """Ask one host everything. Raises Unreachable."""
    first = machine.ask(questions(config))
    more = questions(config, first)
    return first.with_more(machine.ask(more)) if more else first


class Hosts:
    """The answers of a run's hosts; each host is asked once a run, by the process that needs it first."""

    def __init__(self, config: Config, specs: Sequence[str], run_dir: Path | None) -> None:
        self.config, self.specs = config, tuple(specs)
        self._folder = None if run_dir is None else run_dir / "hosts"
        self._known: dict[str, HostAnswers | Unreachable] = {}
        self._locks = {spec: threading.Lock() for spec in self.specs}
        self._started = False

    def answers(self, spec: str) -> HostAnswers:
        """What the host said. The first question in a process starts asking all the others too. Raises Unreachable."""
        self._start()
        found = self._of(spec)
        if isinstance(found, Unreachable):
            # a fresh one: an exception that is raised again and again gathers tracebacks
            raise Unreachable(str(found))
        return found

    def _start(self) -> None:
        if self._started or len(self.specs) < 2:  # noqa: PLR2004 - one host needs no company
            return
        self._started = True
        waiting = iter(self.specs)
        guard = threading.Lock()

        def work() -> None:
            while True:
                with guard:
                    spec = next(waiting, None)
                if spec is None:
                    return
                self._of(spec, wait=False)

        for number in range(min(AT_ONCE, len(self.specs))):
            threading.Thread(target=work, name=f"readiness-host-{number}", daemon=True).start()

    def _of(self, spec: str, *, wait: bool = True) -> HostAnswers | Unreachable | Any:  # noqa: ANN401 - None where not waited for
        with self._locks[spec]:
            if spec in self._known:
                return self._known[spec]
            with self._alone(spec, wait=wait) as (file, mine):
                kept_answers = _kept(file)
                if kept_answers is None and not mine:
                    return (
                        None
                        if not wait
                        else Unreachable(f"{shown_spec(spec)}: another process did not finish asking it")
                    )
                if kept_answers is None:
                    kept_answers = self._ask(spec)
                    _keep(file, kept_answers)
            self._known[spec] = kept_answers
            return kept_answers

    def _ask(self, spec: str) -> HostAnswers | Unreachable:
        machine = HostConnection(spec)
        try:
            return look(machine, self.config)
        except Unreachable as error:
            return error
        except Unknown as error:
            return Unreachable(f"{machine.name} cannot be looked at: {error}")
        finally:
            machine.close()

    @contextlib.contextmanager
    def _alone(self, spec: str, *, wait: bool) -> Iterator[tuple[Path | None, bool]]:
        """The file that keeps the host's answers, and whether this process may ask it."""
        if self._folder is None:
            yield None, True
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = self._folder / hashlib.sha256(spec.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        descriptor = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                is_mine = locks.obtain(descriptor, wait=WAIT_SECONDS if wait else 0, poll=0.05)
            except OSError:  # a file system without locks: each process asks for itself
                is_mine = True
            yield file, is_mine
        finally:
            os.close(descriptor)


def _keep(file: Path | None, answers: HostAnswers | Unreachable) -> None:
    if file is None:
        return
    value = {"why": str(answers)} if isinstance(answers, Unreachable) else answers.to_json()
    own = file.with_suffix(f".{os.getpid()}")
    # without it the next process asks again: that is slower, and nothing else
    with contextlib.suppress(OSError):
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(value, stream)
        own.replace(file)


def _kept(file: Path | None) -> HostAnswers | Unreachable | None:
    if file is None:
        return None
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return Unreachable(value["why"]) if "why" in value else HostAnswers.from_json(value)
    except (OSError, ValueError, KeyError, TypeError):
        return None
