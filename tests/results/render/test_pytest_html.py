"""pytest-html's page: with our shield no test id, extra, link or metadata becomes markup in the reader's browser."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from readiness.results.render.pytest_html import escaped, summary_line
from tests.helpers.browser import chromium
from tests.results.report.scenes import SCENES
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<img src=x onerror=document.title='owned'>"
CONFTEST = f"""
import pytest
from pytest_html import extras
from pytest_metadata.plugin import metadata_key
from readiness.results.render.pytest_html import HtmlShield, summary_line
EVIL = {EVIL!r}

def pytest_configure(config):
    config.stash[metadata_key]["hub"] = EVIL
    config.stash[metadata_key]["servers"] = {{EVIL: [EVIL, 3]}}
    if SHIELD:
        config.pluginmanager.register(HtmlShield(), "shield")

def pytest_html_results_summary(prefix):
    from tests.results.report.scenes import hostile
    if SHIELD:
        prefix.append(summary_line(hostile()))

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.extras = [
        extras.url("javascript:document.title='owned'", name=EVIL),
        extras.url("https://example.com/?a=1&b='\\"", name="fine"),
        extras.text("text", name=EVIL),
        extras.image(EVIL + "'\\"", name=EVIL),
    ]
    return report
"""
SUITE = f"""
import pytest

@pytest.mark.parametrize("value", [1], ids=[{EVIL!r}])
def test_hostile(value):
    assert value == 2, {EVIL!r}

@pytest.fixture
def broken():
    raise RuntimeError({EVIL!r})

@pytest.mark.parametrize("value", [1], ids=[{EVIL!r}])
def test_broken(broken, value):
    pass
"""


def _page(folder: Path, *, shield: bool, args: tuple[str, ...] = ()) -> Path:
    (folder / "conftest.py").write_text(f"SHIELD = {shield}\n{CONFTEST}")
    (folder / "test_some.py").write_text(SUITE)
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_html.plugin", "-p",
               "pytest_metadata.plugin", "--html=out.html", "--self-contained-html", *args, "test_some.py"]  # fmt: skip
    done = subprocess.run(command, cwd=folder, timeout=90, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    return folder / "out.html"


def _blob(page: Path) -> dict[str, Any]:
    found = re.search(r'data-jsonblob="([^"]*)"', page.read_text(encoding="utf-8"))
    assert found is not None
    return json.loads(html.unescape(found[1]))


def _inserted(page: Path) -> str:
    """Everything that pytest-html's script makes into markup."""
    blob = _blob(page)
    tests = [test for several in blob["tests"].values() for test in several]
    rows = [cell for test in tests for cell in test["resultsTableRow"]] + [test["log"] for test in tests]
    return " ".join([*rows, *(json.dumps(value) for value in blob["environment"].values())])


def test_without_the_shield_markup_gets_in(tmp_path: Path) -> None:
    """The fault is real: pytest-html alone inserts the id as it stands."""
    assert "<img src=x" in _inserted(_page(tmp_path, shield=False))


@pytest.mark.parametrize(
    "args", [(), pytest.param(("-p", "xdist", "-n2"), marks=pytest.mark.matrix)], ids=["plain", "xdist"]
)
def test_the_shield_escapes_everything_it_is_handed(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Ids of calls and broken set-ups, names, links and metadata come as text; a good link stays."""
    page = _page(tmp_path, shield=True, args=args)
    inserted = _inserted(page)
    assert "<img" not in inserted
    assert "javascript:" not in inserted
    assert inserted.count("&lt;img src=x onerror=") >= 6
    assert "https://example.com/?a=1&amp;b=" in inserted
    assert "<img src=x" not in page.read_text(encoding="utf-8")
    assert "NOT READY: HOLD" in page.read_text(encoding="utf-8")


def test_a_browser_runs_nothing(tmp_path: Path) -> None:
    """In Chromium the shielded page makes no element of the hostile texts, and the unshielded one does."""
    owned = {}
    for shield in (False, True):
        folder = tmp_path / str(shield)
        folder.mkdir()
        page_file = _page(folder, shield=shield)
        with chromium() as browser:
            page = browser.new_page()
            page.goto(page_file.as_uri(), timeout=20_000)
            page.wait_for_selector("#results-table tbody", timeout=10_000)
            owned[shield] = page.locator("img[onerror]").count()
    assert owned[False] > 0
    assert owned[True] == 0


def test_the_summary_is_one_line_of_escaped_html() -> None:
    """Verdict, decision, score and reason stand in one line; hostile reasons are text."""
    assert summary_line(SCENES["conditional"]()) == (
        "<p><strong>CONDITIONAL: KEEP AND WATCH</strong>, score 87.8. "
        "cors-is-restricted failed, and 3 more checks are not proven good.</p>"
    )
    line = summary_line(SCENES["hostile"]())
    assert "<img" not in line
    assert "\n" not in line
    assert summary_line(SCENES["demo"]()).startswith("<p><strong>DEMO: READY")


def test_escaped_shows_what_cannot_be_seen() -> None:
    """Quotes, markup and control characters all become text."""
    assert escaped('<a href="x">\'\x1b') == "&lt;a href=&quot;x&quot;&gt;&#x27;\\x1b"
