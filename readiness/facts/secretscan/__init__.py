"""Where secrets get out: known values first, shapes second; what is found is never shown."""
