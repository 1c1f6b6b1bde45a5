"""What a named fault is: the row of the tables in `faults` and `agentfaults`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.demo.hub.hub import EmbeddedHub

Life = Literal["own", "ends", "replaced", "kept"]
"""Who decides when the hub's process ends: nobody · a supervisor, after SECONDS, for good · a supervisor, every SECONDS,
with a new one after it · the hub itself, and a supervisor starts a new one."""


class DemoError(ReadinessError):
    """The embedded hub was asked for something it cannot do, or did not start."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to be broken: its name, a sentence on what a client sees, and what it does to a hub.

    `seconds` is the default of those that wait or last; None for the others. `once`: only the first process has it,
    whoever comes after is healthy. `llm`: the state in which the LLM's double starts.
    """

    name: str
    sentence: str
    hook: Callable[[EmbeddedHub, float], None]
    seconds: float | None = None
    life: Life = "own"
    once: bool = False
    llm: str | None = None


def row(
    name: str,
    sentence: str,
    hook: Callable[[EmbeddedHub, float], None],
    seconds: float | None = None,
    *,
    life: Life = "own",
) -> Fault:
    """One line of a table."""
    return Fault(name=name, sentence=sentence, hook=hook, seconds=seconds, life=life)


def nothing(hub: EmbeddedHub, seconds: float) -> None:
    """Changes nothing in the hub: its supervisor or its LLM has the fault."""
