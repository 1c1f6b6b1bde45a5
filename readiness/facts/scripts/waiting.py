"""How scripts wait: for a hub that does not want to end, for an address that does not answer. Simulated seconds, no real ones."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts import commands
from readiness.facts.scripts.failure_modes import place_of
from readiness.facts.scripts.simulation import ScriptEvidence
from readiness.support import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness.facts.scripts.failure_modes import ScriptPlace
    from readiness.facts.scripts.release_scripts import Scripts
    from readiness.facts.scripts.simulation import CommandStep

_ALIVE: Final = frozenset({"ps", "pgrep", "pidof"})
_POLITE: Final = frozenset({"TERM", "INT"})
"""Signals at which the hub ends in order."""
_SEARCHES: Final = frozenset({"pgrep", "pidof", "lsof", "fuser", "ps", "grep", "egrep", "awk"})
"""Programs that print every process they find."""
_UNTIL_BOOT: Final = ("/run/", "/var/run/", "/tmp/", "${XDG_RUNTIME_DIR}", "${RUNTIME_DIRECTORY}")  # noqa: S108 - compared with
"""Where files are gone after the host has started."""
_RUNTIMES: Final = frozenset({"node", "nodejs", "bun", "deno"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopSequence:
    """How a script stops the hub that does not want to: seconds between TERM and KILL, None where one never came."""

    place: ScriptPlace
    seconds: float | None
    terminated: bool
    killed: bool
    vague: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestAttempts:
    """How often a script asks an address that never answers, and the seconds between two attempts at least."""

    place: ScriptPlace
    attempts: int
    apart: float


class Waiting:
    """Asks a release's scripts how long they wait."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    def stopping(self) -> ScriptEvidence[StopSequence]:
        """How the stop script ends a process that ignores TERM, on every way on which it sends a signal."""
        traces = self.scripts.traces(self.scripts.needed("stop"), world=_undying, name="undying")
        sequences = []
        for trace in traces.seen:
            terms = [step for step in trace.steps if commands.signal_of(step) in _POLITE or _asks_manager(step)]
            kills = [step for step in trace.steps if commands.signal_of(step) == "KILL"]
            if not terms and not kills:
                continue
            last = (kills or terms)[0]
            waited = kills[0].clock - terms[0].clock if terms and kills else None
            managers = [] if kills else [step for step in terms if _asks_manager(step)]
            own = managers[0] if managers and managers[0].name not in {"systemctl", "service"} else None
            if own is not None:
                waited = _given_seconds(own)
            sequences.append(
                StopSequence(
                    place=place_of(last),
                    seconds=waited,
                    terminated=bool(terms),
                    killed=bool(kills or managers),
                    vague=trace.vague or (own is not None and not waited),
                )
            )
        return ScriptEvidence(sequences, traces.gaps)

    def blind_search(self, unit: Callable[[], Sequence[str]]) -> tuple[ScriptPlace, str] | None:
        """Where the stop script looks for a command line that nothing has: the place, and what is started instead; `unit` reads ExecStart's words.

        None where a pattern fits, where it ends the hub by other means too, and where a command line is not known whole.
        """
        script = self.scripts.needed("stop")
        worlds = (
            self.scripts.traces(script, world=_undying, name="undying"),
            self.scripts.traces(script, world=_unfound, name="unfound"),
        )
        if any(traces.gaps for traces in worlds):
            return None
        stops = [s for traces in worlds for trace in traces.seen for s in trace.steps if s.kind == "command"]
        finds = [step for step in stops if _by_command_line(step)]
        if not finds or any(_ends_otherwise(step) for step in stops):
            return None
        patterns = [_pattern(step) for step in finds]
        words: Sequence[str] = ()
        with contextlib.suppress(Unreadable):
            words = unit()
        lines = self._command_lines(words)
        if (
            not lines
            or None in patterns
            or any(_fits(pattern, line) for pattern in patterns if pattern for line in lines)
        ):
            return None
        return place_of(finds[0]), lines[0]

    def written_pid(self) -> ScriptPlace | None:
        """Where the stop script ends a process whose number is written out: after a restart it is another's, or nobody's."""
        for step in self.scripts.steps(self.scripts.needed("stop")).seen:
            sends = commands.signal_of(step) in {"TERM", "KILL", "INT"} and step.name == "kill"
            pids = [
                w
                for before, w in zip(("", *step.words), step.words, strict=False)
                if before not in {"-s", "-n", "--signal"}
            ]
            # 1 is a container's own first process, 0 the group
            if sends and any(w.isdecimal() and int(w) > 1 and w in step.text.split() for w in pids):
                return place_of(step)
        return None

    def several_as_one(self) -> ScriptPlace | None:
        """Where the stop script ends all that a search has found as one word in quotes: where that is two processes, `kill` ends none."""
        steps = self.scripts.steps(self.scripts.needed("stop")).seen
        if any(_finds_one(step) for step in steps):
            return None
        for step in steps:
            found = [v for v in step.inner[1:] if not v.known and not v.split and v.sources and v.sources <= _SEARCHES]
            if found and step.name == "kill" and "xargs" not in step.wrappers:
                return place_of(step)
        return None

    def unproven_pid(self) -> tuple[ScriptPlace, bool] | None:
        """Where the stop script ends whatever has the number in a file that outlives a restart of the host, without a look at what that is.

        And whether it asks at least if there is such a process.
        """
        steps = self.scripts.steps(self.scripts.needed("stop")).seen
        kept = [w for step in steps if step.name == "cat" for w in step.words if w.endswith(".pid")]
        if not kept or all(w.startswith(_UNTIL_BOOT) for w in kept) or any(_tells_who(step) for step in steps):
            return None
        ends = [step for step in steps if step.name == "kill" and commands.signal_of(step) in {"TERM", "KILL", "INT"}]
        first = next((step for step in ends if any(value.sources == {"cat"} for value in step.inner[1:])), None)
        if first is None:
            return None
        asked = any(step.pos < first.pos and (step.name == "ps" or commands.signal_of(step) == "0") for step in steps)
        return place_of(first), asked

    def _command_lines(self, unit: Sequence[str]) -> list[str]:
        """What the started hub's command line may be; empty where one of them cannot be told."""
        starters = [s for s in self.scripts.present if s.role in {"start", "complete", "deploy", "rollback"}]
        found = [list(unit)] if unit else []
        if unit and unit[0].endswith("/op") and "--" in unit:
            found = [list(unit[unit.index("--") + 1 :])]  # the secrets manager's own line holds the same words
        for script in starters:
            steps = self.scripts.steps(script)
            if steps.gaps:
                return []
            for step in steps.seen:
                if commands.uses_manager(step) and not (unit and step.name == "systemctl"):
                    return []
                if commands.starts_hub(step) and not step.invokes:
                    if not all(value.known for value in step.inner):
                        return []
                    found.append([value.text for value in step.inner])
        return [" ".join(words) for words in found] if all(map(_is_whole, found)) else []

    def asking(self, role: str) -> ScriptEvidence[RequestAttempts]:
        """How the `role`'s script asks each address, when no request is ever answered."""
        traces = self.scripts.traces(self.scripts.needed(role), world=_silent, name="silent")
        best: dict[tuple[str, int, str], RequestAttempts] = {}
        for trace in traces.seen:
            times: dict[tuple[str, int, str], list[CommandStep]] = {}
            for step in trace.steps:
                if commands.is_request(step):
                    times.setdefault((step.file, step.pos, commands.address(step)), []).append(step)
            for key, steps in times.items():
                one = _asked(steps)
                if key not in best or (one.attempts, one.apart) > (best[key].attempts, best[key].apart):
                    best[key] = one
        return ScriptEvidence(best.values(), traces.gaps)

    def asks_itself(self, role: str) -> bool:
        """Whether the `role`'s script leaves the asking to this tool, which repeats its questions itself. Raises Incomplete."""
        return any(step.name in {"readiness", "pytest"} for step in self.scripts.steps(self.scripts.needed(role)))


def _finds_one(step: CommandStep) -> bool:
    """Whether a command keeps one of several processes, or counts them."""
    letters = "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
    if step.name in {"pgrep", "pidof"}:
        return bool({"o", "n", "s"} & set(letters)) or bool({"--oldest", "--newest", "--single-shot"} & set(step.words))
    if step.name == "awk":
        return any("exit" in word or "NR" in word for word in step.words)
    return step.name in {"wc", "head", "tail"} or (step.name == "grep" and "m" in letters)


def _tells_who(step: CommandStep) -> bool:
    """Whether a command shows what a process is, and not only that its number is taken."""
    if any("/proc/" in value.text for value in step.argv) or any("/proc/" in write.path for write in step.writes):
        return True
    if step.name == "ps":
        return any(word.startswith(("-o", "o", "-f", "-ef", "aux", "u", "--format")) for word in step.words)
    return step.name in {"pgrep", "pidof", "lsof", "ss", "netstat", "fuser", "systemctl", "start-stop-daemon", "pkill"}


def _asked(steps: list[CommandStep]) -> RequestAttempts:
    own = [commands.retries(step) for step in steps]
    gaps = [later.clock - earlier.clock for earlier, later in itertools.pairwise(steps)]
    outer = min(gaps, default=0.0)
    inner = min((commands.retry_delay(step) for step, number in zip(steps, own, strict=True) if number), default=0.0)
    if len(steps) >= 3:  # noqa: PLR2004 - attempts enough by the loop alone: its pace counts
        return RequestAttempts(place=place_of(steps[0]), attempts=len(steps), apart=outer)
    return RequestAttempts(
        place=place_of(steps[0]), attempts=len(steps) + sum(own), apart=min(filter(None, (outer, inner)), default=0.0)
    )


def _undying(step: CommandStep) -> int | None:
    """A world in which the hub's process never ends."""
    if step.name == "kill" and commands.signal_of(step) == "0":
        return 0
    if step.name in _ALIVE or (step.name == "systemctl" and "is-active" in step.words):
        return 0
    return None


def _given_seconds(step: CommandStep) -> float:
    """The seconds that a manager is told to wait before it kills; 0 where a setting elsewhere says it (pm2, supervisor, compose)."""
    if step.name == "start-stop-daemon":
        signals = (_retry(step) or "").split("/")
        ends = next((number for number, word in enumerate(signals) if word.upper() in commands.KILL), len(signals))
        return float(sum(int(word) for word in signals[:ends] if word.isdecimal()))
    given = commands.option(step.words, "t", "--time") or commands.option(step.words, "t", "--timeout") or ""
    return float(given) if given.isdecimal() else 0.0


def _retry(step: CommandStep) -> str | None:
    """How start-stop-daemon goes on until the process has ended: `30`, `TERM/30/KILL/5`; None where it sends one signal and leaves."""
    return commands.option(step.words, "R", "--retry")


def _unfound(step: CommandStep) -> int | None:
    """A world in which no command line is found: what a script does then ends the hub too."""
    return 1 if _by_command_line(step) else None


def _asks_manager(step: CommandStep) -> bool:
    if step.kind != "command":
        return False
    if step.name == "start-stop-daemon":
        schedule = _retry(step) if commands.signal_of(step) in _POLITE else None
        return schedule is not None and (
            schedule.isdecimal() or any(word.upper() in commands.KILL for word in schedule.split("/"))
        )
    verbs = commands.operands(step.words, commands.CONTAINER_OPTIONS)[:3]
    return step.name in commands.STOPPERS and bool({"stop", "delete", "down", "bootout"} & set(verbs))


def _silent(step: CommandStep) -> int | None:
    """A world in which no request is answered."""
    return 7 if commands.is_request(step) else None


def _by_command_line(step: CommandStep) -> bool:
    """Whether it looks for processes by their whole command line."""
    return step.name in {"pgrep", "pkill"} and any(
        word == "--full"
        or (word[:1] == "-" and word[1:].isalpha() and word.islower() and word[1:2] != "-" and "f" in word)
        for word in step.words
    )


def _ends_otherwise(step: CommandStep) -> bool:
    """Whether it ends something that was not found by a command line: through a manager, a pid file, a port, a name."""
    if step.name in commands.STOPPERS | {"ssh", "xargs"}:
        return True
    if step.name == "pkill":
        return not _by_command_line(step)
    if step.name != "kill":
        return commands.signal_of(step) is not None
    return any(
        value.sources != {"pgrep"} for value in step.inner[1:] if not value.text.startswith("-") and not value.known
    )


def _pattern(step: CommandStep) -> re.Pattern[str] | None:
    """The one pattern of a pgrep or pkill, where it is written out and means the same to Python."""
    plain = [value for value in step.inner[1:] if not value.text.startswith("-")]
    if len(plain) != 1 or not plain[0].known or "[:" in plain[0].text or plain[0].text.startswith("@/"):
        return None
    try:
        return re.compile(plain[0].text, re.IGNORECASE)
    except re.error:
        return None


def _is_whole(words: list[str]) -> bool:
    """Whether the words are the process's own: no variable of a unit, no folder that is only known on the host, no program that starts another."""
    text = " ".join(words)
    program = words[0].rsplit("/", 1)[-1]
    is_hub = program in _RUNTIMES or program in {"mcp-hub", "cli.js", "server.js", "index.js"}
    return is_hub and not any(mark in text for mark in ("$", "%", "@"))


def _fits(pattern: re.Pattern[str], line: str) -> bool:
    """Whether a pattern finds the command line, which a script's first line may begin with its runtime."""
    return any(
        pattern.search(one) for one in (line, f"node {line}", f"/usr/bin/node {line}", f"/usr/bin/env node {line}")
    )
