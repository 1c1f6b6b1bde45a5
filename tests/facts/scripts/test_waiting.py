"""A stop script's pattern is held against what is started; where that is not known whole, nothing is said against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from readiness.facts.scripts.waiting import Waiting
from tests.facts.scripts.test_shell import release

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "/usr/bin/node /srv/hub/dist/cli.js --port 7000"
SEARCHES = {
    "pkill-of-another-file": ("pkill -f 'node server.js'\n", UNIT, "", True),
    "pgrep-of-another-port": ("kill $(pgrep -f 'cli.js --port 3000')\n", UNIT, "", True),
    "full-spelled-out": ("pkill -TERM --full hub-server\n", UNIT, "", True),
    "in-a-variable": ('NAME=build/cli.js\npid=$(pgrep -of "$NAME")\nkill "$pid"\n', UNIT, "", True),
    "anchored": ("pkill -f '^mcp-hub'\n", UNIT, "", True),
    "what-the-start-script-runs": ("pkill -f 'mcp-hub'\n", "", "nohup node dist/cli.js --port 7000 &\n", True),
    "the-same-file": ("pkill -f dist/cli.js\n", UNIT, "", False),
    "anchored-at-the-runtime": ("pkill -f '^node .*cli'\n", "/srv/hub/dist/cli.js --port 7000", "", False),
    "one-of-two-patterns": ("pkill -f server.js || pkill -f cli.js\n", UNIT, "", False),
    "by-the-start-script": ("pkill -f 'node dist'\n", UNIT, "nohup node dist/cli.js &\n", False),
    "a-pid-file-too": ('kill "$(cat hub.pid)" || pkill -f server.js\n', UNIT, "", False),
    "the-manager-too": ("systemctl stop hub\npkill -f server.js\n", UNIT, "", False),
    "the-port-too": ("fuser -k 7000/tcp\npkill -f server.js\n", UNIT, "", False),
    "a-pattern-that-is-not-known": ('pkill -f "$PATTERN"\n', UNIT, "", False),
    "by-name": ("pkill server\n", UNIT, "", False),
    "a-unit-that-starts-a-script": ("pkill -f server.js\n", "/bin/bash /srv/hub/run.sh", "", False),
    "a-unit-with-a-variable": ("pkill -f server.js\n", "/usr/bin/node ${ENTRY}/cli.js", "", False),
    "a-start-through-npm": ("pkill -f server.js\n", "", "nohup npm start &\n", False),
    "nothing-known-that-starts": ("pkill -f server.js\n", "", "", False),
}


@pytest.mark.parametrize(("stop", "unit", "start", "is_blind"), SEARCHES.values(), ids=SEARCHES)
def test_a_pattern_that_finds_nothing_is_seen(tmp_path: Path, stop: str, unit: str, start: str, is_blind: bool) -> None:  # noqa: FBT001 - a row of the table
    """Only a pattern that none of the started command lines has is held against the stop script."""
    scripts = release(tmp_path, stop_mcp_hub=stop, **({"start_mcp_hub": start} if start else {}))
    blind = Waiting(scripts).blind_search(unit.split)
    assert (blind is not None) == is_blind
    if blind is not None:
        assert blind[0].path == "scripts/stop-mcp-hub.sh"
        assert "cli.js" in blind[1]


def test_a_written_pid_is_seen(tmp_path: Path) -> None:
    """A number that stands in the script is nobody's after a restart; a signal's number, a job and the first process are none."""
    written = {
        "kill 4711\n": True, "kill -9 4711\n": True, "kill -s TERM 4711\n": True, "sudo kill -TERM 4711 || true\n": True,
        "kill -s 15 $(cat hub.pid)\n": False, "kill -9 $(cat hub.pid)\n": False, "sleep 9 &\nkill $!\n": False, "kill %1\n": False,
        "kill -15 1\n": False, "kill -0 4711\n": False,
    }  # fmt: skip
    for number, (stop, is_written) in enumerate(written.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert (Waiting(release(folder, stop_mcp_hub=stop)).written_pid() is not None) == is_written, stop


def test_managers_kill_what_ignores_them(tmp_path: Path) -> None:
    """Docker and pm2 kill by themselves; how long they wait is on the line, or it is not known."""
    stops = {
        "docker compose stop -t 30 hub\n": (30, False), "docker stop --time=5 hub\n": (5, False), "docker stop hub\n": (0, True),
        "pm2 stop hub\n": (0, True), "systemctl stop hub\n": (None, False), "service hub stop\n": (None, False),
    }  # fmt: skip
    for number, (stop, expected) in enumerate(stops.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (way,) = Waiting(release(folder, stop_mcp_hub=stop)).stopping().seen
        assert (way.seconds, way.vague, way.killed) == (*expected, True), stop
