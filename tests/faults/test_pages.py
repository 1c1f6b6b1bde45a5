"""The pages of the tables of faults."""

from __future__ import annotations

import pytest

from tests.faults.pages import PAGES, markdown
from tests.sources import ROOT


@pytest.mark.parametrize(("table", "page"), PAGES.items())
def test_the_documented_page_is_current(table: str, page: str) -> None:
    """A page in `docs/proof/` is what `python -m tests.faults TABLE` prints."""
    assert (ROOT / "docs" / "proof" / page).read_text(encoding="utf-8") == markdown(table)
