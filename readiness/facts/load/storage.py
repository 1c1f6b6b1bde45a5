"""A load run on disk: in the run's private folder for all its workers, then beside the report."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.load.generator import GeneratorEnd
from readiness.facts.load.hub_watch import HubAroundLoad
from readiness.facts.load.load_run import LoadRun
from readiness.facts.load.samples import read_samples
from readiness.facts.load.summary import summary
from readiness.support import file_writing

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config import Config

LOAD_FOLDER: Final = "load"
"""Its name in the run's private folder, and below the folder of reports."""
OUTCOME_FILE, SUMMARY_FILE, SAMPLES_FILE = "outcome.json", "load.json", "samples.bin.gz"
KEEP: Final = 20
"""Runs whose samples are kept, so many at most."""
KEEP_BYTES: Final = 500 * 1024 * 1024
"""What they may take in all; the newest is kept whatever it takes."""


def save_run(run: LoadRun, folder: Path) -> None:
    """Write what `stored_run` reads, and its summary. Raises ReadinessError."""
    save_summary(run, folder)
    file_writing.replace_file(
        folder / OUTCOME_FILE,
        json.dumps(
            {
                "plan": run.plan,
                "ended": dataclasses.asdict(run.ended),
                "around": dataclasses.asdict(run.around),
                "p99": run.p99,
            }
        ),
    )


def save_summary(run: LoadRun, folder: Path) -> None:
    """Write the summary alone, of a run that is not judged. Raises ReadinessError."""
    file_writing.replace_file(folder / SUMMARY_FILE, json.dumps(summary(run)))


def save_reason(reason: str, folder: Path) -> None:
    """Write why there was no run: for the other workers. Raises ReadinessError."""
    file_writing.replace_file(folder / OUTCOME_FILE, json.dumps({"unknown": reason}))


def stored_run(folder: Path) -> LoadRun | None:
    """The run that a worker left in `folder`; None where there was none yet. Raises Unknown for why there is none."""
    try:
        document = json.loads((folder / OUTCOME_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unknown(f"the load run cannot be read back: {error}") from None
    if "unknown" in document:
        raise Unknown(str(document["unknown"]))
    ended = document["ended"] | {"cpu": tuple(document["ended"]["cpu"])}
    samples = read_samples(folder / SAMPLES_FILE)
    return LoadRun(
        document["plan"],
        GeneratorEnd(**ended),
        samples,
        HubAroundLoad(**document["around"]),
        p99=float(document["p99"]),
    )


def stored_summary(run_dir: Path | None) -> dict[str, Any] | None:
    """The summary that a run left in its private folder; None where there is none that can be read."""
    if run_dir is None:
        return None
    try:
        document = json.loads((run_dir / LOAD_FOLDER / SUMMARY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def keep_samples(run_dir: Path, config: Config, run_id: str) -> None:
    """Move the samples beside the report, as `load/RUN.bin.gz`, and delete the oldest ones. Raises OSError."""
    source = run_dir / LOAD_FOLDER / SAMPLES_FILE
    if not source.is_file():
        return
    folder = config.report_dir / LOAD_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{_safe(run_id)}.bin.gz"
    partial = target.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
    _let_go(folder, target)


def _let_go(folder: Path, newest: Path) -> None:
    kept = sorted(folder.glob("*.bin.gz"), key=lambda file: (file == newest, file.stat().st_mtime), reverse=True)
    room: float = KEEP_BYTES
    for number, file in enumerate(kept):
        room -= file.stat().st_size
        if number and (number >= KEEP or room < 0):
            file.unlink(missing_ok=True)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:100]


def thinned(ordered: list[float], most: int = 2_000) -> list[float]:
    """At most `most` values that lie evenly among `ordered`: the same distribution, and the same ones at each call."""
    if len(ordered) <= most:
        return ordered
    return [ordered[math.floor((number + 0.5) * len(ordered) / most)] for number in range(most)]
