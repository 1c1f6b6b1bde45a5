"""Measurements of a hub, kept and compared."""
