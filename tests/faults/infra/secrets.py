"""Secrets that every user of a host can read: on command lines, in the unit, in a supervisor's dump."""

from __future__ import annotations

from typing import Final

from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault, add, each, swap
from tests.faults.infra.process import SECOND, process_fault, runs
from tests.faults.infra.recording import b64, files
from tests.faults.infra.world import PID, SECRET, UID, UNIT_FILE

# an identifier that has the shape of a provider's key, put together here so that no file holds one
SHAPED: Final = "sk-" + "ant-" + "api03-Zx8Qm2Lr7Tn4Vb9Kc1Wd6Yh3Jf5Gs0Pa"
# put together here as well
URL: Final = "postgres://hub:" + "t7Kq2vXw9" + "@db.example.com:5432/hub"
DUMP: Final = "/home/mcp-hub/.pm2/dump.pm2"
DUMPED: Final = f'[{{"name": "other", "env": {{"OPENAI_API_KEY": "{SECRET}"}}}}]'
SECRETS: Final = (
    process_fault(
        "secret-in-a-dump-that-all-can-read",
        "pm2 has written the hub's whole environment into a file that everyone can read.",
        "no-secret-in-process-list",
        {"supervisor-files": (0, f"open {b64(DUMP)}\n" + files({DUMP: DUMPED}))},
        f"{DUMP}, which everyone can read",
    ),
    process_fault(
        "known-secret-on-a-command-line",
        "The hub's key was given to a program as an argument.",
        "no-secret-in-process-list",
        {"processes": add(runs("/usr/bin/curl", "-H", f"Authorization: Bearer {SECRET}"))},
        f"the command line of curl (pid {SECOND})",
        "the value of OPENAI_API_KEY",
    ),
    process_fault(
        "key-on-a-servers-command-line",
        "An MCP server gets a key as an argument: nobody told it to this run, its shape gives it away.",
        "no-secret-in-process-list",
        {"processes": add(runs(host.NODE, "server.js", "--api-key", SHAPED, parent=PID, uid=UID))},
        "looks like an Anthropic key",
    ),
    process_fault(
        "password-on-a-command-line",
        "A password that has no provider's shape, under an option that says what it is.",
        "no-secret-in-process-list",
        {"processes": add(runs("/usr/bin/backup", "--password=tr0ub4dor-and-3-quite-long"))},
        "a literal under password",
    ),
    process_fault(
        "secret-in-the-units-environment",
        "Environment= holds the key: `systemctl show` tells it to everyone.",
        "no-secret-in-process-list",
        {
            "unit-files": swap(
                "|Environment=NODE_ENV=production\n", f"|Environment=NODE_ENV=production OPENAI_API_KEY={SECRET}\n"
            )
        },
        "Environment= in /etc/systemd/system/mcp-hub.service, line 11",
    ),
    process_fault(
        "password-in-a-url-of-a-drop-in",
        "A drop-in sets a database's address with its password in it.",
        "no-secret-in-process-list",
        {
            "unit-files": (
                0,
                files({UNIT_FILE: host.UNIT_TEXT, f"{UNIT_FILE}.d/db.conf": f'[Service]\nEnvironment="DB={URL}"'}),
            )
        },
        "db.conf, line 2: a password in a URL",
    ),
    process_fault(
        "password-in-a-url-of-a-server",
        "An MCP server gets its database's address as an argument.",
        "no-secret-in-process-list",
        {"processes": add(runs(host.NODE, "server.js", URL, parent=PID, uid=UID))},
        "a password in a URL",
    ),
)
NEAR: Final = (
    Fault(
        name="urls-without-a-password",
        sentence="URLs with a user alone, with a variable and with a placeholder.",
        edits={
            "unit-files": swap(
                "|Environment=NODE_ENV=production\n",
                "|Environment=A=postgres://hub@db/hub B=postgres://hub:${PW}@db/hub C=redis://:<password>@cache D=http://127.0.0.1:7000/a@b\n",
            )
        },
    ),
    Fault(
        name="secret-in-a-private-dump",
        sentence="pm2's dump holds the hub's environment, and only its user can read it.",
        edits={"supervisor-files": (0, files({DUMP: DUMPED}))},
    ),
    Fault(
        name="references-on-command-lines",
        sentence="Command lines name where secrets are, and hold none.",
        edits={
            "processes": each(
                add(runs("/usr/bin/op", "run", "--env-file=/opt/mcp-hub/.env.production", pid=6200)),
                add(runs("/usr/bin/x", "--token-file", "/run/secrets/token", pid=6201)),
                add(runs("/usr/bin/y", "--password=${PASSWORD}", pid=6202)),
                add(runs("/usr/bin/z", "--token-env", "readiness_hub_token_a1b2c3", pid=6203)),
                add(runs("/usr/bin/z", "--api-key", "MCP_HUB_API_KEY", pid=6204)),
                add(runs("/usr/bin/z", "--token=./keys/9f8e7d6c5b4a", pid=6205)),
            )
        },
    ),
)
FAULTS: Final = (*SECRETS, *NEAR)
