"""The sessions of a run, kept from check to check.

One session is reused for the whole run, because a real hub stalls while one is closed; after each close follows a wait
until health answers as fast as before, before anything else is judged.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import HubDown, Unknown
from readiness.facts.http import (
    BadAnswer,
    BrokenConnection,
    Manners,
    TimedOut,
    credentials,
    is_loopback,
    proxy_for,
)
from readiness.facts.hub import SECOND_LOOK
from readiness.facts.mcp.pace import PATIENCE, measure_pace, settled, stall

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config import Config
    from readiness.facts.hub import Hub
    from readiness.facts.mcp.analysis import PromptAnalysis
    from readiness.facts.mcp.pace import Pace, Stall
    from readiness.facts.mcp.session import AgentSession, Endpoint

BLOCKED: Final = "blocked by mcp-session-initialises: "
MOST: Final = 50
"""Sessions at once at most: many more corrupt a real hub's state file."""
STALLS: Final = 3
"""Sessions that are closed at most to measure what closing one does."""
CLEAR: Final = 0.5
"""Seconds of standing still that are no other program's doing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Sessions opened at once, and why not all of them are."""

    sessions: list[AgentSession]
    trouble: str = ""


class AgentSessions:
    """What one process of a run keeps of its sessions, from check to check."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.main: AgentSession | None = None
        self.other: AgentSession | None = None
        self.trouble = ""
        """Why the last attempt to open a session failed."""
        self.has_opened = False
        """Whether any session of this process was opened: then one that is not is no fault of opening in general."""
        self.unlisted = ""
        """Why the check of the list got none."""
        self.usual: Pace | None = None
        """How fast health was before the first session."""
        self.first: dict[AgentSession, frozenset[str]] = {}
        """What each session listed before its first analysis."""
        self.categories: dict[AgentSession, frozenset[str]] = {}
        self.analysis: PromptAnalysis | None = None
        self.asked: dict[AgentSession, float] = {}
        """When each session's first analysis was asked for: only that one can change a list that is not changed yet."""
        self.hung = 0
        """Analyses in a row that were not answered in time."""
        self.worked: set[str] = set()
        """Tools whose configured call gave its answer."""
        self.slow = False
        """Whether health did not become as fast as before after the last session that closed."""
        self.since: float | None = None
        """When the first session was opened, seconds since the epoch."""
        self._endpoint: Endpoint | None = None

    def endpoint(self, hub: Hub, timeout: float) -> Endpoint:
        """Where sessions are opened; made at the first of them, which loads the SDK. Raises Unknown without a token."""
        from readiness.facts.mcp.http_client import EndpointAddress
        from readiness.facts.mcp.session import Endpoint

        if self._endpoint is None:
            self.usual = measure_pace(hub)
            self.since = time.time()
            target, probe = self.config.target, self.config.probe
            base = hub.transport.settings.base
            own = base == target.internal_url or is_loopback(base)
            where = EndpointAddress(
                url=base.rstrip("/") + hub.endpoint,
                timeout=probe.timeout,
                headers=credentials(target),
                ca_file=target.ca_file,
                proxy=proxy_for(base, target.proxy),
                rate=None if own else probe.rate,
                manners=Manners.of(self.config),
            )
            self._endpoint = Endpoint(where, lambda answer: hub.transport.on_answer and hub.transport.on_answer(answer))
        self._endpoint.patience = timeout
        return self._endpoint

    @property
    def open(self) -> tuple[AgentSession, ...]:
        """Every open session."""
        return () if self._endpoint is None else self._endpoint.sessions

    @property
    def strays(self) -> list[str]:
        """Answers that sessions of this run got to requests that they never made, as sentences."""
        return [] if self._endpoint is None else list(self._endpoint.strays.sentences)

    def took(self, method: str) -> str:
        """How long a request of that kind took the last time, in words; empty where none was made here."""
        seconds = None if self._endpoint is None else self._endpoint.seconds.get(method)
        return "" if seconds is None else f"{method} took {seconds * 1000:.0f} ms"

    @property
    def unanswered(self) -> str:
        """The first request since the last answer that got none; empty where the last one was answered."""
        return "" if self._endpoint is None else self._endpoint.unanswered

    def close(self) -> None:
        """Close every session and the thread that served them."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


class Opening:
    """One check's view of the sessions: opened when needed, kept, and closed one at a time."""

    def __init__(self, sessions: AgentSessions, hub: Hub) -> None:
        self.hub, self.config, self._kept = hub, sessions.config, sessions

    def new_attempt(self) -> None:
        """Another attempt opens and analyses anew."""
        self.hub.new_attempt()
        self._kept.trouble = ""
        self._kept.analysis = None

    @property
    def has_begun(self) -> bool:
        """Whether this process of the run has tried to open a session."""
        return self._kept.since is not None

    @property
    def usual(self) -> float:
        """Seconds that health took before the first session; 0 where that was never measured."""
        return self._kept.usual.middle if self._kept.usual is not None else 0.0

    # --- sessions -------------------------------------------------------------------------------------------------

    def wrong(self, step: Callable[[], object]) -> str:
        """Why a step of the workflow is answered wrongly or not at all, in a sentence; empty if it is right.

        Raises HubDown where the hub is down, and CouldNotLook or Unknown where the runner may be at fault.
        """
        try:
            step()
        except HubDown as error:
            self._is_it_down()
            return f"{error}, while {self.hub.pulse_route} answers"
        except (TimedOut, BrokenConnection) as error:
            self.hub.silence.unheard(self.hub.endpoint)
            self._is_it_down()
            self.hub.doubt(error)
            return str(error)
        except BadAnswer as error:
            self.hub.doubt(error)
            return str(error)
        self.hub.silence.heard(self.hub.endpoint)
        return ""

    def _is_it_down(self) -> None:
        """Raise HubDown if health is silent too."""
        with self.hub.transport.within(self.hub.transport.short):
            self.hub.watched_pulse()

    def open(self, number: int = 1) -> list[AgentSession | Unknown]:
        """New sessions, all at once; for each that could not be opened, why."""
        timeout = self.config.probe.timeout
        short = (
            self.hub.transport.short
            if self.hub.silence.proven(self.hub.endpoint, self.config.probe.attempts)
            else timeout
        )
        return self._kept.endpoint(self.hub, short).open_many(min(number, MOST))

    def opened(self) -> AgentSession:
        """The session that is reused for the run, opened if it is not there. Raises BadAnswer and Unknown's kinds."""
        kept = self._kept
        if kept.main is None or not kept.main.alive:
            session = self.open()[0]
            if isinstance(session, Unknown):
                kept.trouble = str(session)
                raise session
            kept.main, kept.trouble, kept.analysis, kept.has_opened = session, "", None, True
        return kept.main

    def session(self) -> AgentSession:
        """The same, for what rests on it. Raises Unknown, "blocked by", where none could be opened in this run.

        Where one could, and this one cannot, sessions break: BadAnswer, since that blames no check that has passed.
        """
        kept = self._kept
        if kept.trouble and not kept.has_opened:
            raise Unknown(BLOCKED + kept.trouble)
        trouble = self.wrong(self.opened)
        if kept.has_opened and (trouble or kept.main is None):
            raise BadAnswer(f"the session of this run ended, and no other could be opened: {trouble}")
        if trouble or kept.main is None:
            raise Unknown(BLOCKED + trouble)
        return kept.main

    def other(self) -> AgentSession:
        """Another agent's session, kept as well. Raises as `session` does."""
        self.session()
        if self._kept.other is None or not self._kept.other.alive:
            session = self.open()[0]
            if isinstance(session, Unknown):
                raise BadAnswer(f"no second session: {session}")
            self._kept.other = session
        return self._kept.other

    def closed(self, *sessions: AgentSession) -> None:
        """Close sessions one by one, and wait after each until health is as fast as before. Raises HubDown."""
        for session in sessions:
            session.close()
            self._settled()

    def closed_all(self) -> float | None:
        """Close every session of this process: the seconds of health's last answer where it never was as fast as before.

        Raises HubDown.
        """
        self.closed(*self._kept.open)
        return self._settled(PATIENCE)

    def _settled(self, patience: float | None = None) -> float | None:
        """Wait until health is as fast as before; the seconds of its last answer where it did not become so."""
        if self._kept.usual is None:
            return None
        # waited for in full once: a hub that stays slow must not cost that time again and again
        short = SECOND_LOOK if self._kept.slow else PATIENCE
        seconds = settled(self.hub, self._kept.usual, short if patience is None else patience)
        self._kept.slow = seconds is not None
        return seconds

    def at_once(self, wanted: float | None) -> int:
        """How many sessions are opened at once: as configured, never more than a hub can bear."""
        return max(1, min(int(wanted or 1), MOST))

    def open_together(self, number: int) -> Opened:
        """New sessions, all at once. Raises HubDown, and CouldNotLook or Unknown where the runner may be at fault."""
        self.session()
        sessions = self.open(number)
        failed = [one for one in sessions if isinstance(one, Unknown)]
        opened = Opened(
            sessions=[one for one in sessions if not isinstance(one, Unknown)], trouble=str(failed[0]) if failed else ""
        )
        if failed:
            try:
                self.wrong(functools.partial(_raise, failed[0]))
            except Unknown:
                self.closed(*opened.sessions)
                raise
        return opened

    def stall(self, fine: float | None) -> Stall:
        """How long health stands still while a session closes: where that is past `fine` (ms), the least of three.

        What another program does to this machine does not come back each time; what the hub does, does.
        """
        stalls: list[Stall] = []
        while len(stalls) < STALLS:
            session = self.other()
            self._kept.other = None
            stalls.append(stall(self.hub, session.close_meanwhile(), self._kept.usual))
            if self._settled() is not None:
                break  # it stays slow: another look would take as long, and tell no more
            if fine is None or stalls[-1].seconds * 1000 <= fine:
                break
            if len(stalls) > 1 and min(one.seconds for one in stalls) > CLEAR:
                break  # twice in a row for so long: that is the hub
        return min(stalls, key=lambda one: one.seconds)


def _raise(error: Unknown) -> None:
    raise error
