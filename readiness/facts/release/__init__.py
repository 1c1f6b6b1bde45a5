"""The release tree on disk: package, lock file, git, unit, environment file."""
