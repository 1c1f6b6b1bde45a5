"""Secrets where they should not be, in every disguise; keys that do not work; and much that only looks like a secret."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import io
import lzma
import os
import tarfile
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tests.faults.preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

LOGS: Final = {"no-secret-in-logs": "failed"}
TRACKED: Final = {"no-secret-in-tracked-files": "failed"}
CONFIGURATION: Final = {"no-secret-in-configuration": "failed", "no-secret-in-tracked-files": "failed"}
BACKUPS: Final = {"no-secret-in-backups": "failed", "backups-are-private": "failed"}
ROTATED: Final = {"secrets-were-rotated": "failed"}
GITHUB: Final = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
"""A made-up token with the shape of GitHub's."""
ANOTHER: Final = "sk-proj-" + "Zx9Yw8Vu7T" * 4
STRIPE: Final = "rk_" + "live_" + "51Hq8Ks0Lm2Np4Qr6St8Uv"
SPARSE: Final = 2 * 1024**3
"""Bytes of a file that is all hole."""
PEM: Final = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + base64.b64encode(bytes(range(7, 207))).decode() + "\n"
ENV: Final = ".env.production"
CONFIG: Final = "config/mcp-hub.json"
RECORD: Final = "secrets.toml"
REFERENCE: Final = "op://mcp-hub/openai/credential"
NOBODY: Final = {"llm": {"base_url": {"gemini": "http://127.0.0.1:9"}}}
"""Where no provider listens: a run of tests sends no key anywhere."""


def key_of(tree: Path) -> str:
    """The sample's key, from its vault."""
    return (tree.parent / "vault" / "mcp-hub" / "openai" / "credential").read_text(encoding="utf-8")


def put(name: str, content: Callable[[str], bytes]) -> Change:
    """A file whose content is made of the sample's key."""

    def mutate(tree: Path) -> None:
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(key_of(tree)))

    return mutate


def line(text: str) -> Callable[[str], bytes]:
    """Three log lines, with `text` in the second; KEY stands for the key."""
    return lambda key: f"started\nrequest {text.replace('KEY', key)} done\nend\n".encode()


def archive(key: str) -> bytes:
    """A tar.gz with the key on line 2 of its second member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, content in (("app/one.txt", b"nothing\n"), ("app/env", f"A=1\nOPENAI_API_KEY={key}\n".encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def at_the_end_of_a_hole(tree: Path) -> None:
    """A log of 2 GB, all hole but for its last line."""
    with (tree / "logs" / "sparse.log").open("wb") as file:
        file.seek(SPARSE)
        file.write(key_of(tree).encode())


def strange_files(tree: Path) -> None:
    """What no search may wait for, follow or stumble over."""
    logs = tree / "logs"
    (logs / "round").symlink_to(logs)
    (logs / "loop").symlink_to(logs / "loop")
    (logs / "nowhere").symlink_to(logs / "not-there")
    os.mkfifo(logs / "pipe")
    (logs / "zero").symlink_to("/dev/zero")
    with (logs / "hole.log").open("wb") as file:
        file.truncate(SPARSE)
    (logs / os.fsdecode(b"bytes-\xff\xfe.log")).write_bytes(os.urandom(4096))
    (logs / "empty.log.gz").write_bytes(gzip.compress(b""))


def logs_elsewhere(tree: Path) -> None:
    """A log folder that is a link, as to /var/log."""
    elsewhere = tree.parent / "var-log"
    elsewhere.mkdir()
    (elsewhere / "hub.log").write_text(f"key={key_of(tree)}\n", encoding="utf-8")
    (tree / "logs").rmdir()
    (tree / "logs").symlink_to(elsewhere)


def hub_log(tree: Path) -> None:
    """The hub's own log, in its state folder."""
    log = tree.parent / "home" / ".local" / "state" / "mcp-hub" / "logs" / "mcp-hub.log"
    log.write_text(f'{{"level":20,"msg":"authorization: Bearer {key_of(tree)}"}}\n', encoding="utf-8")


def open_backup(content: Callable[[str], bytes], mode: int) -> Change:
    """An older archive among the backups; the folder may be entered by anybody where its mode lets others read."""

    def mutate(tree: Path) -> None:
        file = tree / "backups" / "old.tar.gz"
        put("backups/old.tar.gz", content)(tree)
        file.chmod(mode)
        if mode & 0o004:
            file.parent.chmod(0o755)

    return mutate


def locked_vault(tree: Path) -> None:
    """A manager that nobody has signed in to."""
    reader = tree.parent / "vault" / "read"
    reader.write_text("#!/bin/sh\necho 'not signed in' >&2\nexit 1\n", encoding="utf-8")


def revoked(tree: Path) -> None:
    """A key that its provider does not take any more."""
    vault = tree.parent / "vault" / "mcp-hub" / "openai" / "credential"
    vault.write_text(ANOTHER, encoding="utf-8")


def rotated(days: int, *, entry: str = "OPENAI_API_KEY = {}\n") -> Change:
    """The record with a day so many days ago."""

    def mutate(tree: Path) -> None:
        day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
        (tree / RECORD).write_text(entry.format(day.isoformat()), encoding="utf-8")

    return mutate


def cache(mode: int) -> Change:
    """The mode of the hub's cache folder."""
    return lambda tree: (tree.parent / "home" / ".cache" / "mcp-hub").chmod(mode)


def no_cache(tree: Path) -> None:
    """A hub that has not cached anything yet."""
    (tree.parent / "home" / ".cache" / "mcp-hub").rmdir()


def with_variable(name: str, value: str) -> Change:
    """A further variable, in the env file and its template."""

    def mutate(tree: Path) -> None:
        for file, text in ((ENV, value), (f"{ENV}.example", "")):
            content = (tree / file).read_text(encoding="utf-8")
            kept = "".join(f"{one}\n" for one in content.splitlines() if not one.startswith(f"{name}="))
            (tree / file).write_text(f"{kept}{name}={text}\n", encoding="utf-8")

    return mutate


def look_alikes(tree: Path) -> None:
    """Everything that a careless search takes for a secret."""
    random = os.urandom(64)
    text = [
        f"commit {os.urandom(20).hex()}",
        f"request {uuid.uuid4()} etag {os.urandom(16).hex()}",
        f'"integrity": "sha512-{base64.b64encode(random).decode()}"',
        "sk-learn-is-not-a-key-at-all-and-no-token-either",
        "the disk-usage-of-task-sk-runner and risk-assessment-2024-report",
        "apiKey: process.env.OPENAI_API_KEY, // never the key itself",
        'const tokenLimit = "maximum_tokens_per_request_2048";',
        "password: ${DB_PASSWORD}",
        "AWS documents AKIAIOSFODNN7EXAMPLE",
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "GEMINI_API_KEY=your_api_key_here  # from the console",
        "https://user:password@example.com/path",
        "-----BEGIN PRIVATE " + "KEY----- is how one begins",
    ]
    for name in ("docs/look-alikes.md", "logs/look-alikes.log"):
        put(name, lambda _: "\n".join(text).encode())(tree)


def in_config(text: str) -> Change:
    """A comment in the hub's configuration; KEY stands for the sample's key in base64."""

    def mutate(tree: Path) -> None:
        encoded = base64.b64encode(f"user:{key_of(tree)}".encode()).decode()
        edit(CONFIG, "  // What the hub offers", f"  // {text.replace('KEY', encoded)}\n  // What the hub offers")(tree)

    return mutate


IN_LOGS: Final = (
    Mutation(
        name="key-in-log",
        sentence="A log line holds the provider's key.",
        mutate=put("logs/hub.log", line("with KEY")),
        expected=LOGS,
        words=("logs/hub.log:2", "the value of OPENAI_API_KEY", "fingerprint"),
    ),
    Mutation(
        name="key-in-gzip-log",
        sentence="A rotated, compressed log holds the key.",
        mutate=put("logs/hub.log.3.gz", lambda key: gzip.compress(line("with KEY")(key))),
        expected=LOGS,
        words=("logs/hub.log.3.gz:2",),
    ),
    Mutation(
        name="key-across-a-border",
        sentence="The key lies across the border between two pieces that are read.",
        mutate=put("logs/large.log", lambda key: b"x" * (512 * 1024 - 20) + key.encode() + b"\n" * 1000),
        expected=LOGS,
        words=("logs/large.log:1",),
    ),
    Mutation(
        name="key-in-hexadecimal",
        sentence="A log holds the key's bytes in hexadecimal.",
        mutate=put("logs/dump.log", lambda key: b"68656164 " + key.encode().hex().upper().encode()),
        expected=LOGS,
        words=("in hexadecimal",),
    ),
    Mutation(
        name="key-in-a-url",
        sentence="A password with special characters stands URL-encoded in an access log.",
        mutate=each(
            with_variable("DB_PASSWORD", "p@ss/w0rd+9 ten"),
            rotated(5, entry="OPENAI_API_KEY = {0}\nDB_PASSWORD = {0}\n"),
            put("logs/access.log", lambda _: f"GET /?p={quote('p@ss/w0rd+9 ten', safe='')} 200\n".encode()),
        ),
        expected=LOGS | {"secrets-come-from-a-manager": "failed"},
        words=("URL-encoded", "DB_PASSWORD"),
    ),
    Mutation(
        name="key-in-an-archive-of-logs",
        sentence="A tar.gz among the logs holds the key in a member.",
        mutate=put("logs/old.tar.gz", archive),
        expected=LOGS,
        words=("logs/old.tar.gz:app/env:2",),
    ),
    Mutation(
        name="key-behind-a-hole",
        sentence="A sparse log of 2 GB ends with the key.",
        mutate=at_the_end_of_a_hole,
        expected=LOGS,
        words=("logs/sparse.log:1",),
    ),
    Mutation(
        name="key-under-a-name-with-a-newline",
        sentence="The file that holds the key has a line break in its name.",
        mutate=put("logs/two\nlines.log", line("KEY")),
        expected=LOGS,
        words=("logs/two\\nlines.log:2",),
    ),
    Mutation(
        name="key-in-linked-log-folder",
        sentence="The log folder is a link to one elsewhere, and the key is there.",
        mutate=logs_elsewhere,
        expected=LOGS,
        words=("logs/hub.log:1",),
    ),
    Mutation(
        name="key-in-the-hubs-own-log",
        sentence="The hub's log in its state folder holds the key.",
        mutate=hub_log,
        expected=LOGS,
        words=("mcp-hub/logs/mcp-hub.log:1",),
    ),
    Mutation(
        name="test-key-among-tests",
        sentence="Tests hold made-up keys: one says that it is valid, one repeats itself, one has a wrong checksum.",
        mutate=write(
            "tests/keys.test.js",
            f'const a = "sk-proj-valid-a8Qm3xWz7LkPn2VbRt5";\nconst b = "{GITHUB}";\nconst apiKey = "k9Lm-2pQx7!vZ4";\n',
        ),
        committed=True,
    ),
    Mutation(
        name="strangers-token-in-log",
        sentence="A log holds a token that nobody declared, with a provider's shape.",
        mutate=put("logs/hub.log", lambda _: f"cloning with {GITHUB}\n".encode()),
        expected=LOGS,
        words=("looks like a GitHub token",),
    ),
    Mutation(
        name="log-packed-otherwise",
        sentence="A log is packed in a way that is not looked into.",
        mutate=put("logs/hub.log.xz", lambda key: lzma.compress(key.encode())),
        expected={"no-secret-in-logs": "unknown"},
        words=("packed with xz",),
    ),
    Mutation(
        name="log-with-broken-gzip",
        sentence="A compressed log breaks off.",
        mutate=put("logs/hub.log.1.gz", lambda _: gzip.compress(os.urandom(2000))[:-900]),
        expected={"no-secret-in-logs": "unknown"},
        words=("its gzip is broken",),
    ),
)
IN_FILES: Final = (
    Mutation(
        name="key-in-a-binary-file",
        sentence="A tracked binary file holds the key.",
        mutate=put("src/model.bin", lambda key: bytes(range(256)) + key.encode() + b"\0\0"),
        expected=TRACKED,
        words=("src/model.bin", "the value of OPENAI_API_KEY"),
    ),
    Mutation(
        name="token-in-npmrc",
        sentence="A tracked .npmrc holds a registry's token.",
        mutate=write(".npmrc", "//registry.example/:_authToken=npm_" + "q7W8e9R0t1Y2" * 3 + "\n"),
        expected=CONFIGURATION,
        words=(".npmrc:1", "an npm token"),
    ),
    Mutation(
        name="private-key-is-tracked",
        sentence="A private key is committed.",
        mutate=write("tools/deploy.pem", PEM),
        expected=TRACKED,
        words=("tools/deploy.pem:1", "a private key"),
    ),
    Mutation(
        name="literal-under-a-telling-name",
        sentence="A source file holds a password that has no provider's shape.",
        mutate=write("src/db.js", 'export const x = 1;\nconst dbPassword = "t7Kq-93mZ!wPvL2";\n'),
        expected=TRACKED,
        words=("src/db.js:2", "telling name"),
    ),
    Mutation(
        name="key-in-a-script",
        sentence="A tracked text holds a payment provider's key.",
        mutate=write("docs/billing.md", f"Use {STRIPE} for tests.\n"),
        expected=TRACKED,
        words=("docs/billing.md:1",),
    ),
    Mutation(
        name="literal-key-in-configuration",
        sentence="The configuration holds a key itself instead of its name.",
        mutate=edit(CONFIG, "${OPENAI_API_KEY}", ANOTHER),
        expected=CONFIGURATION | {"api-keys-work": "failed"},
        words=("config/mcp-hub.json:", "an OpenAI key"),
    ),
    Mutation(
        name="base64-in-configuration",
        sentence="A comment of the configuration holds the key in base64.",
        mutate=in_config("Basic KEY"),
        expected=CONFIGURATION,
        words=("in base64", "config/mcp-hub.json:2"),
    ),
    Mutation(
        name="password-in-a-servers-environment",
        sentence="A server's environment in the configuration holds a short password.",
        mutate=edit(
            CONFIG,
            '"args": ["-m", "readiness.demo.stdio", "memory"] }',
            '"args": ["-m", "readiness.demo.stdio", "memory"], "env": { "MEMORY_PASSWORD": "blue-Horse7" } }',
        ),
        expected={"no-secret-in-configuration": "failed"},
        words=("MEMORY_PASSWORD",),
    ),
    Mutation(
        name="open-backup",
        sentence="An archive among the backups holds the key, and anybody may read it.",
        mutate=open_backup(archive, 0o644),
        backed_up=False,
        expected=BACKUPS,
        words=("backups/old.tar.gz:app/env:2",),
    ),
)
CARE: Final = (
    Mutation(
        name="key-in-plain-text",
        sentence="The env file holds the key itself.",
        mutate=lambda tree: edit(ENV, REFERENCE, key_of(tree))(tree),
        expected={"secrets-come-from-a-manager": "failed"},
        words=("in plain text", "OPENAI_API_KEY"),
    ),
    Mutation(
        name="key-of-another-provider",
        sentence="The variable of one provider holds a key of another.",
        mutate=each(
            with_variable("GEMINI_API_KEY", ANOTHER), rotated(5, entry="OPENAI_API_KEY = {0}\nGEMINI_API_KEY = {0}\n")
        ),
        config=NOBODY,
        expected={
            "api-keys-have-their-providers-format": "failed",
            "api-keys-work": "unknown",
            "secrets-come-from-a-manager": "failed",
        },
        words=("is a key of openai, not of gemini",),
    ),
    Mutation(
        name="key-cut-short",
        sentence="A key lost its end when it was copied.",
        mutate=each(
            with_variable("GEMINI_API_KEY", "AIzaSyB1c2D3e4F5g6H7"),
            rotated(5, entry="OPENAI_API_KEY = {0}\nGEMINI_API_KEY = {0}\n"),
        ),
        config=NOBODY,
        expected={
            "api-keys-have-their-providers-format": "failed",
            "api-keys-work": "unknown",
            "secrets-come-from-a-manager": "failed",
        },
        words=("it has 20 characters", "refused"),
    ),
    Mutation(
        name="key-is-revoked",
        sentence="The provider does not take the key.",
        mutate=revoked,
        expected={"api-keys-work": "failed"},
        words=("refuses it (401)",),
    ),
    Mutation(
        name="vault-is-locked",
        sentence="The manager does not hand the key out.",
        mutate=locked_vault,
        expected={"api-keys-have-their-providers-format": "unknown", "api-keys-work": "unknown"},
        words=("could not be resolved", "ended with status 1"),
    ),
    Mutation(
        name="provider-is-away",
        sentence="Nobody listens where the provider should be.",
        mutate=lambda _: None,
        config={"llm": {"base_url": {"openai": "http://127.0.0.1:9/v1"}}},
        expected={"api-keys-work": "unknown"},
        words=("refused",),
    ),
    Mutation(
        name="no-rotation-record",
        sentence="Nobody wrote down when the key was replaced.",
        mutate=remove(RECORD),
        expected=ROTATED,
        words=("secrets.toml is missing",),
    ),
    Mutation(
        name="rotated-too-long-ago",
        sentence="The key is 91 days old.",
        mutate=rotated(91),
        expected=ROTATED,
        words=("age of OPENAI_API_KEY 91 days",),
    ),
    Mutation(
        name="rotation-of-another-secret",
        sentence="The record speaks of another secret.",
        mutate=rotated(5, entry="GEMINI_API_KEY = {}\n"),
        expected=ROTATED,
        words=("OPENAI_API_KEY is not in the record",),
    ),
    Mutation(
        name="rotation-to-come",
        sentence="The record has a day in the future.",
        mutate=rotated(-30),
        expected=ROTATED,
        words=("a day to come",),
    ),
    Mutation(
        name="rotation-as-text",
        sentence="The day stands in quotation marks.",
        mutate=rotated(5, entry='OPENAI_API_KEY = "{}"\n'),
        expected=ROTATED,
        words=("secrets.toml:1", "without quotes"),
    ),
    Mutation(
        name="rotation-record-is-no-toml",
        sentence="The record cannot be read as TOML.",
        mutate=write(RECORD, "OPENAI_API_KEY: 2026-01-31\n"),
        expected=ROTATED,
        words=("is no TOML", "NAME = 2026-01-31"),
    ),
    Mutation(
        name="rotation-of-another-value",
        sentence="The record's fingerprint is that of another value.",
        mutate=rotated(5, entry='[OPENAI_API_KEY]\nrotated = {}\nfingerprint = "00000000"\n'),
        expected=ROTATED,
        words=("not the value that the record speaks of",),
    ),
    Mutation(
        name="rotation-past-its-owners-word",
        sentence="The key's owner agreed to 30 days, and it is 40 days old.",
        mutate=rotated(40, entry="[OPENAI_API_KEY]\nrotated = {}\nevery = 30\n"),
        expected=ROTATED,
        words=("its owner agreed to 30",),
    ),
    Mutation(
        name="open-cache",
        sentence="Others may enter the hub's cache.",
        mutate=cache(0o755),
        expected={"cache-directory-mode-is-700": "failed"},
        words=("mode 0755",),
    ),
    Mutation(
        name="cache-open-to-the-group",
        sentence="The group may enter the hub's cache.",
        mutate=cache(0o750),
        expected={"cache-directory-mode-is-700": "failed"},
        words=("mode 0750",),
    ),
    Mutation(
        name="no-cache-folder",
        sentence="The hub has no cache folder yet.",
        mutate=no_cache,
        expected={"cache-directory-mode-is-700": "unknown"},
        words=("is missing",),
    ),
)
NEAR: Final = (
    Mutation(
        name="look-alikes",
        sentence="Commit ids, UUIDs, integrity hashes, placeholders and key-looking words stand in texts and logs.",
        mutate=look_alikes,
    ),
    Mutation(
        name="strange-files-among-the-logs",
        sentence="Links in circles, a pipe, a device, a hole of 2 GB and undecodable names lie among the logs.",
        mutate=strange_files,
    ),
    Mutation(
        name="private-backup-with-a-key",
        sentence="An archive among the backups holds the key, and only its owner may read it.",
        mutate=open_backup(archive, 0o600),
    ),
    Mutation(
        name="rotated-on-the-last-day",
        sentence="The key is exactly 90 days old.",
        mutate=rotated(90),
    ),
    Mutation(
        name="rotation-in-full",
        sentence="The record has an owner and an agreed time, and is inside it.",
        mutate=rotated(20, entry='[OPENAI_API_KEY]\nrotated = {}\nowner = "platform team"\nevery = 30\n'),
    ),
    Mutation(
        name="stricter-cache",
        sentence="Even the owner may only read the cache.",
        mutate=cache(0o500),
    ),
)
MUTATIONS: Final = (*IN_LOGS, *IN_FILES, *CARE, *NEAR)
