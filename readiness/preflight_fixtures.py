"""The facts of a release tree as pytest fixtures.

`readiness.fixtures` imports each by name, so that pytest finds it there; add a new one to both. Import what a fixture
returns inside it: every run of an installation loads this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from readiness.config.model import Config
    from readiness.facts.release import Release


@pytest.fixture(scope="session")
def release(readiness_config: Config) -> Release:
    """The release tree on disk. Without one to look at, the check ends in set-up."""
    from readiness.facts.release import Release

    return Release.of(readiness_config)
