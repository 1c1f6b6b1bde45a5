"""A hub whose every word is an attack, through the real suite into everything that a run writes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from tests.faults.hub.model import Answer, How, Site
from tests.faults.hub.words import CONFIG, HEALTH, TOOLS, both, edit
from tests.results.render.readers import READERS
from tests.session.canary.runs import ROOT, Ran, run
from tests.session.canary.scenes import Scene

MARK: Final = "hOstIle"
ATTACK: Final = (
    f"{MARK}<script>alert(1)</script><img src=x onerror=alert(2)></style></title>\"'>&amp;{{{{7*7}}}}"
    "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07\x9b31m"
    "\r\n::error file=x::owned\r\n::set-output name=x::y\n##vso[task.complete]\n"
    "\u202egnp.exe\u2066\u200b\u200d\ufeff\x00\x08\x7f\ud800\udfff]]>-->"
)
LONG: Final = ATTACK + "A" * 300_000
HUB: Final = How(
    edits=(
        edit(HEALTH, "version", LONG),
        *both("servers.0.status", ATTACK),
        *both("servers.0.error", ATTACK),
        *both("servers.1.name", ATTACK),
        edit(TOOLS, "tools.+", {"server": ATTACK, "name": ATTACK, "description": LONG, "enabled": True}),
        edit(TOOLS, "tools.+", {"server": ATTACK, "name": ATTACK, "description": LONG, "enabled": True}),
        edit(CONFIG, "config", {ATTACK: ATTACK}),
    ),
    answers=(Answer(route=HEALTH, headers=(("Access-Control-Allow-Origin", "<script>\u202e"),)),),
)
SCENE: Final = Scene(
    how=HUB,
    site=Site(log=("error", ATTACK.replace("\ud800\udfff", ""), "<b>")),
    suites={"test_own.py": (ROOT / "tests" / "session" / "canary" / "hostile.txt").read_text(encoding="utf-8")},
)
ARGUMENTS: Final = ("-vv", "-rA", "--junitxml=kept/junit.xml", "--html=kept/page.html", "--self-contained-html")
OBEYED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What a terminal or a reader's eye would obey; tab and newline are the text's own."""
ABOVE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Pytest paints with them itself, also inside what it explains."""
COMMAND: Final = re.compile(r"(?m)^\s*(?:::(?:error|set-output)|##vso\[)")
"""What a CI system would obey at the start of a line."""


@pytest.fixture(scope="module", params=["plain", pytest.param("n2", marks=pytest.mark.matrix)])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run on that hub, in a job of a CI system that obeys what is printed."""
    arguments = (*ARGUMENTS, "-n2") if request.param == "n2" else ARGUMENTS
    around = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "kept/summary.md"}
    return run(tmp_path_factory.mktemp("hostile"), SCENE, *arguments, **around)


class Tags(HTMLParser):
    """The tags and attributes of a page, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, dict(attrs)))


def test_the_run_ends_as_runs_end(ran: Ran) -> None:
    """It is judged, nothing broke, and the attack did reach the report: all below looks at it."""
    assert ran.status == 1, ran.said[-3000:]
    assert "INTERNALERROR" not in ran.said
    report = json.loads(ran.written["reports/readiness.json"])
    assert report["verdict"]["status"] == "NOT READY"
    reasons = {row["check"]: row["reason"] + row["actual"] for row in report["findings"]}
    reached = {check for check, text in reasons.items() if MARK in text}
    assert {"hub-is-the-expected-release", "mcp-servers-are-connected", "tools-are-listed"} <= reached
    assert {"own-word-for-word", "own-degraded", "logs-are-clean-since-deploy"} <= reached


def test_the_page_holds_no_tag_of_the_hubs(ran: Ran) -> None:
    """Markup comes out as text: no script, no image, no handler; what cannot be seen is shown as its escape."""
    page = ran.written["reports/readiness.html"]
    tags = Tags(page)
    names = {tag for tag, _ in tags.found}
    assert {"script", "img", "iframe", "object"} & names == set()
    assert {name for _, attributes in tags.found for name in attributes if name.startswith("on")} == set()
    assert MARK in page
    assert OBEYED.findall(page) == []
    assert len(page) < 2_000_000


def test_the_data_hold_nothing_that_is_obeyed(ran: Ran) -> None:
    """The texts of readiness.json are plain when read back: it is printed by jq in terminals and CI logs."""
    texts = list(_texts(json.loads(ran.written["reports/readiness.json"])))
    assert any(MARK in text for text in texts)
    assert [text[:80] for text in texts if OBEYED.search(text)] == []


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def test_the_terminal_obeys_nothing(ran: Ran) -> None:
    """The summary is at most 25 lines without a control character; above it nothing but colours."""
    above, _, below = ran.said.rpartition("= readiness =")
    summary, *_ = below.partition("\n::")
    assert MARK in summary
    assert OBEYED.findall(summary) == []
    assert len(summary.strip().splitlines()) <= 26  # the rest of the rule and 25 lines
    assert COMMAND.findall(summary) == []
    assert ABOVE.findall(COLOUR.sub("", above.replace("\r\n", "\n"))) == []


def test_the_ci_system_obeys_our_annotations_alone(ran: Ran) -> None:
    """What begins as a command is one of the annotations at the end; the hub's words stand in them, and begin none."""
    above, _, below = ran.said.rpartition("= readiness =")
    assert COMMAND.findall(above) == []
    assert "##[" not in ran.said
    assert "##vso[" not in ran.said
    annotations = [line for line in below.splitlines() if line.startswith("::")]
    told = READERS["readiness.github.txt"]("".join(f"{line}\n" for line in annotations)).found
    assert told[0][0] == "error"
    assert told[0][1]["title"].startswith("NOT READY: ")
    assert any(MARK in text for _, _, text in told)
    assert "".join(f"{line}\n" for line in annotations) == ran.written["reports/readiness.github.txt"]


def test_every_format_of_the_run_is_read_by_its_consumer(ran: Ran) -> None:
    """All that a real run wrote for machines parses and tells its verdict; the step's summary is the Markdown."""
    for name, reader in READERS.items():
        text = ran.written[f"reports/{name}"]
        assert reader(text).status in {None, "NOT READY"}, name
        assert OBEYED.findall(text) == [], name
    assert ran.written["kept/summary.md"] == ran.written["reports/readiness.md"] + "\n"


def test_junit_is_valid_and_says_it(ran: Ran) -> None:
    """The file parses as XML with the verdict in it, and the hub's words are text there."""
    suite = ET.fromstring(ran.written["kept/junit.xml"])
    names = {(case.get("classname"), case.get("name")) for case in suite.iter("testcase")}
    assert ("readiness", "verdict") in names
    assert MARK in "".join(suite.itertext())
    assert {element.tag for element in suite.iter()} <= {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped", "properties", "property"),
        *("system-out", "system-err"),
    }


def test_pytest_htmls_page_runs_nothing_of_the_hubs(ran: Ran) -> None:
    """The page keeps its own scripts, and gains no tag or handler: what its script unpacks is escaped as well."""
    page = ran.written["kept/page.html"]
    assert MARK in page
    tags = Tags(page)
    assert {name for _, attributes in tags.found for name in attributes if name in {"onerror", "onload"}} == set()
    assert [attributes for tag, attributes in tags.found if tag == "img" and attributes.get("src") == "x"] == []
    blob = next(attributes["data-jsonblob"] for _, attributes in tags.found if "data-jsonblob" in attributes)
    assert blob is not None
    rows = [text for text in _texts(json.loads(blob)) if MARK in text]
    assert rows
    assert [text[:200] for text in rows if "<img" in text or "<script" in text] == []
