"""Backups whose files changed, that lack something, are open to others, or were made by the release's own script."""

from __future__ import annotations

import os
import time
from typing import Final

from tests.faults.preflight.backup_changes import (
    COMMIT,
    COMPLETE,
    CONTAINS,
    ILLEGIBLE,
    INTACT,
    PRIVATE,
    RESTORES,
    assessments,
    broken,
    broken_configuration,
    entry,
    flip,
    manifest,
    modes,
    odd_logs,
    older_beside,
    own_script,
    stored,
    to_link,
    without,
)
from tests.faults.preflight.mutation import each

ALL: Final = (INTACT, RESTORES, CONTAINS)
MUTATIONS: Final = (
    broken(
        name="backup-file-flipped-a-bit",
        sentence="One bit of a file changed on the disk.",
        mutate=stored(flip),
        expected={INTACT: "failed", RESTORES: "failed"},
        words=("another content than its SHA-256 says", "came back with another content"),
    ),
    broken(
        name="backup-file-cut",
        sentence="A file of the backup is shorter than it was.",
        mutate=stored(lambda path: os.truncate(path, 3)),
        expected={INTACT: "failed", RESTORES: "failed"},
        words=("has 3 bytes, expected",),
    ),
    broken(
        name="backup-file-missing",
        sentence="The configuration was removed from the backup.",
        mutate=stored(lambda path: path.unlink()),
        expected=dict.fromkeys(ALL, "failed"),
        words=("is missing", "it holds no configuration of the hub", "lacks"),
    ),
    broken(
        name="backup-file-became-a-link",
        sentence="A link that leads out of the backup stands in the place of a file.",
        mutate=stored(to_link),
        expected=dict.fromkeys(ALL, "failed"),
        words=("is a link, expected a file",),
    ),
    broken(
        name="backup-has-a-stranger",
        sentence="A file lies in the backup that it was not made with.",
        mutate=stored(lambda path: path.with_name("implant.js").write_text("1\n")),
        expected={INTACT: "failed"},
        words=("implant.js is in the backup and not in its manifest",),
    ),
    broken(
        name="backup-checksum-is-wrong",
        sentence="The manifest names another SHA-256 than the file has.",
        mutate=manifest(lambda document: entry(document, ".env.production").update(sha256="0" * 64)),
        expected={INTACT: "failed", RESTORES: "failed"},
        words=(".env.production has another content",),
    ),
    broken(
        name="backup-of-a-broken-configuration",
        sentence="What was backed up was no configuration already then.",
        mutate=broken_configuration,
        expected={RESTORES: "failed"},
        words=("is no JSON5",),
    ),
    broken(
        name="backup-without-the-env-file",
        sentence="The env file was not backed up.",
        mutate=without("/.env.production"),
        expected={CONTAINS: "failed"},
        words=("lacks", ".env.production"),
    ),
    broken(
        name="backup-without-the-lock-file",
        sentence="The lock file was not backed up.",
        mutate=without("/package-lock.json"),
        expected={CONTAINS: "failed"},
        words=("package-lock.json",),
    ),
    broken(
        name="backup-without-the-configuration",
        sentence="The hub's configuration was not backed up.",
        mutate=without("/mcp-hub.json"),
        expected={CONTAINS: "failed", RESTORES: "failed"},
        words=("it holds no configuration of the hub", "config/mcp-hub.json"),
    ),
    broken(
        name="backup-open-to-everybody",
        sentence="Everybody can read the backup, which holds the env file.",
        mutate=modes(0o755, 0o755),
        expected={PRIVATE: "failed"},
        words=("open to everybody (mode 0755)",),
    ),
    broken(
        name="backup-folder-writable-by-everybody",
        sentence="Everybody can put another backup in the place of this one.",
        mutate=modes(0o777, 0o700),
        expected={PRIVATE: "failed"},
        words=("open to everybody (mode 0777)",),
    ),
    broken(
        name="backup-open-to-its-group",
        sentence="The group can read the backup.",
        mutate=modes(0o750, 0o750),
        expected={PRIVATE: "degraded"},
        words=("open to its group (mode 0750)",),
    ),
    broken(
        name="backup-behind-a-private-folder",
        sentence="The backup is open, and the folder that it lies in lets nobody through.",
        mutate=modes(0o700, 0o755),
    ),
    broken(
        name="backup-private-in-an-open-folder",
        sentence="Everybody can see that there is a backup, and nobody can read it.",
        mutate=modes(0o755, 0o700),
    ),
    broken(
        name="latest-is-not-the-newest",
        sentence="The link `latest` still leads to an old backup.",
        mutate=older_beside,
        expected={INTACT: "degraded"},
        words=("the link latest leads to 20200101T000000Z-00000000",),
    ),
    broken(
        name="unfinished-backup-beside-a-whole-one",
        sentence="A backup was ended while it was made, and a whole one is there.",
        mutate=lambda tree: (tree / "backups" / ".partial-20200101T000000Z-00000000").mkdir(mode=0o700),
    ),
    broken(
        name="backup-of-odd-names",
        sentence="Names with newlines, names that are no UTF-8, links in a circle and out, and a pipe are no trouble.",
        mutate=odd_logs,
    ),
    broken(
        name="backup-of-the-releases-own-script",
        sentence="The release's own script made the backup: a manifest.txt and no checksums.",
        mutate=assessments(),
        expected={INTACT: "degraded"},
        words=("has no checksums",),
    ),
    broken(
        name="backup-of-the-releases-own-script-without-its-env-file",
        sentence="The release's own script backs up the configuration alone.",
        mutate=assessments(whole=False),
        expected={INTACT: "degraded", CONTAINS: "failed"},
        words=("has no checksums", ".env.production"),
    ),
    broken(
        name="backup-of-the-releases-own-script-with-checksums",
        sentence="The release's own script wrote a SHA256SUMS beside its manifest.txt.",
        mutate=assessments(sums=True),
    ),
    broken(
        name="backup-of-the-releases-own-script-changed",
        sentence="A file is not what the script's SHA256SUMS says.",
        mutate=each(assessments(sums=True), own_script(lambda path: flip(path / "config" / "mcp-hub.json"))),
        expected={INTACT: "failed"},
        words=("config/mcp-hub.json has another content",),
    ),
    broken(
        name="backup-of-the-releases-own-script-says-little",
        sentence="The script's manifest.txt names a time alone.",
        mutate=assessments(text=f"created = {int(time.time())}\nnode version: v20.11.0\n"),
        expected={INTACT: "degraded", COMPLETE: "failed", COMMIT: "unknown"},
        words=("does not say its commit, version",),
    ),
    broken(
        name="backup-of-the-releases-own-script-ended-early",
        sentence="The script was ended before it wrote its manifest.",
        mutate=each(assessments(), own_script(lambda path: (path / "manifest.txt").unlink())),
        expected=ILLEGIBLE,
        words=("it has neither manifest.json nor manifest.txt",),
    ),
)
