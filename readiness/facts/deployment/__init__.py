"""What was deployed: the hub's configuration, environment, keys, and what surrounds a deploy on its host."""
