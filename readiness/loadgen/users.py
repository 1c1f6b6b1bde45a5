"""What a locustfile may build on: a user that makes MCP tool calls beside ordinary HTTP requests.

    from readiness.loadgen.users import McpUser

    class Agent(McpUser):
        @task
        def echo(self):
            self.call_tool("everything__echo", {"message": "hello"}, contains="hello")

It works under `locust -f FILE` alone as well; a token then comes from the variable READINESS_TOKEN.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar

import gevent.lock
from locust import FastHttpUser

from readiness.loadgen import plan as plans
from readiness.loadgen import samples
from readiness.loadgen.mcp import SessionPool
from readiness.loadgen.plan import PlannedCall
from readiness.loadgen.wire import Connection, Failed, Peer

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "READINESS_TOKEN"  # noqa: S105 - the name of a variable
"""The variable with the hub's token when Locust runs alone."""
_OPENING = gevent.lock.Semaphore()


class ToolFailed(Exception):  # noqa: N818 - it is what Locust's statistics show as the failure
    """A tool call that was not answered well; `error` is one of `samples.ERRORS`, `status` HTTP's or 0."""

    def __init__(self, error: int, status: int) -> None:
        super().__init__(f"{samples.ERRORS[error]} (HTTP {status})" if status else samples.ERRORS[error])
        self.error, self.status = error, status


class McpUser(FastHttpUser):
    """A user with MCP tool calls. All users of a process share three sessions: they are dear to a hub."""

    abstract = True
    mcp_path: ClassVar[str] = "/mcp"
    peer: ClassVar[Peer | None] = None
    sessions: ClassVar[SessionPool | None] = None

    def __init__(self, environment: Any) -> None:  # noqa: ANN401 - Locust's
        super().__init__(environment)
        with _OPENING:
            if McpUser.sessions is None:
                self._open_alone(environment)
        assert McpUser.peer is not None
        self.connection = Connection(McpUser.peer)

    def _open_alone(self, environment: Any) -> None:  # noqa: ANN401 - Locust's
        """Open the sessions under `locust -f`, where the first user does it; they close when Locust quits."""
        document = {
            "base": self.host,
            "arrivals": {"rate": 1, "seconds": 1},
            "mix": [{"path": "/"}],
            "mcp": self.mcp_path,
        }
        plan = plans.build(document)
        token = os.environ.get(TOKEN)
        peer = McpUser.peer = Peer(plan, {"Authorization": f"Bearer {token}"} if token else {})
        peer.resolve()
        # without the scheduler no clock ends a request that takes too long: the connection has a time-out of its own
        peer.patience = plan.timeout
        sessions = McpUser.sessions = SessionPool(peer, self.mcp_path, plan.timeout)
        why = sessions.open()
        if why:
            environment.runner.quit()
            raise RuntimeError(why)
        environment.events.quitting.add_listener(lambda **_: sessions.close(patient=True))

    def call_tool(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, contains: str | None = None, name: str = ""
    ) -> None:
        """Call a tool. An error inside an HTTP 200 is a failure, and so is a result without the text `contains`."""
        call = PlannedCall(name=name or tool, tool=tool, arguments=arguments or {}, weight=1.0, contains=contains)
        began, start_time = time.perf_counter(), time.time()
        status, error = 0, samples.NO_CONNECTION
        if McpUser.sessions is not None:
            try:
                status, error = McpUser.sessions.call(call, self.connection)
            except Failed as failed:
                error = failed.error
        self.environment.events.request.fire(
            request_type="MCP",
            name=call.name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=ToolFailed(error, status) if error else None,
            context={"status": status},
            start_time=start_time,
        )
