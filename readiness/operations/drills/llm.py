"""The LLM taken away: what of the hub goes on without it, whether it says so, and whether it recovers."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.http import call_tool
from readiness.facts.telemetry import BY_NAME, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.operations.drills.drill import DrillRun, Scene

META_TOOL: Final = "hub__analyze_prompt"
ANALYSES: Final = 12
"""Analyses that are asked for without an LLM, at most: breakers open after three to ten failures."""
ANALYSIS_SECONDS: Final = 15.0
OUTAGE_SECONDS: Final = 90.0
"""How long the outage is kept up at most."""
CLOSED: Final = "closed"
_STEP: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What a hub did without its LLM."""

    pid: int
    pid_after: int | None
    failed: int
    """Analyses that failed meanwhile, of `asked`."""
    asked: int
    troubles: tuple[str, ...]
    """What else did not work meanwhile, in words, each once."""
    breaker_before: str | None
    """The circuit breaker's state; None where the hub publishes none."""
    breaker: str | None
    """The worst that it showed meanwhile."""
    recovered: float | None
    """Seconds from the LLM's return to an analysis that works and a closed breaker; None: not in time."""
    why: str
    """What was still missing."""
    unrest: str
    """What was not as before afterwards."""

    @property
    def felt(self) -> bool:
        """Whether anything shows that the LLM was gone."""
        return self.failed > 0 or (self.breaker is not None and self.breaker != CLOSED)


def outage(drills: DrillRun, seconds: float) -> Outage:
    """Take the LLM away and give it back, by the configured commands; the hub has `seconds` to recover.

    Raises Unknown, with nothing done, where no commands are configured.
    """
    drill = drills.config.drill
    with drills.scene() as scene:
        if not (drill.llm_down and drill.llm_up):
            raise Unknown(
                "not drilled: nothing says how the LLM is taken away and given back: set [drill] llm_down and llm_up"
            )
        before = _analysed(scene, "before")
        if before:
            raise Unknown(f"not drilled: prompts are not analysed before it either: {before}")
        was = _breaker(scene)
        scene.tell(
            f"takes the LLM away ({' '.join(drill.llm_down[:3])} …), asks for up to {ANALYSES} analyses within "
            f"{OUTAGE_SECONDS:g} s and for everything else meanwhile, and gives it back"
        )
        with _llm_put_back(scene, seconds) as after:
            why = drills.run(drill.llm_down)
            if why:
                raise Unknown(f"the LLM could not be taken away: {why}")
            asked, failed, troubles, breaker = _without(scene)
        return Outage(
            pid=scene.before.pid,
            pid_after=after.pid,
            asked=asked,
            failed=failed,
            troubles=tuple(dict.fromkeys(troubles)),
            breaker_before=was,
            breaker=breaker,
            recovered=after.seconds,
            why=after.why,
            unrest=after.unrest,
        )


def _without(scene: Scene) -> tuple[int, int, list[str], str | None]:
    """Ask for analyses until the breaker shows, and for everything else after each."""
    end, asked, failed = time.monotonic() + OUTAGE_SECONDS, 0, 0
    troubles: list[str] = []
    worst: str | None = None
    while asked < ANALYSES and time.monotonic() < end:
        asked += 1
        failed += bool(_analysed(scene, f"outage {asked}"))
        troubles += _troubles(scene)
        shown = _breaker(scene)
        worst = shown if shown is not None and worst in {None, CLOSED} else worst
        if worst not in {None, CLOSED}:
            break
    return asked, failed, troubles, worst


def _troubles(scene: Scene) -> list[str]:
    """What does not work besides analyses: health, lists, other tools."""
    troubles = []
    try:
        troubles = scene.watch.now().lacks(scene.before)
    except Unknown as error:
        troubles = [str(error)]
    for call in scene.config.expect.tool_calls:
        try:
            with scene.watch.hub() as hub:
                result = hub.call_tool(call.server, call.tool, dict(call.arguments))
        except Unknown as error:
            troubles.append(f"{call.server}/{call.tool}: {error}")
            continue
        if result.get("isError") or (call.contains and call.contains not in json.dumps(result, ensure_ascii=False)):
            troubles.append(f"{call.server}/{call.tool} did not answer {call.contains!r}")
    return troubles


def _analysed(scene: Scene, word: str) -> str:
    """Why a prompt that no cache knows is not analysed; empty where it is."""
    prompt = f"Echo a message, please ({word}, {time.time_ns()})"
    try:
        with scene.watch.hub(ANALYSIS_SECONDS) as hub:
            result = call_tool(hub.transport, META_TOOL, {"prompt": prompt}, ANALYSIS_SECONDS)
    except Unknown as error:
        return str(error)
    return _error_in(result)


def _error_in(result: dict[str, Any]) -> str:
    """The error in an analysis's answer: hubs answer one with and without `isError`."""
    content = result.get("content")
    text = content[0].get("text") if isinstance(content, list) and content and isinstance(content[0], dict) else None
    if result.get("isError"):
        return f"{META_TOOL} answered an error: {str(text)[:120]}"
    try:
        document = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return f"{META_TOOL} answered no JSON object"
    return f"{META_TOOL} answered: {str(document['error'])[:120]}" if document.get("error") else ""


def _breaker(scene: Scene) -> str | None:
    """The circuit breaker's state as the hub publishes it; None where it publishes none that is known."""
    with contextlib.suppress(Unknown), scene.watch.hub() as hub:
        value = reading(BY_NAME["breaker.state"], hub.filtering_stats()).value
        return value.lower() if isinstance(value, str) else None
    return None


# --- putting it back ----------------------------------------------------------------------------------------------


@dataclasses.dataclass(slots=True, kw_only=True)
class _After:
    pid: int | None = None
    seconds: float | None = None
    why: str = ""
    unrest: str = ""


@contextlib.contextmanager
def _llm_put_back(scene: Scene, seconds: float) -> Iterator[_After]:
    """Give the LLM back whatever happens inside, and wait until it is used again."""
    after, told = _After(), scene.drills.say
    try:
        yield after
    finally:
        told(f"drill: giving the LLM back, and waiting up to {seconds:g} s for the hub to use it")
        failed = scene.drills.launch(scene.config.drill.llm_up)
        scene.revive()
        _recover(scene, after, seconds)
        if after.seconds is None:
            after.why = f"{failed}; {after.why}" if failed else after.why
            scene.drills.left = after.why
        told(f"drill: the LLM is {'used again' if after.seconds is not None else f'NOT used again: {after.why}'}")


def _recover(scene: Scene, after: _After, seconds: float) -> None:
    started = time.monotonic()
    while True:
        after.why = _analysed(scene, "afterwards")
        state = _breaker(scene)
        if not after.why and state not in {None, CLOSED}:
            after.why = f"the circuit breaker is still {state}"
        if not after.why:
            after.seconds = time.monotonic() - started
            after.unrest = scene.watch.calm(scene.before, scene.speed)
            break
        if time.monotonic() - started > seconds or not scene.listens():
            break
        time.sleep(_STEP)
    with contextlib.suppress(Unknown):
        after.pid = scene.watch.now().pid
