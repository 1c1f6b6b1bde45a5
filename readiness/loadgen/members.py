"""The master's side of a distributed run: who joined, what they said last, and how far their clocks are apart."""

from __future__ import annotations

import dataclasses
import hmac
import time
from typing import TYPE_CHECKING, Any, Final

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust.rpc.protocol import Message

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
