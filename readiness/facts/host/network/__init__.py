"""A host's network: its firewall walked with a packet, listening ports, names, latency, and the view from outside."""
