"""The command `readiness`: one module a verb. Each parses its arguments and calls a library; nobody imports these."""
