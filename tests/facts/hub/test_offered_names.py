"""The names that agents see, as the hub makes them."""

from __future__ import annotations

import pytest

from readiness.facts.hub.offered_names import name_clashes, offered_name, offered_names, safe_prefixes
from readiness.facts.hub.records import HubServer, HubTool


def server(name: str, *tools: str, status: str = "connected") -> HubServer:
    """A server's record."""
    return HubServer(name=name, status=status, uptime=9.0, tools=tools)


@pytest.mark.parametrize(
    ("servers", "prefixes"),
    [
        (["memory-graph", "github.com/acme/maps"], ["memory_graph", "github_com_acme_maps"]),
        (["My Server (prod)", "高德地图", "maps 🗺"], ["My_Server__prod_", "____", "maps___"]),
        (["a-b", "a.b", "a b"], ["a_b", "a_b_1", "a_b_2"]),
        (["a-b", "a_b_1", "a.b"], ["a_b", "a_b_1", "a_b_2"]),
        (["a_b_1", "a-b", "a.b"], ["a_b_1", "a_b", "a_b_2"]),
        (["a-b", "a.b", "a_b_1"], ["a_b", "a_b_1", "a_b_1_1"]),
    ],
)
def test_the_later_of_two_safe_names_gets_a_number(servers: list[str], prefixes: list[str]) -> None:
    """All but ASCII letters and digits become `_`; what is taken already gets the next free number."""
    assert safe_prefixes(servers) == dict(zip(servers, prefixes, strict=True))


def test_a_server_that_is_not_connected_takes_no_name() -> None:
    """Where the first of two is away, the second one has the name to itself; tools of those away are not offered."""
    tools = [HubTool(server="a-b", name="x"), HubTool(server="a.b", name="x")]
    assert offered_names([server("a-b"), server("a.b")], tools) == ["a_b__x", "a_b_1__x"]
    assert offered_names([server("a-b", status="disconnected"), server("a.b")], tools) == ["a_b__x"]
    assert offered_name("a.b", "x") == "a_b__x"


@pytest.mark.parametrize(
    ("servers", "clashes"),
    [
        ([server("a", "x", "x"), server("b", "x")], []),
        ([server("a-b"), server("a.b", status="disabled")], []),
        ([server("a-b"), server("a.b", status="disconnected")], ["a-b and a.b are both a_b to agents"]),
        ([server("a"), server("a", status="error")], ["a is listed 2 times"]),
        ([server("a", "b__c"), server("a__b", "c")], ["a/b__c and a__b/c are both offered as a__b__c, so that one of them cannot be called"]),
    ],
)  # fmt: skip
def test_names_that_agents_cannot_keep_apart(servers: list[HubServer], clashes: list[str]) -> None:
    """Two servers of one safe name, one server twice, and two tools whose whole names are one."""
    assert name_clashes(servers) == clashes
