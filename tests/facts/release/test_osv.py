"""Known vulnerabilities without a network: an export of the OSV database in a folder."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.loading import load
from readiness.config.model import Config, ReleaseSettings, Target
from readiness.facts.release.dependencies import osv
from tests.helpers.registry import WANTED, lock
from tests.suites.preflight_tree import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHECK = "no-known-vulnerabilities"


def advisory(level: str = "CRITICAL", name: str = "lodash", fixed: str = "4.17.12", days: int = 0) -> dict[str, Any]:
    """An advisory as osv.dev gives it, changed `days` ago."""
    changed = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    return {
        "id": "GHSA-jf85-cpcp-j695",
        "modified": f"{changed:%Y-%m-%dT%H:%M:%SZ}",
        "summary": "Prototype Pollution in lodash",
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": name, "purl": f"pkg:npm/{name}"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
            }
        ],
        "database_specific": {"severity": level},
    }


def release(folder: Path, *advisories: dict[str, Any]) -> Config:
    """A release with one locked dependency, lodash 4.17.11, and a database with these advisories beside it."""
    tree, database = folder / "release", folder / "osv" / "npm"
    tree.mkdir()
    database.mkdir(parents=True)
    (tree / "package.json").write_text(json.dumps({"name": "x", "version": "1.0.0", "dependencies": WANTED}))
    (tree / "package-lock.json").write_text(lock("x", "1.0.0"))
    for number, one in enumerate(advisories):
        (database / f"{number}.json").write_text(json.dumps(one))
    return Config(target=Target(release=tree), release=ReleaseSettings(osv="../osv"))


@pytest.mark.parametrize(
    ("advisories", "outcome", "words"),
    [
        ([advisory("CRITICAL")], "failed", "lodash 4.17.11 (critical: GHSA-jf85-cpcp-j695 Prototype Pollution"),
        ([advisory("HIGH")], "failed", "(high"),
        ([advisory("MODERATE")], "degraded", "(moderate"),
        ([advisory("LOW")], "passed", ""),
        ([advisory("CRITICAL", fixed="4.17.11")], "passed", ""),
        ([advisory("CRITICAL", name="underscore")], "passed", ""),
        ([advisory() | {"withdrawn": "2026-01-01T00:00:00Z"}], "passed", ""),
        # what is found in an old database is proven; that nothing is, no more
        ([advisory("CRITICAL", days=400)], "failed", "(critical"),
        ([advisory("CRITICAL", fixed="4.0.0", days=9)], "unknown", "is 9 days old"),
        ([advisory("LOW", days=9)], "unknown", "fetch it again"),
        ([], "unknown", "holds no advisory for npm"),
        (
            [advisory() | {"affected": [{"package": {"ecosystem": "PyPI", "name": "lodash"}}]}],
            "unknown",
            "no advisory for npm",
        ),
    ],
)
def test_a_database_is_judged(advisories: list[dict[str, Any]], outcome: str, words: str, tmp_path: Path) -> None:
    """High and critical fail, moderate degrades, and an empty or an old database proves nothing."""
    found = judge(CHECK, release(tmp_path, *advisories))
    assert found.outcome == outcome, found
    assert words in found.reason


def _cut(database: Path) -> None:
    (database / "9.json").write_text(json.dumps(advisory(name="other"))[:-9])


def _no_archive(database: Path) -> None:
    (database / "all.zip").write_bytes(b"PK\3\4 and then nothing")


def _pipe(database: Path) -> None:
    os.mkfifo(database / "9.json")


def _written_long_ago(database: Path) -> None:
    os.utime(database / "0.json", (1_600_000_000, 1_600_000_000))


@pytest.mark.parametrize("harm", [_cut, _no_archive, _pipe, _written_long_ago])
def test_a_database_that_cannot_be_trusted_is_unknown(harm: Callable[[Path], None], tmp_path: Path) -> None:
    """Cut off, no archive, a pipe, written years ago: nothing is known, and nothing waits."""
    config = release(tmp_path, advisory("LOW"))
    harm(tmp_path / "osv" / "npm")
    found = judge(CHECK, config)
    assert found.outcome == "unknown", found


def test_a_folder_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    """A database that was never fetched proves nothing."""
    config = release(tmp_path, advisory())
    missing = dataclasses.replace(config, release=ReleaseSettings(osv="../elsewhere"))
    found = judge(CHECK, missing)
    assert (found.outcome, "is no folder" in found.reason) == ("unknown", True), found


def test_the_archive_of_an_export_is_read(tmp_path: Path) -> None:
    """all.zip as osv.dev gives it out is enough."""
    config = release(tmp_path)
    with zipfile.ZipFile(tmp_path / "osv" / "npm" / "all.zip", "w") as archive:
        archive.writestr("GHSA-jf85-cpcp-j695.json", json.dumps(advisory()))
    assert judge(CHECK, config).outcome == "failed"


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "1.2.3"}], ["0.1.0", "1.2.2", "1.2.3-beta.1"], ["1.2.3", "2.0.0"]),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}], ["1.0.0", "1.5.0"], ["0.9.9", "1.5.1"]),
        (
            [{"introduced": "0"}, {"fixed": "1.2.0"}, {"introduced": "2.0.0"}, {"fixed": "2.3.0"}],
            ["1.1.9", "2.2.9"],
            ["1.5.0", "2.3.0", "3.0.0"],
        ),
        # in any order, and without an end
        ([{"fixed": "2.3.0"}, {"introduced": "2.0.0"}], ["2.0.0"], ["1.9.9", "2.3.0"]),
        ([{"introduced": "3.0.0"}], ["3.0.0", "99.0.0"], ["2.9.9"]),
    ],
)
def test_a_range_is_read_as_osv_says(
    events: list[dict[str, str]], inside: list[str], outside: list[str], tmp_path: Path
) -> None:
    """Introduced, fixed and last affected versions bound a range, and several ranges may follow each other."""
    one = advisory()
    one["affected"][0]["ranges"][0]["events"] = events
    (tmp_path / "one.json").write_text(json.dumps(one))
    found = osv.search(tmp_path, {("lodash", version) for version in (*inside, *outside)})
    assert [entry.package.split()[1] for entry in found.advisories] == sorted(inside)


@pytest.mark.parametrize(
    ("more", "outcome", "words"),
    [
        ({"owner": "Ada", "expires": dt.date.max}, "degraded", "Ada answers for that until"),
        ({"owner": "Ada"}, "unknown", "needs an owner and a last day"),
        ({}, "unknown", "needs an owner and a last day"),
        ({"owner": "Ada", "expires": dt.date(2020, 1, 1)}, "failed", "lodash"),
    ],
)
def test_a_declaration_is_never_a_silent_pass(more: dict[str, Any], outcome: str, words: str, tmp_path: Path) -> None:
    """Declared away with owner and last day it stays degraded; without them, or afterwards, it counts."""
    known = release(tmp_path, advisory())
    lines = [
        'expected = false, reason = "no network"',
        *(f"{key} = {json.dumps(value) if isinstance(value, str) else value}" for key, value in more.items()),
    ]
    file = tmp_path / "readiness.toml"
    file.write_text(
        f'[target]\nrelease = "release"\n[release]\nosv = "../osv"\n[expect]\naudit = {{ {", ".join(lines)} }}\n'
    )
    config = load(file=file)
    assert config.release.osv == known.release.osv
    found = judge(CHECK, config)
    assert found.outcome == outcome, found
    assert words in found.reason
