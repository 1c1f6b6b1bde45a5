"""`python -m readiness.demo.stdio NAME`: one of the two MCP servers over stdio, as the demo's configuration says.

The embedded hub keeps both in its own process, which starts faster; these are the same servers for any other hub.
"""

from __future__ import annotations

import json
import sys

from readiness.demo.hub.jsonrpc import RpcError, failure, parse
from readiness.demo.servers import everything, memory

BUILT_IN = {"everything": everything.make, "memory": memory.make}
"""How to make each server, by its name."""


def main(argv: list[str]) -> int:
    """Answers one message a line until stdin ends; exit status 2 for a name that is no server."""
    if len(argv) != 1 or argv[0] not in BUILT_IN:
        sys.stderr.write(f"which server? one of: {', '.join(BUILT_IN)}\n")
        return 2
    server = BUILT_IN[argv[0]]()
    for line in sys.stdin.buffer:
        try:
            answer = server.answer(parse(line))
        except RpcError as error:
            answer = failure(None, error)
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
