"""`python -m readiness.demo.llm_control ORDER`: breaks the LLM of a running embedded hub, and mends it.

An order is a file in the hub's scratch folder, which only its owner may enter; the double answers with another file
once it obeys. So an order outlives the process that obeys it, and needs no port of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Final

from readiness.errors import ReadinessError

STATES: Final = {
    "up": "It answers.",
    "slow": "It answers SECONDS late.",
    "429": "It answers 429.",
    "401": "It answers 401.",
    "500": "It answers 500.",
    "refused": "It refuses connections.",
    "nonsense": "It answers prose where JSON was asked for.",
    "disconnecting": "It reads a request and hangs up.",
}
"""Every state by its name, with what a client sees."""
DOWN: Final = "refused"
"""What the order `down` means."""
LONGEST: Final = 3_600.0
"""Seconds by which it can be late at most."""
SLOW: Final = 30.0
"""Seconds by which a slow one is late unless the order says otherwise: more than any hub waits."""
ORDERED: Final = "llm-ordered.json"
OBEYED: Final = "llm-obeyed.json"
LIMIT: Final = 1_000
"""Bytes of either file at most."""
PATIENCE: Final = 5.0
"""Seconds within which an order must be obeyed."""
STEP: Final = 0.01


class OrderError(ReadinessError):
    """An order that is not valid, or that no running hub obeyed in time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LlmOrder:
    """What the double should do; `seconds` is how late a slow one answers."""

    state: str = "up"
    seconds: float = SLOW
    number: int = 0
    """Counts the orders, so that the same one given twice is two."""


UP: Final = LlmOrder()


def order(state: str, seconds: float = SLOW, number: int = 0) -> LlmOrder:
    """The order of that name, or of the name `down`; raises `OrderError`."""
    state = DOWN if state == "down" else state
    if state not in STATES:
        raise OrderError(f"{state[:40]!r} is no order: one of down, {', '.join(STATES)}")
    if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST):
        raise OrderError(f"{seconds} is no number of seconds from 0 to {LONGEST:g}")
    return LlmOrder(state=state, seconds=seconds, number=number)


class LlmControl:
    """The two files of one scratch folder."""

    def __init__(self, folder: Path) -> None:
        self._ordered, self._obeyed = folder / ORDERED, folder / OBEYED
        self._seen: tuple[int, int] | None = None
        self.default = UP
        """What holds before the first order."""

    def changed(self) -> bool:
        """Whether there is an order since the last one that was read."""
        return self._stamp() != self._seen

    def ordered(self) -> LlmOrder:
        """The order that stands; `default` where there is none that can be read."""
        self._seen = self._stamp()
        return _read(self._ordered) or self.default

    def obeyed(self, now: LlmOrder) -> None:
        """Says that the order is in force; a folder that is gone needs no answer."""
        if now.number:
            _write(self._obeyed, now)

    def give(self, state: str, seconds: float = SLOW, patience: float = PATIENCE) -> None:
        """Orders, and returns when it is in force. Raises `OrderError`."""
        new = order(state, seconds, (_read(self._ordered) or UP).number + 1)
        if not self._ordered.parent.is_dir() or not _write(self._ordered, new):
            raise OrderError("there is no embedded hub to order: its folder is gone")
        end = time.monotonic() + patience
        while _read(self._obeyed) != new:
            if time.monotonic() > end:
                raise OrderError(f"the embedded hub did not obey within {patience:g} s: does it still run?")
            time.sleep(STEP)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._ordered.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


def _read(path: Path) -> LlmOrder | None:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LIMIT))
        found_ = LlmOrder(
            state=str(document["state"]), seconds=float(document["seconds"]), number=int(document["number"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found_ if found_.state in STATES else None


def _write(path: Path, now: LlmOrder) -> bool:
    """Whether it could be written, whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.write_text(json.dumps(dataclasses.asdict(now)), encoding="utf-8")
        new.replace(path)
    except OSError:
        return False
    return True


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 once the order is in force, 2 where it is not valid or no hub obeys."""
    parser = argparse.ArgumentParser(prog="python -m readiness.demo.llm_control", description=__doc__)
    parser.add_argument("order", metavar="ORDER", help=f"down, {', '.join(STATES)}")
    parser.add_argument("--seconds", type=float, default=SLOW, metavar="S", help="how late a slow one answers")
    parser.add_argument("--release", type=Path, metavar="DIR", help="the hub's release (default: $MCP_HUB_RELEASE)")
    arguments = parser.parse_args(argv)
    release = arguments.release or os.environ.get("MCP_HUB_RELEASE")
    try:
        if not release:
            raise OrderError("which hub? name its release with --release or MCP_HUB_RELEASE")  # noqa: TRY301 - told below
        LlmControl(Path(release).resolve().parent).give(arguments.order, arguments.seconds)
    except OrderError as error:
        sys.stderr.write(f"llm_control: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
