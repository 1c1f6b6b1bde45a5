"""What the workflow reads out of configurations, lists and answers, without a hub."""

from __future__ import annotations

import json
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Expect, Target, ToolCall
from readiness.facts.hub.log import HubLog
from readiness.facts.hub.records import HubTool
from readiness.facts.mcp import analysis as mcp_analysis
from readiness.facts.mcp import configured_calls as mcp_calls
from readiness.facts.mcp import workflow_notes
from readiness.facts.mcp.agent import missing, wrong_names, wrong_schemas
from readiness.facts.mcp.records import AgentTool, ToolResult

if TYPE_CHECKING:
    from pathlib import Path

ECHO = ToolCall(
    server="everything", tool="echo", arguments=MappingProxyType({"message": "ready?"}), contains="Echo: ready?"
)
GRAPH = ToolCall(server="memory", tool="read_graph", contains="entities")


def config(*calls: ToolCall, servers: tuple[str, ...] | None = None, **more: Any) -> Config:
    """A configuration with these calls and servers."""
    return Config(expect=Expect(servers=servers, tool_calls=calls), **more)


def test_each_call_and_each_server_without_one_is_an_instance() -> None:
    """A server that nobody calls is an instance too: it must not vanish from the plan."""
    found = mcp_calls.server_calls(config(ECHO, servers=("everything", "memory")))
    assert [(one.instance, one.call) for one in found] == [("everything", ECHO), ("memory", None)]


def test_several_calls_of_one_server_are_told_apart() -> None:
    """Names of instances are unique, also where a tool is called twice."""
    other = ToolCall(server="everything", tool="echo", arguments=MappingProxyType({"message": "b"}), contains="b")
    add = ToolCall(server="everything", tool="add")
    names = [one.instance for one in mcp_calls.server_calls(config(ECHO, other, add))]
    assert names == ["everything/echo-1", "everything/echo-2", "everything/add"]


def test_nothing_configured_gives_no_instance() -> None:
    """Without servers and calls there is nothing to call; the check then says what to add."""
    assert mcp_calls.server_calls(config()) == []


def test_an_echo_gets_a_token_of_its_own() -> None:
    """A call that repeats what it is told shows whose answer it is; another one cannot."""
    first, second = mcp_calls.marked(config(GRAPH, ECHO)), mcp_calls.marked(config(ECHO))
    assert first is not None
    assert second is not None
    assert first.call is ECHO
    assert first.arguments == {"message": first.token}
    assert first.token != second.token
    assert mcp_calls.marked(config(GRAPH)) is None


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["a__b", "c__d"], []),
        (["a__b", "a__b"], ["a__b is listed 2 times"]),
        (["echo"], ["'echo' is no server__tool"]),
        (["__x"], ["'__x' is no server__tool"]),
        (["a b__c"], ["'a b__c' is no server__tool"]),
    ],
)
def test_names_of_tools(names: list[str], wrong: list[str]) -> None:
    """A name stands once, and says its server."""
    assert wrong_names([AgentTool(name=name) for name in names]) == wrong


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object"}, ""),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
            "",
        ),
        ({}, "describes no object"),
        ({"type": "array"}, "describes no object"),
        ({"type": "object", "properties": {"a": {"type": "texts"}}}, "is no JSON Schema: 'texts'"),
        ({"type": "object", "required": "a"}, "is no JSON Schema"),
    ],
)
def test_schemas_of_tools(schema: dict[str, Any], words: str) -> None:
    """An input schema describes an object and is valid in its own dialect."""
    found = wrong_schemas([AgentTool(name="a__b", schema=schema)])
    assert bool(found) == bool(words)
    assert words in "".join(found)


def test_tools_that_agents_are_not_offered() -> None:
    """What the API lists of a connected server and a session does not is named."""
    http = [HubTool(server="a", name="x"), HubTool(server="a", name="y"), HubTool(server="gone", name="z")]
    assert missing([AgentTool(name="a__x")], http, {"a": "a"}) == ["a__y"]


@pytest.mark.parametrize(
    ("text", "is_error", "trouble", "categories"),
    [
        ('{"categories": ["memory"], "confidence": 0.9}', False, "", ("memory",)),
        ('{"error": "no key"}', False, "answered an error: no key", ()),
        ('{"error": "", "categories": ["a"]}', False, "", ("a",)),
        ("it broke", True, "answered an error: it broke", ()),
        ("sure!", False, "answered no JSON object", ()),
        ("[1]", False, "answered no JSON object", ()),
        ("{}", False, "answered no list of categories", ()),
        ('{"categories": [1]}', False, "answered no list of categories", ()),
        ('{"categories": []}', False, "named no category", ()),
    ],
)
def test_answers_of_the_analysis(text: str, is_error: bool, trouble: str, categories: tuple[str, ...]) -> None:  # noqa: FBT001 - a row
    """An error without `isError` is one, and so is every answer that promises nothing."""
    told, found = mcp_analysis.read_analysis(ToolResult(text=text, is_error=is_error, seconds=0.1))
    assert bool(told) == bool(trouble)
    assert trouble in told
    assert found == categories


def test_a_prompt_names_its_tools() -> None:
    """Tools are asked for by name and server, so that any model can tell what is needed."""
    assert mcp_analysis.prompt_for(["a__x", "b__y__z"]).endswith("x of a, y__z of b.")


def test_windows_of_earlier_runs_are_remembered(tmp_path: Path) -> None:
    """When agents were at work is kept beside the reports, the newest fifty, and read back with slack."""
    own = config(report_dir=tmp_path / "reports")
    assert workflow_notes.windows(own) == []
    since = time.time() - 3
    workflow_notes.note_window(own, since)
    workflow_notes.note_window(own, since)  # the same run again, later: one window that has grown
    [(begin, end)] = workflow_notes.windows(own)
    assert begin == since
    assert end > time.time()
    for number in range(60):
        workflow_notes.note_window(own, since - number)
    assert len(workflow_notes.windows(own)) == workflow_notes.KEEP


@pytest.mark.parametrize(
    "text", ["", "nonsense", "{}", '[1, "a"]', '[{"since": "x", "until": 1}]', '[{"since": 9, "until": 1}]']
)
def test_a_damaged_note_hides_nothing(tmp_path: Path, text: str) -> None:
    """What cannot be read as a window is none: errors in the log then count."""
    (tmp_path / workflow_notes.WINDOWS_FILE).write_text(text)
    assert workflow_notes.windows(config(report_dir=tmp_path)) == []


class _Hub:
    """As much of a hub as its log asks for."""

    class _Identity:
        started = 1_000.0
        ahead = None

    def identity(self) -> _Identity:
        """The process that answers."""
        return self._Identity()


def test_errors_of_our_own_agents_are_not_the_deploys(tmp_path: Path) -> None:
    """An error inside a window of ours is left out, one before or after it counts."""
    folder = tmp_path / "logs"
    folder.mkdir()
    lines = [{"level": 50, "time": at * 1000, "msg": f"at {at}"} for at in (1_500, 2_005, 2_100)]
    (folder / "mcp-hub.log").write_text("\n".join(map(json.dumps, lines)) + "\n")
    own = config(target=Target(release=tmp_path, state=str(tmp_path)))
    log = HubLog(own, 3_000.0, [(2_000.0, 2_010.0)])
    found = log.errors(_Hub())  # type: ignore[arg-type]
    assert [line.text for line in found] == ["at 1500", "at 2100"]
