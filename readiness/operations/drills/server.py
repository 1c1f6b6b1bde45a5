"""One MCP server killed behind the hub's back: whether the others go on, the hub notices, and it can be had back."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.deployment import hub_config
from readiness.facts.http import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psutil

    from readiness.config import ToolCall
    from readiness.facts.hub import Hub
    from readiness.operations.drills.drill import DrillRun, Scene

RUNNERS: Final = frozenset(
    {"npx", "npm", "bunx", "bun", "uvx", "uv", "pipx", "docker", "node", "python", "python3", "sh"}
)
"""Commands that may show another name once they run: their arguments tell which server it is."""
NOTICED: Final = 5.0
"""Seconds in which the hub is to show that a server of its own is gone."""
_STEP: Final = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerCrash:
    """What a hub did whose server was killed."""

    server: str
    pids: tuple[int, ...]
    hub_pid: int
    hub_now: int | None
    """The hub's process afterwards; None where nothing answers."""
    noticed: str
    """How health shows it; empty where it does not."""
    again: bool
    """Whether the hub started the server again by itself."""
    others: tuple[str, ...]
    """What went wrong with other servers, in words."""
    asked: int
    """Calls of other servers that were made."""
    own: str
    """How a call of the killed server ended."""
    back: str
    """Why the server could not be had back; empty where it is."""
    unrest: str


def crash(drills: DrillRun) -> ServerCrash:
    """Kill one server's process. Raises Unknown, with nothing done, where none can be told for sure."""
    with drills.scene() as scene:
        victim = scene.victim()
        name, family = _told(scene, victim.process)
        pids = tuple(process.pid for process in family)
        scene.tell(
            f"kills MCP server {name} (process {', '.join(map(str, pids))}, SIGKILL), calls the others, "
            "and has it back by servers/stop and servers/start"
        )
        before = _uptime(scene, name)
        with _server_put_back(scene, name) as result:
            for process in reversed(family):  # the server before its wrapper, which would end by itself and report it
                _kill(process)
            noticed, again = _noticed(scene, name, before)
            asked, others = _others(scene, name)
            own = _own(scene, name)
            now = _pid(scene)
        return ServerCrash(
            server=name,
            pids=pids,
            hub_pid=victim.pid,
            hub_now=now,
            noticed=noticed,
            again=again,
            asked=asked,
            others=tuple(others),
            own=own,
            back=result["why"],
            unrest=result["unrest"],
        )


# --- which process is which server --------------------------------------------------------------------------------


def _told(scene: Scene, hub: psutil.Process) -> tuple[str, list[psutil.Process]]:
    """A server's name and its processes, the topmost first. Raises Unknown."""
    commands = _commands(scene)
    children = hub.children()
    matches = {name: [child for child in children if _runs(child, command)] for name, command in commands.items()}
    wanted = scene.config.drill.server
    for name in sorted(scene.before.servers) if wanted is None else [wanted]:
        processes = matches.get(name, [])
        sure = len(processes) == 1 and sum(processes[0] in other for other in matches.values()) == 1
        if sure and name in scene.before.servers:
            return name, [processes[0], *processes[0].children(recursive=True)]
    named = wanted or "any of its servers"
    raise Unknown(
        f"not drilled: among the {len(children)} children of the hub's process {hub.pid} the one that runs {named} "
        "cannot be told by its configured command; set [drill] server to one that runs as a process of its own"
    )


def _commands(scene: Scene) -> dict[str, list[str]]:
    """Each server's configured command and arguments. Raises Unknown where the configuration cannot be read."""
    with scene.watch.hub() as hub:
        files, unplaced = hub.config_files()
    if unplaced:
        raise Unknown(f"not drilled: {unplaced[0]}")
    read = hub_config.read_files(tuple(files)) if files else hub_config.read(scene.config)
    return {name: words for name, settings in read.servers.items() if (words := _words(settings))}


def _words(settings: Mapping[str, Any]) -> list[str]:
    command, arguments = settings.get("command"), settings.get("args", [])
    if not isinstance(command, str) or not command:
        return []
    words = [word for word in arguments if isinstance(word, str)] if isinstance(arguments, list) else []
    return [command, *(word for word in words if "${" not in word)]


def _runs(process: psutil.Process, words: list[str]) -> bool:
    """Whether a process's command line is the configured one, as an interpreter or a runner shows it."""
    import psutil

    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    own, program_and_line = PurePath(words[0]).name, " ".join(line)
    named = own in {PurePath(part).name for part in line} or (own in RUNNERS and len(words) > 1)
    return named and all(word in line or word in program_and_line for word in words[1:] if not word.startswith("-"))


# --- what happens -------------------------------------------------------------------------------------------------


def _kill(process: psutil.Process) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        try:
            process.kill()
            process.wait(5)
        except psutil.TimeoutExpired:
            return  # a zombie that the hub has not fetched is dead all the same
        except psutil.AccessDenied:
            raise Unknown(f"process {process.pid} belongs to another user: run the drills as that user") from None


def _record(hub: Hub, name: str) -> tuple[str, float | None]:
    server_record = next((server for server in hub.health().servers if server.name == name), None)
    return ("not listed", None) if server_record is None else (server_record.status, server_record.uptime)


def _uptime(scene: Scene, name: str) -> float | None:
    with scene.watch.hub() as hub:
        return _record(hub, name)[1]


def _noticed(scene: Scene, name: str, before: float | None) -> tuple[str, bool]:
    """How health shows that the server is gone, and whether it was started again; looked for during five seconds."""
    until, shown = time.monotonic() + NOTICED, ""
    while time.monotonic() < until:
        with contextlib.suppress(Unknown), scene.watch.hub() as hub:
            status, uptime = _record(hub, name)
            if status == "connected" and shown and uptime:
                return shown, True
            if status == "connected" and before is not None and uptime and uptime < before:
                return f"an uptime of {uptime:g} s after {before:g} s", True
            if status != "connected":
                shown = f"status {status}"
            elif uptime == 0:
                shown = "an uptime of 0"
            if shown and until - time.monotonic() > 2:  # noqa: PLR2004 - time enough to be started again
                until = time.monotonic() + 2
        time.sleep(_STEP)
    return shown, False


def _others(scene: Scene, name: str) -> tuple[int, list[str]]:
    """Call every other server that was connected; how many calls were made, and what went wrong."""
    wrong: list[str] = []
    asked = 0
    calls = {call.server: call for call in scene.config.expect.tool_calls}
    for other in sorted(scene.before.servers.keys() - {name}):
        try:
            with scene.watch.hub() as hub:
                status, _ = _record(hub, other)
                if status != "connected":
                    wrong.append(f"{other} is {status}")
                elif other in calls:
                    asked += 1
                    _call(hub, calls[other])
        except Unknown as error:
            wrong.append(f"{other}: {error}")
    return asked, wrong


def _call(hub: Hub, call: ToolCall) -> None:
    result = hub.call_tool(call.server, call.tool, dict(call.arguments))
    if result.get("isError") or (call.contains and call.contains not in str(result)):
        raise BadAnswer(f"{call.tool} did not answer {call.contains!r}")


def _own(scene: Scene, name: str) -> str:
    """How a call of the killed server ends: an error is right, silence is not."""
    call = next((call for call in scene.config.expect.tool_calls if call.server == name), None)
    if call is None:
        return "not called: [expect] has no tool_call for it"
    started = time.monotonic()
    try:
        with scene.watch.hub() as hub:
            _call(hub, call)
    except Unknown as error:
        return f"after {time.monotonic() - started:.1f} s: {error}"
    return "answered"


def _pid(scene: Scene) -> int | None:
    with contextlib.suppress(Unknown):
        return scene.watch.now().pid
    return None


# --- putting it back ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _server_put_back(scene: Scene, name: str) -> Iterator[dict[str, str]]:
    """Have the server back whatever happens inside, within the hub's start-up budget."""
    result = {"why": "", "unrest": ""}
    try:
        yield result
    finally:
        scene.drills.say(f"drill: putting {name} back, for up to {scene.watch.budget:g} s")
        scene.revive()
        result["why"] = _restart(scene, name)
        if result["why"]:
            scene.drills.left = result["why"]
        else:
            result["unrest"] = scene.watch.calm(scene.before, scene.speed)
        scene.drills.say(f"drill: {name} is {'NOT back: ' + result['why'] if result['why'] else 'back'}")


def _restart(scene: Scene, name: str) -> str:
    """Stop and start the server, and others that fell with it, where they do not run; why it is not as before, if so."""
    with contextlib.suppress(Unknown), scene.watch.hub(scene.watch.budget) as hub:
        for other in [name, *sorted(scene.before.servers.keys() - {name})]:
            hub.new_attempt()
            status, uptime = _record(hub, other)
            for order in () if status == "connected" and uptime else ("stop", "start"):
                hub.transport.post(f"/api/servers/{order}", json={"server_name": other})
    until = time.monotonic() + scene.watch.budget
    while True:
        dead = _dead(scene)
        if not dead or time.monotonic() > until:
            return dead
        time.sleep(_STEP)


def _dead(scene: Scene) -> str:
    """Which servers do not run as before, in words; empty where all do."""
    try:
        now = scene.watch.now()
    except Unknown as error:
        return str(error)
    lacks = now.lacks(scene.before)
    return "; ".join(lacks + [f"server {one} has an uptime of 0" for one, up in sorted(now.servers.items()) if up <= 0])
