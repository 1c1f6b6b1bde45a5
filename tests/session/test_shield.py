"""The reporting boundary, end to end: canaries planted everywhere in real runs of pytest are found nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.helpers.few_plugins import FEW, PAGES
from tests.session.canary.search import FILED, NASTY, TOKEN, leaks
from tests.sources import ROOT

PLUGIN = """
import os, pytest
from readiness.support.redaction.redactor import Redactor
from readiness.support.redaction.redactor import known_secrets
from readiness.session.shield import Shield

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        import execnet.gateway_base as base
        send = base.Channel.send
        def spy(self, item):
            with open(os.environ["TRAFFIC"], "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(repr(item) + "\\n")
            return send(self, item)
        base.Channel.send = spy

@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    with open(os.environ["ENV_FILE"], encoding="utf-8") as file:
        known = known_secrets(os.environ, env_file=file.read())
    session.config.pluginmanager.register(Shield(lambda: Redactor(known)), "readiness-shield")
"""

CHECKS = (Path(__file__).parent / "canary" / "checks.txt").read_text(encoding="utf-8")

SHOWN = (
    "0f3a9b2c4d5e6f70",
    "smoke/test_hub.py::test_hub_is_ready[everything]",
    "state ready, 127.0.0.1:7000, mcp-hub 4.3.0",
)


class Project:
    """A folder with checks that leak everywhere, and runs of pytest over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "canary_plugin.py").write_text(PLUGIN)
        (folder / "test_canary.py").write_text(CHECKS)
        (folder / "hub.env").write_text(f"LOG_LEVEL=warning\nPORT=7000\nDEPLOYMENT={FILED}\nNODE_ENV=production\n")

    def run(self, *arguments: str, status: tuple[int, ...] = (1,), **variables: str) -> str:
        """Run pytest; return all that it said, wrote or sent, after asserting that no canary is among it."""
        for old in self.folder.glob("out.*"):
            old.unlink()
        known = {"MCP_HUB_TOKEN": TOKEN, "DB_PASSWORD": NASTY, "COPY": FILED, "BUILD_URL": f"https://ci/{TOKEN}"}
        files = {"ENV_FILE": str(self.folder / "hub.env"), "TRAFFIC": str(self.folder / "out.traffic")}
        path = os.pathsep.join([str(self.folder), str(ROOT)])
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "canary_plugin", "-p", "no:readiness.plugin", *PAGES, *arguments],
            cwd=self.folder,
            env=clean | FEW | known | files | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"} | variables,
            capture_output=True,
            timeout=120,
            check=False,
        )
        written = [done.stdout, done.stderr, *(p.read_bytes() for p in sorted(self.folder.glob("out.*")))]
        written += [p.read_bytes() for p in self.folder.glob(".pytest_cache/**/*") if p.is_file()]
        everything = "\n".join(part.decode("utf-8", "replace") for part in written)
        assert leaks(everything) == []
        assert done.returncode in status, everything[-3000:]
        return everything


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for all runs of this file."""
    return Project(tmp_path_factory.mktemp("canary"))


REPORTS = ("-vv", "-l", "-rA", "--junitxml=out.xml", "--html=out.html", "--self-contained-html", "--log-file=out.log")


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n0",), marks=pytest.mark.matrix), ("-n2",)], ids=["plain", "n0", "n2"]
)
def test_no_canary_in_any_report(project: Project, workers: tuple[str, ...]) -> None:
    """Terminal, JUnit, pytest-html's page, log file, cache and worker traffic show what happened, without the canaries."""
    text = project.run(*REPORTS, *workers, "test_canary.py")
    for shown in SHOWN:
        assert shown in text
    for name in ("MCP_HUB_TOKEN", "DB_PASSWORD", "DEPLOYMENT", "private-key", "webhook"):
        assert f"«redacted:{name}»" in text
    assert "characters cut" in text
    assert "test_parameters[«redacted:MCP_HUB_TOKEN»]" in text
    assert "test_parameters[«redacted:MCP_HUB_TOKEN»!]" in text
    assert "test_parameters[«redacted:MCP_HUB_TOKEN»-2]" in text
    assert "test_parameters[plain]" in text
    assert "INTERNALERROR" not in text
    assert len(text) < 12_000_000
    assert ("'testreport'" in text) == (workers == ("-n2",))


@pytest.mark.parametrize("workers", [(), pytest.param(("-n2",), marks=pytest.mark.matrix)], ids=["plain", "n2"])
def test_no_canary_in_live_output(project: Project, workers: tuple[str, ...]) -> None:
    """With -s, live logging, set-up shown and colours, what is printed passes the same filter, also in two pieces."""
    live = ("-s", "-vv", "-l", "--color=yes", "--log-cli-level=DEBUG", "-k", "not huge")
    text = project.run(*live, *(workers or ("--setup-show",)), "test_canary.py")
    assert "disabled «redacted:MCP_HUB_TOKEN»" in text or workers
    assert "0f3a9b2c4d5e6f70" in text


def test_no_canary_copied_by_tee(project: Project) -> None:
    """A capture that copies to the terminal copies through the filter."""
    text = project.run("--capture=tee-sys", "-q", "-k", "output", "test_canary.py")
    assert text.count("out «redacted:MCP_HUB_TOKEN»") >= 2


BROKEN = {
    "collection": (
        "test_broken.py",
        "import os\nmessage = os.environ['DB_PASSWORD']\nraise RuntimeError(message, os.environ['MCP_HUB_TOKEN'])",
    ),
    "exit": ("test_broken.py", "import os, pytest\ndef test_x(): pytest.exit('stop ' + os.environ['MCP_HUB_TOKEN'])"),
    "internal": (
        "conftest.py",
        """
        import os, pytest
        def pytest_runtest_logstart(nodeid):
            secret = os.environ["MCP_HUB_TOKEN"]
            raise RuntimeError(secret + " " + os.environ["DB_PASSWORD"])
        """,
    ),
}


@pytest.mark.parametrize("workers", [(), pytest.param(("-n2",), marks=pytest.mark.matrix)], ids=["plain", "n2"])
@pytest.mark.parametrize("kind", BROKEN)
def test_no_canary_when_the_run_itself_breaks(tmp_path: Path, kind: str, workers: tuple[str, ...]) -> None:
    """Collection errors, pytest.exit and internal errors are shown, and hold no canary either."""
    project = Project(tmp_path)
    (tmp_path / "test_canary.py").write_text("def test_passes(): pass\n")
    name, source = BROKEN[kind]
    (tmp_path / name).write_text(textwrap.dedent(source))
    text = project.run(*REPORTS, *workers, status=(0, 1, 2, 3))
    assert "«redacted:MCP_HUB_TOKEN»" in text


def test_plain_reports_pass_untouched(project: Project) -> None:
    """A run without secrets looks exactly as it does without the boundary."""
    (project.folder / "test_plain.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n):\n    print('n is', n)\n    assert n == {'a': [n] * 30}\n"
    )
    arguments = ("-vv", "-l", "-p", "no:cacheprovider", "-p", "no:randomly", "test_plain.py")
    (project.folder / "nothing.py").write_text("")
    shielded = project.run(*arguments).split("collected", 1)[1].rsplit("in ", 1)[0]
    known = os.environ | FEW | {"PYTHONPATH": str(project.folder)}
    bare = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:readiness.plugin", *arguments],
        cwd=project.folder,
        env=known,
        capture_output=True,
        timeout=60,
        check=False,
    ).stdout.decode()
    assert shielded == bare.split("collected", 1)[1].rsplit("in ", 1)[0]
