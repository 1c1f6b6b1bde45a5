"""What the hub's unit keeps from it that it cannot do without: its files, the network, memory that it may run, the way in which it starts.

By systemd.exec(5), systemd.service(5) and systemd.resource-control(5); what systemd reads itself before it sets the limits
(EnvironmentFile=, the files of StandardOutput=) is not subject to them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.facts.host.service.hub_service import Service

_YES: Final = frozenset({"yes", "true", "on", "1"})
_COMPILERS: Final = re.compile(r"(?:node|nodejs|bun|deno|tsx)[0-9.]*")
"""Runtimes that compile as they run; Python does not."""
_STARTERS: Final = frozenset({"npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "mcp-hub"})
_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".ts")
_INTERPRETED: Final = re.compile(r"--jitless\b|useJIT=(?:0|false)")
_EVERYTHING: Final = frozenset({"any", "0.0.0.0/0"})
_HOMES: Final = ("/home", "/root", "/run/user")
_TYPES: Final = {
    "forking": "the hub stays in the foreground, and systemd waits for it to go into the background until the start times out",
    "notify": "the hub never tells systemd that it is ready, and the start times out",
    "notify-reload": "the hub never tells systemd that it is ready, and the start times out",
    "dbus": "the hub takes no name on the bus, and the start times out",
    "oneshot": "systemd waits for the hub to end before it calls it started",
}


def runs_the_hub(service: Service) -> bool:
    """Whether ExecStart starts a JavaScript runtime, or the hub's own program, itself. Raises Unknown."""
    words = [PurePosixPath(word).name for word in service.unit().argv]
    return any(_COMPILERS.fullmatch(word) or word in _STARTERS or word.endswith(_SCRIPTS) for word in words)


def hidden_by(service: Service, path: str) -> str:
    """The directive that takes `path` out of the service's sight; empty where none does. Raises Unknown."""
    homes = (service.setting("ProtectHome") or "").lower()
    bound = [
        word.lstrip("-+").partition(":") for key in ("BindPaths", "BindReadOnlyPaths") for word in _words(service, key)
    ]
    shown = homes == "tmpfs" and any(is_beneath(path, target or source) for source, _, target in bound)
    if homes in _YES | {"tmpfs"} and not shown and any(is_beneath(path, home) for home in _HOMES):
        return f"ProtectHome={homes}"
    closed = (word.lstrip("-+") for word in _words(service, "InaccessiblePaths"))
    return next((f"InaccessiblePaths={place}" for place in closed if is_beneath(path, place)), "")


def obstacles(service: Service) -> Iterator[str]:
    """What in the unit keeps the hub from starting, or from being reached, as sentences without an end. Raises Unknown."""
    unit = service.unit()
    own = runs_the_hub(service)
    settings = " ".join([*unit.argv, *(f"{name}={value}" for name, value in unit.environment.items())])
    if _is_on(service, "MemoryDenyWriteExecute") and own and not _INTERPRETED.search(settings):
        yield "MemoryDenyWriteExecute=yes: the runtime compiles its code as it runs, and dies at once (node starts with --jitless)"
    kind = (service.setting("Type") or "simple").lower()
    if (
        kind in _TYPES
        and own
        and not any("notify" in one.value for one in unit.directives if one.key.startswith("Exec"))
    ):
        yield f"Type={kind}: {_TYPES[kind]} (Type=simple or exec)"
    if _is_on(service, "PrivateNetwork") and not unit.all("JoinsNamespaceOf", "Unit"):
        yield "PrivateNetwork=yes: nobody outside the unit reaches the hub's port"
    denied, allowed = set(_words(service, "IPAddressDeny")), _words(service, "IPAddressAllow")
    if denied & _EVERYTHING and not allowed:
        yield "IPAddressDeny=any without an IPAddressAllow=: no packet gets in or out, from this host neither"
    families = _words(service, "RestrictAddressFamilies")
    if families and not _speaks_ip(families):
        yield f"RestrictAddressFamilies={' '.join(families)}: the hub may open no AF_INET socket"


def _speaks_ip(families: list[str]) -> bool:
    needed = {"AF_INET", "AF_INET6"}
    if families[0].startswith("~"):
        return not needed <= {word.lstrip("~") for word in families}
    return bool(needed & set(families))


def _is_on(service: Service, key: str) -> bool:
    return (service.setting(key) or "").lower() in _YES


def _words(service: Service, key: str) -> list[str]:
    return service.settings(key)


def is_beneath(path: str, place: str) -> bool:
    """Whether `path` is `place`, or lies in it."""
    return place in {"/", path} or path.startswith(place.rstrip("/") + "/")
