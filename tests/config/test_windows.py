"""Deployment windows: what is open when, and what is no window."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from readiness.config import kinds as windows
from readiness.config.loading import load
from readiness.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "moment", "is_open"),
    [
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-01-15T08:00+00:00", True),
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-01-15T07:59+00:00", False),
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-07-16T07:00+00:00", True),
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-01-15T15:00+00:00", False),
        ("Mon-Thu 09:00-16:00 Europe/Berlin", "2026-01-16T12:00+00:00", False),
        ("Fri-Mon 00:00-24:00", "2026-01-18T23:59+00:00", True),
        ("Fri-Mon 00:00-24:00", "2026-01-20T00:00+00:00", False),
        ("Sat,Tue 22:00-02:00 UTC", "2026-01-18T01:59+00:00", True),
        ("Sat,Tue 22:00-02:00 UTC", "2026-01-18T22:30+00:00", False),
        ("daily 08:00-09:00 UTC", "2026-01-18T08:30+00:00", True),
    ],
)
def test_windows(text: str, moment: str, is_open: bool) -> None:  # noqa: FBT001
    """Days, hours and zones as people write them; summer time counts, a window may pass midnight."""
    assert windows.parse_window(text).is_open(dt.datetime.fromisoformat(moment)) is is_open


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Mon 9-17",
        "Mon 09:00-09:00",
        "Mon 25:00-26:00",
        "Xyz 09:00-10:00",
        "Mon 09:00-10:00 Mars/Base",
        "Mon- 09:00-10:00",
    ],
)
def test_what_is_no_window_is_refused(text: str) -> None:
    """A window that cannot be read is a mistake of the configuration, never an open or a closed one."""
    with pytest.raises(ValueError, match=r"\w+"):
        windows.parse_window(text)


def test_a_bad_window_is_a_mistake_of_the_file(tmp_path: Path) -> None:
    """The configuration's own report names the place and what is valid."""
    file = tmp_path / "readiness.toml"
    file.write_text('[target]\nrelease = "."\n[release]\nwindows = ["daily 08:00-09:00 UTC", "weekdays 9-17"]\n')
    with pytest.raises(ConfigError, match=r"\[release\] windows\[2\].*a time window like Mon-Thu"):
        load(file=file, start=tmp_path)
