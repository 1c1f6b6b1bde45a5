"""The unit's surroundings: paths and users that are not there, state that cannot be written, units that cannot be told."""

from __future__ import annotations

from typing import Final

from tests.faults.hub.words import FAILED, UNKNOWN
from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault, add, each, swap
from tests.faults.infra.recording import missing, stat
from tests.faults.infra.words import GONE, OFFLINE, UNJUDGED, directive, show, unit_fault
from tests.faults.infra.world import NOW, RELEASE, STATE, UID, UNIT

PLACES: Final = (
    unit_fault(
        "working-directory-missing",
        "WorkingDirectory= is a release that was removed.",
        "unit-paths-exist",
        directive(f"WorkingDirectory={RELEASE}", "WorkingDirectory=/opt/mcp-hub-old")
        | {"paths": add(missing("/opt/mcp-hub-old"))},
        "WorkingDirectory /opt/mcp-hub-old is missing",
    ),
    unit_fault(
        "working-directory-is-a-file",
        "WorkingDirectory= is a file.",
        "unit-paths-exist",
        {"paths": swap(stat(RELEASE, mode="755", changed=host.DEPLOYED, kind="directory"), stat(RELEASE, changed=NOW))},
        f"WorkingDirectory {RELEASE} is no folder",
    ),
    unit_fault(
        "program-missing",
        "Node was moved by an upgrade.",
        "unit-paths-exist",
        {"paths": swap(stat(host.NODE, mode="755", changed=NOW - 90 * 86_400), missing(host.NODE))},
        "ExecStart's program /usr/bin/node is missing",
    ),
    unit_fault(
        "program-not-executable",
        "The program lost its mode.",
        "unit-paths-exist",
        {"paths": swap(stat(host.NODE, mode="755", changed=NOW - 90 * 86_400), stat(host.NODE, changed=NOW - 100))},
        "is not executable",
    ),
    unit_fault(
        "entry-missing",
        "The entry point that ExecStart names is not there.",
        "unit-paths-exist",
        {"paths": swap(stat(host.ENTRY, mode="755", changed=host.DEPLOYED), missing(host.ENTRY))},
        "ExecStart's file /opt/mcp-hub/dist/cli.js is missing",
    ),
    unit_fault(
        "env-file-missing",
        "EnvironmentFile= is not there.",
        "unit-paths-exist",
        {"paths": swap(stat(host.ENV_FILE, mode="640", gid=UID, changed=host.DEPLOYED), missing(host.ENV_FILE))},
        "EnvironmentFile /opt/mcp-hub/.env.production is missing",
    ),
    Fault(
        name="user-does-not-exist",
        sentence="The unit's user was never made.",
        edits={"state": swap(f"user {UID} {UID}\n", "user none\n")},
        expected={"unit-paths-exist": FAILED, "unit-can-write-its-state": UNKNOWN},
        words=("User=mcp-hub does not exist",),
    ),
    unit_fault(
        "program-hidden",
        "ProtectHome= takes the program below /root out of the service's sight.",
        "unit-paths-exist",
        {
            "unit-show": swap("ProtectHome=read-only", "ProtectHome=yes"),
            "unit-files": swap(f"|ExecStart={host.NODE} ", "|ExecStart=/root/.nvm/versions/node/v22.1.0/bin/node "),
            "paths": add(stat("/root/.nvm/versions/node/v22.1.0/bin/node", mode="755", changed=host.DEPLOYED)),
        },
        "is out of its sight by ProtectHome=yes",
    ),
    unit_fault(
        "home-of-the-manager",
        "`%h` is /root in a unit of the system, whoever User= names.",
        "unit-paths-exist",
        directive(f"WorkingDirectory={RELEASE}", "WorkingDirectory=%h/app") | {"paths": add(missing("/root/app"))},
        "WorkingDirectory %h/app (/root/app: %h is not the home of User=) is missing",
    ),
    unit_fault(
        "opened-in-vain",
        "ReadWritePaths= names a folder that ProtectHome= hides all the same.",
        "unit-can-write-its-state",
        {
            "unit-show": each(
                swap("ProtectHome=read-only", "ProtectHome=tmpfs"),
                swap(f"ReadWritePaths={STATE}", f"ReadWritePaths=/home/mcp-hub/data {STATE}"),
            )
        },
        "/home/mcp-hub/data is closed by ProtectHome=tmpfs",
    ),
    unit_fault(
        "log-folder-not-opened",
        "A variable says where logs go, and ProtectSystem=strict leaves that read-only.",
        "unit-can-write-its-state",
        directive("Environment=NODE_ENV=production", "Environment=LOG_DIR=/var/log/mcp-hub"),
        "LOG_DIR /var/log/mcp-hub is closed by ProtectSystem=strict",
    ),
    unit_fault(
        "state-not-opened",
        "ProtectSystem=strict without a ReadWritePaths= for the state.",
        "unit-can-write-its-state",
        show(f"ReadWritePaths={STATE} {RELEASE}/logs", "ReadWritePaths="),
        "ProtectSystem=strict",
        STATE,
    ),
    unit_fault(
        "state-of-another-user",
        "The folder of the state belongs to root.",
        "unit-can-write-its-state",
        {
            "state": swap(
                stat(STATE, mode="750", uid=UID, gid=UID, changed=NOW - 3 * 86_400, kind="directory"),
                stat(STATE, mode="750", changed=NOW - 100, kind="directory"),
            )
        },
        f"mcp-hub may not write {STATE}",
        "mode 750, owner 0",
    ),
    unit_fault(
        "state-read-only",
        "The file system of the state is mounted read-only.",
        "unit-can-write-its-state",
        {"state": add("readonly")},
        "mounted read-only",
    ),
    Fault(
        name="unit-gone",
        sentence="There is no unit: the hub was started by hand in a terminal.",
        edits={
            "unit-show": (0, "LoadState=not-found\nActiveState=inactive\nSubState=dead\nNRestarts=0\nMainPID=0\n"),
            "unit-files": (0, ""),
            "unit-enabled": (0, f"Failed to get unit file state for {UNIT}: No such file or directory\n"),
        },
        expected=dict.fromkeys(GONE, FAILED) | dict.fromkeys(UNJUDGED, UNKNOWN),
        words=("there is no unit mcp-hub.service", "inactive (dead)"),
    ),
    Fault(
        name="two-units",
        sentence="No unit is told, and two of them name the release.",
        edits={"unit-name": (0, "booted yes\nfirst systemd\npath \nname \nseen mcp-hub.service hub-old.service\n")},
        config={"target": {"unit": None}},
        expected=dict.fromkeys((*GONE, *UNJUDGED, "unit-has-not-been-restarting"), UNKNOWN),
        words=("2 units name the hub", "set [target] unit"),
    ),
    Fault(
        name="no-systemd-and-nothing-else",
        sentence="A container whose first process is tini, and a unit that nobody reads.",
        edits=OFFLINE,
        expected=dict.fromkeys((*GONE, "unit-has-not-been-restarting"), UNKNOWN),
        words=("systemd does not run there", "declare [expect] supervision"),
    ),
)

NEAR: Final = (
    Fault(
        name="env-file-in-a-hidden-home",
        sentence="systemd reads the env file itself, before it hides /home; a program there is bound back; a log folder is of LogsDirectory=.",
        edits={
            "unit-show": each(
                swap("ProtectHome=read-only", "ProtectHome=tmpfs"), swap("LogsDirectory=", "LogsDirectory=mcp-hub")
            ),
            "unit-files": each(
                swap(
                    f"|EnvironmentFile={host.ENV_FILE}\n",
                    "|EnvironmentFile=/home/mcp-hub/env\n|BindReadOnlyPaths=/root/.nvm\n",
                ),
                swap(f"|ExecStart={host.NODE} ", "|ExecStart=/root/.nvm/node "),
                swap("|Environment=NODE_ENV=production\n", "|Environment=LOG_DIR=/var/log/mcp-hub\n"),
            ),
            "paths": each(
                add(stat("/home/mcp-hub/env", mode="640", gid=UID, changed=host.DEPLOYED)),
                add(stat("/root/.nvm/node", mode="755", changed=host.DEPLOYED)),
            ),
        },
    ),
    Fault(
        name="start-in-a-shell",
        sentence="ExecStart= is a line for a shell, with files that only the shell will know, and a pid file that is written later.",
        edits={
            "unit-files": swap(
                f"|ExecStart={host.NODE} {host.ENTRY} --port 7000 --config {host.CONFIG}\n",
                f"|ExecStart=/bin/sh -c 'cd {RELEASE} && exec node dist/cli.js' --pid /run/not-yet.pid\n",
            ),
            "paths": add(stat("/bin/sh", mode="755", changed=NOW - 90 * 86_400).rstrip()),
        },
    ),
    Fault(
        name="specifiers",
        sentence="Paths with %i and $RELEASE: only systemd can tell what they mean.",
        edits={
            "unit-files": swap(
                f"|EnvironmentFile={host.ENV_FILE}\n",
                "|EnvironmentFile=/etc/hub/%i.env\n|EnvironmentFile=${RELEASE}/.env\n",
            )
        },
    ),
)
FAULTS: Final = (*PLACES, *NEAR)
