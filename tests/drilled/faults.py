"""Every way in which a drill ends, as data."""

from __future__ import annotations

import datetime as dt
from typing import Final

from tests.drilled.runner import Fault

CRASH: Final = "service-restarts-after-a-crash"
STOP: Final = "stop-is-graceful-live"
LLM: Final = "llm-outage-is-survived"
SERVER: Final = "mcp-server-crash-is-contained"
SOAK: Final = "memory-is-stable-under-soak"
_TODAY: Final = dt.datetime.now(dt.UTC)
_OTHER_DAY: Final = (_TODAY + dt.timedelta(days=3)).strftime("%a")
OPEN: Final = 'window = "daily 00:00-24:00 UTC"'
CLOSED: Final = f'window = "{_OTHER_DAY} 00:00-24:00 UTC"'
SHORT: Final = "soak = 0.04\nrate = 200\n"
"""2.4 s of traffic: enough for a miniature that grows by megabytes a second."""
START: Final = 'start = ["setsid", "-f", "{python}", "-S", "-E", "{hub}", "{folder}"]'


def _limit(megabytes_an_hour: int) -> str:
    return f"[limits.{SOAK}]\ncritical = {megabytes_an_hour}\n"


CRASHES = (
    Fault(
        name="supervised",
        sentence="A supervisor brings the hub back at once.",
        check=CRASH,
        outcome="passed",
        words=("it is back by itself", "SIGKILL"),
        starts=2,
        quick=True,
    ),
    Fault(
        name="nobody",
        sentence="Nobody starts a crashed hub again, and no command is configured that could.",
        check=CRASH,
        outcome="failed",
        words=("nothing brought it back within 1 s", "NOT back", "by hand"),
        supervisor=None,
        budget=1,
        alive=False,
        quick=True,
    ),
    Fault(
        name="nobody-but-a-command",
        sentence="Nobody starts a crashed hub again, but [drill] start does: failed, and put back.",
        check=CRASH,
        outcome="failed",
        words=("nothing brought it back", "started again by [drill] start"),
        supervisor=None,
        budget=1.5,
        toml=START,
        starts=2,
    ),
    Fault(
        name="a-command-that-fails",
        sentence="What should start it again ends with an error, which is told.",
        check=CRASH,
        outcome="failed",
        words=("NOT back", "false ended with status 1"),
        supervisor=None,
        budget=1,
        toml='start = ["false"]',
        alive=False,
    ),
    Fault(
        name="gives-up",
        sentence="The supervisor has started it too often and does not any more.",
        check=CRASH,
        outcome="failed",
        words=("nothing brought it back",),
        supervisor=(0, 0.0),
        budget=1,
        alive=False,
    ),
    Fault(
        name="slow-restart",
        sentence="It comes back, but later than its start-up budget.",
        check=CRASH,
        outcome="failed",
        words=("nothing brought it back within 1 s", "came back by itself after its time"),
        supervisor=(9, 1.6),
        budget=1,
        starts=2,
    ),
    Fault(
        name="slow-start",
        sentence="It is started at once and listens late, within its budget.",
        check=CRASH,
        outcome="passed",
        how={"start_seconds": 1.0},
    ),
    Fault(
        name="a-server-is-missing",
        sentence="It comes back without one of its servers.",
        check=CRASH,
        outcome="failed",
        words=("server memory is not connected", "process"),
        how={"missing": "memory"},
        budget=1,
    ),
)

STOPS = (
    Fault(
        name="drops-calls",
        sentence="It ends at once and drops the call in flight, as published hubs do: degraded.",
        check=STOP,
        outcome="degraded",
        words=("everything/slow: dropped", "1 of 2", "SIGTERM"),
        starts=2,
        quick=True,
    ),
    Fault(
        name="finishes-calls",
        sentence="It answers what is in flight, ends, and is started again.",
        check=STOP,
        outcome="passed",
        words=("everything/slow: answered",),
        how={"sigterm": "finishes"},
        starts=2,
    ),
    Fault(
        name="ignores-sigterm",
        sentence="It goes on as if nobody had told it to stop, and is left running.",
        check=STOP,
        outcome="failed",
        words=("still ran 2 s after SIGTERM", "still runs as before"),
        how={"sigterm": "ignored"},
        more=f"[limits.{STOP}]\ncritical = 2\n",
        starts=1,
    ),
    Fault(
        name="ends-with-an-error",
        sentence="Its exit status is seen where this run is its parent, and nobody starts it again.",
        check=STOP,
        outcome="failed",
        words=("ended with status 3", "nothing brought it back"),
        how={"exit": 3},
        supervisor=None,
        budget=1,
        alive=False,
    ),
    Fault(
        name="nothing-slow-in-flight",
        sentence="The configured call is over before the signal: told, and nothing was lost.",
        check=STOP,
        outcome="passed",
        words=("before SIGTERM: it was not in flight",),
        more="",
        toml="",
        how={"fast": True},
    ),
)

OUTAGES = (
    Fault(
        name="survived",
        sentence="Analyses fail, the breaker opens and closes again, everything else works.",
        check=LLM,
        outcome="passed",
        words=("breaker: open", "recovered after"),
        starts=1,
        quick=True,
    ),
    Fault(
        name="takes-the-hub-down",
        sentence="The first failed call ends the hub; its supervisor starts another.",
        check=LLM,
        outcome="failed",
        words=("did not survive", "was replaced"),
        how={"llm": "ends the hub"},
    ),
    Fault(
        name="takes-the-hub-down-for-good",
        sentence="The first failed call ends the hub, and nobody starts another.",
        check=LLM,
        outcome="failed",
        words=("went down and does not answer",),
        how={"llm": "ends the hub"},
        supervisor=None,
        budget=1,
        alive=False,
    ),
    Fault(
        name="breaker-never-closes",
        sentence="The LLM is back and the breaker stays open.",
        check=LLM,
        outcome="failed",
        words=("the hub does not use it", "circuit breaker is open"),
        how={"llm": "never closes"},
        more=f"[limits.{LLM}]\ncritical = 2\n",
    ),
    Fault(
        name="breaker-stays-closed",
        sentence="Every analysis fails and the breaker says closed.",
        check=LLM,
        outcome="failed",
        words=("12 of 12 analyses failed", "still says closed"),
        how={"llm": "stays closed"},
    ),
    Fault(
        name="breaker-is-not-published",
        sentence="All is survived, and nothing shows it: unknown.",
        check=LLM,
        outcome="unknown",
        words=("publishes no circuit breaker",),
        how={"llm": "publishes nothing"},
    ),
    Fault(
        name="tools-go-too",
        sentence="Without the LLM other tools fail as well.",
        check=LLM,
        outcome="failed",
        words=("more than analyses failed", "everything/say"),
        how={"llm": "takes the tools along"},
    ),
    Fault(
        name="nothing-was-taken-away",
        sentence="The command ends well and the LLM still answers: unknown, never survived.",
        check=LLM,
        outcome="unknown",
        words=("nothing shows that the LLM was gone",),
        how={"llm": "does not need it"},
    ),
    Fault(
        name="cannot-be-taken-away",
        sentence="The command that takes it away fails.",
        check=LLM,
        outcome="unknown",
        words=("could not be taken away", "ended with status 1"),
        toml="",
        how={"no_down": True},
    ),
)

SERVERS = (
    Fault(
        name="contained",
        sentence="Health shows an uptime of 0, the other server answers, and stop and start have it back.",
        check=SERVER,
        outcome="passed",
        words=("an uptime of 0", "Not connected", "is back"),
        starts=1,
    ),
    Fault(
        name="started-again",
        sentence="The hub starts the server again by itself.",
        check=SERVER,
        outcome="passed",
        words=("started it again",),
        how={"server_crash": "starts it again"},
        starts=1,
    ),
    Fault(
        name="takes-the-hub",
        sentence="The hub ends with its server.",
        check=SERVER,
        outcome="failed",
        words=("was replaced by",),
        how={"server_crash": "ends the hub"},
        starts=2,
    ),
    Fault(
        name="takes-the-others",
        sentence="The other server ends too.",
        check=SERVER,
        outcome="failed",
        words=("others failed", "Not connected"),
        how={"server_crash": "ends the others"},
        toml='server = "memory"',
        quick=True,
    ),
    Fault(
        name="nothing-shows",
        sentence="Health goes on to show it as connected.",
        check=SERVER,
        outcome="failed",
        words=("health shows it as connected",),
        how={"server_crash": "shows nothing"},
    ),
    Fault(
        name="cannot-be-mended",
        sentence="It cannot be started again.",
        check=SERVER,
        outcome="failed",
        words=("could not be had back",),
        how={"server_crash": "cannot be mended"},
        budget=1,
    ),
    Fault(
        name="cannot-be-told",
        sentence="No child of the hub runs the named server: nothing is killed.",
        check=SERVER,
        outcome="unknown",
        words=("not drilled", "cannot be told"),
        toml='server = "elsewhere"',
        starts=1,
    ),
)

SOAKS = (
    Fault(
        name="leaks",
        sentence="It keeps ten megabytes more every second.",
        check=SOAK,
        outcome="failed",
        words=("memory grows by", "at most 10000 MB/h"),
        how={"keeps": 10},
        toml=SHORT,
        more=_limit(10_000),
        starts=1,
        quick=True,
    ),
    Fault(
        name="plateau",
        sentence="It grows while it warms up and stays there.",
        check=SOAK,
        outcome="passed",
        how={"keeps": 100, "enough": 40},
        toml=SHORT,
        more=_limit(10_000),
        starts=1,
    ),
    Fault(
        name="sawtooth",
        sentence="It keeps memory and gives it back, again and again: at worst that stays open.",
        check=SOAK,
        outcome="passed or unknown",
        how={"keeps": 40, "enough": 6, "gives_back": True},
        toml=SHORT,
        more=_limit(10_000),
    ),
    Fault(
        name="too-short",
        sentence="Held against the check's own limit a few minutes prove nothing, and are not begun.",
        check=SOAK,
        outcome="unknown",
        words=("too short: [drill] soak = 5 minutes", "set it to 30"),
        toml="soak = 5",
        quick=True,
    ),
    Fault(
        name="not-settled",
        sentence="A soak that settles nothing says for how long it would have to go on.",
        check=SOAK,
        outcome="unknown",
        words=("too short to tell", "more minutes: [drill] soak ="),
        toml="soak = 0.01\nrate = 20\n",
        more=_limit(1),
    ),
)

REFUSED = (
    Fault(
        name="not-allowed",
        sentence="The target does not allow drills.",
        check=CRASH,
        outcome="unknown",
        words=("not drilled", "[drill] allowed = true"),
        allowed=False,
        starts=1,
        quick=True,
    ),
    Fault(
        name="production-without-a-window",
        sentence="Production names no window.",
        check=CRASH,
        outcome="unknown",
        words=("not drilled", "[drill] window"),
        environment="production",
        starts=1,
    ),
    Fault(
        name="window-closed",
        sentence="The window is on another day.",
        check=STOP,
        outcome="unknown",
        words=("not drilled", "is closed now"),
        environment="production",
        toml=CLOSED,
        starts=1,
    ),
    Fault(
        name="window-closed-in-test",
        sentence="A window that was named holds elsewhere than in production too.",
        check=LLM,
        outcome="unknown",
        words=("is closed now",),
        toml=CLOSED,
        starts=1,
    ),
    Fault(
        name="window-open",
        sentence="Production, inside its window.",
        check=CRASH,
        outcome="passed",
        environment="production",
        toml=OPEN,
        starts=2,
    ),
    Fault(
        name="another-machine",
        sentence="The process that the hub names does not listen here: it runs elsewhere, behind a tunnel.",
        check=CRASH,
        outcome="unknown",
        words=("not drilled", "not on this machine"),
        how={"says_pid": 1},
        starts=1,
        quick=True,
    ),
    Fault(
        name="this-run-itself",
        sentence="The hub claims to be a process of this machine that is something else.",
        check=STOP,
        outcome="unknown",
        words=("not drilled",),
        how={"says_pid": "own"},
        starts=1,
    ),
)

FAULTS: Final = (*CRASHES, *STOPS, *OUTAGES, *SERVERS, *SOAKS, *REFUSED)
