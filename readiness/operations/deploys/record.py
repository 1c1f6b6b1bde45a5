"""The record of a deploy: what was deployed, when, over what, and what had passed before it.

It lies in the report folder as `deploy.json`; whoever deploys writes it, and a rollback is planned only inside its
window.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.deploys.identity import ReleaseIdentity
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "deploy.json"
"""Its name in the report folder."""
MAX_BYTES: Final = 1_000_000
"""Size limit of the file; ten thousand check ids take less than half of it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeployRecord:
    """One deploy. `version` and `commit` name what was deployed, `previous` the release to return to."""

    deployed_at: dt.datetime
    """In UTC."""
    version: str | None = None
    commit: str | None = None
    pid: int | None = None
    """The process that was started, where it is known."""
    passed_before: tuple[str, ...] = ()
    """Ids of the checks that passed on what ran before."""
    failed_before: tuple[str, ...] = ()
    """Ids of the checks that the previous release failed too."""
    previous: str | None = None
    """The release to return to; None: there is none."""
    folder: str | None = None
    """The real folder of what was deployed, links resolved."""
    content: str | None = None
    """SHA-256 over its configuration, environment file and package.json."""
    before: ReleaseIdentity | None = None
    """What ran before; None: that was not noted."""
    command: str | None = None
    """What deployed it, as it would be typed, without its secrets; None: it was recorded afterwards."""
    by: str | None = None
    """Who deployed it: a user and a host."""

    def __post_init__(self) -> None:
        """A time without a zone would be a different moment on every host: ValueError."""
        if self.deployed_at.tzinfo is None:
            raise ValueError("deployed_at needs a time zone")

    @property
    def identity(self) -> ReleaseIdentity:
        """What was deployed."""
        return ReleaseIdentity(version=self.version, commit=self.commit, folder=self.folder, content=self.content)

    @property
    def distinct(self) -> ReleaseIdentity:
        """What of it tells it from the release before."""
        return self.identity.beside(self.before)

    @property
    def name(self) -> str:
        """One word that names it and not the release before; empty where there is none."""
        return self.distinct.name

    @property
    def before_name(self) -> str:
        """One word that names the release before and not what was deployed; empty where there is none."""
        if self.before is not None:
            return self.before.beside(self.identity).name
        previous = self.previous or ""
        return PurePath(previous).name if "/" in previous else previous[:12]

    def to_json(self) -> dict[str, Any]:
        """Plain values; the time as ISO 8601 in UTC."""
        moment = self.deployed_at.astimezone(dt.UTC).isoformat(timespec="microseconds")
        return dataclasses.asdict(self) | {
            # for who only reads it
            "name": self.name,
            "before_name": self.before_name,
            "deployed_at": moment.replace("+00:00", "Z"),
            "passed_before": list(self.passed_before),
            "failed_before": list(self.failed_before),
        }

    @classmethod
    def from_json(cls, data: object) -> DeployRecord:
        """Inverse of `to_json`; keys it does not know are left alone. Raises ValueError that names the key."""
        if not isinstance(data, dict):
            raise ValueError(f"expected an object, got {type(data).__name__}")  # noqa: TRY004 - as in _moment
        return cls(
            deployed_at=_moment(data.get("deployed_at")),
            version=_text(data, "version"),
            commit=_text(data, "commit"),
            pid=_pid(data.get("pid")),
            passed_before=_ids(data, "passed_before"),
            failed_before=_ids(data, "failed_before"),
            previous=_text(data, "previous"),
            folder=_text(data, "folder"),
            content=_text(data, "content"),
            before=_identity(data.get("before")),
            command=_text(data, "command"),
            by=_text(data, "by"),
        )


def read_record(path: Path) -> DeployRecord | None:
    """Read the record of the last deploy; None where none was written. Raises ReadinessError on anything else."""
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise ReadinessError(f"{path}: not a readable file of at most {MAX_BYTES} bytes; record the deploy again")
        return None
    try:
        return DeployRecord.from_json(json.loads(content.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise ReadinessError(f"{path}: not a record of a deploy: {error or 'nested too deep'}") from error


def write_record(path: Path, record: DeployRecord) -> None:
    """Replace the record atomically, flushed to disk. Raises ReadinessError."""
    file_writing.make_folder(path.parent)
    file_writing.replace_file(path, json.dumps(record.to_json(), indent=1, ensure_ascii=True) + "\n")


def _moment(value: object) -> dt.datetime:
    if not isinstance(value, str):
        raise ValueError(f"deployed_at: expected an ISO 8601 time in UTC, got {_shown(value)}")  # noqa: TRY004 - one kind for all
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"deployed_at: expected an ISO 8601 time in UTC, got {_shown(value)}") from None
    if moment.tzinfo is None:
        raise ValueError(f"deployed_at: {value} has no time zone; write it in UTC, with a Z at its end")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError(f"deployed_at: {value} is no time that this program can reckon with") from None


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise ValueError(f"{key}: expected a text or null, got {_shown(value)}")


def _identity(value: object) -> ReleaseIdentity | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"before: expected an object or null, got {_shown(value)}")  # noqa: TRY004 - one kind for all
    return ReleaseIdentity(**{field.name: _text(value, field.name) for field in dataclasses.fields(ReleaseIdentity)})


def _pid(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ValueError(f"pid: expected a positive integer or null, got {_shown(value)}")


def _ids(data: dict[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key, [])
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    raise ValueError(f"{key}: expected a list of check ids, got {_shown(value)}")


def _shown(value: object) -> str:
    return repr(value)[:80]
