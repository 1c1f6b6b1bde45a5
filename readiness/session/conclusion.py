"""From a finished ledger to a verdict, a rollback plan and a report: the steps in order, each in a module of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import os
import platform
import time
from typing import TYPE_CHECKING, Final

import pytest

from readiness import __version__
from readiness.errors import ReadinessError, Unknown
from readiness.findings import Outcome, Stage
from readiness.results.verdict import verdict
from readiness.support import OWN_CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.findings import Finding, Planned
    from readiness.operations.deploys import DeployRecord
    from readiness.operations.rollback import SavedPlan
    from readiness.results.report import HubProcess, Report, ToolInventory
    from readiness.results.verdict import RollbackPlan
    from readiness.session.journal import Run

TOOLS_REMAIN: Final = "no-tool-disappeared"
_TOOLS: Final = "inventory.json"
"""The file in which a run notes the tools that it listed: facts.hub.inventory writes it."""
_IDENTITY: Final = "identity.json"
"""The note of the process that answers: fixtures.reachability writes it."""
_NOTE: Final = 4096
_CHILDREN: Final = ("history", "journal")
"""Folders in that of reports which may be somebody else's."""
_GOOD: Final = frozenset({verdict.Status.READY, verdict.Status.CONDITIONAL})


@dataclasses.dataclass(slots=True, kw_only=True)
class Conclusion:
    """A verdict with its report, and how to tell people."""

    report: Report
    status: verdict.Status
    exit_code: int
    trouble: tuple[str, ...]
    """The broken integrity it was made with; more since then means that it has to be made again."""
    directory: Path
    formats: tuple[str, ...]
    keep: int
    rollback_plan: SavedPlan | None = None
    """The rollback plan with its token; None: no trigger fired."""
    is_written: bool = False
    """Whether every report lies in its folder, or that of a run that began later does."""
    problems: list[str] = dataclasses.field(default_factory=list)
    paths: list[Path] = dataclasses.field(default_factory=list)

    def write(self, *, junit: str | None) -> None:
        """Write every report; a problem is shown in the terminal and never loses the verdict."""
        from readiness.results import render
        from readiness.results.history import store as history_store

        formats = dict.fromkeys((*self.formats, *render.surroundings(os.environ)))
        try:
            self.paths = list(render.write_all(self.report, self.directory, tuple(formats)))
            self._write_plan()
            history_store.keep(self.report, self.directory, self.keep)
            if history_store.page_wanted(self.directory):
                from readiness.results.render import runs as runs_page

                runs_page.write(self.directory)
            self.is_written = True
        except (ReadinessError, OSError) as error:
            self.problems[:0] = _unwritten(self.directory, error)
        except Exception as error:  # noqa: BLE001 - a fault of a rendering must not cost the run its exit status
            self.problems.append(
                f"the report could not be written, by a fault of ours: {type(error).__name__}: {error}"
            )
        if junit:
            from readiness.results.render import add_verdict

            problem = add_verdict(junit, self.report)
            if problem:
                self.problems.append(problem)
        if problem := render.add_to_summary(self.report, os.environ):
            self.problems.append(problem)

    def _write_plan(self) -> None:
        """The rollback plan stands beside the report that it belongs to: never beside that of a later run."""
        if self.report.stage != Stage.AFTER.value or (self.formats and not self.paths):
            return
        from readiness.operations.rollback import write_plan

        write_plan(self.directory, self.rollback_plan)

    def terminal_lines(self, *, width: int, color: bool, exit_status: int) -> list[str]:
        """At most 25 lines that say what the HTML says."""
        from readiness.results.render import lines

        return lines(
            self.report, width=width, color=color, exit_status=exit_status, paths=self.paths, problems=self.problems
        )

    def commands(self) -> list[str]:
        """What the CI system around this process obeys when it is printed: GitHub's annotations; nothing elsewhere."""
        from readiness.results import render

        if "github" not in render.surroundings(os.environ):
            return []
        from readiness.results.render import commands

        return list(commands(self.report))


def conclude(  # noqa: PLR0913 - what a run is, one keyword each
    run: Run,
    config: Config,
    *,
    cap: str | None,
    redact: Callable[[str], str],
    run_id: str,
    started: float,
    selection: str,
    folder: Path | None = None,
    notes: Sequence[str] = (),
) -> Conclusion:
    """Judge from what the ledger holds now. Reads the deploy record and the history; writes nothing and asks the hub nothing.

    `folder` is the run's private one; `notes` say what else a reader has to know. What the hub still has to be asked is asked before, by `recheck.ask_again`.
    """
    from readiness.config import unknown_names
    from readiness.results import report
    from readiness.results.history import store
    from readiness.session.plan import planning

    known = {check.id for check, _ in planning.catalogue()} | set(run.plan)
    findings, about_waivers = verdict.apply_waivers(
        list(run.findings.values()),
        list(run.plan.values()),
        config.waivers,
        today=dt.datetime.now(dt.UTC).date(),
        known=known,
    )
    planned = [entry.check for entry in run.plan.values()]
    unknown = [name.sentence for name in unknown_names(config, [*planned, *(one for one, _ in planning.catalogue())])]
    notes = [*notes, *about_waivers, *unknown]
    cap = cap or (unknown[0] if unknown else None)
    trouble = (*run.trouble, *_nothing_proven(findings))
    judgement = verdict.judge(
        verdict.Evidence(plan=list(run.plan.values()), findings=findings, trouble=trouble, cap=cap),
        config.gate,
    )
    now = time.time()
    plan_hash = verdict.plan_hash(list(run.plan.values()), config.gate)
    rollback, deploy = _rollback(judgement, config, now)
    decision = verdict.decide(judgement, roll_back=rollback.wanted)
    info = report.RunInfo(
        id=run_id,
        started=started,
        finished=now,
        seconds=now - started,
        selection=selection,
        versions=_versions(config),
        plan_hash=plan_hash,
        process=_process(folder),
    )
    code = verdict.exit_code(judgement.status, strict=config.strict)
    built = report.build(
        judgement,
        decision=decision,
        config=config,
        rollback=rollback,
        run=info,
        trouble=trouble,
        notes=tuple(notes),
        exit_code=code,
        inventory=_tools(config, folder),
    )
    if store.has_runs(config.report_dir / store.FOLDER):
        from readiness.results.history import compare

        built = compare(built, config.report_dir)
    built = report.redacted(built, redact)
    return Conclusion(
        report=built,
        status=judgement.status,
        exit_code=code,
        trouble=trouble,
        directory=config.report_dir,
        formats=config.report.formats,
        keep=config.report.keep,
        rollback_plan=_plan_document(rollback, config, deploy, built, redact),
    )


def _unwritten(folder: Path, error: Exception) -> list[str]:
    """Why there is no report, and what mends that: the checks ran all the same."""
    from readiness.support import why_unwritable

    for place in (folder, *(child for child in _CHILDREN if (folder / child).is_dir())):
        why, mend = why_unwritable(folder / place)
        if why:
            return [
                f"the verdict stands, and the report could not be written: {why}",
                f"mend: {mend}, or --readiness-report=DIR for another folder",
            ]
    return [f"the verdict stands, and the report could not be written: {error}"]


def _plan_document(
    planned: RollbackPlan,
    config: Config,
    deploy: DeployRecord | None,
    built: Report,
    redact: Callable[[str], str],
) -> SavedPlan | None:
    if not planned.fired:
        return None
    from readiness.operations.rollback import PlanRun, save_plan
    from readiness.results.report import iso

    run = PlanRun(
        id=built.run.id,
        finished=iso(built.run.finished),
        target=built.target,
        environment=built.environment,
        status=built.status,
        decision=built.decision,
        own_checks=tuple(place for place in os.environ.get(OWN_CHECKS, "").split(os.pathsep) if place),
    )
    return save_plan(planned, config=config, deploy=deploy, run=run, redact=redact)


def _rollback(judgement: verdict.Judgement, config: Config, now: float) -> tuple[RollbackPlan, DeployRecord | None]:
    from readiness.operations.rollback import plan_rollback

    record, problem = None, ""
    file = config.report_dir / "deploy.json"
    if os.path.lexists(file):
        from readiness.operations.deploys import read_record

        try:
            record = read_record(file)
        except ReadinessError as error:
            problem = str(error)
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    commit = _commit(config) if record is not None and record.commit else None
    failed: Collection[str] = ()
    if record is not None and _may_fire(judgement):
        from readiness.operations.rollback import failed_on_previous

        failed = failed_on_previous(config, record)
    planned = plan_rollback(
        judgement,
        config,
        record,
        now=moment,
        version=_expected_version(config),
        commit=commit,
        failed_on_previous=failed,
    )
    if problem and planned.fired:
        # a record that cannot be read is no deploy, and says more than that there is none
        planned = dataclasses.replace(planned, refused=problem, refusals=(problem, *planned.refusals[1:]))
    return planned, record


def _nothing_proven(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Why a run in which every check was skipped or could not look proves nothing, whatever their severity; else nothing."""
    outcomes = {finding.outcome for finding in findings} - {Outcome.NOT_APPLICABLE}
    return ("nothing was proven: every check of this run is unknown",) if outcomes == {Outcome.UNKNOWN} else ()


def _expected_version(config: Config) -> str | None:
    if config.target.release is None:
        return config.target.version
    from readiness.facts.deployment import expected_version

    return expected_version(config)


def _may_fire(judgement: verdict.Judgement) -> bool:
    """Whether the history needs to be read at all: reading it takes longer than the verdict."""
    return any(row.finding.outcome is Outcome.FAILED and row.check.rollback for row in judgement.rows)


def _commit(config: Config) -> str | None:
    """The commit of the release on disk; None where git does not say."""
    from readiness.facts.backup import commits

    with contextlib.suppress(Unknown):
        return None if config.target.release is None else commits.head_commit(config.target.release)
    return None


def _versions(config: Config) -> Mapping[str, str]:
    release: Mapping[str, str] = {}
    if config.target.release is not None:
        from readiness.operations.rollback import release_versions

        release = release_versions(config)
    return dict(release) | {
        "readiness": __version__,
        "pytest": pytest.__version__,
        "python": platform.python_version(),
        "hub": config.target.version or "",
    }


def _process(folder: Path | None) -> HubProcess | None:
    """The process that the run met, from the note that its workers share; None where they learnt of none."""
    from readiness.results.report import HubProcess
    from readiness.support import file_reading

    content = None if folder is None else file_reading.content_or_none(folder / _IDENTITY, _NOTE)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        noted = json.loads(content or b"")
        started = noted["started"]
        return HubProcess(
            pid=int(noted["pid"]),
            started=None if started is None else float(started),
            version=str(noted.get("version") or ""),
            exposed=noted.get("exposed") is True,
            machine=hashlib.sha256(platform.node().encode()).hexdigest()[:16],
        )
    return None


def _tools(config: Config, folder: Path | None) -> ToolInventory | None:
    """The tools that the run listed, held against the last good run's; None where no check asked for them."""
    if folder is None or not os.path.lexists(folder / _TOOLS):
        return None
    from readiness.facts.hub import Inventory
    from readiness.results import report

    inventory = Inventory(config, folder)
    now = inventory.noted()
    return None if now is None else report.tool_inventory(now, inventory.last_good(), inventory.last_seen())


def keep_inventory(run: Run, conclusion: Conclusion, folder: Path) -> None:
    """Let the tools of a run that is not blocked, and missed none, be what the next run must still list."""
    finding = run.findings.get((TOOLS_REMAIN, None))
    if finding is None or finding.outcome is not Outcome.PASSED or conclusion.status not in _GOOD:
        return
    from readiness.facts.hub import keep_last_good

    try:
        keep_last_good(folder, conclusion.directory)
    except OSError as error:
        conclusion.problems.append(f"the tool inventory could not be kept: {error}")


def outlook(plan: Mapping[str, Planned]) -> list[str]:
    """What a run is about to do, printed before it starts: how many checks it has to prove, and which of them take long."""
    applicable = [planned for planned in plan.values() if not planned.not_applicable]
    away = len(plan) - len(applicable)
    lines = [f"readiness: {len(applicable)} checks to prove" + (f", {away} not applicable" if away else "")]
    lines += [f"  {p.check.id} {p.check.slow}" for p in applicable if p.check.slow and not p.left_out]
    return lines


def plan_lines(plan: Mapping[str, Planned] | Iterable[Planned]) -> list[str]:
    """The plan as text for `--collect-only`."""
    entries = list(plan.values()) if hasattr(plan, "values") else list(plan)
    lines = [f"readiness plan: {len(entries)} checks"]
    for planned in sorted(entries, key=lambda p: (p.check.category, p.check.id)):
        state = f"not applicable: {planned.not_applicable}" if planned.not_applicable else planned.left_out or ""
        lines.append(
            f"  {planned.check.category:<22} {planned.check.id:<40} {planned.check.severity.value:<8} {state}".rstrip()
        )
    return lines


LOAD_EVIDENCE: Final = "load-evidence-is-valid"


def keep_load(run: Run, conclusion: Conclusion, folder: Path, config: Config, redact: Callable[[str], str]) -> None:
    """Show a run's load in its report, and keep it; what goes wrong becomes a problem of the report."""
    if not any(planned.check.phase == "load" for planned in run.plan.values()):
        return
    from readiness.facts.load import keep_load_baseline, keep_samples, stored_summary
    from readiness.results.report import load_picture

    picture = stored_summary(folder)
    if picture is None:
        return
    conclusion.report = dataclasses.replace(conclusion.report, load=load_picture(picture, redact))
    try:
        keep_samples(folder, config, conclusion.report.run.id)
        evidence = run.findings.get((LOAD_EVIDENCE, None))
        believed = evidence is not None and evidence.outcome is Outcome.PASSED
        keep_load_baseline(folder, config, believed=believed, good=conclusion.status is verdict.Status.READY)
    except (OSError, ReadinessError) as error:
        conclusion.problems.append(f"the load run could not be kept: {error}")


def accept_load_baseline(config: Config) -> str:
    """Make the last load run that could be believed the baseline; a sentence that says so. Raises ReadinessError."""
    from readiness.facts.load import accept_load

    with contextlib.suppress(FileNotFoundError):
        return f"accepted the load run of {accept_load(config)}"
    raise ReadinessError("no load run to accept: none that could be believed lies in the folder of reports")
