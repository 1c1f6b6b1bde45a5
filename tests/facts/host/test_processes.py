"""A host's processes, logs and supervisors of the hub: real ones, and every awkward answer."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswer, HostAnswers
from readiness.facts.host.collect import look
from readiness.facts.host.connection import HostConnection
from readiness.facts.host.remote_files import Stat, dumped
from readiness.facts.host.service import hub_service as service_facts
from readiness.facts.host.service import logs as log_facts
from readiness.facts.host.service import processes as memory
from readiness.facts.host.service.exposure import Exposure
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.logs import Logs
from readiness.facts.host.service.processes import Processes
from readiness.facts.host.service.service_paths import ServicePaths
from readiness.facts.host.service.supervisors import Supervision
from readiness.facts.release.secret_references import SecretResolver
from tests.faults.infra.healthy import answers
from tests.faults.infra.model import Edit, Fault, add
from tests.faults.infra.recording import b64, process
from tests.faults.infra.world import PID, RELEASE, UNIT
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB = """
import socket, sys, time
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
listening.listen()
log = open("logs/mcp-hub.log", "a")
log.write("started")
log.flush()
time.sleep(60)
"""


def told(**edits: Edit) -> HostAnswers:
    """What the healthy host answers, edited."""
    return answers(Fault(name="one", sentence="", edits={name.replace("_", "-"): edit for name, edit in edits.items()}))


CONFIG = Config(target=Target(release=Path(RELEASE), unit=UNIT, internal_url="http://127.0.0.1:7000"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that looks and listens as a hub does, with a secret on its command line."""
    release = tmp_path / "mcp-hub"
    for name in ("dist", "config", "logs"):
        (release / name).mkdir(parents=True)
    (release / "dist" / "cli.js").write_text(HUB)
    (release / "config" / "mcp-hub.json").write_text("{}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [
        sys.executable,
        "dist/cli.js",
        "--port",
        str(port),
        "--config",
        "config/mcp-hub.json",
        "--token",
        "s3cr3t-of-mine-1234",
    ]
    started = subprocess.Popen(words, cwd=release, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield started, port
    started.kill()
    started.wait(5)


def test_a_real_process_is_found_dated_and_read(hub: tuple[subprocess.Popen[bytes], int], tmp_path: Path) -> None:
    """The hub among this machine's processes: its port, its age, its limit, its files, its log, what it gives away."""
    started, port = hub
    release = tmp_path / "mcp-hub"
    config = Config(target=Target(release=release, internal_url=f"http://127.0.0.1:{port}", unit="readiness-none"))
    answered = look(HostConnection("local://"), config)
    processes, places = Processes(answered, config), ServicePaths(answered, config)
    found = processes.hub()
    assert (found.pid, processes.listening) == (started.pid, True)
    assert found.started is not None
    assert abs(found.started - time.time()) < 30
    assert found.resident > 2_000_000
    if processes.sees_owners:
        assert processes.owners() == [started.pid]
        files = Logs(answered, config).files()
        assert [Path(file.path).name for file in files] == ["mcp-hub.log"]
        assert files[0].size == len("started")
        assert files[0].free > 0
    assert processes.open_files() is not None
    running = {place.shown: places.stat(place) for place in places.running()}
    assert {"dist/cli.js", "config/mcp-hub.json"} <= {shown for shown, stat in running.items() if stat.there}
    assert running["dist/cli.js"].changed <= found.started + 2
    exposure = Exposure(answered, config, SecretResolver(config))
    shown = [str(one) for one in exposure.found() if f"(pid {started.pid})" in one.place]
    assert len(shown) == 1
    assert "the command line of cli.js" in shown[0]
    assert "s3cr3t" not in shown[0]


def test_the_hub_is_told_from_what_names_it() -> None:
    """Runtimes with options, titles of one line, npm's link and relative entries are hubs; wrappers and readers are none."""
    lines = [
        process(
            1001, ("node", "--max-old-space-size=4096", "-r", "dotenv/config", "dist/cli.js", "--config", "x.json")
        ),
        process(1002, ("node /usr/local/bin/mcp-hub --port 7000",)),
        process(1003, ("/usr/local/bin/bun", "run", f"{RELEASE}/src/utils/cli.js")),
        process(1004, ("op", "run", "--", "node", f"{RELEASE}/dist/cli.js")),
        process(1005, ("tail", "-f", "/var/log/mcp-hub")),
        process(1006, ("node", "/srv/other/dist/cli.js")),
        process(1007, ("bash", f"{RELEASE}/scripts/start-mcp-hub.sh")),
        process(1008, ()),
    ]
    found = Processes(told(processes=lambda text: text + "".join(lines)), CONFIG)
    assert sorted(one.pid for one in found.candidates()) == [1001, 1002, 1003, PID]


def test_a_container_whose_first_process_is_the_hub_has_no_orphans() -> None:
    """Inside a container every server's parent is process 1, and that is the hub."""
    lines = process(1, ("node", f"{RELEASE}/dist/cli.js"), parent=0) + process(9, ("node", "/x/mcp-server-memory"))
    answered = told(processes=lambda text: "".join(text.splitlines(keepends=True)[:3]) + lines)
    assert Processes(answered, CONFIG).orphans() == []


def test_garbled_answers_are_unknown() -> None:
    """What is no base64, no number, no clock ends a check as unknown."""
    with pytest.raises(Unknown, match="garbled"):
        dumped(HostAnswer(name="x", code=0, text="@file ! !\n|x\n"))
    with pytest.raises(Unknown, match="does not tell its time"):
        _ = Processes(told(processes=(0, "now never\nuptime 1\nticks 100\n")), CONFIG).all
    with pytest.raises(Unknown, match="does not tell what the unit wrote"):
        Logs(told(log_journal=(0, "lots\n")), CONFIG).journal_bytes()
    with pytest.raises(Unknown, match="systemd does not tell about"):
        _ = Service(told(unit_show=(1, "Failed to connect to bus: Host is down\n")), CONFIG).show
    with pytest.raises(Unknown, match="may not look into"):
        _ = Stat(path="/root/x", kind="hidden").there


def test_a_supervisor_is_told_only_where_it_runs_the_hub() -> None:
    """pm2's files on a host where systemd runs the hub say nothing about it."""
    answered = told(supervisor_files=(0, f"@file {b64('/root/.pm2/dump.pm2')} {b64('/root/.pm2/dump.pm2')}\n|[]\n"))
    assert Supervision(answered, CONFIG).other() is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/opt/datadog-agent/bin/agent/agent run", "agent"),
        ("/usr/bin/fluent-bit -c /etc/fluent-bit.conf", "fluent-bit"),
        ("/usr/bin/my/agent run", None),
        ("grep vector", None),
    ],
)
def test_shippers_are_known_by_their_programs(line: str, name: str | None) -> None:
    """A program whose job it is counts, and not one that merely has its name among its arguments."""
    answered = told(
        processes=lambda text: (
            text.replace("L3Vzci9iaW4vdmVjdG9y", "L3Vzci9iaW4vbm9uZXh4") + process(1100, line.split())
        )
    )
    found = Logs(answered, CONFIG).shippers()
    assert [one for one in found if one != "vector"] == ([name] if name else [])


def test_the_baseline_is_the_accepted_one(tmp_path: Path) -> None:
    """The median of what the hub held; none without a file, and none from a garbled one."""
    file = tmp_path / memory.BASELINE
    assert memory.baseline(tmp_path) is None
    file.write_text(json.dumps({"accepted": {"series": {"hub.memory": {"samples": [1e8, 3e8, 2e8]}}}, "last": None}))
    assert memory.baseline(tmp_path) == 2e8
    for garbled in ("{", '{"accepted": null}', '{"accepted": {"series": {"hub.memory": {"samples": []}}}}', "[]"):
        file.write_text(garbled)
        assert memory.baseline(tmp_path) is None


def test_every_question_is_bounded() -> None:
    """The questions of the service take at most as long and say at most as much as one round trip bears."""
    asked = [*service_facts.first(CONFIG), *log_facts.first(CONFIG)]
    assert all(ask.seconds <= 10 and ask.limit <= 6 * 2**20 for ask in asked)


def test_the_embedded_hub_is_judged_and_declares_what_it_has_not(tmp_path: Path) -> None:
    """`-m infra --readiness-demo` finds nothing wrong with the demonstration's service, whatever runs this machine."""
    words = [
        "-m",
        "infra",
        "--readiness-demo",
        "-q",
        "-p",
        "no:cacheprovider",
        "--readiness-report",
        str(tmp_path / "reports"),
    ]
    topics = [str(ROOT / "infra" / f"test_{topic}.py") for topic in ("service", "process", "logs")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *words,
        *topics,
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
    ]
    subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    report = json.loads((tmp_path / "reports" / "readiness.json").read_text())
    mine = {row["check"]: row for row in report["findings"] if row["category"] == "infra/service"}
    away = {name for name, row in mine.items() if row["outcome"] == "not_applicable"}
    assert {"unit-is-active", "unit-restarts-on-failure", "logs-are-rotated"} <= away
    # other hubs, servers and secrets on the machine of a test are not the demonstration's
    elsewhere = {"no-orphaned-mcp-servers", "no-secret-in-process-list"}
    bad = {name: row["reason"] for name, row in mine.items() if row["outcome"] not in {"passed", "not_applicable"}}
    assert {name: reason for name, reason in bad.items() if name not in elsewhere} == {}


@pytest.mark.parametrize(
    ("servers", "copies"),
    [
        ({"a": ["memory"], "b": ["everything"]}, 1),
        ({"a": ["memory"], "b": ["memory"]}, 0),
        ({"a": ["memory", "${ONE}"], "b": ["memory", "${TWO}"]}, 0),
    ],
)
def test_copies_are_more_than_servers_with_that_command(
    tmp_path: Path, servers: dict[str, list[str]], copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many children run one command as servers are configured with it; one more is a copy."""
    (tmp_path / "config").mkdir()
    table = {name: {"command": "node", "args": words} for name, words in servers.items()}
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps({"mcpServers": table}))
    config = dataclasses.replace(CONFIG, target=dataclasses.replace(CONFIG.target, release=tmp_path))
    more = process(PID + 12, ("/usr/bin/node", "/usr/local/bin/mcp-server-memory"), parent=PID, uid=990, age=900)
    host = told(processes=add(more.rstrip()))
    found = Processes(host, config)
    monkeypatch.setattr(found, "hub", Processes(host, CONFIG).hub)
    twin = [one for one in found.all.values() if one.pid in {PID + 11, PID + 12}]
    assert len({one.argv for one in twin}) == 1, twin
    assert len(found.copies()) == copies


def test_copies_of_unknown_servers_are_unknown() -> None:
    """Where neither a configuration nor a declaration says which servers there are, nothing is proven."""
    with pytest.raises(Unknown, match=r"\[expect\] servers names none"):
        Processes(told(), CONFIG).copies()
