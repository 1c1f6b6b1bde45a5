"""What a host says about itself: one shell script a round trip, and the parsers of what it answered."""
