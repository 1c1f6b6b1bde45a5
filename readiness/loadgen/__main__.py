"""`python -m readiness.loadgen`: the plan as one line of JSON on the standard input, progress on the standard output.

`python -m readiness.loadgen worker --master HOST --port P` joins a run that another machine leads.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import json  # noqa: E402 - the patch comes before everything that opens sockets
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

from readiness.loadgen import parent  # noqa: E402
from readiness.loadgen import plan as plans  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run a plan, or a worker. The exit status: 0 with a result, 2 for a plan that cannot be followed."""
    _raise_file_limit()
    if arguments[:1] == ["worker"]:
        from readiness.loadgen.worker import worker

        return worker(arguments[1:])
    outlet = parent.Outlet()
    try:
        return _follow(plans.parse(parent.read_line()), outlet)
    except (ValueError, TimeoutError) as error:
        return _refuse(outlet, str(error))
    except OSError as error:
        return _refuse(outlet, f"{type(error).__name__}: {error}", "failed")


def _follow(plan: plans.Plan, outlet: parent.Outlet) -> int:
    if not plan.output.is_dir():
        raise plans.LoadPlanError(f"output is {str(plan.output)!r}, which is no folder")
    if plan.workers + plan.remote > 1 or plan.remote:
        from readiness.loadgen.master import lead

        return lead(plan, outlet, parent.watch)
    from readiness.loadgen.run import single

    return single(plan, outlet, parent.watch)


def _refuse(outlet: parent.Outlet, why: str, end: str = "refused") -> int:
    outlet.say({"end": end, "file": None, "clock_offset_ms": {}, "cpu": {}, "why": why}, parent.LAST_SECONDS)
    sys.stderr.write(json.dumps(why) + "\n")
    return 2


def _raise_file_limit() -> None:
    """A connection is a file: as many as this user may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    # lanes whose requests never ended are not waited for
    os._exit(status)
