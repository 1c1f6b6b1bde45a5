"""Where secrets are searched for: which files belong to a place, what is left out, and how findings name theirs."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, KnownSecret, SecretSettings, Target
from readiness.facts.deployment import hub_folders
from readiness.facts.secretscan import made_up
from readiness.facts.secretscan import scanner as secretwork
from readiness.facts.secretscan.targets import SecretSearch
from readiness.support.file_reading import Unreadable
from readiness.support.redaction.patterns import placeholder, secret_value

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-proj-" + "A1b2C3d4E5f6G7h8I9j0K1l2"
PASSWORD = "correct-Horse-9"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release with two secrets in its env file, and nothing else of interest."""
    tree = tmp_path / "release"
    for folder in ("config", "logs", "backups", "src"):
        (tree / folder).mkdir(parents=True)
    env = f"NODE_ENV=production\nOPENAI_API_KEY={KEY}\nDB_URL=postgres://hub:{PASSWORD}@db.internal/hub\nPORT=7000\n"
    (tree / ".env.production").write_text(env, encoding="utf-8")
    (tree / "config" / "mcp-hub.json").write_text('{"mcpServers": {}}\n', encoding="utf-8")
    (tree / "src" / "index.js").write_text("export const PORT = 7000; // production\n", encoding="utf-8")
    return tree


def search(release: Path, **more: object) -> SecretSearch:
    """The searches over a release whose hub lives beside it."""
    target = Target(release=release, state=str(release.parent / "home" / ".local" / "state" / "mcp-hub"))
    return SecretSearch(Config(target=target, **more))  # type: ignore[arg-type]


def git(release: Path, *arguments: str) -> None:
    """Run git in the release."""
    argv = ["git", "-C", str(release), "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


def told(found: secretwork.ScanResult) -> list[str]:
    """The findings without their fingerprints."""
    return sorted(str(leak).partition(" (fingerprint")[0] for leak in found.leaks)


def test_a_clean_release_has_no_leak(release: Path) -> None:
    """Words and numbers of the env file stand everywhere, and are no secrets."""
    made = search(release)
    assert set(made.known.values) == {KEY, PASSWORD}
    for found in (made.configuration(), made.tracked(), made.logs(), made.backups()):
        assert (found.leaks, found.unread) == ((), ())


def test_configuration_is_searched_with_what_lies_beside_it(release: Path) -> None:
    """The folder of the configuration and well-known files; a value found by name is not told twice."""
    hub = {
        "toolFiltering": {"llmCategorization": {"apiKey": KEY}},
        "mcpServers": {"a": {"env": {"A_TOKEN": "abc-Def-77"}}},
    }
    (release / "config" / "mcp-hub.json").write_text(json.dumps(hub, indent=1), encoding="utf-8")
    (release / "config" / "extra.toml").write_text(f"url = 'x:{PASSWORD}'\n", encoding="utf-8")
    (release / "docker-compose.yml").write_text(f"\nenvironment: [KEY={KEY}]\n", encoding="utf-8")
    assert told(search(release).configuration()) == [
        "config/extra.toml:1: the value of DB_URL",
        "config/mcp-hub.json:10: a literal mcpServers.a.env.A_TOKEN",
        "config/mcp-hub.json:4: the value of OPENAI_API_KEY",
        "docker-compose.yml:2: the value of OPENAI_API_KEY",
    ]


def test_tracked_files_are_what_git_tracks(release: Path) -> None:
    """Untracked files are another place's business, and so is the env file; deleted files and links are passed over."""
    git(release, "init", "--quiet")
    (release / "src" / "a.js").write_text(f"// {KEY}\n", encoding="utf-8")
    (release / "src" / "gone.js").write_text(f"// {KEY}\n", encoding="utf-8")
    (release / "src" / "link.js").symlink_to("../.env.production")
    (release / "src" / "two\nlines é.js").write_text(f"\n// {KEY}\n", encoding="utf-8")
    git(release, "add", "--all")
    (release / "src" / "gone.js").unlink()
    (release / "src" / "new.js").write_text(f"// {KEY}\n", encoding="utf-8")
    found = search(release).tracked()
    assert told(found) == [
        "src/a.js:1: the value of OPENAI_API_KEY",
        "src/two\\nlines é.js:2: the value of OPENAI_API_KEY",
    ]
    assert any("link.js (a link)" in text for text in found.skipped)


def test_without_git_every_text_of_the_release_counts(release: Path) -> None:
    """A release that was unpacked from an archive is searched as a whole, its libraries, logs and backups left out."""
    for name in ("src/a.js", "node_modules/x/index.js", "logs/hub.log", "backups/b.txt"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(f"{KEY}\n", encoding="utf-8")
    assert told(search(release).tracked()) == ["src/a.js:1: the value of OPENAI_API_KEY"]


def test_logs_are_found_where_hubs_write_them(release: Path) -> None:
    """The log folder at any depth, log files at the top, nohup's output, and the state folder's log."""
    state = release.parent / "home" / ".local" / "state" / "mcp-hub" / "logs"
    state.mkdir(parents=True)
    for file in (
        release / "logs" / "2026" / "a.log",
        release / "hub.log.1",
        release / "nohup.out",
        state / "mcp-hub.log",
    ):
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"one\n{KEY}\n", encoding="utf-8")
    (release / "logs" / "b.gz").write_bytes(gzip.compress(KEY.encode()))
    (release / "notes.txt").write_text(KEY, encoding="utf-8")
    found = search(release).logs()
    assert [text.partition(": ")[0].removeprefix(str(release.parent)) for text in told(found)] == [
        "/home/.local/state/mcp-hub/logs/mcp-hub.log:2",
        "hub.log.1:2",
        "logs/2026/a.log:2",
        "logs/b.gz:1",
        "nohup.out:2",
    ]


def test_one_finding_hides_no_other_in_its_file(release: Path) -> None:
    """A value that is known and a literal that is not stand in one file: both are told, each once."""
    text = f'const apiKey = "{KEY}";\nconst dbPassword = "t7Kq-93mZ!wPvL2";\n'
    (release / "src" / "a.js").write_text(text, encoding="utf-8")
    assert told(search(release).tracked()) == [
        "src/a.js:1: the value of OPENAI_API_KEY",
        "src/a.js:2: a literal under a telling name",
    ]


@pytest.mark.parametrize(
    ("folder", "file", "found"),
    [(0o755, 0o644, True), (0o711, 0o604, True), (0o700, 0o644, False), (0o755, 0o640, False)],
)
def test_backups_count_where_others_may_read_them(folder: int, file: int, *, found: bool, release: Path) -> None:
    """A private folder keeps everything in it private; a folder that may be entered does not."""
    backup = release / "backups" / "1"
    backup.mkdir()
    (backup / "env").write_text(f"OPENAI_API_KEY={KEY}\n", encoding="utf-8")
    (backup / "env").chmod(file)
    (release / "backups").chmod(folder)
    backup.chmod(0o755)
    assert bool(search(release).backups().leaks) is found


def test_the_same_file_is_searched_once(release: Path) -> None:
    """Hard links and links to files give one finding."""
    (release / "logs" / "a.log").write_text(f"{KEY}\n", encoding="utf-8")
    (release / "logs" / "b.log").symlink_to("a.log")
    os.link(release / "logs" / "a.log", release / "logs" / "c.log")
    found = search(release).logs()
    assert (len(found.leaks), found.files) == (1, 1)


def test_what_is_enormous_is_searched_up_to_the_budget(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the budget nothing is read, and the search says so."""
    monkeypatch.setattr(secretwork, "BUDGET", 1_000_000)
    (release / "logs" / "a.log").write_bytes(b"x" * 3_000_000)
    (release / "logs" / "b.log").write_text(KEY, encoding="utf-8")
    found = search(release).logs()
    assert found.leaks == ()
    assert "a.log" in found.unread[0]
    assert "enormous" in found.unread[0]
    assert len(found.unread) == 2


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "broken", "enormous", "pipe", "empty"])
@pytest.mark.parametrize("name", [".env.production", "config/mcp-hub.json"])
def test_no_state_of_a_file_ends_a_search(name: str, kind: str, release: Path) -> None:
    """Every file may be missing, a folder, binary, broken, enormous, a pipe or empty: all four searches come to an end."""
    file = release / name
    file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "enormous":
        with file.open("wb") as made:
            made.truncate(3 * 1024**3)
    elif kind != "missing":
        file.write_bytes({"binary": b"\0\xff" * 500, "broken": b'{"a": [\nexport =x\n"', "empty": b""}[kind])
    (release / "logs" / "a.log").write_text("ghp_" + "a1B2c3D4e5" * 3, encoding="utf-8")
    made = search(release)
    assert [leak.kind for leak in made.logs().leaks] == ["looks like a GitHub token"]
    made.configuration(), made.tracked(), made.backups()
    unreadable = name == ".env.production" and kind not in {"missing", "empty", "broken"}
    assert bool(made.known.missed) is unreadable


def test_a_release_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Nothing is searched where there is nothing."""
    with pytest.raises(Unreadable, match="no folder"):
        search(tmp_path / "nothing").logs()
    with pytest.raises(Unreadable, match=r"no \[target\] release"):
        SecretSearch(Config()).tracked()


def test_values_behind_references_are_looked_for(release: Path) -> None:
    """With a command that resolves references, the secret itself is searched, and never shown."""
    reader = release.parent / "read"
    reader.write_text(f"#!/bin/sh\necho {PASSWORD}\n", encoding="utf-8")
    reader.chmod(0o700)
    (release / ".env.production").write_text("DB_PASSWORD=op://v/i/k\n", encoding="utf-8")
    (release / "logs" / "a.log").write_text(f"login {PASSWORD}\n", encoding="utf-8")
    made = search(release, secrets=SecretSettings(resolve=(str(reader),)))
    assert told(made.logs()) == ["logs/a.log:1: the value of DB_PASSWORD"]
    assert PASSWORD not in repr((made.known, made.needles, made.logs()))


def test_variables_that_the_configuration_refers_to_count(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `${NAME}` that the env file does not set is looked up in the environment."""
    monkeypatch.setenv("GITHUB_TOKEN", "only-In-The-Shell-4")
    monkeypatch.setenv("UNRELATED_TOKEN", "not-Referred-To-5")
    hub = {"mcpServers": {"g": {"env": {"T": "${GITHUB_TOKEN}"}}}}
    (release / "config" / "mcp-hub.json").write_text(json.dumps(hub), encoding="utf-8")
    values = search(release).known.values
    assert "only-In-The-Shell-4" in values
    assert "not-Referred-To-5" not in values


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "tr0ub4dor&3", True),
        ("OPENAI_API_KEY", KEY, True),
        ("INNOCENT", KEY, True),
        ("NODE_OPTIONS", "--max-old-space-size=4096", False),
        ("SERVICE_NAME", "mcp-hub-production-eu-west", False),
        ("COMMIT", "3f786850e387550fdab836ed7e6dc881de23001b", False),
        ("API_KEY", "your_api_key_here", False),
        ("API_KEY", "optional", False),
        ("TOKEN_TTL", "3600000000", False),
        ("TLS_PRIVATE_KEY", "/etc/ssl/private/hub.pem", False),
        ("A_TOKEN", "${OTHER}", False),
        ("A_TOKEN", "aaaaaaaaaaaa", False),
    ],
)
def test_which_values_are_secrets(name: str, value: str, *, secret: bool) -> None:
    """Names and shapes decide; what would be found everywhere by chance is none."""
    assert secret_value(name, value) is secret


@pytest.mark.parametrize(
    ("value", "stands_in"),
    [
        ("your_api_key_here", True),
        ("changeme", True),
        ("<token>", True),
        ("sk-xxxxxxxx", True),
        ("AIza...", True),
        ("replace-this-1", True),
        (KEY, False),
        ("correct-Horse-9", False),
        ("Todorov7Replacement", False),
        ("hereford-8-Kx", False),
    ],
)
def test_placeholders_are_told_from_secrets(value: str, *, stands_in: bool) -> None:
    """Words that stand in for a key, as words of their own."""
    assert placeholder(value) is stands_in


def test_where_a_hub_keeps_its_cache(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by XDG_CACHE_HOME or HOME in the env file, by the state folder, else the home of the release's owner."""
    home = release.parent / "home"
    assert hub_folders.cache(search(release).config) == home / ".cache" / "mcp-hub"
    monkeypatch.setenv("HOME", "/nobodys")
    config = Config(target=Target(release=release))
    assert str(hub_folders.cache(config)) == "/nobodys/.cache/mcp-hub"
    assert str(hub_folders.state(config)) == "/nobodys/.local/state/mcp-hub"
    (release / ".env.production").write_text("HOME=/srv/hub\nXDG_STATE_HOME=/var/lib/hub\n", encoding="utf-8")
    assert str(hub_folders.cache(config)) == "/srv/hub/.cache/mcp-hub"
    assert str(hub_folders.state(config)) == "/var/lib/hub/mcp-hub"
    (release / ".env.production").write_text("HOME=/srv/hub\nXDG_CACHE_HOME=/var/cache/hub\n", encoding="utf-8")
    assert str(hub_folders.cache(config)) == "/var/cache/hub/mcp-hub"


def test_a_state_folder_that_is_not_there_is_a_mistake(release: Path) -> None:
    """Without any log, a mistyped [target] state is said; with a state folder and no hub running there is no log yet."""
    missing = search(release).logs()
    assert missing.mistake.startswith("[target] state names ")
    (release.parent / "home" / ".local" / "state" / "mcp-hub").mkdir(parents=True)
    fresh = search(release).logs()
    assert (fresh.mistake, str(fresh).partition(":")[0]) == ("", "no log yet")


def test_private_backups_were_looked_at(release: Path) -> None:
    """Backups that only their owner may read are counted; a folder that is not there is said."""
    kept = release / "backups" / "one" / "env"
    kept.parent.mkdir()
    kept.write_text(KEY)
    kept.chmod(0o600)
    assert str(search(release).backups()) == "1 files, which only their owner may read"
    kept.unlink()
    kept.parent.rmdir()
    (release / "backups").rmdir()
    assert "is not there" in search(release).backups().mistake


def checksummed(body: str, prefix: str = "ghp_") -> str:
    """A token of GitHub's or npm's, with the checksum that they give it."""
    digits, number, tail = (
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        zlib.crc32(body.encode()),
        "",
    )
    while number:
        number, rest = divmod(number, 62)
        tail = digits[rest] + tail
    return prefix + body + tail.rjust(6, "0")


BODY = "q7W8e9R0t1Y2uZxCvBnMa4sDfGhJkL"
RANDOM = "sk-proj-u8Qm3xWz7LkPn2VbRt5YcHd9JgFsEa4T"


@pytest.mark.parametrize(
    ("path", "value", "is_secret"),
    [
        ("src/git.js", checksummed(BODY), True),
        ("tests/git.test.js", checksummed(BODY), True),
        ("tests/npm.js", checksummed(BODY, "npm_"), True),
        ("tests/git.test.js", f"ghp_{BODY}000000", False),
        ("src/git.js", f"ghp_{BODY}000000", True),
        ("test/openai.test.ts", RANDOM, True),
        ("test/openai.test.ts", "sk-proj-a1B2c3D4a1B2c3D4a1B2c3D4", False),
        ("src/openai.ts", "sk-proj-a1B2c3D4e5F6g7H8a1B2c3D4", True),
        ("src/openai.ts", "sk-proj-valid-a8Qm3xWz7LkPn2VbRt5", False),
        ("examples/hub.js", "sk-proj-test-a8Qm3xWz7LkPn2VbRt5", False),
        ("src/latest.ts", "sk-proj-a8Qm3xWz7LkPn2VbRt5latest", True),
        (
            "tests/tls/key.pem",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC",
            False,
        ),
    ],
)
def test_a_key_of_tests_is_no_secret(path: str, value: str, is_secret: bool) -> None:  # noqa: FBT001 - a table's column
    """A checksum proves a token wherever it stands; among tests a made-up one is none; a word in it says what it is for."""
    assert (made_up.doubt(path, value, issued=True) == "") is is_secret


def test_a_literal_under_a_telling_name_among_tests_is_a_note(release: Path) -> None:
    """The same line in the program is a secret, and among tests a note with its place."""
    line = 'const dbPassword = "t7Kq-93mZ!wPvL2";\n'
    for name in ("src/db.js", "src/db.test.js", "tests/helpers/db.js"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(line)
    found = search(release).tracked()
    assert {leak.file for leak in found.leaks} == {"src/db.js"}
    assert {leak.file for leak in found.doubtful} == {"src/db.test.js", "tests/helpers/db.js"}


def test_a_known_value_is_allowed_by_its_fingerprint_alone(release: Path) -> None:
    """It is none until its day; another one beside it, in the same file, is found all the same."""
    file = release / "src" / "index.js"
    file.write_text(f'const a = "{RANDOM}";\n')
    [leak] = search(release).tracked().leaks
    entry = {"fingerprint": leak.fingerprint, "reason": "revoked in May", "owner": "Ada"}

    def judged(expires: dt.date) -> secretwork.ScanResult:
        known = (KnownSecret(**entry, expires=expires),)
        return search(release, secrets=SecretSettings(known=known)).tracked()

    tomorrow, yesterday = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days) for days in (1, -1))
    allowed = judged(tomorrow)
    assert (allowed.leaks, [one.doubt for one in allowed.doubtful]) == (
        (),
        [f"allowed until {tomorrow} by Ada: revoked in May"],
    )
    assert f"allowed until {yesterday}" in judged(yesterday).leaks[0].kind
    file.write_text(file.read_text() + f'const b = "{checksummed(BODY)}";\n')
    assert [(one.file, one.line) for one in judged(tomorrow).leaks] == [("src/index.js", 2)]
