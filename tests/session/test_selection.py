"""What `-m` asks for: load and drills are run, and planned, only where it asks for them by name."""

from __future__ import annotations

import pytest

from readiness.session.plan.planning import asks_for, selected_phases

ASKED = (
    "load",
    "load or not health",
    "not (not load)",
    "health or load",
    "load and not drill",
    "(load)",
    "not not load",
)
NOT_ASKED = (
    *("", "not health", "not (health or e2e)", "not load", "health and not load", "not health and not drill"),
    *("not (load and health)", "health or drill", "nightly", "loads", "not (load or health)", "health and"),
)


@pytest.mark.parametrize("expression", ASKED)
def test_a_load_that_is_named_is_asked_for(expression: str) -> None:
    """Whatever stands around it: the expression may hold because of this very name."""
    assert asks_for(expression, "load")
    assert "load" in selected_phases(expression)


@pytest.mark.parametrize("expression", NOT_ASKED)
def test_what_an_expression_only_does_not_exclude_is_not_asked_for(expression: str) -> None:
    """Pytest would select the load for "not health" too, and start it."""
    assert not asks_for(expression, "load")
    assert "load" not in selected_phases(expression)
