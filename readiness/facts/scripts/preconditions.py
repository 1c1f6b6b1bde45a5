"""Whether scripts look at the free space and at their permissions before they write, and end if they do not like what they see."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import commands
from readiness.facts.scripts.failure_modes import place_of
from readiness.facts.scripts.simulation import Incomplete, ScriptEvidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.facts.scripts.failure_modes import ScriptPlace
    from readiness.facts.scripts.release_scripts import Script, Scripts
    from readiness.facts.scripts.simulation import CommandStep, Gap, Trace

_SPACE: Final = frozenset({"df", "findmnt"})
_IDENTITY: Final = frozenset({"id", "whoami", "stat"})
_PROBES: Final = frozenset({"touch", "mktemp"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WriteGuard:
    """Whether a script looks at something before its first write."""

    script: str
    write: ScriptPlace | None
    looked: ScriptPlace | None
    stops: bool
    """Whether the script ends before it writes when it does not like what it sees."""
    gaps: tuple[Gap, ...] = ()
    """What was not simulated: a write without a look may be hidden there, where none was seen."""

    def require_complete(self) -> None:
        """Return where nothing of it can be missing. Raises Incomplete."""
        ScriptEvidence((), self.gaps).require_complete()


class Preconditions:
    """Asks a release's scripts what they look at before they write."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    def room(self, role: str) -> WriteGuard:
        """Whether the `role`'s script, or the orchestrator before it, looks at the free space before it writes."""
        return self._guard(role, _about_room)

    def permission(self, role: str) -> WriteGuard:
        """Whether it looks at whether it may write."""
        return self._guard(role, _about_permission)

    def _guard(self, role: str, about: Callable[[CommandStep], bool]) -> WriteGuard:
        script = self.scripts.needed(role)
        own = self._guarded(script, about, commands.writes_files)
        leader = self.scripts.of("complete")
        if own.stops or leader is None or leader.trouble or leader is script:
            return own
        above = self._guarded(leader, about, lambda step: step.invokes == script.path)
        return (
            dataclasses.replace(own, looked=above.looked, stops=True, gaps=(*own.gaps, *above.gaps))
            if above.stops
            else own
        )

    def _guarded(
        self, script: Script, about: Callable[[CommandStep], bool], writes: Callable[[CommandStep], bool]
    ) -> WriteGuard:
        traces = self.scripts.traces(script)
        first, looked, bare = None, None, None
        for trace in traces.seen:
            number = next((n for n, step in enumerate(trace.steps) if writes(step)), None)
            if number is None:
                continue
            first = first or trace.steps[number]
            look = next((step for step in trace.steps[:number] if about(step)), None)
            looked = looked or look
            if number < trace.certain:
                bare = bare or trace.steps[number]
        stops, gaps = False, list(traces.gaps)
        if looked is not None:
            try:
                stops = self._refused(traces.seen, about, writes) or self._ends(script, looked, writes)
            except Incomplete as incomplete:
                gaps += incomplete.gaps
        shown = first if looked else bare
        return WriteGuard(
            script=script.path,
            write=place_of(shown) if shown else None,
            looked=place_of(looked) if looked else None,
            stops=stops,
            gaps=tuple(gaps),
        )

    @staticmethod
    def _refused(
        traces: Sequence[Trace], about: Callable[[CommandStep], bool], writes: Callable[[CommandStep], bool]
    ) -> bool:
        """Whether on some way the look comes last: the script ends without a write, and not well."""
        for trace in traces:
            looks = [number for number, step in enumerate(trace.steps) if about(step)]
            rest = trace.steps[looks[-1] + 1 :] if looks else ()
            if (
                looks
                and trace.status
                and not trace.gaps
                and not any(writes(s) or s.invokes or s.kind == "test" for s in rest)
                and not any(writes(step) for step in trace.steps)
            ):
                return True
        return False

    def _ends(self, script: Script, looked: CommandStep, writes: Callable[[CommandStep], bool]) -> bool:
        """Whether the script ends before it writes when the looking command itself, or what reads it, fails. Raises Incomplete."""

        def fails(step: CommandStep) -> bool:
            return (
                (step.file, step.line) == (looked.file, looked.line) and step.kind == "command" and step.name != "echo"
            )

        traces = self.scripts.after_failure(script, fails, ("looked", looked.file, looked.line))
        return bool(traces) and not any(writes(step) for trace in traces for step in trace.steps)


def _about_room(step: CommandStep) -> bool:
    if step.kind == "test":
        return any(value.sources & _SPACE for value in step.argv)
    # `df … | awk '… { exit 1 }'`: the filter is the test
    return step.name == "awk" and step.fed and any("exit" in word for word in step.words)


def _about_permission(step: CommandStep) -> bool:
    if step.kind == "test":
        words = {value.text for value in step.argv}
        named = {name for value in step.argv for name in value.names}
        return (
            "-w" in words
            or "-O" in words
            or bool(named & {"EUID", "UID"})
            or any(v.sources & _IDENTITY for v in step.argv)
        )
    return (
        step.kind == "command"
        and step.name in _PROBES
        and (step.tested or step.errexit)
        and any("test" in w or "probe" in w for w in step.words)
    )
