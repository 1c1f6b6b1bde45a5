"""Telling people what happened, once, on the right channel."""
