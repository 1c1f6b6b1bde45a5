"""HTTP as this project speaks it to a target: bounded, paced, verified, never led elsewhere."""
