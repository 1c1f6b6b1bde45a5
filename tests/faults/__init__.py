"""The fault matrix: every known way to be broken, as data, and the hub that is broken that way."""
