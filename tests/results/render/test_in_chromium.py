"""The page as a person meets it: what stands in the first screen, where a link leads, what is on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness.results.render.page.html import render
from tests.helpers.browser import chromium
from tests.results.report.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

_SHOWN = (
    "e => { const box = e.getBoundingClientRect(); return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight }"
)
_ANYWHERE = "e => e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all that look."""
    with chromium() as found:
        yield found


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone at night."""
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    yield page
    page.close()


def _open(page: Page, folder: Path, scene: str, anchor: str = "") -> None:
    file = folder / f"{scene}.html"
    file.write_text(render(SCENES[scene]()), encoding="utf-8")
    page.goto(file.as_uri() + anchor, timeout=20_000)


def test_the_first_screen_of_a_phone_says_it_all(phone: Page, tmp_path: Path) -> None:
    """Verdict, decision, reason and score stand in the first screen, and where a rollback is over, that as well."""
    for scene in (name for name in SCENES if name != "hostile"):
        _open(phone, tmp_path, scene)
        parts = ["h1", ".decision", ".because", ".found" if scene == "rolled_back" else ".number"]
        seen = {part: phone.locator(part).first.evaluate(_SHOWN) for part in parts}
        assert seen == dict.fromkeys(seen, True), scene
    _open(phone, tmp_path, "rolled_back")
    assert phone.locator(".done").first.evaluate(_SHOWN)
    assert "Rolled back and proven" in phone.locator(".done").first.inner_text()


@pytest.mark.parametrize("check", ["tools-are-listed", "events-stream", "hub-is-ready"])
def test_a_link_opens_and_marks_what_it_names(check: str, phone: Page, tmp_path: Path) -> None:
    """`#check-id` leads to a check wherever it stands, folded below its cause or among those that passed, and marks it."""
    _open(phone, tmp_path, "rolled_back", f"#{check}")
    found = phone.locator(f"[id='{check}']")
    assert found.evaluate(_ANYWHERE)
    assert found.evaluate("e => e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0")
    assert found.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_everything_is_open_and_light_on_paper(phone: Page, tmp_path: Path) -> None:
    """What is folded on the screen is printed, dark mode or not, and what only a screen can do is left out."""
    _open(phone, tmp_path, "rolled_back")
    folded = phone.locator("details li").first
    assert not folded.evaluate(_ANYWHERE)
    phone.emulate_media(media="print")
    assert folded.evaluate(_ANYWHERE)
    assert phone.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not phone.locator(".jump").evaluate(_ANYWHERE)


def test_a_long_list_can_be_filtered_and_nothing_vanishes(phone: Page, tmp_path: Path) -> None:
    """What is unticked is hidden on the screen alone: it is printed, and a link to it still shows it."""
    _open(phone, tmp_path, "long_list")
    assert phone.locator(".card:visible").count() == 40
    phone.locator("#_only-low").uncheck()
    hidden = phone.locator(".card.s-low").first
    assert phone.locator(".card:visible").count() == 40 - phone.locator(".card.s-low").count() < 40
    name = hidden.get_attribute("id")
    phone.evaluate("name => { location.hash = name }", name)
    assert hidden.is_visible()
    phone.emulate_media(media="print")
    assert phone.locator(".card:visible").count() == 40
