"""Run the real suite once against a host that answers as told, in this process, and read back what it decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tomli_w import dumps

from readiness.facts.host import collect
from readiness.facts.host.connection import Unreachable
from tests.faults import runner
from tests.faults.infra.healthy import TOPICS, answers, settings
from tests.faults.infra.world import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.facts.host.batch import HostAnswers
    from readiness.facts.host.connection import HostConnection
    from tests.faults.infra.model import Fault


def run(fault: Fault, root: Path, options: Sequence[str] = ()) -> runner.Result:
    """Let every host of the run answer as `fault` says, run `pytest -m infra`, and read the report."""
    file, reports = root / "readiness.toml", root / "reports"
    file.write_text(dumps(settings(fault.config)), encoding="utf-8")
    said = answers(fault)

    def look(machine: HostConnection, config: Config) -> HostAnswers:
        del config
        if fault.unreachable:
            raise Unreachable(f"{machine.name} cannot be looked at: {fault.unreachable}")
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect, "look", look)
        for topic in TOPICS:
            if hasattr(topic, "PATCH"):
                topic.PATCH(patch)
        if fault.patch is not None:
            fault.patch(patch)
        return runner.run("infra", "infra", config=file, reports=reports, options=options, environment=ENVIRONMENT)
