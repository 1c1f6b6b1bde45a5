"""HTTP to a target: bounded in time and size, paced, verified, never redirected to another host."""
