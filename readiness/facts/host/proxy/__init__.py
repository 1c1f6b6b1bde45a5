"""The reverse proxy: nginx's configuration as nginx reads it, and what its clients meet."""
