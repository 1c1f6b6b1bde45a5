"""The hub as a service of its host: unit, supervisors, processes, paths, logs and memory."""
