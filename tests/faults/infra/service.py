"""The unit: every way in which it does not start, keep, bound or stop the hub as it should."""

from __future__ import annotations

from typing import Final

from tests.faults.hub.words import DEGRADED, FAILED, UNKNOWN
from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault, add, each, swap
from tests.faults.infra.recording import files, missing
from tests.faults.infra.words import UNJUDGED, directive, show, unit_fault
from tests.faults.infra.world import PID, RELEASE, STATE, UID, UNIT_FILE, UPTIME

HEALTHY: Final = host.HEALTHY
DROP_IN: Final = f"{UNIT_FILE}.d/override.conf"
LIFE: Final = (
    unit_fault(
        "unit-disabled",
        "The unit was started by hand and never enabled.",
        "unit-is-installed-and-enabled",
        show("UnitFileState=enabled", "UnitFileState=disabled"),
        "mcp-hub.service is disabled",
        "next start of the host",
    ),
    unit_fault(
        "unit-enabled-until-reboot",
        "`systemctl enable --runtime`: the link lies in /run.",
        "unit-is-installed-and-enabled",
        show("UnitFileState=enabled", "UnitFileState=enabled-runtime"),
        "enabled-runtime",
    ),
    unit_fault(
        "unit-static",
        "The unit has no [Install] section.",
        "unit-is-installed-and-enabled",
        show("UnitFileState=enabled", "UnitFileState=static"),
        "only another unit that wants it",
        outcome=DEGRADED,
    ),
    unit_fault(
        "unit-not-reloaded",
        "The unit was edited, and systemd still has the old one.",
        "unit-is-installed-and-enabled",
        show("NeedDaemonReload=no", "NeedDaemonReload=yes"),
        "systemctl daemon-reload",
        outcome=DEGRADED,
    ),
    Fault(
        name="unit-masked",
        sentence="The unit is a link to /dev/null; the hub that still runs was started before.",
        edits={
            "unit-show": each(
                swap("LoadState=loaded", "LoadState=masked"), swap("UnitFileState=enabled", "UnitFileState=masked")
            ),
            "unit-files": (0, files({UNIT_FILE: ""}, {UNIT_FILE: "/dev/null"})),
        },
        expected={"unit-is-installed-and-enabled": FAILED} | dict.fromkeys(UNJUDGED, UNKNOWN),
        words=("is masked", "systemctl unmask"),
    ),
    unit_fault(
        "unit-failed",
        "The hub crashed and systemd gave up.",
        "unit-is-active",
        {
            "unit-show": each(
                swap("ActiveState=active", "ActiveState=failed"),
                swap("SubState=running", "SubState=failed"),
                swap("Result=success", "Result=exit-code"),
            )
        },
        "failed (failed)",
        "its last result: exit-code",
    ),
    Fault(
        name="unit-in-a-crash-loop",
        sentence="The hub ends at once, again and again.",
        edits={
            "unit-show": each(
                swap("ActiveState=active", "ActiveState=activating"),
                swap("SubState=running", "SubState=auto-restart"),
                swap("NRestarts=0", "NRestarts=311"),
            )
        },
        expected={"unit-is-active": FAILED, "unit-has-not-been-restarting": FAILED},
        words=("activating (auto-restart)", "after 311 restarts"),
    ),
    unit_fault(
        "unit-restarted-lately",
        "systemd has restarted the hub four times, the last time ten minutes ago.",
        "unit-has-not-been-restarting",
        {
            "unit-show": each(
                swap("NRestarts=0", "NRestarts=4"),
                swap(
                    f"ActiveEnterTimestampMonotonic={(UPTIME - 3 * 86_400) * 1_000_000}",
                    f"ActiveEnterTimestampMonotonic={(UPTIME - 600) * 1_000_000}",
                ),
            )
        },
        "restarted mcp-hub.service 4 times",
    ),
    unit_fault(
        "systemd-without-restart-count",
        "A systemd that is too old to count restarts.",
        "unit-has-not-been-restarting",
        show("NRestarts=0", "NRestarts="),
        "does not count the restarts",
        outcome=UNKNOWN,
    ),
)
DIRECTIVES: Final = (
    unit_fault(
        "restart-no",
        "The unit has no Restart=.",
        "unit-restarts-on-failure",
        show("Restart=always", "Restart=no"),
        "Restart=no",
        "stays dead",
    ),
    unit_fault(
        "restart-on-failure",
        "Restart=on-failure: fatal errors of the hub end it with status 0, which is no failure.",
        "unit-restarts-on-failure",
        show("Restart=always", "Restart=on-failure"),
        "Restart=on-failure",
        "status 0",
    ),
    unit_fault(
        "user-root",
        "The unit says User=root.",
        "unit-runs-unprivileged",
        show("User=mcp-hub", "User=root"),
        "User=root",
    ),
    unit_fault(
        "user-unset",
        "The unit names no user.",
        "unit-runs-unprivileged",
        show("User=mcp-hub", "User="),
        "sets no User=",
    ),
    unit_fault(
        "runs-as-root-all-the-same",
        "The unit names a user, and the hub that runs was started by root.",
        "unit-runs-unprivileged",
        {"processes": swap(f"p {PID} 1 {UID} ", f"p {PID} 1 0 ")},
        f"pid {PID}) runs as root",
    ),
    unit_fault(
        "not-hardened",
        "The unit may gain privileges and write the whole system.",
        "unit-is-hardened",
        {
            "unit-show": each(
                swap("NoNewPrivileges=yes", "NoNewPrivileges=no"), swap("ProtectSystem=strict", "ProtectSystem=no")
            )
        },
        "NoNewPrivileges=no, ProtectSystem=no",
    ),
    unit_fault(
        "homes-open",
        "The unit may read everybody's home.",
        "unit-is-hardened",
        show("ProtectHome=read-only", "ProtectHome=no"),
        "ProtectHome=no",
    ),
    unit_fault(
        "stop-too-short",
        "Ten seconds to stop; a hub with 100 clients needs as many.",
        "stop-fits-its-timeout",
        show("TimeoutStopUSec=45s", "TimeoutStopUSec=10s"),
        "kills the hub after 10 s",
        "≥ 30",
    ),
    unit_fault(
        "stop-of-nothing",
        "KillMode=none: a stop ends no process, and the old hub keeps the port.",
        "stop-fits-its-timeout",
        show("KillMode=control-group", "KillMode=none"),
        "KillMode=none",
    ),
    unit_fault(
        "no-memory-to-run",
        "MemoryDenyWriteExecute= lets no runtime run what it compiles: node ends with SIGTRAP.",
        "unit-lets-the-hub-run",
        directive("PrivateTmp=true", "MemoryDenyWriteExecute=true"),
        "MemoryDenyWriteExecute=yes",
    ),
    unit_fault(
        "network-of-its-own",
        "A drop-in gives the unit a network of its own.",
        "unit-lets-the-hub-run",
        {"unit-files": (0, files({UNIT_FILE: host.UNIT_TEXT, DROP_IN: "[Service]\nPrivateNetwork=yes"}))},
        "PrivateNetwork=yes",
    ),
    unit_fault(
        "every-address-denied",
        "IPAddressDeny=any, and nothing is allowed.",
        "unit-lets-the-hub-run",
        directive("PrivateTmp=true", "IPAddressDeny=any"),
        "IPAddressDeny=any without",
    ),
    unit_fault(
        "no-internet-sockets",
        "RestrictAddressFamilies= leaves out AF_INET and AF_INET6.",
        "unit-lets-the-hub-run",
        directive("PrivateTmp=true", "RestrictAddressFamilies=AF_UNIX AF_NETLINK"),
        "may open no AF_INET socket",
    ),
    unit_fault(
        "waited-for-in-the-background",
        "Type=forking, and node stays in the foreground.",
        "unit-lets-the-hub-run",
        directive("Type=simple", "Type=forking"),
        "Type=forking",
        "until the start times out",
    ),
    unit_fault(
        "waited-for-to-be-ready",
        "Type=notify, and the hub knows nothing of it.",
        "unit-lets-the-hub-run",
        directive("Type=simple", "Type=notify"),
        "never tells systemd that it is ready",
    ),
    unit_fault(
        "stop-by-kill",
        "KillSignal=SIGKILL: nothing ends in order.",
        "stop-fits-its-timeout",
        show("KillSignal=15", "KillSignal=9"),
        "KillSignal=SIGKILL",
    ),
    unit_fault(
        "memory-limit-renamed",
        "The unit has MemoryLimit=, which systemd still takes, with a warning that nobody reads.",
        "unit-has-no-obsolete-directives",
        {
            "unit-files": swap("|LimitNOFILE=65536\n", "|LimitNOFILE=65536\n|MemoryLimit=4G\n"),
            "unit-verify": (0, f"{UNIT_FILE}:17: Unit uses MemoryLimit=; please use MemoryMax= instead.\n"),
        },
        "MemoryLimit= (mcp-hub.service:17): use MemoryMax",
    ),
    unit_fault(
        "start-limit-in-the-wrong-section",
        "StartLimitInterval= in [Service]: renamed, moved, and taken without a word.",
        "unit-has-no-obsolete-directives",
        {"unit-files": swap("|RestartSec=5\n", "|RestartSec=5\n|StartLimitInterval=60\n")},
        "StartLimitIntervalSec in [Unit]",
    ),
    unit_fault(
        "cpu-shares-unverified",
        "The unit has CPUShares=, and systemd-analyze is not there to say so.",
        "unit-has-no-obsolete-directives",
        {"unit-files": swap("|RestartSec=5\n", "|RestartSec=5\n|CPUShares=512\n"), "unit-verify": (127, "")},
        "use CPUWeight",
    ),
    unit_fault(
        "unit-not-verified",
        "systemd-analyze took too long.",
        "unit-has-no-obsolete-directives",
        {"unit-verify": (124, "")},
        "systemd-analyze cannot verify the unit",
        outcome=UNKNOWN,
    ),
    unit_fault(
        "directive-misspelt",
        "A directive that systemd does not know: it is passed over.",
        "unit-has-no-obsolete-directives",
        {"unit-verify": (0, f"{UNIT_FILE}:17: Unknown key 'NoNewPriviliges' in section [Service], ignoring.\n")},
        "NoNewPriviliges",
    ),
    unit_fault(
        "drop-in-undoes-it",
        "A drop-in sets Restart= back to no, and the unit's own file is blameless.",
        "unit-restarts-on-failure",
        {
            "unit-show": swap("\nRestart=always\n", "\nRestart=no\n"),
            "unit-files": (0, files({UNIT_FILE: host.UNIT_TEXT, DROP_IN: "[Service]\nRestart=\nRestart=no"})),
        },
        "Restart=no",
    ),
)
NEAR: Final = (
    Fault(
        name="limits-that-the-hub-can-bear",
        sentence="An interpreter needs no memory to compile into; loopback and both families are let in; a drop-in takes PrivateNetwork= back.",
        edits={
            "unit-files": (
                0,
                files(
                    {
                        UNIT_FILE: host.UNIT_TEXT.replace(f"{host.NODE} ", f"{host.NODE} --jitless ").replace(
                            "PrivateTmp=true",
                            "PrivateTmp=true\nMemoryDenyWriteExecute=true\nIPAddressDeny=any\nIPAddressAllow=localhost\nPrivateNetwork=yes\n"
                            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
                        ),
                        DROP_IN: "[Service]\nPrivateNetwork=no",
                    }
                ),
            )
        },
    ),
    Fault(
        name="ready-told-by-another",
        sentence="Type=notify, and a program that ExecStartPost= runs tells systemd.",
        edits=directive(
            "Type=simple", "Type=notify\n|NotifyAccess=all\n|ExecStartPost=/usr/bin/systemd-notify --ready"
        ),
    ),
    Fault(
        name="restarted-long-ago",
        sentence="systemd has restarted the hub twice, and not in three days.",
        edits=show("NRestarts=0", "NRestarts=2"),
    ),
    Fault(
        name="stop-in-minutes",
        sentence="TimeoutStopUSec=1min 30s: a span of two words, and long enough.",
        edits=show("TimeoutStopUSec=45s", "TimeoutStopUSec=1min 30s"),
    ),
    Fault(
        name="stop-without-end",
        sentence="TimeoutStopUSec=infinity: it is never killed.",
        edits=show("TimeoutStopUSec=45s", "TimeoutStopUSec=infinity"),
    ),
    Fault(
        name="protect-system-full",
        sentence="ProtectSystem=full leaves /opt writable, and is hardening enough.",
        edits={
            "unit-show": each(
                swap("ProtectSystem=strict", "ProtectSystem=full"),
                swap(f"ReadWritePaths={STATE} {RELEASE}/logs", "ReadWritePaths="),
            )
        },
    ),
    Fault(
        name="drop-in-that-was-undone",
        sentence="One drop-in sets Restart=no, a later one sets it to always again; MemoryLimit= stands in a comment.",
        edits={
            "unit-files": (
                0,
                files(
                    {
                        UNIT_FILE: f"{host.UNIT_TEXT}\n# MemoryLimit=1G",
                        f"{UNIT_FILE}.d/10-a.conf": "[Service]\nRestart=no",
                        f"{UNIT_FILE}.d/20-b.conf": "[Service]\nRestart=\nRestart=always",
                    }
                ),
            )
        },
    ),
    Fault(
        name="optional-env-file-missing",
        sentence="EnvironmentFile=-… may be missing.",
        edits={
            "unit-files": swap(f"|EnvironmentFile={host.ENV_FILE}\n", "|EnvironmentFile=-/etc/default/mcp-hub\n"),
            "paths": add(missing("/etc/default/mcp-hub")),
        },
    ),
    Fault(
        name="verify-speaks-of-others",
        sentence="systemd-analyze complains about another unit that this one wants.",
        edits={"unit-verify": (0, "/lib/systemd/system/x.service:9: Unit uses CPUShares=; please use CPUWeight=.\n")},
    ),
    Fault(
        name="no-systemd-analyze",
        sentence="A host without systemd-analyze's score.",
        edits={"unit-security": (127, "")},
    ),
    Fault(
        name="names-with-newlines",
        sentence="A process whose name and arguments hold newlines and the frame's own words.",
        edits={"processes": add(host.process(4999, ("a\n@@ .\np 1 1 0 0 x", "--x\n@pid 1"), uid=1000).rstrip())},
    ),
)
FAULTS: Final = (*LIFE, *DIRECTIVES, *NEAR)
