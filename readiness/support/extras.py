"""Optional parts of an installation: which libraries each brings, and the error where one is missing.

What a missing part would have shown is *unknown*, never passed and never failed.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from readiness.errors import Unknown

EXTRAS: Final = {
    # extra of pyproject.toml: what of it is imported
    "e2e": ("mcp", "mcp_types", "httpx2"),
    "preflight": ("tree_sitter", "tree_sitter_bash", "detect_secrets", "yaml", "nodesemver"),
    "notify": ("apprise",),
    "watch": ("rich",),
    "demo": ("starlette", "uvicorn", "jq", "tomli_w"),
}


class ExtraNotInstalled(Unknown):
    """A part of the installation is missing; the text says which command adds it."""

    retry: Final = False
    """Asking again will not install it."""


def require_extra(extra: str) -> None:
    """Raise NotInstalled unless all libraries of `extra` are there. None is imported: one that is broken says so itself."""
    __tracebackhide__ = True
    gone = missing_libraries(extra)
    if gone:
        raise ExtraNotInstalled(f"{gone[0]} is not installed: pip install 'mcp-hub-readiness[{extra}]'")


def missing_libraries(extra: str) -> list[str]:
    """Libraries of `extra` that are not installed."""
    return [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
