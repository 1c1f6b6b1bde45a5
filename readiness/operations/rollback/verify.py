"""Proof after a rollback: the same checks, as strict as before, in a fresh run; and which release it is that answers."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Final, Protocol

from readiness.errors import Unknown
from readiness.findings import OPT_IN_PHASES
from readiness.operations.deploys import WELL, Seen, look, read_check_report, run_checks
from readiness.operations.rollback.outcome import Proof
from readiness.operations.rollback.plan import DEPLOY_COMMAND
from readiness.operations.rollback.target import folder_of, version_of
from readiness.support import EXPECTED_VERSION, file_writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.config import Config, RollbackAction
    from readiness.operations.deploys import CheckReport, DeployRecord
    from readiness.operations.rollback.document import SavedPlan

SECONDS: Final = 900.0
"""Seconds that the run may take."""
_INVENTORY: Final = "inventory.json"
_STEP: Final = 0.2
_SKEW: Final = 2.0
"""Seconds by which the start that a hub tells may lie before the action: clocks are read to a hundredth, and rounded."""
_WELL: Final = WELL | {"not_applicable"}


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


def phases(actions: Sequence[RollbackAction], plan: SavedPlan) -> list[str]:
    """What is to be verified: what the actions name, and where the causes were found; never load or a drill by itself."""
    named = [phase for action in actions for phase in action.verify]
    asked = [phase for cause in plan.causes for phase in cause.phases if phase not in OPT_IN_PHASES]
    return list(dict.fromkeys([*named, *asked] if named else []))


def unasked(folder: Path, plan: SavedPlan) -> list[str]:
    """The checks for whose sake it was done, and of which the run that verified says nothing: nobody knows that they pass.

    A deploy command that failed is none: that the release before answers is asked for itself.
    """
    report = read_check_report(folder)
    if report is None:
        return []  # that there is no report is said already
    rows = {row.check for row in report.rows}
    causes = dict.fromkeys(check for cause in plan.causes for check in cause.checks)
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
    arguments = ["-m", " or ".join(phases), "-q", "--readiness-report", str(folder), *own]
    if config.path is not None:
        arguments += ["--readiness-config", str(config.path)]
    version = version_of(deploy, config)
    trouble = run_checks(
        arguments, seconds=SECONDS, environ={} if version is None else {EXPECTED_VERSION: version}
    ).trouble
    if trouble:
        return Proof(unproven=(trouble,))
    return proof_in(folder, deploy.passed_before)


def proof_in(folder: Path, passed_before: Sequence[str]) -> Proof:
    """What the report that lies in `folder` says of the checks that had passed before the deploy."""
    report = read_check_report(folder)
    return Proof(unproven=("the checks left no report",)) if report is None else compared(report, passed_before)


def compared(report: CheckReport, passed_before: Sequence[str]) -> Proof:
    """What a run's report says of the checks that had passed before the deploy."""
    wanted = set(passed_before)
    rows = [row for row in report.rows if row.check in wanted]
    bad = tuple(f"{row.check} fails: {row.reason[:200]}" for row in rows if row.outcome == "failed")
    odd = [row for row in rows if row.outcome not in _WELL and row.outcome != "failed"]
    unproven = [f"{row.check} could not be proven: {row.reason[:200]}" for row in odd]
    passed = sum(row.outcome in _WELL for row in rows)
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
        older = f"process {last.pid} answers, which ran before the rollback began"
        if last.start is None:
            unproven.append(f"{older} by the hub's own clock alone")
        else:
            bad.append(f"{older}: nothing was replaced")
    after = _restarts(config)
    if isinstance(before, int) and isinstance(after, int) and after > before:
        bad.append(f"systemd started the hub anew {after - before} times while it was being verified")
    unproven += [text for text in (before, after) if isinstance(text, str)][:1]
    proof = _release(config, deploy, last)
    return Proof(bad=(*bad, *proof.bad), unproven=(*unproven, *proof.unproven))


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
    # the age that another host's clock tells proves nothing of how long it stays up
    age = 0.0 if first.start is None or first.age is None else first.age
    until = time.monotonic() + config.rollback.steady - age
    while time.monotonic() < until:
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


def _head(release: Path) -> str | None:
    from readiness.facts.backup import commits

    try:
        return commits.head_commit(release)
    except Unknown:
        return None
