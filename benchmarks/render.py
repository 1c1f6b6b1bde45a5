"""What the report's renderings cost over the verdict, each in a fresh process: imports, rendering, and the disk.

    python benchmarks/render.py

Pairs are interleaved, so that a machine whose speed drifts does no harm; every figure is the median, with the range beside it. The
goal is 60 ms for every format of 150 checks. Nothing here fails.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

CHILD = """
import json, sys, time
from pathlib import Path
import gc
# what every run has loaded by the time it knows its verdict, pytest's own plugins among it, and how it collects garbage
import readiness.session.conclusion, readiness.results.history, _pytest.config
from readiness.operations.check_run.pytest_child import COLLECTOR
gc.set_threshold(*COLLECTOR)
_pytest.config.get_config()
gc.freeze()
from readiness.results import render
from readiness.results.verdict import verdict
from readiness.session.plan import planning
from readiness.config.model import Config
from readiness.findings import Finding, Outcome, Planned
from readiness.results.report import RunInfo, build

outcomes, which, folder = json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
checks = [check for check, _ in planning.catalogue()][:150]
plan = [Planned(check=check) for check in checks]
found = [
    Finding(check=check.id, outcome=Outcome(outcomes[n % len(outcomes)]), seconds=0.01, path="config/mcp-hub.json", line=n + 1,
            reason="p95 612 ms is past its limit of 500 ms", actual="612", unit="ms", expected="500")
    for n, check in enumerate(checks)
]
config = Config(path=Path("readiness.toml"))
started = time.perf_counter()
judgement = verdict.judge(verdict.Evidence(plan=plan, findings=found, trouble=(), cap=None), config.gate)
run = RunInfo(id="benchmark", started=time.time(), finished=time.time(), seconds=1.0, selection="", versions={}, plan_hash="")
report = build(judgement, decision="KEEP", config=config, run=run)
judged, busy = time.perf_counter(), time.process_time()
render.write_all(report, folder, {"none": (), "default": render.DEFAULT, "all": render.FORMATS,
    "machines": [name for name in render.FORMATS if name not in render.DEFAULT]}[which])
print(json.dumps([judged - started, time.perf_counter() - judged, time.process_time() - busy]))
"""
BAD = ["passed"] * 8 + ["failed", "unknown"]
"""One in five has something to tell."""
RUNS = 15


def once(which: str) -> tuple[float, float, float]:
    """Milliseconds for the verdict, for the formats, and of a processor for the formats: the rest waits for the disk."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, json.dumps(BAD), which, folder],
            capture_output=True, text=True, timeout=60, check=True, env=environment,
        )  # fmt: skip
    judged, written, busy = json.loads(done.stdout)
    return judged * 1000, written * 1000, busy * 1000


def main() -> None:
    """Print what each set of formats takes, and how that compares with the verdict of the same run."""
    kinds = ("default", "machines", "all")
    for kind in kinds:
        once(kind)  # warm: bytecode, file cache
    found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in kinds}
    for _ in range(RUNS):
        for kind in kinds:
            found[kind].append(once(kind))
    for kind in kinds:
        times = sorted(written for _, written, _ in found[kind])
        busy = statistics.median(busy for _, _, busy in found[kind])
        ratio = statistics.median(written / judged for judged, written, _ in found[kind])
        print(f"{kind} formats of 150 checks: {statistics.median(times):.1f} ms ({times[0]:.1f} to {times[-1]:.1f}), {busy:.1f} ms "
              f"of a processor, {ratio:.1f} x judging them; {RUNS} runs; goal for all <= 60 ms", flush=True)  # fmt: skip
    pairs = [a[1] / b[1] for a, b in zip(found["all"], found["default"], strict=True)]
    print(f"all formats / JSON and HTML: {statistics.median(pairs):.2f} x ({min(pairs):.2f} to {max(pairs):.2f})")


if __name__ == "__main__":
    main()
