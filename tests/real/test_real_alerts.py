"""The alerts against mcp-hub@4.2.1 itself, which publishes no telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.alerts.words import PUBLISHED

if TYPE_CHECKING:
    from tests.real.conftest import Judge, RealHub


def test_an_idle_healthy_hub_raises_no_alarm(healthy: RealHub, judge: Judge) -> None:
    """What it cannot show is declared, so it is not applicable; nothing else is wrong."""
    judge.configure(healthy)
    found = judge.run("-m", "alerts")
    assert found.by_outcome("failed", "unknown", "degraded", "flaky") == {}, found.out[-3000:]
    assert set(found.by_outcome("not_applicable")) == {*PUBLISHED, "llm-is-watched"}
    assert (found.status, found.code) == ("READY", 0)


def test_undeclared_telemetry_is_unknown_and_says_what_is_needed(healthy: RealHub, judge: Judge) -> None:
    """An absent number is never a zero: each check names the key that the hub would have to publish."""
    (judge.folder / "readiness.toml").write_text(
        f'environment = "local"\n[target]\nurl = "{healthy.url}"\nversion = "4.2.1"\n[expect]\nservers = ["everything"]\n'
    )
    found = judge.run("-m", "alerts")
    unknown = found.by_outcome("unknown")
    assert set(unknown) == set(PUBLISHED), found.out[-3000:]
    assert "serves no /api/filtering/stats" in unknown["llm-success-rate"]
    assert "llm.successRate" in unknown["llm-success-rate"]
    assert "circuitBreaker.state" in unknown["circuit-breaker-is-closed"]
    assert (found.status, found.code) == ("INCOMPLETE", 12)
