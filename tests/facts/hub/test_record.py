"""What a hub leaves behind: its log, its tools of the last good run, and the shapes it promised."""

from __future__ import annotations

import copy
import json
import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from readiness.config.model import Config, Target
from readiness.errors import Unknown
from readiness.facts.http import HttpAnswer
from readiness.facts.hub.contract import ROUTES, problems, schema
from readiness.facts.hub.inventory import Inventory, keep_last_good
from readiness.facts.hub.log import HubLog
from readiness.facts.hub.records import Health, HealthLooks, HubTool
from readiness.facts.load import accepted_load
from readiness.facts.mcp import windows
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONTRACT = json.loads((ROOT / "tests" / "data" / "contract" / "mcp-hub-4.3.0.json").read_text(encoding="utf-8"))
RECORDED = {entry["request"]["path"]: entry["response"]["json"] for entry in reversed(CONTRACT)}
START = 1_795_400_000.0


def errors(folder: Path, lines: Sequence[str | dict[str, Any]], ahead: float | None = None) -> list[str]:
    """The errors found in a log of these lines, of a process that started at START; this run began 100 s later.

    The hub's clock is `ahead` of ours.
    """
    (folder / "logs").mkdir(exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "logs" / "mcp-hub.log").write_text(text, encoding="utf-8", errors="surrogatepass")
    hub: Any = SimpleNamespace(identity=lambda: SimpleNamespace(started=START, ahead=ahead))
    log = HubLog(Config(target=Target(state=str(folder))), START + 100)
    return [line.text for line in log.errors(hub)]


def line(level: int, text: str, after: float, **more: str) -> dict[str, Any]:
    """One of pino's lines."""
    return {"level": level, "time": int((START + after) * 1000), "msg": text, **more}


def test_errors_since_the_start_are_found(tmp_path: Path) -> None:
    """Errors and fatal ones count; older ones, those of our own run, warnings and the harmless one do not."""
    found = errors(
        tmp_path,
        [
            line(50, "before", -10),
            line(50, "first", 1),
            line(40, "a banner", 2),
            line(60, "second", 3),
            line(50, "offline", 3, code="MARKETPLACE_INIT_ERROR"),
            line(50, "a session closed", 101),
            "plain text",
            "{ broken",
            "x" * 200_000,
            {"type": "error", "message": "third", "timestamp": "2026-11-23T02:00:01.000Z"},
        ],
    )
    assert found == ["first", "second"]


@pytest.mark.parametrize("ahead", [600.0, -600.0])
def test_errors_on_another_clock_are_not_guessed_at(tmp_path: Path, ahead: float) -> None:
    """What counts by one clock and not by the other is unknown; nothing is hidden, and our own run's errors accuse nobody."""
    for after in (50, 50 + ahead):
        with pytest.raises(Unknown, match=r"the hub's clock is 600 s (ahead of|behind) this machine's"):
            errors(tmp_path, [line(50, "first", after)], ahead)
    assert errors(tmp_path, [line(50, "later", 101 + max(ahead, 0)), line(40, "a banner", 2)], ahead) == []
    assert errors(tmp_path, [line(50, "first", 50)], 1.0) == ["first"]


def test_the_older_shape_of_lines_is_read_too(tmp_path: Path) -> None:
    """4.2.1 writes type, message and an ISO time where it writes JSON."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(START + 5))
    assert errors(tmp_path, [{"type": "error", "message": "boom", "timestamp": stamp}]) == ["boom"]


def test_a_log_without_levels_proves_nothing(tmp_path: Path) -> None:
    """Plain text cannot be clean: that would be guessing."""
    with pytest.raises(Unknown, match="no line with a level"):
        errors(tmp_path, ["Error closing server: Maximum call stack size exceeded"])
    with pytest.raises(Unknown, match=r"set \[target\] state"):
        HubLog(Config(target=Target(state=str(tmp_path / "none"))), START).errors(SimpleNamespace())  # type: ignore[arg-type]


def test_the_inventory_of_a_good_run_is_kept_and_compared(tmp_path: Path) -> None:
    """Noted in the run's folder, kept after a good verdict, read by the next run of the same environment alone."""
    run, reports = tmp_path / "run", tmp_path / "reports"
    run.mkdir()
    config = Config(report_dir=reports, target=Target(url="http://127.0.0.1:1"))
    tools = [
        HubTool(server="a", name="x", definition={"inputSchema": {"type": "object"}}),
        HubTool(server="a", name="y"),
    ]
    inventory = Inventory(config, run)
    now = inventory.of(tools, tools)
    assert list(now["a"]) == ["x", "y"]
    assert (len(now["a"]["x"]), now["a"]["y"]) == (16, "")
    inventory.note(now)
    assert inventory.last_good() is None
    keep_last_good(run, reports)
    assert Inventory(config, run).last_good() == now
    assert Inventory(Config(report_dir=reports, environment="staging"), run).last_good() is None
    (reports / "inventory.json").write_text("{ broken")
    assert Inventory(config, run).last_good() is None


def mutated(document: Any, data: st.DataObject) -> Any:
    """`document` with one place, at any depth, replaced or taken away."""
    copied = copy.deepcopy(document)
    place = copied
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return copied
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        new = data.draw(st.sampled_from([None, True, 0, -1, 2.5, 3.0, "", "x", [], {}, [1], {"a": 1}, "gone"]))
        if new == "gone":
            del place[key]
        else:
            place[key] = new
        return copied


@pytest.mark.parametrize("route", ROUTES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_shapes_are_judged_as_the_library_does(route: str, data: st.DataObject) -> None:
    """On recorded answers and on broken copies, our check and jsonschema agree about right and wrong."""
    wanted = schema(ROUTES[route])
    Draft202012Validator.check_schema(wanted)
    library = Draft202012Validator(wanted)
    assert list(problems(RECORDED[route], wanted)) == []
    value = mutated(RECORDED[route], data)
    assert bool(list(problems(value, wanted))) is not library.is_valid(value)


def test_an_unknown_keyword_is_an_error() -> None:
    """A schema that asks for more than is understood can never pass by accident."""
    with pytest.raises(ValueError, match="uniqueItems"):
        list(problems([1, 1], {"type": "array", "uniqueItems": True}))


def looks(*answers: tuple[float, dict[str, Any]], headers: dict[str, str] | None = None) -> HealthLooks:
    """Answers of health, each with the second it came in."""
    kept = HealthLooks()
    for at, answer in answers:
        kept.note(HttpAnswer(method="GET", url="http://h", status=200, headers=headers or {}), Health(raw=answer), at)
    return kept


def server(uptime: float) -> list[dict[str, Any]]:
    """One connected server."""
    return [{"name": "memory", "status": "connected", "uptime": uptime}]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["starting", "starting", "ready"], None),
        (["ready", "restarted"], None),
        (["starting"], None),
        (["ready", "starting", "ready"], "its state was 'ready', and 'starting' in 1 of 3 looks since"),
        (["starting", "ready", "error"], "its state was 'ready', and 'error' in 1 of 2 looks since"),
    ],
)
def test_a_state_that_goes_back_contradicts_itself(states: list[str], words: str | None) -> None:
    """A start goes one way; what was ready and is not, is not ready."""
    kept = looks(*((float(n), {"state": state}) for n, state in enumerate(states)))
    assert kept.contradictions() == ([words] if words else [])


def test_what_one_answer_says_twice_must_agree() -> None:
    """An error beside ready is a contradiction, another word an oddity, and a hub without a status has none."""
    assert looks((0, {"state": "ready", "status": "error"})).contradictions()
    assert looks((0, {"state": "ready", "status": "degraded"})).oddities() == [
        "its status is 'degraded' beside the state 'ready'"
    ]
    for answer in ({"state": "ready"}, {"state": "ready", "status": "ok"}, {"state": "error", "status": "error"}):
        assert looks((0, answer)).contradictions() + looks((0, answer)).oddities() == []


def test_an_uptime_has_to_grow() -> None:
    """Looks that are seconds apart show other numbers; within two seconds, and for what is gone, nothing is said."""
    assert looks((0, {"servers": server(7)}), (3, {"servers": server(7)})).oddities() == [
        "memory has been up for 7 s in looks that are 3 s apart"
    ]
    for second, uptime in ((3, 10), (1, 7)):
        assert looks((0, {"servers": server(7)}), (second, {"servers": server(uptime)})).oddities() == []
    assert looks((0, {"servers": server(0)}), (9, {"servers": server(0)})).oddities() == []


def test_two_lengths_of_one_answer_are_odd() -> None:
    """Transfer-Encoding with Content-Length is how requests are smuggled."""
    assert looks((0, {}), headers={"transfer-encoding": "chunked", "content-length": "7"}).oddities()
    assert not looks((0, {}), headers={"content-length": "7"}).oddities()


def test_a_pipe_is_no_inventory(tmp_path: Path) -> None:
    """What is no regular file is no inventory, and nobody waits for a writer that never comes."""
    os.mkfifo(tmp_path / "inventory.json")
    os.mkfifo(tmp_path / "e2e-windows.json")
    os.mkfifo(tmp_path / "load-baseline.json")
    config = Config(target=Target(url="http://127.0.0.1:1"), report_dir=tmp_path)
    kept = Inventory(config, None)
    assert kept.last_good() is None
    assert kept.last_seen() is None
    assert windows(config) == []
    with pytest.raises(Unknown, match="cannot be read"):
        accepted_load(config)
