"""A host's unit of the hub: real files verified by systemd's own tools, and what its directives come to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from readiness.config.model import Config, Target
from readiness.errors import Unknown
from readiness.facts.host import systemd_values
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.connection import HostConnection
from readiness.facts.host.remote_files import Stat
from readiness.facts.host.service import hub_service as service_facts
from readiness.facts.host.service import unit_questions
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.service_paths import ServicePaths
from tests.faults.infra.healthy import answers
from tests.faults.infra.model import Edit, Fault, swap
from tests.faults.infra.world import RELEASE, STATE, UNIT
from tests.sources import ROOT

UNIT_TEXT = """[Unit]
Description=A hub
[Service]
User=daemon
WorkingDirectory=/
ExecStart=/bin/sh -c 'exec \\
  sleep 60'
Restart=always
TimeoutStopSec=45
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
LimitNOFILE=1024:65536
[Install]
WantedBy=multi-user.target
"""


def told(**edits: Edit) -> HostAnswers:
    """What the healthy host answers, edited."""
    return answers(Fault(name="one", sentence="", edits={name.replace("_", "-"): edit for name, edit in edits.items()}))


CONFIG = Config(target=Target(release=Path(RELEASE), unit=UNIT, internal_url="http://127.0.0.1:7000"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A unit file that is as it should be."""
    file = tmp_path / "some-hub.service"
    file.write_text(UNIT_TEXT)
    return file


def needs_systemd() -> None:
    """Skip where systemd's tools are not installed; CI installs them."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")


def of_unit(file: Path) -> Service:
    """What this machine says of a unit file."""
    config = Config(target=Target(unit=str(file)))
    return Service(HostConnection("local://").ask(service_facts.first(config)), config)


def test_a_real_unit_is_verified_and_rated(unit: Path) -> None:
    """Systemd's own tools find nothing in a good unit, and rate its exposure."""
    needs_systemd()
    found = of_unit(unit)
    assert found.complaints() == []
    assert found.exposure is not None
    assert 0 < found.exposure < 10
    assert (found.installed, found.masked, found.name) == (True, False, "some-hub.service")
    assert found.unit().argv == ["/bin/sh", "-c", "exec sleep 60"]
    if not found.booted:
        assert (found.value("Restart"), found.stop_seconds(), found.open_files()) == ("always", 45.0, 65536.0)
        assert found.yes("NoNewPrivileges")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("MemoryLimit=1G", "please use MemoryMax="),
        ("NoNewPriviliges=true", "Unknown key"),
        ("StandardOutput=syslog", "obsolete"),
        ("KillMode=none", "deprecated"),
    ],
)
def test_systemd_tells_what_is_obsolete_and_ends_with_0(unit: Path, line: str, complaint: str) -> None:
    """`systemd-analyze verify` complains on its standard error alone, and that is read."""
    needs_systemd()
    unit.write_text(UNIT_TEXT.replace("Restart=always", f"Restart=always\n{line}"))
    assert any(complaint in one for one in of_unit(unit).complaints())


def test_a_drop_in_counts_on_a_real_host(unit: Path) -> None:
    """What a drop-in beside the unit sets back is what counts, in the order of the drop-ins' names."""
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    (folder / "20-late.conf").write_text("[Service]\nRestart=\nRestart=on-failure\n")
    (folder / "10-early.conf").write_text("[Service]\nRestart=no\nLimitNOFILE=infinity\n")
    found = of_unit(unit)
    assert found.unit().last("Restart") == "on-failure"
    assert found.unit().last("LimitNOFILE") == "infinity"
    assert [one.path.name for one in found.files] == [unit.name, "10-early.conf", "20-late.conf"]


def test_a_masked_unit_is_told_from_one_that_is_not_there(unit: Path) -> None:
    """A link to nothing is masked; no file at all is not installed."""
    unit.unlink()
    assert not of_unit(unit).installed
    unit.symlink_to("/dev/null")
    assert of_unit(unit).masked


def test_the_host_finds_the_unit_that_names_the_release(tmp_path: Path) -> None:
    """Told nothing but the release, the host looks through its units: one is the unit, two are a question, none is none."""
    folder, release = tmp_path / "units", tmp_path / "opt" / "hub"
    folder.mkdir()
    config = Config(target=Target(release=release))
    script = unit_questions.FIND.replace("/etc/systemd/system /run", f"{folder} /run") + unit_questions.NAME

    def found() -> Service:
        ask = HostQuestion(name="unit-name", script=script, args=unit_questions.arguments(config))
        return Service(HostConnection("local://").ask([ask]), config)

    with pytest.raises(Unknown, match="no unit names the hub"):
        _ = found().path
    (folder / "other.service").write_text(f"[Service]\nExecStart=/bin/true\nWorkingDirectory={release}-old\n")
    (folder / "hub.service").write_text(f"[Service]\nExecStart=/usr/bin/node {release}/dist/cli.js\n")
    assert found().path == folder / "hub.service"
    (folder / "two.service").write_text(f"[Service]\nWorkingDirectory={release}\nExecStart=/usr/bin/node dist/cli.js\n")
    with pytest.raises(Unknown, match="2 units name the hub"):
        _ = found().path


def test_hostile_unit_files_stay_data(unit: Path) -> None:
    """Lines that look like the frame, and names with newlines, are texts of a unit and nothing else."""
    unit.write_text(f"{UNIT_TEXT}\n@file L2V0Yw== L2V0Yw==\n|x\n@@ .\n$(touch owned)\n")
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    (folder / "a\n@file x.conf").write_text("[Service]\nRestart=no\n")
    found = of_unit(unit)
    assert [one.path.name for one in found.files] == [unit.name, "a\n@file x.conf"]
    assert "$(touch owned)" in found.files[0].text
    assert list(unit.parent.glob("**/owned")) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45.0), ("1min 30s", 90.0), ("90", 90.0), ("2h", 7200.0), ("500ms", 0.5), ("infinity", None), ("0", None)],
)
def test_time_spans_are_read_as_systemd_writes_them(text: str, seconds: float | None) -> None:
    """Spans of one word and of several; for ever is None."""
    assert systemd_values.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "s", "1min x"])
def test_what_is_no_time_span_is_unknown(text: str) -> None:
    """Nonsense is no number of seconds."""
    with pytest.raises(Unknown):
        systemd_values.seconds(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 * 2**30),
        ("512M", 512 * 2**20),
        ("4294967296", 2**32),
        ("infinity", None),
        ("18446744073709551615", None),
        ("80%", None),
    ],
)
def test_sizes_are_read_as_systemd_writes_them(text: str, size: int | None) -> None:
    """Sizes with and without a unit; no limit, and one that depends on the host's memory, are None."""
    assert systemd_values.size(text) == size


@pytest.mark.parametrize(
    ("system", "homes", "opened", "path", "closed"),
    [
        ("strict", "no", "", "/var/lib/mcp-hub", "ProtectSystem=strict"),
        ("strict", "no", "/var/lib", "/var/lib/mcp-hub", ""),
        ("strict", "no", "/var/library", "/var/lib/mcp-hub", "ProtectSystem=strict"),
        ("strict", "no", "-/srv/hub", "/srv/hub", ""),
        ("full", "no", "", "/etc/mcp-hub", "ProtectSystem=full"),
        ("full", "no", "", "/var/lib/mcp-hub", ""),
        ("yes", "no", "", "/etc/mcp-hub", ""),
        ("yes", "no", "", "/usr/local/x", "ProtectSystem=yes"),
        ("no", "yes", "", "/home/hub/.local", "ProtectHome=yes"),
        ("no", "read-only", "", "/root/x", "ProtectHome=read-only"),
        ("no", "no", "", "/home/hub/.local", ""),
        ("strict", "no", "", "/tmp/x", ""),
    ],
)
def test_the_sandbox_says_what_may_be_written(system: str, homes: str, opened: str, path: str, closed: str) -> None:
    """ProtectSystem, ProtectHome and what opens them again."""
    answered = told(
        unit_show=lambda text: (
            text.replace("ProtectSystem=strict", f"ProtectSystem={system}")
            .replace("ProtectHome=read-only", f"ProtectHome={homes}")
            .replace(f"ReadWritePaths={STATE} {RELEASE}/logs", f"ReadWritePaths={opened}")
        )
    )
    assert ServicePaths(answered, CONFIG).closed_by(path) == closed


def test_a_state_directory_opens_its_folder() -> None:
    """StateDirectory=mcp-hub is /var/lib/mcp-hub, writable whatever ProtectSystem says."""
    answered = told(unit_show=swap("StateDirectory=\n", "StateDirectory=mcp-hub\n"))
    assert ServicePaths(answered, CONFIG).closed_by("/var/lib/mcp-hub/mcp-hub") == ""


@pytest.mark.parametrize(
    ("mode", "uid", "gids", "may"),
    [
        (0o750, 997, (997,), True),
        (0o750, 1000, (997,), False),
        (0o770, 1000, (997,), True),
        (0o570, 997, (997,), False),
        (0o707, 1000, (1000,), True),
        (0o000, 0, (0,), True),
        (0o200, 997, (997,), False),
    ],
)
def test_a_mode_says_who_may_write(mode: int, uid: int, gids: tuple[int, ...], may: bool) -> None:  # noqa: FBT001 - a parameter
    """The first class that somebody belongs to counts, and a folder has to be entered to be written."""
    folder = Stat(path="/x", kind="directory", mode=mode, uid=997, gid=997)
    assert ServicePaths.may_write(folder, uid, gids) is may


def test_the_sample_units_sandbox_leaves_its_state_writable(unit: Path) -> None:
    """The unit that the sample release brings along opens the very folder that its hub writes to, and is hardened."""
    text = (ROOT / "readiness" / "demo" / "release" / "tree" / "systemd" / "mcp-hub.service").read_text()
    unit.write_text(text.replace("@RELEASE@", RELEASE).replace("@PORT@", "7000"))
    config = Config(target=Target(unit=str(unit)))
    found = ServicePaths(HostConnection("local://").ask(service_facts.first(config)), config)
    user, state = found.state_asked()
    assert (user, state) == ("mcp-hub", "/var/lib/mcp-hub")
    assert (found.closed_by(state), found.closed_by(f"{RELEASE}/logs")) == ("", "")
    assert found.closed_by(f"{RELEASE}/.local/state/mcp-hub") == "ProtectSystem=strict"
    assert of_unit(unit).stop_seconds() == 45.0


def test_an_instance_is_made_from_its_template(tmp_path: Path) -> None:
    """hub@7000.service has no file of its own; and a unit that the release brings along counts as it was installed."""
    folder, release = tmp_path / "units", tmp_path / "release"
    (release / "systemd").mkdir(parents=True)
    folder.mkdir()
    for place in (folder / "hub@.service", release / "systemd" / "hub.service"):
        place.write_text(UNIT_TEXT)
    (folder / "hub@7000.service.d").mkdir()
    (folder / "hub@7000.service.d" / "a.conf").write_text("[Service]\nRestart=no\n")

    def found(told: str) -> Service:
        config = Config(target=Target(release=release, unit=told))
        find = unit_questions.FIND.replace("/etc/systemd/system /run", f"{folder} /run")
        scripts = {"unit-name": unit_questions.NAME, "unit-files": unit_questions.FILES}
        asks = [
            HostQuestion(name=n, script=find + script, args=unit_questions.arguments(config))
            for n, script in scripts.items()
        ]
        return Service(HostConnection("local://").ask(asks), config)

    instance = found("hub@7000")
    assert (instance.name, instance.path) == ("hub@7000.service", folder / "hub@.service")
    assert instance.unit().last("Restart") == "no"
    assert found("systemd/hub.service").path == release / "systemd" / "hub.service"
    (folder / "hub.service").write_text(UNIT_TEXT)
    assert found("systemd/hub.service").path == folder / "hub.service"
