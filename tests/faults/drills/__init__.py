"""A small hub that can be drilled, in every way to be broken, and the runs against it."""
