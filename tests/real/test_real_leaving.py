"""The real hub started as editors do, to end with its last client: a look must not end what it looks at."""

from __future__ import annotations

import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.test_real_e2e import CALLS

if TYPE_CHECKING:
    from tests.real.conftest import Judge

pytestmark = pytest.mark.matrix

LEFT = "this hub ends itself when its last event stream closes (--auto-shutdown)"


def test_a_hub_that_ends_with_its_last_client_outlives_the_run(hubs: Any, judge: Judge) -> None:
    """Nothing that the run does ends it; what was not opened for that is said, and is the only thing unknown."""
    hub = hubs(options=["--auto-shutdown"])
    hub.wait_ready()
    judge.configure(hub, CALLS)
    judged = judge.run("-m", "health or e2e")
    assert list(judged.by_outcome("failed", "unknown", "flaky")) == ["events-stream"]
    assert LEFT in judged.by_outcome("unknown")["events-stream"]
    assert LEFT in judged.out
    assert judged.code == 0
    with pytest.raises(TimeoutError):
        _wait_until(lambda: hub.process.poll() is not None, 3)


def test_an_editors_stream_keeps_it(hubs: Any, judge: Judge) -> None:
    """While another client has a stream open, ours is opened and left, and the hub goes on."""
    hub = hubs(options=["--auto-shutdown"])
    hub.wait_ready()
    judge.configure(hub)
    with urllib.request.urlopen(f"{hub.url}/api/events", timeout=60) as editor:
        editor.readline()
        judged = judge.run()
        assert (judged.status, judged.by_outcome("failed", "unknown")) == ("READY", {})
        assert hub.process.poll() is None


def _wait_until(done: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)
