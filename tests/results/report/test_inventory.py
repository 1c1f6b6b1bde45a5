"""The tool inventory of a report: what is gone, changed and new, told in one line, a table and the document."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.facts.hub.inventory import Inventory
from readiness.results.render.page.html import render
from readiness.results.render.page.inventory import inventory_sentence
from readiness.results.render.terminal import lines
from readiness.results.report import Report, ToolInventory, redacted, to_json, tool_inventory
from tests.results.report.factory import report
from tests.results.report.scenes import HOSTILE
from tests.results.report.test_report import HOUSE

if TYPE_CHECKING:
    from pathlib import Path

SINCE = "2026-01-31T08:00:00Z"
BEFORE = {"everything": {"echo": "aa", "add": "bb", "old": "cc"}, "memory": {"read_graph": "", "gone-too": "dd"}}
NOW = {"everything": {"echo": "aa", "add": "b2", "new": "ee"}, "memory": {"read_graph": "ff"}}


def _with(found: ToolInventory | None) -> Report:
    return dataclasses.replace(report(), inventory=found)


def test_differences_are_counted_and_come_first() -> None:
    """Gone, changed and new tools are told apart; a schema that was not published before is no change."""
    found = tool_inventory(NOW, BEFORE, SINCE)
    assert (found.tools, found.servers, found.gone, found.changed, found.new) == (4, 2, 2, 1, 1)
    assert [(e.tool, e.change) for e in found.entries] == [
        ("old", "gone"),
        ("gone-too", "gone"),
        ("add", "changed"),
        ("new", "new"),
        ("echo", ""),
        ("read_graph", ""),
    ]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (BEFORE, "4 tools on 2 servers; 2 gone, 1 new, 1 changed since 2026-01-31 08:00"),
        (NOW, "4 tools on 2 servers, the same as 2026-01-31 08:00"),
        (None, "4 tools on 2 servers; nothing to compare with yet"),
    ],
)
def test_one_line_tells_it(before: dict[str, dict[str, str]] | None, words: str) -> None:
    """The terminal, the page and the words of the inventory are the same sentence."""
    found = _with(tool_inventory(NOW, before, SINCE))
    assert inventory_sentence(found.inventory) == words
    assert words in lines(found, width=100)
    assert f"<summary>{words}</summary>" in render(found)


def test_a_run_that_listed_no_tools_says_nothing_of_them() -> None:
    """Without an inventory there is no line, no table, and null in the document."""
    found = _with(None)
    assert not any("tools" in line for line in lines(found))
    assert 'class="inventory"' not in render(found)
    assert to_json(found)["inventory"] is None
    HOUSE.validate(to_json(found))


def test_the_document_keeps_its_promise() -> None:
    """The inventory fits the schema, which demands each of its keys."""
    document = json.loads(json.dumps(to_json(_with(tool_inventory(NOW, BEFORE, SINCE)))))
    HOUSE.validate(document)
    for key in list(document["inventory"]):
        broken = document | {"inventory": {k: v for k, v in document["inventory"].items() if k != key}}
        assert not HOUSE.is_valid(broken), key


def test_ten_thousand_hostile_tools_stay_small() -> None:
    """Names of a thousand characters of markup on 10,000 tools cost the page and the document little, and run nowhere."""
    now: dict[str, dict[str, str]] = {f"s{n}{HOSTILE}": {} for n in range(7)}
    for n in range(10_000):
        now[f"s{n % 7}{HOSTILE}"][f"{n} {HOSTILE}" * 5] = "0" * 16
    found = _with(tool_inventory(now, {"gone": {"<script>": ""}}, SINCE))
    page, document = render(found), json.dumps(to_json(found))
    assert len(page.encode()) < 500_000
    assert len(document) < 2_000_000
    assert "<img src=x" not in page
    assert "<script" not in page
    assert "and 9" in page  # what is left out is counted
    assert found.inventory is not None
    assert (found.inventory.tools, found.inventory.left_out) == (10_000, 8_001)


def test_a_name_that_holds_a_secret_is_redacted() -> None:
    """The last look before rendering reaches the inventory too."""
    found = redacted(
        _with(tool_inventory({"hunter2": {"hunter2": ""}}, None, None)), lambda t: t.replace("hunter2", "«»")
    )
    assert "hunter2" not in json.dumps(to_json(found))
    assert found.inventory is not None
    assert found.inventory.entries[0].tool == "«»"


def test_when_the_last_good_run_was_is_kept(tmp_path: Path) -> None:
    """The inventory knows its moment; a file of an earlier version counts from when it was written; damage is nothing."""
    config = Config(report_dir=tmp_path, target=Target(url="http://127.0.0.1:9"))
    inventory = Inventory(config, tmp_path)
    assert (inventory.noted(), inventory.last_seen()) == (None, None)
    inventory.note(NOW)
    assert inventory.noted() == NOW
    document = json.loads((tmp_path / "inventory.json").read_text())
    for seen, year in ((0, "1970-01-01T00:00:00Z"), ("never", inventory.last_seen()), (1e300, None)):
        (tmp_path / "inventory.json").write_text(json.dumps(document | {"seen": seen}))
        told = inventory.last_seen()
        assert told is None if year is None else (told or "")[:13] == (year or "")[:13]
