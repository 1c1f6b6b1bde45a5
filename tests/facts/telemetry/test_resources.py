"""What the host has left and the hub takes of it, seen where the hub runs and not seen where it does not."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.facts.host import local_resources
from readiness.session.fixtures.reachability import HubReach
from tests.faults.hub.model import How
from tests.faults.hub.server import FaultyHub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.facts.telemetry.metrics import Reading


@contextlib.contextmanager
def seen(how: How, folder: Path) -> Iterator[Mapping[str, Reading]]:
    """One look at the host of a hub that is so."""
    with FaultyHub(how, token="none", release=folder, environment=dict(os.environ)) as hub:
        config = Config(target=Target(internal_url=hub.internal_url), report_dir=folder / "reports")
        reach = HubReach(config, None)
        yield local_resources.look(reach.hub(), config, seconds=0.01)
        reach.close()


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Mapping[str, Reading]]:
    """A look at the host of a hub that runs here."""
    with seen(How(), tmp_path) as looked:
        yield looked


def test_every_resource_of_this_host_is_a_number_in_its_unit(found: Mapping[str, Reading]) -> None:
    """Shares lie between 0 and 1, a process has memory and open files, and connecting takes a moment."""
    assert list(found) == list(local_resources.UNITS)
    assert {name: reading.reason for name, reading in found.items() if reading.number is None} == {}
    for name, reading in found.items():
        assert reading.unit == local_resources.UNITS[name]
        if reading.unit == "share":
            assert 0 <= (reading.number or 0.0) <= 1
    sizes = [found[name].number or 0.0 for name in ("hub.memory", "hub.memory_tree", "host.disk_free", "hub.connect")]
    assert min(sizes) > 0
    assert sizes[1] >= sizes[0]


def test_resources_are_told_in_words(found: Mapping[str, Reading]) -> None:
    """Bytes in MiB, shares in percent, times with their unit."""
    told = local_resources.lines(found)
    assert len(told) == len(local_resources.UNITS)
    assert any(line.startswith("hub.memory ") and line.endswith(" MiB") for line in told)
    assert any(line.startswith("hub.connect ") and line.endswith(" ms") for line in told)


def test_of_a_hub_that_is_not_here_only_the_way_to_it_is_known(tmp_path: Path) -> None:
    """A process that is not on this host has no memory that could be read; the runner's own is never shown instead."""
    with seen(How(events="other-pid"), tmp_path) as found:
        pass
    assert found["hub.connect"].number
    others = [reading for name, reading in found.items() if name != "hub.connect"]
    assert {reading.number for reading in others} == {None}
    assert all(reading.reason for reading in others)


def test_a_hub_that_nobody_reaches_has_no_connect_time(tmp_path: Path) -> None:
    """A refused connection is a reason, not an error."""
    with seen(How(dead=True), tmp_path) as found:
        pass
    assert {reading.number for reading in found.values()} == {None}
    assert "hub.connect" in found["hub.connect"].reason
