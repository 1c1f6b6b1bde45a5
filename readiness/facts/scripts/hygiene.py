"""What a release's scripts take care of before they write, and what they show of themselves: locks, room, permissions, logs, secrets, time-outs."""

from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import kinds
from readiness.facts.scripts.failure_modes import Place, place
from readiness.support.redaction.names import secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.facts.scripts.shell import Script, Scripts
    from readiness.facts.scripts.values import Step, Trace

_NO_SECRET_ENDS: Final = ("_NAME", "_ID", "_LENGTH", "_FILES", "_KEYS_SET")
_BUILTINS: Final = frozenset(
    {"echo", "printf", "export", "[", "test", "read", "local", "declare", "unset", "set", ":", "cd"}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How a script is locked against others: the paths, the first change made without one, and whether it holds at all."""

    script: str
    paths: frozenset[str]
    bare: Place | None
    """The first command that changes something while no lock is held."""
    ignored: Place | None
    """Where the lock is taken, if the script goes on without having got it."""
    two_steps: Place | None
    """Where the lock is a file that is looked for first and made afterwards: two scripts can pass at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request of a script, and what it lacks."""

    place: Place
    lacks: tuple[str, ...]


class Care:
    """Asks a release's scripts what they take care of."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    # --- locks ----------------------------------------------------------------------------------------------------

    def lock(self, role: str) -> Lock:
        """How the `role`'s script is locked."""
        script = self.scripts.needed(role)
        traces = self.scripts.paths(script)
        bare = next((step for trace in traces for step in trace.steps if self._changes(step) and not step.locks), None)
        held = frozenset(path for trace in traces for step in trace.steps if self._changes(step) for path in step.locks)
        taken = [step for step in self.scripts.steps(script) if _takes_lock(step)]
        ignored = next((place(step) for step in taken if self._goes_on_without(script, step)), None)
        return Lock(
            script=script.path,
            paths=held,
            bare=place(bare) if bare else None,
            ignored=ignored,
            two_steps=_checked_then_made(traces) if bare else None,
        )

    def _changes(self, step: Step) -> bool:
        if step.kind == "command" and step.invokes:
            script = self.scripts.find(step.invokes)
            return script is not None and script.role in {"stop", "deploy", "start", "rollback"}
        return kinds.changes(step) and not kinds.is_request(step)

    def _goes_on_without(self, script: Script, lock: Step) -> bool:
        def fails(step: Step) -> bool:
            return (step.file, step.pos, step.kind) == (lock.file, lock.pos, lock.kind)

        for trace in self.scripts.after_failure(script, fails, ("locked", lock.file, lock.pos)):
            first = next(number for number, step in enumerate(trace.steps) if step.dead)
            if any(self._changes(step) for step in trace.steps[first + 1 :]):
                return True
        return False

    # --- logs -----------------------------------------------------------------------------------------------------

    def unready_logs(self) -> list[Place]:
        """Log files that lifecycle scripts open before their folder is there."""
        found: dict[tuple[str, int, str], Place] = {}
        for script in self.scripts.readable:
            for trace in self.scripts.paths(script) if script.role else ():
                for step in trace.steps:
                    for write in step.writes:
                        if not write.ready and _is_log(write.path):
                            shown = Place(path=step.file, line=write.line, text=write.path.removeprefix("@/"))
                            found.setdefault((step.file, write.line, write.path), shown)
        return list(found.values())

    # --- secrets and requests -------------------------------------------------------------------------------------

    def exposed(self) -> list[tuple[Place, str]]:
        """Commands with a secret on their command line, where every user of the machine can read it, and the variable's name."""
        found: dict[tuple[str, int], tuple[Place, str]] = {}
        for script in self.scripts.readable:
            for step in self.scripts.steps(script):
                if (
                    step.kind != "command"
                    or not step.inner
                    or (step.name in _BUILTINS and step.wrappers <= {"command"})
                ):
                    continue
                names = sorted(
                    name for value in step.argv if not value.text.isdecimal() for name in value.names if is_secret(name)
                )
                managers = sorted(
                    s
                    for value in step.argv
                    for s in value.sources
                    if s in {"op", "vault", "pass", "aws"} and not value.known
                )
                if names or (managers and _shows_secret(step)):
                    found.setdefault(
                        (step.file, step.pos), (place(step), "$" + names[0] if names else f"$({managers[0]} …)")
                    )
        return list(found.values())

    def requests(self) -> list[Request]:
        """Requests that may hang for ever, take an error page for an answer, or are tried once only."""
        found: dict[tuple[str, int], Request] = {}
        for script in self.scripts.readable:
            repeated = self._repeated(script)
            for step in self.scripts.steps(script):
                if not kinds.is_request(step) or (step.file, step.pos) in found:
                    continue
                lacks = (
                    *(() if kinds.is_bounded(step) else ("a time limit",)),
                    *(() if kinds.sees_errors(step) else ("--fail",)),
                    *(() if kinds.retries(step) or (step.file, step.pos) in repeated else ("a retry",)),
                )
                if lacks:
                    found[step.file, step.pos] = Request(place=place(step), lacks=lacks)
        return list(found.values())

    def _repeated(self, script: Script) -> set[tuple[str, int]]:
        """Requests that are made again when they fail."""
        found = set()
        for trace in self.scripts.paths(script, world=lambda s: 7 if kinds.is_request(s) else None, name="silent"):
            times: dict[tuple[str, int, str], int] = {}
            for step in trace.steps:
                if kinds.is_request(step):
                    key = (step.file, step.pos, kinds.address(step))
                    times[key] = times.get(key, 0) + 1
            found |= {key[:2] for key, number in times.items() if number > 1}
        return found

    # --- supervision ----------------------------------------------------------------------------------------------

    def loose_starts(self) -> list[Place]:
        """Commands that put the hub into the background by themselves, with nothing to restart it."""
        return [place(step) for step in self._starts() if _is_loose(step)]

    def foreground_starts(self) -> list[Place]:
        """Commands that run the hub in the foreground, for a supervisor to look after."""
        return [place(step) for step in self._starts() if not _is_loose(step)]

    def managed_starts(self) -> list[Place]:
        """Commands that leave the start to a process manager."""
        found = (s for script in self._starters() for s in self.scripts.steps(script) if kinds.uses_manager(s))
        return [place(step) for step in found]

    def _starters(self) -> Iterator[Script]:
        return (
            script for script in self.scripts.readable if script.role in {"start", "complete", "deploy", "rollback"}
        )

    def _starts(self) -> list[Step]:
        found = []
        for script in self._starters():
            for step in self.scripts.steps(script):
                loose = (
                    _is_loose(step)
                    and step.kind == "command"
                    and ("nohup" in step.wrappers or "setsid" in step.wrappers)
                )
                if (kinds.starts_hub(step) or loose) and not step.invokes:
                    found.append(step)
        return found


def is_secret(name: str) -> bool:
    """Whether a variable's name says that it holds a secret: GEMINI_API_KEY does, KEY_FILE does not."""
    return secret_name(name) and not name.upper().endswith(_NO_SECRET_ENDS)


def _is_loose(step: Step) -> bool:
    return step.background or bool({"nohup", "setsid"} & step.wrappers)


def _shows_secret(step: Step) -> bool:
    return kinds.is_request(step) or kinds.starts_hub(step)


def _takes_lock(step: Step) -> bool:
    if step.kind == "noclobber":
        return True
    if step.kind != "command":
        return False
    if step.name == "mkdir":
        return any("lock" in posixpath.basename(word).lower() for word in step.words)
    return step.name == "flock" and not {"-u", "--unlock"} & set(step.words)


def _checked_then_made(traces: list[Trace]) -> Place | None:
    """A lock file that is tested and then made by another command."""
    tested: dict[str, Step] = {}
    for trace in traces:
        for step in trace.steps:
            words = [value.text for value in step.argv]
            if step.kind == "test" and "lock" in words[-1].lower() and {"-e", "-f"} & set(words):
                tested[words[-1]] = step
            made = [write.path for write in step.writes] + (list(step.words) if step.name == "touch" else [])
            for path in made:
                if any(posixpath.basename(path) == posixpath.basename(name) for name in tested):
                    return place(step)
    return None


def _is_log(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return any("log" in part.lower() for part in folder.split("/")) or name.lower().endswith((".log", ".out"))
