"""A release's shell scripts: found, parsed, simulated without executing anything, and asked questions."""
