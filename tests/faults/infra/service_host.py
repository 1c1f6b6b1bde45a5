"""What a healthy host says of the hub's service: its unit, its processes, its logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.infra.recording import b64, files, log, process, stat
from tests.faults.infra.world import AGE, NOW, PID, PORT, RELEASE, STATE, UID, UNIT, UNIT_FILE, UPTIME, USER

if TYPE_CHECKING:
    from tests.faults.infra.model import Told

NODE: Final = "/usr/bin/node"
ENTRY: Final = f"{RELEASE}/dist/cli.js"
CONFIG: Final = f"{RELEASE}/config/mcp-hub.json"
ENV_FILE: Final = f"{RELEASE}/.env.production"
DEPLOYED: Final = NOW - AGE - 600
"""When the release was put there: ten minutes before the hub started."""
LOG: Final = f"{STATE}/logs/mcp-hub.log"
UNIT_TEXT: Final = f"""[Unit]
Description=MCP Hub
After=network-online.target

[Service]
Type=simple
User={USER}
Group={USER}
WorkingDirectory={RELEASE}
EnvironmentFile={ENV_FILE}
Environment=NODE_ENV=production
ExecStart={NODE} {ENTRY} --port {PORT} --config {CONFIG}
Restart=always
RestartSec=5
TimeoutStopSec=45
LimitNOFILE=65536
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
ReadWritePaths={STATE} {RELEASE}/logs
StandardOutput=journal

[Install]
WantedBy=multi-user.target"""
SHOW: Final = f"""LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
UnitFilePreset=enabled
NRestarts=0
MainPID={PID}
ExecMainCode=0
ExecMainStatus=0
ActiveEnterTimestampMonotonic={(UPTIME - AGE) * 1_000_000}
NeedDaemonReload=no
Restart=always
User={USER}
DynamicUser=no
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
LimitNOFILE=65536
LimitNOFILESoft=65536
TimeoutStopUSec=45s
KillSignal=15
KillMode=control-group
MemoryMax=4294967296
Environment=NODE_ENV=production
StandardOutput=journal
StandardError=inherit
StateDirectory=
LogsDirectory=
CacheDirectory=
ReadWritePaths={STATE} {RELEASE}/logs
FragmentPath={UNIT_FILE}
ControlGroup=/system.slice/{UNIT}
"""
NAME: Final = f"booted yes\nfirst systemd\npath {UNIT_FILE}\nname {UNIT}\nseen \n"
HUB_ARGV: Final = (NODE, ENTRY, "--port", str(PORT), "--config", CONFIG)
HUB: Final = process(PID, HUB_ARGV, uid=UID, mb=180)
SERVERS: Final = process(
    PID + 10, (NODE, "/usr/local/bin/mcp-server-everything", "stdio"), parent=PID, uid=UID, mb=70
) + process(PID + 11, (NODE, "/usr/local/bin/mcp-server-memory"), parent=PID, uid=UID, mb=65)
SHIPPER: Final = process(900, ("/usr/bin/vector", "--config", "/etc/vector/vector.yaml"), mb=60, age=UPTIME - 20)
CLOCK: Final = f"now {NOW}\nuptime {UPTIME}.17\nticks 100\n"
PROCESSES: Final = (
    CLOCK
    + process(1, ("/sbin/init",), parent=0, mb=12, age=UPTIME)
    + process(700, ("/usr/sbin/sshd", "-D"), age=UPTIME - 30)
    + process(710, ("nginx: master process /usr/sbin/nginx -g daemon on; master_process on;",), age=UPTIME - 30)
    + SHIPPER
    + HUB
    + SERVERS
)
LISTENS: Final = f"listens 55501\nowner {PID}\n"
DETAIL: Final = f"{LISTENS}@pid {PID}\nnofile 65536 65536\ncgroup 0::/system.slice/{UNIT}\n"
PATHS: Final = (
    stat(RELEASE, mode="755", changed=DEPLOYED, kind="directory")
    + stat(ENV_FILE, mode="640", gid=UID, changed=DEPLOYED)
    + stat(NODE, mode="755", changed=NOW - 90 * 86_400)
    + stat(ENTRY, mode="755", changed=DEPLOYED)
    + stat(CONFIG, changed=DEPLOYED)
)
STATE_SAID: Final = f"user {UID} {UID}\nhome {b64(RELEASE)}\nasked {b64(STATE)}\n" + stat(
    STATE, mode="750", uid=UID, gid=UID, changed=NOW - AGE, kind="directory"
)
LOGROTATE: Final = f"{STATE}/logs/*.log {RELEASE}/logs/*.log {{\n  daily\n  rotate 14\n  compress\n  copytruncate\n}}"
ROTATION: Final = (
    files({"/etc/logrotate.conf": "weekly\nrotate 4\ninclude /etc/logrotate.d", "/etc/logrotate.d/mcp-hub": LOGROTATE})
    + "program yes\nruns /etc/systemd/system/timers.target.wants/logrotate.timer\njournal kept\n"
)
FREE: Final = 64_424_509_440
LOGS: Final = log(LOG, size=12_000_000, changed=NOW - 5, born=NOW - AGE, free=FREE)
HEALTHY: Final[dict[str, Told]] = {
    "unit-name": (0, NAME),
    "unit-files": (0, files({UNIT_FILE: UNIT_TEXT})),
    "unit-show": (0, SHOW),
    "unit-enabled": (0, "enabled\n"),
    "unit-verify": (0, ""),
    "unit-security": (0, "8.9\n"),
    "supervisor-files": (0, ""),
    "docker": (127, ""),
    "processes": (0, PROCESSES),
    "process-detail": (0, DETAIL),
    "paths": (0, PATHS),
    "state": (0, STATE_SAID),
    "log-rotation": (0, ROTATION),
    "log-journal": (0, "350000\n"),
    "log-files": (0, LOGS),
}
