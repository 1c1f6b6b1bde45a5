"""For every phase and kind: each check is judged in the words of the kind or left out with a reason, and none asks a hub's routes."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

from readiness.config import KINDS
from readiness.facts.load.plan import load_plan
from readiness.findings import PHASES, Outcome
from readiness.operations.baseline.sample import Sampler
from readiness.operations.deploys.hub_look import clearly_not_silent, look
from readiness.operations.watch import Bench
from readiness.operations.watch.look import Watcher
from readiness.session.plan.planning import catalogue
from tests.facts.targets.test_gateways import gateway
from tests.facts.targets.test_kinds import CALL, configured, judged, scope_of
from tests.helpers.mcp_target import McpTarget, serve

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = [name for name in KINDS if name != "mcp-hub"]
OF_A_HUB = re.compile(r"\b([Tt]he|[Aa]n? MCP|[Aa]) [Hh]ub\b")


def double(kind: str) -> McpTarget:
    """A well target of that kind."""
    return gateway(kind) if kind in {"litellm", "contextforge"} else McpTarget()


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_is_judged_or_left_out(phase: str, kind: str, tmp_path: Path) -> None:
    """What applies to a target that is just named speaks of its kind; the rest says why it does not apply."""
    scope = scope_of(configured(tmp_path, "http://127.0.0.1:9", kind))
    for check in (check for check, _ in catalogue() if check.phase == phase):
        planned = scope.adjust_check(check)
        told = planned.not_applicable or f"{planned.check.title} {planned.check.remedy}"
        assert not OF_A_HUB.search(told.replace("a hub's", "").replace("the form of a hub", "")), (check.id, told)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("phase", ["preflight", "infra"])
def test_what_a_configuration_names_is_looked_at(phase: str, kind: str, tmp_path: Path) -> None:
    """With a release and a host named, what is not a hub's own is judged: nothing crashes, and no sentence speaks of a hub."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "server.py").write_text("print(1)\n")
    config = configured(tmp_path, "http://127.0.0.1:9", kind, 'release = "release"\nhosts = ["local://"]')
    scope = scope_of(config)
    applied = [c.id for c, _ in catalogue() if c.phase == phase and not scope.adjust_check(c).not_applicable]
    assert applied
    if phase == "preflight":
        for name, found in judged(config, tmp_path / "run", applied).items():
            assert not OF_A_HUB.search(found.reason), (name, found.reason)


@pytest.mark.parametrize("kind", OTHERS)
def test_the_look_around_a_deploy_sees_the_target(kind: str, tmp_path: Path) -> None:
    """Release and rollback see that it answers and which build it is, at its own routes."""
    with serve(double(kind)) as target:
        config = configured(tmp_path, target.url, kind)
        seen = look(config)
        assert (seen.answers, seen.state) == (True, "ready")
        assert clearly_not_silent(config)
        assert seen.version == {"contextforge": "1.0.7-20260921"}.get(kind, target.version)
        assert not {path for path in target.paths() if path.startswith("/api/")}
    assert not look(config).answers


@pytest.mark.parametrize("kind", OTHERS)
def test_it_is_watched_and_sampled(kind: str, tmp_path: Path) -> None:
    """A watch and a baseline take their numbers from its own routes."""
    with serve(double(kind)) as target:
        config = configured(tmp_path, target.url, kind)
        (tmp_path / "run").mkdir()
        with contextlib.closing(Bench(config, scope_of(config), str, tmp_path / "run")) as bench:
            seen = Watcher(bench, sample=0.01).look()
            assert (seen.state, seen.trouble) == ("ready", "")
            assert seen.answer_ms is not None
            assert not [row for row in seen.judgement.rows if row.finding.outcome is Outcome.FAILED]
            taken = Sampler(bench, lambda _: None).take(0.5, 0.1)
        assert taken.failed == 0
        assert {"health.answer", "tools.answer"} <= set(taken.series)
        assert not {path for path in target.paths() if path.startswith("/api/")}


@pytest.mark.parametrize("kind", OTHERS)
def test_its_load_is_the_configured_calls(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the generator calls the configured tools over MCP, with the credentials by the names of their variables."""
    monkeypatch.setenv("KEY_OF_TESTS", "k-123456789")
    lines = 'token_env = "KEY_OF_TESTS"\ntoken_header = "X-API-Key"'
    plan = load_plan(configured(tmp_path, "http://127.0.0.1:9", kind, lines, CALL), tmp_path / "out")
    assert [one["tool"] for one in plan["mix"]] == ["echo"]
    assert (plan["token_env"], plan["auth"]) == (None, [["X-API-Key", "KEY_OF_TESTS", ""]])
    assert plan["mcp"] == KINDS[kind].endpoint
