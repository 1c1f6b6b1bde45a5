"""The drills as a pytest fixture; `readiness.fixtures` imports it by name.

What a drill will do is told on the terminal before it is done, and stands in the finding's notes.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from readiness import checks
from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness.config.model import Config
    from readiness.drills.drill import Drills
    from readiness.reach import Reach

WORKERS = (
    "not drilled: in parallel with other checks a drill breaks the hub under their feet; "
    "run pytest -m drill --readiness-drill without -n"
)


class Teller:
    """Tells a drill's intentions: to the terminal where this process has one, and to the running check's notes."""

    def __init__(self, config: pytest.Config, redact: Callable[[str], str]) -> None:
        self._config, self._redact = config, redact

    def __call__(self, text: str) -> None:
        """Tell `text` now."""
        checks.note(text)
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(_printable(self._redact(text)))


def _printable(text: str) -> str:
    """`text` without what a hub's words could do to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@pytest.fixture(scope="session")
def _drills(request: pytest.FixtureRequest, readiness_config: Config, readiness_reach: Reach) -> Drills:
    """One for the whole process: it remembers what could not be put back."""
    from readiness.drills.drill import Drills
    from readiness.fixtures import REDACT

    say = Teller(request.config, request.config.stash.get(REDACT, str))
    return Drills(readiness_config, say=say, replaced=lambda: _forget_the_old(readiness_reach))


def _forget_the_old(reach: Reach) -> None:
    """Another process answers, and that was meant: it is the one that later checks find again, over new connections."""
    from readiness.reach import IDENTITY_FILE

    reach.close()
    if reach.run_dir is None:
        return
    file = reach.run_dir / IDENTITY_FILE
    with contextlib.suppress(Unknown, OSError):
        noted = json.dumps(reach.hub().identity().to_json() | {"seen": reach.since})
        own = file.with_name(f"{IDENTITY_FILE}.{os.getpid()}")
        own.write_text(noted, encoding="utf-8")
        own.replace(file)


@pytest.fixture
def drills(request: pytest.FixtureRequest, _drills: Drills) -> Drills:
    """What breaks the hub on purpose. In a worker, which could tell nobody before it acts, the check ends in set-up."""
    if hasattr(request.config, "workerinput"):
        raise Unknown(WORKERS)
    return _drills
