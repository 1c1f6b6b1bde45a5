"""The load generator as the child process that it is, for its tests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from readiness.facts.load import samples as load_samples
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0


@dataclasses.dataclass
class Child:
    """A generator that has its plan; `lines` are what it said, `process` is there to be ended."""

    process: subprocess.Popen[bytes]
    output: Path
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def next(self, key: str) -> dict[str, Any]:
        """Its next line that has `key`."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if key in self.lines[-1]:
                return self.lines[-1]
        raise AssertionError(f"it ended with {self.process.wait(10)} after {self.lines[-3:]}")

    def end(self) -> dict[str, Any]:
        """Its last line, once its process is gone."""
        last = self.next("end")
        self.process.wait(SECONDS)
        return last

    def samples(self) -> load_samples.Samples:
        """What it wrote, read as the checks read it."""
        return load_samples.read_samples(self.output / "samples.bin.gz")


@contextlib.contextmanager
def generator(output: Path, plan: dict[str, Any], **env: str) -> Iterator[Child]:
    """Start one with `plan`; whatever happens, it is gone at the end."""
    document = {"timeout": 2.0, "drain": 3.0, "output": str(output), **plan}
    with subprocess.Popen(
        [sys.executable, "-m", "readiness.loadgen"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **env},
        start_new_session=True,
    ) as process:
        killer = threading.Timer(SECONDS, process.kill)
        killer.start()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(document).encode() + b"\n")
            process.stdin.flush()
            yield Child(process, output)
        finally:
            killer.cancel()
            process.kill()


def steady(rate: float, seconds: float) -> dict[str, Any]:
    """A constant schedule."""
    return {"kind": "constant", "rate": rate, "seconds": seconds}
