"""Facts of a release tree that checks rest on: env files, units, entry points, git, files of any kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from readiness.config.model import Config, ReleaseSettings, Target
from readiness.facts.backup.backups import Backups
from readiness.facts.deployment.deployment import claims
from readiness.facts.release import entry_point, env_file, release, systemd_unit
from readiness.facts.release.git import Git, GitTimeouts
from readiness.facts.release.package_json import Package
from readiness.facts.secretscan.targets import SecretSearch
from readiness.support import child_process, file_reading
from readiness.support.file_reading import Unreadable


def test_an_env_file_keeps_lines_quotes_and_what_is_wrong(tmp_path: Path) -> None:
    """Line numbers, export, duplicates, quotes over several lines, CRLF, lines that are no assignment."""
    file = tmp_path / "env"
    file.write_bytes(
        b"\xef\xbb\xbf# TEAM=x\r\n\r\nA=1\r\nexport B='two words'\r\nA=2 # why\r\nnonsense\r\nC=\"x\r\ny\"\r\nD=$(op read a)\r\n1X=no\r\n"
        b"E='open\r\n"
    )
    found = env_file.parse(file)
    assert [(one.name, one.line, one.exported) for one in found.lines] == [
        *(("A", 3, False), ("B", 4, True), ("A", 5, False), ("C", 7, False), ("D", 9, False)),
    ]
    assert found.values == {"A": "2", "B": "two words", "C": "x\r\ny", "D": "$(op read a)"}
    assert found.duplicates == {"A": [3, 5]}
    assert found.broken == (6, 10, 11)
    assert found.carriage_returns
    assert found.commented == {"TEAM"}
    assert found.line("D") == 9


def test_an_env_file_executes_and_interpolates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference stays the text that it is."""
    monkeypatch.setenv("HOME_SECRET", "hidden")
    file = tmp_path / "env"
    file.write_text(f"A=${{HOME_SECRET}}\nB=$(touch {tmp_path}/ran)\nC=`touch {tmp_path}/ran`\n")
    assert env_file.read(file)["A"] == "${HOME_SECRET}"
    assert not (tmp_path / "ran").exists()


UNIT = """; a comment
[Unit]
Description=MCP Hub
[Service]
User=hub
Environment="NODE_ENV=production" PORT=7000
Environment=
Environment=LEVEL="a b"
EnvironmentFile=-/opt/hub/.env.production
WorkingDirectory=/opt/hub
ExecStart=/usr/bin/old
ExecStart=
ExecStart=-/usr/bin/env node \\
  --max-old-space-size=512 \\
  dist/cli.js --port=${PORT}
"""


def test_a_unit_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    """Continued lines, emptied lists, prefixes, and drop-ins that come after."""
    file = tmp_path / "hub.service"
    file.write_text(UNIT)
    found = systemd_unit.read(file)
    assert found.argv == ["/usr/bin/env", "node", "--max-old-space-size=512", "dist/cli.js", "--port=${PORT}"]
    assert found.start is not None
    assert found.start.line == 13
    assert (found.environment, found.user, found.folder) == ({"LEVEL": "a b"}, "hub", Path("/opt/hub"))
    assert found.environment_files == [Path("/opt/hub/.env.production")]
    (tmp_path / "hub.service.d").mkdir()
    (tmp_path / "hub.service.d" / "10.conf").write_text("[Service]\nUser=other\n")
    assert systemd_unit.read(file).user == "other"


def test_the_unit_that_names_a_release_is_found(tmp_path: Path) -> None:
    """One is found, none and several say what to set; a masked unit is passed over."""
    folder, release = tmp_path / "system", tmp_path / "hub"
    folder.mkdir()
    release.mkdir()
    (folder / "masked.service").symlink_to("/dev/null")
    (folder / "other.service").write_text("[Service]\nExecStart=/usr/bin/other\n")
    with pytest.raises(Unreadable, match=r"no systemd unit names .*set \[target\] unit") as error:
        systemd_unit.find(None, release, (folder,))
    assert not error.value.proven
    (folder / "hub.service").write_text(f"[Service]\nExecStart={release}/dist/cli.js\n")
    assert systemd_unit.find(None, release, (folder,)).file.name == "hub.service"
    assert systemd_unit.find("other", release, (folder,)).file.name == "other.service"
    (folder / "hub2.service").write_text(f"[Service]\nWorkingDirectory={release}\nExecStart=/usr/bin/bun start\n")
    with pytest.raises(Unreadable, match="2 units name"):
        systemd_unit.find(None, release, (folder,))


@pytest.mark.parametrize("name", ["hub-4.3.0", "the hub", 'the "hub"'])
def test_a_unit_is_found_by_a_link_and_by_a_quoted_name(tmp_path: Path, name: str) -> None:
    """It names the release by the link that leads to it, or in the quotes that a space makes necessary."""
    release, units = tmp_path / name, tmp_path / "units"
    release.mkdir()
    units.mkdir()
    (tmp_path / "current").symlink_to(release)
    (units / "other.service").write_text("[Service]\nExecStart=/usr/bin/true\n")
    quoted = str(release).replace('"', '\\"')
    (units / "hub.service").write_text(f'[Service]\nExecStart=/usr/bin/node "{quoted}/dist/cli.js"\n')
    assert systemd_unit.find(None, tmp_path / "current", (units,)).file.name == "hub.service"
    assert systemd_unit.find(None, release, (units,)).file.name == "hub.service"


def test_a_unit_that_the_release_brings_is_found(tmp_path: Path) -> None:
    """It may lie in any of the usual folders; a template with something to fill in is none."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "template.service").write_text("[Service]\nExecStart=@ROOT@/dist/cli.js\n")
    with pytest.raises(Unreadable, match="no systemd unit names"):
        systemd_unit.find(None, tmp_path, ())
    (tmp_path / "deploy" / "hub.service").write_text("[Service]\nExecStart=/opt/hub/dist/cli.js\n")
    assert systemd_unit.find(None, tmp_path, ()).file.name == "hub.service"


@pytest.mark.parametrize(
    "words",
    ["mcp-hub --port 1", "npx -y mcp-hub@4.2.1 --port 1", "npm exec -- mcp-hub --port 1", "yarn exec mcp-hub --port 1",
     "cross-env NODE_ENV=production mcp-hub --port 1", "dotenv -e .env -- mcp-hub --port 1", "npm start"],
)  # fmt: skip
def test_a_dependency_is_the_entry_point(words: str, tmp_path: Path) -> None:
    """What npm puts into node_modules/.bin is what runs, by its real path, and its version is its own."""
    import shlex

    program = tmp_path / "node_modules" / "mcp-hub" / "dist" / "cli.js"
    program.parent.mkdir(parents=True)
    program.write_text("#!/usr/bin/env node\n")
    (program.parents[1] / "package.json").write_text('{"name": "mcp-hub", "version": "4.2.1"}')
    (tmp_path / "node_modules" / ".bin").mkdir()
    (tmp_path / "node_modules" / ".bin" / "mcp-hub").symlink_to("../mcp-hub/dist/cli.js")
    package = Package(file=tmp_path / "package.json", data={"scripts": {"start": "mcp-hub --port 1"}})
    found = entry_point.of_words(shlex.split(words), tmp_path, package, "the unit")
    assert (found.path, found.arguments, found.is_dependency) == (program, ("--port", "1"), True)
    assert found.is_managed is (words.split(maxsplit=1)[0] in {"npx", "npm", "yarn"})


def test_what_is_fetched_at_the_start_is_not_known(tmp_path: Path) -> None:
    """What npx would download is not in the release."""
    with pytest.raises(Unreadable, match="fetches mcp-hub when it starts"):
        entry_point.of_words(["npx", "-y", "mcp-hub@4.2.1"], tmp_path, None, "the unit")


HERE = Path("/opt/hub")


@pytest.mark.parametrize(
    ("words", "path", "runtime", "arguments"),
    [
        ("/opt/hub/dist/cli.js --port 1", "/opt/hub/dist/cli.js", (), ("--port", "1")),
        (
            "/usr/bin/node -r dotenv/config dist/cli.js",
            "/opt/hub/dist/cli.js",
            ("/usr/bin/node", "-r", "dotenv/config"),
            (),
        ),
        ("/usr/bin/env NODE_ENV=x node dist/cli.js a", "/opt/hub/dist/cli.js", ("node",), ("a",)),
        ("npm start", "/opt/hub/src/cli.js", ("node",), ("--port", "3000")),
        ("/usr/local/bin/bun start", "/opt/hub/src/cli.js", ("node",), ("--port", "3000")),
        ("npm run start -- --port 9", "/opt/hub/src/cli.js", ("node",), ("--port", "3000", "--port", "9")),
        ("bun run dist/cli.js", "/opt/hub/dist/cli.js", ("bun", "run"), ()),
        ("op run --env-file=x -- dist/cli.js", "/opt/hub/dist/cli.js", (), ()),
        ("/bin/sh -c 'exec node dist/cli.js --x'", "/opt/hub/dist/cli.js", ("node",), ("--x",)),
    ],
)
def test_a_command_line_comes_down_to_a_file(
    words: str, path: str, runtime: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    """Runtimes, wrappers and package scripts are seen through."""
    import shlex

    package = Package(file=HERE / "package.json", data={"scripts": {"start": "node src/cli.js --port 3000"}})
    found = entry_point.of_words(shlex.split(words), HERE, package, "the unit")
    assert (str(found.path), found.runtime, found.arguments) == (path, runtime, arguments)


@pytest.mark.parametrize("words", ["npm run none", "sh -c 'a && b'", "node", "A=1", "/opt/start.sh", "npm"])
def test_a_command_line_that_says_too_little_is_not_guessed(words: str) -> None:
    """Where the file cannot be told, that is said."""
    import shlex

    package = Package(file=HERE / "package.json", data={})
    with pytest.raises(Unreadable, match="the unit"):
        entry_point.of_words(shlex.split(words), HERE, package, "the unit")


def test_options_are_read_in_both_forms() -> None:
    """`--port 1` and `--port=1` are the same."""
    found = entry_point.of_words(["x", "--port", "1", "--port=2", "-p"], HERE, None, "x")
    assert found.options("--port", "-p") == ["1", "2"]


def repository(folder: Path) -> Git:
    """A repository with one commit."""
    folder.mkdir()
    (folder / "a").write_text("1")
    for words in (
        ["init", "-qb", "main"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@x", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True, timeout=30, capture_output=True)
    return Git(folder)


def test_git_executes_nothing_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File monitors and hooks stay off, the caller's variables do not count, and the index is not written."""
    git = repository(tmp_path / "r")
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    subprocess.run(["git", "-C", str(git.root), "config", "core.fsmonitor", str(script)], check=True, timeout=30)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    (git.root / "b\nc").write_text("new")
    os.utime(git.root / "a")
    before = (git.root / ".git" / "index").stat().st_mtime_ns
    assert [(one.path, one.untracked) for one in git.changes()] == [("b\nc", True)]
    assert not (tmp_path / "ran").exists()
    assert (git.root / ".git" / "index").stat().st_mtime_ns == before
    assert git.has(git.commit)
    assert not git.has("0" * 40)


def test_git_that_does_not_answer_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe in the place of HEAD holds up the first question; all others of the run are refused at once, and none is proven."""
    monkeypatch.setattr("readiness.facts.release.git.SECONDS", 0.5)
    tree = repository(tmp_path / "r").root
    commit = Git(tree).commit
    (tree / ".git" / "HEAD").unlink()
    os.mkfifo(tree / ".git" / "HEAD")
    shared, asked = GitTimeouts(), counted(monkeypatch)
    config = Config(target=Target(release=tree))
    with pytest.raises(Unreadable, match=r"did not answer about .*/r in 0\.5 s; see what `git -C ") as first:
        release.Release(tree, config, shared).git.changes()
    assert not first.value.proven
    for ask in (
        lambda: release.Release(tree, config, shared).git.commit,
        lambda: release.Release(tree, config, shared).git.has(commit),
        lambda: Backups(config, shared).commit_standing(commit),
        lambda: SecretSearch(config, silence=shared).tracked(),
    ):
        with pytest.raises(Unreadable, match=r"in 0\.5 s, asked once before"):
            ask()
    assert asked == [str(tree)]
    with pytest.raises(Unreadable, match=r"in 0\.5 s; see"):
        Git(tree).parents()
    assert len(asked) == 2


def test_a_git_that_hangs_holds_up_no_other_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of one repository says nothing of the next."""
    shared = GitTimeouts()
    shared.note(tmp_path / "other", 10)
    tree = repository(tmp_path / "r").root
    assert len(Git(tree, shared).commit) == 40
    monkeypatch.setattr("readiness.facts.release.git.SECONDS", 0.0)
    with pytest.raises(Unreadable, match="asked once before"):
        Git(tmp_path / "other", shared).parents()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trees that git is really asked about from now on."""
    asked: list[str] = []

    def run(argv: list[str], **options: Any) -> child_process.FinishedProcess:
        asked.append(argv[argv.index("-C") + 1])
        return real(argv, **options)

    real = child_process.run
    monkeypatch.setattr("readiness.facts.release.git.child_process.run", run)
    return asked


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_tree_of_another_owner_is_read(tmp_path: Path) -> None:
    """A deploy user's tree is read by root, and its repository's owner does not matter."""
    git = repository(tmp_path / "r")
    for path in [git.root, *git.root.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert len(git.commit) == 40


def test_a_repository_around_a_release_is_not_the_release_s(tmp_path: Path) -> None:
    """A package that was installed inside another project's tree is not tracked by it."""
    git = repository(tmp_path / "r")
    inner = git.root / "node_modules" / "hub"
    inner.mkdir(parents=True)
    with pytest.raises(Unreadable, match="tracks nothing of") as error:
        Git(inner).changes()
    assert not error.value.proven


def test_any_path_has_its_sentence(tmp_path: Path) -> None:
    """Missing, a folder, a pipe, a loop, binary, no UTF-8, enormous: each says what it is, and none waits."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("missing")
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "latin").write_bytes(b"a\nb\xe9\n")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2 * 1024**3)
    told = {}
    for name in ("missing", "folder", "pipe", "loop", "dangling", "binary", "latin", "large", "large/x"):
        with pytest.raises(Unreadable) as error:
            file_reading.text(tmp_path / name)
        told[name] = error.value.why
        assert str(tmp_path / name.partition("/")[0]) in str(error.value)
    assert told == {
        "missing": "missing",
        "folder": "folder",
        "pipe": "special",
        "loop": "broken",
        "dangling": "missing",
        "binary": "binary",
        "latin": "binary",
        "large": "large",
        "large/x": "missing",
    }
    assert file_reading.head(tmp_path / "large", 4) == b"\0\0\0\0"


def test_a_first_look_claims_what_the_tree_shows(tmp_path: Path) -> None:
    """What a tree has is claimed, what it lacks is left undeclared: neither is taken for granted."""
    assert {"git", "config_schema", "unit", "build"} & set(claims(Config(target=Target(release=tmp_path)))) == set()
    repository(tmp_path / "r")
    (tmp_path / "r" / "config.schema.json").write_text("{}")
    found = claims(Config(target=Target(release=tmp_path / "r"), release=ReleaseSettings(build=("make",))))
    assert {name for name, claim in found.items() if claim.expected} >= {"git", "config_schema", "build", "runtime"}
    assert {"unit", "tests", "previous_release"} & set(found) == set()
