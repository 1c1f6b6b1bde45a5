"""What is said of a configuration that does not hold to its schema: words for people, and never the schema itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config.model import Config, Target
from tests.suites.preflight_tree import judge

if TYPE_CHECKING:
    from pathlib import Path

STDIO = {
    "type": "object",
    "required": ["command"],
    "properties": {"command": {"type": "string"}, "args": {"type": "array"}},
}
REMOTE = {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "mcpServers": {"type": "object", "additionalProperties": {"oneOf": [STDIO, REMOTE]}},
        "port": {"type": ["integer", "null"], "minimum": 1},
        "mode": {"enum": ["all", "some"]},
    },
}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"mcpServers": {"x": {}}},
            "$.mcpServers.x is none of the 2 forms that the schema allows; the nearest: 'command' is a",
        ),
        ({"mcpServers": {"x": {"command": 3}}}, "the nearest: command must be a text"),
        ({"mcpServers": {"x": {"command": "a", "args": "b"}}}, "the nearest: args must be a list"),
        ({"mcpServers": {"x": {"command": "a", "url": "b"}}}, "fits more than one of the forms"),
        ({"mcpServers": {}, "port": "hunter2"}, "$.port must be a whole number or null"),
        ({"mcpServers": {}, "port": 0}, "$.port does not hold to minimum 1"),
        ({"mcpServers": {}, "mode": "hunter2"}, '$.mode must be one of "all", "some"'),
    ],
)
def test_a_reason_is_for_people(data: dict[str, Any], words: str, tmp_path: Path) -> None:
    """The form that was meant is the one that is spoken of; neither a value nor the schema's text is shown."""
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps(data))
    (tmp_path / "config.schema.json").write_text(json.dumps(SCHEMA))
    found = judge("config-matches-its-schema", Config(target=Target(release=tmp_path)))
    assert (found.outcome, words in found.reason) == ("failed", True), found
    assert "{" not in found.reason
    assert "hunter2" not in found.reason


def test_what_a_reason_leaves_out_stands_in_the_notes(tmp_path: Path) -> None:
    """Of many places a reason names the first and how many there are; all of them are in the report."""
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (tmp_path / "config").mkdir()
    servers = {f"server-{number}": {} for number in range(30)}
    (tmp_path / "config" / "mcp-hub.json").write_text(json.dumps({"mcpServers": servers}))
    (tmp_path / "config.schema.json").write_text(json.dumps(SCHEMA))
    found = judge("config-matches-its-schema", Config(target=Target(release=tmp_path)))
    assert "and 25 more" in found.reason, found
    assert [name for name in servers if name not in "\n".join(found.notes)] == []
