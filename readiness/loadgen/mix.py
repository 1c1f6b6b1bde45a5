"""The plan's own mix: HTTP requests and MCP tool calls, prepared once and chosen by their weights."""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING, Final, Protocol

from readiness.loadgen import samples
from readiness.loadgen.mcp import SessionPool
from readiness.loadgen.plan import PlannedCall
from readiness.loadgen.wire import Connection, Failed, ParsedAnswer, Peer, is_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.loadgen.plan import Plan, PlannedRequest
    from readiness.loadgen.samples import ArrivalRecorder

_GOLDEN: Final = 0.6180339887498949
"""Multiples of the golden ratio fall evenly into every interval, also every n-th of them: shards get the same mix."""


class Hand(Protocol):
    """What a lane works with: it does one arrival at a time, from the sending to the row in the record."""

    def do(self, number: int, due: float) -> None:
        """Do arrival `number`, meant to start at `due`; whatever goes wrong is recorded, not raised."""

    def expire(self) -> None:
        """Its time is over; called from another greenlet while `do` waits."""

    def leave(self) -> None:
        """The run is over while `do` is still at work."""


class Workload(Protocol):
    """Where hands come from."""

    def open(self) -> str:
        """Get ready before the epoch; what could not be had, in words, or nothing."""

    def hand(self) -> Hand:
        """A new hand, for one more lane."""

    def route_of(self, number: int) -> int:
        """The route of an arrival that is dropped."""

    def close(self, *, patient: bool) -> None:
        """Put away what was opened; not `patient`: at once."""


class _Step:
    """One entry of the mix, ready to be sent."""

    __slots__ = ("call", "contains", "data", "head", "route", "safe")

    def __init__(self, entry: PlannedRequest | PlannedCall, route: int, peer: Peer) -> None:
        self.route = route
        self.call = entry if isinstance(entry, PlannedCall) else None
        if isinstance(entry, PlannedCall):
            self.data, self.head, self.safe, self.contains = b"", False, False, None
            return
        self.contains = entry.contains
        self.data = peer.request(entry.method, entry.path, entry.body, "Accept: */*\r\n")
        self.head, self.safe = entry.method == "HEAD", is_safe(entry.method)


class MixWorkload:
    """The work of a plan with a mix."""

    def __init__(self, plan: Plan, peer: Peer, recorder: ArrivalRecorder) -> None:
        self.peer, self.recorder = peer, recorder
        self.steps = [_Step(entry, recorder.route(entry.name), peer) for entry in plan.mix]
        total = sum(entry.weight for entry in plan.mix)
        self._edges = [edge / total for edge in itertools.accumulate(entry.weight for entry in plan.mix)][:-1]
        calls = [entry for entry in plan.mix if isinstance(entry, PlannedCall)]
        self.sessions = SessionPool(peer, plan.mcp, plan.timeout) if calls else None

    def open(self) -> str:
        """Look up the target and open the few MCP sessions that all tool calls share."""
        try:
            self.peer.resolve()
        except OSError as error:
            return f"{self.peer.host} cannot be looked up: {error}"
        return self.sessions.open() if self.sessions is not None else ""

    def step(self, number: int) -> _Step:
        """What arrival `number` sends: the same in every run and in every worker."""
        return self.steps[bisect.bisect_right(self._edges, number * _GOLDEN % 1.0)] if self._edges else self.steps[0]

    def route_of(self, number: int) -> int:
        """The route of an arrival that is dropped."""
        return self.step(number).route

    def hand(self) -> MixHand:
        """A connection of its own."""
        return MixHand(self)

    def close(self, *, patient: bool) -> None:
        """End the MCP sessions, one by one."""
        if self.sessions is not None:
            self.sessions.close(patient=patient)


class MixHand:
    """One connection and the arrivals that use it, one after the other."""

    __slots__ = ("_connection", "_limit", "_recorder", "_work")

    def __init__(self, work: MixWorkload) -> None:
        self._work, self._recorder = work, work.recorder
        self._connection, self._limit = Connection(work.peer), work.peer.limit

    def do(self, number: int, due: float) -> None:
        """Send what the mix has for this arrival, and record what came of it."""
        step = self._work.step(number)
        row = self._recorder.begin(due, step.route)
        status = 0
        try:
            if step.call is not None:
                status, error = self._call(step.call)
            else:
                answer = ParsedAnswer(self._limit, head=step.head)
                self._connection.exchange(step.data, answer, safe=step.safe)
                status = answer.get_code()
                error = _judge(status, answer.body, step.contains)
        except Failed as failed:
            error = failed.error
        self._recorder.end(row, status, error)

    def leave(self) -> None:
        """What is under way has its row already, as unfinished."""

    def _call(self, call: PlannedCall) -> tuple[int, int]:
        if self._work.sessions is None:
            raise Failed(samples.NO_CONNECTION)
        return self._work.sessions.call(call, self._connection)

    def expire(self) -> None:
        """The time is over."""
        self._connection.expire()


def _judge(status: int, body: bytes, contains: bytes | None) -> int:
    if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's success; a redirect proves nothing about what it points to
        return samples.STATUS
    return samples.WRONG if contains is not None and contains not in body else 0


def planned_routes(entries: Sequence[PlannedRequest | PlannedCall]) -> list[str]:
    """The names of a mix's routes, in the order in which every process numbers them."""
    return list(dict.fromkeys(entry.name for entry in entries))
