"""The live view: the alerts' own judgements, whatever the hub does, in a terminal, for scripts and as a gate."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from readiness import demo
from readiness.cli import watch
from readiness.config import Claim
from readiness.config.loading import load
from readiness.findings import Outcome
from readiness.operations.watch.bench import BETWEEN, LIVE, Bench
from readiness.operations.watch.document import SCHEMA_FILE, to_json
from readiness.operations.watch.look import Watcher, WatchLook
from readiness.operations.watch.view import View
from readiness.operations.watch.wording import plain_lines
from readiness.session.plan.planning import Scope, catalogue
from readiness.session.setup import deployed_claims
from readiness.session.worker import bounded
from readiness.support.redaction.redactor import Redactor, Secret
from tests.helpers import pace
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from readiness.demo.launcher import DemoHub

SCHEMA = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
SECRET = "tok-" + "Zk3vB9qLw7Xr2Np8" * 2
HOSTILE = f"[bold red]x[/]\x1b[2J\u202e[link=http://evil]{SECRET}"


@pytest.fixture(scope="module")
def hub() -> Iterator[DemoHub]:
    """One embedded hub for all tests of this file."""
    with demo.start() as started:
        _wait(started.url)
        yield started


def _wait(url: str) -> None:
    """Until the hub is ready, and its servers have been up for a second."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/api/health", timeout=2) as answer:
            told = json.load(answer)
            if told["state"] == "ready" and all(server["uptime"] for server in told["servers"]):
                return
        time.sleep(0.05)


def _settings(folder: Path, url: str, more: str = "", timeout: float = 1.0) -> Path:
    file = folder / "readiness.toml"
    file.write_text(
        f'environment = "local"\n[target]\nurl = "{url}"\n'
        "[expect]\nfiltering = true\nllm = true\ntelemetry = true\n"
        f"[probe]\nattempts = 2\ninterval = 0.1\ntimeout = {timeout}\nsettle = 0.2\n{more}",
        encoding="utf-8",
    )
    return file


def _watcher(folder: Path, url: str, more: str = "", timeout: float = 1.0) -> Watcher:
    config = load(file=_settings(folder, url, more, timeout), environ={}, report_dir=folder / "reports")
    redact = Redactor([Secret("TOKEN", SECRET, whole=False)]).clean
    return Watcher(Bench(config, Scope(config, lambda: deployed_claims(config)), redact, folder))


def _outcomes(look: WatchLook) -> dict[str, str]:
    return {row.check.id: row.finding.outcome.value for row in look.judgement.rows}


def _frame(look: WatchLook, width: int = 120, height: int = 50) -> str:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=False, markup=False, highlight=False, emoji=False
    )
    view = View("a hub", 5.0, console)
    view.take(look)
    with console.capture() as captured:
        console.print(view.frame(look, worst="READY", now=look.at + 2, looking=0.0))
    return captured.get()


def test_rows_of_what_was_declared_away_are_not_shown(hub: DemoHub, tmp_path: Path) -> None:
    """A hub that has no telemetry gets no panel of it; the JSON of a look keeps its rows."""
    watcher = _watcher(tmp_path, hub.url)
    away = Claim(expected=False, reason="none")
    claims = {**watcher.bench.config.expect.claims, "llm": away, "telemetry": away, "filtering": away}
    config = dataclasses.replace(
        watcher.bench.config, expect=dataclasses.replace(watcher.bench.config.expect, claims=claims)
    )
    scope = Scope(config, lambda: deployed_claims(config))
    look = Watcher(Bench(config, scope, str, tmp_path)).look()
    none = dataclasses.replace(look, metrics=tuple(dataclasses.replace(row, value=None) for row in look.metrics))
    assert look.metrics
    assert "Telemetry" not in _frame(none)
    assert "Telemetry" in _frame(look)


# --- the same judgement --------------------------------------------------------------------------------------------------


def test_every_alert_is_watched_with_facts_that_are_there(hub: DemoHub, tmp_path: Path) -> None:
    """No alert of the catalogue needs a fact that a watch has not, and all of them pass on a healthy, idle hub."""
    look = _watcher(tmp_path, hub.url).look()
    outcomes = _outcomes(look)
    assert set(outcomes) == {check.id for check, _ in catalogue() if check.phase == "alerts"} | {*LIVE, *BETWEEN}
    bad = {row.check.id: row.finding.reason for row in look.judgement.rows if row.finding.outcome is Outcome.FAILED}
    assert bad == {}
    assert not any("only a pytest run has" in row.finding.reason for row in look.judgement.rows)


@pytest.mark.parametrize(
    "fault",
    [
        "success-rate-low",
        *(
            pytest.param(name, marks=pytest.mark.matrix)
            for name in ("breaker-open", "telemetry-malformed", "no-telemetry", "queue-deep", "cost-spike", "llm-slow")
        ),
    ],
)
def test_a_watch_and_a_run_judge_alike(fault: str, tmp_path: Path) -> None:
    """Each alert has the outcome, the reason and the measured value that `pytest -m alerts` reports."""
    with demo.start(fault) as broken:
        look = _watcher(tmp_path, broken.url).look()
        arguments = ["-m", "alerts", "-q", "-p", "no:cacheprovider", "--readiness-report", str(tmp_path / "reports")]
        done = subprocess.run(
            [sys.executable, "-m", "readiness", "check", *arguments, "--readiness-config", str(tmp_path / "readiness.toml")],
            capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip
    found = json.loads((tmp_path / "reports" / "readiness.json").read_text(encoding="utf-8"))["findings"]
    reported = {f["check"]: (f["outcome"], f["reason"], f["actual"]) for f in found}
    rows = {row.check.id: row.finding for row in look.judgement.rows}
    assert reported, done.stdout
    # what a run measures changes from second to second; that it is judged alike does not
    for check_id in set(reported) - {"traffic-is-as-expected"}:
        finding = rows[check_id]
        assert (finding.outcome.value, bounded(finding.reason), finding.actual) == reported[check_id], check_id
    assert rows["traffic-is-as-expected"].outcome.value == reported["traffic-is-as-expected"][0]


def test_configured_limits_decide(hub: DemoHub, tmp_path: Path) -> None:
    """A limit of `[limits.ID]` turns a healthy number into an alarm, on the row, the alert and the exit code."""
    watcher = _watcher(tmp_path, hub.url, "[limits.traffic-is-as-expected]\ncritical = 0.001\n")
    look = watcher.look()
    assert _outcomes(look)["traffic-is-as-expected"] == "failed"
    row = next(row for row in look.metrics if row.name == "traffic")
    assert (row.outcome, row.limits and row.limits.critical) == ("failed", 0.001)
    assert "ALARM" in _frame(look)


def test_a_waiver_holds_in_the_view_too(hub: DemoHub, tmp_path: Path) -> None:
    """What a live waiver covers is waived here as it is in a run, and is no alarm."""
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(days=9)).date()
    watcher = _watcher(
        tmp_path,
        hub.url,
        "[limits.traffic-is-as-expected]\ncritical = 0.001\n[[waiver]]\ncheck = 'traffic-is-as-expected'\n"
        f"reason = 'a campaign'\nowner = 'Maya'\nexpires = {expires}\n",
    )
    look = watcher.look()
    assert _outcomes(look)["traffic-is-as-expected"] == "waived"
    assert "no alerts" in (frame := _frame(look))
    assert "1 waived" in frame


def test_each_look_sees_anew(hub: DemoHub, tmp_path: Path) -> None:
    """What a run sees once, a watch sees again: the number of requests grows from look to look."""
    watcher = _watcher(tmp_path, hub.url)
    numbers = [next(row.number for row in watcher.look().metrics if row.name == "traffic") for _ in range(2)]
    assert None not in numbers
    assert numbers[1] > numbers[0]  # type: ignore[operator] # not None, as just asserted


# --- a hub that is down, silent or hostile -------------------------------------------------------------------------------


@contextlib.contextmanager
def _server(answer: Callable[[str], bytes | None]) -> Iterator[str]:
    """Something that listens; what `answer` gives for a path is sent as it is, None keeps the caller waiting."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            held.append(connection)
            with contextlib.suppress(OSError, IndexError):
                found = answer(connection.recv(65_536).decode("latin-1").split()[1])
                if found is not None:
                    connection.sendall(found)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in held:
                connection.close()


def _http(body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


GARBAGE = {
    "silent": lambda _: None,
    "bytes": lambda _: b"\x00\xff" * 2_000,
    "a page": lambda _: _http(b"<html>ok</html>"),
    "cut": lambda _: _http(b'{"status": "ok"}')[:-4],
    "deep": lambda _: _http(b"[" * 100_000),
    "wrong types": lambda _: _http(
        b'{"server_id": "mcp-hub", "state": ["x"], "servers": {"a": NaN}, "version": 1e999}'
    ),
    "closed": lambda _: b"",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_what_answers_nonsense_is_shown_as_such(kind: str, tmp_path: Path) -> None:
    """Neither silence nor garbage ends or hangs a look: the document holds, and the view says what is wrong."""
    with _server(GARBAGE[kind]) as url:
        watcher = _watcher(tmp_path, url, timeout=pace.seconds(0.3))
        started = time.monotonic()
        looks = [watcher.look() for _ in range(2)]
        assert time.monotonic() - started < 10
    look = looks[-1]
    document = json.loads(json.dumps(to_json(look, watcher.bench.config, 1), allow_nan=False))
    SCHEMA.validate(document)
    assert look.judgement.status.value in {"NOT READY", "INCOMPLETE"}
    assert _frame(look)
    assert list(plain_lines(look))


def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    """Markup, escape sequences, direction overrides and secrets of a hub reach neither screen nor document."""
    names = [HOSTILE, *(f"s{n}" for n in range(500))]
    health = {
        "status": "ok", "state": HOSTILE, "server_id": "mcp-hub", "version": HOSTILE,
        "servers": [{"name": name, "status": HOSTILE, "uptime": 1, "capabilities": {}} for name in names],
    }  # fmt: skip
    stats = {"llm": {"circuitBreakerState": HOSTILE, "successRate": HOSTILE, "totalCalls": 1e308}}
    answers = {"/api/health": health, "/api/filtering/stats": stats}
    with _server(lambda path: _http(json.dumps(answers.get(path, {})).encode())) as url:
        watcher = _watcher(tmp_path, url)
        look = watcher.look()
    document = to_json(look, watcher.bench.config, 1)
    SCHEMA.validate(document)
    told = [_frame(look), _frame(look, 60, 20), _frame(look, 9, 3), "\n".join(plain_lines(look)), json.dumps(document)]
    for text in told:
        assert SECRET not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "[bold red]x[/]" in told[0]
    assert len(look.servers) == 200
    assert (look.server_count, look.servers_up) == (501, 0)
    assert "and 493 more" in told[0]


def test_a_lost_hub_is_an_alarm_only_when_settled_and_comes_back(hub: DemoHub, tmp_path: Path) -> None:
    """One silent look is pending, as many as a probe has are an alarm, and the first answer afterwards ends it."""
    watcher = _watcher(tmp_path, hub.url, timeout=pace.seconds(0.6))
    assert watcher.look().proven
    os.kill(hub.pid, signal.SIGSTOP)
    try:
        first, second = watcher.look(), watcher.look()
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert first.pending["hub-answers"] == "look 1 of 2"
    assert not first.proven
    assert _outcomes(first)["hub-answers"] == "passed"
    assert _outcomes(second)["hub-answers"] == "failed"
    assert second.judgement.status.value == "NOT READY"
    assert second.proven
    assert "did not answer" in second.trouble or "/api/health" in second.trouble
    deadline = time.monotonic() + 5
    while (back := watcher.look()).trouble and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _outcomes(back)["hub-answers"] == "passed"
    assert back.state == "ready"


# --- the verb ------------------------------------------------------------------------------------------------------------


def test_once_as_json_is_one_document_with_its_exit_code(
    hub: DemoHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--once --json` prints one line that fits its schema and ends with the verdict's code."""
    file = _settings(tmp_path, hub.url)
    code = watch.main(["--readiness-config", str(file), "--readiness-report", str(tmp_path), "--once", "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    SCHEMA.validate(document)
    assert code == document["verdict"]["exit_code"] == 0
    assert document["verdict"]["settled"] is True
    assert {row["name"] for row in document["host"]} >= {"host.cpu", "host.memory", "host.disk", "hub.connect"}
    assert next(row for row in document["host"] if row["name"] == "host.disk")["limits"]["critical"] == 95
    for key in document:
        assert not SCHEMA.is_valid({k: v for k, v in document.items() if k != key}), key


def test_a_gate_ends_by_the_worst_it_has_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--for` on a port where nothing listens ends in time with 1, without a terminal in lines of plain text."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    file = _settings(tmp_path, f"http://127.0.0.1:{port}")
    started = time.monotonic()
    looking = ("--for", f"{pace.seconds(2)}s", "--interval", "0.2")
    code = watch.main(["--readiness-config", str(file), "--readiness-report", str(tmp_path), *looking])
    told = capsys.readouterr()
    assert code == 1
    assert time.monotonic() - started < pace.seconds(8)
    assert "ALARM hub-answers" in told.out
    assert "refused" in told.out
    assert "\x1b" not in told.out
    assert "the worst seen was NOT READY" in told.err


def test_what_is_unknown_is_not_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hub that answers and publishes no telemetry, although it is claimed, is INCOMPLETE: 12, not 1."""
    with demo.start("no-telemetry") as silent:
        file = _settings(tmp_path, silent.url)
        code = watch.main(["--readiness-config", str(file), "--readiness-report", str(tmp_path), "--once"])
    told = capsys.readouterr().out
    assert code == 12
    assert told.startswith("INCOMPLETE")
    assert "unknown llm-success-rate: " in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--for", "soon"], "90s, 60m, 2h"),
        (["--for", "0"], "90s, 60m, 2h"),
        (["--interval", "nan"], "expected 0.2 to 3600 seconds"),
        (["--interval", "0.01"], "expected 0.2 to 3600 seconds"),
        (["--nonsense"], "unrecognized"),
    ],
)
def test_a_wrong_call_says_what_is_right(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option ends with 4 and names what is valid."""
    assert watch.main(arguments) == 4
    assert words in capsys.readouterr().err


def test_without_a_target_the_next_step_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing says which hub is meant, the error names the setting and the command."""
    from readiness.errors import ReadinessError

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MCP_HUB_URL", raising=False)
    with pytest.raises(ReadinessError, match="readiness init --url"):
        watch.main(["--once"])


def _in_terminal(
    arguments: list[str], until: Callable[[bytes], bool], end: Callable[[int, int], Any]
) -> tuple[int, float, bytes]:
    """Run the verb on a terminal; once `until` holds, `end(pid, terminal)`. Exit code, seconds it took to end, output."""
    child, terminal = pty.fork()
    if not child:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        os.execv(sys.executable, [sys.executable, "-m", "readiness", "watch", *arguments])
    output, asked, deadline = b"", 0.0, time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output += os.read(terminal, 65_536)
            except OSError:
                break
        if not asked and until(output):
            end(child, terminal)
            asked = time.monotonic()
    took = time.monotonic() - asked
    os.close(terminal)  # ends it, should it still run
    for _ in range(50):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), took, output
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), took, output


@pytest.mark.parametrize(
    ("more", "end", "code"),
    [
        ([], lambda _, terminal: os.write(terminal, b"\x03"), 0),
        (["--for", "60m"], lambda child, _: os.kill(child, signal.SIGTERM), 12),
    ],
    ids=["ctrl-c", "sigterm"],
)
def test_the_view_ends_at_once_and_gives_the_terminal_back(
    more: list[str], end: Any, code: int, hub: DemoHub, tmp_path: Path
) -> None:
    """Ctrl-C and SIGTERM end the view within a second, even while the hub is silent; screen and cursor are restored."""
    file = _settings(tmp_path, hub.url, timeout=30.0)

    def stop_and_end(child: int, terminal: int) -> None:
        os.kill(hub.pid, signal.SIGSTOP)
        time.sleep(0.5)  # the next look hangs now
        end(child, terminal)

    try:
        arguments = ["--readiness-config", str(file), "--readiness-report", str(tmp_path)]
        exit_code, took, output = _in_terminal(
            [*arguments, "--interval", "0.2", *more],
            lambda out: b"worst so far: " in out and b"nothing settled" not in out.rpartition(b"worst so far")[2],
            stop_and_end,
        )
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert took < 2  # a second, and what a busy machine adds to it; the look that hangs would take thirty
    assert b"\x1b[?1049h" in output
    assert output.rindex(b"\x1b[?1049l") > output.rindex(b"\x1b[?1049h")
    assert output.rindex(b"\x1b[?25h") > output.rindex(b"\x1b[?25l")
    assert b"circuit breaker" in output
    assert b"Traceback" not in output
    assert exit_code == code
