"""The record of a deploy made by other means: what passed before it, what was deployed, and when.

Noted twice: before the deploy, what passes on what runs then; after it, what runs now. The second opens the window in
which a run may decide to roll back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import getpass
import hashlib
import json
import socket
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError, Unknown
from readiness.operations.deploys import FILE, DeployRecord, ReleaseIdentity, past_reports, same_start, write_record
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.deploys import Seen

NOTE: Final = "release-before.json"
"""The note made before a deploy, in the report folder; it is gone once the deploy is recorded."""
MAX_AGE: Final = dt.timedelta(hours=24)
"""A run older than this says nothing about what passes now."""
MAX_RUNS: Final = 50
THE_PROCESS: Final = "the process"
"""What is different after a restart, which alone is no deploy."""
_MAX_BYTES: Final = 1_000_000
_MAX_NAME: Final = 200
_MAX_RUN: Final = 64 * 1024 * 1024
_NOT_ABOUT_A_HUB: Final = frozenset({"preflight", "infra"})
"""Phases that judge what is on disk and on the host: they say nothing of the hub that runs, and trigger nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What is deployed and what runs; None wherever that cannot be told."""

    version: str | None
    commit: str | None
    path: str | None
    """The release's real folder, links resolved."""
    content: str | None
    """SHA-256 over its configuration, environment file and package.json."""
    pid: int | None
    started: float | None
    start: str | None = None
    """The process's start as the kernel counts it, which setting the clock does not move."""

    def changes(self, before: Running) -> list[str]:
        """What is different from `before`, in words; empty where nothing was deployed."""
        words = {"path": "the folder", "content": "its settings", "pid": THE_PROCESS}
        differences = []
        for field in dataclasses.fields(self):
            if field.name in {"start", "started"}:
                continue
            then, now = getattr(before, field.name), getattr(self, field.name)
            if then is not None and then != now:
                differences.append(words.get(field.name, f"the {field.name}"))
        if not same_start(self, before):
            differences.append(THE_PROCESS)
        return list(dict.fromkeys(differences))

    @property
    def identity(self) -> ReleaseIdentity:
        """What tells the release from others, whatever process runs it."""
        return ReleaseIdentity(version=self.version, commit=self.commit, folder=self.path, content=self.content)

    @property
    def named(self) -> str:
        """It in words."""
        parts = [f"version {self.version}" if self.version else "a version that cannot be told"]
        parts += [f"commit {self.commit[:12]}"] if self.commit else []
        parts += [f"process {self.pid}"] if self.pid else ["nothing that answers"]
        return ", ".join(parts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was so before a deploy."""

    noted_at: dt.datetime
    running: Running
    passed: tuple[str, ...]
    failed: tuple[str, ...]


def running(config: Config, seen: Seen) -> Running:
    """What is deployed now, with what a look at the hub showed."""
    from readiness.facts.deployment import expected_version, version_in

    release, version, commit = config.target.release, None, None
    if release is not None:
        from readiness.facts.backup import commits

        version = version_in(release, config)
        with contextlib.suppress(Unknown):
            commit = commits.head_commit(release)
    return Running(
        version=version or seen.version or expected_version(config),
        commit=commit,
        path=str(release.resolve()) if release is not None and release.exists() else None,
        content=_content(config),
        pid=seen.pid,
        started=seen.started,
        start=seen.start,
    )


def _content(config: Config) -> str | None:
    target = config.target
    if target.release is None:
        return None
    hashed = hashlib.sha256()
    for path in (target.config_file, target.environment_file, target.release / "package.json"):
        hashed.update(hashlib.sha256((path and file_reading.content_or_none(path, _MAX_RUN)) or b"").digest())
    return hashed.hexdigest()


# --- what passes now ------------------------------------------------------------------------------------------------------


def standing(config: Config, since: float | None, now: dt.datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the checks that pass and that fail on what runs now, by the runs of the last day, the newest first.

    `since`: when the hub's process started, in seconds since the epoch: earlier runs were about another one. Raises
    ReadinessError where no run tells.
    """
    known: dict[str, bool] = {}
    for report in past_reports(config, since=now - MAX_AGE, until=now + dt.timedelta(minutes=1), most=MAX_RUNS):
        if since is not None and (report.started is None or report.started.timestamp() < since):
            continue
        about_hub = tuple(row for row in report.rows if row.phase not in _NOT_ABOUT_A_HUB)
        for check, bad in dataclasses.replace(report, rows=about_hub).outcomes().items():
            known.setdefault(check, not bad)
    passed = tuple(sorted(check for check, well in known.items() if well))
    if not passed:
        raise ReadinessError(
            f"no run of the last {MAX_AGE.total_seconds() / 3600:.0f} h in {config.report_dir} says what passes on the "
            'hub that runs now: run `readiness check -m "health or e2e"` first'
        )
    return passed, tuple(sorted(check for check, well in known.items() if not well))


# --- the note and the record ----------------------------------------------------------------------------------------------


def read_note(folder: Path) -> Note | None:
    """The note made before the deploy; None where there is none. Raises ReadinessError on anything else."""
    path = folder / NOTE
    content = file_reading.content_or_none(path, _MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise ReadinessError(f"{path}: not a readable file; remove it and record anew before the deploy")
        return None
    try:
        return note_from(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReadinessError(f"{path}: not a note of ours; remove it and record anew before the deploy") from error


def note_from(document: Mapping[str, Any]) -> Note:
    """Inverse of `note_json`. Raises KeyError, TypeError or ValueError where it is none."""
    return Note(
        noted_at=dt.datetime.fromisoformat(document["noted_at"]).astimezone(dt.UTC),
        running=Running(**document["running"]),
        passed=tuple(str(one) for one in document["passed"]),
        failed=tuple(str(one) for one in document["failed"]),
    )


def note_json(note: Note) -> dict[str, Any]:
    """Plain values."""
    return dataclasses.asdict(note) | {"noted_at": note.noted_at.isoformat()}


def write_note(folder: Path, note: Note) -> None:
    """Replace the note, atomically and flushed. Raises ReadinessError."""
    file_writing.make_folder(folder)
    file_writing.replace_file(folder / NOTE, json.dumps(note_json(note), indent=1) + "\n")


def record(
    config: Config, note: Note, running_now: Running, now: dt.datetime, *, command: str | None = None
) -> DeployRecord:
    """Write the record of the deploy that followed `note`, which opens its window; the note goes. Raises ReadinessError.

    `command` is what deployed it, without its secrets.
    """
    made = DeployRecord(
        deployed_at=now,
        version=running_now.version,
        commit=running_now.commit,
        pid=running_now.pid,
        passed_before=note.passed,
        failed_before=note.failed,
        previous=previous(config, note.running, running_now),
        folder=running_now.path,
        content=running_now.content,
        before=note.running.identity,
        command=command,
        by=_user(),
    )
    write_record(config.report_dir / FILE, made)
    # in this order: killed between the two, the next call records the same deploy once more
    (config.report_dir / NOTE).unlink(missing_ok=True)
    return made


def _user() -> str | None:
    """Who runs this, as `user on host`; None where that cannot be told."""
    with contextlib.suppress(OSError, KeyError, ImportError):
        return f"{getpass.getuser()} on {socket.gethostname()}"[:_MAX_NAME]
    return None


def previous(config: Config, before: Running, now: Running) -> str | None:
    """The release that ran before, where it is kept: the folder that was linked, the kept one, or the commit of a tree in place.

    None where the release in place is still the one from before, and where what is kept is another one: a sibling that
    was never deployed, or the one before the last, is no way back, since nobody proved it just now.
    """
    from pathlib import Path

    if not set(now.changes(before)) - {THE_PROCESS}:
        return None
    if before.path is not None and before.path != now.path and Path(before.path).is_dir():
        return before.path
    if config.target.release is None:
        return None
    from readiness.facts.deployment import DeployConditions
    from readiness.facts.release import Release

    if config.release.previous is None and before.commit is not None and before.commit != now.commit:
        return before.commit
    with contextlib.suppress(Unknown):
        kept = DeployConditions(Release.of(config)).previous().folder.resolve()
        return str(kept) if _is(kept, before, config) else None
    return None


def _is(folder: Path, before: Running, config: Config) -> bool:
    """Whether the release in `folder` is the one that ran before, as far as both say what they are. Raises Unknown."""
    from readiness.facts.backup import commits
    from readiness.facts.deployment import version_in

    kept = version_in(folder, config)
    if before.version is None or kept is None or kept.removeprefix("v") != before.version.removeprefix("v"):
        return False
    commit = None
    with contextlib.suppress(Unknown):
        commit = commits.head_commit(folder)
    return None in {commit, before.commit} or commit == before.commit
