"""How scripts wait: for a hub that does not want to end, for an address that does not answer. Simulated seconds, no real ones."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import commands
from readiness.facts.scripts.failure_modes import place_of
from readiness.facts.scripts.simulation import ScriptEvidence

if TYPE_CHECKING:
    from readiness.facts.scripts.failure_modes import ScriptPlace
    from readiness.facts.scripts.release_scripts import Scripts
    from readiness.facts.scripts.simulation import CommandStep

_ALIVE: Final = frozenset({"ps", "pgrep", "pidof"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopSequence:
    """How a script stops the hub that does not want to: seconds between TERM and KILL, None where one never came."""

    place: ScriptPlace
    seconds: float | None
    terminated: bool
    killed: bool
    vague: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestAttempts:
    """How often a script asks an address that never answers, and the seconds between two attempts at least."""

    place: ScriptPlace
    attempts: int
    apart: float


class Waiting:
    """Asks a release's scripts how long they wait."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    def stopping(self) -> ScriptEvidence[StopSequence]:
        """How the stop script ends a process that ignores TERM, on every way on which it sends a signal."""
        traces = self.scripts.traces(self.scripts.needed("stop"), world=_undying, name="undying")
        sequences = []
        for trace in traces.seen:
            terms = [step for step in trace.steps if commands.signal_of(step) == "TERM" or _asks_manager(step)]
            kills = [step for step in trace.steps if commands.signal_of(step) == "KILL"]
            if not terms and not kills:
                continue
            last = (kills or terms)[0]
            waited = kills[0].clock - terms[0].clock if terms and kills else None
            managed = not kills and any(_asks_manager(step) and step.name == "systemctl" for step in terms)
            sequences.append(
                StopSequence(
                    place=place_of(last),
                    seconds=waited,
                    terminated=bool(terms),
                    killed=bool(kills) or managed,
                    vague=trace.vague,
                )
            )
        return ScriptEvidence(sequences, traces.gaps)

    def asking(self, role: str) -> ScriptEvidence[RequestAttempts]:
        """How the `role`'s script asks each address, when no request is ever answered."""
        traces = self.scripts.traces(self.scripts.needed(role), world=_silent, name="silent")
        best: dict[tuple[str, int, str], RequestAttempts] = {}
        for trace in traces.seen:
            times: dict[tuple[str, int, str], list[CommandStep]] = {}
            for step in trace.steps:
                if commands.is_request(step):
                    times.setdefault((step.file, step.pos, commands.address(step)), []).append(step)
            for key, steps in times.items():
                one = _asked(steps)
                if key not in best or (one.attempts, one.apart) > (best[key].attempts, best[key].apart):
                    best[key] = one
        return ScriptEvidence(best.values(), traces.gaps)

    def asks_itself(self, role: str) -> bool:
        """Whether the `role`'s script leaves the asking to this tool, which repeats its questions itself. Raises Incomplete."""
        return any(step.name in {"readiness", "pytest"} for step in self.scripts.steps(self.scripts.needed(role)))


def _asked(steps: list[CommandStep]) -> RequestAttempts:
    own = [commands.retries(step) for step in steps]
    gaps = [later.clock - earlier.clock for earlier, later in itertools.pairwise(steps)]
    outer = min(gaps, default=0.0)
    inner = min((commands.retry_delay(step) for step, number in zip(steps, own, strict=True) if number), default=0.0)
    if len(steps) >= 3:  # noqa: PLR2004 - attempts enough by the loop alone: its pace counts
        return RequestAttempts(place=place_of(steps[0]), attempts=len(steps), apart=outer)
    return RequestAttempts(
        place=place_of(steps[0]), attempts=len(steps) + sum(own), apart=min(filter(None, (outer, inner)), default=0.0)
    )


def _undying(step: CommandStep) -> int | None:
    """A world in which the hub's process never ends."""
    if step.name == "kill" and commands.signal_of(step) == "0":
        return 0
    if step.name in _ALIVE or (step.name == "systemctl" and "is-active" in step.words):
        return 0
    return None


def _asks_manager(step: CommandStep) -> bool:
    return (
        step.kind == "command"
        and step.name in {"systemctl", "pm2", "docker", "supervisorctl", "service"}
        and bool({"stop", "delete"} & set(step.words[:3]))
    )


def _silent(step: CommandStep) -> int | None:
    """A world in which no request is answered."""
    return 7 if commands.is_request(step) else None
