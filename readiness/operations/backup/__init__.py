"""Makes backups and puts them back."""
