"""Renderings: one input, the Report; they compute no verdict and set no exit code.

Each is imported where it is used: a run that writes no HTML never loads Jinja2.
"""
