"""The two MCP servers behind the embedded hub."""
