"""Units and cron lines: what is printed, that systemd's own tools like it, and that no name or path breaks out of it."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness import __main__
from readiness.errors import ReadinessError
from readiness.operations.schedule import jobs as schedule
from readiness.operations.schedule import units as schedule_units
from readiness.operations.schedule.units import Site, crontab, units

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = dt.date(2026, 3, 31)
TOML = 'environment = "staging"\n[target]\nurl = "http://127.0.0.1:9"\n[load]\nwindow = "Sun 02:00-04:00 UTC"\n'


def site(**more: Any) -> Site:
    """A deployment like any other."""
    values: dict[str, Any] = {
        "program": ("/usr/bin/true",),
        "config": Path("/opt/mcp-hub/readiness.toml"),
        "reports": Path("/var/lib/readiness"),
        "user": "mcp-hub",
    }
    return Site(**values | more)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The real tool, on files alone: nothing is asked of a running systemd."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def written(folder: Path, files: dict[str, str], pattern: str = "*") -> Sequence[Path]:
    """The files laid into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return sorted(folder.glob(pattern))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a readiness.toml, which is the working directory."""
    (tmp_path / "readiness.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def week_one() -> tuple[schedule.Job, ...]:
    """The preset with a nightly load."""
    night = schedule.nightly_load((schedule.Time(systemd="Sun *-*-* 02:05:00 UTC", cron="5 2 * * 0"),), 30)
    return (*schedule.preset("week-one", start=DAY), night)


def test_systemd_itself_finds_no_fault(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing about any unit of the largest preset, with a sandbox and without."""
    for acts in (False, True):
        done = analyze("verify", "--man=no", *written(tmp_path / str(acts), units(week_one(), site(acts=acts))))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_services_are_closed(tmp_path: Path) -> None:
    """`systemd-analyze security` calls the exposure of every service low: under 2.5 of 10, and the smoke run's under 2."""
    found = {}
    for path in written(tmp_path, units(week_one(), site()), "*.service"):
        done = analyze("security", "--offline=true", "--no-pager", path)
        match = re.search(r"Overall exposure level for (\S+): ([\d.]+)", done.stdout)
        assert match, done.stdout + done.stderr
        found[match[1]] = float(match[2])
    assert len(found) == 6
    assert max(found.values()) < 2.5, found
    assert found["readiness-smoke.service"] < 2, found


def test_systemd_reads_the_times_as_they_are_meant() -> None:
    """Every calendar of the preset names the next start that its words say; the first days are the given ones."""
    times = [time.systemd for job in week_one() for time in job.times]
    done = analyze("calendar", "--base-time=2026-03-31 03:00:30 UTC", *times)
    assert done.returncode == 0, done.stderr
    elapse = re.findall(r"Next elapse: \w+ (\S+ \S+)", done.stdout)
    # this machine's zone may be any; the zone of the last one is its own
    assert len(elapse) == len(times) == 8
    assert "2026-03-31 *:00/2:00" in times
    assert "2026-04-01 *:00/2:00" in times
    assert re.search(r"2026-04-05 0?2:05:00 UTC", done.stdout)


@pytest.mark.parametrize("name", ["per%cent %h", "a space", "$HOME ${HOME}", "ünicode"])
def test_systemd_reads_back_every_name_of_a_program(tmp_path: Path, name: str) -> None:
    """A program whose name holds what systemd treats specially is found by it, as is each path beside it."""
    folder = tmp_path / name
    folder.mkdir()
    program = folder / f"run {name}"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    one = site(
        program=(str(program), "-m"),
        config=folder / "readiness.toml",
        reports=folder / "reports",
        environment=folder / "variables",
    )
    files = units((schedule.smoke(),), one)
    paths = written(tmp_path / "units", files)
    done = analyze("verify", "--man=no", *paths)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # the same without the program: the tool does look, so its silence above means something
    program.unlink()
    assert "is not executable" in analyze("verify", "--man=no", *paths).stderr


@pytest.mark.parametrize(
    "name", ["50%", "%h %%", "a space", "$HOME ${HOME}", 'quo"te', "it's", "back\\slash", "-- ; #"]
)
def test_every_argument_survives_systemds_quoting(name: str) -> None:
    """Unquoted as systemd.syntax says (C-like escapes, then `%%` and `$$`), a command has the words that were meant."""
    one = site(config=Path("/etc") / name / "readiness.toml", reports=Path("/var") / name)
    text = units((schedule.smoke(),), one)["readiness-smoke.service"]
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(command)]
    assert words == list(one.argv(schedule.smoke()))
    assert f"WorkingDirectory=/etc/{name.replace('%', '%%')}\n" in text


@pytest.mark.parametrize("name", ['quo"te', "it's", "back\\slash"])
def test_a_program_that_systemd_would_not_start_is_refused(tmp_path: Path, name: str) -> None:
    """Systemd takes no quote and no backslash in a program's path, however it is written: that is said at once."""
    with pytest.raises(ReadinessError, match="install it elsewhere"):
        units((schedule.smoke(),), site(program=(f"/opt/{name}/readiness",)))
    text = units((schedule.smoke(),), site())["readiness-smoke.service"]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    paths = written(tmp_path, {"readiness-smoke.service": text.replace("=/usr/bin/true", f'="/opt/{escaped}"')})
    assert "Executable name contains special characters" in analyze("verify", "--man=no", *paths).stderr


def test_an_unescaped_sign_would_be_seen(tmp_path: Path) -> None:
    """What the tests above rest on: systemd-analyze does complain about a specifier that was left as it is."""
    text = units((schedule.smoke(),), site(reports=Path("/var/lib/%h%z")))["readiness-smoke.service"]
    assert "%%h%%z" in text
    broken = written(tmp_path, {"readiness-smoke.service": text.replace("%%", "%")})
    assert analyze("verify", "--man=no", *broken).stderr


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"config": Path("/opt/two\nlines/readiness.toml")}, "control character"),
        ({"reports": Path("/opt/bell\x07")}, "control character"),
        ({"name": "../evil"}, "unit's name"),
        ({"user": "root; rm"}, "name of a user"),
        ({"config": Path("/opt/end\\/readiness.toml")}, "ends in a backslash"),
    ],
)
def test_what_no_unit_can_hold_is_refused(more: dict[str, Any], word: str) -> None:
    """A path that would start a line of its own, or go on in the next one, is an error that names it."""
    with pytest.raises(ReadinessError, match=word):
        units((schedule.smoke(),), site(**more))


@pytest.mark.parametrize("name", ["50% done", "a space", "it's", "$HOME `id` $(id)", 'quo"te', "semi;colon & more"])
def test_cron_and_its_shell_read_back_every_path(tmp_path: Path, name: str) -> None:
    """What cron hands to /bin/sh (each backslash before a % taken away) runs with the very paths that were meant."""
    folder = tmp_path / name
    folder.mkdir()
    one = site(
        program=("/usr/bin/printf", "%s\\n".replace("\\n", "|")),
        config=folder / "readiness.toml",
        reports=folder / "reports 100%",
        environment=folder / "variables",
    )
    line = next(text for text in crontab((schedule.smoke(),), one).splitlines() if text.startswith("*/5"))
    fields = line.split(" ", 6)
    assert fields[:6] == ["*/5", "*", "*", "*", "*", "mcp-hub"]
    assert not re.search(r"(?<!\\)%", fields[6]), "cron would end the command there"
    done = subprocess.run(
        ["/bin/sh", "-c", fields[6].replace("\\%", "%")], capture_output=True, text=True, timeout=20, check=False
    )
    words = done.stdout.split("|")
    assert done.stderr == ""
    assert words[words.index("--readiness-config") + 1] == str(folder / "readiness.toml")
    assert words[words.index("--readiness-report") + 1] == str(folder / "reports 100%")
    assert words[words.index("--environment-file") + 1] == str(folder / "variables")


def test_a_backslash_is_not_guessed_at_in_cron() -> None:
    """Crons differ in how they read one before a %: refused, and systemd is named as the way."""
    with pytest.raises(ReadinessError, match="--format systemd"):
        crontab((schedule.smoke(),), site(reports=Path("/a\\b")))


def test_the_presets_follow_the_assessment() -> None:
    """Week one validates twice a day, measures once, and no outage of ten minutes fits between two smoke runs."""
    jobs = {job.name: job for job in schedule.preset("week-one", start=DAY)}
    assert set(jobs) == {"smoke", "agent", "validation", "performance", "preflight"}
    assert jobs["validation"].times[0].cron == "33 9,17 * * *"
    assert jobs["performance"].verb == "baseline"
    every, *first = jobs["smoke"].times
    assert every.cron == "*/5 * * * *"
    assert 2 * 5 * 60 <= 0.001 * 7 * 86400  # 99.9 % of a week leaves 604 s
    assert [time.cron for time in first] == ["*/2 * 31 3 *", "*/2 * 1 4 *"]
    assert [job.name for job in schedule.preset("steady", start=DAY)] == ["smoke", "agent"]


def test_the_agents_path_is_never_walked_every_few_minutes() -> None:
    """Each MCP session that closes may stall a hub: no job with e2e starts more than once an hour."""
    for job in schedule.JOBS.values():
        if "e2e" in " ".join(job.arguments):
            assert job.times
            assert all(time.cron and not time.cron.startswith("*") for time in job.times)
    assert "e2e" not in " ".join(schedule.SMOKE.arguments)


@pytest.mark.parametrize("every", [1, 7, 60])
def test_another_rhythm_is_refused(every: int) -> None:
    """Minutes that do not divide an hour would mean one thing to cron and another to systemd."""
    with pytest.raises(ReadinessError, match=f"--every {every}: minutes that divide an hour"):
        schedule.smoke(every)


def test_a_run_is_over_before_the_next_begins() -> None:
    """The time limit of a smoke run is shorter than what lies between two, and systemd's limit is longer than ours."""
    for every in schedule.EVERY:
        job = schedule.smoke(every)
        assert job.limit < every * 60
        text = units((job,), site())["readiness-smoke.service"]
        assert int(text.split("TimeoutStartSec=")[1].split()[0]) > job.limit + job.wait
        assert job.jitter <= every * 60 / 4


def test_hosts_are_spread_and_stay_where_they_are() -> None:
    """A host's place is the same in every run, and a hundred hosts use the whole span."""
    places = [schedule.place(f"host{number}", schedule.SMOKE, 60) for number in range(100)]
    assert places == [schedule.place(f"host{number}", schedule.SMOKE, 60) for number in range(100)]
    assert min(places) < 10
    assert max(places) > 50
    assert all(0 <= place < 60 for place in places)
    assert schedule.place("host1", schedule.AGENT, 60) != places[1]


def test_units_that_act_have_no_sandbox_and_the_others_cannot_act() -> None:
    """A rollback that a sandbox stops half way is worse than none: `--act` and the sandbox exclude each other."""
    quiet = units((schedule.smoke(),), site())["readiness-smoke.service"]
    acting = units((schedule.smoke(),), site(acts=True))["readiness-smoke.service"]
    assert "NoNewPrivileges=yes" in quiet
    assert " --act" not in quiet
    assert "ProtectSystem" not in acting
    assert " --act" in acting


def test_the_verb_writes_once_and_again_but_nothing_of_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of ours are renewed; one that somebody else wrote stops it before anything is written."""
    asked = ["schedule", "--preset", "week-one", "--from", "2026-03-31", "--write", "out"]
    assert __main__.main(asked) == 0
    assert __main__.main(asked) == 0
    out = capsys.readouterr().out
    assert "set [report] keep = " in out
    assert "systemctl enable --now readiness-smoke.timer" in out
    assert "lies where temporary files do" in out or not str(here).startswith("/tmp")
    names = {path.name for path in (here / "out").iterdir()}
    assert {"readiness.cron", "readiness-load.timer", "readiness-smoke.service"} <= names
    assert "OnCalendar=Sun *-*-* 02:05:00 UTC" in (here / "out" / "readiness-load.timer").read_text()
    (here / "out" / "readiness-agent.timer").write_text("[Timer]\n")
    assert __main__.main([*asked, "--every", "10"]) == 4
    assert "readiness-agent.timer is there" in capsys.readouterr().err
    assert "*:00/5:00 UTC" in (here / "out" / "readiness-smoke.timer").read_text()


def test_load_is_planned_only_where_it_is_allowed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A production without a window gets no nightly load, and the reason is said."""
    (here / "readiness.toml").write_text('environment = "production"\n[target]\nurl = "http://127.0.0.1:9"\n')
    assert __main__.main(["schedule", "--preset", "week-one", "--format", "systemd"]) == 0
    out = capsys.readouterr().out
    assert "readiness-load" not in out
    assert "# no load: production gets load only in a named window" in out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--every", "7"], "minutes that divide an hour"),
        (["--act"], 'mode is "plan"'),
        (["--from", "tomorrow"], "no day like"),
        (["--repeat", "5m"], "no time from 1h to 168h"),
        (["--run", "everything"], "invalid choice"),
        (["--run", "smoke", "--limit", "-3"], "no number of seconds"),
        (["--run", "smoke", "--environment-file", "gone"], "--environment-file"),
        (["--readiness-config", "gone.toml"], "gone.toml"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    """Status 4 and a sentence; nothing is run and nothing written."""
    assert __main__.main(["schedule", *arguments]) == 4
    assert word in capsys.readouterr().err
    assert not (here / "reports").exists()


def test_a_schedule_needs_a_declared_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a readiness.toml every run would be a first look: refused, with what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_HUB_URL", "http://127.0.0.1:9")
    assert __main__.main(["schedule"]) == 4
    assert "readiness init" in capsys.readouterr().err


def test_the_sandbox_hides_nothing_that_checks_look_at() -> None:
    """The hub's process, its home and the links of the release stay visible: else health would be unknown for ever."""
    text = units((schedule.smoke(),), site())["readiness-smoke.service"]
    for hiding in (
        "ProtectProc=",
        "ProcSubset=",
        "PrivateUsers=",
        "PrivateNetwork=",
        "ProtectHome=yes",
        "TemporaryFileSystem=",
    ):
        assert hiding not in text
    assert "ProtectHome=read-only" in text
    assert schedule_units.MARK in text
