"""What a target bears of requests: "come back later" is obeyed, and a budget of requests a minute kept.

All processes of one user keep to it together, and so do two runs in a row: what was sent and when the target may be asked again stand in a
small file of the user's own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import hashlib
import json
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook
from readiness.support import RUN_ID, locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.config import Config

PATIENCE: Final = 60.0
"""Seconds that a run waits in total for a target that asks it to come back later."""
_MOST: Final = 3
"""Refusals of one run that are waited for: a target that refuses again and again will not be won over."""
_UNSAID: Final = 10.0
"""Seconds to wait where a 429 does not say how long."""
_LONGEST: Final = 86_400.0
"""Seconds of Retry-After that are believed."""
_WINDOW: Final = 60.0
_SHARE: Final = 0.9
"""Part of the budget that is used: agents and probes from the same address need some of it."""
_QUEUE: Final = 600.0
"""Seconds that one request waits at most for its place in the budget."""
_LIMIT: Final = 256 * 1024
"""Bytes of the file at most."""
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503


class RateLimited(CouldNotLook):
    """The target refused a request because there were too many: that shows nothing of what was asked for."""


class StillRateLimited(RateLimited):
    """It has asked to be left alone for longer than a run waits: nothing more is sent to it."""

    retry = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How one target wants to be asked. `budget` in requests a minute, None: unlimited; `patience` in seconds."""

    place: str
    """Its host and port: one budget for all its routes."""
    budget: float | None = None
    patience: float = PATIENCE

    @classmethod
    def of(cls, config: Config) -> Manners:
        """Those of the configured target, by its public address, however it is asked."""
        target = config.target
        place = urlsplit(target.url or target.internal_url or "").netloc.rpartition("@")[2].lower()
        return cls(place=place, budget=target.bearable, patience=config.probe.retry_after)

    def wait(self, requests: int = 1) -> None:
        """Wait until so many requests may be sent. Raises StillRateLimited where that takes longer than a run waits."""
        began, wanted = time.monotonic(), min(requests, self._allowed)
        while pause := self._pause(wanted):
            if time.monotonic() - began > _QUEUE:
                raise StillRateLimited(
                    f"rate limited: the {self.budget:g} requests a minute that {self.place} bears were used up for {_QUEUE / 60:g} minutes"
                )
            time.sleep(min(pause, 1.0) + 0.01)

    def sent(self) -> None:
        """Note that a request was sent."""
        if self.budget is not None:
            with self._noted(make=True) as noted:
                noted.sent.append(time.time())

    def refusal(self, what: str, status: int, headers: Mapping[str, str]) -> RateLimited | None:
        """Note what an answer asks for; the error for one that shows nothing but that there were too many requests.

        A 503 that says when to come back is an answer too, the service does not serve: what is longer than a run waits stops nothing, so
        that a failure stays one, and the next run sees at once that it was mended.
        """
        given = headers.get("retry-after", "")
        if status != _TOO_MANY and not (status == _UNAVAILABLE and given):
            return None
        seconds = seconds_to_wait(given, headers.get("date", ""))
        text = f"{what} answered {status}" + (f", Retry-After {given[:40]}" if given else "")
        with self._noted(make=True) as noted:
            now, run = time.time(), _run()
            asked_for = noted.asked_for.get(run, 0.0) + max(0.0, now + seconds - max(now, noted.until))
            if status == _UNAVAILABLE and (asked_for > self.patience or noted.times(run) >= _MOST):
                return None
            if now >= noted.until:  # else one of several that were under way together
                noted.refused.append([run, now])
            noted.asked_for[run] = asked_for
            noted.until, noted.why = max(noted.until, now + seconds), text
        return RateLimited(f"{text}: too many requests") if status == _TOO_MANY else None

    @property
    def _allowed(self) -> int:
        return 1 if self.budget is None else max(1, int(self.budget * _SHARE * _WINDOW / 60))

    def _pause(self, requests: int) -> float:
        """Seconds until so many requests may be sent, or until it is worth asking again; 0: now."""
        if self.budget is None and not self._file.exists():
            return 0.0
        with self._noted(make=False) as noted:
            now = time.time()
            left = noted.until - now
            if left > 0:
                self._give_up(noted, left)
                return left
            free = self._allowed - len(noted.sent)
            if self.budget is None or free >= requests:
                return 0.0
            return max(0.01, noted.sent[requests - free - 1] + _WINDOW - now)

    def _give_up(self, noted: _Noted, left: float) -> None:
        times = noted.times(_run())
        if times > _MOST or max(left, noted.asked_for.get(_run(), 0.0)) > self.patience:
            again = f", {times} times" if times > 1 else ""
            # the moment and not what is left until then: all checks give one reason, so that it is told once
            when = time.strftime("%H:%M:%S UTC", time.gmtime(noted.until + 1))
            raise StillRateLimited(
                f"rate limited: {noted.why}{again}; a run waits {self.patience:g} s in total ([probe] retry_after), so nothing more is asked: "
                f"come back after {when}"
            )

    @property
    def _file(self) -> Path:
        name = hashlib.sha256(self.place.encode()).hexdigest()[:24]
        return Path(tempfile.gettempdir()) / f"readiness-{os.getuid()}" / f"manners-{name}.json"

    @contextlib.contextmanager
    def _noted(self, *, make: bool) -> Iterator[_Noted]:
        """What all processes have noted of this target, to be changed; nothing, and kept nowhere, where the file is not ours."""
        descriptor = _opened(self._file, make=make)
        if descriptor is None:
            yield _Noted()
            return
        try:
            locks.obtain(descriptor, wait=2.0, poll=0.005)
            noted = _Noted.read(descriptor, time.time())
            try:
                yield noted
            finally:
                noted.write(descriptor)
        finally:
            os.close(descriptor)


@dataclasses.dataclass(slots=True)
class _Noted:
    """The file: when requests were sent in the last minute, which runs were refused when, and until when nothing may be sent.

    Moments are seconds of the wall clock; `asked_for` are the seconds that a run was asked to wait, in total.
    """

    sent: list[float] = dataclasses.field(default_factory=list)
    refused: list[list[Any]] = dataclasses.field(default_factory=list)
    asked_for: dict[str, float] = dataclasses.field(default_factory=dict)
    until: float = 0.0
    why: str = ""

    def times(self, run: str) -> int:
        """How often a run was refused."""
        return sum(one == run for one, _ in self.refused)

    @classmethod
    def read(cls, descriptor: int, now: float) -> _Noted:
        """What the file says and is still of interest; nothing where it is damaged."""
        try:
            kept = json.loads(os.pread(descriptor, _LIMIT, 0) or b"{}")
            sent = [float(at) for at in kept["sent"] if now - _WINDOW < at <= now + 1]
            refused = [[str(run), float(at)] for run, at in kept["refused"] if now - _QUEUE < at <= now + 1]
            runs = {run for run, _ in refused}
            asked_for = {run: float(seconds) for run, seconds in kept["asked_for"].items() if run in runs}
            until = float(kept["until"])
            return cls(sent, refused, asked_for, until if until < now + _LONGEST + 1 else 0.0, str(kept["why"])[:200])
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
            return cls()

    def write(self, descriptor: int) -> None:
        """Replace what the file says; a full disk keeps nothing."""
        text = json.dumps(
            dataclasses.asdict(self) | {"refused": self.refused[-100:], "sent": self.sent[-5_000:]}
        ).encode()
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)


def _opened(file: Path, *, make: bool) -> int | None:
    """The file, in a folder that is this user's alone; None where it is not, or where nothing is to be made."""
    folder = file.parent
    with contextlib.suppress(OSError):
        if make:
            folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
            return None
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if make else 0)
        return os.open(file, flags, 0o600)
    return None


def seconds_to_wait(given: str, date: str) -> float:
    """The seconds of a Retry-After header; a date in it counts from the answer's own `Date`: two machines' clocks differ."""
    text = given.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return _UNSAID
    try:
        now = email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        now = time.time()
    return min(max(0.0, at - now), _LONGEST)


def _run() -> str:
    """Which run this process belongs to."""
    return os.environ.get(RUN_ID) or str(os.getppid() if os.environ.get("PYTEST_XDIST_WORKER") else os.getpid())
