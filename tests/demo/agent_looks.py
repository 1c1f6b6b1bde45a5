"""What an agent sees of each fault of its path: true of the hub that has it, false of a healthy one."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx

from tests.demo.hub_probe import HELLO, META, SECONDS, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPTS = {"everything": "echo a message", "memory": "read the knowledge graph"}
ECHO: dict[str, Any] = {"name": "everything__echo", "arguments": {"message": "hi"}}
GRAPH: dict[str, Any] = {"name": "memory__read_graph", "arguments": {}}


def shown(probe: Probe, prompt: str = PROMPTS["everything"]) -> dict[str, str]:
    """The header of a session whose prompt was analysed."""
    session = probe.session()
    probe.rpc("tools/call", session, name=META, arguments={"prompt": prompt})
    return session


def answered(response: httpx.Response) -> dict[str, Any]:
    """The JSON-RPC answer, also at the end of an event stream."""
    last = response.text.strip().splitlines()[-1].removeprefix("data: ")
    return dict(json.loads(last))


def called(probe: Probe, call: dict[str, Any] = ECHO, session: dict[str, str] | None = None) -> dict[str, Any]:
    """The answer to an agent's call of a tool."""
    return answered(probe.rpc("tools/call", session or shown(probe), **call))


def listed(probe: Probe, **params: object) -> dict[str, Any]:
    """The result of `tools/list` after a prompt; empty where it is an error."""
    return dict(answered(probe.rpc("tools/list", shown(probe), **params)).get("result", {}))


def names(probe: Probe) -> list[str]:
    """The tools' names of it."""
    return [tool["name"] for tool in listed(probe).get("tools", ())]


def hangs(probe: Probe, work: Callable[[], object]) -> bool:
    """Whether something is not answered in time, although health is."""
    before, probe.http.timeout = probe.http.timeout, httpx.Timeout(probe.patience)
    try:
        work()
    except httpx.ReadTimeout:
        return probe.get().status_code == 200
    finally:
        probe.http.timeout = before
    return False


def lasts(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def late(probe: Probe, work: Callable[[], object]) -> bool:
    """Whether something is late by the fault's seconds, and health is not."""
    return lasts(work) >= SECONDS > lasts(probe.get)


def dies(probe: Probe, work: Callable[[], object]) -> bool:
    """Whether the hub wants to end its process soon after something."""
    work()
    return probe.died.wait(0.2)


def hello(probe: Probe) -> dict[str, Any]:
    """The result of `initialize`."""
    probe.settled()
    return dict(answered(probe.rpc("initialize", **HELLO)).get("result", {}))


def wrong(probe: Probe) -> dict[str, Any]:
    """The result of a call whose arguments break the schema."""
    return dict(called(probe, {"name": "everything__echo", "arguments": {"message": 7}})["result"])


def malformed(probe: Probe) -> int:
    """The status of what is no JSON."""
    return probe.http.post("/mcp", content=b"{bad").status_code


def outlives_its_end(probe: Probe) -> bool:
    """Whether a session that was deleted is served on."""
    session = probe.session()
    probe.http.delete("/mcp", headers=session)
    return probe.rpc("ping", session).status_code == 200


def strange_at_last(probe: Probe) -> bool:
    """Whether the eighth connection does not know a session that the first did."""
    session, statuses = probe.session(), []
    for _ in range(8):
        with httpx.Client(base_url=probe.http.base_url, timeout=5) as new:
            body = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}
            statuses.append(new.post("/mcp", json=body, headers=session).status_code)
    return (statuses[0], statuses[-1]) == (200, 404)


@contextlib.contextmanager
def legacy(probe: Probe) -> Iterator[str]:
    """A session of the legacy transport: the address that it was told."""
    probe.settled()
    with probe.http.stream("GET", "/mcp", timeout=2) as stream:
        yield next((line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")), "none")


def told(probe: Probe) -> str:
    """Where a legacy client is sent to."""
    with legacy(probe) as address:
        return address


def listened(probe: Probe, session: dict[str, str], work: Callable[[], object]) -> str:
    """What comes on a session's own stream while something happens and shortly after."""
    heard: list[str] = []
    ready = threading.Event()

    def read() -> None:
        own = httpx.Client(base_url=probe.http.base_url)
        with contextlib.suppress(httpx.HTTPError), own, own.stream("GET", "/mcp", headers=session, timeout=0.4) as it:
            ready.set()
            # not all at once: what came before the silence must be kept
            heard.extend(line for line in it.iter_lines())

    thread = threading.Thread(target=read)
    thread.start()
    ready.wait(2)
    work()
    thread.join(5)
    return "\n".join(heard)


def forgets_the_silent(probe: Probe) -> bool:
    """Whether a session that asked nothing for longer than the fault allows is refused."""
    session = probe.session()
    time.sleep(1.3)
    return "Session expired" in probe.rpc("tools/list", session).text


def crosses(probe: Probe) -> bool:
    """Whether one session's answer comes on another's stream."""
    one, two = shown(probe), probe.session()
    return "Echo: hi" in listened(probe, two, lambda: probe.rpc("tools/call", one, **ECHO))


def stolen(probe: Probe) -> bool:
    """Whether the news of an older session goes to a newer one."""
    one, two = probe.session(), probe.session()
    prompt = {"name": META, "arguments": {"prompt": "echo what was stolen"}}

    def ask() -> None:
        listened(probe, one, lambda: (time.sleep(0.05), probe.rpc("tools/call", one, **prompt)))

    return "list_changed" in listened(probe, two, ask)


def early(probe: Probe) -> bool:
    """Whether the news of a list comes before the list."""
    session = probe.session()
    news = "list_changed" in probe.analyse(session)
    before = probe.listed(session)
    time.sleep(SECONDS + 0.05)
    return news and before == {META} and len(probe.listed(session)) > 1


def says(probe: Probe) -> dict[str, Any]:
    """The analysis of a prompt; empty where it is none."""
    text = answered(probe.rpc("tools/call", probe.session(), name=META, arguments={"prompt": "echo"}))
    try:
        return dict(json.loads(text["result"]["content"][0]["text"]))
    except ValueError:
        return {}


def fails(probe: Probe, words: str) -> bool:
    """Whether an analysis ends in an error of these words, and the hub answers whatever else it is asked."""
    session = probe.session()
    answer = answered(probe.rpc("tools/call", session, name=META, arguments={"prompt": "echo"}))["result"]
    error = json.loads(answer["content"][0]["text"]).get("error", "")
    well = probe.get().status_code == probe.call().status_code == 200 and probe.listed(session) == {META}
    return answer.get("isError") is True and words in error and well and probe.stats()["llm"]["failures"] == 1


def room(probe: Probe) -> bool:
    """Whether a third session is refused."""
    probe.settled()
    return [probe.rpc("initialize", **HELLO).status_code for _ in range(3)] == [200, 200, 503]


def slows_down(probe: Probe) -> bool:
    """Whether closing a session makes every later answer late."""
    probe.http.delete("/mcp", headers=probe.session())
    return min(lasts(probe.get) for _ in range(2)) >= SECONDS


def _dead_after_call(probe: Probe) -> bool:
    works = probe.call().status_code == 200
    return (
        works and "error" in called(probe, GRAPH, shown(probe, PROMPTS["memory"])) and probe.call().status_code == 500
    )


def _pages(probe: Probe) -> list[str | None]:
    session, cursor, cursors = shown(probe), "", list[str | None]()
    for _ in range(6):
        given = {"cursor": cursor} if cursor else {}
        cursor = answered(probe.rpc("tools/list", session, **given))["result"].get("nextCursor")
        cursors.append(cursor)
        if cursor is None:
            break
    return cursors


SEEN: dict[str, Callable[[Probe], bool]] = {
    "mcp-initialize-fails": lambda p: hello(p) == {},
    "mcp-initialize-hangs": lambda p: hangs(p, lambda: hello(p)),
    "mcp-initialize-slow": lambda p: late(p, lambda: hello(p)),
    "mcp-slow": lambda p: late(p, lambda: p.rpc("ping")),
    "unknown-protocol-version": lambda p: hello(p)["protocolVersion"] == "2099-01-01",
    "streamable-only": lambda p: _legacy_status(p) == 405,
    "legacy-other-host": lambda p: told(p).startswith("http://hub.invalid:9/messages"),
    "third-session-refused": room,
    "stream-stolen": stolen,
    "wrong-session-accepted": lambda p: (
        bool(p.session()) and p.rpc("tools/list", {"mcp-session-id": "nobody"}).status_code == 200
    ),
    "deleted-sessions-live": outlives_its_end,
    "any-protocol-version": lambda p: (
        answered(p.rpc("initialize", **HELLO | {"protocolVersion": "1999-01-01"}))["result"]["protocolVersion"]
        == "1999-01-01"
    ),
    "second-replica": strange_at_last,
    "slower-after-close": slows_down,
    "mcp-list-fails": lambda p: p.tools() != [] and listed(p) == {},
    "mcp-list-hangs": lambda p: hangs(p, lambda: listed(p)),
    "mcp-list-empty": lambda p: p.tools() != [] and listed(p)["tools"] == [],
    "mcp-duplicate-tools": lambda p: len(names(p)) == 2 * len(set(names(p))),
    "mcp-tool-missing": lambda p: "add" in p.tools() and "everything__add" not in names(p),
    "invalid-input-schema": lambda p: any("strnig" in str(tool["inputSchema"]) for tool in listed(p)["tools"]),
    "broken-input-schema": lambda p: "strnig" in [tool["inputSchema"]["type"] for tool in listed(p)["tools"]],
    "list-never-ends": lambda p: len(set(_pages(p))) == 6,
    "list-repeats-itself": lambda p: set(_pages(p)) == {"again"},
    "list-shrinks": lambda p: len(names(p)) == len(names(p)) + 1,
    "list-in-pages": lambda p: _pages(p) == ["2", "4", None],
    "meta-tool-missing": lambda p: META not in names(p) and "everything__echo" in names(p),
    "analysis-hangs": lambda p: hangs(p, lambda: p.analyse(p.session())),
    "analysis-is-prose": lambda p: says(p) == {},
    "analysis-unsure": lambda p: says(p)["confidence"] == 0.05,
    "analysis-names-nothing": lambda p: says(p)["categories"] == ["moon"],
    "exposes-too-much": lambda p: {"everything__echo", "memory__read_graph"} <= set(names(p)),
    "exposes-too-little": lambda p: "everything__add" in names(p) and "everything__echo" not in names(p),
    "notifies-too-early": early,
    "mcp-calls-fail": lambda p: p.call().status_code == 200 and "error" in called(p),
    "mcp-calls-hang": lambda p: p.call().status_code == 200 and hangs(p, lambda: called(p)),
    "mcp-calls-late": lambda p: late(p, lambda: called(p)),
    "mcp-calls-answer-wrongly": lambda p: (
        "42" in str(called(p)["result"]) and "42" not in str(p.call().json()["result"])
    ),
    "mcp-error-results": lambda p: called(p)["result"].get("isError") is True,
    "mcp-wrong-ids": lambda p: called(p)["id"] != 1,
    "silent-session-expires": forgets_the_silent,
    "calls-cross-sessions": crosses,
    "answers-to-all": crosses,
    "server-killed-at-a-call": _dead_after_call,
    "wrong-arguments-accepted": lambda p: not wrong(p).get("isError"),
    "wrong-arguments-kill": lambda p: dies(p, lambda: wrong(p)),
    "oversized-kills": lambda p: dies(p, lambda: p.rpc("ping", padding="x" * 110_000)),
    "malformed-accepted": lambda p: malformed(p) == 200,
    "malformed-fails": lambda p: malformed(p) == 500,
    "malformed-kills": lambda p: dies(p, lambda: malformed(p)),
    "unknown-tool-hangs": lambda p: hangs(p, lambda: called(p, {"name": "nope__nope"})),
    "replaced-in-the-workflow": lambda p: (
        not dies(p, lambda: called(p)) and dies(p, lambda: called(p, ECHO, shown(p, "echo once more")))
    ),
    "llm-down": lambda p: fails(p, "refuses"),
    "llm-hangs": lambda p: lasts(lambda: says(p)) >= SECONDS,
    "llm-dawdles": lambda p: lasts(lambda: says(p)) >= SECONDS and "error" not in says(p),
    "llm-rate-limited": lambda p: fails(p, "429"),
    "llm-unauthorized": lambda p: fails(p, "401"),
    "llm-internal-errors": lambda p: fails(p, "500"),
    "llm-nonsense": lambda p: fails(p, "no analysis"),
    "llm-disconnects": lambda p: fails(p, "ended the connection"),
    "llm-failure-kills": lambda p: dies(p, lambda: _broken_analysis(p)),
}


def _legacy_status(probe: Probe) -> int:
    with probe.http.stream("GET", "/mcp", timeout=2) as stream:
        return stream.status_code


def _broken_analysis(probe: Probe) -> None:
    """An analysis while the LLM is gone; it is back afterwards."""
    control = probe.control
    session = probe.session()
    control.give("down")
    probe.rpc("tools/call", session, name=META, arguments={"prompt": "what nobody answers"})
    control.give("up")
