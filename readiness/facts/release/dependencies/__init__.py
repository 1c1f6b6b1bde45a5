"""What a release depends on: lock files and what they install, known vulnerabilities, ranges of versions."""
