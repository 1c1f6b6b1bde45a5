"""Speed of infra over ssh: real servers on loopback addresses, each taken for a host of its own.

    PYTHONPATH=. python benchmarks/infra.py            about three minutes
    PYTHONPATH=. python benchmarks/infra.py 4 8        with so many hosts only

Prints what one host takes the first time over the start of pytest (goal: at most 4 s) with its round trips and logins, how the
time grows with the hosts under `-n 2` (goal: no faster than they do) and what memory the largest process takes (goal: flat), and
the same facts asked one by one through testinfra's own `Host`, over a connection for each command as testinfra makes them and
over one that is kept. All hosts are this one machine, so that many of them share its processors: what is measured is an upper
bound. Nothing here fails, since a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from run import timed

from readiness.config.model import Config, Target
from readiness.facts.host import collect
from readiness.facts.host.connection import HostConnection
from readiness.session.invocation import suite_folders
from tests.helpers.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOSTS: Final = (1, 4, 8, 16)
RUNS: Final = 3
CONFIG: Final = """
environment = "staging"
[target]
internal_url = "http://127.0.0.1:7"
hosts = [{hosts}]
[llm]
base_url.openai = "http://127.0.0.1:9/v1"
"""
NOTHING: Final = ("-k", "no_check_has_this_name")


@contextlib.contextmanager
def servers(folder: Path, count: int) -> Iterator[list[Sshd]]:
    """So many real servers, each with an address and keys of its own."""
    with contextlib.ExitStack() as stack:
        made = [Sshd(folder=folder / f"host-{last}", address=f"127.0.0.{last}") for last in range(2, 2 + count)]
        yield [stack.enter_context(server) for server in made]


def run(folder: Path, hosts: list[Sshd], *more: str) -> tuple[float, float]:
    """Seconds and peak MiB of one `pytest -m infra` on these hosts."""
    file = folder / "readiness.toml"
    file.write_text(CONFIG.format(hosts=", ".join(f'"{server.spec}"' for server in hosts)), encoding="utf-8")
    # rerunfailures keeps every failure with all that its frames hold, whether anything is run again or not
    command = [sys.executable, "-m", "pytest", "-m", "infra", "-q", "-p", "no:cacheprovider", "-p", "no:rerunfailures"]
    options = ["--readiness-config", str(file), "--readiness-report", str(folder / "reports")]
    wall, _, peak = timed([*command, *options, *more, str(suite_folders()["infra"])], cwd=folder, any_verdict=True)
    return wall, peak


def many(folder: Path, hosts: list[Sshd], counts: tuple[int, ...]) -> None:
    """Print what one host takes, and how it grows."""
    run(folder, hosts[:1])  # warm: bytecode, file cache
    start = statistics.median(run(folder, hosts[:1], *NOTHING)[0] for _ in range(RUNS))
    before = hosts[0].connections
    one = statistics.median(run(folder, hosts[:1])[0] for _ in range(RUNS)) - start
    logins = (hosts[0].connections - before) / RUNS
    print(f"one host over ssh: {one:.2f} s over the start of pytest ({start:.2f} s), {logins:g} logins (goal <= 4 s)")
    first: float | None = None
    for count in counts:
        found = [run(folder, hosts[:count], "-n", "2") for _ in range(RUNS)]
        wall, peak = (statistics.median(column) for column in zip(*found, strict=True))
        first = first or wall
        grown = (
            f", {wall / first:.2f} times the time for {count / counts[0]:g} times the hosts"
            if count > counts[0]
            else ""
        )
        print(
            f"{count} hosts with -n 2: {wall:.2f} s, {peak:.0f} MiB at the peak of the largest process{grown}",
            flush=True,
        )


def batched(server: Sshd) -> tuple[float, int]:
    """Seconds for everything in batches, and the round trips."""
    machine = HostConnection(server.spec)
    started = time.perf_counter()
    collect.look(machine, Config(target=Target(hosts=(server.spec,))))
    machine.close()
    return time.perf_counter() - started, machine.rounds


def questions(host: Any) -> list[Callable[[], Any]]:  # noqa: ANN401 - testinfra's Host has no types
    """What the checks need, as testinfra's own properties ask it: each is a command there."""
    # that are there everywhere: what is missing would end the comparison, not lengthen it
    places = [host.file(path) for path in ("/etc/passwd", "/etc/hosts", "/var/log")]
    files = [lambda file=file, name=name: getattr(file, name) for file in places
             for name in ("exists", "is_file", "mode", "user", "group", "size", "mtime")]  # fmt: skip
    sockets = [lambda port=port: host.socket(f"tcp://127.0.0.1:{port}").is_listening for port in (22, 80, 443, 7000)]
    commands = ("nproc", "cat /proc/meminfo", "cat /proc/stat", "df -P -B1 /", "df -P -i /", "cat /proc/self/cgroup",
                "nft -j list ruleset", "iptables-save", "ip6tables-save", "getent ahosts localhost", "date +%s",
                "timedatectl show -p NTPSynchronized", "nginx -t", "ip -o addr show", "ps axww -o pid,args",
                "systemctl show mcp-hub", "systemctl is-enabled mcp-hub", "sysctl -n net.ipv6.bindv6only")  # fmt: skip
    told = [lambda line=line: host.run(line).rc for line in commands]
    return [*files, *sockets, *told]


def one_by_one(server: Sshd, *, kept: bool) -> tuple[float, int]:
    """Seconds for the same facts, a command each, and how many were asked."""
    import testinfra

    config = server.folder / "each"
    extra = f"  ControlMaster auto\n  ControlPath {server.folder}/%C\n  ControlPersist 5s\n" if kept else ""
    config.write_text(server.client() + extra, encoding="utf-8")
    # without reuse, as it is unless somebody writes a configuration for it
    host = testinfra.get_host(f"ssh://{server.address}", ssh_config=str(config), controlpersist=0)
    asked = questions(host)
    started = time.perf_counter()
    for ask in asked:
        ask()
    return time.perf_counter() - started, len(asked)


def compare(server: Sshd) -> None:
    """Print how much longer the same facts take one by one."""
    rows = [
        (batched(server)[0], one_by_one(server, kept=False)[0], one_by_one(server, kept=True)[0]) for _ in range(RUNS)
    ]
    ours, apart, reused = (statistics.median(column) for column in zip(*rows, strict=True))
    asked, rounds = len(questions(_nobody())), batched(server)[1]
    print(
        f"all facts of a host in {rounds} round trips: {ours:.2f} s, of which one is waited to see the processors work"
    )
    print(f"{asked} of them one by one through testinfra: {apart:.2f} s, {apart / ours:.1f} times as long; "
          f"over one kept connection {reused:.2f} s, {reused / ours:.1f} times")  # fmt: skip


def _nobody() -> Any:  # noqa: ANN401 - testinfra's Host has no types
    import testinfra

    return testinfra.get_host("local://")


def main() -> None:
    """Start the servers, measure, print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    counts = tuple(map(int, sys.argv[1:])) or HOSTS
    with tempfile.TemporaryDirectory(prefix="rb-") as name, servers(Path(name), max(counts)) as hosts:
        compare(hosts[0])
        many(Path(name), hosts, counts)


if __name__ == "__main__":
    main()
