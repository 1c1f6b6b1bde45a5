"""Which process answers: the hub's own word, held against the sockets of this host where the hub runs here.

`workspaces` in health is a shared file that any second hub overwrites, so it is a claim and never a proof. For a hub that
does not name itself, the owner of its socket is looked up. That may be a mere forwarder (an SSH tunnel, a container's port, a
proxy), so it counts only where a second source says that it is the hub: `[target] pid`, the hub's own claim, or the package
that it runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from urllib.parse import urlsplit

from readiness.errors import HubDown, Unknown
from readiness.facts.http import HEALTH, BadAnswer, NoState, is_address, is_loopback, port_of
from readiness.facts.hub import uptime
from readiness.facts.hub.records import EVENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import psutil

    from readiness.config import Config
    from readiness.facts.http import HttpAnswer, HttpTransport, SilentRoutes
    from readiness.facts.hub.records import Health, HubState
    from readiness.facts.hub.uptime import Clock

_JSON_LIMIT: Final = 1024 * 1024
PACKAGE: Final = "mcp-hub"
"""The name in a hub's package.json."""
_STAMP: Final = 64
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound


class HubAnswers(Protocol):
    """What of a hub is needed to learn which process it is; `hub.Hub` has it all."""

    transport: HttpTransport
    config: Config

    @property
    def silence(self) -> SilentRoutes:
        """Which routes were silent in this process."""

    def answer(self, route: str) -> HttpAnswer:
        """GET `route`, answered well."""

    def health(self) -> Health:
        """`GET /api/health`."""

    def hub_state(self, seconds: float | None = None) -> HubState:
        """The first event of the hub's event stream."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The process that answers.

    `started` in seconds since the epoch on this machine's clock, `age` in seconds, both None where nobody says it without
    contradiction; `clock`: who counts them; `seen`: when that was, on the monotonic clock; `ahead`: seconds that the hub's
    clock is before ours, None where it does not say. `claimed_pid` and `claimed_start` are what the workspaces file says about
    its port; `here`: it was found on this host, listening on that port; `by` says whose word it is.
    """

    pid: int
    port: int | None = None
    started: float | None = None
    age: float | None = None
    clock: Clock | None = None
    seen: float = 0.0
    ahead: float | None = None
    claimed_pid: int | None = None
    claimed_start: str | None = None
    here: bool = False
    by: Literal["events", "socket"] = "events"

    def up_for(self, first: Identity) -> float:
        """Seconds that the process has run at least, which was read as `first` before."""
        return uptime.up_for(first, self)

    def is_restart_of(self, first: Identity) -> bool:
        """Whether this is a younger process than the one that was read as `first` before."""
        return self.pid != first.pid or uptime.is_restarted(first, self)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the note that the workers of a run share."""
        return dataclasses.asdict(self)


def identify(hub: HubAnswers) -> Identity:
    """Which process answers: by the hub's own word, or by its socket where its events are silent, dead or name none.

    Raises what the events raised (BadAnswer, NotServed, CouldNotLook or Unknown) when neither names one, and HubDown.
    """
    on_host, suspected = hub.transport.loopback, hub.silence.suspected(EVENTS)
    short = hub.transport.short
    # the socket names a hub of this host as well: not worth waiting long for what is silent
    by_events = None if suspected and on_host else _from_events(hub, short if on_host else None)
    if isinstance(by_events, Identity):
        return by_events
    process, why = listener(hub)
    if process is not None:
        return _identity(hub, process.pid, port_of(hub.transport.settings.base), by="socket")
    if by_events is None or (on_host and isinstance(by_events, NoState)):
        by_events = _from_events(hub, None)
    if isinstance(by_events, Identity):
        return by_events
    error = type(by_events)(f"{by_events}; {why}")
    if isinstance(error, NoState) and isinstance(by_events, NoState):
        error.retry = by_events.retry
    raise error


def _from_events(hub: HubAnswers, seconds: float | None) -> Identity | Unknown:
    """What the event stream says within `seconds`, or why it says nothing. Raises HubDown."""
    try:
        state = hub.hub_state(seconds)
        if state.pid is None:
            return BadAnswer("GET /api/events: hub_state names no pid")
    except HubDown:
        raise
    except Unknown as error:
        return error
    return _identity(hub, state.pid, state.port, by="events")


def _identity(hub: HubAnswers, pid: int, port: int | None, *, by: Literal["events", "socket"]) -> Identity:
    entry = hub.health().workspace(port)
    claimed, start = entry.get("pid"), entry.get("startTime")
    process = process_here(hub, pid)
    clock, age, ahead = _counted(hub, process, entry if claimed == pid else {})
    return Identity(
        pid=pid,
        port=port,
        started=None if age is None else time.time() - age,
        age=age,
        clock=clock,
        seen=time.monotonic(),
        ahead=ahead,
        claimed_pid=claimed if isinstance(claimed, int) else None,
        claimed_start=start[:_STAMP] if isinstance(start, str) and claimed == pid else None,
        here=process is not None,
        by=by,
    )


def _counted(
    hub: HubAnswers, process: psutil.Process | None, entry: dict[str, Any]
) -> tuple[Clock | None, float | None, float | None]:
    """Who counts how old the hub is, its age, and how far its clock is ahead of ours."""
    import psutil

    if process is not None:
        with contextlib.suppress(psutil.Error):
            age = uptime.age_here(process)
            return ("kernel" if age is not None else None), age, 0.0
    told = uptime.told_clock(hub.answer(HEALTH), hub.health(), entry)
    return ("hub" if told.age is not None else None), told.age, told.ahead


def process_here(hub: HubAnswers, pid: int) -> psutil.Process | None:
    """The process `pid` of this host if it listens where the hub answers; None where that is not so or not known."""
    return _listening(hub.transport.settings.base, pid) if hub.transport.loopback else None


def _listening(base: str, pid: int) -> psutil.Process | None:
    """The process `pid` if it listens on the port of `base`."""
    import psutil

    port = port_of(base)
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        listening = {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
        return process if port in listening else None
    return None


def ends_with_its_last_client(hub: HubAnswers) -> bool:
    """Whether the hub says, or was started on this host with the option, that it ends when its last event stream closes.

    Raises as the hub's health does.
    """
    import psutil

    port = port_of(hub.transport.settings.base)
    entry = hub.health().workspace(port)
    if entry.get("shutdownDelay") is not None or entry.get("state") == "shutting_down":
        return True
    if not hub.transport.loopback:
        return False
    claimed = entry.get("pid")
    # what another hub wrote into the shared file is no word about this one
    is_here = isinstance(claimed, int) and claimed > 0 and process_here(hub, claimed) is not None
    for pid in (claimed,) if is_here else _owners(hub.transport.settings.base)[0]:
        with contextlib.suppress(psutil.Error, OSError):
            if _has_option(psutil.Process(pid).cmdline(), "auto-shutdown", "autoShutdown"):
                return True
    return False


def watches_its_file(process: psutil.Process) -> bool:
    """Whether a hub was started with --watch."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        return _has_option(process.cmdline(), "watch")
    return False


def _has_option(arguments: Sequence[str], *names: str) -> bool:
    """Whether a switch is on, as yargs reads it: the last one counts."""
    is_on = False
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and name.removeprefix("no-") in names:
            is_on = not name.startswith("no-") and (value or following) != "false"
    return is_on


def environment_of(process: psutil.Process) -> Mapping[str, str] | None:
    """The variables a process was started with; None where this user may not read them. Never print the values."""
    import psutil

    try:
        return process.environ()
    except (psutil.Error, OSError):
        return None


def package_of(process: psutil.Process) -> dict[str, Any] | None:
    """The nearest package.json above the script that the process runs; None if there is none."""
    for place in _scripts(process):
        for folder in place.resolve().parents:
            file = folder / "package.json"
            with contextlib.suppress(OSError, ValueError, RecursionError):
                if file.is_file() and file.stat().st_size <= _JSON_LIMIT:
                    package = json.loads(file.read_text(encoding="utf-8"))
                    if isinstance(package, dict) and "version" in package:
                        return package
    return None


def _scripts(process: psutil.Process) -> Iterator[Path]:
    """Arguments of the process that are existing files, as they would be found from its working directory."""
    import psutil

    try:
        cwd, arguments = Path(process.cwd()), process.cmdline()[1:4]
    except (psutil.Error, OSError):
        return
    for argument in arguments:
        if argument.startswith("-"):
            continue
        path = cwd / argument
        if path.suffix in {".js", ".mjs", ".cjs", ".ts", ".py", ""} and path.is_file():
            yield path


def state_folder_of(process: psutil.Process) -> Path | None:
    """Where the process keeps its logs: `$XDG_STATE_HOME/mcp-hub`, else below its HOME; None if unreadable."""
    variables = environment_of(process)
    if variables is None:
        return None
    state, home = variables.get("XDG_STATE_HOME"), variables.get("HOME")
    if not state and not home:
        return None
    own = Path(state) / "mcp-hub" if state else Path(str(home), ".local", "state", "mcp-hub")
    if own.is_absolute():
        return own
    folder = folder_of(process)
    return None if folder is None else folder / own


def folder_of(process: psutil.Process) -> Path | None:
    """The working directory of a process of this host; None where this user may not see it."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        return Path(process.cwd())
    return None


def listener(hub: HubAnswers) -> tuple[psutil.Process | None, str]:
    """The hub's process as its socket shows it, or None and why nothing is shown. Raises as the hub's health does."""
    base = hub.transport.settings.base
    if not hub.transport.loopback:
        return None, "the hub is not asked on its own host, so no socket names its process"
    process = proven_listener(base, hub.config)
    if process is not None:
        return process, ""
    if base.startswith("https:") or hub.answer(HEALTH).from_proxy:
        return None, "something in front of the hub holds the socket: set [target] internal_url"
    owners, why = _owners(base)
    if not owners:
        return None, why
    return _hub_among(hub, owners, port_of(base))


def proven_listener(base: str, config: Config, *pids: int | None) -> psutil.Process | None:
    """The hub's process, where this host proves that it listens where `base` leads; whatever answers, nothing is asked.

    Proven are `[target] pid` and `pids` (named by the hub itself before), what runs the hub's package, and what runs in or
    from `[target] release`.
    """
    import psutil

    if not is_loopback(base) or base.startswith("https:"):
        return None
    for pid in (config.target.pid, *pids):
        process = _listening(base, pid) if pid is not None and pid > 0 else None
        if process is not None:
            return process
    for pid in _owners(base)[0]:
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            package = package_of(process)
            if (package is not None and package.get("name") == PACKAGE) or _runs_from(process, config.target.release):
                return process
    return None


def _runs_from(process: psutil.Process, release: Path | None) -> bool:
    """Whether the process works in the release's tree, or runs a script of it."""
    if release is None:
        return False
    tree = release.resolve()
    return any(place.resolve().is_relative_to(tree) for place in (Path(process.cwd()), *_scripts(process)))


def _owners(base: str) -> tuple[Collection[int], str]:
    """The processes that listen where `base` leads, or none and why. Of one socket that is shared, one is named."""
    import psutil

    port, host = port_of(base), urlsplit(base).hostname or ""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except (psutil.Error, OSError):
        return (), "this user may not look at the host's sockets"
    here = [(getattr(c.laddr, "ip", ""), c.pid) for c in listening if getattr(c.laddr, "port", None) == port]
    own = {host} if is_address(host) else {"127.0.0.1", "::1"}
    # where both listen, the nearer address gets the connection
    sockets = [pid for ip, pid in here if ip in own] or [pid for ip, pid in here if ip in _ANY]
    pids = {pid for pid in sockets if pid is not None}
    if not sockets:
        return (), f"no process of this host is seen to listen on port {port}"
    if None in sockets:
        return (), f"the process that listens on port {port} is another user's: run as that user"
    if len(pids) > 1:
        return (), f"several processes listen on port {port}"
    return pids, ""


def is_exposed(base: str) -> bool | None:
    """Whether this host's kernel shows a socket on the port of `base` that other machines reach; None where it shows none.

    Only for an address of this host's loopback: what is behind another one is not this kernel's to say.
    """
    import psutil

    if not is_loopback(base):
        return None
    port = port_of(base)
    with contextlib.suppress(psutil.Error, OSError):
        sockets = [c.laddr for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        addresses = [ipaddress.ip_address(one.ip.partition("%")[0]) for one in sockets if one and one.port == port]
        inner = [getattr(address, "ipv4_mapped", None) or address for address in addresses]
        return any(not address.is_loopback for address in inner) if inner else None
    return None


def _hub_among(hub: HubAnswers, owners: Collection[int], port: int | None) -> tuple[psutil.Process | None, str]:
    # a socket that was inherited has more owners than the system names: whoever is named as the hub is looked at as well
    claimed = hub.health().workspace(port).get("pid")
    process = process_here(hub, claimed) if isinstance(claimed, int) and claimed > 0 else None
    if process is not None:
        return process, ""
    return (
        None,
        f"process {next(iter(owners))} listens on port {port}, and nothing shows that it is the hub: set [target] pid",
    )
