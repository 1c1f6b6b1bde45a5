"""What a host says of its network: connections timed with whatever is there, and a clock that is proven wrong or not."""

from __future__ import annotations

import dataclasses
import shutil
import socket
from typing import TYPE_CHECKING, Final

import pytest

from readiness.config.model import Config, LlmSettings
from readiness.facts.host.batch import HostAnswer, HostAnswers
from readiness.facts.host.connection import HostConnection
from readiness.facts.host.network import network
from readiness.facts.host.network.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

CURL: Final = "command -v curl >/dev/null"


@pytest.fixture
def listening() -> Iterator[int]:
    """A port at which connections are accepted, by nobody who answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield int(server.getsockname()[1])


@pytest.mark.parametrize("tool", ["curl", "python3"])
def test_connections_are_timed_with_what_is_there(tool: str, listening: int) -> None:
    """Curl or python3 time a connection alike, and tell a refused one and a name that nobody knows."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = int(free.getsockname()[1])
    urls = (f"http://127.0.0.1:{listening}/v1", f"http://127.0.0.1:{refused}/v1", "https://no-such-host.invalid/v1")
    config = Config(llm=LlmSettings(base_url={str(number): url for number, url in enumerate(urls)}))
    (ask,) = (one for one in network.first(config) if one.name == "connect")
    assert CURL in ask.script
    script = ask.script if tool == "curl" else ask.script.replace(CURL, "false")
    found = Network(HostConnection("local://").ask([dataclasses.replace(ask, script=script)]), config).reached()
    assert [one.url for one in found] == list(urls)
    assert found[0].milliseconds is not None
    assert found[0].milliseconds < 200
    assert [(one.milliseconds, one.why) for one in found[1:]] == [
        (None, "the connection is refused"),
        (None, "its name is not found"),
    ]


@pytest.mark.parametrize(
    ("first", "later", "offset"),
    [
        ((100, 101), (103, 103), 0),
        ((100, 120), (122, 140), 0),  # a slow way there explains it
        ((100, 112), (103, 113), 9),  # the first reading lies past the second question
        ((100, 91), (103, 93), -10),
        ((100, 140), (103, 95), 29),  # it was set back in between: wrong either way
    ],
)
def test_a_clock_is_wrong_by_what_is_proven(first: tuple[int, int], later: tuple[int, int], offset: int) -> None:
    """A reading is no older than its question and no younger than the next one; the rest is the way there."""
    told = {"time": first, "time-later": later}
    said = {name: HostAnswer(name=name, code=0, text=f"{asked}\n{read}\n") for name, (asked, read) in told.items()}
    assert Network(HostAnswers(said, privileged=True), Config()).clock_offset() == offset
