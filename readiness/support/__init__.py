"""Small tools that know nothing of hubs: files, text, processes, signals, statistics."""
