"""What runs on a schedule: jobs with their rhythm, their time limit and the reason for both, and presets of them.

Pure: nothing here reads a clock, a file or a configuration. `schedule_units` writes jobs as units and cron lines,
`schedule_run` runs one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from typing import Final

from readiness.errors import ReadinessError

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
EVERY: Final = (2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
"""Minutes between two smoke runs: what divides an hour, so that cron and systemd mean the same."""
REPEAT: Final = 4.0
"""Hours after which people are told again of what still fails: half a shift."""
CHECK: Final = "check"
BASELINE: Final = "baseline"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """When a job starts, in both languages. `cron` is None where cron cannot say it; `why` tells what is meant."""

    systemd: str
    cron: str | None
    why: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing that is run again and again; all times in seconds."""

    name: str
    title: str
    verb: str = CHECK
    arguments: tuple[str, ...] = ()
    times: tuple[Time, ...] = ()
    rhythm: str = ""
    """The times in words."""
    limit: int = 4 * MINUTE
    """After that long it is ended."""
    jitter: int = MINUTE
    """Runs of many hosts are spread over that long; a host's own place in it stays the same."""
    wait: int = 0
    """How long it waits for another run of ours; rare runs wait, frequent ones leave it to the next."""
    makes_up: bool = False
    """Whether a run that the machine slept through is made up for."""
    starts_programs: bool = False
    """Whether it starts Node and other programs that write code to memory, which a frequent run never does."""


SMOKE: Final = Job(
    name="smoke",
    title="health and alerts of the hub, over HTTP alone",
    arguments=("-m", "health or alerts"),
)
AGENT: Final = Job(
    name="agent",
    title="the agent's path through MCP: a session that closes stalls a hub, so this runs once an hour",
    # proxies cut a silent stream after 60 to 125 s
    arguments=("-m", "e2e", "--readiness-hold=150"),
    times=(Time(systemd="*-*-* *:07:00 UTC", cron="7 * * * *"),),
    rhythm="every hour",
    limit=7 * MINUTE,
    wait=2 * MINUTE,
)
VALIDATION: Final = Job(
    name="validation",
    title="health, alerts and the agent's path in one report, twice a day",
    arguments=("-m", "health or alerts or e2e"),
    times=(Time(systemd="*-*-* 09,17:33:00", cron="33 9,17 * * *"),),
    rhythm="at 09:33 and 17:33",
    limit=6 * MINUTE,
    wait=4 * MINUTE,
    makes_up=True,
)
PERFORMANCE: Final = Job(
    name="performance",
    title="a minute of answer times, held against the accepted baseline",
    verb=BASELINE,
    times=(Time(systemd="*-*-* 14:22:00", cron="22 14 * * *"),),
    rhythm="daily at 14:22",
    limit=5 * MINUTE,
    wait=4 * MINUTE,
)
PREFLIGHT: Final = Job(
    name="preflight",
    title="backups, secrets, configuration and dependencies of what is deployed",
    arguments=("-m", "preflight"),
    times=(Time(systemd="*-*-* 04:41:00", cron="41 4 * * *"),),
    rhythm="daily at 04:41",
    limit=30 * MINUTE,
    jitter=10 * MINUTE,
    wait=5 * MINUTE,
    makes_up=True,
    starts_programs=True,
)
LOAD: Final = Job(name="load", title="the hub under load", arguments=("-m", "load"), wait=5 * MINUTE, jitter=0)
JOBS: Final = {job.name: job for job in (SMOKE, AGENT, VALIDATION, PERFORMANCE, PREFLIGHT, LOAD)}
PRESETS: Final = {
    "steady": "smoke every 5 minutes, the agent's path every hour",
    "week-one": "the first week after a deploy to production, as the assessment asks for it",
}


def smoke(every: int = 5, first_days: tuple[dt.date, ...] = ()) -> Job:
    """The smoke run every `every` minutes, and every 2 on `first_days`. Raises ReadinessError for another rhythm."""
    if every not in EVERY:
        raise ReadinessError(f"--every {every}: minutes that divide an hour, one of {', '.join(map(str, EVERY))}")
    # in local time systemd leaves out the hour that comes twice when summer time ends
    times = [Time(systemd=f"*-*-* *:00/{every}:00 UTC", cron=f"*/{every} * * * *")]
    often = every > EVERY[0]
    if often:
        times += [
            Time(
                systemd=f"{day} *:00/{EVERY[0]}:00",
                cron=f"*/{EVERY[0]} * {day.day} {day.month} *",
                why="the first day, while somebody is on call for the deploy",
            )
            for day in first_days
        ]
    rhythm = f"every {every} minutes"
    if often and first_days:
        rhythm += f", and every {EVERY[0]} from {first_days[0]} to {first_days[-1]}"
    limit = min(4 * MINUTE, every * MINUTE - 15)
    return dataclasses.replace(
        SMOKE, times=tuple(times), rhythm=rhythm, limit=limit, jitter=min(MINUTE, every * MINUTE // 4)
    )


def preset(name: str, *, every: int = 5, start: dt.date) -> tuple[Job, ...]:
    """The jobs of a preset that begins on `start`; the night's load is for the caller, who knows whether it is allowed.

    Raises ReadinessError for a name or a rhythm that there is not.
    """
    if name == "steady":
        return smoke(every), AGENT
    if name == "week-one":
        # 24 hours from some time of the first day reach into the second
        return smoke(every, (start, start + dt.timedelta(days=1))), AGENT, VALIDATION, PERFORMANCE, PREFLIGHT
    raise ReadinessError(f"--preset {name}: there are {', '.join(PRESETS)}")


def nightly_load(times: tuple[Time, ...], duration: float) -> Job:
    """The load run at `times`, which lasts `duration` seconds and what surrounds it."""
    return dataclasses.replace(
        LOAD, times=times, rhythm="at night", limit=int(duration) + 10 * MINUTE, starts_programs=True
    )


def place(host: str, job: Job, spread: float) -> float:
    """The seconds that `host` waits before a run of `job`: the same every time, and anywhere within `spread`."""
    digest = hashlib.sha256(f"{host}\0{job.name}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * spread


def runs_a_week(jobs: tuple[Job, ...], every: int) -> int:
    """How many reports about a week leaves, for whoever says how many are kept."""
    rare = {"agent": 24 * 7, "validation": 14, "preflight": 7, "load": 7}
    first = any(time.why for job in jobs for time in job.times)
    extra = 2 * (DAY // (EVERY[0] * MINUTE) - DAY // (every * MINUTE)) if first else 0
    return 7 * DAY // (every * MINUTE) + extra + sum(rare.get(job.name, 0) for job in jobs)
