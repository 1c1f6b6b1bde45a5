"""What a hub publishes about its LLM, cache, queue and traffic: readings with units, and their history."""
