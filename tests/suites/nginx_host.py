"""A host with a real nginx, in namespaces of its own: each case's files are put there and judged as an operator would judge them.

Run as a program, in a mount and a network namespace, it prints what the checks say of every case named on its command line, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.suites.nginx_cases import Case

ADDRESS: Final = "203.0.113.10"
"""The host's public address: what listens on loopback alone cannot be reached through it."""
HUB_PORT: Final = 7000
SECONDS: Final = 15.0
LIVE: Final = Path("/etc/letsencrypt/live/hub.example.com")
CHECKS: Final = (
    *(
        "proxy-configuration-is-valid",
        "proxy-terminates-tls",
        "proxy-forwards-to-the-hub",
        "proxy-limits-request-rates",
    ),
    *("proxy-redirects-to-https", "proxy-streams-events", "certificate-is-valid", "tls-is-modern"),
    *("rate-limit-answers-429", "security-headers-are-set", "api-requires-authentication", "cors-is-restricted"),
)


def judged(names: Sequence[str], folder: Path) -> dict[str, dict[str, list[str]]]:
    """Outcome and reason of each check for each case, from a process in namespaces of its own. Raises RuntimeError without them."""
    argv = ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, "-m", __name__, str(folder)]
    cleared = ("PYTEST", "MCP_HUB", "READINESS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http", "https", "all_proxy")
    env = {key: value for key, value in os.environ.items() if not key.startswith(cleared)}
    done = subprocess.run(
        [*argv, *names],
        env=env | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60 + 30 * len(names),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    rows: dict[str, dict[str, list[str]]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def _isolate(folder: Path) -> None:
    """Nothing that is written from here on reaches the machine itself."""
    run = subprocess.check_call
    run(["mount", "-t", "tmpfs", "tmpfs", str(folder)])
    for name in ("etc", "var", "opt", "srv"):
        upper, work = folder / f"{name}-upper", folder / f"{name}-work"
        upper.mkdir()
        work.mkdir()
        run(
            ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", f"/{name}"]
        )
    run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} hub.example.com\n", encoding="utf-8")


def _certify(folder: Path) -> Path:
    import trustme

    authority = trustme.CA()
    made = authority.issue_cert("hub.example.com")
    LIVE.mkdir(parents=True)
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(LIVE / "fullchain.pem", append=number > 0)
    made.private_key_pem.write_to_path(LIVE / "privkey.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


@contextlib.contextmanager
def _nginx(case: Case, fresh: Path) -> Iterator[None]:
    """The case's files in place of what the package installed, and nginx running on them."""
    shutil.rmtree("/etc/nginx")
    shutil.copytree(fresh, "/etc/nginx", symlinks=True)
    for name in ("/etc/nginx/sites-enabled/default", "/etc/nginx/conf.d/default.conf"):
        Path(name).unlink(missing_ok=True)
    for name, text in case.files.items():
        file = Path("/etc/nginx", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            file.symlink_to(text[3:])
        else:
            file.write_text(text, encoding="utf-8")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin") or "nginx"
    with subprocess.Popen(
        [program, "-g", "daemon off;"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _wait(process, case)
            yield
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)


def _wait(process: subprocess.Popen[bytes], case: Case) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, case.port)) == 0:
                return
        time.sleep(0.02)
    said = process.stderr.read().decode() if process.poll() is not None and process.stderr else "it does not listen"
    raise RuntimeError(f"{case.name}: {said}")


def _judge(case: Case, hub_url: str, ca_file: Path, folder: Path) -> dict[str, list[str]]:
    """Run the real checks, in this process, and read each of them back."""
    import pytest

    from tests.sources import ROOT

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "readiness.toml").write_text(
        f'environment = "staging"\n[target]\nurl = "https://hub.example.com"\ninternal_url = "{hub_url}"\n'
        f'ca_file = "{ca_file}"\n[expect]\ntls = true\nauthentication = true\n{case.expect}\n[probe]\ninterval = 0.2\ntimeout = 2.0\n',
        encoding="utf-8",
    )
    with contextlib.redirect_stdout(sys.stderr):
        pytest.main([
            *("-m", "infra or health", "-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:logging", "--tb=no"),
            *("--readiness-config", str(folder / "readiness.toml"), "--readiness-report", str(folder / "reports")),
            *("-p", "readiness.plugin", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
            str(ROOT / "infra" / "test_proxy.py"),
            f"{ROOT / 'smoke' / 'test_health.py'}::test_hub_answers",
            *(f"{ROOT / 'smoke' / 'test_security.py'}::test_{name}" for name in ("api_requires_authentication", "cors_is_restricted")),
        ])  # fmt: skip
    rows: list[dict[str, Any]] = json.loads((folder / "reports" / "readiness.json").read_text(encoding="utf-8"))[
        "findings"
    ]
    return {row["check"]: [row["outcome"], row["reason"] or ""] for row in rows if row["check"] in CHECKS}


def _main(folder: Path, names: Sequence[str]) -> None:
    _isolate(folder)
    from readiness import demo
    from readiness.facts.host import collect
    from tests.suites.nginx_cases import CASES

    # what a host has and uses takes a second to measure, and is no part of this
    collect.TOPICS = ("proxy.nginx",)  # type: ignore[misc]
    tempfile.tempdir = str(folder)
    ca_file, fresh = _certify(folder), folder / "nginx"
    shutil.copytree("/etc/nginx", fresh, symlinks=True)
    for name in ("/var/log/nginx", "/var/lib/nginx"):
        Path(name).mkdir(parents=True, exist_ok=True)
    hub = demo.start(port=HUB_PORT)
    rows = {}
    try:
        for case in CASES:
            if case.name in names:
                with _nginx(case, fresh):
                    rows[case.name] = _judge(case, hub.url, ca_file, folder / "run")
    finally:
        hub.stop()
    print(json.dumps(rows))  # noqa: T201 - what this program is for


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
