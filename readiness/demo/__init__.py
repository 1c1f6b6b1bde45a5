"""The embedded hub: a small MCP Hub in a process of its own, healthy or broken in a named way.

`start()` is all a program needs; `python -m readiness.demo` is all a person needs.
"""

from readiness.demo.faults.table import FAULTS, DemoError
from readiness.demo.launcher import DemoHub, start

__all__ = ["FAULTS", "DemoError", "DemoHub", "start"]
