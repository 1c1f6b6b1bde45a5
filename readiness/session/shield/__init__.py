"""Redaction at pytest's boundary: reports, streams and log records."""
