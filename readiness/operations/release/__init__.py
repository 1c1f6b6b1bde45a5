"""A whole release in one hand: backed up, judged, deployed, proven, kept and watched, or rolled back and proven."""
