"""The committed sample is what this version writes, and says nothing about the machine that made it."""

from __future__ import annotations

import json
import re
from typing import Final

import jsonschema

from readiness.results.report import SCHEMA_FILE
from readiness.session.plan.planning import catalogue
from tests.project.make_sample import page
from tests.sources import ROOT

SAMPLE: Final = ROOT / "reports" / "sample"


def test_the_sample_is_a_report_of_this_version() -> None:
    """It follows the schema, judges the checks that ship, and finds the fault it was made with."""
    report = json.loads((SAMPLE / "readiness.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    assert report["verdict"]["status"] == "NOT READY"
    failed = [row for row in report["findings"] if row["outcome"] == "failed"]
    assert [row["check"] for row in failed] == ["mcp-servers-are-connected"]
    shipped = {check.id for check, _ in catalogue() if check.phase == "health"}
    assert {row["check"] for row in report["findings"]} == shipped


def test_the_page_of_the_sample_is_what_this_version_renders() -> None:
    """Whoever changes the page looks at the sample again: `python -m tests.project.make_sample --again`."""
    assert (SAMPLE / "readiness.html").read_text(encoding="utf-8") == page()


def test_the_sample_shows_what_a_report_can() -> None:
    """Runs before it, what changed since the last READY one, measures with their limits, and whom to call now."""
    report = json.loads((SAMPLE / "readiness.json").read_text(encoding="utf-8"))
    assert len(report["history"]["runs"]) > 3
    assert report["history"]["since_ready"]["newly_failing"] == ["mcp-servers-are-connected"]
    assert [row for row in report["findings"] if row["limits"]]
    assert [step["role"] for step in report["escalation"] if step["due"]] == ["on_call", "tech_lead"]
    shown = (SAMPLE / "readiness.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in shown for name in ("_history", "_measures", "_call", "_gain", "_since-ready"))


def test_the_picture_of_the_sample_is_small() -> None:
    """The picture in the documentation is a PNG of a first screen that a page loads quickly."""
    picture = (SAMPLE.parents[1] / "docs" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 150_000
    assert int.from_bytes(picture[16:20]) > int.from_bytes(picture[20:24]) > 600


def test_the_sample_names_no_machine() -> None:
    """Neither file holds an absolute path, a user's name or another host than loopback."""
    shown = (SAMPLE / "readiness.html").read_text(encoding="utf-8")
    for text in (shown, (SAMPLE / "readiness.json").read_text(encoding="utf-8")):
        assert re.findall(r"/(?:home|root|tmp|work|Users|var|opt)/[^\s\"<]*", text) == []
        assert set(re.findall(r"https?://([\w.-]+)", text)) <= {"127.0.0.1", "www.w3.org"}
    assert "NOT READY" in shown
