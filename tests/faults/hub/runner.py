"""A hub that is broken as a fault says, judged by the suite of a phase."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.faults import runner
from tests.faults.hub.deployment import TOKEN, TOKEN_ENV, Deployment
from tests.faults.hub.model import How
from tests.faults.hub.server import FaultyHub
from tests.faults.hub.words import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from tests.faults.hub.model import Fault

SUITES = {
    "health": (
        "smoke/test_health.py",
        "smoke/test_health_api.py",
        "smoke/test_health_configuration.py",
        "smoke/test_security.py",
    ),
    "alerts": ("smoke/test_alerts.py",),
}
"""Where the checks of a phase stand: reading the other files takes longer than judging."""


def run(  # noqa: PLR0913 - what a run is, one keyword each
    fault: Fault,
    root: Path,
    *,
    phase: str = "health",
    checks: tuple[str, ...] = CHECKS,
    prepare: Callable[[FaultyHub, Deployment], None] | None = None,
    only: Collection[str] | None = None,
    options: Sequence[str] = (),
) -> runner.Result:
    """Break a hub as `fault` says, judge it by the whole phase or by some checks `only`, and read the report.

    `checks` are those that passed before the deploy; `prepare` is called once the hub runs and is configured.
    """
    deployment = Deployment(root, fault.site, checks)
    deployment.write_release()
    hows = [How(), fault.how] if fault.site.healthy_run_first else [fault.how]
    for how in hows:
        with _broken(how, deployment) as hub:
            if prepare is not None:
                prepare(hub, deployment)
            world = {"config": deployment.file, "reports": deployment.reports, "environment": {TOKEN_ENV: TOKEN}}
            if only is not None:
                result = runner.judge(phase, only, **world)
            else:
                result = runner.run(phase, *SUITES[phase], options=options, **world)
    return result


@contextlib.contextmanager
def _broken(how: How, deployment: Deployment) -> Iterator[FaultyHub]:
    with FaultyHub(how, token=TOKEN, release=deployment.release, environment=deployment.environment) as hub:
        deployment.write_config(hub)
        yield hub
