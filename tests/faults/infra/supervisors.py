"""Other supervisors than systemd: recognised when they run the hub, and judged by their own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.faults.hub.words import FAILED, UNKNOWN
from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault
from tests.faults.infra.recording import files, process
from tests.faults.infra.words import OFFLINE
from tests.faults.infra.world import AGE, PID, PORT, UID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.infra.model import Edit

DUMP: Final = "/home/mcp-hub/.pm2/dump.pm2"
PROGRAM: Final = "/etc/supervisor/conf.d/mcp-hub.conf"
ARGV: Final = (host.NODE, host.ENTRY, "--port", str(PORT), "--config", host.CONFIG)
NO_UNIT: Final = {"expect": {"unit": {"expected": False, "reason": "another supervisor runs the hub"}}}
UNIT_ONLY: Final = ("unit-is-hardened", "unit-paths-exist", "unit-lets-the-hub-run", "unit-has-no-obsolete-directives")
JOURNAL_LESS: Final = (0, "booted no\nfirst tini\npath \nname \nseen \n")


def under(argv: tuple[str, ...], *, uid: int = 0, age: float = AGE) -> str:
    """The list of processes of a host where `argv` has started the hub."""
    hub = process(PID, ARGV, parent=800, uid=UID, mb=180, age=age)
    return host.PROCESSES.replace(host.HUB, process(800, argv, uid=uid, mb=50) + hub)


def supervised(argv: tuple[str, ...], said: str, *, age: float = AGE) -> dict[str, Edit]:
    """The answers of a host without systemd and without a unit, whose hub was started by `argv`."""
    return OFFLINE | {
        "unit-name": JOURNAL_LESS,
        "unit-files": (0, ""),
        "processes": (0, under(argv, age=age)),
        "supervisor-files": (0, said),
    }


def pm2(app: Mapping[str, Any], *, boots: bool = True) -> dict[str, Edit]:
    """A hub under pm2, with what its dump says."""
    text = json.dumps([{"name": "mcp-hub", "pm_exec_path": host.ENTRY, "kill_timeout": 45_000, **app}])
    said = files({DUMP: text}) + ("boots pm2-mcp-hub.service\n" if boots else "")
    return supervised(("PM2 v5.3.0: God Daemon (/home/mcp-hub/.pm2)",), said)


def supervisord(lines: str) -> dict[str, Edit]:
    """A hub under supervisord, with what stands in its section."""
    text = f"[program:mcp-hub]\ncommand={' '.join(ARGV)}\nstopwaitsecs=45\n{lines}"
    return supervised(("/usr/bin/python3", "/usr/bin/supervisord", "-n"), files({PROGRAM: text}))


def docker(**told: object) -> dict[str, Edit]:
    """A hub in a container, with what `docker inspect` says."""
    inspected = {
        "pid": PID,
        "name": "/mcp-hub",
        "policy": "always",
        "restarts": 0,
        "started": "2026-09-18T10:00:00Z",
        "log": {"Type": "json-file", "Config": {"max-size": "50m"}},
        "stop": 45,
    } | told
    shim = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "moby")
    return supervised(shim, "") | {"docker": (0, json.dumps(inspected) + "\n")}


def stage(program: str, said: str = "") -> dict[str, Edit]:
    """A hub under runit or s6."""
    return supervised((program, "mcp-hub"), said)


def other_fault(name: str, sentence: str, check: str, edits: dict[str, Edit], *words: str) -> Fault:
    """A fault under another supervisor that one check finds, the unit declared away."""
    return Fault(
        name=name,
        sentence=sentence,
        edits=edits,
        config=NO_UNIT,
        absent=UNIT_ONLY,
        expected={check: FAILED},
        words=words,
    )


def well(name: str, sentence: str, edits: dict[str, Edit]) -> Fault:
    """A near miss under another supervisor, the unit declared away."""
    return Fault(name=name, sentence=sentence, edits=edits, config=NO_UNIT, absent=UNIT_ONLY)


SUPERVISED: Final = (
    "unit-is-installed-and-enabled",
    "unit-is-active",
    "unit-restarts-on-failure",
    "unit-runs-unprivileged",
    "unit-has-not-been-restarting",
    "stop-fits-its-timeout",
    "unit-can-write-its-state",
    "process-is-single-and-fresh",
    "logs-are-rotated",
    "logs-leave-the-host",
)
ALWAYS: Final = "autorestart=true\n"
FAULTS: Final = (
    Fault(
        name="pm2-undeclared",
        sentence="pm2 runs the hub, and nobody has said that there is no unit.",
        edits=pm2({}),
        expected=dict.fromkeys(UNIT_ONLY, UNKNOWN),
        config={"target": {"unit": None}},
        words=("no unit names the hub", "declare [expect] unit"),
    ),
    other_fault(
        "pm2-not-saved",
        "pm2 runs the hub; no unit of pm2 is enabled, so it does not come back with the host.",
        "unit-is-installed-and-enabled",
        pm2({}, boots=False),
        "no pm2 unit is enabled",
        "pm2 startup",
    ),
    Fault(
        name="pm2-unseen",
        sentence="pm2 runs the hub, and sudo -n is refused: its dump is another user's.",
        edits=supervised(("PM2 v5.3.0: God Daemon (/home/mcp-hub/.pm2)",), ""),
        config=NO_UNIT,
        absent=UNIT_ONLY,
        privileged=False,
        expected=dict.fromkeys(SUPERVISED, UNKNOWN),
        words=("pm2's dump, which would say how the hub is kept running, cannot be read",),
    ),
    other_fault(
        "pm2-without-autorestart",
        "The ecosystem file says autorestart: false.",
        "unit-restarts-on-failure",
        pm2({"autorestart": False}),
        "autorestart: false",
    ),
    other_fault(
        "pm2-kills-at-once",
        "pm2's own kill_timeout of 1.6 s.",
        "stop-fits-its-timeout",
        pm2({"kill_timeout": None}),
        "pm2 kills the hub after 1.6 s",
    ),
    other_fault(
        "supervisord-restarts-the-unexpected",
        "supervisord's own autorestart=unexpected: an end with status 0 is expected.",
        "unit-restarts-on-failure",
        supervisord(""),
        "autorestart=unexpected",
    ),
    other_fault(
        "supervisord-without-autostart",
        "autostart=false.",
        "unit-is-installed-and-enabled",
        supervisord(f"{ALWAYS}autostart=false"),
        "autostart=false",
    ),
    Fault(
        name="docker-on-failure",
        sentence="Restart policy on-failure: a hub that ends with 0 stays dead, and does not come back with the host.",
        edits=docker(policy="on-failure"),
        config=NO_UNIT,
        absent=UNIT_ONLY,
        expected={"unit-is-installed-and-enabled": FAILED, "unit-restarts-on-failure": FAILED},
        words=("restart policy on-failure", "docker update --restart=always mcp-hub"),
    ),
    other_fault(
        "docker-kills-after-ten",
        "docker's own ten seconds to stop.",
        "stop-fits-its-timeout",
        docker(stop=None),
        "docker kills the hub after 10 s",
    ),
    other_fault(
        "docker-log-without-bound",
        "json-file without max-size.",
        "logs-are-rotated",
        docker(log={"Type": "json-file", "Config": {}}),
        "no max-size",
    ),
    other_fault(
        "docker-restarting",
        "docker has restarted the hub, twelve minutes ago.",
        "unit-has-not-been-restarting",
        docker(restarts=9) | {"processes": (0, under(("/usr/bin/containerd-shim-runc-v2",), age=720))},
        "restarted mcp-hub 9 times",
    ),
    other_fault(
        "runit-kept-down",
        "A file `down` keeps runit from starting the hub with the host.",
        "unit-is-installed-and-enabled",
        stage("runsv", files({"/etc/service/mcp-hub/run": "#!/bin/sh\nexec node", "/etc/service/mcp-hub/down": ""})),
        "/etc/service/mcp-hub/down",
    ),
    well("pm2", "pm2 runs the hub, its dump is saved, and it waits before it kills.", pm2({})),
    well("supervisord", "supervisord runs the hub with autorestart=true.", supervisord(ALWAYS)),
    well("docker", "A container with the restart policy always.", docker()),
    well(
        "docker-unless-stopped", "A container with the restart policy unless-stopped.", docker(policy="unless-stopped")
    ),
    well("runit", "runit runs the hub.", stage("/usr/bin/runsv")),
    well("s6", "s6 runs the hub.", stage("/bin/s6-supervise")),
)
