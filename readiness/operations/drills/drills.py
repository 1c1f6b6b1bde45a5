"""The drills as one object: what the checks of the phase `drill` ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.operations.drills.drill import DrillRun

if TYPE_CHECKING:
    from readiness.operations.drills.crash import Crash, Stop
    from readiness.operations.drills.llm import Outage
    from readiness.operations.drills.rehearsal import Rehearsal
    from readiness.operations.drills.server import ServerCrash
    from readiness.operations.drills.soak import Soak


class Drills(DrillRun):
    """The drills of one process of a run. Each asks whether it may, breaks one thing, and puts it back whatever happens."""

    def crash(self) -> Crash:
        """Kill the hub's process: see `crash.crash`."""
        from readiness.operations.drills.crash import crash

        return crash(self)

    def stop(self, seconds: float) -> Stop:
        """Tell the hub to stop, with requests in flight: see `crash.stop`."""
        from readiness.operations.drills.crash import stop

        return stop(self, seconds)

    def server(self) -> ServerCrash:
        """Kill one MCP server behind the hub: see `server.crash`."""
        from readiness.operations.drills.server import crash

        return crash(self)

    def llm(self, seconds: float) -> Outage:
        """Take the LLM away, and give it back; the hub has `seconds` to recover: see `llm.outage`."""
        from readiness.operations.drills.llm import outage

        return outage(self, seconds)

    def rollback(self, seconds: float | None) -> Rehearsal:
        """Deploy a broken release and have it rolled back, within `seconds`: see `rehearsal.rehearse`."""
        from readiness.operations.drills.rehearsal import rehearse

        return rehearse(self, seconds)

    def soak(self, limit: float) -> Soak:
        """Watch memory under traffic, against `limit` MB an hour: see `soak.soak`."""
        from readiness.operations.drills.soak import soak

        return soak(self, limit)
