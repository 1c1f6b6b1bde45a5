"""`python server.py NAME`: an MCP server in miniature; echoes each line, and ends when its input does."""

from __future__ import annotations

import sys

for line in sys.stdin:
    sys.stdout.write(f"{sys.argv[1]} {line}")
    sys.stdout.flush()
