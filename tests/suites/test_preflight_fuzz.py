"""Whatever any file of a release has become, preflight says something about it and does not crash."""

from __future__ import annotations

import os
import random
import re
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.preflight.mutation import Mutation
from tests.faults.preflight.runner import run
from tests.faults.preflight.site import Site, site
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OUTCOMES: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed", "unknown", "not_applicable"})
FILES: Final = (
    *("package.json", "config/mcp-hub.json", ".env.production", "dist/cli.js", "systemd/mcp-hub.service"),
    *("package-lock.json", "config.schema.json", ".env.production.example", "CHANGELOG.md", "secrets.toml"),
    *(".git/HEAD", ".git/index", ".git/config", ".gitignore", ".github/dependabot.yml"),
    *("scripts/complete-deployment.sh", "scripts/rollback-deployment.sh", "scripts/start-mcp-hub.sh"),
    *("scripts/deploy-mcp-hub.sh", "tools/build.sh", "tools/test.sh", "logs/deploy.log", ".deploy.lock"),
    *("backups/latest", "backups/latest/manifest.json", "backups/latest/data/release/package.json"),
    *("../home/.local/state/mcp-hub/workspaces.json", "../home/.local/state/mcp-hub/logs/mcp-hub.log"),
    *("../releases/4.2.1/package.json", "../releases/4.2.1/dist/cli.js", "../home/.cache/mcp-hub", "../vault/read"),
)
GROUPS: Final = 4
"""The files of one run are this far apart in the list, so that one that is broken hides few others."""
CRASH: Final = re.compile(
    r"Traceback|\b(?!Read|Back|Demo|Config)[A-Z]\w*(?:Error|Exception|Warning)\b(?! \()|site-packages|Errno"
)
"""What only a program speaks: the name of an exception, a traceback."""
ENORMOUS: Final = 32 * 1024**2
"""More than anything here may read into memory; the mutations have a file of 2 GB, which takes Node and git seconds."""


def _missing(_: Path) -> None:
    """Nothing stands there."""


def _empty(path: Path) -> None:
    path.touch()


def _directory(path: Path) -> None:
    path.mkdir()
    (path / "within").write_text("a file\n")


def _unreadable(path: Path) -> None:
    path.write_text("cannot be read\n")
    path.chmod(0)


def _binary(path: Path) -> None:
    path.write_bytes(b"\x00\xff\xfe\x80" + random.Random(path.name).randbytes(5_000))
    path.chmod(0o755)


def _enormous(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(ENORMOUS)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


KINDS: Final = (_missing, _empty, _directory, _unreadable, _binary, _enormous, _loop, _pipe)


def _turned(tree: Path, name: str, kind: Callable[[Path], None]) -> None:
    """Put what `kind` makes in the place of a file of the release."""
    path = tree / name
    if path.name == "latest":
        path = path.resolve()
    elif not path.parent.is_dir():
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    kind(path)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host with the sample release for all runs of this process."""
    with site(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.mark.matrix
@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("turn", range(len(KINDS)))
def test_no_file_makes_preflight_crash(turn: int, group: int, host: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file becomes each kind of thing once: every check ends in an outcome, with a reason in words."""
    # git waits for a pipe's other end and reads every hole; it may, for as long as its time-out says
    monkeypatch.setattr("readiness.facts.release.git.SECONDS", 0.5)
    broken = {name: KINDS[(index + turn) % len(KINDS)] for index, name in enumerate(FILES) if index % GROUPS == group}

    def mutate(tree: Path) -> None:
        for name, kind in broken.items():
            _turned(tree, name, kind)

    # the release's own commands read what they like: a pipe nobody writes into holds them up for as long as they may run
    fuzzed = Mutation(
        name="fuzzed",
        sentence="",
        mutate=mutate,
        committed=False,
        backed_up=False,
        builds=True,
        config={"release": {"timeout": 2}},
    )
    result = run(fuzzed, host)
    what = {name: kind.__name__[1:] for name, kind in broken.items()}
    assert result.exit_code in {0, 1, 12}, what
    findings = result.report["findings"]
    assert {row["outcome"] for row in findings} <= OUTCOMES
    spoken = [f"{row['check']}: {row['outcome']}: {row['reason']}" for row in findings]
    # what a program said after that, when it did not start, is its own error
    assert [line for line in spoken if CRASH.search(line.partition("ended with status")[0])] == [], what
    assert [row["check"] for row in findings if row["outcome"] in {"failed", "unknown"} and not row["reason"]] == []
    assert result.report["verdict"]["status"] != "READY", what


def test_every_file_that_matters_is_fuzzed(host: Site) -> None:
    """The files of the list are those of the sample release: none is misspelt."""
    host.put(Mutation(name="healthy", sentence="", mutate=lambda _: None, committed=False, backed_up=False))
    absent = {"logs/deploy.log", ".deploy.lock", "../home/.local/state/mcp-hub/logs/mcp-hub.log"}
    tree = host.sample.release
    assert {name for name in FILES if not os.path.lexists(tree / name)} == absent
    assert len(KINDS) * GROUPS <= len(FILES)
    assert (ROOT / "preflight").is_dir()
