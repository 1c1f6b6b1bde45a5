"""A bad deploy of mcp-hub@4.2.1 at night: what the person on call reads, from the first alarm to the all-clear."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.notify.people_doubles import Hooks, serving
from tests.real.test_real_rollback import ONE_BROKEN
from tests.real.test_real_whole_release import Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.conftest import Judge

PAGED = """
[limits.session-close-does-not-stall-the-hub]
critical = 20000
[notify.critical]
urls = ["${PAGER_URL}"]
"""


@pytest.fixture
def pager() -> Iterator[Hooks]:
    """A web hook that stands for the pager."""
    with serving(Hooks()) as server:
        yield server


@pytest.mark.matrix
@pytest.mark.parametrize("verb", ["release", "check"])
def test_a_bad_deploy_at_night(
    verb: str, hubs: Any, judge: Judge, pager: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three messages in the order of what happened, each true when it was sent; the next healthy run wakes nobody."""
    site = Whole(judge, hubs, ONE_BROKEN)
    path = site.folder / "readiness.toml"
    path.write_text(path.read_text() + PAGED)
    monkeypatch.setenv("PAGER_URL", pager.url("ok/secret-part-of-the-address"))
    if verb == "release":
        done = site.call("release", "--bake", "0", *site.command)
    else:
        assert site.call("check", "-m", "health", "-q").returncode == 0
        assert site.call("release", "--record").returncode == 0
        site.deploy()
        assert site.call("release", "--record").returncode == 0
        done = site.call("check", "-m", "health", "-q")
    words = done.stdout[-4000:] + done.stderr[-2000:]
    assert (done.returncode, "ROLLED_BACK_VERIFIED" in done.stdout) == (1, True), words

    titles = [message["title"] for message in pager.got]
    about = f"local {site.hub.url}"
    assert len(titles) == 3, titles
    assert titles[0].startswith(f"readiness · critical: ROLL BACK · {about} is NOT READY: "), titles
    assert titles[1] == f"readiness · critical: rolling back new to old · {about}", titles
    assert titles[2] == f"readiness · all clear: ROLLED_BACK_VERIFIED · {about}", titles
    assert [message["type"] for message in pager.got] == ["failure", "failure", "success"]
    texts = [message["message"] for message in pager.got]
    assert "rollback planned: previous-release (mode auto)" in texts[0]
    assert texts[2].startswith(
        "new was rolled back, and old answers again\nROLLED_BACK_VERIFIED: the release before answers"
    )
    assert len({message["thread"] for message in pager.got}) == 1
    for text, message in zip(texts, pager.got, strict=True):
        assert f"{about} · thread {message['thread']}" in text
    page = re.search(r"incident report: (\S+)", texts[0])
    assert page is not None
    assert page[1].endswith(".md")
    assert "secret-part" not in words + json.dumps(pager.got)

    monitoring = site.call("nagios")
    assert (monitoring.returncode, " was rolled back" in monitoring.stdout) == (0, True), monitoring
    shown = site.call("report")
    assert shown.stdout.startswith("SERVICE OK: new was rolled back\n"), shown.stdout
    assert '<body class="ready">' in (site.folder / "reports" / "readiness.html").read_text()
    incident = Path(page[1]).read_text()
    assert [word in incident for word in ("- decision: sent: ", "- begin: sent: ", "- end: sent: ")] == [True] * 3
    assert "**It is over:** new was rolled back" in incident
    first = incident.partition("## Timeline\n\n")[2].splitlines()[2]
    assert "deployed: new, version 4.2.1, over old, " in first, first
    assert " on " in first

    after = site.call("check", "-m", "health", "-q")
    assert after.returncode == 0, after.stdout[-3000:] + after.stderr
    assert len(pager.got) == 3, [message["title"] for message in pager.got[3:]]
