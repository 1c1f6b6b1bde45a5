"""Drills: they break a hub on purpose, look, and put it back. They act and tell what happened; checks judge."""
