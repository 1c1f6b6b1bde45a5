"""Questions about a release's scripts, answered by simulating them: what happens if this fails, if nobody is there, if it never ends.

Answers are facts with their place; whether they are good is for the checks to say.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import kinds
from readiness.facts.scripts.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from readiness.facts.scripts.shell import Script, Scripts
    from readiness.facts.scripts.values import Step, Trace

PHASES: Final = ("deploy", "start", "validate")
"""Phases after which something has changed that a rollback must undo."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something found in a script: where, and what stands there."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} `{self.text}`"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What became of a script when one of its commands failed."""

    place: Place
    restored: bool
    seen: bool
    """It ended with a failure of its own on every way."""


def place(step: Step) -> Place:
    """Where a step stands; long ones are cut."""
    text = " ".join(step.text.split())
    return Place(path=step.file, line=step.line, text=text if len(text) <= 70 else text[:69] + "…")  # noqa: PLR2004 - characters


class Questions:
    """Asks a release's scripts."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    # --- what happens when something fails ------------------------------------------------------------------------

    def failures(self, role: str, wanted: Callable[[Step], bool]) -> list[Failure]:
        """What comes of each command of the `role`'s script that is `wanted`, when it fails alone."""
        script = self.scripts.needed(role)
        found = []
        for spot in _spots(self.scripts.steps(script), wanted):
            traces = self.scripts.after_failure(script, _at(spot), ("fails", spot.file, spot.pos, spot.text))
            if traces:
                found.append(
                    Failure(
                        place=place(spot),
                        restored=any(self._restored(script, trace, spot) for trace in traces),
                        seen=all(trace.status != 0 for trace in traces),
                    )
                )
        return found

    def builds(self) -> list[Failure]:
        """What comes of each install and build of the deploy script when it fails."""
        return self.failures("deploy", lambda step: kinds.is_build(step) and not step.handler and not step.dead)

    def deploy_is_covered(self) -> bool:
        """Whether the orchestrator rolls back when the deploy script fails; False where there is no orchestrator."""
        if self.scripts.of("complete") is None or self.scripts.needed("complete").trouble:
            return False
        found = dict(self.phases())["deploy"]
        return bool(found) and all(failure.restored for failure in found)

    def _restored(self, script: Script, trace: Trace, spot: Step) -> bool:
        """Whether what came after the failure brings back what was there before."""
        first = next(number for number, step in enumerate(trace.steps) if step.dead)
        after = trace.steps[first + 1 :]
        usual = {(step.file, step.pos, step.handler) for step in self.scripts.paths(script)[0].steps}
        fresh = [step for step in after if (step.file, step.pos, step.handler) not in usual]
        return any(
            self.rolls_back(step) or (kinds.restores(step) and not step.dead) for step in fresh if step.pos != spot.pos
        )

    def rolls_back(self, step: Step) -> bool:
        """Whether a command runs the rollback script."""
        script = self.scripts.find(step.invokes) if step.invokes else None
        return script is not None and script.role == "rollback"

    def switches_last(self, role: str) -> Place | None:
        """Where a script switches to a release that it made beside the running one, after all that can fail; None if it does not."""
        script = self.scripts.needed(role)
        usual = self.scripts.paths(script)[0].steps
        builds = [n for n, step in enumerate(usual) if kinds.is_build(step)]
        moves = [n for n, step in enumerate(usual) if kinds.activates(step)]
        in_place = any(kinds.git_verb(step) in {"pull", "merge", "reset", "rebase"} for step in usual)
        return place(usual[moves[-1]]) if builds and moves and moves[-1] > builds[-1] and not in_place else None

    def phase_steps(self, script: Script, phase: str) -> list[Step]:
        """Where the orchestrator does a phase: it runs the phase's script, or the phase's commands itself."""
        steps = list(self.scripts.steps(script))
        by_script = [s for s in steps if s.invokes and (found := self.scripts.find(s.invokes)) and found.role == phase]
        if by_script:
            return by_script
        own: dict[str, Callable[[Step], bool]] = {
            "deploy": kinds.is_build,
            "start": lambda step: kinds.starts_hub(step) or kinds.uses_manager(step),
            "validate": lambda step: kinds.is_request(step) or step.name in {"readiness", "pytest"},
        }
        return [step for step in steps if own[phase](step)]

    def phases(self) -> Iterator[tuple[str, list[Failure]]]:
        """Each phase of the orchestrator with what comes of its failure; an empty list where it has no such phase."""
        script = self.scripts.needed("complete")
        for phase in PHASES:
            spots = {(step.file, step.pos, step.text) for step in self.phase_steps(script, phase)}
            yield phase, self.failures("complete", lambda step, spots=spots: (step.file, step.pos, step.text) in spots)  # type: ignore[misc]

    def unseen(self, script: Script) -> list[Place]:
        """Commands that change something, whose failure nothing looks at and nobody would see."""
        found = []
        for spot in _spots(self.scripts.steps(script), self._must_not_fail(script)):
            if spot.tested or spot.background:
                continue
            traces = self.scripts.after_failure(script, _at(spot), ("fails", spot.file, spot.pos, spot.text))
            if any(trace.status == 0 or _went_on(trace, spot) for trace in traces):
                found.append(place(spot))
        return found

    def _must_not_fail(self, script: Script) -> Callable[[Step], bool]:
        leads = script.role in {"complete", "rollback", "deploy"}
        return lambda step: kinds.changes(step) or bool(leads and step.invokes and self.scripts.find(step.invokes))

    # --- nobody there ---------------------------------------------------------------------------------------------

    def rollback_calls(self) -> list[tuple[Step | None, tuple[Value, ...], dict[str, str] | None]]:
        """How the rollback is started: by other scripts and by the configured actions; with their arguments and what they set."""
        found: list[tuple[Step | None, tuple[Value, ...], dict[str, str] | None]] = []
        for script in self.scripts.readable:
            traces = [trace for fails in (None, *self._phase_worlds(script)) for trace in self._world(script, fails)]
            for step in {
                (s.file, s.pos): s for t in traces for s in t.steps if self.rolls_back(s) and s.file == script.path
            }.values():
                set_here = {name: value.text for name, value in step.env}
                found.append((step, _arguments(step), set_here))
        for action in self.scripts.config.rollback.actions:
            at = next((n for n, word in enumerate(action.command) if self._is_rollback(word)), None)
            if at is not None:
                found.append((None, tuple(Value(word) for word in action.command[at + 1 :]), {}))
        return found

    def _is_rollback(self, word: str) -> bool:
        script = self.scripts.of("rollback")
        return script is not None and word.rsplit("/", 1)[-1] == script.path.rsplit("/", 1)[-1]

    def _phase_worlds(self, script: Script) -> list[Step]:
        if script.role not in {"complete", "deploy"}:
            return []
        return _spots(self.scripts.steps(script), lambda step: bool(step.invokes) or kinds.is_build(step))

    def _world(self, script: Script, fails: Step | None) -> list[Trace]:
        if fails is None:
            return self.scripts.paths(script)
        return self.scripts.after_failure(script, _at(fails), ("fails", fails.file, fails.pos, fails.text))

    def unattended(self, args: Sequence[Value], environ: dict[str, str] | None) -> tuple[bool, Place | None]:
        """Whether the rollback script, started like this without a terminal, restores anything; and what it asks."""
        script = self.scripts.needed("rollback")
        traces = self.scripts.paths(script, args=args, environ=environ, attended=False)
        asked = next((step for trace in traces for step in trace.steps if step.kind == "ask"), None)
        done = any(
            kinds.restores(step, "rollback") or kinds.is_update(step) for trace in traces for step in trace.steps
        )
        if asked is None and not done:
            dialog = next((s for t in traces for s in t.steps if s.name in {"dialog", "whiptail", "zenity"}), None)
            return done, place(dialog) if dialog else None
        return done, place(asked) if asked else None

    def rollback_asks(self) -> Place | None:
        """Where the rollback script asks a person on any way; None where it never does."""
        steps = self.scripts.steps(self.scripts.needed("rollback"))
        return next((place(step) for step in steps if step.kind == "ask"), None)

    def restores_anything(self) -> bool:
        """Whether any command of the rollback script is known to restore something."""
        script = self.scripts.needed("rollback")
        steps = list(self.scripts.steps(script))
        return any(kinds.restores(step, "rollback") or kinds.is_update(step) for step in steps)


def _spots(steps: Iterator[Step], wanted: Callable[[Step], bool]) -> list[Step]:
    return [step for step in steps if wanted(step)]


def _at(spot: Step) -> Callable[[Step], bool]:
    return lambda step: (step.file, step.pos, step.text, step.handler) == (spot.file, spot.pos, spot.text, spot.handler)


def _went_on(trace: Trace, spot: Step) -> bool:
    """Whether other changes followed on the heels of the failure, outside a handler."""
    first = next(number for number, step in enumerate(trace.steps) if step.dead)
    return any(
        kinds.changes(step) and not step.tested and step.pos > spot.pos and not step.within
        for step in trace.steps[first + 1 :]
    )


def _arguments(step: Step) -> tuple[Value, ...]:
    words = list(step.inner)
    if step.name in {"bash", "sh", "dash"}:
        words = words[1:]
        while words and words[0].text.startswith("-"):
            words = words[1:]
    return tuple(words[1:])
