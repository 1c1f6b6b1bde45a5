"""The journal: results as they come, one JSON a line, flushed, so that a killed run still tells what it saw.

A journal without a verdict line means that the run died.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.findings import Check, Finding, Outcome, Planned
from readiness.support import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_BYTES: Final = 64 * 1024 * 1024
"""A journal is read back up to here; 10,000 findings are about 5 MB."""


def elsewhere(path: Path) -> Path:
    """Where the journal of a run lies whose folder of reports cannot be written; its name is the run's own, and random."""
    try:
        folder = tempfile.gettempdir()
    except OSError:  # nothing on disk can be written
        folder = "/dev/shm"  # noqa: S108 - the name is a run's own, and it is never followed as a link
    return Path(folder, f"readiness-journal-{path.name}")


@dataclasses.dataclass(slots=True)
class VerdictPipe:
    """How this process ships its journal to the `readiness check` that forked it: what is shipped nobody can take back.

    However full the disk is, and whatever becomes of the file.
    """

    descriptor: int | None = None

    def ship(self, line: bytes) -> None:
        """Write one line to its end; whoever waits reads all the time."""
        with contextlib.suppress(OSError):
            while line and self.descriptor is not None:
                line = line[os.write(self.descriptor, line) :]


VERDICT_PIPE: Final = VerdictPipe()


class Journal:
    """Append-only and private; a journal that cannot be written is noted, never fatal."""

    def __init__(self, path: Path) -> None:
        """Open `path` for the run; `problem` says why that failed, if it did."""
        self.path, self.problem = path, ""
        self._descriptor: int | None = None
        for place in (path, elsewhere(path)):
            try:
                with contextlib.suppress(ReadinessError):  # opening the journal says why
                    make_folder(place.parent)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
                self._descriptor = os.open(place, flags, 0o600)
            except OSError as error:
                self.problem = self.problem or f"the journal could not be written: {error.strerror or error}"
            else:
                self.path = place
                break

    def write(self, kind: str, data: dict[str, Any]) -> None:
        """Append one line; it is in the kernel's hands when this returns, so SIGKILL does not lose it."""
        self._append(json.dumps({"kind": kind, **data}))

    def verdict(self, data: dict[str, Any]) -> None:
        """Append that a verdict was reached, and tell whoever waits for this process."""
        self.write("verdict", {**data, "pid": os.getpid()})

    def finding(self, text: str) -> None:
        """Append a finding that already is a JSON text, as it came on its report."""
        self._append(f'{{"kind": "finding", "finding": {text}}}')

    def _append(self, line: str) -> None:
        content = f"{line}\n".encode("ascii")
        VERDICT_PIPE.ship(content)
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, content)
        except OSError as error:
            self.problem = f"the journal could not be written: {error.strerror or error}"
            self.close()

    def plan(self, plan: Iterable[Planned], redact: Callable[[str], str]) -> None:
        """Write down what the run has to prove; why something does not apply is a user's own text."""
        entries = [planned_to_json(planned) for planned in plan]
        for entry in entries:
            if entry["not_applicable"]:
                entry["not_applicable"] = redact(entry["not_applicable"])
        self.write("plan", {"plan": entries})

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def planned_to_json(planned: Planned) -> dict[str, Any]:
    """Plain values of a planned check."""
    return {
        **{name: getattr(planned, name) for name in planned.__slots__},
        "check": planned.check.to_json(),
        "instances": list(planned.instances),
    }


def planned_from_json(data: dict[str, Any]) -> Planned:
    """Inverse of `planned_to_json`."""
    return Planned(**data | {"check": Check.from_json(data["check"]), "instances": tuple(data["instances"])})


@dataclasses.dataclass(slots=True)
class JournalRead:
    """What a journal tells; `finished` is False where the run died."""

    header: dict[str, Any] = dataclasses.field(default_factory=dict)
    plan: dict[str, Planned] = dataclasses.field(default_factory=dict)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    reruns: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)
    trouble: list[str] = dataclasses.field(default_factory=list)
    finished: bool = False
    verdicts: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    """Of each verdict the process that reached it, and the status that it asks for."""
    is_reported: bool = True
    """Whether the run's report was written."""

    def answer_of(self, pid: int) -> int | None:
        """The status that the verdict of process `pid` asks for; None where it gave none, several, or another process one too."""
        return self.verdicts[0][1] if len(self.verdicts) == 1 and self.verdicts[0][0] == pid else None

    @property
    def is_well(self) -> bool:
        """Whether everything planned passed or does not apply, and nothing broke: then there is nothing to judge."""
        passed = {finding.check for finding in self.findings}
        return (
            not self.trouble
            and all(finding.outcome is Outcome.PASSED for finding in self.findings)
            and all(planned.not_applicable or check in passed for check, planned in self.plan.items())
        )


def read(path: Path) -> JournalRead:
    """Read a journal as far as it is whole. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        return parse(stream.read(MAX_BYTES) or b"")


def parse(content: bytes) -> JournalRead:
    """What the lines of a journal tell; a torn last line is what a kill leaves and is passed over."""
    recording = JournalRead()
    for line in content.split(b"\n"):
        try:
            entry = json.loads(line)
            _take(recording, entry.pop("kind"), entry)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return recording


def _take(recording: JournalRead, kind: str, entry: dict[str, Any]) -> None:
    if kind == "start":
        recording.header = entry
    elif kind == "plan":
        recording.plan |= {p["check"]["id"]: planned_from_json(p) for p in entry["plan"]}
    elif kind == "finding":
        recording.findings.append(Finding.from_json(entry["finding"]))
    elif kind == "rerun":
        recording.reruns.append((entry["check"], entry["instance"]))
    elif kind == "trouble":
        recording.trouble.append(entry["sentence"])
    elif kind == "verdict":
        recording.finished = True
        recording.verdicts.append((int(entry["pid"]), int(entry["exit"])))
        recording.is_reported = entry.get("is_reported") is not False


@dataclasses.dataclass(slots=True)
class Run:
    """The ledger of one run; the controller alone holds one."""

    plan: dict[str, Planned] = dataclasses.field(default_factory=dict)
    """Check id to what was planned for it."""
    findings: dict[tuple[str, str | None], Finding] = dataclasses.field(default_factory=dict)
    """(check id, instance) to the worst finding of its last attempt."""
    trouble: list[str] = dataclasses.field(default_factory=list)
    """What broke the run's integrity: one sentence each; any makes it INCOMPLETE at best."""
    plain_failures: list[str] = dataclasses.field(default_factory=list)
    """Node ids of failed tests that are no checks: they make the exit code 1, never the verdict."""

    reruns: dict[tuple[str, str | None], int] = dataclasses.field(default_factory=dict)
    """How often (check id, instance) failed and was run again by `--reruns`."""

    def add_trouble(self, sentence: str) -> None:
        """Note a broken integrity once."""
        if sentence not in self.trouble:
            self.trouble.append(sentence)

    def record(self, finding: Finding) -> None:
        """Keep the worse of what is there and `finding`: a tear-down error worsens a passed call."""
        key = (finding.check, finding.instance)
        again = self.reruns.get(key, 0)
        if again and finding.outcome is Outcome.PASSED:
            finding = dataclasses.replace(
                finding,
                outcome=Outcome.FLAKY,
                attempts=again + finding.attempts,
                reason=f"passed only when run again ({again} failed before)",
            )
        known = self.findings.get(key)
        if known is None or finding.outcome.rank > known.outcome.rank:
            self.findings[key] = finding

    def rerun(self, check: str, instance: str | None) -> None:
        """Drop what a re-run is about to find again, and remember that it had to."""
        key = (check, instance)
        self.reruns[key] = self.reruns.get(key, 0) + 1
        self.findings.pop(key, None)
