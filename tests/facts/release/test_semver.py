"""npm's ranges, held against what node-semver answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from shutil import which

import pytest

from readiness.facts.release.dependencies import semver

CASES = [
    (">=18.0.0", "18.0.0", True),
    (">=18.0.0", "17.9.9", False),
    (">= 18", "18.0.0", True),
    (">=18 <21", "20.20.2", True),
    (">=18 <21", "21.0.0", False),
    ("^18 || ^20", "19.1.0", False),
    ("^18 || ^20", "20.1.0", True),
    ("^1.2.3", "1.9.0", True),
    ("^1.2.3", "2.0.0", False),
    ("^0.2.3", "0.2.9", True),
    ("^0.2.3", "0.3.0", False),
    ("^0.0.3", "0.0.4", False),
    ("~1.2.3", "1.2.9", True),
    ("~1.2.3", "1.3.0", False),
    ("~1", "1.9.9", True),
    ("20.x", "20.3.1", True),
    ("20.x", "21.0.0", False),
    ("20", "20.3.1", True),
    ("*", "1.0.0", True),
    ("", "1.0.0", True),
    ("1.2 - 2.3", "2.3.9", True),
    ("1.2 - 2.3", "2.4.0", False),
    ("1.2.3 - 2.3.4", "2.3.5", False),
    (">1.2", "1.2.9", False),
    (">1.2", "1.3.0", True),
    ("<=1.2", "1.2.9", True),
    ("<1.2", "1.2.0", False),
    ("<1.2", "1.1.9", True),
    ("=1.2.3", "1.2.3", True),
    ("v1.2.3", "1.2.3", True),
    (">=1.0.0", "2.0.0-beta.1", False),
    (">=2.0.0-alpha", "2.0.0-beta.1", True),
    ("2.0.0-beta.2", "2.0.0-beta.10", False),
    (">2.0.0-beta.2", "2.0.0-beta.10", True),
    ("^20.19.0 || >=22.12.0", "22.11.0", False),
    ("^20.19.0 || >=22.12.0", "20.20.2", True),
    ("<21.0.0", "21.0.0-rc.1", False),
    ("^1.2.x", "1.5.0", True),
    ("^0.0", "0.0.9", True),
    ("^0.x", "0.9.9", True),
    ("~>1.2.3", "1.2.4", True),
    (">X", "1.0.0", False),
]


@pytest.mark.parametrize(("wanted", "version", "holds"), CASES)
def test_ranges(wanted: str, version: str, holds: bool) -> None:  # noqa: FBT001
    """Each range admits what npm admits."""
    assert semver.satisfies(version, wanted) is holds


def test_ranges_agree_with_node_semver() -> None:
    """The table itself is right: npm's own library says the same."""
    npm = which("npm")
    library = Path(npm).resolve().parents[1] / "node_modules" / "semver" if npm else None
    if library is None or not library.is_dir():
        pytest.skip("npm is not installed")
    code = "const s=require(process.argv[1]);console.log(JSON.stringify(JSON.parse(process.argv[2]).map(c=>s.satisfies(c[1],c[0]))))"
    out = subprocess.run(
        ["node", "-e", code, str(library), json.dumps(CASES)], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert json.loads(out) == [holds for _, _, holds in CASES]


@pytest.mark.parametrize("wanted", ["latest", "git+https://example.com/x.git", ">=1 garbage", "1.2.3.4", "9" * 2000])
def test_what_is_no_range_is_not_guessed(wanted: str) -> None:
    """What cannot be read gives None, never yes or no."""
    assert semver.satisfies("1.2.3", wanted) is None
    assert semver.is_bounded(wanted) is None


def test_exact_and_bounded() -> None:
    """A single version is exact; a range without an upper end is not bounded."""
    assert [semver.is_exact(text) for text in ("1.2.3", "v1.2.3", "^1.2.3", "1.2")] == [True, True, False, False]
    assert [semver.is_bounded(text) for text in ("^1.2.3", "*", ">=1", "1.x", "^1 || >=3")] == [
        *(True, False, False, True, False)
    ]
