"""Model, schema and documentation say the same."""

from __future__ import annotations

import dataclasses

import pytest

from readiness.config import describe, model
from readiness.config.schema import ACTION, CLAIM, CLAIMS, LIMIT, ROOT, SECTIONS, TOOL_CALL, WAIVER
from tests import sources

PAGE = sources.ROOT / "docs" / "configuration.md"

PAIRS = [
    (model.Target, SECTIONS["target"], {}),
    (model.Claim, CLAIM, {}),
    (model.ToolCall, TOOL_CALL, {}),
    (model.LimitOverride, LIMIT, {}),
    (model.GateSettings, SECTIONS["gate"], {}),
    (model.ProbeSettings, SECTIONS["probe"], {}),
    (model.ReleaseSettings, SECTIONS["release"], {}),
    (model.SecretSettings, SECTIONS["secrets"], {}),
    (model.LlmSettings, SECTIONS["llm"], {}),
    (model.Waiver, WAIVER, {}),
    (model.DrillSettings, SECTIONS["drill"], {}),
    (model.LoadSettings, SECTIONS["load"], {}),
    (model.RollbackAction, ACTION, {}),
    (model.RollbackSettings, SECTIONS["rollback"], {"actions": "action"}),
    (model.ReportSettings, SECTIONS["report"], {}),
]


@pytest.mark.parametrize(("section", "schema", "renamed"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS])
def test_every_field_has_its_key(section: type, schema: dict[str, object], renamed: dict[str, str]) -> None:
    """What the model holds can be set, and what can be set is held."""
    fields = {renamed.get(field.name, field.name) for field in dataclasses.fields(section)}
    assert fields == set(schema)


def test_every_section_has_its_key() -> None:
    """The top of the file has a key for each section of the model."""
    renamed = {"waivers": "waiver"}
    told_otherwise = {"path", "demo", "strict", "drill_requested", "report_dir"}
    fields = {renamed.get(field.name, field.name) for field in dataclasses.fields(model.Config)} - told_otherwise
    assert fields == set(ROOT)


def test_expect_holds_its_claims_and_its_lists() -> None:
    """Claims go to one mapping, the rest has fields of its own."""
    fields = {field.name for field in dataclasses.fields(model.Expect)}
    assert fields == {"claims", "servers", "min_servers", "tool_calls", "other_calls", "tools"}
    assert set(SECTIONS["expect"]) == {*CLAIMS, "servers", "min_servers", "tool_call", "tools"}


def test_the_page_lists_every_key_with_its_default() -> None:
    """The tables were made from this schema: `python -m readiness.config.describe docs/configuration.md` renews them."""
    page = PAGE.read_text(encoding="utf-8")
    assert describe.renewed(page) == page
    assert "| `attempts` | a whole number from 1 to 100 | `3` |" in page
    assert "| `proven` | a number from 0 to 1 | `0.8` |" in page


def test_a_page_without_markers_is_refused() -> None:
    """Nothing is written where the tables' place is not marked."""
    with pytest.raises(ValueError, match="markers"):
        describe.renewed("# A page")
