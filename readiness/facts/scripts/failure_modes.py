"""What happens in a release's scripts when a command fails, and when nobody is at the terminal: told by simulating them.

Answers are evidence with its places and its gaps; whether it is good is for the checks to say.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import posixpath
import re
import urllib.parse
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.facts.scripts import commands
from readiness.facts.scripts.simulation import Gap, Incomplete, ScriptEvidence, Value
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from readiness.facts.scripts.release_scripts import Script, Scripts
    from readiness.facts.scripts.simulation import CommandStep, Trace

_FINDS_THE_HUB: Final = frozenset({"pgrep", "pidof", "nc", "curl", "wget", "http", "lsof", "ss", "netstat"})
_ASKS_THE_HUB: Final = frozenset(
    {("systemctl", "is-active"), ("systemctl", "status"), ("kill", "-0"), ("pm2", "describe")}
)
"""What a healthy hub answers with success."""
_MAY_ASK: Final = frozenset(
    {
        "node",
        "bun",
        "deno",
        "npm",
        "npx",
        "pnpm",
        "yarn",
        "python",
        "python3",
        "nc",
        "http",
        "ssh",
        "docker",
        "make",
        "systemctl",
        "openssl",
        "k6",
        "newman",
    }
)
"""Programs by which a validation may ask the hub in its own way."""
_PROXY_FOLDERS: Final = ("", "nginx", "config", "conf", "deploy", "infra", "ops")
_STATIC: Final = re.compile(r"^\s*location\s+(?:(?:=|\^~)\s*)?(/\S*)\s*\{[^{}]*\breturn\s+2\d\d\b", re.MULTILINE)
_CONF_LIMIT: Final = 256 * 1024
_GREPS: Final = frozenset({"grep", "egrep", "fgrep", "rg"})
_ANSWER_FILES: Final = (".json", ".txt", ".out", ".html", ".log", ".tmp")
PHASES: Final = ("deploy", "start", "validate")
"""Phases after which something has changed that a rollback must undo."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPlace:
    """A place in a script, and what stands there."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} `{self.text}`"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FailureOutcome:
    """What became of a script when one of its commands failed."""

    place: ScriptPlace
    restored: bool
    seen: bool
    """It ended with a failure of its own on every way."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackCall:
    """How the rollback script is started: by a step of another script, or (None) by a configured action."""

    step: CommandStep | None
    args: tuple[Value, ...]
    environ: dict[str, str] | None


def place_of(step: CommandStep) -> ScriptPlace:
    """Where a step stands; long ones are cut."""
    text = " ".join(step.text.split())
    return ScriptPlace(path=step.file, line=step.line, text=text if len(text) <= 70 else text[:69] + "…")  # noqa: PLR2004 - characters


class FailureModes:
    """Asks a release's scripts what happens when something goes wrong."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    # --- what happens when something fails ------------------------------------------------------------------------

    def failures(self, role: str, wanted: Callable[[CommandStep], bool]) -> ScriptEvidence[FailureOutcome]:
        """What comes of each command of the `role`'s script that is `wanted`, when it fails alone."""
        script = self.scripts.needed(role)
        steps = self.scripts.steps(script)
        outcomes, gaps = [], list(steps.gaps)
        for spot in filter(wanted, steps.seen):
            traces = self._after(script, spot)
            try:
                if traces:
                    outcomes.append(
                        FailureOutcome(
                            place=place_of(spot),
                            restored=any(self._restored(script, trace, spot) for trace in traces),
                            seen=all(trace.status != 0 for trace in traces),
                        )
                    )
            except Incomplete as incomplete:
                gaps += incomplete.gaps
        return ScriptEvidence(outcomes, gaps)

    def _after(self, script: Script, spot: CommandStep) -> ScriptEvidence[Trace]:
        """The ways through `script` on which the command at `spot` fails."""
        return self.scripts.after_failure(script, _at(spot), ("fails", spot.file, spot.pos, spot.text))

    def builds(self) -> ScriptEvidence[FailureOutcome]:
        """What comes of each install and build of the deploy script when it fails."""
        return self.failures("deploy", lambda step: commands.is_build(step) and not step.handler and not step.dead)

    def deploy_is_covered(self) -> bool:
        """Whether the orchestrator rolls back when the deploy script fails; False where there is no orchestrator. Raises Incomplete."""
        if self.scripts.of("complete") is None or self.scripts.needed("complete").trouble:
            return False
        outcomes = self.phase("deploy")
        return bool(outcomes) and all(outcome.restored for outcome in outcomes)

    def _restored(self, script: Script, trace: Trace, spot: CommandStep) -> bool:
        """Whether what came after the failure brings back what was there before. Raises Incomplete where a gap may hide that."""
        first = next(number for number, step in enumerate(trace.steps) if step.dead)
        usual = {(step.file, step.pos, step.handler) for step in self.scripts.traces(script).seen[0].steps}
        after = trace.steps[first + 1 :]
        fresh = [step for step in after if (step.file, step.pos, step.handler) not in usual and step.pos != spot.pos]
        return any(
            self.rolls_back(step) or (commands.restores(step) and not step.dead)
            for step in ScriptEvidence(fresh, trace.gaps)
        )

    def rolls_back(self, step: CommandStep) -> bool:
        """Whether a command runs the rollback script."""
        script = self.scripts.find(step.invokes) if step.invokes else None
        return script is not None and script.role == "rollback"

    def switches_last(self, role: str) -> ScriptPlace | None:
        """Where a script switches to a release that it made beside the running one, after all that can fail; None if it does not.

        Raises Incomplete.
        """
        usual = self.scripts.traces(self.scripts.needed(role)).seen[0]
        builds = [n for n, step in enumerate(usual.steps) if commands.is_build(step)]
        moves = [n for n, step in enumerate(usual.steps) if commands.activates(step)]
        if builds and all(commands.builds_image(usual.steps[n]) for n in builds):
            replaced = [n for n, step in enumerate(usual.steps) if n >= builds[-1] and commands.uses_manager(step)]
            ended = any(commands.ends_container(step) for step in usual.steps[: builds[-1]])
            return place_of(usual.steps[replaced[0]]) if replaced and not ended else None
        if not builds or not moves or moves[-1] < builds[-1]:
            return None
        in_place = any(commands.git_verb(step) in {"pull", "merge", "reset", "rebase"} for step in usual.evidence)
        return None if in_place else place_of(usual.steps[moves[-1]])

    def ships_elsewhere(self, role: str) -> ScriptPlace | None:
        """Where a script sends what it built to another machine, with nothing changed there before; None if it does not. Raises Incomplete."""
        usual = self.scripts.traces(self.scripts.needed(role)).seen[0]
        builds = [n for n, step in enumerate(usual.steps) if commands.is_build(step)]
        sent = [n for n, step in enumerate(usual.steps) if commands.sends_elsewhere(step)]
        if not builds or not sent or sent[0] < builds[-1]:
            return None
        before = usual.steps[: builds[-1]]
        changed = any(
            commands.changes(step) and not commands.is_build(step) and not commands.starts_hub(step) for step in before
        )
        return None if changed else place_of(usual.steps[sent[0]])

    def phase_steps(self, script: Script, phase: str) -> ScriptEvidence[CommandStep]:
        """Where the orchestrator does a phase: it runs the phase's script, or the phase's commands itself."""
        steps = self.scripts.steps(script)
        by_script = steps.where(lambda step: self._role_of(step) == phase)
        if by_script.seen:
            return by_script
        own: dict[str, Callable[[CommandStep], bool]] = {
            "deploy": commands.is_build,
            "start": lambda step: commands.starts_hub(step) or commands.uses_manager(step),
            "validate": lambda step: commands.is_request(step) or step.name in {"readiness", "pytest"},
        }
        return steps.where(own[phase])

    def unrecognised(self, role: str) -> ScriptPlace | None:
        """A command of the `role`'s script that may be a phase under another name: a script without a role, a task, a program of its own."""
        steps = self.scripts.steps(self.scripts.needed(role))
        return next((place_of(step) for step in steps.seen if self._may_be_anything(step)), None)

    def _may_be_anything(self, step: CommandStep) -> bool:
        if step.kind != "command":
            return False
        if step.invokes:
            return not self._role_of(step)
        is_task = step.name in {"make", "npm", "pnpm", "yarn", "bun", "just", "task", "rake"} and not commands.is_build(
            step
        )
        own = step.name in {"node", "python", "python3", "deno", "ssh", "ansible-playbook"} and not commands.starts_hub(
            step
        )
        return (is_task or own) and not {"--version", "-v", "-V"} & set(step.words)

    def _role_of(self, step: CommandStep) -> str:
        """The role of the script that a step runs; an empty text for other steps."""
        script = self.scripts.find(step.invokes) if step.invokes else None
        return script.role if script is not None else ""

    def phase(self, phase: str) -> ScriptEvidence[FailureOutcome]:
        """What comes of the failure of one of the orchestrator's phases; empty where it has no such phase."""
        steps = self.phase_steps(self.scripts.needed("complete"), phase)
        spots = {(step.file, step.pos, step.text) for step in steps.seen}
        return self.failures("complete", lambda step: (step.file, step.pos, step.text) in spots)

    def phases(self) -> dict[str, ScriptEvidence[FailureOutcome]]:
        """Each phase of the orchestrator with what comes of its failure."""
        return {phase: self.phase(phase) for phase in PHASES}

    def unseen(self, script: Script) -> ScriptEvidence[ScriptPlace]:
        """Commands that change something, whose failure nothing looks at and nobody would see."""
        steps = self.scripts.steps(script)
        must_not_fail = self._must_not_fail(script)
        spots = ScriptEvidence(
            (s for s in steps.seen if must_not_fail(s) and not s.tested and not s.background), steps.gaps
        )
        unseen = spots.where(lambda spot: any(t.status == 0 or _went_on(t, spot) for t in self._after(script, spot)))
        return ScriptEvidence(map(place_of, unseen.seen), unseen.gaps)

    def all_unseen(self) -> ScriptEvidence[ScriptPlace]:
        """Such commands of every script."""
        return ScriptEvidence.gathered(self.unseen(script) for script in self.scripts.present)

    def _must_not_fail(self, script: Script) -> Callable[[CommandStep], bool]:
        leads = script.role in {"complete", "rollback", "deploy"}
        return lambda step: commands.changes(step) or bool(leads and step.invokes and self.scripts.find(step.invokes))

    # --- what happens when all is well -----------------------------------------------------------------------------

    def fails_when_healthy(self) -> ScriptPlace | None:
        """Where the validation ends with a failure although every request succeeds and every process is there; None where it does not.

        Raises Incomplete, Unknown.
        """
        script = self.scripts.needed("validate")
        traces = self.scripts.traces(script, world=_well, name="well", attended=False)
        if traces.seen and all(trace.status for trace in traces.seen):
            traces.require_complete()
            return _end_of(traces.seen[0], script)
        counts = [step for trace in traces.seen for step in trace.steps if _counts(step)]
        if not counts or not traces.seen:
            return None
        # where it finds nothing, grep prints 0 and ends with 1: `set -e` takes that for a failure, `|| echo 0` prints a second line
        real, meant = (
            self.scripts.traces(
                script,
                world=functools.partial(_counted, status),
                name=("counted", status),
                attended=False,
                prints=_prints_nothing_counted,
            )
            for status in (1, 0)
        )
        if not all(trace.status for trace in real.seen) or all(trace.status for trace in meant.seen):
            return None
        real.require_complete()
        return _end_of(real.seen[0], script, f" where {place_of(counts[0])} counts nothing and so prints 0 and fails")

    def passes_when_broken(self) -> tuple[CommandStep, str] | None:
        """A request of the validation whose failure nothing sees, and what comes to nothing; None where each way sees one.

        Two worlds: no request is answered, and each is answered with an error, which a curl without `--fail` takes for an answer.
        Raises Incomplete, and Unknown where nothing asks.
        """
        script = self.scripts.needed("validate")
        steps = self.scripts.steps(script)
        asks = next((kind for kind in (_asks, _may_ask) if any(kind(step) for step in steps.seen)), None)
        if asks is None:
            steps.require_complete()
            raise Unknown(f"nothing in {script.path} is recognised as asking the hub")
        for world, words in (
            (_unanswered, "no request is answered"),
            (_refused, "each request is answered with an error"),
        ):
            traces = self.scripts.traces(
                script, world=functools.partial(world, asks), name=words, attended=False, prints=_prints_nothing_counted
            )
            asked = [(trace, [step for step in trace.steps if asks(step)]) for trace in traces.seen]
            if any(trace.status and steps for trace, steps in asked):
                continue
            traces.require_complete()
            first = next((steps[0] for _, steps in asked if steps), None)
            if first is not None:
                return first, words
        return None

    def proves_nothing(self) -> str:
        """What the validation asks where that says nothing of the release, as the end of a sentence; empty where it asks more. Raises Incomplete.

        That is where nothing but the status of its answers decides, and each route answers 2xx while nothing behind it works.
        """
        script = self.scripts.needed("validate")
        traces = self.scripts.traces(script, world=_well, name="well", attended=False)
        steps = [step for trace in traces for step in trace.steps if step.kind == "command"]
        requests = [step for step in steps if commands.is_request(step)]
        if any(trace.status for trace in traces.seen) or any(
            _judges(step) or _may_ask(step) for step in steps if step not in requests
        ):
            return ""
        addresses = [urllib.parse.urlsplit(commands.address(step)) for step in requests]
        static, kind = self._static_routes(), self.scripts.config.target.kind
        why = dict.fromkeys(kind.liveness, f"which {kind.title} answers with 200 while nothing behind it works")
        why |= {route: f"which {path} answers by itself, whether the hub runs or not" for route, path in static.items()}
        if not requests or any(address.path not in why for address in addresses):
            return ""
        return f"{addresses[0].path}, {why[addresses[0].path]}, and looks at the status alone"

    def _static_routes(self) -> dict[str, str]:
        """Routes that a configuration of nginx in the release answers by itself with 2xx, each with the file."""
        routes: dict[str, str] = {}
        for file in sorted(path for folder in _PROXY_FOLDERS for path in (self.scripts.root / folder).glob("*.conf")):
            with contextlib.suppress(Unreadable):
                name = file.relative_to(self.scripts.root).as_posix()
                routes |= dict.fromkeys(_STATIC.findall(file_reading.text(file, _CONF_LIMIT)), name)
        return routes

    def lost_by_rollback(self) -> ScriptEvidence[ScriptPlace]:
        """Commands of the rollback that remove what no release brings back, and that nothing puts there again."""
        script = self.scripts.needed("rollback")
        steps = self.scripts.steps(script)
        return ScriptEvidence(
            (place_of(step) for step in steps.seen if commands.loses_data(step) and not _is_put_back(step, steps.seen)),
            steps.gaps,
        )

    # --- nobody there ---------------------------------------------------------------------------------------------

    def rollback_calls(self) -> ScriptEvidence[RollbackCall]:
        """How the rollback is started: by other scripts and by the configured actions; with their arguments and what they set."""
        calls: list[RollbackCall] = []
        gaps: list[Gap] = []
        for script in self.scripts.present:
            worlds, hidden = self._phase_worlds(script)
            gaps += hidden
            starts: dict[tuple[str, int], CommandStep] = {}
            for fails in (None, *worlds):
                traces = self.scripts.traces(script) if fails is None else self._after(script, fails)
                gaps += traces.gaps
                for step in (step for trace in traces.seen for step in trace.steps):
                    if step.file == script.path and self.rolls_back(step):
                        starts[step.file, step.pos] = step
            for step in starts.values():
                environ = {name: value.text for name, value in step.env}
                calls.append(RollbackCall(step=step, args=_arguments(step), environ=environ))
        for action in self.scripts.config.rollback.actions:
            at = next((n for n, word in enumerate(action.command) if self._is_rollback(word)), None)
            if at is not None:
                args = tuple(Value(word) for word in action.command[at + 1 :])
                calls.append(RollbackCall(step=None, args=args, environ={}))
        return ScriptEvidence(calls, gaps)

    def _is_rollback(self, word: str) -> bool:
        script = self.scripts.of("rollback")
        return script is not None and word.rsplit("/", 1)[-1] == script.path.rsplit("/", 1)[-1]

    def _phase_worlds(self, script: Script) -> tuple[list[CommandStep], Iterable[Gap]]:
        """The commands of an orchestrator, or a deploy, whose failure may start the rollback; and what may hide more."""
        if script.role not in {"complete", "deploy"}:
            return [], ()
        steps = self.scripts.steps(script)
        return [step for step in steps.seen if step.invokes or commands.is_build(step)], steps.gaps

    def _unattended(self, args: Sequence[Value], environ: dict[str, str] | None) -> ScriptEvidence[CommandStep]:
        """What the rollback script runs, started like this without a terminal."""
        script = self.scripts.needed("rollback")
        traces = self.scripts.traces(script, args=args, environ=environ, attended=False)
        return ScriptEvidence((step for trace in traces.seen for step in trace.steps), traces.gaps)

    def restores_unattended(self, args: Sequence[Value], environ: dict[str, str] | None) -> bool:
        """Whether the rollback script, started like this without a terminal, restores anything. Raises Incomplete."""
        steps = self._unattended(args, environ)
        return any(commands.restores(step, "rollback") or commands.is_update(step) for step in steps)

    def asks_unattended(self, args: Sequence[Value], environ: dict[str, str] | None) -> ScriptPlace | None:
        """What the rollback script, started like this without a terminal, is seen to ask; None where it is not seen to."""
        steps = self._unattended(args, environ).seen
        asked = next((step for step in steps if step.kind == "ask"), None)
        asked = asked or next((step for step in steps if step.name in {"dialog", "whiptail", "zenity"}), None)
        return place_of(asked) if asked else None

    def rollback_asks(self) -> ScriptPlace | None:
        """Where the rollback script asks a person on any way; None where it never does. Raises Incomplete."""
        steps = self.scripts.steps(self.scripts.needed("rollback"))
        return next((place_of(step) for step in steps if step.kind == "ask"), None)

    def restores_anything(self) -> bool:
        """Whether any command of the rollback script is known to restore something. Raises Incomplete."""
        steps = self.scripts.steps(self.scripts.needed("rollback"))
        return any(commands.restores(step, "rollback") or commands.is_update(step) for step in steps)


def _end_of(trace: Trace, script: Script, why: str = "") -> ScriptPlace:
    return ScriptPlace(path=trace.file or script.path, line=trace.line, text=f"ends with {trace.status}{why}")


def _counts(step: CommandStep) -> bool:
    letters = "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
    return step.name in _GREPS and ("c" in letters or "--count" in step.words)


def _prints_nothing_counted(step: CommandStep) -> str | None:
    return "0" if _counts(step) else None


def _counted(status: int, step: CommandStep) -> int | None:
    """A world in which the hub is well, and grep counts nothing."""
    return status if _counts(step) else _well(step)


def _judges(step: CommandStep) -> bool:
    """Whether it ends with a failure where an answer does not hold what it should."""
    if step.kind != "command":
        return False
    if step.name in _GREPS:
        return step.fed or any(word.endswith(_ANSWER_FILES) or word.startswith("$") for word in step.words[1:])
    if step.name == "jq":
        letters = "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
        return "e" in letters or "--exit-status" in step.words
    return step.fed and step.name in {"python", "python3", "node", "bun", "perl", "awk", "diff", "cmp", "read"}


def _well(step: CommandStep) -> int | None:
    """A world in which the hub is there and answers."""
    asked = (step.name, step.words[0] if step.words else "")
    return 0 if commands.is_request(step) or step.name in _FINDS_THE_HUB or asked in _ASKS_THE_HUB else None


def _asks(step: CommandStep) -> bool:
    """Whether it asks the hub something, or lets this tool ask."""
    return step.kind == "command" and (commands.is_request(step) or step.name in {"readiness", "pytest"})


def _may_ask(step: CommandStep) -> bool:
    """Whether it may ask: a program of the release's own, a task, another machine."""
    return (
        step.kind == "command" and step.name in _MAY_ASK and not {"--version", "-v", "-V", "--help"} & set(step.words)
    ) or _asks(step)


def _unanswered(asks: Callable[[CommandStep], bool], step: CommandStep) -> int | None:
    return 7 if asks(step) else 1 if _judges(step) else _well(step)


def _refused(asks: Callable[[CommandStep], bool], step: CommandStep) -> int | None:
    """An answer with an error: curl prints it and ends with 0, unless it was told to fail."""
    if commands.is_request(step):
        return 22 if commands.fails_on_errors(step) else 0
    return _unanswered(asks, step)


def _is_put_back(gone: CommandStep, steps: Sequence[CommandStep]) -> bool:
    """Whether what `rm` removes is copied, or unpacked, into its place afterwards."""
    if gone.name != "rm":
        return False
    paths = {word.rstrip("/*") for word in commands.operands(gone.words)}
    paths |= {posixpath.dirname(path) for path in paths if "/" in path}
    later = (step for step in steps if (step.file, step.handler) == (gone.file, gone.handler) and step.pos > gone.pos)
    return any(
        commands.restores(step, "rollback") and paths & {word.rstrip("/") for word in step.words} for step in later
    )


def _at(spot: CommandStep) -> Callable[[CommandStep], bool]:
    return lambda step: (step.file, step.pos, step.text, step.handler) == (spot.file, spot.pos, spot.text, spot.handler)


def _went_on(trace: Trace, spot: CommandStep) -> bool:
    """Whether other changes followed on the heels of the failure, outside a handler."""
    first = next(number for number, step in enumerate(trace.steps) if step.dead)
    return any(
        commands.changes(step) and not step.tested and step.pos > spot.pos and not step.within
        for step in trace.steps[first + 1 :]
    )


def _arguments(step: CommandStep) -> tuple[Value, ...]:
    """The arguments that a script is called with."""
    if step.name in commands.SHELLS:
        return commands.shell_call(step.inner).args
    return step.inner[1:]
