"""The real hub behind a line on which each answer takes a while: slow is not silent, and not dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.forwarder import Forwarder

if TYPE_CHECKING:
    from tests.real.conftest import Judge


@pytest.mark.matrix
def test_a_slow_hub_is_judged(healthy: Any, judge: Judge) -> None:
    """Each answer takes longer than a short look has with an idle hub: that alone is found, and all the rest is judged."""
    with Forwarder(healthy.port, delay=1.5) as proxy:
        judge.configure(healthy, "[probe]\ntimeout = 20\ninterval = 0.1\n[limits.api-answers-fast]\nsamples = 3\n")
        settings = judge.folder / "readiness.toml"
        settings.write_text(settings.read_text().replace(healthy.url, proxy.url))
        judged = judge.run()
    assert list(judged.by_outcome("failed")) == ["api-answers-fast"]
    assert judged.by_outcome("unknown", "flaky") == {}
    assert judged.code == 0
