"""The pytest plugin: hooks that forward."""
