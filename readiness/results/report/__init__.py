"""Report: the verdict and all that explains it as plain values, the single input of every rendering.

`build` makes it, `to_json` gives the document that `schemas/report.schema.json` describes, `read` is its inverse. Every text in it is bounded
and free of control characters; `redacted` takes the secrets out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.results.report.assembly import build, load_picture, redacted
    from readiness.results.report.document import SCHEMA_FILE, Cause, causes, to_json
    from readiness.results.report.merging import judged_again, merge, superseded
    from readiness.results.report.model import (
        Action,
        Comparison,
        Escalation,
        History,
        HubProcess,
        PastCheck,
        PastRun,
        ReleasePhase,
        ReleaseRun,
        Report,
        Row,
        RunInfo,
        SinceReady,
        ToolInventory,
        iso,
        letters,
        shown,
        spelled,
        tool_inventory,
    )
    from readiness.results.report.reading import read
else:
    __all__, __getattr__ = front_door(__name__, __file__)
