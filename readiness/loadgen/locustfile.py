"""The users of a locustfile under open arrivals: each arrival runs one task of one user, whenever it is due.

A task's first request is meant to start when the arrival does, later ones at the end of the one before: a session that
does not think. A SequentialTaskSet runs as one session, from its first task to its last; wait times play no part.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
import gevent.ssl
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.response import HTTPResponse
from geventhttpclient.useragent import ConnectionError as Refused
from locust.contrib.fasthttp import FastHttpSession, FastHttpUser
from locust.env import Environment
from locust.exception import CatchResponseError, InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.user.sequential_taskset import SequentialTaskSet
from locust.user.task import TaskSet
from locust.util.load_locustfile import load_locustfile

from readiness.loadgen import samples
from readiness.loadgen.mcp import SessionPool
from readiness.loadgen.plan import LoadPlanError
from readiness.loadgen.users import McpUser, ToolFailed
from readiness.loadgen.wire import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness.loadgen.plan import Plan
    from readiness.loadgen.samples import ArrivalRecorder
    from readiness.loadgen.wire import Peer

_ENDS: Final = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser)
"""How Locust's tasks say that they are through."""
_GOLDEN: Final = 0.6180339887498949


class OtherHost(Refused):
    """A request to a host that is not the plan's."""


class _Pool(HTTPClientPool):
    """Connections for all users, to the plan's target and to nobody else."""

    def __init__(self, origin: tuple[str, str, int], **options: object) -> None:
        super().__init__(**options)
        self._origin = origin

    def get_client(self, url: Any) -> Any:  # noqa: ANN401 - geventhttpclient's
        port = url.port or (443 if url.scheme == "https" else 80)
        if (url.scheme, url.host, port) != self._origin:
            raise OtherHost(str(url)[:200], "the plan allows its own target only")
        return super().get_client(url)


class _Session(FastHttpSession):
    """Locust's client, with a limit on the time of a whole request, not of each read."""

    limit = 10.0

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - Locust's
        # a compressed answer could unfold beyond every limit
        options["headers"] = {"Accept-Encoding": "identity", **(options.get("headers") or {})}
        with gevent.Timeout(self.limit, TimeoutError("the request took too long")):
            return super().request(method, url, *args, **options)


class UserWorkload:
    """The work of a plan with a locustfile."""

    def __init__(self, plan: Plan, peer: Peer, recorder: ArrivalRecorder, headers: Mapping[str, str]) -> None:
        self.plan, self.peer, self.recorder, self._headers = plan, peer, recorder, headers
        self.classes = list(_classes(str(plan.locustfile)).values())
        weights = [float(one.weight or 1) for one in self.classes]
        self._edges = [edge / sum(weights) for edge in itertools.accumulate(weights)]
        self.environment = Environment(user_classes=self.classes, host=plan.base)
        events: Any = self.environment.events
        events.request = Listener(recorder)
        _bound_bodies(plan.body_limit)
        # one context for all connections
        context = gevent.ssl.create_default_context(cafile=plan.ca_file)
        times = {"connection_timeout": plan.timeout, "network_timeout": plan.timeout}
        self._tls: dict[str, Any] = {"insecure": False, "ssl_context_factory": lambda **_: context}
        self._pool = _Pool(peer.origin, concurrency=plan.in_flight, **times, **self._tls)
        self.tasks = recorder.route("a task")

    def open(self) -> str:
        """Look up the target; open MCP sessions where a user makes tool calls."""
        try:
            self.peer.resolve()
        except OSError as error:
            return f"{self.peer.host} cannot be looked up: {error}"
        if not any(issubclass(one, McpUser) for one in self.classes):
            return ""
        McpUser.peer, McpUser.sessions = self.peer, SessionPool(self.peer, self.plan.mcp, self.plan.timeout)
        return McpUser.sessions.open()

    def kind_of(self, number: int) -> int:
        """Which class does arrival `number`."""
        share = number * _GOLDEN % 1.0
        return next((index for index, edge in enumerate(self._edges) if share < edge), 0)

    def route_of(self, number: int) -> int:
        """The route of a task that has sent nothing: it is not known yet."""
        return self.tasks if number >= 0 else 0

    def hand(self) -> UserHand:
        """A lane with a user of each class, made when it is needed."""
        return UserHand(self)

    def user(self, kind: int) -> Any:  # noqa: ANN401 - a Locust user
        """A new user whose client keeps to the plan's bounds."""
        self.classes[kind].host = self.plan.base
        user = self.classes[kind](self.environment)
        if isinstance(user, FastHttpUser):
            user.client = _Session(
                self.plan.base,
                self.environment.events.request,
                user,
                client_pool=self._pool,
                headers={**self._headers, **(user.default_headers or {})},
                max_redirects=0,
                max_retries=0,
                **self._tls,
            )
            user.client.limit = self.plan.timeout
        elif hasattr(getattr(user, "client", None), "trust_env"):
            _bound_requests(user.client, self.plan, self._headers)
        user.on_start()
        return user

    def close(self, *, patient: bool) -> None:
        """End the MCP sessions."""
        if McpUser.sessions is not None:
            McpUser.sessions.close(patient=patient)


class UserHand:
    """Users of one lane, and the row of the request that is under way."""

    def __init__(self, work: UserWorkload) -> None:
        self._work, self._recorder = work, work.recorder
        self._users: dict[int, Any] = {}
        self._sets: dict[Any, Any] = {}
        self._row: int | None = None
        self._intended = 0.0

    def do(self, number: int, due: float) -> None:
        """Run one task, and see to it that the arrival has a row whatever the task did."""
        gevent.getcurrent().readiness_hand = self
        recorder, kind, error = self._recorder, self._work.kind_of(number), 0
        sent = self._begin(due)
        try:
            if kind not in self._users:
                self._users[kind] = self._work.user(kind)
            user = self._users[kind]
            # the same arrival does the same task in every run
            self._run(user, user, random.Random(number))  # noqa: S311 - no secret depends on it
        except _ENDS:
            pass
        except Exception:  # noqa: BLE001 - the user's code may raise anything; what it raised is an error of the arrival
            error = samples.USER_CODE
        if self._row == sent:
            # nothing was sent: an arrival that proves nothing is no success
            recorder.end(sent, 0, error or samples.USER_CODE)
        elif error and not recorder.columns.error[sent]:
            recorder.errors += 1
            recorder.columns.error[sent] = error

    def _begin(self, due: float) -> int:
        row = self._row = self._recorder.begin(due, self._work.tasks)
        self._intended = due
        return row

    def _run(self, owner: Any, user: Any, source: random.Random) -> None:  # noqa: ANN401 - Locust's
        if not owner.tasks:
            raise ValueError(f"{type(owner).__name__} has no tasks")
        todo = list(owner.tasks) if isinstance(owner, SequentialTaskSet) else [source.choice(owner.tasks)]
        for task in todo:
            if isinstance(task, type) and issubclass(task, TaskSet):
                key = (id(user), task)
                if key not in self._sets:
                    self._sets[key] = task(owner)
                    self._sets[key].on_start()
                self._run(self._sets[key], user, source)
            else:
                task(owner)

    def sent(self, name: str, seconds: float, status: int, error: int) -> None:
        """A request of the task is over; it took `seconds`."""
        recorder, row = self._recorder, self._row
        self._row = None
        route, now = recorder.route(name), recorder.now()
        if row is None:
            row = recorder.begin(self._intended, route)
        recorder.columns.started[row] = max(self._intended, now - seconds)
        recorder.columns.route[row] = route
        recorder.end(row, status, error)
        self._intended = recorder.columns.ended[row]

    def leave(self) -> None:
        """The run is over and a later request of a session is still under way: it is unfinished, and counts."""
        if self._row is None:
            self._recorder.begin(self._intended, self._work.tasks)

    def expire(self) -> None:
        """The time of a tool call's connection is over; HTTP requests keep their own time."""
        for user in self._users.values():
            if isinstance(user, McpUser):
                user.connection.expire()


class Listener:
    """Takes the place of Locust's request event: no statistics, no rounding, a row for each request."""

    def __init__(self, recorder: ArrivalRecorder) -> None:
        self._recorder = recorder

    def add_listener(self, listener: Callable[..., None]) -> Callable[..., None]:
        """For a locustfile that listens as well: it is thanked and not called, it would be in the hot path."""
        return listener

    def fire(self, **what: Any) -> None:  # noqa: ANN401 - Locust's keywords
        """A request is over."""
        response, exception = what.get("response"), what.get("exception")
        status = int(getattr(response, "status_code", 0) or (what.get("context") or {}).get("status") or 0)
        seconds = float(what.get("response_time") or 0.0) / 1000
        hand = getattr(gevent.getcurrent(), "readiness_hand", None)
        error, name = error_of(exception, status), str(what.get("name") or "")
        if hand is not None:
            hand.sent(name, seconds, status, error)
            return
        # a greenlet that a task has spawned: its request was meant to start when it did
        recorder = self._recorder
        row = recorder.begin(recorder.now() - seconds, recorder.route(name))
        recorder.columns.started[row] = recorder.columns.intended[row]
        recorder.end(row, status, error)


def error_of(exception: object, status: int) -> int:
    """What an outcome that Locust reports is in `samples.ERRORS`."""
    if exception is None:
        # a redirect that is not followed proves nothing about what it points to
        return samples.STATUS if 300 <= status < 400 else 0  # noqa: PLR2004 - HTTP's redirects
    if isinstance(exception, ToolFailed | Failed):
        return exception.error
    if isinstance(exception, CatchResponseError):
        return samples.WRONG
    if isinstance(exception, TimeoutError | gevent.Timeout) or "imed out" in str(exception):
        return samples.TIMED_OUT
    if status:
        return samples.STATUS
    return samples.NO_CONNECTION if isinstance(exception, ConnectionRefusedError | OtherHost) else samples.LOST


def _classes(path: str) -> dict[str, Any]:
    if not Path(path).is_file():
        raise LoadPlanError(f"locustfile is {path!r}, which is no file")
    try:
        classes = load_locustfile(path)[0]
    except Exception as error:
        raise LoadPlanError(f"locustfile {path!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not classes:
        raise LoadPlanError(f"locustfile {path!r} holds no user class")
    return dict(classes)


def _bound_bodies(limit: int) -> None:
    """Every answer that geventhttpclient reads for Locust's client is bounded: the library itself has no limit."""

    def on_body(self: Any, data: bytearray) -> None:  # noqa: ANN401 - an HTTPResponse
        self._body_buffer += data
        self.readiness_size = getattr(self, "readiness_size", 0) + len(data)
        if self.readiness_size > limit:
            raise Refused(None, f"an answer of more than {limit} bytes")

    setattr(HTTPResponse, "_on_body", on_body)  # noqa: B010 - the one place that every body passes; typed as a method


def _bound_requests(client: Any, plan: Plan, headers: Mapping[str, str]) -> None:  # noqa: ANN401 - a requests session
    """Bound what an HttpUser sends: no proxies, no redirects, TLS verified, and a time-out."""
    client.trust_env, client.max_redirects = False, 0
    client.verify = plan.ca_file or True
    client.headers.update(headers)
    request = client.request

    def bounded(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - requests'
        with gevent.Timeout(plan.timeout, TimeoutError("the request took too long")):
            return request(*args, **{"timeout": plan.timeout, "allow_redirects": False, **options})

    client.request = bounded
