"""The load generator: a process of its own (`python -m readiness.loadgen`), the only place that knows Locust and gevent.

It reads a plan as one line of JSON from its standard input, sends requests at the times the plan intends, whatever the
answers do, and leaves every arrival with its three times in `samples.bin.gz`. The modules `arrivals`, `join`, `plan` and
`samples` are plain Python and may be imported anywhere; the others patch the process through gevent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.loadgen.users import McpUser
else:
    __all__, __getattr__ = front_door(__name__, __file__)
