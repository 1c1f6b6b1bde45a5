"""A worker of a distributed run: it joins Locust's master, gets its shard, follows it, and hands over its rows.

Nothing that is executed comes over the wire: a locustfile is read from this machine, the token from its environment.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
import gevent.event
from locust.env import Environment

from readiness.loadgen import parent
from readiness.loadgen import plan as plans
from readiness.loadgen.join import worker_parser
from readiness.loadgen.run import GeneratorRun
from readiness.support import LOAD_KEY

if TYPE_CHECKING:
    from locust.rpc.protocol import Message

SILENCE: Final = 10.0
"""Seconds without the master's heartbeat (one a second) after which a worker gives up."""
_ENDS: Final = ("interrupted", "aborted", "lost-worker")


class LoadWorker:
    """One worker's side of the conversation."""

    def __init__(self, runner: Any, locustfile: str | None) -> None:  # noqa: ANN401 - Locust has no types
        self._runner, self._locustfile = runner, locustfile
        self._run: GeneratorRun | None = None
        self.gone = gevent.event.Event()
        for name in ("ping", "plan", "go", "stop", "more", "bye"):
            runner.register_message(f"readiness-{name}", self._listener(name), concurrent=name != "ping")

    def _listener(self, name: str) -> Any:  # noqa: ANN401 - Locust calls it with keywords
        handle = getattr(self, f"_on_{name}")

        def listen(msg: Message, **_: object) -> None:
            handle(msg.data or {})

        return listen

    def say(self, name: str, **data: object) -> None:
        """Send a message to the master."""
        self._runner.send_message(f"readiness-{name}", data)

    def stop(self, why: str, end: str = "interrupted") -> None:
        """End the run, or the waiting for one."""
        if self._run is None:
            self.gone.set()
        else:
            self._run.stop(end, why)

    def _on_ping(self, data: dict[str, Any]) -> None:
        self.say("pong", number=data.get("number"), now=time.time())

    def _on_plan(self, data: dict[str, Any]) -> None:
        document = dict(data.get("plan") or {})
        if document.get("locustfile") and self._locustfile:
            document["locustfile"] = self._locustfile
        try:
            self._run = GeneratorRun(plans.build(document), int(data["shard"]), int(data["shards"]))
            self._run.open()
        except (plans.LoadPlanError, OSError, ImportError, SyntaxError) as error:
            self.say("refused", why=str(error)[:300])
            return
        self.say("ready", why=self._run.why)

    def _on_go(self, data: dict[str, Any]) -> None:
        run, epoch = self._run, float(data["epoch"])
        if run is None:
            return
        late = time.time() - epoch
        if late > 0:
            self.say("refused", why=f"it was told to begin {late:.2f} s after the beginning")
            return
        progress = gevent.spawn(run.watch, lambda line: self.say("progress", line=line))
        run.follow(epoch)
        progress.kill()
        recorder = run.recorder
        result = {"end": run.end, "why": run.why, "cpu": run.cpu, "count": len(recorder.columns)}
        self.say("end", **result, routes=recorder.routes, line=recorder.progress())

    def _on_stop(self, data: dict[str, Any]) -> None:
        end = data.get("end")
        self.stop(str(data.get("why", ""))[:300], end if end in _ENDS else "interrupted")

    def _on_more(self, data: dict[str, Any]) -> None:
        if self._run is not None:
            first = int(data["first"])
            self.say("chunk", first=first, parts=self._run.recorder.columns.chunk(first))

    def _on_bye(self, data: dict[str, Any]) -> None:
        if self._run is not None:
            self._run.work.close(patient=bool(data.get("patient")))
        self.say("gone")
        # the message leaves before the process does
        gevent.sleep(0.1)
        self.gone.set()

    def lost_master(self) -> bool:
        """Whether the master has been silent for too long."""
        last_heard = self._runner.last_heartbeat_timestamp
        return last_heard is not None and time.time() - last_heard > SILENCE


def worker(arguments: list[str]) -> int:
    """Join the master and work until it says goodbye; 0, or 3 where the master was lost."""
    options = worker_parser().parse_args(arguments)
    runner = Environment(user_classes=[]).create_worker_runner(options.master, options.port)
    member = LoadWorker(runner, options.locustfile)
    # without its parent a worker of this machine can hand its rows to no process
    parent.watch(member.stop, lambda _: member.gone.set())
    member.say("hello", key=os.environ.get(LOAD_KEY, ""), pid=os.getpid())
    while not member.gone.wait(0.5):
        if member.lost_master():
            member.stop("the master is silent")
            return 3
    return 0
