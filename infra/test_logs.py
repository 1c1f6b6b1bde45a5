"""The hub's logs neither fill the disk nor stay where nobody reads them."""

from __future__ import annotations

import pytest

from readiness import Limits, check, measure, note, unknown

pytestmark = pytest.mark.infra

HOUR = 3600.0
YOUNG = 900.0
"""Seconds: what a start writes says nothing about an hour."""
JOURNAL = "/var/log/journal"


@check(
    "log-growth-is-sane",
    severity="high",
    topic="service",
    needs=("log_keeping", "hub_host"),
    limits=Limits(warning=72, critical=24, unit="hours", better="higher"),
    remedy="Lower the hub's log level, rotate its logs, and see what fills them: `tail -n 200 LOG`, `journalctl -u mcp-hub --since -1h | sort | uniq -c`.",
)
def test_log_growth_is_sane(logs, resources):
    """At the rate at which the hub logs, its disk lasts for days."""
    rates = []
    for file in logs.files():
        age = logs.now - file.since
        if age < YOUNG:
            note(f"{file.path} began {age / 60:.0f} minutes ago: too young to tell a rate")
        else:
            rates.append((file.path, file.size * HOUR / age, file.free))
    if logs.to_journal:
        free = _free(resources, JOURNAL)
        rates.append(("the journal", float(logs.journal_bytes()), free))
    if not rates:
        unknown("no log of the hub is known that is old enough to tell a rate: set [target] state, or ask again later")
    path, rate, free = min(rates, key=lambda one: one[2] / max(one[1], 1.0))
    measure(min(free / max(rate, 1.0), 1e6), what=f"{path} grows {rate / 1e6:.1f} MB an hour, the disk is full in")


def _free(resources, path):
    holding = [one for one in resources.file_systems() if path.startswith(one.mount.rstrip("/") + "/")]
    if not holding:
        unknown(f"df does not tell about the file system of {path}")
    return max(holding, key=lambda one: len(one.mount)).free


@check(
    "logs-are-rotated",
    severity="medium",
    topic="service",
    needs=("log_keeping", "hub_host"),
    remedy="Send the output to the journal (StandardOutput=journal), and give log files to logrotate: FILE { daily rotate 14 compress copytruncate } in /etc/logrotate.d/mcp-hub.",
)
def test_logs_are_rotated(logs, other_supervisor):
    """Every log that the hub writes is rotated: by the journal, by logrotate, by docker."""
    if other_supervisor is not None and other_supervisor.logs is not None:
        driver, bounded = other_supervisor.logs
        assert bounded, (
            f"docker keeps the log of {other_supervisor.name} with {driver} and no max-size: it grows for ever"
        )
    files = logs.files()
    if not files and not logs.to_journal and other_supervisor is None:
        unknown("no log of the hub is known: set [target] state")
    loose = [file.path for file in files if not logs.rotated(file.path)]
    assert not loose, f"no logrotate configuration names {', '.join(loose[:5])}"
    assert not files or logs.rotates, (
        "logrotate is configured for the hub's logs, and nothing runs it: `systemctl enable --now logrotate.timer`"
    )


@check(
    "logs-leave-the-host",
    severity="low",
    topic="service",
    needs=("log_keeping", "hub_host"),
    remedy="Run a shipper (vector, fluent-bit, promtail, systemd-journal-upload) or let rsyslog forward: `*.* @@logs.example.com:6514`.",
)
def test_logs_leave_the_host(logs, other_supervisor):
    """Something takes the logs to another machine: a host that is lost takes its own along."""
    driver = other_supervisor.logs[0] if other_supervisor is not None and other_supervisor.logs else ""
    if driver not in {"", "json-file", "local", "journald", "none"}:
        note(f"docker hands the log to {driver}")
        return
    found = logs.shippers()
    assert found, (
        "nothing on the host takes logs to another machine: no known shipper runs, and no syslog daemon forwards"
    )
    note(f"taken by {', '.join(found)}; whether they arrive is not asked here")
