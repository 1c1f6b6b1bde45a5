"""The host's rows of the view: what the machine has left, what the hub takes of it, and how near it is.

They are shown against the limits of the checks of infra that judge the same number; those checks alone decide about the host,
so a row never changes the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.findings import Outcome
from readiness.operations.watch.row import WatchRow
from readiness.session import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from readiness.facts.telemetry import Reading
    from readiness.findings import Check, Limits
    from readiness.operations.watch.bench import Bench

_TITLES: Final = {
    "hub.connect": ("network latency", None),
    "host.cpu": ("CPU of the host", "cpu-use-is-safe"),
    "hub.cpu": ("CPU of the hub", None),
    "host.memory": ("memory used", None),
    "hub.memory": ("memory of the hub", None),
    "hub.memory_tree": ("with its servers", None),
    "host.disk": ("disk used", "disk-use-is-safe"),
    "host.disk_free": ("disk free", "host-has-enough-disk"),
    "hub.files": ("open files of the hub", None),
}
"""Reading to its title and the check whose limits it is shown against."""
SAMPLE: Final = 0.4
"""Seconds that the processors are watched at most, twice a look: shorter ones make a busy moment an alarm."""
_SCALE: Final = {("share", "%"): 100.0, ("bytes", "GiB"): 1 / 1024**3}
"""From a reading's unit to that of a check's limits."""


class HostRows:
    """Reads the host and holds each reading against its limits."""

    def __init__(self, bench: Bench, text: Callable[[object], str], sample: float = SAMPLE) -> None:
        """`text` makes a sentence fit to be shown; `sample` in seconds."""
        self._bench, self._text, self._sample = bench, text, sample
        named = {check for _, check in _TITLES.values() if check}
        self._checks: dict[str, Check] = {
            check.id: bench.scope.adjust_check(check).check for check, _ in catalogue() if check.id in named
        }

    def read(self) -> tuple[WatchRow, ...]:
        """Every row; a reading that is missing says why. Raises nothing of what a host does."""
        from readiness.facts.host import local_resources

        try:
            taken = local_resources.look(self._bench.fact("hub_unprobed"), self._bench.config, seconds=self._sample)
        except ReadinessError as error:
            return (WatchRow(name="host", title="host", value=None, reason=self._text(error)),)
        return tuple(self._rows(taken))

    def _rows(self, taken: Mapping[str, Reading]) -> Iterator[WatchRow]:
        for name, (title, check_id) in _TITLES.items():
            reading = taken.get(name)
            if reading is None:
                continue
            check = self._checks.get(check_id or "")
            limits = check.limits if check else None
            scale = 1.0 if limits is None else _SCALE.get((reading.unit, limits.unit), 1.0)
            number = reading.number
            yield WatchRow(
                name=name,
                title=title,
                value=None if number is None else number * scale,
                unit=limits.unit if limits else "" if reading.unit == "share" else reading.unit,
                is_share=limits is None and reading.unit == "share",
                limits=limits,
                outcome=_outcome(number * scale, limits) if number is not None and limits else "",
                check=check.id if check else None,
                is_judged=False,
                reason=self._text(reading.reason),
            )


def _outcome(number: float, limits: Limits) -> str:
    """What `measure` says to a number: a limit decides here exactly as it does in a check."""
    return judged(number, limits).value


def judged(number: Any, limits: Limits) -> Outcome:  # noqa: ANN401 - `measure` tells what is no number
    """The outcome of `measure(number)` under `limits`."""
    import pytest

    from readiness import checks

    recorder = checks.Recorder(limits=limits)
    token = checks.current.set(recorder)
    try:
        checks.measure(number)
    except pytest.fail.Exception:
        return Outcome.FAILED
    except ReadinessError:
        return Outcome.UNKNOWN
    finally:
        checks.current.reset(token)
    return Outcome.DEGRADED if recorder.degraded else Outcome.PASSED
