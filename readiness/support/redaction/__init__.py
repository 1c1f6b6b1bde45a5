"""Takes secrets out of texts: known values in any encoding, then what looks like a secret."""
