"""The named ways in which the embedded hub can be broken."""
