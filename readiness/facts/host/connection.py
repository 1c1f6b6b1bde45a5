"""The way to a host: any of testinfra's backends, with one bounded command at a time and connections that are reused."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from readiness.errors import Unknown
from readiness.facts.host import batch
from readiness.support import child_process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.facts.host.batch import HostAnswers, HostQuestion

CONNECT_SECONDS: Final = 5
"""How long a host may take to accept a connection."""
BATCH_SECONDS: Final = 45
"""How long one round trip may take on the host."""
_GRACE: Final = 10
"""Seconds for the way there and back, beyond the batch's own time."""
_PASSED_ON: Final = (
    "HOME",
    "USER",
    "LOGNAME",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "KUBECONFIG",
    "XDG_RUNTIME_DIR",
)
"""What a client of a backend needs of this environment, beside what every child gets."""
_SSH_CONFIG: Final = """Include {own}
Include /etc/ssh/ssh_config
Host *
  BatchMode yes
  ConnectTimeout {connect}
  ServerAliveInterval 5
  ServerAliveCountMax 2
  ControlMaster auto
  ControlPath {folder}/%C
  ControlPersist 60s
"""


class Unreachable(Unknown):
    """A host could not be reached; its one sentence is the reason of every check on that host."""


def shown_spec(spec: str) -> str:
    """A host's address as it may be shown: no password, no options."""
    parts = urlsplit(spec if "://" in spec else f"//{spec}")
    host = parts.netloc.rpartition("@")
    user = host[0].partition(":")[0]
    name = f"{user}@{host[2]}" if user else host[2]
    return f"{parts.scheme}://{name}" if parts.scheme else name


class HostConnection:
    """One host. `rounds` counts the round trips to it."""

    def __init__(self, spec: str) -> None:
        self.spec, self.name, self.rounds = spec, shown_spec(spec), 0
        self._backend: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def is_local(self) -> bool:
        """Whether this is the machine that the run is on."""
        return self.spec.startswith("local://")

    def ask(self, asks: Iterable[HostQuestion]) -> HostAnswers:
        """Ask everything in one round trip. Raises Unreachable, with one sentence."""
        self.rounds += 1
        done = self._run(batch.command(asks, BATCH_SECONDS))
        answers = batch.parse(done.out)
        if answers is None:
            raise Unreachable(f"{self.name} cannot be looked at: {self._why(done)}")
        return answers

    def _run(self, command: str) -> child_process.FinishedProcess:
        backend = self._connected()
        last: list[child_process.FinishedProcess] = []

        def bounded(line: str, *args: str) -> Any:  # noqa: ANN401 - testinfra's own result
            words = backend.quote(line, *args)
            done = child_process.run(
                ["/bin/sh", "-c", words],
                timeout=BATCH_SECONDS + _GRACE,
                env=_environment(),
                limit=batch.OUTPUT_LIMIT,
            )
            last.append(done)
            return backend.result(done.code, words.encode(), done.out.encode(), done.err.encode())

        # testinfra's own has no time-out, no limit, and leaves what it started to itself
        backend.run_local = bounded
        try:
            result = backend.run(command)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises means that the host could not be asked
            if last:
                return last[-1]
            raise Unreachable(f"{self.name} cannot be looked at: {_first_line(str(error))}") from None
        if last:
            return last[-1]
        # backends with a library of their own (paramiko, salt, ansible) run nothing here
        return child_process.FinishedProcess(
            argv=(), code=result.rc, out=result.stdout, err=result.stderr, timed_out=False, seconds=0.0
        )

    def _connected(self) -> Any:  # noqa: ANN401 - a testinfra backend
        if self._backend is None:
            parts = urlsplit(self.spec)
            if "://" not in self.spec:
                raise Unreachable(f"{self.name}: write the host as ssh://{self.name}, docker://NAME or local://")
            if parts.password:
                raise Unreachable(
                    f"{self.name}: a password in [target] hosts is not used; let ssh have a key or an agent"
                )
            try:
                from testinfra.backend import get_backend
                from testinfra.host import Host

                options = self._options(parts.scheme, parse_qs(parts.query))
                self._backend = get_backend(self.spec, **options)
                self._backend.set_host(Host(self._backend))
            except Exception as error:  # noqa: BLE001 - a backend's library may be missing, its address nonsense
                raise Unreachable(f"{self.name} cannot be looked at: {_first_line(str(error))}") from None
        return self._backend

    def _options(self, scheme: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if scheme not in {"ssh", "safe-ssh"}:
            return {}
        # private, and short: a control socket's path may have 104 characters
        self._folder = tempfile.TemporaryDirectory(prefix="rh-", ignore_cleanup_errors=True)
        own = query.get("ssh_config", [str(Path.home() / ".ssh" / "config")])[0]
        config = Path(self._folder.name) / "config"
        text = _SSH_CONFIG.format(own=Path(own).expanduser(), connect=CONNECT_SECONDS, folder=self._folder.name)
        config.write_text(text, encoding="utf-8")
        self.spec = re.sub(r"([?&])ssh_config=[^&]*&?", r"\1", self.spec)
        return {"ssh_config": str(config), "timeout": CONNECT_SECONDS, "controlpersist": 0}

    def _why(self, done: child_process.FinishedProcess) -> str:
        if done.timed_out:
            return f"it did not answer within {BATCH_SECONDS + _GRACE} s"
        return _first_line(done.err) or f"the command there {done.ending} and said nothing"

    def close(self) -> None:
        """End the connections that were kept for reuse."""
        if self._folder is None:
            return
        for socket in Path(self._folder.name).iterdir():
            if socket.is_socket():
                with contextlib.suppress(Unknown):
                    child_process.run(
                        ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "-"], timeout=5, env=_environment()
                    )
        self._folder.cleanup()
        self._folder = None


def _environment() -> dict[str, str]:
    return child_process.environment(extra={name: os.environ[name] for name in _PASSED_ON if name in os.environ})


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Warning: Permanently")]
    return lines[-1][:300] if lines else ""
