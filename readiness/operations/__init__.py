"""What acts: releases, rollbacks, backups, drills, schedules, the live view, and telling people."""
