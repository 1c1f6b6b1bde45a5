"""Building, testing and linting a release in a copy of it."""
