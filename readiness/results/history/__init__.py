"""Past runs: what became of each check, and what changed."""
