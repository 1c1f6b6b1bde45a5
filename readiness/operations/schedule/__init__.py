"""Runs that are repeated: jobs, units, cron lines, and one scheduled run."""
