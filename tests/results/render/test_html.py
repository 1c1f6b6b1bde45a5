"""The page: verdict first, nothing runs in it, nothing is asked for, readable everywhere, bounded in size."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import re
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from readiness.findings import Outcome
from readiness.results.render.page.html import render
from readiness.results.verdict.verdict import Decision, Status
from tests.helpers.browser import chromium
from tests.results.report.factory import judged, planned_action, report, rollback_plan
from tests.results.report.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


class Reader(HTMLParser):
    """Tags, ids and the text a reader sees, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember every tag with its attributes."""
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"
        self.text += " "

    def handle_data(self, data: str) -> None:
        """Gather text but for the style sheet."""
        if not self._style:
            self.text += data


def _read(scene: str) -> Reader:
    reader = Reader()
    reader.feed(render(SCENES[scene]()))
    return reader


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_in_the_page_can_run_or_be_fetched(scene: str) -> None:
    """No script, handler, inline style, embedded thing or link but to people and within the page, hostile text or not."""
    reader = _read(scene)
    assert {tag for tag, _ in reader.tags} & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
    } == set()
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset"}], tag
        assert re.match(r"#|tel:\+?[0-9]+$|mailto:[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", attributes.get("href") or "#")


def test_the_policy_names_the_one_style_sheet() -> None:
    """The hash in the Content-Security-Policy is that of the style between the tags."""
    page = render(SCENES["ready"]())
    sheet = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert sheet is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(sheet[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html.unescape(policy[1])
    assert "default-src 'none'" in html.unescape(policy[1])


@pytest.mark.parametrize("scene", [name for name in SCENES if name != "hostile"])
def test_verdict_decision_and_reason_come_first(scene: str) -> None:
    """Before anything else a reader meets the word, what to do and why."""
    found, text = SCENES[scene](), " ".join(_read(scene).text.split())
    if scene == "rolled_back":
        first = text[: text.index("Everything else")]
        assert " SERVICE OK 4.3.0 was rolled back 4.2.1 answers again: the release before answers" in first
        assert f"4.3.0 was NOT READY, score 29.5: {found.because}" in first
        assert "of 100" not in first
        return
    order = [text.index(part) for part in (f" {found.status} Decision: ", found.because, "of 100", "Everything else")]
    assert order == sorted(order)
    assert f"Decision: {found.decision}" in text


def test_stamps_stand_on_top() -> None:
    """A demo and a first look say so before the verdict; other pages say neither."""
    demo, first, ready = (_read(name).text for name in ("demo", "first_look", "ready"))
    assert demo.index("DEMO") < demo.index("Decision:")
    assert first.index("FIRST LOOK") < first.index("readiness init --url") < first.index("Decision:")
    assert "DEMO" not in ready
    assert "FIRST LOOK" not in ready


def test_what_lost_points_comes_worst_first_with_all_that_helps() -> None:
    """Cards stand by points lost, each with values and remedy, failed before unknown."""
    text = " ".join(_read("conditional").text.split())
    order = [
        "Measured Access-Control-Allow-Origin: *",
        "systemctl reload nginx",
        "Measured 612 ms",
        "What could not be proven",
    ]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert "Expected ≤ 2000, warning past 500 ms" in text
    assert "Waived: known upstream" in text
    assert "up to 89.2 if 1 unknown check passes" in text


def test_a_dead_hub_is_one_root_cause() -> None:
    """What the hub's death blocks is folded below it, and no card of its own."""
    page = render(SCENES["hub_down"]())
    assert page.count('<article class="card') == 1
    assert "23 checks blocked by hub-answers" in page
    assert "rollback" in page


def test_trouble_is_told_before_the_findings() -> None:
    """A broken run says so before anything it found."""
    text = _read("incomplete").text
    assert text.index("The run itself broke") < text.index("gw1 died while") < text.index("What could not be proven")
    assert "None:" in text


def test_every_check_has_one_anchor() -> None:
    """Ids are unique, and each check of the report can be linked to by its id."""
    for scene in ("hub_down", "conditional", "hostile"):
        ids = [attributes["id"] for _, attributes in _read(scene).tags if "id" in attributes]
        assert len(ids) == len(set(ids))
    ids = [attributes.get("id") for _, attributes in _read("hub_down").tags]
    assert {row.check for row in SCENES["hub_down"]().rows} <= set(ids)


def test_instances_share_their_checks_anchor() -> None:
    """Two failing instances give two cards, and the worse one bears the anchor."""
    rows = [judged("disk", Outcome.FAILED, lost, instance=name) for name, lost in (("web1", 9), ("web2", 3))]
    page = render(report(rows, Status.NOT_READY, Decision.HOLD))
    assert page.count('id="disk"') == 1
    cards = page[page.index("<article") :]
    assert cards.index('id="disk"') < cards.index('id="disk.web1"') < cards.index('id="disk.web2"')


def test_a_rollback_by_hand_names_no_command() -> None:
    """What is left to a person is said once, and no command pretends to do it; a planned action names the command."""
    hand = planned_action(
        "by hand", ("security",), "admin-routes-are-closed failed, and no action covers security", "by hand"
    )
    page = render(report(decision=Decision.ROLL_BACK, rollback=rollback_plan(actions=(hand,), fired=("security",))))
    assert "readiness rollback" not in page
    assert page.count("by hand") == 1
    assert "readiness rollback" in render(SCENES["hub_down"]())


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE])
def test_ten_thousand_rows_stay_small_and_quick(outcome: Outcome) -> None:
    """10,000 rows of any outcome make a page under 2 MB that lists each of them; the second is for a machine busy with other tests."""
    rows = [
        judged(f"a-check-with-a-name-of-usual-length-{n}", outcome, 0.009, reason="connection refused " * 20)
        for n in range(10_000)
    ]
    made = report(rows, Status.NOT_READY, Decision.HOLD)
    render(report())
    began = time.process_time()
    page = render(made)
    assert time.process_time() - began < 1.0
    assert len(page.encode()) < 2_000_000
    listed = set(re.findall(r'id="(a-check-[a-z-]*[0-9]+)"', page))
    assert len(listed) == 10_000


def test_ten_thousand_hostile_rows_stay_small() -> None:
    """Rows whose every text is long and needs escaping are cut short, and the rest is counted."""
    rows = [judged(f"c-{n}", Outcome.FAILED, 0.009, reason="<&'\">" * 800, instance="&" * 200) for n in range(10_000)]
    page = render(report(rows, Status.NOT_READY, Decision.HOLD))
    assert len(page.encode()) < 2_000_000
    left = re.search(r"and (\d+) more, all in", page)
    assert left is not None
    told = page[page.index('<section class="lost"') : page.index('<div class="side">')]
    assert told.count("<article") > 5
    assert told.count("<article") + told.count("<li") + int(left[1]) == 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all that look."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize(
    ("scene", "scheme"),
    [
        ("ready", "light"),
        ("conditional", "light"),
        ("conditional", "dark"),
        ("hub_down", "light"),
        ("incomplete", "dark"),
        ("first_look", "light"),
        ("hostile", "light"),
        ("rolled_back", "dark"),
        ("rolled_back", "light"),
        ("long_list", "light"),
    ],
)
def test_the_page_is_accessible_and_fits(scene: str, scheme: Any, browser: Browser, tmp_path: Path) -> None:
    """Axe finds no fault, nothing is asked for or complained about, nothing sticks out at 360 px or on paper."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    file = tmp_path / "readiness.html"
    file.write_text(render(SCENES[scene]()), encoding="utf-8")
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    try:
        seen: list[str] = []
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url) if request.url != file.as_uri() else None)
        page.goto(file.as_uri(), timeout=20_000)
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(over) == 0
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate(over) == 0
        found = axe.run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found] == []
        page.set_viewport_size({"width": 1920, "height": 900})
        assert page.evaluate(over) == 0
        page.emulate_media(media="print")
        assert page.evaluate(over) == 0
        assert seen == []
    finally:
        page.close()


def test_the_first_screen_says_what_was_seen() -> None:
    """Beside the id of the check that decided stands what it saw; nobody has to scroll for "connection refused"."""
    found = dataclasses.replace(SCENES["hub_down"](), because="1 critical check failed: hub-answers")
    seen = next(row for row in found.rows if row.outcome is Outcome.FAILED).reason
    assert f'<p class="found">{seen}</p>' in render(found)


def test_a_cause_that_the_reason_does_not_name_is_not_told_as_its_reason() -> None:
    """Where a broken run decided, the first finding is not put below it as if it had."""
    found = dataclasses.replace(SCENES["hub_down"](), because="the run itself broke")
    assert 'class="found"' not in render(found)


@pytest.mark.parametrize(
    ("outcome", "chip"),
    [
        ("ROLLED_BACK_UNVERIFIED", "ROLLED BACK, UNPROVEN"),
        ("ROLLBACK_FAILED", "ROLLBACK FAILED"),
        ("HELD", "ROLL BACK"),
    ],
)
def test_nobody_is_told_to_roll_back_what_was_rolled_back(outcome: str, chip: str) -> None:
    """Once a release has acted, the sign beside the verdict says what was done and not what to do."""
    scene = SCENES["rolled_back"]()
    assert scene.release_run is not None
    found = dataclasses.replace(scene, release_run=dataclasses.replace(scene.release_run, outcome=outcome))
    page = render(found)
    assert f"Decision: </span>{chip}</p>" in page
    assert f"<title>NOT READY, {chip}:" in page
    assert '<span class="status">planned</span>' not in page
