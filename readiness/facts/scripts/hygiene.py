"""Whether a release's scripts lock each other out, make a log's folder first, keep secrets off command lines, bound requests, and supervise the hub."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import commands
from readiness.facts.scripts.failure_modes import ScriptPlace, place_of
from readiness.facts.scripts.simulation import ScriptEvidence
from readiness.support.redaction import plainly_secret_name, secret_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.facts.scripts.release_scripts import Script, Scripts
    from readiness.facts.scripts.simulation import CommandStep, Gap, Trace

_NO_SECRET_ENDS: Final = (
    *("_NAME", "_ID", "_LENGTH", "_LEN", "_FILES", "_FILE", "_PATH", "_DIR", "_KEYS_SET", "_SIZE", "_BITS", "_COUNT", "_TYPE", "_FORMAT"),
    *("_ALGORITHM", "_FINGERPRINT", "_STATUS", "_MISSING", "_OK", "_URL", "_HOST", "_PORT", "_TTL", "_PREFIX", "_OPTION"),
)  # fmt: skip
_NO_SECRET_STARTS: Final = (
    "MISSING_",
    "REQUIRED_",
    "EXPECTED_",
    "UNSET_",
    "NUM_",
    "TOTAL_",
    "HAS_",
    "NO_",
    "NEEDS_",
    "USE_",
    "CHECK_",
)
_MAKES_NO_SECRET: Final = frozenset(
    {"mktemp", "tempfile", "dirname", "basename", "realpath", "readlink", "pwd", "wc", "date", "hostname", "seq", "stat", "id", "find", "ls"}
)  # fmt: skip
"""Programs whose output is a path, a number or a name."""
_TAKES_A_PATH: Final = frozenset(
    {"-i", "-f", "--key", "--cert", "--cacert", "-key", "-keyout", "-inkey", "-CAkey", "-CA", "--identity", "--identity-file", "--key-file",
     "--from-file", "--env-file", "--config", "-K", "--private-key", "--ssh-key", "--secret-file", "--password-file", "--token-file"}
)  # fmt: skip
"""Options whose value is the path of a key and not the key."""
_DENSE: Final = re.compile(r"(?=[A-Za-z0-9_+=-]*\d)(?=[A-Za-z0-9_+=-]*[A-Za-z])[A-Za-z0-9_+=-]{16,}")
"""A run of letters and digits that is no word."""
_ENDS: Final = frozenset({"TERM", "KILL", "INT", "HUP", "QUIT"})
_ENV_FILE: Final = re.compile(r"^\.env|\.env$|secret", re.IGNORECASE)
_BUILTINS: Final = frozenset(
    {"echo", "printf", "export", "[", "test", "read", "local", "declare", "unset", "set", ":", "cd"}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentLock:
    """How a script is locked against others: the paths, the first change made without one, and whether it holds at all."""

    script: str
    paths: frozenset[str]
    bare: ScriptPlace | None
    """The first command that changes something while no lock is held."""
    ignored: ScriptPlace | None
    """Where the lock is taken, if the script goes on without having got it."""
    two_steps: ScriptPlace | None
    """Where the lock is a file that is looked for first and made afterwards: two scripts can pass at once."""
    gaps: tuple[Gap, ...] = ()
    """What was not simulated: where nothing is wrong with the lock, whether that is so is not known."""

    def require_complete(self) -> None:
        """Return where nothing of it can be missing. Raises Incomplete."""
        ScriptEvidence((), self.gaps).require_complete()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeakRequest:
    """A request of a script, and what it lacks."""

    place: ScriptPlace
    lacks: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExposedSecret:
    """A command with a secret on its command line, and the variable or command that it comes from."""

    place: ScriptPlace
    name: str

    def __str__(self) -> str:
        return f"{self.name} in {self.place}"


class Hygiene:
    """Asks a release's scripts what they take care of."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    # --- locks ----------------------------------------------------------------------------------------------------

    def lock(self, role: str) -> DeploymentLock:
        """How the `role`'s script is locked."""
        script = self.scripts.needed(role)
        traces, steps = self.scripts.traces(script), self.scripts.steps(script)
        changes = [step for trace in traces.seen for step in trace.steps if self._changes(step)]
        bare = next((s for t in traces.seen for s in t.steps[: t.certain] if self._changes(s) and not s.locks), None)
        ignored = steps.where(lambda step: _takes_lock(step) and self._goes_on_without(script, step))
        return DeploymentLock(
            script=script.path,
            paths=frozenset(path for step in changes for path in step.locks),
            bare=place_of(bare) if bare else None,
            ignored=place_of(ignored.seen[0]) if ignored.seen else None,
            two_steps=_checked_then_made(traces.seen) if bare else None,
            gaps=(*traces.gaps, *ignored.gaps),
        )

    def _changes(self, step: CommandStep) -> bool:
        if step.kind == "command" and step.invokes:
            script = self.scripts.find(step.invokes)
            return script is not None and script.role in {"stop", "deploy", "start", "rollback"}
        return commands.changes(step) and not commands.is_request(step)

    def _goes_on_without(self, script: Script, lock: CommandStep) -> bool:
        """Whether something is changed although the lock could not be taken. Raises Incomplete."""

        def fails(step: CommandStep) -> bool:
            return (step.file, step.pos, step.kind) == (lock.file, lock.pos, lock.kind)

        def changes_afterwards(trace: Trace) -> bool:
            first = next(number for number, step in enumerate(trace.steps) if step.dead)
            return any(self._changes(step) for step in trace.steps[first + 1 :])

        traces = self.scripts.after_failure(script, fails, ("locked", lock.file, lock.pos))
        return any(changes_afterwards(trace) for trace in traces)

    # --- logs -----------------------------------------------------------------------------------------------------

    def unready_logs(self) -> ScriptEvidence[ScriptPlace]:
        """Log files that lifecycle scripts open before their folder is there."""
        places: dict[tuple[str, int, str], ScriptPlace] = {}
        gaps: list[Gap] = []
        for script in self.scripts.present:
            if not script.role:
                continue
            traces = self.scripts.traces(script, signals=True)
            gaps += traces.gaps
            for trace in traces.seen:
                for step in trace.steps[: trace.certain]:
                    for write in step.writes:
                        if not write.ready and _is_log(write.path):
                            shown = ScriptPlace(path=step.file, line=write.line, text=write.path.removeprefix("@/"))
                            places.setdefault((step.file, write.line, write.path), shown)
        return ScriptEvidence(places.values(), gaps)

    # --- secrets and requests -------------------------------------------------------------------------------------

    def _all_steps(self) -> ScriptEvidence[CommandStep]:
        """Each command of every script that can be read."""
        return ScriptEvidence.gathered(self.scripts.steps(script) for script in self.scripts.present)

    def exposed(self) -> ScriptEvidence[ExposedSecret]:
        """Commands with a secret on their command line, where every user of the machine can read it."""
        exposed: dict[tuple[str, int], ExposedSecret] = {}
        steps = self._all_steps()
        for step in steps.seen:
            if step.kind != "command" or not step.inner or (step.name in _BUILTINS and step.wrappers <= {"command"}):
                continue
            names = _secrets_of(step)
            managers = sorted(
                source
                for value in step.argv
                for source in value.sources
                if source in {"op", "vault", "pass", "aws"} and not value.known
            )
            if names or (managers and _shows_secret(step)):
                name = "$" + names[0] if names else f"$({managers[0]} …)"
                exposed.setdefault((step.file, step.pos), ExposedSecret(place=place_of(step), name=name))
            elif step.name == "xargs" and len(step.inner) == 1 and (file := self._env_file_read_at(step, steps.seen)):
                # without a command xargs starts /bin/echo with all of it
                exposed.setdefault(
                    (step.file, step.pos), ExposedSecret(place=place_of(step), name=f"every value of {file}")
                )
        return ScriptEvidence(exposed.values(), steps.gaps)

    @staticmethod
    def _env_file_read_at(step: CommandStep, steps: Sequence[CommandStep]) -> str:
        """The env file that a command on the same line reads; an empty text where none does."""
        beside = (one for one in steps if (one.file, one.line) == (step.file, step.line) and one.pos != step.pos)
        return next((word for one in beside for word in one.words if _ENV_FILE.search(posixpath.basename(word))), "")

    def requests(self) -> ScriptEvidence[WeakRequest]:
        """Requests that may hang for ever, take an error page for an answer, or are tried once only."""
        weak: dict[tuple[str, int], WeakRequest] = {}
        gaps: list[Gap] = []
        for script in self.scripts.present:
            steps, repeated = self.scripts.steps(script), self._repeated(script)
            gaps += (*steps.gaps, *repeated.gaps)
            for step in steps.seen:
                if not commands.is_request(step) or (step.file, step.pos) in weak:
                    continue
                once = not commands.retries(step) and (step.file, step.pos) not in repeated.seen
                lacks = (
                    *(() if commands.is_bounded(step) else ("a time limit",)),
                    *(() if commands.sees_errors(step) else ("--fail",)),
                    *(("a retry",) if once and not repeated.gaps else ()),
                )
                if lacks:
                    weak[step.file, step.pos] = WeakRequest(place=place_of(step), lacks=lacks)
        return ScriptEvidence(weak.values(), gaps)

    def _repeated(self, script: Script) -> ScriptEvidence[tuple[str, int]]:
        """Requests that are made again when they fail."""
        repeated: set[tuple[str, int]] = set()
        silent = self.scripts.traces(script, world=lambda s: 7 if commands.is_request(s) else None, name="silent")
        for trace in silent.seen:
            times: dict[tuple[str, int, str], int] = {}
            for step in trace.steps:
                if commands.is_request(step):
                    key = (step.file, step.pos, commands.address(step))
                    times[key] = times.get(key, 0) + 1
            repeated |= {key[:2] for key, number in times.items() if number > 1}
        return ScriptEvidence(repeated, silent.gaps)

    # --- supervision ----------------------------------------------------------------------------------------------

    def loose_starts(self) -> ScriptEvidence[ScriptPlace]:
        """Commands that put the hub into the background by themselves, with nothing to restart it."""
        return _places(self._starts().where(_is_loose))

    def foreground_starts(self) -> ScriptEvidence[ScriptPlace]:
        """Commands that run the hub in the foreground, for a supervisor to look after."""
        return _places(self._starts().where(lambda step: not _is_loose(step)))

    def managed_starts(self) -> ScriptEvidence[ScriptPlace]:
        """Commands that leave the start to a process manager."""
        return _places(self._starter_steps().where(commands.uses_manager))

    def _starter_steps(self) -> ScriptEvidence[CommandStep]:
        """Each command of the scripts that may start the hub."""
        starters = {"start", "complete", "deploy", "rollback"}
        return ScriptEvidence.gathered(self.scripts.steps(s) for s in self.scripts.present if s.role in starters)

    def _starts(self) -> ScriptEvidence[CommandStep]:
        def starts(step: CommandStep) -> bool:
            loose = step.kind == "command" and _is_loose(step) and bool({"nohup", "setsid"} & step.wrappers)
            return (commands.starts_hub(step) or loose) and not step.invokes and not self._is_ended_again(step)

        return self._starter_steps().where(starts)

    def _is_ended_again(self, start: CommandStep) -> bool:
        """Whether the script that starts something ends it on each way on which all went well: it was only tried."""
        script = self.scripts.find(f"@/{start.file}")
        if script is None or not _is_loose(start):
            return False
        ways = [trace.steps for trace in self.scripts.traces(script).seen if trace.status == 0]
        after = [
            way[number + 1 :]
            for way in ways
            for number, step in enumerate(way)
            if (step.file, step.pos) == (start.file, start.pos)
        ]
        return bool(after) and all(any(commands.signal_of(step) in _ENDS for step in rest) for rest in after)


def _places(steps: ScriptEvidence[CommandStep]) -> ScriptEvidence[ScriptPlace]:
    return ScriptEvidence(map(place_of, steps.seen), steps.gaps)


def is_secret(name: str) -> bool:
    """Whether a variable's name says that it holds a secret: GEMINI_API_KEY does, KEY_FILE does not."""
    upper = name.upper()
    return secret_name(name) and not upper.endswith(_NO_SECRET_ENDS) and not upper.startswith(_NO_SECRET_STARTS)


def _secrets_of(step: CommandStep) -> list[str]:
    """The variables whose secret content stands on a command line: no paths, sizes, counts and option names that are called like one."""
    names: set[str] = set()
    for before, value in zip(("", *(one.text for one in step.argv)), step.argv, strict=False):
        secret = {name for name in value.names if is_secret(name)}
        if not secret or before in _TAKES_A_PATH or value.text.startswith("@"):
            continue
        if value.known and not _is_secret_text(value.text, secret):
            continue
        if value.sources and value.sources <= _MAKES_NO_SECRET and "${" not in value.text:
            continue
        if {name.lower() for name in secret} <= {"key", "keys"} and not commands.is_request(step):
            continue  # the key of a table, as far as anybody can tell
        names |= secret
    return sorted(names)


def _is_secret_text(text: str, names: set[str]) -> bool:
    """Whether a text that the script itself writes out is a secret: dense, or what a plainly named variable holds, and no path or number."""
    if text.startswith(("/", "./", "~", "$HOME")) or text.isdecimal() or not text:
        return False
    return _DENSE.search(text) is not None or any(plainly_secret_name(name) for name in names)


def _is_loose(step: CommandStep) -> bool:
    return step.background or bool({"nohup", "setsid"} & step.wrappers)


def _shows_secret(step: CommandStep) -> bool:
    return commands.is_request(step) or commands.starts_hub(step)


def _takes_lock(step: CommandStep) -> bool:
    if step.kind == "noclobber":
        return True
    if step.kind != "command":
        return False
    if step.name == "mkdir":
        return any("lock" in posixpath.basename(word).lower() for word in step.words)
    return step.name == "flock" and not {"-u", "--unlock"} & set(step.words)


def _checked_then_made(traces: Sequence[Trace]) -> ScriptPlace | None:
    """A lock file that is tested and then made by another command."""
    tested: dict[str, CommandStep] = {}
    for trace in traces:
        for step in trace.steps:
            words = [value.text for value in step.argv]
            if step.kind == "test" and "lock" in words[-1].lower() and {"-e", "-f"} & set(words):
                tested[words[-1]] = step
            made = [write.path for write in step.writes] + (list(step.words) if step.name == "touch" else [])
            for path in made:
                if any(posixpath.basename(path) == posixpath.basename(name) for name in tested):
                    return place_of(step)
    return None


def _is_log(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return any("log" in part.lower() for part in folder.split("/")) or name.lower().endswith((".log", ".out"))
