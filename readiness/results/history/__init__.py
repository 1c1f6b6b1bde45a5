"""Past runs: one JSON a run, an SQLite database made of them, what became of each check, and what changed."""
