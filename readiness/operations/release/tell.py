"""What is told of a release: lines for a terminal, `release.json`, the report's page with its phases, messages to people."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.release import model
from readiness.operations.release.journal import BEGIN, DONE, OUTCOME
from readiness.operations.release.model import Order, Outcome
from readiness.support import file_writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.notify.events import Event
    from readiness.operations.release.journal import State
    from readiness.operations.release.model import End

FILE: Final = "release.json"
"""The last release, in the report folder."""
SCHEMA_VERSION: Final = "1"
_ARGUMENT: Final = 4_000
_SEVERITY: Final = {Outcome.REFUSED: "medium", Outcome.ABORTED: "medium", Outcome.HELD: "high"}


# --- the order in the journal ---------------------------------------------------------------------------------------------


def order_json(order: Order, clean: Callable[[str, int], str]) -> dict[str, Any]:
    """The order for the journal: without secrets, with a digest of the command, and whether the command is whole."""
    shown = [clean(argument, _ARGUMENT) for argument in order.command]
    return order.to_json() | {
        "command": shown,
        "command_sha256": digest(order.command),
        "whole": tuple(shown) == order.command,
    }


def order_of(state: State, command: tuple[str, ...]) -> Order:
    """The order that a journal tells of; `command` where its own is not whole. Raises ReadinessError where it is not the same."""
    told = dict(state.first(BEGIN)["order"])
    wanted, whole = told.pop("command_sha256"), told.pop("whole")
    order = Order.from_json(told)
    if command and digest(command) != wanted:
        raise ReadinessError("that is not the command of the release that was interrupted; leave it away to go on")
    if not command and not whole and state.of("ended", "deploy") is None:
        raise ReadinessError(
            "the command held a secret and was not kept: give it once more, `readiness release --resume -- COMMAND`"
        )
    return Order.from_json(told | {"command": command}) if command else order


def digest(command: tuple[str, ...]) -> str:
    """SHA-256 over an argument list."""
    return hashlib.sha256(json.dumps(list(command), ensure_ascii=True).encode("ascii")).hexdigest()


# --- words ----------------------------------------------------------------------------------------------------------------


def kept(state: State, order: Order) -> str:
    """Why a release is kept, and what a person has to do yet."""
    found = {phase.name: phase for phase in state.phases}
    baked = found.get(model.BAKE)
    watched = " and stayed well" if baked is not None and baked.status == "passed" else ""
    verified = found.get(model.VERIFY)
    told = f"what was deployed passes{watched}: {verified.detail if verified is not None else ''}".rstrip(": ")
    if order.candidate:
        told += f"; set [target] internal_url to {order.candidate}, and end the hub from before once nobody needs it"
    return told


def lines(state: State, found: End) -> list[str]:
    """The end for a terminal: the outcome, the time of each phase, where all of it is told."""
    times = ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in state.phases if phase.status != "skipped")
    return [f"{found.outcome.value}: {found.because}", f"  {times}", f"  journal: {state.path}"]


# --- release.json and the page --------------------------------------------------------------------------------------------


def document(state: State) -> dict[str, Any]:
    """The release as plain values."""
    begun, ended = state.first(BEGIN), state.first(OUTCOME)
    return {
        "schema_version": SCHEMA_VERSION,
        "id": state.id,
        "started": _moment(begun["at"]),
        "finished": _moment(ended["at"]) if ended else None,
        "command": shlex.join(begun["order"]["command"]),
        "outcome": ended.get("outcome"),
        "because": ended.get("because"),
        "exit": ended.get("exit"),
        "phases": [phase.to_json() for phase in state.phases],
    }


def _moment(at: float) -> str:
    return dt.datetime.fromtimestamp(float(at), dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(config: Config, state: State) -> None:
    """Write `release.json`. Raises ReadinessError."""
    file_writing.make_folder(config.report_dir)
    file_writing.replace(config.report_dir / FILE, json.dumps(document(state), indent=1, ensure_ascii=True) + "\n")


# --- people ---------------------------------------------------------------------------------------------------------------


def people(config: Config, run_id: str, status: int) -> list[str]:
    """Tell people of the verdict of one run; lines for the terminal."""
    from readiness.operations.notify import after as notify_after
    from readiness.operations.rollback import page as rollback_page

    folder = config.report_dir
    return notify_after.after(
        run_id=run_id,
        status=status,
        folder=folder,
        config=lambda: config,
        journal=lambda asked: rollback_page.journal_entries(folder, asked),
    )


def ended(config: Config, state: State, found: End) -> list[str]:
    """Tell people that a release ended without being kept or rolled back; a rollback tells of itself."""
    event = _event(config, state, found)
    if event is None:
        return []
    from readiness.operations.notify.after import told_lines
    from readiness.operations.notify.people import tell

    return told_lines(tell(event, config, config.report_dir))


def _event(config: Config, state: State, found: End) -> Event | None:
    severity = _SEVERITY.get(found.outcome)
    last = next((e for e in reversed(state.entries) if e["kind"] == DONE), {})
    if severity is None or (found.outcome is Outcome.HELD and not (last.get("data") or {}).get("doubtful")):
        return None  # the verdict that held it was told when it was reached
    from readiness.findings import Severity
    from readiness.operations.notify.events import Event

    where = config.target.url or config.target.internal_url or "the hub"
    return Event(
        kind="phase",
        severity=Severity(severity),
        title=f"release {found.outcome.value} · {config.environment} {where}",
        lines=(found.because, *(f"{p.name}: {p.status}: {p.detail}" for p in state.phases if p.status != "passed")),
        report=str(config.report_dir / FILE),
    )


def stopped(config: Config, journal: Path, found: End) -> list[str]:
    """Tell people that a release stopped halfway, without its journal, which may not be readable; lines for the terminal."""
    from readiness.findings import Severity
    from readiness.operations.notify.after import told_lines
    from readiness.operations.notify.events import Event
    from readiness.operations.notify.people import tell

    where = config.target.url or config.target.internal_url or "the hub"
    event = Event(
        kind="phase",
        severity=Severity.CRITICAL,
        title=f"release {found.outcome.value} halfway · {config.environment} {where}",
        lines=(found.because, "look at the hub; `readiness release --resume` goes on, --abandon gives it up"),
        report=str(journal),
    )
    return told_lines(tell(event, config, config.report_dir))
