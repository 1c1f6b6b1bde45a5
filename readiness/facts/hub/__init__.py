"""What a running hub says about itself: its health, servers, tools, process and log."""
