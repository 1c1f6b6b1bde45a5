"""The embedded hub: API, MCP transports, sessions and telemetry."""
