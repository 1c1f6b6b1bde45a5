"""Checks of this folder; see CONTRIBUTING.md."""
