"""`python -m readiness.demo.stdio NAME`: one of the two MCP servers over stdio, as the demo's configuration says.

The embedded hub keeps both in its own process, which starts faster; these are the same tools behind the official MCP SDK
(the extra `e2e`), for any other hub.
"""

from __future__ import annotations

import asyncio
import sys

from readiness.demo.servers import everything, memory
from readiness.support import ExtraNotInstalled, require_extra

BUILT_IN = {"everything": everything.make, "memory": memory.make}
"""How to make each server, by its name."""


def main(argv: list[str]) -> int:
    """Serve until stdin ends; exit status 2 for a name that is no server, 4 where the SDK is not installed."""
    if len(argv) != 1 or argv[0] not in BUILT_IN:
        sys.stderr.write(f"which server? one of: {', '.join(BUILT_IN)}\n")
        return 2
    try:
        require_extra("e2e")
    except ExtraNotInstalled as error:
        sys.stderr.write(f"{error}\n")
        return 4
    from readiness.demo.servers import sdk

    asyncio.run(sdk.serve(BUILT_IN[argv[0]]()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
