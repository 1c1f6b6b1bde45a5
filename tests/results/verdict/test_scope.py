"""What the configuration says about a check: limits, settle time, and whether it applies."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from readiness.config.model import STARTUP_SECONDS, Claim, Config, Expect, LimitOverride, ProbeSettings, Target
from readiness.findings import Check, Limits, Severity
from readiness.session.plan.planning import Scope

CHECK = Check(id="c", title="C.", phase="health", topic="t", severity=Severity.CRITICAL)
FILE = Path("readiness.toml")


def config(**claims: Claim) -> Config:
    """A configuration with a file and these claims."""
    return Config(environment="production", path=FILE, expect=Expect(claims=claims))


def scope(settings: Config, deployed: dict[str, Claim] | None = None) -> Scope:
    """A scope whose deployed configuration claims `deployed`."""
    return Scope(settings, lambda: deployed or {})


def needing(*keys: str, **more: Any) -> Check:
    """A check that needs these claims."""
    return dataclasses.replace(CHECK, needs=keys, **more)


def test_a_declared_exception_gives_its_reason() -> None:
    """`expected = false` makes a check not applicable, with the declared reason."""
    found = scope(config(llm=Claim(expected=False, reason="no LLM here"))).adjust_check(needing("llm"))
    assert found.not_applicable == "no LLM here"
    assert not found.scope_exception


def test_what_nobody_declared_counts_as_claimed() -> None:
    """With a file, a claim that stands nowhere leaves the check in the plan."""
    assert scope(config()).adjust_check(needing("llm")).not_applicable is None


def test_the_deployed_configuration_speaks_where_the_file_is_silent() -> None:
    """A claim of the deployed file counts, and a declared one counts more."""
    deployed = {"llm": Claim(expected=False, reason="not enabled")}
    assert scope(config(), deployed).adjust_check(needing("llm")).not_applicable == "not enabled"
    assert scope(config(llm=Claim(expected=True)), deployed).adjust_check(needing("llm")).not_applicable is None


def test_a_first_look_leaves_out_what_was_never_declared() -> None:
    """Without a file an undeclared claim is not judged, and that caps the verdict by name."""
    look = scope(Config(environment="local", target=Target(url="http://127.0.0.1:1")))
    assert "never declared" in str(look.adjust_check(needing("version")).not_applicable)
    assert "version" in str(look.first_look_cap())
    assert scope(config()).first_look_cap() is None


def test_an_unwaivable_check_declared_away_in_production_is_an_exception() -> None:
    """It needs an owner and an expiry, and is marked so that the verdict cannot be READY."""
    strict = needing("authentication", waivable=False)
    bare = scope(config(authentication=Claim(expected=False, reason="later")))
    assert bare.adjust_check(strict).scope_exception
    assert "owner" in bare.unowned_exceptions({"c": strict})[0]
    owned = Claim(expected=False, reason="later", owner="ops", expires=dt.date(2100, 1, 1))
    assert scope(config(authentication=owned)).unowned_exceptions({"c": strict}) == []


def test_outside_production_no_owner_is_asked() -> None:
    """A laptop may leave authentication out without ceremony."""
    local = dataclasses.replace(config(authentication=Claim(expected=False, reason="x")), environment="local")
    strict = needing("authentication", waivable=False)
    assert scope(local).unowned_exceptions({"c": strict}) == []
    assert not scope(local).adjust_check(strict).scope_exception


def test_what_only_the_host_can_prove_is_left_to_it() -> None:
    """`where = "ci"` makes host checks not applicable."""
    ci = dataclasses.replace(config(), target=Target(where="ci"))
    assert "left to the host" in str(scope(ci).adjust_check(dataclasses.replace(CHECK, where="host")).not_applicable)
    assert scope(ci).adjust_check(dataclasses.replace(CHECK, where="tree")).not_applicable is None


def test_configuration_overrides_numbers_only() -> None:
    """`[limits.ID]` replaces the numbers it names and leaves unit and direction."""
    limited = dataclasses.replace(CHECK, limits=Limits(warning=1, critical=2, unit="ms", samples=20))
    changed = dataclasses.replace(config(), limits={"c": LimitOverride(critical=5)})
    assert scope(changed).adjust_check(limited).check.limits == Limits(warning=1, critical=5, unit="ms", samples=20)


@pytest.mark.parametrize(
    ("settle", "probe", "seconds"),
    [
        ("probe", ProbeSettings(), 4.0),
        ("probe", ProbeSettings(attempts=1), 0.0),
        ("startup", ProbeSettings(), STARTUP_SECONDS),
        ("startup", ProbeSettings(settle=90), 90.0),
        (7.5, ProbeSettings(), 7.5),
    ],
)
def test_settle_time(settle: Any, probe: ProbeSettings, seconds: float) -> None:
    """Three attempts two seconds apart are four seconds; the start-up budget is its own."""
    told = scope(dataclasses.replace(config(), probe=probe))
    assert told.settle_seconds(dataclasses.replace(CHECK, settle=settle)) == seconds
