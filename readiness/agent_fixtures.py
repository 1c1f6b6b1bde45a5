"""The agent's path as pytest fixtures: `agent`, one configured call an instance, and the turns among workers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from readiness.errors import Unknown
from readiness.findings import PHASES
from readiness.turns import ALONE, turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.config.model import Config
    from readiness.facts.hub import Hub
    from readiness.facts.mcp_agent import Agent
    from readiness.facts.mcp_calls import ServerCall
    from readiness.facts.mcp_sessions import Sessions
    from readiness.reach import Reach


@pytest.fixture
def readiness_turn(request: pytest.FixtureRequest, readiness_reach: Reach) -> Iterator[None]:
    """This worker's turn at the hub; without other workers there is nothing to wait for."""
    phase = next((name for name in PHASES if request.node.get_closest_marker(name)), "")
    with _turn(request.config, readiness_reach, alone=phase in ALONE):
        yield


def _turn(config: pytest.Config, reach: Reach, *, alone: bool) -> contextlib.AbstractContextManager[None]:
    if reach.run_dir is None or not hasattr(config, "workerinput"):
        return contextlib.nullcontext()
    return turn(reach.run_dir, alone=alone)


@pytest.fixture(scope="session")
def readiness_sessions(request: pytest.FixtureRequest, readiness_reach: Reach) -> Iterator[Sessions]:
    """This process's sessions, closed at its end; other workers do not look at the hub until it is quick again."""
    from readiness.extras import demand
    from readiness.facts.mcp_pace import settled
    from readiness.facts.mcp_sessions import Sessions

    demand("e2e")
    sessions = Sessions(readiness_reach.config)
    yield sessions
    if sessions.open:
        with contextlib.suppress(Unknown), _turn(request.config, readiness_reach, alone=True):
            sessions.close()
            if sessions.usual is not None:
                settled(readiness_reach.hub(), sessions.usual)
    sessions.close()


@pytest.fixture
def agent(hub: Hub, readiness_sessions: Sessions, readiness_reach: Reach) -> Iterator[Agent]:
    """An agent at work on the hub. A hub that does not answer ends the check in set-up."""
    from readiness.facts import mcp_before

    mcp_before.note(hub, readiness_reach.run_dir)
    yield from _at_work(hub, readiness_sessions, readiness_reach)


@pytest.fixture
def agent_afterwards(hub_unprobed: Hub, readiness_sessions: Sessions, readiness_reach: Reach) -> Iterator[Agent]:
    """An agent whose work is done: whether the hub still answers is for the check to judge."""
    yield from _at_work(hub_unprobed, readiness_sessions, readiness_reach)


def _at_work(hub: Hub, sessions: Sessions, reach: Reach) -> Iterator[Agent]:
    from readiness.facts import mcp_windows
    from readiness.facts.mcp_agent import Agent

    yield Agent(sessions, hub)
    if sessions.since is not None:
        mcp_windows.note(reach.config, sessions.since)


@pytest.fixture
def before_the_workflow(readiness_reach: Reach) -> Mapping[str, Any] | None:
    """The hub's process and its connected servers before the first session; None if that was never learnt."""
    from readiness.facts import mcp_before

    return mcp_before.read(readiness_reach.run_dir)


def instances(config: Config | None) -> list[ServerCall | None]:
    """The instances of a check that asks for `tool_call`; one without a name where no server is configured."""
    from readiness.facts.mcp_calls import server_calls

    with contextlib.suppress(Unknown):
        if config is not None:
            return list(server_calls(config)) or [None]
    return [None]


def parametrize_tool_call(metafunc: pytest.Metafunc, config: Config | None) -> None:
    """Make a check that asks for `tool_call` one instance for each configured call, and each server without one."""
    if "tool_call" in metafunc.fixturenames:
        calls = instances(config)
        ids = [one.instance if one is not None else "configuration" for one in calls]
        metafunc.parametrize("tool_call", calls, ids=ids)
