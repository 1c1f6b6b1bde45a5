"""Configuration: `readiness.toml`, environment and options become one frozen Config, or one ConfigError."""
