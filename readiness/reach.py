"""How one process of a run reaches the hub: connections, what was proven about them, and who answered first."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from readiness import checks
from readiness.errors import HubDown, Unknown
from readiness.facts.silence import Silence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.answer import Answer
    from readiness.facts.front import Front
    from readiness.facts.http import Transport
    from readiness.facts.hub import Hub, Known

IDENTITY_FILE: Final = "identity.json"
BLOCKED: Final = "blocked by hub-answers: "
STARTUP_SECONDS: Final = 30.0
"""The start-up budget unless `[probe] settle` gives one; the scope's default."""
_SHORT: Final = 1.0
"""Seconds a hub that was lost gets to show that it is back, before each later check."""
_RARE: Final = 5
"""Times its own length that nobody looks after a look in vain: a silent hub must not cost every check a second."""
_STARTING: Final = frozenset({"starting", "restarting"})


class Reach:
    """What one process of a run knows about reaching the hub; it remembers losses, never answers."""

    def __init__(self, config: Config, run_dir: Path | None) -> None:
        self.config, self.run_dir = config, run_dir
        self.since = time.time()
        self._transport: Transport | None = None
        self._outside: Transport | None = None
        self._front: Transport | None = None
        self._known: Known | None = None
        self._lost: Unknown | None = None
        self._asked = False
        self._looked = 0.0
        self._spared = config.probe.interval
        self._noted = 0
        self.street = Silence()
        """Whether `url` was silent in this process."""
        self.waited = False
        """Whether this process has given a starting hub its time."""

    def hub(self) -> Hub:
        """A fresh view of the hub for one check. Raises Unknown where no address or token is configured."""
        from readiness.facts.hub import Hub, Known

        if self._known is None:
            self._known = Known(on_down=self._lose, on_seen=self._see)
        return Hub(self.transport, self.config, self._known)

    @property
    def transport(self) -> Transport:
        """How facts are fetched: the hub's own port where it is known, else what clients use. Raises Unknown."""
        if self._transport is None:
            from readiness.facts.http import token_of

            url = self.config.target.facts_url
            if not url:
                raise Unknown("neither [target] url nor internal_url says where the hub is")
            self._transport = self._made(url, token_of(self.config.target.token_env))
            self._transport.on_answer = self._notice
        return self._transport

    @property
    def outside(self) -> Transport | None:
        """How strangers ask: through `url`, without a token; None where it is not configured."""
        if self._outside is None and self.config.target.url:
            self._outside = self._made(self.config.target.url, None, follow=False)
        return self._outside

    @property
    def front(self) -> Front | None:
        """How clients get the hub: through `url`, with the token; None where that is where facts are fetched anyway."""
        from readiness.facts.front import Front
        from readiness.facts.http import token_of

        url, own = self.config.target.url, self.config.target.internal_url
        if not url or not own or url.rstrip("/") == own.rstrip("/"):
            return None
        if self._front is None:
            self._front = self._made(url, token_of(self.config.target.token_env))
            self._front.on_answer = _fire_nothing
        return Front(self._front, self.street, self.config.probe.attempts)

    def _made(self, url: str, token: str | None, *, follow: bool = True) -> Transport:
        from readiness.facts.http import Settings, Transport
        from readiness.facts.urls import is_loopback

        own = url == self.config.target.internal_url or is_loopback(url)
        settings = Settings(
            base=url,
            timeout=self.config.probe.timeout,
            rate=None if own else self.config.probe.rate,
            ca_file=self.config.target.ca_file,
            token=token,
            follow=follow,
        )
        return Transport(settings)

    def ensure(self, hub: Hub) -> None:
        """Return if the hub answers; else raise HubDown or Unknown, "blocked by hub-answers".

        The first time in a process it gets the probe's attempts; once lost, a single short one before each check, and
        none if that was just done or takes long.
        """
        if self._asked and self._lost is None:
            return
        started = time.monotonic()
        if self._asked and self._lost is not None and started - self._looked < self._spared:
            raise _blocked(self._lost)
        attempts = 1 if self._asked else self.config.probe.attempts
        self._lost = self._tried(hub, attempts, _SHORT if self._asked else None)
        self._asked, self._looked = True, time.monotonic()
        self._spared = max(self.config.probe.interval, _RARE * (self._looked - started))
        if self._lost is not None:
            raise _blocked(self._lost)

    def _tried(self, hub: Hub, attempts: int, timeout: float | None) -> Unknown | None:
        for left in range(attempts - 1, -1, -1):
            hub.new_attempt()
            trouble = self._trouble(hub, timeout)
            if trouble is None or not left:
                return trouble
            time.sleep(self.config.probe.interval)
        return None

    def _trouble(self, hub: Hub, timeout: float | None) -> Unknown | None:
        try:
            with hub.transport.within(timeout):
                words = hub.trouble()
        except Unknown as error:
            return error
        return HubDown(words) if words else None

    def let_it_start(self, hub: Hub) -> None:
        """Wait, once a process, while the hub says that it is starting: what it is to have comes with its start."""
        if self.waited:
            return
        self.waited = True
        probe = self.config.probe
        until = time.monotonic() + (STARTUP_SECONDS if probe.settle is None else probe.settle)
        while hub.health().state in _STARTING and time.monotonic() + probe.interval < until:
            time.sleep(probe.interval)
            hub.new_attempt()

    def _see(self, trouble: str) -> None:
        """Note what a look at health proved: a hub that answered needs no further probe."""
        self._asked, self._looked = True, time.monotonic()
        self._lost = HubDown(trouble) if trouble else None

    def _lose(self, error: HubDown) -> None:
        """Note a proof that the hub is down, on the running check too."""
        self._asked, self._lost, self._looked = True, error, time.monotonic()
        recorder = checks.current.get()
        if recorder is not None:
            recorder.lost_hub = True
            if self._proxied:
                recorder.fires = False

    @property
    def _proxied(self) -> bool:
        """Whether facts are fetched through something that ends TLS: the hub speaks none itself."""
        target = self.config.target
        return target.internal_url is None and (target.url or "").startswith("https:")

    def fire_as_seen(self) -> None:
        """Say of the running check, whose evidence was gathered before it began, whether it may roll back."""
        recorder = checks.current.get()
        if recorder is not None and self._proxied:
            recorder.fires = False

    def _notice(self, answer: Answer) -> None:
        """Evidence seen only through a proxy is good enough to fail, never to roll back."""
        recorder = checks.current.get()
        if recorder is not None and (self._proxied or (answer.from_proxy and not self.config.target.internal_url)):
            recorder.fires = False

    def note_identity(self, hub: Hub) -> None:
        """Write down, once a run, which process answered first; one hiccup must not leave it unknown for good."""
        if self._noted >= self.config.probe.attempts or self.run_dir is None:
            return
        self._noted += 1
        file = self.run_dir / IDENTITY_FILE
        if file.exists():
            return
        with contextlib.suppress(Unknown, OSError):
            text = json.dumps(hub.identity().to_json() | {"seen": self.since})
            own = file.with_name(f"{IDENTITY_FILE}.{os.getpid()}")
            own.write_text(text, encoding="utf-8")
            # a link fails where another worker was first: the first note stays
            with contextlib.suppress(FileExistsError):
                os.link(own, file)
            own.unlink()
            self._noted = self.config.probe.attempts

    def first_identity(self) -> Mapping[str, Any] | None:
        """Which process answered at the run's start; None if that was never learnt."""
        if self.run_dir is None:
            return None
        try:
            found = json.loads((self.run_dir / IDENTITY_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def close(self) -> None:
        """Close every connection."""
        for transport in (self._transport, self._outside, self._front):
            if transport is not None:
                transport.close()


def _fire_nothing(_: Answer) -> None:
    """What only the proxy adds is no reason to roll the hub back."""
    recorder = checks.current.get()
    if recorder is not None:
        recorder.fires = False


def _blocked(error: Unknown) -> Unknown:
    kind: type[Unknown] = HubDown if isinstance(error, HubDown) else type(error)
    return kind(f"{BLOCKED}{str(error).removeprefix(BLOCKED)}")
