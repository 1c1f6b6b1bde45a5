"""The checkout's own conftest: fixtures and hooks belong to the plugin, which an installation brings along."""

pytest_plugins = ["readiness.plugin"]
