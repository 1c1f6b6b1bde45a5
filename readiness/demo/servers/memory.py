"""The MCP server "memory": a knowledge graph that lives as long as the process, after the reference server."""

from __future__ import annotations

import json
from typing import Any, Final

from readiness.demo.servers.toolbox import McpServer, ServerTool, schema, text

MAX_ITEMS: Final = 1_000
"""Entities and relations kept, each: the graph is bounded whatever its callers do."""

_TEXT: Final = {"type": "string"}
_ENTITY: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the entity"},
        "entityType": {"type": "string", "description": "The type of the entity"},
        "observations": {
            "type": "array",
            "items": _TEXT,
            "description": "An array of observation contents associated with the entity",
        },
    },
    "required": ["name", "entityType"],
}
_RELATION: Final = {
    "type": "object",
    "properties": {
        "from": {"type": "string", "description": "The name of the entity where the relation starts"},
        "to": {"type": "string", "description": "The name of the entity where the relation ends"},
        "relationType": {"type": "string", "description": "The type of the relation"},
    },
    "required": ["from", "to", "relationType"],
}


def _list_of(item: dict[str, Any], *, closed: bool = False) -> dict[str, Any]:
    return {"type": "array", "items": item | ({"additionalProperties": False} if closed else {})}


class Graph:
    """Entities by name and the relations between them."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}
        self.relations: list[dict[str, Any]] = []

    def create_entities(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Adds those whose name is new; answers with them."""
        added = []
        for entity in arguments["entities"]:
            if entity["name"] not in self.entities and len(self.entities) < MAX_ITEMS:
                added.append({"observations": [], **entity})
                self.entities[entity["name"]] = added[-1]
        return self._said({"entities": added})

    def create_relations(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Adds those that are new; answers with them."""
        room = MAX_ITEMS - len(self.relations)
        added = [relation for relation in arguments["relations"] if relation not in self.relations][: max(0, room)]
        self.relations += added
        return self._said({"relations": added})

    def delete_entities(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Removes them and every relation that touches one."""
        gone = set(arguments["entityNames"])
        self.entities = {name: entity for name, entity in self.entities.items() if name not in gone}
        self.relations = [one for one in self.relations if not gone & {one["from"], one["to"]}]
        return self._said({"success": True, "message": "Entities deleted successfully"})

    def read_graph(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        """All of it."""
        return self._said({"entities": list(self.entities.values()), "relations": self.relations})

    def search_nodes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Entities whose name, type or observations hold the query, whatever its case."""
        query = arguments["query"].casefold()
        matching = [one for one in self.entities.values() if query in json.dumps(one, ensure_ascii=False).casefold()]
        names = {one["name"] for one in matching}
        related = [one for one in self.relations if {one["from"], one["to"]} <= names]
        return self._said({"entities": matching, "relations": related})

    @staticmethod
    def _said(value: dict[str, Any]) -> dict[str, Any]:
        return text(json.dumps(value, indent=2, ensure_ascii=False)) | {"structuredContent": value}


def _tools(graph: Graph) -> tuple[ServerTool, ...]:
    entities, relations = {"entities": _list_of(_ENTITY)}, {"relations": _list_of(_RELATION)}
    entities_out, relations_out = (
        {"entities": _list_of(_ENTITY, closed=True)},
        {"relations": _list_of(_RELATION, closed=True)},
    )
    whole = schema(entities_out | relations_out, ("entities", "relations"), additionalProperties=False)
    done = schema({"success": {"type": "boolean"}, "message": _TEXT}, ("success", "message"))
    names = schema({"entityNames": {"type": "array", "items": _TEXT}}, ("entityNames",))
    rows: tuple[tuple[str, str, dict[str, Any], dict[str, Any], bool], ...] = (
        (
            "create_entities",
            "Create multiple new entities in the knowledge graph",
            schema(entities, ("entities",)),
            schema(entities_out, ("entities",), additionalProperties=False),
            False,
        ),
        (
            "create_relations",
            "Create multiple new relations in the knowledge graph. Relations should be in active voice",
            schema(relations, ("relations",)),
            schema(relations_out, ("relations",), additionalProperties=False),
            False,
        ),
        ("delete_entities", "Delete multiple entities and their relations from the graph", names, done, False),
        ("read_graph", "Read the entire knowledge graph", schema({}), whole, True),
        (
            "search_nodes",
            "Search for nodes in the knowledge graph based on a query",
            schema({"query": {"type": "string", "description": "What to look for"}}, ("query",)),
            whole,
            True,
        ),
    )
    return tuple(
        ServerTool(
            name=name,
            title=name.replace("_", " ").title(),
            description=description,
            parameters=parameters,
            output=output,
            read_only=read_only,
            categories=("memory",),
            run=getattr(graph, name),
        )
        for name, description, parameters, output, read_only in rows
    )


def make() -> McpServer:
    """A server of this kind, with an empty graph of its own."""
    graph = Graph()

    def read(uri: str) -> str | None:
        return str(graph.read_graph({})["content"][0]["text"]) if uri == "memory://knowledge-graph" else None

    return McpServer(
        name="memory",
        info={"name": "memory-server", "version": "0.6.3"},
        tools={tool.name: tool for tool in _tools(graph)},
        resources=(
            {
                "name": "knowledge-graph",
                "title": "Knowledge Graph",
                "uri": "memory://knowledge-graph",
                "description": "The full knowledge graph with all entities and relations",
                "mimeType": "application/json",
            },
        ),
        read=read,
    )
