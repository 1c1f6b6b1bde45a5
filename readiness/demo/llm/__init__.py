"""The LLM provider's double and the client that asks it."""
