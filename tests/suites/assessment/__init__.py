"""The state that the assessment describes, rebuilt, and what this project says of it."""
