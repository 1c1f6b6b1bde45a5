"""What an agent sees of the hub, through the official SDK."""
