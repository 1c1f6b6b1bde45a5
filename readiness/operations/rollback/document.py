"""`rollback-plan.json`: the plan as a file, with a token that binds it to the run, the deploy and the commands.

Whoever acts reads it again and compares: a plan that was edited, belongs to another deploy, or names an action whose
command is no longer the configured one is no plan.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.rollback.plan import PROBE_SECONDS, PROBES
from readiness.results.verdict.rollback_plan import BY_HAND
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from readiness.config.model import Config, RollbackAction
    from readiness.operations.deploys.record import DeployRecord
    from readiness.results.verdict.rollback_plan import PlannedAction, RollbackCause, RollbackPlan

FILE: Final = "rollback-plan.json"
"""Its name in the report folder."""
SCHEMA_VERSION: Final = "1"
MAX_BYTES: Final = 4_000_000
_DEPLOY: Final = ("deployed_at", "version", "commit", "previous")

Document = dict[str, Any]


def document(
    plan: RollbackPlan,
    *,
    config: Config,
    deploy: DeployRecord | None,
    run: Mapping[str, Any],
    redact: Callable[[str], str],
) -> Document:
    """The plan as plain values, redacted, with its token. `run` says which run made it, and its verdict and decision."""
    commands = {action.name: action for action in config.rollback.actions}
    found: Document = _redacted(
        {
            "schema_version": SCHEMA_VERSION,
            "run": dict(run),
            "deploy": deployed(deploy),
            "deploy_sha256": deploy_digest(deploy),
            "mode": plan.mode,
            "wanted": plan.wanted,
            "causes": [_cause(cause) for cause in plan.causes],
            "actions": [_action(action, commands.get(action.name)) for action in plan.actions],
            "refused": list(plan.refusals) or ([plan.refused] if plan.refused else []),
            "dismissed": [dataclasses.asdict(one) for one in plan.dismissed],
        },
        redact,
    )
    return found | {"token": token(found)}


def deployed(deploy: DeployRecord | None) -> Document | None:
    """What of a deploy's record names that deploy and no other."""
    return None if deploy is None else {name: deploy.to_json()[name] for name in _DEPLOY}


def deploy_digest(deploy: DeployRecord | None) -> str | None:
    """SHA-256 over what names the deploy: the plan's own text of it may be redacted, this is compared."""
    named = deployed(deploy)
    return None if named is None else hashlib.sha256(json.dumps(named, sort_keys=True).encode("ascii")).hexdigest()


def token(found: Mapping[str, Any]) -> str:
    """SHA-256 over all of the document but the token itself: run, deploy, decision, actions and their commands."""
    bound = {key: value for key, value in found.items() if key != "token"}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()


def command_digest(action: RollbackAction) -> str:
    """SHA-256 over what an action does: its command, its time and what verifies it."""
    told = [list(action.command), action.timeout, list(action.verify)]
    return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode("ascii")).hexdigest()


def write(folder: Path, found: Document | None) -> None:
    """Replace the plan of the last run in `folder`, or remove it where this run fired nothing. Raises ReadinessError."""
    path = folder / FILE
    if found is not None:
        file_writing.replace(path, json.dumps(found, indent=1, ensure_ascii=True) + "\n")
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ReadinessError(f"cannot remove the plan of an earlier run, {path}: {error.strerror or error}") from error


def read(folder: Path) -> Document | None:
    """The plan that lies in `folder`, proven whole; None where there is none. Raises ReadinessError."""
    path = folder / FILE
    content = file_reading.content_or_none(path, MAX_BYTES)
    if content is None:
        if path.exists() or path.is_symlink():
            raise ReadinessError(f"{path}: not a readable file of at most {MAX_BYTES} bytes; run the checks again")
        return None
    try:
        found = json.loads(content.decode("utf-8"))
        version = found["schema_version"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ReadinessError(f"{path}: no rollback plan: {error or 'nested too deep'}; run the checks again") from error
    if version != SCHEMA_VERSION:
        raise ReadinessError(f"{path}: it is of version {str(version)[:20]!r}, and this program reads {SCHEMA_VERSION}")
    if token(found) != found.get("token"):
        raise ReadinessError(f"{path}: its token does not fit its content, so it is not as a run wrote it; run again")
    return dict(found)


def _cause(cause: RollbackCause) -> Document:
    probe = {"status": "to be probed", "times": PROBES, "seconds": PROBE_SECONDS}
    return {
        "trigger": cause.trigger,
        "checks": list(cause.checks),
        "phases": list(cause.phases),
        "probe": probe if cause.to_be_probed else None,
    }


def _action(action: PlannedAction, configured: RollbackAction | None) -> Document:
    known = configured is not None and action.status != BY_HAND
    return {
        "name": action.name,
        "triggers": list(action.triggers),
        "because": action.because,
        "status": action.status,
        "mode": action.mode,
        "timeout": configured.timeout if known and configured else None,
        "verify": list(configured.verify) if known and configured else [],
        "command_sha256": command_digest(configured) if known and configured else None,
    }


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - any plain value
    if isinstance(value, str):
        return redact(value) if value else value
    if isinstance(value, list):
        return [_redacted(one, redact) for one in value]
    if isinstance(value, dict):
        # a digest looks like a secret to whoever only sees its shape
        return {key: one if key.endswith("_sha256") else _redacted(one, redact) for key, one in value.items()}
    return value
