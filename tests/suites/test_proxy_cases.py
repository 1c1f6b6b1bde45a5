"""Configurations as operators write them, on a real nginx in namespaces: what is right passes, and what is wrong is named."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.helpers.nginx_site import program
from tests.suites.nginx_cases import CASES, Case
from tests.suites.nginx_host import CHECKS, judged

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = tuple(case for case in CASES if case.name.startswith("p") and case.name[1:3].isdigit())
DAILY = ("p01", "p03", "p15", "p21", "p27")
OTHERS = tuple(case for case in CASES if case not in GIVEN)


def _assert_judged(cases: tuple[Case, ...], folder: Path) -> None:
    """Every case's outcomes are the expected ones, and its reasons hold what they must."""
    program()
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("namespaces need root, unshare and ip")
    rows = judged([case.name for case in cases], folder)
    wrong = []
    for case in cases:
        told = rows[case.name]
        outcomes = {name: told.get(name, ["absent"])[0] for name in CHECKS}
        wanted = dict.fromkeys(CHECKS, "passed") | dict(case.expected)
        reasons = "\n".join(f"{name}: {reason}" for name, (_, reason) in told.items())
        wrong += [
            f"{case.name}: {name} is {outcomes[name]}, not {wanted[name]}: {told.get(name, ['', ''])[1]}"
            for name in CHECKS
            if outcomes[name] != wanted[name]
        ]
        wrong += [f"{case.name}: no reason holds {words!r}:\n{reasons}" for words in case.words if words not in reasons]
    assert not wrong, "\n".join(wrong)


def test_configurations_of_each_kind_are_judged_rightly(tmp_path: Path) -> None:
    """One configuration of each kind that was once misjudged is judged as its operator would judge it."""
    _assert_judged(tuple(case for case in GIVEN if case.name[:3] in DAILY), tmp_path)


@pytest.mark.matrix
def test_the_reported_configurations_are_judged_rightly(tmp_path: Path) -> None:
    """Each configuration that was once misjudged is judged as its operator would judge it."""
    _assert_judged(GIVEN, tmp_path)


@pytest.mark.matrix
@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_other_operators_configurations_are_judged_rightly(case: Case, tmp_path: Path) -> None:
    """Siblings of the reported ones, written in other styles: no false alarm, and no fault that stays silent."""
    _assert_judged((case,), tmp_path)
