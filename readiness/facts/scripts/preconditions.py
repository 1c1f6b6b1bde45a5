"""Whether scripts look at the free space and at their permissions before they write, and end if they do not like what they see."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import kinds
from readiness.facts.scripts.failure_modes import Place, place

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.facts.scripts.shell import Script, Scripts
    from readiness.facts.scripts.values import Step, Trace

_SPACE: Final = frozenset({"df", "findmnt"})
_IDENTITY: Final = frozenset({"id", "whoami", "stat"})
_PROBES: Final = frozenset({"touch", "mktemp"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Whether a script looks at something before its first write."""

    script: str
    write: Place | None
    looked: Place | None
    stops: bool
    """Whether the script ends before it writes when it does not like what it sees."""


class Guards:
    """Asks a release's scripts what they look at before they write."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    def room(self, role: str) -> Guard:
        """Whether the `role`'s script, or the orchestrator before it, looks at the free space before it writes."""
        return self._guard(role, _about_room)

    def permission(self, role: str) -> Guard:
        """Whether it looks at whether it may write."""
        return self._guard(role, _about_permission)

    def _guard(self, role: str, about: Callable[[Step], bool]) -> Guard:
        script = self.scripts.needed(role)
        own = self._guarded(script, about, kinds.writes_files)
        leader = self.scripts.of("complete")
        if own.stops or leader is None or leader.trouble or leader is script:
            return own
        above = self._guarded(leader, about, lambda step: step.invokes == script.path)
        return dataclasses.replace(own, looked=above.looked, stops=True) if above.stops else own

    def _guarded(self, script: Script, about: Callable[[Step], bool], writes: Callable[[Step], bool]) -> Guard:
        traces = self.scripts.paths(script)
        first, looked = None, None
        for trace in traces:
            number = next((n for n, step in enumerate(trace.steps) if writes(step)), None)
            if number is None:
                continue
            first = first or trace.steps[number]
            looked = looked or next((step for step in trace.steps[:number] if about(step)), None)
        stops = looked is not None and (self._refused(traces, about, writes) or self._ends(script, looked, writes))
        return Guard(
            script=script.path,
            write=place(first) if first else None,
            looked=place(looked) if looked else None,
            stops=stops,
        )

    @staticmethod
    def _refused(traces: list[Trace], about: Callable[[Step], bool], writes: Callable[[Step], bool]) -> bool:
        """Whether on some way the look comes last: the script ends without a write, and not well."""
        for trace in traces:
            looks = [number for number, step in enumerate(trace.steps) if about(step)]
            rest = trace.steps[looks[-1] + 1 :] if looks else ()
            if (
                looks
                and trace.status
                and not any(writes(s) or s.invokes or s.kind == "test" for s in rest)
                and not any(writes(step) for step in trace.steps)
            ):
                return True
        return False

    def _ends(self, script: Script, looked: Step, writes: Callable[[Step], bool]) -> bool:
        """Whether the script ends before it writes when the looking command itself, or what reads it, fails."""

        def fails(step: Step) -> bool:
            return (
                (step.file, step.line) == (looked.file, looked.line) and step.kind == "command" and step.name != "echo"
            )

        found = self.scripts.after_failure(script, fails, ("looked", looked.file, looked.line))
        return bool(found) and not any(writes(step) for trace in found for step in trace.steps)


def _about_room(step: Step) -> bool:
    if step.kind == "test":
        return any(value.sources & _SPACE for value in step.argv)
    # `df … | awk '… { exit 1 }'`: the filter is the test
    return step.name == "awk" and step.fed and any("exit" in word for word in step.words)


def _about_permission(step: Step) -> bool:
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
