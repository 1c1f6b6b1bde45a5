"""The journal of a release as values: each phase is written down before it begins and after it ended, so that a dead one is resumed.

A phase that began and has no end is gone through once more; a command is begun once, whoever died when.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys import BEGIN, OUTCOME, FinishedPhase, JournalState, begun_journals, read_journal
from readiness.operations.release.model import PhaseFacts, PhaseResult, ReleaseEnd, ReleaseOrder
from readiness.support.redaction import shown_arguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER: Final = "release"
"""Where the journals lie, in the report folder."""
PHASE: Final = "phase"
DONE: Final = "done"
RESUMED: Final = "resumed"
RECORDED: Final = "recorded"
_ARGUMENT: Final = 4_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState(JournalState):
    """What the journal of a release tells."""

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.stem

    @property
    def began_at(self) -> float:
        """When the release began, in seconds since the epoch."""
        return self.entries[0].at

    @property
    def command(self) -> tuple[str, ...]:
        """The deploy command, without its secrets."""
        return self._order().command

    @property
    def is_beside(self) -> bool:
        """Whether a new hub was started beside the one that serves, to be switched to."""
        return self._order().candidate is not None

    @property
    def is_recorded(self) -> bool:
        """Whether the record of the deploy was made."""
        return self.first(RECORDED) is not None

    @property
    def ended_at(self) -> float | None:
        """When it came to its end, in seconds since the epoch."""
        entry = self.first(OUTCOME)
        return None if entry is None else entry.at

    @property
    def end(self) -> ReleaseEnd | None:
        """How it ended."""
        entry = self.first(OUTCOME)
        return None if entry is None else ReleaseEnd.from_json(entry.data)

    def done(self, phase: str) -> PhaseResult | None:
        """What came of a phase that is over."""
        entry = self.last(DONE, phase)
        return None if entry is None else _result(entry.data)

    @property
    def results(self) -> tuple[PhaseResult, ...]:
        """What came of each phase, in the order in which they ended, a phase that was gone through twice twice."""
        return tuple(_result(entry.data) for entry in self.entries if entry.kind == DONE)

    @property
    def phases(self) -> tuple[FinishedPhase, ...]:
        """The phases that are over, in the order in which they first began, each once."""
        phases: dict[str, FinishedPhase] = {}
        for entry in self.entries:
            if entry.kind == DONE:
                phases[entry.about] = FinishedPhase(
                    name=entry.about,
                    status=entry.data["status"],
                    seconds=entry.data["seconds"],
                    detail=entry.data["detail"],
                )
        return tuple(phases.values())

    def began(self, phase: str) -> float | None:
        """When the phase first began, in seconds since the epoch."""
        return next((entry.at for entry in self.entries if entry.kind == PHASE and entry.about == phase), None)

    def order(self, command: tuple[str, ...]) -> ReleaseOrder:
        """What was asked for; `command` where its own is not whole. Raises ReadinessError where it is not the same."""
        data, order = self._order_data(), self._order()
        if command and digest(command) != data["command_sha256"]:
            raise ReadinessError("that is not the command of the release that was interrupted; leave it away to go on")
        if not command and not data["whole"] and self.ended("deploy") is None:
            raise ReadinessError(
                "the command held a secret and was not kept: give it once more, `readiness release --resume -- COMMAND`"
            )
        return dataclasses.replace(order, command=command) if command else order

    def _order(self) -> ReleaseOrder:
        return ReleaseOrder.from_json(self._order_data())

    def _order_data(self) -> dict[str, Any]:
        begun = self.first(BEGIN)
        return {} if begun is None else dict(begun.data["order"])


def _result(data: Any) -> PhaseResult:  # noqa: ANN401 - a line of JSON
    return PhaseResult(
        status=data["status"],
        detail=data["detail"],
        end=None if data["end"] is None else ReleaseEnd.from_json(data["end"]),
        then=data["then"],
        facts=PhaseFacts.from_json(data["data"]),
    )


def order_json(order: ReleaseOrder, clean: Callable[[str, int], str]) -> dict[str, Any]:
    """The order for the journal: without secrets, with a digest of the command, and whether the command is whole."""
    shown = [clean(argument, _ARGUMENT) for argument in shown_arguments(order.command)]
    return order.to_json() | {
        "command": shown,
        "command_sha256": digest(order.command),
        "whole": tuple(shown) == order.command,
    }


def digest(command: tuple[str, ...]) -> str:
    """SHA-256 over an argument list."""
    return hashlib.sha256(json.dumps(list(command), ensure_ascii=True).encode("ascii")).hexdigest()


def read_release(path: Path) -> ReleaseState:
    """What the journal at `path` tells, as far as it is whole. Raises ReadinessError where it cannot be read."""
    return _as_release(read_journal(path))


def unfinished_release(folder: Path) -> ReleaseState | None:
    """The newest release that began and did not come to its end; None: there is none."""
    return next((state for state in reversed(_all(folder)) if not state.is_finished), None)


def last_release(folder: Path) -> ReleaseState | None:
    """The newest release; None where there was none."""
    return next(reversed(_all(folder)), None)


def _all(folder: Path) -> list[ReleaseState]:
    return [_as_release(state) for state in begun_journals(folder)]


def _as_release(state: JournalState) -> ReleaseState:
    return ReleaseState(path=state.path, entries=state.entries)
