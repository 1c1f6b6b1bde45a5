"""Renderings that other programs read."""
