"""A run of checks in a child process, and what follows from its verdict."""
