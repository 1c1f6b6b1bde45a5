"""The load run as a pytest fixture: once a run, whoever asks first, with the hub to itself; `readiness.fixtures` imports it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from readiness.agent_fixtures import _turn
from readiness.errors import ReadinessError, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from readiness.config.model import Config
    from readiness.facts.load import LoadRun
    from readiness.facts.load_around import Around, Watch
    from readiness.facts.load_baseline import Difference
    from readiness.facts.load_process import Ended
    from readiness.load_progress import Progress
    from readiness.reach import Reach

LOG: Final = "generator.log"


@pytest.fixture(scope="session")
def _load_run(request: pytest.FixtureRequest, readiness_reach: Reach) -> Iterator[LoadRun]:
    """The one load run of this run: given now, or read back where another worker gave it."""
    from readiness.facts import load_folder

    own = None if readiness_reach.run_dir is not None else Path(tempfile.mkdtemp(prefix="readiness-load-"))
    folder = own or (readiness_reach.run_dir or Path()) / load_folder.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        with _turn(request.config, readiness_reach, alone=True):
            found = load_folder.load(folder)
            if found is None:
                found = _first(request.config, readiness_reach, folder)
        yield found
    finally:
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


@pytest.fixture
def load_run(_load_run: LoadRun, readiness_reach: Reach) -> LoadRun:
    """What became of the load. A target that may not have it, or does not answer, ends the check in set-up."""
    readiness_reach.fire_as_seen()
    return _load_run


@pytest.fixture
def load_baseline(load_run: LoadRun, readiness_config: Config) -> Callable[[], Difference | str]:
    """How the run differs from the accepted one, when asked; a sentence where nothing was accepted for this target."""

    def compare() -> Difference | str:
        from readiness.facts import load_baseline as facts

        kept = facts.accepted(readiness_config)
        if kept is None:
            return "nothing to compare with yet"
        if kept.load != facts.load_of(load_run):
            raise Unknown(
                f"the accepted run was another load ({kept.load}; this one: {facts.load_of(load_run)}); "
                "accept this one: readiness baseline --accept-load"
            )
        return facts.difference(kept.latencies, load_run.judged)

    return compare


def _first(config: pytest.Config, reach: Reach, folder: Path) -> LoadRun:
    """Give the load, and leave what became of it for the other workers. Raises Unknown for why there is none."""
    from readiness.facts import load_folder

    try:
        found = _given(config, reach, folder)
    except Unknown as error:
        with contextlib.suppress(ReadinessError):
            load_folder.save_reason(str(error), folder)
        raise
    _kept(found, reach.config, folder)
    return found


def _kept(found: LoadRun, config: Config, folder: Path) -> None:
    from readiness.facts import load_baseline, load_folder

    try:
        load_folder.save(found, folder)
        if not found.doubts() and not found.aborted:
            load_baseline.note(found, config, folder)
    except ReadinessError as error:
        # a full disk is no fault of the hub: this process has its answers without
        if not isinstance(error, Unknown):
            return
        raise


def _given(config: pytest.Config, reach: Reach, folder: Path) -> LoadRun:
    from readiness.facts import load_plan
    from readiness.facts.load_around import Watch
    from readiness.load_progress import Progress

    refused = load_plan.refusal(reach.config)
    if refused:
        raise Unknown(refused)
    hub = reach.hub()
    reach.ensure(hub)
    reach.let_it_start(hub)
    plan = load_plan.plan(reach.config, folder, filtered=load_plan.filters(hub, reach.config))
    watch = Watch(hub)
    with Progress(config, _intention(plan), float(plan["arrivals"]["seconds"])) as progress:
        try:
            ended = _sent(plan, reach.config, folder, watch, progress)
            around = watch.after()
        except KeyboardInterrupt:
            _picture_of_interrupted(plan, reach.config, folder)
            raise
        return _run(plan, ended, around, reach.config, folder)


def _sent(plan: Mapping[str, Any], config: Config, folder: Path, watch: Watch, progress: Progress) -> Ended:
    from readiness.facts import load_process

    with watch:
        return load_process.run(plan, config, folder / LOG, progress)


def _run(plan: Mapping[str, Any], ended: Ended, around: Around, config: Config, folder: Path) -> LoadRun:
    from readiness.facts import load_folder, load_samples
    from readiness.facts.load import LoadRun

    if not ended.file:
        raise Unknown(f"the load generator gave no result ({ended.end}): {ended.why or 'it does not say why'}")
    if ended.file != load_folder.SAMPLES:
        raise Unknown(f"the load generator wrote {ended.file!r}, which this version does not read")
    return LoadRun(plan, ended, load_samples.read(folder / ended.file), around, p99=config.load.p99)


def _picture_of_interrupted(plan: Mapping[str, Any], config: Config, folder: Path) -> None:
    """Leave for the report what was measured until then; it proves nothing, and says so."""
    from readiness.facts import load_folder
    from readiness.facts.load_around import Around
    from readiness.facts.load_process import Ended

    around = Around(idle_ms=float("nan"), after_ms=float("nan"), back=None)
    ended = Ended(end="interrupted", why="somebody interrupted it", file=load_folder.SAMPLES)
    with contextlib.suppress(ReadinessError):
        load_folder.save_picture(_run(plan, ended, around, config, folder), folder)


def _intention(plan: Mapping[str, Any]) -> str:
    from readiness.facts import load_plan

    arrivals = plan["arrivals"]
    sent = plan["locustfile"] or f"{len(plan['mix'])} kinds of request"
    return (
        f"load: {load_plan.top(arrivals):g} requests/s for {arrivals['seconds']:g} s ({arrivals['kind']}) "
        f"at {plan['base']}: {sent}"
    )
