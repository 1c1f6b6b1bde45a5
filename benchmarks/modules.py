"""Preflight of a release with 600 MB of node_modules in 40,000 files: static checks, and with tests whose runner is not there.

    python benchmarks/modules.py          about a minute
    python benchmarks/modules.py 0.1      a tenth of it

Goals, on a machine that does nothing else: at most 10 s for either, since neither needs a copy. The last line copies that tree as a
build does, where one is needed. Nothing here fails: a test that judged time would fail on a busy machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from preflight import CONFIG, REASON, Preflight
from readiness.demo.release import Sample, sample
from readiness.facts.release.sandbox import copies

PACKAGES: Final = 1_000
FILES: Final = 40
SIZE: Final = 15_000
"""Bytes of each file."""


def filled(folder: Path, scale: float) -> Sample:
    """The sample release with installed packages, which git does not track, each with its command in `.bin`."""
    made = sample(folder / "host")
    modules = made.release / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    for number in range(int(PACKAGES * scale)):
        package = modules / f"package-{number}"
        (package / "lib").mkdir(parents=True)
        for file in range(FILES):
            (package / "lib" / f"{file}.js").write_bytes(os.urandom(SIZE // 2).hex().encode())
        (modules / ".bin" / f"package-{number}").symlink_to(f"../package-{number}/lib/0.js")
    with (made.release / ".gitignore").open("a") as file_of_git:
        file_of_git.write("node_modules/\n")
    return made


def settings(made: Sample, *, tests: bool) -> str:
    """The run's readiness.toml; with `tests`, the release's tests need a runner that is not installed."""
    text = CONFIG.format(release=made.release, state=made.state, reader=made.reader, reason=REASON)
    if not tests:
        return text
    return text.replace(f"tests = {{ {REASON} }}\n", "").replace(
        "[release]\n", '[release]\ntest = ["bun", "run", "test"]\n'
    )


def main(scale: float) -> None:
    """Print how long each takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = filled(folder, scale)
        print(f"{int(PACKAGES * scale * FILES)} files, {int(PACKAGES * scale * FILES * SIZE / 1e6)} MB")
        for tests in (False, True):
            told = folder / "readiness.toml"
            told.write_text(settings(made, tests=tests))
            preflight = Preflight(folder, told)
            took = preflight.run()
            print(f"preflight {'with tests that cannot run' if tests else 'without build and tests'}: {took:.1f} s")
            print(f"  slowest: {preflight.slowest()}")
        started = time.monotonic()
        copies.copy(made.release, folder / "copy", frozenset())
        print(f"a copy, where one is needed: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
