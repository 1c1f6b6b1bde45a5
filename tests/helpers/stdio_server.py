"""An MCP server on standard input and output, without the SDK: what it offers stands in its first argument, as JSON.

`tools`, `resources`, `prompts`: lists as the protocol has them. A tool answers `answers[its name]` times the letter x, else its message.
`capabilities`: the kinds that it claims, without this those that it has. `refuses`: methods that it answers with an error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

OFFER: dict[str, Any] = json.loads(sys.argv[1])
if "tools_of" in OFFER:
    number, size = OFFER["tools_of"]
    OFFER["tools"] = [
        {"name": f"tool-{n}", "description": "d" * size, "inputSchema": {"type": "object"}} for n in range(number)
    ]
KINDS = [kind for kind in ("tools", "resources", "prompts") if kind in OFFER]


def result(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result of one method; None for what it does not have."""
    kind, _, what = method.partition("/")
    if what == "list" and kind in KINDS:
        return {kind: OFFER[kind]}
    match method:
        case "initialize":
            capabilities = {kind: {} for kind in OFFER.get("capabilities", KINDS)}
            info = {"name": "stdio-server", "version": "1"}
            given = {"protocolVersion": params["protocolVersion"], "capabilities": capabilities, "serverInfo": info}
        case "ping":
            given = {}
        case "resources/templates/list":
            given = {"resourceTemplates": []}
        case "resources/read":
            given = {"contents": [{"uri": params["uri"], "text": f"the text of {params['uri']}"}]}
        case "tools/call":
            letters = OFFER.get("answers", {}).get(params["name"])
            text = "x" * letters if letters else f"Echo: {params.get('arguments', {}).get('message', '')}"
            given = {"content": [{"type": "text", "text": text}]}
        case _:
            return None
    return given


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or "method" not in message:
        continue
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    given = (
        None if message["method"] in OFFER.get("refuses", ()) else result(message["method"], message.get("params", {}))
    )
    reply |= {"result": given} if given is not None else {"error": {"code": -32601, "message": "Method not found"}}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
