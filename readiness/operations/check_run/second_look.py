"""Looks again at what one look may have shown by chance, before `readiness check` acts on it or asks about it.

Each look is a fresh run, of the causing checks alone, in a process of its own: what it leaves out is unknown and is not
asked for. Every look is written down, whatever comes of it.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.findings import OPT_IN_PHASES
from readiness.operations.deploys import JournalFile, read_check_report, run_checks
from readiness.operations.rollback import (
    FOLDER,
    PLAN_FILE,
    PROBE,
    ProbedCause,
    ProbeLook,
    doubtful_causes,
    narrowed_plan,
    read_plan,
    write_plan,
)
from readiness.operations.rollback import plan as rules
from readiness.support import file_reading, file_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.check_run.arguments import CheckArguments
    from readiness.operations.deploys import CheckRow
    from readiness.operations.rollback import ProbeResult, SavedCause, SavedPlan

SECONDS: Final = 300.0
"""Seconds that one look may take."""
_STATE_BYTES: Final = 1024 * 1024
"""Larger files beside a report are none that a check remembers something in."""
_FUNCTION: Final = re.compile(r"::([A-Za-z_]\w*)(?:\[|$)")


class Asked:
    """What is to be asked again: for each cause its checks, with their functions.

    Never those of a phase that has to be named to be run, load and drills: they burden the hub, or break it on purpose.
    """

    def __init__(self, plan: SavedPlan, rows: Sequence[CheckRow]) -> None:
        """`rows` are the findings of the run that made the plan."""
        self.causes = doubtful_causes(plan)
        wanted = {check for cause in self.causes for check in cause.checks}
        self.rows = [row for row in rows if row.check in wanted]
        phases = {row.check: row.phase for row in self.rows}
        self.again = {check: phase for check, phase in phases.items() if phase not in OPT_IN_PHASES}

    def of(self, cause: SavedCause) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The checks of a cause that may be asked again, and those that may not."""
        again = tuple(check for check in cause.checks if check in self.again)
        return again, tuple(check for check in cause.checks if check not in self.again)

    def without(self, triggers: set[str]) -> None:
        """Ask no more for what is decided."""
        self.causes = [cause for cause in self.causes if cause.trigger not in triggers]
        left = {check for cause in self.causes for check in cause.checks}
        self.again = {check: phase for check, phase in self.again.items() if check in left}

    @property
    def selection(self) -> tuple[str, str]:
        """What `-m` and `-k` have to be."""
        functions = [
            match[1] for row in self.rows if row.check in self.again and (match := _FUNCTION.search(row.nodeid))
        ]
        return " or ".join(dict.fromkeys(self.again.values())), " or ".join(dict.fromkeys(functions))


def probed(
    plan: SavedPlan,
    config: Config,
    arguments: CheckArguments,
    say: Callable[[str], None],
    looker: Callable[[Asked, int], dict[str, ProbeLook]] | None = None,
) -> SavedPlan:
    """`plan` as it stands once every cause that needs it was looked at again; `arguments` are the first run's.

    Says what was found, and writes it down: a new journal, and the plan anew. Raises ReadinessError where neither can be
    written.
    """
    asked = Asked(plan, _rows(config.report_dir))
    if not asked.causes:
        return plan
    stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = config.report_dir / FOLDER / f"{stamp}-probes"
    journal = JournalFile(folder.with_suffix(".jsonl"))
    try:
        ask = looker or (lambda still, number: _asked(still, config, arguments, folder / str(number)))
        results = _looked(asked, ask, say)
        for result in results:
            say(result.words)
            journal.write(PROBE, run=plan.run.id, **result.to_json())
    finally:
        journal.close()
    left = narrowed_plan(plan, results)
    write_plan(config.report_dir, left)
    return left


def _looked(
    asked: Asked, ask: Callable[[Asked, int], dict[str, ProbeLook]], say: Callable[[str], None]
) -> list[ProbedCause]:
    """Look until each cause held often enough or did not once."""
    causes, looks = asked.causes, {cause.trigger: list[ProbeLook]() for cause in asked.causes}
    parts = {cause.trigger: asked.of(cause) for cause in causes}
    asked.without({trigger for trigger, (again, _) in parts.items() if not again})
    for number in range(1, rules.PROBES + 1):
        if not asked.causes:
            break
        if number > 1:
            time.sleep(rules.PROBE_SECONDS)
        names = ", ".join(cause.trigger for cause in asked.causes)
        say(f"looking again, {number} of {rules.PROBES}: {names}")
        for trigger, look in ask(asked, number).items():
            looks[trigger].append(look)
        asked.without({trigger for trigger, seen in looks.items() if seen and seen[-1].found != "fired"})
    return [
        ProbedCause(trigger=trigger, checks=again, looks=tuple(looks[trigger]), for_a_person=never)
        for trigger, (again, never) in parts.items()
    ]


# --- one look -------------------------------------------------------------------------------------------------------------


def _asked(asked: Asked, config: Config, arguments: CheckArguments, folder: Path) -> dict[str, ProbeLook]:
    """Run the checks once more, with their report in `folder`."""
    phases, functions = asked.selection
    if not functions:
        return _all_unknown(asked, "no function of the checks is known")
    _remembered(config.report_dir, folder)
    given = arguments.again(phases=phases, functions=functions, folder=folder)
    trouble = run_checks(given, seconds=SECONDS).trouble
    if trouble:
        return _all_unknown(asked, trouble)
    try:
        return seen(asked, _rows(folder), read_plan(folder))
    except ReadinessError as error:
        return _all_unknown(asked, str(error))


def seen(asked: Asked, rows: Sequence[CheckRow], plan: SavedPlan | None) -> dict[str, ProbeLook]:
    """What one look showed: whether the same trigger fired again, of one of the same checks."""
    fired = {} if plan is None else {cause.trigger: set(cause.checks) for cause in plan.causes}
    looks = {}
    for cause in asked.causes:
        checks = [check for check in cause.checks if check in asked.again]
        again = [check for check in checks if check in fired.get(cause.trigger, set())]
        of_it = [row for row in rows if row.check in (again or checks)]
        words = "; ".join(f"{row.check} {row.outcome}: {row.reason[:160]}" for row in of_it)
        proven = all(row.outcome != "unknown" for row in of_it) and {row.check for row in of_it} >= set(checks)
        result: ProbeResult = "fired" if again else "not fired" if proven else "unknown"
        looks[cause.trigger] = ProbeLook(found=result, words=words or "it was not asked", at=time.time())
    return looks


def _all_unknown(asked: Asked, words: str) -> dict[str, ProbeLook]:
    return {cause.trigger: ProbeLook(found="unknown", words=words, at=time.time()) for cause in asked.causes}


def _remembered(reports: Path, folder: Path) -> None:
    """Take along what checks remember from run to run: the counters' reads, the deploy, the tools, our own agents' times."""
    file_writing.make_folder(folder)
    for path in sorted(reports.glob("*.json")):
        content = file_reading.content_or_none(path, _STATE_BYTES)
        if content is not None and path.name not in {"readiness.json", PLAN_FILE}:
            shutil.copyfile(path, folder / path.name)


def _rows(folder: Path) -> tuple[CheckRow, ...]:
    """The findings of the report in `folder`. Raises ReadinessError where there is none."""
    report = read_check_report(folder)
    if report is None:
        raise ReadinessError(f"{folder / 'readiness.json'}: no report of a run, so nothing can be looked at again")
    return report.rows
