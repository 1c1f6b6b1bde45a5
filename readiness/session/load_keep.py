"""What is kept of a load run once the verdict is known: its samples beside the report, and the first good one as baseline."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError
from readiness.findings import Outcome
from readiness.results.report import load_picture
from readiness.results.verdict.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.session.conclusion import Conclusion
    from readiness.session.run import Run

EVIDENCE: Final = "load-evidence-is-valid"


def keep_load(run: Run, conclusion: Conclusion, folder: Path, config: Config, redact: Callable[[str], str]) -> None:
    """Show a run's load in its report, and keep it; what goes wrong is told as a problem of the report."""
    from readiness.facts.load import baseline as load_baseline
    from readiness.facts.load import folder as load_folder

    picture = load_folder.picture(folder)
    if picture is None:
        return
    conclusion.report = dataclasses.replace(conclusion.report, load=load_picture(picture, redact))
    try:
        load_folder.keep(folder, config, conclusion.report.run.id)
        found = run.findings.get((EVIDENCE, None))
        believed = found is not None and found.outcome is Outcome.PASSED
        load_baseline.keep(folder, config, believed=believed, good=conclusion.status is Status.READY)
    except (OSError, ReadinessError) as error:
        conclusion.problems.append(f"the load run could not be kept: {error}")


def accept(config: Config) -> str:
    """Make the last load run that could be believed the baseline; a sentence that says so. Raises ReadinessError."""
    from readiness.facts.load import baseline as load_baseline

    with contextlib.suppress(FileNotFoundError):
        return f"accepted the load run of {load_baseline.accept(config)}"
    raise ReadinessError("no load run to accept: none that could be believed lies in the folder of reports")
