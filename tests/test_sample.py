"""The committed sample is what this version writes, and says nothing about the machine that made it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import jsonschema

from readiness.planning import catalogue
from readiness.report import SCHEMA_FILE

SAMPLE: Final = Path(__file__).parents[1] / "reports" / "sample"


def test_the_sample_is_a_report_of_this_version() -> None:
    """It follows the schema, judges the checks that ship, and finds the fault it was made with."""
    report = json.loads((SAMPLE / "readiness.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    assert report["verdict"]["status"] == "NOT READY"
    failed = [row for row in report["findings"] if row["outcome"] == "failed"]
    assert [row["check"] for row in failed] == ["mcp-servers-are-connected"]
    shipped = {check.id for check, _ in catalogue() if check.phase == "health"}
    assert {row["check"] for row in report["findings"]} == shipped


def test_the_sample_names_no_machine() -> None:
    """Neither file holds an absolute path, a user's name or another host than loopback."""
    page = (SAMPLE / "readiness.html").read_text(encoding="utf-8")
    for text in (page, (SAMPLE / "readiness.json").read_text(encoding="utf-8")):
        assert re.findall(r"/(?:home|root|tmp|work|Users|var|opt)/[^\s\"<]*", text) == []
        assert set(re.findall(r"https?://([\w.-]+)", text)) <= {"127.0.0.1", "www.w3.org"}
    assert "NOT READY" in page
