"""A run of several processes: Locust's master leads them, the schedule is dealt out, the rows come back raw.

`Members` is who joined, what they said last, and how far their clocks are apart.
"""

from __future__ import annotations

import dataclasses
import hmac
import os
import secrets
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
from locust.env import Environment

from readiness.loadgen.plan import reason_to_abort
from readiness.loadgen.run import INTERVAL
from readiness.loadgen.samples import Columns
from readiness.loadgen.wire import loopback
from readiness.support import LOAD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from locust.rpc.protocol import Message

    from readiness.loadgen.parent import Outlet
    from readiness.loadgen.plan import Plan

PINGS: Final = 9
"""Exchanges a clock is measured with; the fastest counts, its error is half its round trip at most."""
SILENCE: Final = 5.0
"""Seconds without a word (progress comes twice a second) after which a worker counts as lost."""
_STEP: Final = 0.01
_MANY: Final = 1_000


@dataclasses.dataclass(slots=True)
class Member:
    """One worker. `offset` is its clock minus ours, in seconds."""

    client: str
    pid: int
    heard: float
    ready: bool = False
    offset: float = 0.0
    trip: float = float("inf")
    pongs: int = 0
    line: dict[str, Any] = dataclasses.field(default_factory=dict)
    ended: dict[str, Any] | None = None
    refused: str = ""
    why: str = ""
    chunk: dict[str, Any] | None = None
    gone: bool = False


class Members:
    """Everybody who joined with the right key, in the order of their joining: the order of the shards."""

    def __init__(self, runner: Any, key: str, places: int) -> None:  # noqa: ANN401 - Locust has no types
        self._runner, self._key, self._places = runner, key, places
        self._asked: dict[int, float] = {}
        self.all: dict[str, Member] = {}
        for name in ("hello", "pong", "ready", "refused", "progress", "end", "chunk", "gone"):
            runner.register_message(f"readiness-{name}", self._listener(name))

    def _listener(self, name: str) -> Callable[..., None]:
        handle = getattr(self, f"_on_{name}")

        def listen(msg: Message, **_: object) -> None:
            data, member = msg.data if isinstance(msg.data, dict) else {}, self.all.get(msg.node_id)
            if name == "hello":
                self._on_hello(msg.node_id, data)
            elif member is not None:
                member.heard = time.perf_counter()
                handle(member, data)

        return listen

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator of members
        return iter(list(self.all.values()))

    def __len__(self) -> int:
        return len(self.all)

    def say(self, member: Member, name: str, **data: object) -> None:
        """Send a message to one worker."""
        self._runner.send_message(f"readiness-{name}", data, client_id=member.client)

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until `done`; whether it came to that within `seconds`."""
        until = time.perf_counter() + seconds
        while not done():
            if time.perf_counter() > until:
                return False
            gevent.sleep(_STEP)
        return True

    def measure_clocks(self) -> bool:
        """Compare every worker's clock with ours; whether all of them answered."""
        number = 0
        for member in self:
            for _ in range(PINGS):
                number, before = number + 1, member.pongs
                self._asked[number] = time.time()
                self.say(member, "ping", number=number)
                if not self.wait(lambda m=member, b=before: m.pongs > b, SILENCE):  # type: ignore[misc]
                    return False
        return True

    def silent(self) -> list[int]:
        """The shards whose workers have not been heard of for too long, and have not ended."""
        now = time.perf_counter()
        return [n for n, m in enumerate(self) if m.ended is None and now - m.heard > SILENCE]

    def _on_hello(self, client: str, data: dict[str, Any]) -> None:
        right = hmac.compare_digest(str(data.get("key", "")).encode(), self._key.encode())
        # a worker too many, or one that comes back, would shift the shards of the others
        if right and client not in self.all and len(self.all) < self._places:
            self.all[client] = Member(client, int(data.get("pid") or 0), time.perf_counter())

    def _on_pong(self, member: Member, data: dict[str, Any]) -> None:
        now, asked = time.time(), self._asked.pop(int(data.get("number") or 0), None)
        if asked is not None:
            member.pongs += 1
            if now - asked < member.trip:
                member.trip = now - asked
                member.offset = float(data["now"]) - (asked + now) / 2

    def _on_ready(self, member: Member, data: dict[str, Any]) -> None:
        member.ready, member.why = True, str(data.get("why") or "")[:300]

    def _on_refused(self, member: Member, data: dict[str, Any]) -> None:
        member.refused = str(data.get("why") or "it gave no reason")[:300]

    def _on_progress(self, member: Member, data: dict[str, Any]) -> None:
        member.line = dict(data.get("line") or {})

    def _on_end(self, member: Member, data: dict[str, Any]) -> None:
        member.line = dict(data.get("line") or {})
        data["routes"] = [str(name) for name in data.get("routes") or []][:_MANY]
        member.ended = data

    def _on_chunk(self, member: Member, data: dict[str, Any]) -> None:
        member.chunk = data

    def _on_gone(self, member: Member, _: dict[str, Any]) -> None:
        member.gone = True


LEAD: Final = 1.0
"""Seconds from everybody's being ready to the first arrival: the epoch reaches all of them before it comes."""
_SUMS: Final = ("planned", "sent", "done", "errors", "dropped", "in_flight")
_WORST: Final = ("p95_ms", "lag_p99_ms")
_STOPPING: Final = 1.0
_LEAVING: Final = 6.0
_ANY: Final = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # noqa: S104 - named, not bound


class Lost(Exception):  # noqa: N818 - an end of a run, reported to the process that started it
    """A worker did not come, did not answer or was late: what is there proves nothing."""


class Leader:
    """Leads one distributed run."""

    def __init__(self, plan: Plan, outlet: Outlet) -> None:
        self.plan, self.outlet, self.total = plan, outlet, plan.workers + plan.remote
        key = os.environ.get(LOAD_KEY) or (secrets.token_hex(16) if not plan.remote else "")
        if plan.remote and not key and not loopback(plan.bind):
            raise OSError(f"workers of other machines need a key: set {LOAD_KEY} to the same text here and there")
        self.runner = Environment(user_classes=[]).create_master_runner(plan.bind, plan.port)
        self.port = int(self.runner.server.port)
        self.members = Members(self.runner, key, self.total)
        self.processes = [self._spawn(key) for _ in range(plan.workers)]
        self.columns, self.routes = Columns(), list[str]()
        self.end, self.why, self.epoch = "done", "", 0.0
        self._stopped, self._stopped_at, self.cpu = False, 0.0, 0.0

    def _spawn(self, key: str) -> subprocess.Popen[bytes]:
        host = _ANY.get(self.plan.bind, self.plan.bind)
        argv = [sys.executable, "-P", "-m", "readiness.loadgen", "worker", "--master", host, "--port", str(self.port)]
        # its input is a pipe of ours: when this process is gone, the worker knows
        return subprocess.Popen(  # noqa: S603 - this very interpreter and module
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, LOAD_KEY: key}
        )

    def stop(self, end: str, why: str) -> None:
        """End the run before its time, everywhere; the first reason holds."""
        if not self._stopped:
            self._stopped, self.end, self.why = True, end, why
            self._stopped_at = time.perf_counter()
            for member in self.members:
                self.members.say(member, "stop", end=end, why=why)

    def lead(self) -> None:
        """Gather, agree on the epoch, follow. Raises Lost."""
        self._gather()
        self._agree()
        if self._stopped:
            return
        began, used = time.perf_counter(), time.process_time()
        for index, member in enumerate(self.members):
            self.members.say(member, "go", epoch=self.epoch + member.offset, shard=index)
        while not self._over() and not self._waited_enough():
            gevent.sleep(INTERVAL)
            self._tell()
            errors = sum(int(member.line.get("errors", 0)) for member in self.members)
            reason = reason_to_abort(self.plan, errors)
            if reason:
                self.stop("aborted", reason)
            self._look_for_lost()
        self._tell()
        self.cpu = round((time.process_time() - used) / (time.perf_counter() - began), 4)

    def _over(self) -> bool:
        return all(member.ended is not None for member in self.members)

    def _waited_enough(self) -> bool:
        return self._stopped and time.perf_counter() - self._stopped_at > _STOPPING

    def _gather(self) -> None:
        self.outlet.say({"waiting": self.total, "bind": self.plan.bind, "port": self.port})
        joined = self.members.wait(lambda: len(self.members) == self.total or self._stopped, self.plan.join)
        if not joined:
            raise Lost(f"{len(self.members)} of {self.total} workers joined within {self.plan.join:g} s")
        if self._stopped:
            return
        if not self.members.measure_clocks():
            raise Lost(f"a worker did not say within {SILENCE:g} s what time it is")
        for index, member in enumerate(self.members):
            self.members.say(member, "plan", plan=dict(self.plan.document), shard=index, shards=self.total)

    def _agree(self) -> None:
        def settled() -> bool:
            return self._stopped or any(m.refused for m in self.members) or all(m.ready for m in self.members)

        seconds = 2 * self.plan.timeout + self.plan.join
        if not self.members.wait(settled, seconds):
            raise Lost(f"the workers were not ready within {seconds:g} s")
        self._look_for_lost()
        self.why = self.why or next((m.why for m in self.members if m.why), "")
        self.epoch = time.time() + LEAD

    def _look_for_lost(self) -> None:
        for index, member in enumerate(self.members):
            if member.refused:
                raise Lost(f"worker {index}: {member.refused}")
        mine = {member.pid for member in self.members if member.ended is None}
        for process in self.processes:
            if process.pid in mine and process.poll() is not None:
                raise Lost(f"a worker on this machine ended with status {process.returncode} in the middle of the run")
        silent = self.members.silent()
        if self.epoch and time.time() > self.epoch + SILENCE and silent:
            raise Lost(f"worker {silent[0]} has been silent for {SILENCE:g} s")

    def _tell(self) -> None:
        lines = [member.line for member in self.members]
        line: dict[str, Any] = {"t": round(time.time() - self.epoch, 3)}
        line |= {key: sum(int(one.get(key) or 0) for one in lines) for key in _SUMS}
        # until every worker has spoken once, what is planned is what the plan says
        line["planned"] = self.plan.arrivals.count()
        line |= {key: max((one[key] for one in lines if one.get(key) is not None), default=None) for key in _WORST}
        self.outlet.say(line)
        if self.outlet.closed:
            self.stop("interrupted", "nobody reads the progress any more")

    def collect(self) -> None:
        """Fetch the rows of everyone who has ended. Raises Lost for one that does not give them."""
        self.members.wait(self._over, _STOPPING if self._stopped else 0.0)
        missing = []
        for index, member in enumerate(self.members):
            if member.ended is None:
                missing.append(index)
            else:
                self._fetch(index, member, member.ended)
        if missing or len(self.members) < self.total:
            raise Lost(
                f"the rows of {len(missing) + self.total - len(self.members)} of {self.total} workers are missing"
            )

    def _fetch(self, index: int, member: Member, ended: Mapping[str, Any]) -> None:
        numbers = []
        for name in ended["routes"]:
            if name not in self.routes:
                self.routes.append(name)
            numbers.append(self.routes.index(name))
        first = 0
        while first < int(ended["count"]):
            member.chunk = None
            self.members.say(member, "more", first=first)
            if not self.members.wait(lambda: member.chunk is not None, SILENCE):
                raise Lost(f"worker {index} did not hand over its rows")
            chunk: Mapping[str, Any] = member.chunk or {}
            got = self.columns.extend(chunk["parts"], numbers) if chunk.get("first") == first else 0
            if not got:
                raise Lost(f"worker {index} handed over fewer rows than it had")
            first += got

    def part(self) -> None:
        """Say goodbye, and end what stays."""
        for member in self.members:
            self.members.say(member, "bye", patient=self.end != "interrupted")
        self.members.wait(lambda: all(member.gone or member.ended is None for member in self.members), _LEAVING)
        until = time.perf_counter() + _STOPPING
        for process in self.processes:
            try:
                process.wait(timeout=max(0.01, until - time.perf_counter()))
            except subprocess.TimeoutExpired:
                process.kill()

    def last(self, file: Path | None) -> dict[str, Any]:
        """The last line."""
        cpu = {"master": self.cpu}
        cpu |= {f"worker {n}": float(m.ended["cpu"]) for n, m in enumerate(self.members) if m.ended is not None}
        offsets = {f"worker {n}": round(1000 * m.offset, 3) for n, m in enumerate(self.members) if m.pongs}
        name = None if file is None else file.name
        return {"end": self.end, "file": name, "clock_offset_ms": offsets, "cpu": cpu, "why": self.why}


def lead(plan: Plan, outlet: Outlet, watch: Callable[[Callable[[str], None]], None]) -> int:
    """Lead a distributed run; the exit status."""
    leader = Leader(plan, outlet)
    watch(lambda why: leader.stop("interrupted", why))
    try:
        for step in (leader.lead, leader.collect):
            try:
                step()
            except Lost as lost:
                # what the others have is fetched all the same: a run that proves nothing can still be looked at
                interrupted = leader.end == "interrupted"
                leader.stop("lost-worker", str(lost))
                leader.end = "interrupted" if interrupted else "lost-worker"
                leader.why = leader.why or str(lost)
        for member in leader.members:
            if member.ended is not None and member.ended["end"] != "done" and leader.end == "done":
                leader.end, leader.why = str(member.ended["end"]), str(member.ended["why"])
        file = leader.columns.write(plan.output, leader.routes, leader.epoch)
    finally:
        leader.part()
    outlet.say(leader.last(file), 5.0)
    return 0
