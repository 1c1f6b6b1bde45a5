"""`readiness schedule`: units and cron lines for runs that are repeated, and `--run`, which is what they start."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import pwd
import re
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.operations.schedule import jobs as schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.config import Config, Window
    from readiness.operations.schedule import Job, Site, Time

_USAGE: Final = 4
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m)?")
_AFTER_OPENING: Final = 5
"""Minutes that a nightly load starts after its window opens."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print, write or run: 0 done, 4 a wrong call; `--run` ends with the verdict's status, 0 where another one is at work."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    return _run(given) if given.run else _print(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness schedule",
        description="Prints a systemd service and timer for each job, and the same for cron. Presets: "
        + "; ".join(f"{name}: {text}" for name, text in schedule.PRESETS.items()),
        epilog="exit: 0 printed or written; --run: as readiness check, and 0 where another run or a release is at work; "
        "4 a wrong call or configuration",
        allow_abbrev=False,
    )
    parser.add_argument("--preset", choices=schedule.PRESETS, default="steady", help="which jobs (default: steady)")
    parser.add_argument("--every", type=int, default=5, metavar="MINUTES", help="between two smoke runs (5)")
    parser.add_argument("--from", dest="start", type=_day, metavar="DAY", help="first day of week one (today)")
    parser.add_argument("--format", choices=("systemd", "cron", "both"), default="both", help="default: both")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the files to DIR instead of printing them")
    parser.add_argument("--user", help="whom they run as (default: who asks)")
    parser.add_argument("--name", default="readiness", help="what the units' names begin with (readiness)")
    parser.add_argument(
        "--environment-file", type=Path, metavar="FILE", help="variables for the runs: token, addresses of [notify]"
    )
    parser.add_argument(
        "--repeat", type=_hours, default=schedule.REPEAT, metavar="4h", help="tell again of what lasts (4h)"
    )
    parser.add_argument("--act", action="store_true", help="let runs roll back where [rollback] mode is auto")
    parser.add_argument("--run", choices=schedule.JOBS, metavar="JOB", help="run one job now, as the units do")
    parser.add_argument("--limit", type=_seconds, metavar="S", help="end the run after that many seconds")
    parser.add_argument(
        "--jitter", type=float, default=0, metavar="S", help="wait this host's share of that time first"
    )
    parser.add_argument("--quiet", action="store_true", help="print only what people are told")
    parser.add_argument("--readiness-config", type=Path, metavar="FILE", help="default: the nearest readiness.toml")
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    return parser


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-03-01") from None


def _hours(text: str) -> float:
    match = _SPAN.fullmatch(text)
    hours = float(match[1]) / (60 if match[2] == "m" else 1) if match else 0.0
    if not 1 <= hours <= 168:  # noqa: PLR2004 - an hour to a week
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 1h to 168h")
    return hours


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= schedule.DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds up to a day")
    return seconds


def _config(given: argparse.Namespace) -> Config:
    from readiness.config import load

    config = load(file=given.readiness_config, report_dir=Path.cwd() / given.readiness_report)
    if config.path is None:
        raise ReadinessError("nothing was declared about this deployment: write a readiness.toml (`readiness init`)")
    return config


def _run(given: argparse.Namespace) -> int:
    from readiness.operations.schedule import Options, run

    job = schedule.JOBS[given.run]
    config = _config(given)
    environ = dict(os.environ)
    if given.environment_file is not None:
        from readiness.facts.release import env_file
        from readiness.support import Unreadable

        try:
            environ |= env_file.read(given.environment_file)
        except Unreadable as error:
            raise ReadinessError(f"--environment-file: {error}") from error
    limit = given.limit or job.limit
    if given.jitter > 0:
        time.sleep(schedule.place(socket.gethostname(), job, given.jitter))
    options = Options(
        config=config, limit=limit, repeat=given.repeat, acts=given.act, quiet=given.quiet, environ=environ
    )
    return run(job, options)


def _print(given: argparse.Namespace) -> int:
    from readiness.operations.schedule import units

    config = _config(given)
    if given.act and config.rollback.mode != "auto":
        raise ReadinessError(f'--act: [rollback] mode is "{config.rollback.mode}"; runs act in mode "auto" only')
    site = _site(given, config)
    jobs = schedule.preset(given.preset, every=given.every, start=given.start or _today())
    remarks = [
        f"{path} lies where temporary files do, and the units see an empty folder there: move it"
        for path in units.hidden(site)
    ]
    remarks += _about_history(jobs, given.every, config)
    if given.preset == "week-one":
        night, remark = _nightly(config)
        jobs += night
        remarks += remark
    files: dict[str, str] = {}
    if given.format in {"systemd", "both"}:
        files |= units.units(jobs, site)
    if given.format in {"cron", "both"}:
        files[f"{site.name}.cron"] = units.crontab(jobs, site)
    if given.write is None:
        for name, text in files.items():
            place = "/etc/cron.d/" + site.name if name.endswith(".cron") else f"/etc/systemd/system/{name}"
            sys.stdout.write(f"# ==== {place}\n{text}\n")
    else:
        _write(files, given.write)
    for line in [*remarks, *_install(files, given.write, site)]:
        sys.stdout.write(f"# {line}\n")
    return 0


def _today() -> dt.date:
    return dt.datetime.now().astimezone().date()


def _site(given: argparse.Namespace, config: Config) -> Site:
    from readiness.operations.schedule import Site

    beside = Path(sys.executable).with_name("readiness")
    program = (str(beside),) if os.access(beside, os.X_OK) else (sys.executable, "-P", "-m", "readiness")
    file = given.environment_file
    return Site(
        program=program,
        config=Path.cwd() / (config.path or ""),
        reports=config.report_dir,
        user=given.user or pwd.getpwuid(os.geteuid()).pw_name,
        name=given.name,
        environment=None if file is None else Path.cwd() / file,
        repeat=given.repeat,
        acts=given.act,
    )


def _nightly(config: Config) -> tuple[tuple[Job, ...], list[str]]:
    """The load run of the night where this target may be put under load, and otherwise why not."""
    from readiness.config import MINUTES, parse_window
    from readiness.facts.load import load_refusal

    text = config.load.window
    now = dt.datetime.now(dt.UTC)
    if not text:
        moment, times = now, (schedule.Time(systemd="*-*-* 03:12:00", cron="12 3 * * *"),)
    else:
        window = parse_window(text)
        minutes = (dt.timedelta(minutes=step) for step in range(0, 8 * MINUTES, _AFTER_OPENING))
        day = now.astimezone(window.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = next((day + step for step in minutes if day + step > now and window.is_open(day + step)), now)
        times = (_opening(window),)
    why = load_refusal(config, moment)
    if why:
        return (), [why]
    return (schedule.nightly_load(times, config.load.duration),), []


def _opening(window: Window) -> Time:
    """A few minutes after a window opens, on each of its days, in its own time zone."""
    from readiness.config import DAYS

    hour, minute = divmod(min(window.start + _AFTER_OPENING, 24 * 60 - 1), 60)
    days = sorted(window.days)
    zone = str(window.zone)
    local = dt.datetime.now().astimezone()
    same = local.utcoffset() == local.astimezone(window.zone).utcoffset()
    named = ",".join(DAYS[day] for day in days) + " " if len(days) < len(DAYS) else ""
    numbered = ",".join(str((day + 1) % 7) for day in days) if named else "*"
    return schedule.Time(
        systemd=f"{named}*-*-* {hour:02}:{minute:02}:00 {zone}",
        cron=f"{minute} {hour} * * {numbered}" if same else None,
    )


def _about_history(jobs: tuple[Job, ...], every: int, config: Config) -> list[str]:
    """What the history keeps, where a week does not fit in."""
    runs = schedule.runs_a_week(jobs, every)
    if config.report.keep >= runs:
        return []
    return [f"a week leaves {runs} reports and {config.report.keep} are kept: set [report] keep = {runs} for all of it"]


def _write(files: dict[str, str], folder: Path) -> None:
    from readiness.operations.schedule import MARK, overwritten
    from readiness.support import make_folder, replace_file

    foreign = overwritten(files, folder)
    if foreign:
        raise ReadinessError(f"{foreign[0]} is there and does not begin with {MARK!r}: move it away")
    make_folder(folder, is_kept=True)
    for name, text in files.items():
        replace_file(folder / name, text)
        sys.stdout.write(f"{folder / name}\n")


def _install(files: dict[str, str], folder: Path | None, site: Site) -> list[str]:
    timers = [name for name in files if name.endswith(".timer")]
    lines = [f"make the report folder first, for {site.user}: install -d -o {site.user} -m 0750 {site.reports}"]
    if timers:
        source = f"copy {folder}/{site.name}-* to" if folder else "put the units into"
        lines.append(
            f"{source} /etc/systemd/system, then: systemctl daemon-reload && systemctl enable --now {' '.join(timers)}"
        )
    if len(files) > 2 * len(timers):
        lines.append(f"or, instead, the lines for cron into /etc/cron.d/{site.name}: never both")
    lines.append(
        "what came of it: systemctl list-timers, and the report folder; try one now: readiness schedule --run smoke"
    )
    return lines
