"""Looks again at what one look may have shown by chance, before `readiness check` acts on it or asks about it.

Each look is a fresh run, of the causing checks alone, in a process of its own: what it leaves out is unknown and is not
asked for. Every look is written down, whatever comes of it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import secrets
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError, Unknown
from readiness.findings import OPT_IN_PHASES
from readiness.operations.deploys import journal
from readiness.operations.rollback import document
from readiness.operations.rollback import plan as rules
from readiness.operations.rollback.execute import FOLDER
from readiness.operations.rollback.probe import Look, Probed, doubtful, narrowed
from readiness.support import file_reading, file_writing
from readiness.support.environment import VERIFYING, for_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.operations.check_run.arguments import CheckArguments
    from readiness.operations.rollback.probe import Found

SECONDS: Final = 300.0
"""Seconds that one look may take."""
_MAX_BYTES: Final = 64 * 1024 * 1024
_STATE_BYTES: Final = 1024 * 1024
"""Larger files beside a report are none that a check remembers something in."""
_FUNCTION: Final = re.compile(r"::([A-Za-z_]\w*)(?:\[|$)")


class Asked:
    """What is to be asked again: for each cause its checks, with their functions.

    Never those of a phase that has to be named to be run, load and drills: they burden the hub, or break it on purpose.
    """

    def __init__(self, plan: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        """`rows` are the findings of the run that made the plan."""
        self.causes = doubtful(plan)
        wanted = {check for cause in self.causes for check in cause["checks"]}
        self.rows = [row for row in rows if row["check"] in wanted]
        phases = {row["check"]: str(row["category"]).partition("/")[0] for row in self.rows}
        self.again = {check: phase for check, phase in phases.items() if phase not in OPT_IN_PHASES}

    def of(self, cause: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The checks of a cause that may be asked again, and those that may not."""
        checks = tuple(str(check) for check in cause["checks"])
        return tuple(c for c in checks if c in self.again), tuple(c for c in checks if c not in self.again)

    def without(self, triggers: set[str]) -> None:
        """Ask no more for what is decided."""
        self.causes = [cause for cause in self.causes if cause["trigger"] not in triggers]
        left = {check for cause in self.causes for check in cause["checks"]}
        self.again = {check: phase for check, phase in self.again.items() if check in left}

    @property
    def selection(self) -> tuple[str, str]:
        """What `-m` and `-k` have to be."""
        functions = [
            match[1] for row in self.rows if row["check"] in self.again and (match := _FUNCTION.search(row["nodeid"]))
        ]
        return " or ".join(dict.fromkeys(self.again.values())), " or ".join(dict.fromkeys(functions))


def probed(
    plan: Mapping[str, Any],
    config: Config,
    arguments: CheckArguments,
    say: Callable[[str], None],
    looker: Callable[[Asked, int], dict[str, Look]] | None = None,
) -> dict[str, Any]:
    """`plan` as it stands once every cause that needs it was looked at again; `arguments` are the first run's.

    Says what was found, and writes it down: a new journal, and the plan anew. Raises ReadinessError where neither can be
    written.
    """
    asked = Asked(plan, _rows(config.report_dir))
    if not asked.causes:
        return dict(plan)
    stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = config.report_dir / FOLDER / f"{stamp}-probes"
    book = journal.Journal(folder.with_suffix(".jsonl"))
    try:
        ask = looker or (lambda still, number: _asked(still, config, arguments, folder / str(number)))
        results = _looked(asked, ask, say)
        for result in results:
            say(result.words)
            book.write(journal.PROBE, run=plan["run"]["id"], **result.to_json())
    finally:
        book.close()
    found = narrowed(plan, results)
    document.write(config.report_dir, found)
    return found


def _looked(asked: Asked, ask: Callable[[Asked, int], dict[str, Look]], say: Callable[[str], None]) -> list[Probed]:
    """Look until each cause held often enough or did not once."""
    causes, looks = asked.causes, {cause["trigger"]: list[Look]() for cause in asked.causes}
    parts = {cause["trigger"]: asked.of(cause) for cause in causes}
    asked.without({trigger for trigger, (again, _) in parts.items() if not again})
    for number in range(1, rules.PROBES + 1):
        if not asked.causes:
            break
        if number > 1:
            time.sleep(rules.PROBE_SECONDS)
        names = ", ".join(cause["trigger"] for cause in asked.causes)
        say(f"looking again, {number} of {rules.PROBES}: {names}")
        for trigger, look in ask(asked, number).items():
            looks[trigger].append(look)
        asked.without({trigger for trigger, seen in looks.items() if seen and seen[-1].found != "fired"})
    return [
        Probed(trigger=trigger, checks=again, looks=tuple(looks[trigger]), for_a_person=never)
        for trigger, (again, never) in parts.items()
    ]


# --- one look -------------------------------------------------------------------------------------------------------------


def _asked(asked: Asked, config: Config, arguments: CheckArguments, folder: Path) -> dict[str, Look]:
    """Run the checks once more, with their report in `folder`."""
    from readiness.support import child_process

    phases, functions = asked.selection
    if not functions:
        return _all_unknown(asked, "no function of the checks is known")
    _remembered(config.report_dir, folder)
    environment = for_checks(os.environ) | {VERIFYING: "1"}
    command = [
        sys.executable,
        "-m",
        "readiness",
        "check",
        *arguments.again(phases=phases, functions=functions, folder=folder),
    ]
    try:
        done = child_process.run(command, timeout=SECONDS, env=environment)
    except Unknown as error:
        return _all_unknown(asked, str(error))
    if done.timed_out:
        return _all_unknown(asked, f"the checks did not end within {SECONDS:.0f} s")
    try:
        return seen(asked, _rows(folder), document.read(folder))
    except ReadinessError as error:
        return _all_unknown(asked, str(error))


def seen(asked: Asked, rows: Sequence[Mapping[str, Any]], plan: Mapping[str, Any] | None) -> dict[str, Look]:
    """What one look showed: whether the same trigger fired again, of one of the same checks."""
    fired = {cause["trigger"]: set(cause["checks"]) for cause in (plan or {}).get("causes", ())}
    found = {}
    for cause in asked.causes:
        checks = [check for check in cause["checks"] if check in asked.again]
        again = [check for check in checks if check in fired.get(cause["trigger"], set())]
        of_it = [row for row in rows if row["check"] in (again or checks)]
        words = "; ".join(f"{row['check']} {row['outcome']}: {str(row['reason'])[:160]}" for row in of_it)
        proven = all(row["outcome"] != "unknown" for row in of_it) and {row["check"] for row in of_it} >= set(checks)
        what: Found = "fired" if again else "not fired" if proven else "unknown"
        found[cause["trigger"]] = Look(found=what, words=words or "it was not asked", at=time.time())
    return found


def _all_unknown(asked: Asked, words: str) -> dict[str, Look]:
    return {cause["trigger"]: Look(found="unknown", words=words, at=time.time()) for cause in asked.causes}


def _remembered(reports: Path, folder: Path) -> None:
    """Take along what checks remember from run to run: the counters' reads, the deploy, the tools, our own agents' times."""
    file_writing.make_folder(folder)
    for path in sorted(reports.glob("*.json")):
        content = file_reading.content_or_none(path, _STATE_BYTES)
        if content is not None and path.name not in {"readiness.json", document.FILE}:
            shutil.copyfile(path, folder / path.name)


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The findings of the report in `folder`. Raises ReadinessError where there is none."""
    content = file_reading.content_or_none(folder / "readiness.json", _MAX_BYTES)
    try:
        return list(json.loads(content or b"")["findings"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReadinessError(
            f"{folder / 'readiness.json'}: no report of a run, so nothing can be looked at again"
        ) from error
