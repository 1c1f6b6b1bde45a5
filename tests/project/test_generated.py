"""What is derived from the decorators is current."""

from __future__ import annotations

import pytest

from readiness.cli.generate import ROOT, catalogue_text, collect, main, reference_text
from readiness.findings import PHASES, TRIGGERS
from readiness.session.plan import planning
from tests.project import kind_pages


def test_catalogue_and_reference_equal_the_decorators() -> None:
    """`make catalogue` would change nothing: the plan of a run is made of what stands in the suites."""
    assert planning.CATALOGUE_FILE.read_text(encoding="utf-8") == catalogue_text()
    checks = list({item.check.id: item.check for item, _ in collect()}.values())
    assert (ROOT / "docs" / "checks.md").read_text(encoding="utf-8") == reference_text(checks)


def test_generate_says_so() -> None:
    """`--check` exits 0 where everything is current, the pages of verbs and exit codes too; `make catalogue` renews them."""
    assert main(["--check"]) == 0


def test_every_shipped_check_is_whole() -> None:
    """Each check has a title, a remedy, a known phase and trigger, and waits only for checks that exist."""
    ids = {check.id for check, _ in planning.catalogue()}
    assert ids
    for check, file in planning.catalogue():
        assert check.title.endswith("."), check.id
        assert check.title != check.id.replace("-", " "), f"{check.id} has no docstring"
        assert check.remedy, check.id
        assert check.phase in PHASES
        assert check.rollback is None or check.rollback in TRIGGERS
        assert set(check.after) <= ids
        assert (ROOT / file).is_file()


@pytest.mark.parametrize("kind", kind_pages.PAGES)
def test_the_page_of_a_kind_says_what_it_leaves_out(kind: str) -> None:
    """`python -m tests.project.kind_pages` would change nothing, and every kind but a hub has a page."""
    text = kind_pages.PAGES[kind].read_text(encoding="utf-8")
    assert kind_pages.current(text, kind) == text
    assert text.count("\n- ") > 5
