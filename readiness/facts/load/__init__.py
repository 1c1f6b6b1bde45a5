"""A load run: its plan, the generator's process, its samples, and what they prove."""
