"""Decides, before and after every deploy of an MCP Hub, whether to deploy, hold or roll back.

The public names are what a suite of checks needs; see `readiness.checks`. They are imported when first asked for, so that
what needs none of them (the embedded hub, `readiness check`'s parent) does not pay for importing pytest.
"""

from __future__ import annotations

import os
import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and sys.path:
    # `python -m readiness`: Python looks into the working directory first, and a logging.py that lies there would be run
    _first = os.path.abspath(sys.path.pop(0))  # noqa: PTH100 - links stay as Python shows them
    if os.path.dirname(os.path.dirname(__file__)) == _first:  # noqa: PTH120 - this package itself was found there, and by its children has to be
        sys.path.append(_first)

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readiness.checks import (
        caused_by,
        check,
        compared,
        listed,
        measure,
        mended_by,
        note,
        unknown,
        warn,
        where_found,
    )
    from readiness.findings import Limits

__version__ = "0.1.0"
__all__ = [
    "Limits",
    "__version__",
    "caused_by",
    "check",
    "compared",
    "listed",
    "measure",
    "mended_by",
    "note",
    "unknown",
    "warn",
    "where_found",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562). Raises AttributeError for any other."""
    if name not in __all__:
        raise AttributeError(f"module 'readiness' has no attribute {name!r}")
    public_name = getattr(
        importlib.import_module("readiness.findings" if name == "Limits" else "readiness.checks"), name
    )
    globals()[name] = public_name
    return public_name
