"""The logs: what fills the disk, what nobody rotates, what never leaves the host."""

from __future__ import annotations

from typing import Final

from tests.faults.hub.words import DEGRADED, FAILED, UNKNOWN
from tests.faults.infra import service_host as host
from tests.faults.infra.model import Fault, swap
from tests.faults.infra.recording import files, log
from tests.faults.infra.world import AGE, NOW, STATE

GB: Final = 1_000_000_000
FAULTS: Final = (
    Fault(
        name="log-grows-fast",
        sentence="The log has grown by 260 GB in three days: the disk is full in 18 hours.",
        edits={"log-files": (0, log(host.LOG, size=260 * GB, changed=NOW, born=NOW - AGE, free=host.FREE))},
        expected={"log-growth-is-sane": FAILED},
        words=(f"{host.LOG} grows 3611.1 MB an hour", "17.8", "≥ 24"),
    ),
    Fault(
        name="journal-grows-fast",
        sentence="The unit wrote 1.2 GB to the journal within an hour: the disk lasts two days.",
        edits={"log-journal": (0, "1200000000\n")},
        expected={"log-growth-is-sane": DEGRADED},
        words=("the journal grows 1200.0 MB an hour",),
    ),
    Fault(
        name="journal-silent-about-the-hour",
        sentence="The journal could not be asked.",
        edits={"log-journal": (124, "")},
        expected={"log-growth-is-sane": UNKNOWN},
        words=("log-journal: no answer in time",),
    ),
    Fault(
        name="log-not-rotated",
        sentence="No logrotate configuration names the hub's log.",
        edits={"log-rotation": swap(f"|{STATE}/logs/*.log ", "|")},
        expected={"logs-are-rotated": FAILED},
        words=(f"names {host.LOG}",),
    ),
    Fault(
        name="logrotate-never-runs",
        sentence="logrotate is configured, and neither cron nor a timer runs it.",
        edits={"log-rotation": swap("runs /etc/systemd/system/timers.target.wants/logrotate.timer\n", "")},
        expected={"logs-are-rotated": FAILED},
        words=("nothing runs it", "logrotate.timer"),
    ),
    Fault(
        name="no-log-known",
        sentence="The unit writes to nowhere, and no log file can be found.",
        edits={"log-files": (0, ""), "unit-show": swap("StandardOutput=journal", "StandardOutput=null")},
        expected={"log-growth-is-sane": UNKNOWN, "logs-are-rotated": UNKNOWN},
        words=("set [target] state",),
    ),
    Fault(
        name="logs-unseen",
        sentence="sudo -n is refused, and the folder of the logs is the hub's own.",
        edits={"log-files": (0, "")},
        privileged=False,
        expected={
            "log-growth-is-sane": UNKNOWN,
            "logs-are-rotated": UNKNOWN,
            "process-is-single-and-fresh": DEGRADED,
        },
        words=("which files the hub logs to cannot be seen",),
    ),
    Fault(
        name="logs-stay",
        sentence="No shipper runs, and rsyslog writes to files alone.",
        edits={
            "processes": swap(host.SHIPPER, ""),
            "log-rotation": swap(
                "program yes\n", files({"/etc/rsyslog.conf": "# *.* @@old:514\n*.* /var/log/syslog"}) + "program yes\n"
            ),
        },
        expected={"logs-leave-the-host": FAILED},
        words=("no known shipper runs",),
    ),
    Fault(
        name="rsyslog-forwards",
        sentence="No shipper runs, and rsyslog forwards everything.",
        edits={
            "processes": swap(host.SHIPPER, ""),
            "log-rotation": swap(
                "program yes\n", files({"/etc/rsyslog.d/90-out.conf": "*.* @@logs.example.com:6514"}) + "program yes\n"
            ),
        },
    ),
    Fault(
        name="log-emptied-by-rotation",
        sentence="A log of 300 MB that was copied and emptied a day ago.",
        edits={
            "log-files": (
                0,
                log(host.LOG, size=300_000_000, changed=NOW, born=NOW - AGE, free=host.FREE)
                + log(f"{host.LOG}.1", size=900 * GB, changed=NOW - 86_400, born=NOW - AGE, free=host.FREE),
            )
        },
    ),
    Fault(
        name="log-just-begun",
        sentence="The hub's log is two minutes old and has 200 MB from its start: that is no rate.",
        edits={"log-files": (0, log(host.LOG, size=200_000_000, changed=NOW, born=NOW - 120, free=host.FREE))},
    ),
)
