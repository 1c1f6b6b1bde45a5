"""Real MCP servers, bridges and gateways, as `readiness init` finds them and `readiness check` judges them: healthy, and broken in their own ways."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.few_plugins import FEW
from tests.helpers.pace import seconds
from tests.helpers.products import PRODUCTS, UPSTREAM, restart_litellm_with_one_that_never_starts, running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.helpers.products import Running


def _command(one: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    return subprocess.run(
        [sys.executable, "-m", "readiness", *arguments], cwd=one.folder, env=kept | FEW | {"KEY": one.product.key},
        capture_output=True, text=True, timeout=seconds(180), check=False,
    )  # fmt: skip


def _initialise(one: Running, *, keeps_to_its_budget: bool = False) -> None:
    """Let `init` see what answers, and hold what it wrote against the product."""
    key = ("--token-env", "KEY") if one.product.key else ()
    ended = _command(one, "init", "--url", one.url, *key)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    file = one.folder / "readiness.toml"
    written = file.read_text(encoding="utf-8")
    kind = f'kind = "{one.product.kind}"'
    assert kind in written
    budget = "" if keeps_to_its_budget else "\nrequest_budget = 100000"
    file.write_text(written.replace(kind, kind + budget) + "\n[probe]\ninterval = 0.2\n", encoding="utf-8")


def _judged(one: Running) -> dict[str, Any]:
    """Run the two phases of a running service as a user does, and read the report."""
    ended = _command(one, "check", "-m", "health or e2e")
    path = one.folder / "reports" / "readiness.json"
    assert path.is_file(), ended.stdout + ended.stderr
    text = path.read_text(encoding="utf-8")
    assert not one.product.key or one.product.key not in ended.stdout + ended.stderr + text
    report: dict[str, Any] = json.loads(text)
    return report


def _outcomes(report: Mapping[str, Any], *outcomes: str) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in report["findings"] if row["outcome"] in outcomes}


def _killed(one: Running) -> None:
    one.child().kill()


def _stopped(one: Running) -> None:
    one.child().suspend()


def _gone(one: Running) -> None:
    one.end(one.product.name)


def _without_its_upstream(one: Running) -> None:
    one.end(UPSTREAM)


matrix = pytest.mark.matrix


@pytest.mark.parametrize(
    ("name", "break_it", "check"),
    [
        pytest.param("fastmcp", _gone, "hub-answers", id="FastMCP, and gone"),
        pytest.param("fastmcp-with-a-key", None, "", id="FastMCP with a key"),
        pytest.param("server-everything", None, "", id="server-everything"),
        pytest.param("mcp-proxy-npm", _killed, "tools-are-listed", id="mcp-proxy (npm), and its child killed"),
        pytest.param(
            "mcp-proxy-npm",
            _stopped,
            "tools-are-listed",
            id="mcp-proxy (npm), and its child standing still",
            marks=matrix,
        ),
        pytest.param("mcp-proxy-pypi", _killed, "tools-are-listed", id="mcp-proxy (PyPI), and its child killed"),
        pytest.param("supergateway", None, "", id="supergateway, stateful"),
        # it starts a process for each POST
        pytest.param("supergateway-stateless", None, "", id="supergateway, stateless", marks=matrix),
        pytest.param("supergateway-sse", _stopped, "hub-answers", id="supergateway, SSE, and its child standing still"),
        pytest.param("playwright-mcp", None, "", id="@playwright/mcp without a browser"),
        pytest.param(
            "litellm",
            restart_litellm_with_one_that_never_starts,
            "mcp-servers-are-connected",
            id="LiteLLM, and one server that never starts",
        ),
        pytest.param(
            "contextforge",
            _without_its_upstream,
            "tool-call-returns-its-result",
            id="ContextForge, and its upstream stopped",
        ),
    ],
)
def test_a_product_gets_a_verdict_that_its_maintainer_would_sign_and_its_breakage_is_named(
    name: str, break_it: Callable[[Running], None] | None, check: str, tmp_path: Path
) -> None:
    """Two commands from an address to a verdict: nothing is wrong but what that product is known for; broken, with its own health green, it is not ready."""
    product = PRODUCTS[name]
    with running(product, tmp_path) as one:
        _initialise(one)
        report = _judged(one)
        assert _outcomes(report, "failed", "unknown") == product.expected, report["verdict"]
        assert report["verdict"]["status"] == product.status
        if break_it is None:
            return
        break_it(one)
        if product.own:
            one.ask(product.own)
        report = _judged(one)
    assert report["verdict"]["status"] == "NOT READY", report["verdict"]
    failed = {row["check"]: row["reason"] for row in report["findings"] if row["outcome"] == "failed"}
    assert check in failed, report["verdict"]
    assert check in str(report["comparison"]["newly_failing"]), report["comparison"]
    if product.own and check != "mcp-servers-are-connected":
        assert product.own in failed[check], failed[check]


@matrix
@pytest.mark.skipif("READINESS_MATRIX_PART" in os.environ, reason="it waits for minutes: a whole make matrix runs it")
def test_two_runs_at_once_do_not_lock_anybody_out(tmp_path: Path) -> None:
    """ContextForge with its own limits: both runs get their verdict, and its health still answers everybody."""
    limits = {name: value for name, value in PRODUCTS["contextforge"].environ.items() if "RATE_LIMIT_" not in name}
    with running(dataclasses.replace(PRODUCTS["contextforge"], environ=limits), tmp_path) as one:
        _initialise(one, keeps_to_its_budget=True)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            arguments = ("check", "-m", "health or e2e", "--readiness-report")
            ended = list(pool.map(lambda folder: _command(one, *arguments, folder), ("one", "two")))
        one.ask("/health")
        for run, folder in zip(ended, ("one", "two"), strict=True):
            report = json.loads((tmp_path / folder / "readiness.json").read_text(encoding="utf-8"))
            assert "rate limited" not in run.stdout
            assert report["verdict"]["status"] == "READY", run.stdout
