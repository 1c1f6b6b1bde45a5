"""`rollback-plan.json`: a plan as it is kept on disk, with a token that binds it to the run, the deploy and the commands.

Whoever acts reads it again and compares: a plan that was edited, belongs to another deploy, or names an action whose
command is no longer the configured one is no plan.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.errors import ReadinessError
from readiness.operations.rollback.plan import PROBE_SECONDS, PROBES
from readiness.results.verdict import BY_HAND, DismissedCheck, RollbackMode
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from readiness.config import Config, RollbackAction
    from readiness.operations.deploys import DeployRecord
    from readiness.results.verdict import PlannedAction, RollbackCause, RollbackPlan

PLAN_FILE: Final = "rollback-plan.json"
"""Its name in the report folder."""
SCHEMA_VERSION: Final = "1"
MAX_BYTES: Final = 4_000_000
TO_BE_PROBED: Final = "to be probed"
HELD: Final = "held"
FOR_A_PERSON: Final = "for a person"

ProbeResult = Literal["fired", "not fired", "unknown"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """The run of checks that made a plan."""

    id: str
    finished: str
    """ISO 8601."""
    status: str
    decision: str
    target: str | None = None
    environment: str | None = None
    own_checks: tuple[str, ...] = ()
    """The folders of somebody's own checks that it was given, beside what ships."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanDeploy:
    """What of a deploy's record names that deploy and no other."""

    deployed_at: str
    version: str | None
    commit: str | None
    previous: str | None
    folder: str | None = None
    content: str | None = None
    name: str = ""
    """One word for it that names it and not the release before; empty where there is none."""

    @property
    def named(self) -> str:
        """The release that was deployed, in words."""
        version = self.version or "an unknown version"
        also = self.commit[:12] if self.commit else self.name if self.name != self.version else ""
        return f"{version} ({also})" if also else version


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CauseProbe:
    """How often a cause has to be seen, and what came of that by now."""

    status: str
    times: int = PROBES
    seconds: float = PROBE_SECONDS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedCause:
    """A trigger that fired; `probe` is None where one look is enough."""

    trigger: str
    checks: tuple[str, ...]
    phases: tuple[str, ...] = ()
    probe: CauseProbe | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedAction:
    """One step; `command_sha256` is None where a person has to do it."""

    name: str
    triggers: tuple[str, ...]
    because: str
    status: str
    mode: RollbackMode
    timeout: float | None = None
    verify: tuple[str, ...] = ()
    command_sha256: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLook:
    """One look at a cause's checks. `words` say what they showed; `at` in seconds since the epoch."""

    found: ProbeResult
    words: str
    at: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProbedCause:
    """What came of looking at one cause again: it held, it did not, or (no looks) it cannot be looked at again."""

    trigger: str
    checks: tuple[str, ...]
    """Those of its checks that were asked again."""
    looks: tuple[ProbeLook, ...] = ()
    for_a_person: tuple[str, ...] = ()
    """Those that are never asked again."""

    @property
    def held(self) -> bool:
        """Whether every look found it, as often as it must be found; what could not be told was not found."""
        return len(self.looks) >= PROBES and all(look.found == "fired" for look in self.looks)

    @property
    def words(self) -> str:
        """What came of it, in a sentence."""
        if not self.looks:
            return f"{self.trigger} was measured by {', '.join(self.for_a_person)}, which is never run again by itself"
        if self.held:
            return f"{self.trigger} held for {PROBES} looks, {PROBE_SECONDS:.0f} s apart: {self.looks[-1].words}"
        last = self.looks[-1]
        how = "could not be told" if last.found == "unknown" else "did not hold"
        return f"{self.trigger} {how} at look {len(self.looks)} of {PROBES}: {last.words}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the plan and the journal."""
        return dataclasses.asdict(self) | {"held": self.held, "words": self.words}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A rollback plan with all that whoever carries it out compares."""

    run: PlanRun
    deploy: PlanDeploy | None = None
    deploy_sha256: str | None = None
    mode: RollbackMode = "plan"
    wanted: bool = False
    causes: tuple[SavedCause, ...] = ()
    actions: tuple[SavedAction, ...] = ()
    refused: tuple[str, ...] = ()
    dismissed: tuple[DismissedCheck, ...] = ()
    probed: tuple[ProbedCause, ...] = ()

    @property
    def token(self) -> str:
        """SHA-256 over all of it: run, deploy, decision, actions and their commands."""
        return _token(self._content())

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the token."""
        content = self._content()
        return content | {"token": _token(content)}

    def _content(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"schema_version": SCHEMA_VERSION} | dataclasses.asdict(self)
        plain["probed"] = [one.to_json() for one in self.probed]
        return dict(json.loads(json.dumps(plain)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SavedPlan:
        """Inverse of `to_json`. Raises KeyError or TypeError where it is none."""
        run, deploy = data["run"], data["deploy"]
        return cls(
            run=PlanRun(**_known(PlanRun, run)),
            deploy=None if deploy is None else PlanDeploy(**_known(PlanDeploy, deploy)),
            deploy_sha256=data["deploy_sha256"],
            mode=data["mode"],
            wanted=data["wanted"],
            causes=tuple(_saved_cause(one) for one in data["causes"]),
            actions=tuple(SavedAction(**_known(SavedAction, one)) for one in data["actions"]),
            refused=tuple(data["refused"]),
            dismissed=tuple(DismissedCheck(**one) for one in data["dismissed"]),
            probed=tuple(_probed_cause(one) for one in data.get("probed", ())),
        )


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a dataclass's fields, lists as tuples; what it does not know is left out."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in names}


def _saved_cause(data: Mapping[str, Any]) -> SavedCause:
    probe = data["probe"]
    return SavedCause(**_known(SavedCause, data) | {"probe": None if probe is None else CauseProbe(**probe)})


def _probed_cause(data: Mapping[str, Any]) -> ProbedCause:
    return ProbedCause(**_known(ProbedCause, data) | {"looks": tuple(ProbeLook(**one) for one in data["looks"])})


# --- made -----------------------------------------------------------------------------------------------------------------


def save_plan(
    plan: RollbackPlan, *, config: Config, deploy: DeployRecord | None, run: PlanRun, redact: Callable[[str], str]
) -> SavedPlan:
    """The plan as it is kept, redacted. `run` says which run made it, and its verdict and decision."""
    configured = {action.name: action for action in config.rollback.actions}
    whole = SavedPlan(
        run=run,
        deploy=plan_deploy(deploy),
        deploy_sha256=deploy_digest(deploy),
        mode=plan.mode,
        wanted=plan.wanted,
        causes=tuple(_cause(cause) for cause in plan.causes),
        actions=tuple(_action(action, configured.get(action.name)) for action in plan.actions),
        refused=plan.refusals or ((plan.refused,) if plan.refused else ()),
        dismissed=plan.dismissed,
    )
    return SavedPlan.from_json(_redacted(whole.to_json(), redact))


def plan_deploy(deploy: DeployRecord | None) -> PlanDeploy | None:
    """What of a deploy's record names that deploy and no other."""
    return None if deploy is None else PlanDeploy(**_known(PlanDeploy, deploy.to_json()))


def deploy_digest(deploy: DeployRecord | None) -> str | None:
    """SHA-256 over what names the deploy: the plan's own text of it may be redacted, this is compared."""
    named = plan_deploy(deploy)
    if named is None:
        return None
    return hashlib.sha256(json.dumps(dataclasses.asdict(named), sort_keys=True).encode("ascii")).hexdigest()


def command_digest(action: RollbackAction) -> str:
    """SHA-256 over what an action does: its command, its time and what verifies it."""
    content = [list(action.command), action.timeout, list(action.verify)]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode("ascii")).hexdigest()


def _cause(cause: RollbackCause) -> SavedCause:
    probe = CauseProbe(status=TO_BE_PROBED) if cause.to_be_probed else None
    return SavedCause(trigger=cause.trigger, checks=cause.checks, phases=cause.phases, probe=probe)


def _action(action: PlannedAction, configured: RollbackAction | None) -> SavedAction:
    saved = SavedAction(
        name=action.name, triggers=action.triggers, because=action.because, status=action.status, mode=action.mode
    )
    if configured is None or action.status == BY_HAND:
        return saved
    return dataclasses.replace(
        saved,
        timeout=configured.timeout,
        verify=tuple(configured.verify),
        command_sha256=command_digest(configured),
    )


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - any plain value
    if isinstance(value, str):
        return redact(value) if value else value
    if isinstance(value, list):
        return [_redacted(one, redact) for one in value]
    if isinstance(value, dict):
        # a digest looks like a secret to whoever only sees its shape
        return {key: one if key.endswith("_sha256") else _redacted(one, redact) for key, one in value.items()}
    return value


# --- on disk --------------------------------------------------------------------------------------------------------------


def write_plan(folder: Path, plan: SavedPlan | None) -> None:
    """Replace the plan of the last run in `folder`, or remove it where this run fired nothing. Raises ReadinessError."""
    path = folder / PLAN_FILE
    if plan is not None:
        file_writing.replace_file(path, json.dumps(plan.to_json(), indent=1, ensure_ascii=True) + "\n")
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ReadinessError(f"cannot remove the plan of an earlier run, {path}: {error.strerror or error}") from error


def read_plan(folder: Path) -> SavedPlan | None:
    """The plan that lies in `folder`, proven whole; None where there is none. Raises ReadinessError."""
    path = folder / PLAN_FILE
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise ReadinessError(f"{path}: not a readable file of at most {MAX_BYTES} bytes; run the checks again")
        return None
    try:
        data = json.loads(content.decode("utf-8"))
        version = data["schema_version"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ReadinessError(f"{path}: no rollback plan: {error or 'nested too deep'}; run the checks again") from error
    if version != SCHEMA_VERSION:
        raise ReadinessError(f"{path}: it is of version {str(version)[:20]!r}, and this program reads {SCHEMA_VERSION}")
    if _token(data) != data.get("token"):
        raise ReadinessError(f"{path}: its token does not fit its content, so it is not as a run wrote it; run again")
    try:
        return SavedPlan.from_json(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReadinessError(f"{path}: no rollback plan: {error}; run the checks again") from error


def _token(data: Mapping[str, Any]) -> str:
    bound = {key: value for key, value in data.items() if key != "token"}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()
