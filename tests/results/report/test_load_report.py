"""A load run in the report: what the document promises, what the page draws, and what ends the run before it begins."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from readiness.facts.load.summary import summary
from readiness.results.render import terminal
from readiness.results.render.page import html
from readiness.results.render.page.load import load_view
from readiness.results.report import load_picture, to_json
from readiness.results.report.document import SCHEMA_FILE
from tests.faults.load import FAULTS
from tests.faults.load.build import run
from tests.faults.load.model import LoadFault, Server
from tests.helpers.browser import chromium
from tests.results.report.factory import report
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.results.report import Report

FREEZE = LoadFault(
    name="",
    sentence="",
    expected={},
    server=Server(slow=0.05, slow_delay=0.08, freezes=((10, 2),), bursts=((20, 20.5),)),
)
EVIL = '<script>alert(1)</script>"\x1b[31m\ud800'


def picture(fault: LoadFault, **more: Any) -> dict[str, Any]:
    """A fault's picture, as it comes from the run's folder."""
    return load_picture(json.loads(json.dumps(summary(run(fault)))) | more)


def told(found: dict[str, Any] | None) -> Report:
    """A report with that load."""
    return dataclasses.replace(report(), load=found)


def _cases() -> list[object]:
    """A representative part always, the rest with the matrix."""
    rest = (pytest.mark.matrix,)
    return [pytest.param(one, id=one.name, marks=() if at % 6 == 0 else rest) for at, one in enumerate(FAULTS)]


@pytest.mark.parametrize("fault", _cases())
def test_every_load_is_a_valid_document_and_a_page(fault: LoadFault) -> None:
    """Whatever became of a run, its report validates, is small, and can be drawn without a number that is none."""
    found = told(picture(fault))
    document = to_json(found)
    Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))).validate(document)
    assert len(json.dumps(document["load"], allow_nan=False)) < 40_000
    page = html.render(found)
    assert len(page) < 80_000
    assert not re.search(r"\b(nan|inf|None)\b", page[page.index('id="_load"') :].partition("</section>")[0])


def test_a_report_without_a_load_says_nothing_of_one() -> None:
    """Null in the document, and no section on the page; so with a shape that this version does not know."""
    assert to_json(told(None))["load"] is None
    assert 'id="_load"' not in html.render(told(None))
    assert load_view({"rate": 1}) is None
    assert 'id="_load"' not in html.render(told({"rate": 1}))


def test_hostile_names_are_text() -> None:
    """A route's name, a reason and how a run ended are escaped on the page and harmless in the terminal."""
    routes = [{"name": EVIL, "count": 3, "errors": 1, "p95_ms": None}]
    found = told(picture(FREEZE, routes=routes, doubts=[EVIL], ended=EVIL))
    page = html.render(found)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") >= 3
    assert "\x1b" not in page
    lines = terminal.lines(found, 100)
    assert not [line for line in lines if "\x1b" in str(line)]


def test_a_freeze_is_drawn() -> None:
    """The slowest answer's line reaches the top of its plot where the server stood still, and there alone."""
    view = load_view(picture(FREEZE))
    assert view is not None
    latency = view["plots"][0]
    heights = [float(pair.split()[1]) for pair in re.findall(r"[\d.]+ [\d.]+", latency["lines"][0]["d"])]
    assert heights.index(min(heights)) == 10
    assert sorted(heights)[2] > min(heights) + 40
    assert [plot["title"] for plot in view["plots"]] == [
        "Latency over time", "Requests a second", "How latencies are spread",
    ]  # fmt: skip


def test_the_page_is_read_on_a_telephone_and_at_night(tmp_path: Path) -> None:
    """At 360 px nothing is wider than the screen, and its words can be told from their ground in the dark."""
    file = tmp_path / "page.html"
    file.write_text(html.render(told(picture(FREEZE))), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="dark")
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text))
        page.goto(file.as_uri())
        page.locator(".load details").evaluate("one => one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator(".load svg").count() == 3
        fill = page.locator(".load svg text").first.evaluate("one => getComputedStyle(one).fill")
        ground = page.locator(".load svg").first.evaluate("one => getComputedStyle(one).backgroundColor")
        light, dark = (sum(map(int, re.findall(r"\d+", one)[:3])) for one in (fill, ground))
        assert light > dark + 200
        assert errors == []


def _pytest(folder: Path, settings: str, *arguments: str) -> dict[str, Any]:
    """The report of `pytest -m load` with these settings."""
    (folder / "readiness.toml").write_text(settings, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    command = [sys.executable, "-m", "pytest", "-m", "load", str(ROOT / "load"), "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    file = folder / "reports" / "readiness.json"
    assert file.is_file(), done.stdout + done.stderr
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n2",), marks=pytest.mark.matrix)])
@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        pytest.param("https://hub.example.org", "test", "allowed_hosts", marks=pytest.mark.matrix),
        pytest.param("http://127.0.0.1:{port}", "production", "[load] window", marks=pytest.mark.matrix),
        ("http://127.0.0.1:{port}", "test", "blocked by hub-answers"),
    ],
)
def test_where_no_load_is_given_every_check_is_unknown(
    tmp_path: Path, url: str, environment: str, words: str, arguments: tuple[str, ...]
) -> None:
    """A host that is not allowed, production without a window, a hub that is down: unknown, all for the one reason, never green."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        target = url.format(port=probe.getsockname()[1])
    settings = f'environment = "{environment}"\n[target]\nurl = "{target}"\n[probe]\nattempts = 1\ninterval = 0.1\ntimeout = 1\n'
    found = _pytest(tmp_path, settings, *arguments)
    assert len(found["findings"]) == 7
    for row in found["findings"]:
        assert row["outcome"] == "unknown", row
        first = row["check"] == "load-evidence-is-valid"
        assert (words if first else "blocked by load-evidence-is-valid") in row["reason"], row
        assert first or words in "".join(row["notes"]), row
    assert found["verdict"]["status"] == "INCOMPLETE"
    assert found["load"] is None
