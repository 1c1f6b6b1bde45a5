"""Proof after a rollback: the same checks, as strict as before, in a fresh run; and which release it is that answers."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from readiness.errors import Unknown
from readiness.findings import OPT_IN_PHASES
from readiness.operations.deploys.look import Seen, look
from readiness.operations.rollback.plan import DEPLOY_COMMAND
from readiness.operations.rollback.preconditions import folder_of
from readiness.support import file_reading, file_writing
from readiness.support.environment import EXPECTED_VERSION, VERIFYING, for_checks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness.config.model import Config, RollbackAction
    from readiness.operations.deploys.record import DeployRecord

SECONDS: Final = 900.0
"""Seconds that the run may take."""
_INVENTORY: Final = "inventory.json"
_MAX_BYTES: Final = 64 * 1024 * 1024
_STEP: Final = 0.2
_SKEW: Final = 2.0
"""Seconds by which the start that a hub tells may lie before the action: clocks are read to a hundredth, and rounded."""
_WELL: Final = frozenset({"passed", "flaky", "degraded", "not_applicable"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the proof gave: `bad` was proven bad, `unproven` could not be told, a sentence each."""

    bad: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    passed: int = 0


class Prove(Protocol):
    """How the hub is proven afterwards; `prove`, except in tests of what comes before it."""

    def __call__(  # noqa: PLR0913, PLR0917 - what is to be proven, of whom, since when
        self,
        config: Config,
        deploy: DeployRecord,
        phases: Sequence[str],
        folder: Path,
        acted_at: float,
        own: Sequence[str] = (),
        /,
    ) -> Proof:
        """The proof."""


def phases(actions: Sequence[RollbackAction], plan: Mapping[str, Any]) -> list[str]:
    """What is to be verified: what the actions name, and where the causes were found; never load or a drill by itself."""
    named = [phase for action in actions for phase in action.verify]
    found = [phase for cause in plan["causes"] for phase in cause.get("phases", ()) if phase not in OPT_IN_PHASES]
    return list(dict.fromkeys([*named, *found] if named else []))


def unasked(folder: Path, plan: Mapping[str, Any]) -> list[str]:
    """The checks for whose sake it was done, and of which the run that verified says nothing: nobody knows that they pass.

    A deploy command that failed is none: that the release before answers is asked for itself.
    """
    try:
        rows = {
            row["check"]
            for row in json.loads(file_reading.content_or_none(folder / "readiness.json", _MAX_BYTES) or b"")[
                "findings"
            ]
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return []  # that there is no report is said already
    causes = dict.fromkeys(check for cause in plan["causes"] for check in cause["checks"])
    return [
        f"{check}, for which it was done, was not asked again"
        for check in causes
        if check not in {*rows, DEPLOY_COMMAND}
    ]


def prove(  # noqa: PLR0913, PLR0917 - what is to be proven, of whom, since when
    config: Config, deploy: DeployRecord, phases: Sequence[str], folder: Path, acted_at: float, own: Sequence[str] = ()
) -> Proof:
    """Run the checks of `phases` with their reports in `folder`, then ask who answers. Raises nothing of its own.

    `own` are the folders of somebody's own checks that the first run was given, beside what ships.
    """
    try:
        checked = _checked(config, deploy, phases, folder, own)
    except OSError as error:  # a disk that is full: who answers is asked all the same
        checked = Proof(unproven=(f"the checks could not be run: {error.strerror or error}",))
    identity = _identified(config, deploy, acted_at)
    return Proof(
        bad=(*checked.bad, *identity.bad), unproven=(*checked.unproven, *identity.unproven), passed=checked.passed
    )


# --- the checks -----------------------------------------------------------------------------------------------------------


def _checked(
    config: Config, deploy: DeployRecord, phases: Sequence[str], folder: Path, own: Sequence[str] = ()
) -> Proof:
    if not phases:
        return Proof(unproven=("the action names no phase to verify with",))
    file_writing.make_folder(folder)
    if (config.report_dir / _INVENTORY).is_file():
        shutil.copyfile(config.report_dir / _INVENTORY, folder / _INVENTORY)
    arguments = ["check", "-m", " or ".join(phases), "-q", "--readiness-report", str(folder), *own]
    if config.path is not None:
        arguments += ["--readiness-config", str(config.path)]
    environment = for_checks(os.environ) | {VERIFYING: "1"}
    version = version_of(deploy, config)
    if version is not None:
        environment[EXPECTED_VERSION] = version
    from readiness.support import child_process

    try:
        # its whole group is ended past the time: pytest is a child of that child
        done = child_process.run([sys.executable, "-m", "readiness", *arguments], timeout=SECONDS, env=environment)
    except Unknown as error:
        return Proof(unproven=(f"the checks could not be run: {error}",))
    if done.timed_out:
        return Proof(unproven=(f"the checks did not end within {SECONDS:.0f} s",))
    return compared(folder, deploy.passed_before)


def compared(folder: Path, passed_before: Sequence[str]) -> Proof:
    """What a run's report says of the checks that had passed before the deploy."""
    content = file_reading.content_or_none(folder / "readiness.json", _MAX_BYTES)
    try:
        return compared_with(json.loads(content or b""), passed_before)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Proof(unproven=("the checks left no report",))


def compared_with(document: Mapping[str, Any], passed_before: Sequence[str]) -> Proof:
    """The same of a report that was read already. Raises KeyError or TypeError where it is none."""
    rows: list[dict[str, Any]] = document["findings"]
    wanted = set(passed_before)
    of_interest = [row for row in rows if row["check"] in wanted]
    bad = tuple(
        f"{row['check']} fails: {str(row['reason'])[:200]}" for row in of_interest if row["outcome"] == "failed"
    )
    odd = [row for row in of_interest if row["outcome"] not in _WELL and row["outcome"] != "failed"]
    unproven = [f"{row['check']} could not be proven: {str(row['reason'])[:200]}" for row in odd]
    passed = sum(row["outcome"] in _WELL for row in of_interest)
    if not passed and not bad:
        unproven.append("none of the checks that passed before the deploy was asked")
    return Proof(bad=bad, unproven=tuple(unproven), passed=passed)


# --- who answers ----------------------------------------------------------------------------------------------------------


def _identified(config: Config, deploy: DeployRecord, acted_at: float) -> Proof:
    """A new process, of the release to return to, that has run for as long as it must without being replaced."""
    first, before = look(config), _restarts(config)
    last = _steady(config, first)
    if not last.answers:
        return Proof(bad=(f"the hub does not answer: {last.trouble}",))
    bad, unproven = [], []
    if first.answers and last.is_other_than(first):
        bad.append(f"process {first.pid} was replaced by {last.pid} while it was being verified: it does not stay up")
    if last.started is None:
        unproven.append(f"when {last.process} started cannot be told, so nothing proves that it is a new one")
    elif last.started < acted_at - _SKEW:
        bad.append(f"process {last.pid} answers, which ran before the rollback began: nothing was replaced")
    after = _restarts(config)
    if isinstance(before, int) and isinstance(after, int) and after > before:
        bad.append(f"systemd started the hub anew {after - before} times while it was being verified")
    unproven += [text for text in (before, after) if isinstance(text, str)][:1]
    told = _release(config, deploy, last)
    return Proof(bad=(*bad, *told.bad), unproven=(*unproven, *told.unproven))


def _restarts(config: Config) -> int | str | None:
    """How often systemd started the hub anew, or why that cannot be told; None where it is no unit."""
    from readiness.operations.deploys import systemd

    try:
        return systemd.restarts(config)
    except Unknown as error:
        return str(error)


def _steady(config: Config, first: Seen) -> Seen:
    """The hub once its process has run for long enough, or as it is where its start is not known."""
    if first.started is None or config.rollback.steady == 0:
        return look(config)
    until = time.monotonic() + config.rollback.steady
    while time.time() - first.started < config.rollback.steady and time.monotonic() < until:
        time.sleep(_STEP)
    return look(config)


def _release(config: Config, deploy: DeployRecord, seen: Seen) -> Proof:
    """Whether it is the old release: by the version that runs, or by what is deployed now."""
    wanted, previous = version_of(deploy, config), deploy.previous or ""
    if wanted is not None and seen.version is not None:
        if wanted.removeprefix("v") != seen.version.removeprefix("v"):
            return Proof(bad=(f"version {seen.version} answers, and {wanted} was to come back",))
        if (deploy.version or "").removeprefix("v") != wanted.removeprefix("v"):
            return Proof()
    release, folder = config.target.release, folder_of(previous, config)
    if release is not None and folder is not None and release.resolve() == folder.resolve():
        return Proof()
    if folder is None and release is not None and _head(release) == previous:
        return Proof()
    return Proof(unproven=(f"nothing proves that the release that answers is {previous}",))


def version_of(deploy: DeployRecord, config: Config) -> str | None:
    """The version of the release to return to; None where its folder does not say."""
    from readiness.facts.release import package_json

    folder = folder_of(deploy.previous or "", config)
    try:
        return None if folder is None else package_json.read(folder).version
    except Unknown:
        return None


def _head(release: Path) -> str | None:
    from readiness.facts.backup import commits

    try:
        return commits.head(release)
    except Unknown:
        return None


def to_json(proof: Proof) -> Mapping[str, Any]:
    """Plain values, for the journal."""
    return dataclasses.asdict(proof)
