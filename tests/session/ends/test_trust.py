"""What lies in the working directory and is not ours to run: modules of a well-known name, the configuration of another user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from readiness.config import load
from readiness.errors import ConfigError
from tests.session.ends.conftest import TOML

if TYPE_CHECKING:
    from tests.session.ends.conftest import Project

NAMES: Final = (
    *(
        "httpx",
        "httpcore",
        "anyio",
        "mcp",
        "logging",
        "calendar",
        "json",
        "tomllib",
        "pytest",
        "_pytest",
        "xdist",
        "execnet",
    ),
    *(
        "jinja2",
        "jsonschema",
        "psutil",
        "locust",
        "json5",
        "dotenv",
        "yaml",
        "apprise",
        "subprocess",
        "socket",
        "threading",
    ),
    *(
        "ssl",
        "email",
        "uuid",
        "contextlib",
        "dataclasses",
        "difflib",
        "shutil",
        "random",
        "typing",
        "signal",
        "ast",
        "queue",
    ),
    *("h2", "trio", "socksio", "zstandard", "setproctitle", "brotlicffi", "chardet", "simplejson", "backports"),
    # the last row: extras that libraries look for, and that are mostly not there
    *(
        "sitecustomize",
        "usercustomize",
        "readiness",
        "testinfra",
        "tree_sitter",
        "http",
        "urllib",
        "sqlite3",
        "gc",
        "select",
    ),
)
COMMAND: Final = str(Path(sys.executable).with_name("readiness"))


def _trap(folder: Path) -> Path:
    for name in NAMES:
        (folder / f"{name}.py").write_text(
            f"import os\nos.open({str(folder / 'ran')!r}, os.O_CREAT)\nraise SystemExit('{name} was run')\n"
        )
    (folder / "readiness.toml").write_text(TOML)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        (COMMAND, "check", "-m", "health or e2e"),
        pytest.param((COMMAND, "check", "-m", "preflight"), marks=pytest.mark.matrix),
        (COMMAND, "check", "-m", "health", "-n2"),
        (COMMAND, "nagios"),
        pytest.param((COMMAND, "watch", "--once", "--json"), marks=pytest.mark.matrix),
        pytest.param((COMMAND, "rollback"), marks=pytest.mark.matrix),
        pytest.param((COMMAND, "baseline"), marks=pytest.mark.matrix),
    ],
)
def test_no_module_of_the_working_directory_is_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Modules named as those that a run needs lie beside readiness.toml: none is imported, by the command or by its workers."""
    if not Path(COMMAND).exists():
        pytest.skip("the command readiness is not installed")
    _trap(tmp_path)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS", "PYTHON"))}
    done = subprocess.run(arguments, cwd=tmp_path, env=env, timeout=300, check=False, capture_output=True, text=True)
    assert "was run" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()
    assert arguments[1] != "check" or (tmp_path / "reports" / "readiness.json").exists(), done.stdout + done.stderr


def test_the_module_looks_there_last(tmp_path: Path) -> None:
    """`python -m readiness` finds itself there if it is there; all that it needs beyond that it finds where it is installed."""
    _trap(tmp_path)
    (tmp_path / "readiness.py").unlink()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS", "PYTHON"))}
    argv = [sys.executable, "-m", "readiness", "check", "-m", "health"]
    for name in ("contextlib", "typing"):  # Python itself needs them before it comes to the module
        (tmp_path / f"{name}.py").unlink(missing_ok=True)
    done = subprocess.run(argv, cwd=tmp_path, env=env, timeout=300, check=False, capture_output=True, text=True)
    assert "was run" not in done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("more", [(), pytest.param(("-n1",), marks=pytest.mark.matrix)])
def test_a_helper_beside_ones_own_checks_is_found(project: Project, more: tuple[str, ...]) -> None:
    """Code of the working directory finds what lies there, and so does who names a plugin."""
    (project.folder / "checks").mkdir()
    (project.folder / "helper_of_ours.py").write_text(
        "import another_of_ours\nfrom importlib import import_module\nimport_module('third_of_ours')\n"
    )
    (project.folder / "ours").mkdir()
    for name in ("another_of_ours", "third_of_ours", "ours/__init__", "ours/inner", "plugin_of_ours"):
        (project.folder / f"{name}.py").write_text("VALUE = 1\n")
    project.suite(
        "import helper_of_ours\nfrom ours import inner\nimport unittest.mock\n"
        '@check("ok", severity="low")\ndef test_ok():\n    """Ok."""\n    pytest.importorskip("ours.inner")\n',
        "checks/test_own.py",
    )
    arguments = ("-m", "health", "-p", "plugin_of_ours", "checks/test_own.py", *more)
    ended = project.run(*arguments, command=("readiness", "check"), PYTHONSAFEPATH="1", PYTHONPATH="")
    assert ended.code == 0, ended.out[-2000:]


STRANGER: Final = 12_345


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(
    ("owner", "mode", "folder", "words"),
    [
        (STRANGER, 0o644, "below", "belongs to another user (uid 12345)"),
        (STRANGER, 0o644, ".", "belongs to another user"),
        (0, 0o666, "below", "may be written by every user"),
        (0, 0o664, "below", None),
        (0, 0o666, ".", None),
        (0, 0o644, "below", None),
    ],
)
def test_another_users_configuration_is_not_obeyed(
    tmp_path: Path, owner: int, mode: int, folder: str, words: str | None
) -> None:
    """Found further up, or in a folder that is not its owner's: refused with how to mend it. Named, it is read."""
    (tmp_path / "below").mkdir()
    file = tmp_path / "readiness.toml"
    file.write_text(TOML)
    file.chmod(mode)
    os.chown(file, owner, -1)
    if words is None:
        assert load(start=tmp_path / folder).path == file
    else:
        with pytest.raises(ConfigError, match="--readiness-config") as caught:
            load(start=tmp_path / folder)
        assert words in str(caught.value)
    assert load(file=file, start=tmp_path / folder).path == file


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_of_the_working_directory_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root in a checkout of somebody else's, as in a job's container, and whoever called sudo; a link of a stranger's is none."""
    file = tmp_path / "readiness.toml"
    file.write_text(TOML)
    for path in (file, tmp_path):
        os.chown(path, STRANGER, -1)
    assert load(start=tmp_path).path == file
    (tmp_path / "below").mkdir()
    with pytest.raises(ConfigError):
        load(start=tmp_path / "below")
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert load(start=tmp_path / "below").path == file
    monkeypatch.delenv("SUDO_UID")
    own = tmp_path / "own.toml"
    own.write_text(TOML)
    file.unlink()
    file.symlink_to(own)
    os.chown(file, STRANGER, -1, follow_symlinks=False)
    with pytest.raises(ConfigError, match="belongs to another user"):
        load(start=tmp_path / "below")
