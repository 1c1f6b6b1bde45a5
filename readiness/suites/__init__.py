"""Installed, the folders of checks stand in here; in a checkout they stand at the top, and this package is empty."""
