"""A load run: its plan, the generator's process, its samples, and what they prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.load.baseline import (
        LoadDifference,
        accept_load,
        accepted_load,
        keep_load_baseline,
        load_difference,
        load_of,
        note_load,
    )
    from readiness.facts.load.generator import GeneratorEnd, run_generator
    from readiness.facts.load.hub_watch import HubAroundLoad, HubWatch
    from readiness.facts.load.load_run import LoadRun
    from readiness.facts.load.plan import filters_tools, load_plan, load_refusal, top_rate
    from readiness.facts.load.samples import read_samples
    from readiness.facts.load.storage import (
        LOAD_FOLDER,
        SAMPLES_FILE,
        keep_samples,
        save_reason,
        save_run,
        save_summary,
        stored_run,
        stored_summary,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
