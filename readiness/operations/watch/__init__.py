"""The live view: one look after another, as words, rows and JSON."""
