"""Decides, before and after every deploy of an MCP Hub, whether to deploy, hold or roll back.

The public names are what a suite of checks needs; see `readiness.checks`.
"""

from readiness.checks import check, compared, measure, note, unknown, warn, where_found
from readiness.findings import Limits

__version__ = "0.1.0"
__all__ = ["Limits", "__version__", "check", "compared", "measure", "note", "unknown", "warn", "where_found"]
