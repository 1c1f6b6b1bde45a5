"""Telling people, against services on loopback: what arrives, what does not, and that no address is ever shown."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
import time
from email import message_from_string
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from readiness.cli import notify as notify_command
from readiness.config.model import Config
from readiness.findings import Severity
from readiness.operations.notify.channels import audience, channels, every_channel, unreachable
from readiness.operations.notify.child import cleaned
from readiness.operations.notify.delivery import LINE, LINES, harmless, message
from readiness.operations.notify.events import Event, Notified, Pacing
from readiness.operations.notify.people import People, tell
from readiness.operations.notify.thread import thread_of, threaded
from tests.operations.notify.people_doubles import Hooks, Post, serving
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "q7Zp4XvN9mKL8sTw2RbY"
EVENT = Event(
    kind="alarm",
    severity=Severity.CRITICAL,
    title="HOLD · production hub is NOT READY: 1 check failed",
    lines=("hub-is-ready: the hub is not ready (expected 200, measured 503)",),
    report="reports/readiness.html",
    checks=("hub-is-ready",),
    since=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
)
THREAD = thread_of(Config())
QUICK = Pacing(deadline=8.0, pauses=())


def config(contacts: dict[str, str] | None = None, **urls: tuple[str, ...]) -> Config:
    """A configuration with these `[notify.SEVERITY]` urls and contacts."""
    return Config(notify=MappingProxyType(dict(urls)), contacts=MappingProxyType(contacts or {}))


@pytest.fixture(scope="module")
def hooks() -> Iterator[Hooks]:
    """A web hook."""
    with serving(Hooks()) as server:
        yield server


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    """A mail server."""
    with serving(Post()) as server:
        yield server


@pytest.fixture(scope="module")
def told_all(hooks: Hooks, post: Post, tmp_path_factory: pytest.TempPathFactory) -> tuple[Notified, Path]:
    """One event told on every kind of channel at once: each fate, and the report folder."""
    folder = tmp_path_factory.mktemp("reports")
    hooks.got.clear()
    environ = {
        "OK": hooks.url(f"ok/{SECRET}", user=f"me:{SECRET}"),
        "ONCE": hooks.url(f"once/{SECRET}"),
        "FAILING": hooks.url(f"e500/{SECRET}?token={SECRET}", user=f"me:{SECRET}"),
        "GARBAGE": hooks.url(f"garbage/{SECRET}"),
        "REFUSED": f"json://me:{SECRET}@127.0.0.1:1/{SECRET}",
        "NONSENSE": f"nosuchservice://{SECRET}/x",
        "TEXT": SECRET,
        "READINESS_MAIL_URL": post.url,
    }
    names = [name for name in environ if name != "READINESS_MAIL_URL"]
    told_by = config(
        {"on_call": "Ada <ada@example.com>", "tech_lead": "Maya, +44 20 7946 0018"},
        critical=tuple(f"${{{name}}}" for name in (*names, "UNSET")),
    )
    told = tell(EVENT, told_by, folder, environ=environ, pacing=Pacing(deadline=20.0, pauses=(0.05,)))
    return told, folder


def by_name(told: Notified) -> dict[str, tuple[str, str]]:
    """Outcome and reason by the variable's name."""
    return {d.channel.split()[1]: (d.outcome, d.reason) for d in told.deliveries}


def test_a_message_arrives_with_all_it_has_to_say(told_all: tuple[Notified, Path], hooks: Hooks) -> None:
    """What, measured against what, since when and where the report is reach the hook, as plain text."""
    assert by_name(told_all[0])["OK"] == ("sent", "")
    [first, *_] = hooks.got
    assert first["title"] == "readiness · critical: HOLD · production hub is NOT READY: 1 check failed"
    assert first["message"].splitlines() == [
        "hub-is-ready: the hub is not ready (expected 200, measured 503)",
        "since 2026-01-02 03:04:05 UTC",
        "report: reports/readiness.html",
        f"production the hub · thread {THREAD}",
    ]
    assert (first["type"], first["thread"]) == ("failure", THREAD)


def alarm(severity: Severity, **more: Any) -> Event:
    """An alarm of that severity."""
    return dataclasses.replace(EVENT, severity=severity, **{"title": severity.value} | more)


def test_who_heard_the_alarm_hears_its_end(hooks: Hooks, tmp_path: Path) -> None:
    """A channel for what is critical alone hears what follows a critical alarm, and that it is over, once; and nothing before."""
    hooks.got.clear()
    environ, told_by = {"PAGER": hooks.url("ok/pager")}, config(critical=("${PAGER}",))

    def heard(event: Event) -> list[str]:
        before = len(hooks.got)
        tell(event, told_by, tmp_path, environ=environ, pacing=QUICK)
        return [f"{got['type']} {got['title']}" for got in hooks.got[before:]]

    over = alarm(Severity.MEDIUM, kind="changed", title="READY: mended", ends_alarm=True)
    refused = alarm(Severity.MEDIUM, kind="phase", title="release REFUSED")
    assert heard(over) == heard(alarm(Severity.HIGH)) == []
    assert heard(alarm(Severity.CRITICAL)) == ["failure readiness · critical: critical"]
    assert heard(alarm(Severity.HIGH)) == ["warning readiness · high: high"]
    assert heard(refused) == []
    assert heard(over) == ["success readiness · mended: READY: mended"]
    assert heard(dataclasses.replace(over, title="READY: mended again")) == []
    assert {got["thread"] for got in hooks.got} == {THREAD}


def test_what_blocks_no_more_is_an_end(hooks: Hooks, tmp_path: Path) -> None:
    """CONDITIONAL after a critical alarm is told to the pager once; it is not woken by it from then on."""
    hooks.got.clear()
    environ, told_by = {"PAGER": hooks.url("ok/pager")}, config(critical=("${PAGER}",))
    for number, event in enumerate((EVENT, *[alarm(Severity.MEDIUM, title=f"{n}", ends_alarm=True) for n in range(3)])):
        tell(event, told_by, tmp_path, environ=environ, pacing=QUICK)
        assert len(hooks.got) == min(number + 1, 2)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("json://host/x", "json://host/x?%3Athread=KEY"),
        ("jsons://host/x?a=b", "jsons://host/x?a=b&%3Athread=KEY"),
        ("pagerduty://key", "pagerduty://key?dedup=KEY&action=map"),
        ("pagerduty://key?dedup=own&action=trigger", "pagerduty://key?dedup=own&action=trigger"),
        ("opsgenie://key", "opsgenie://key?alias=KEY"),
        ("slack://a/b/c?x=%20y", "slack://a/b/c?x=%20y"),
    ],
)
def test_a_service_gets_the_key_under_its_own_name(url: str, expected: str) -> None:
    """A pager puts begin and end together by a key: it gets one a hub, unless its address names one; others stay as they are."""
    assert threaded(url, "KEY") == expected


def test_a_contact_gets_a_mail(told_all: tuple[Notified, Path], post: Post) -> None:
    """A mail address is a channel by the configured mail server, with this person as the only recipient."""
    assert [d.channel for d in told_all[0].sent if "mail" in d.channel] == ["[contacts] on_call (mailto, 127.0.0.1)"]
    assert [r.lower() for r in post.rcpt if "ada@example.com" in r] != []
    mail = message_from_string(post.mails[0])
    texts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    assert any(b"measured 503" in text for text in texts if isinstance(text, bytes))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FAILING", "error=500"),
        ("GARBAGE", "onnection error"),
        ("REFUSED", "onnection error"),
        ("NONSENSE", "names no service that Apprise knows"),
        ("TEXT", "holds no address like"),
        ("UNSET", "the variable UNSET is not set"),
    ],
)
def test_a_dead_channel_is_reported(told_all: tuple[Notified, Path], name: str, reason: str) -> None:
    """Each way in which a channel can be dead is told with its reason, and none of them is an error."""
    outcome, why = by_name(told_all[0])[name]
    assert outcome == "failed"
    assert reason in why


def test_a_stumble_is_tried_again(told_all: tuple[Notified, Path], hooks: Hooks) -> None:
    """A service that fails once and then takes it has been told."""
    assert by_name(told_all[0])["ONCE"] == ("sent", "")
    assert hooks.asked.count("once") == 2


def test_a_slow_channel_holds_up_nobody_for_long(hooks: Hooks, tmp_path: Path) -> None:
    """A service that takes the message and never answers costs the deadline, and its child is ended."""
    environ = {"SLOW": hooks.url(f"slow/{SECRET}?rto=60")}
    began = time.monotonic()
    told = tell(EVENT, config(low=("${SLOW}",)), tmp_path, environ=environ, pacing=Pacing(deadline=1.0))
    assert time.monotonic() - began < 1.0 + 4
    assert told.failed[0].line == "failed: [notify.low] SLOW (json, 127.0.0.1): no answer within 1 s"


def test_no_address_is_ever_shown(told_all: tuple[Notified, Path]) -> None:
    """No part of a secret address stands in what is reported or remembered, whatever became of the message."""
    told, folder = told_all
    remembered = (folder / "notified.json").read_text()
    assert "OK" in json.loads(remembered)["channels"]
    for text in (*told.lines(), repr(told), remembered):
        assert SECRET.lower() not in text.lower()
        assert "me:" not in text


def test_a_dead_channel_is_tried_again_and_a_told_one_is_not(
    told_all: tuple[Notified, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run with the same event stays silent where it arrived, and tries again where it did not."""
    monkeypatch.setattr("readiness.operations.notify.delivery.send", lambda *_, **__: "")
    environ = {"OK": "json://127.0.0.1:1/x", "FAILING": "json://127.0.0.1:1/now"}
    told = tell(EVENT, config(critical=("${OK}", "${FAILING}")), told_all[1], environ=environ)
    assert [(d.outcome, d.reason) for d in told.deliveries] == [
        ("suppressed", "told within the last hour"),
        ("sent", ""),
    ]


def test_a_refusing_mail_server_is_reported(post: Post, tmp_path: Path) -> None:
    """A recipient that the server does not know is a failure, and what the server said is made visible."""
    post.refuses = True
    try:
        told = tell(
            EVENT, config({"on_call": "gone@example.com"}), tmp_path,
            environ={"READINESS_MAIL_URL": post.url}, pacing=QUICK,
        )  # fmt: skip
    finally:
        post.refuses = False
    assert [d.outcome for d in told.deliveries] == ["failed"]
    assert "\x1b" not in told.deliveries[0].reason


def test_nobody_configured_means_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without channels nothing is sent, imported or written."""
    monkeypatch.setattr("readiness.operations.notify.send.send", lambda *_, **__: pytest.fail("something was sent"))
    assert tell(EVENT, config({"on_call": "Ops rota, +44 20 7946 0018"}), tmp_path, environ={}) == Notified()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_the_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the way of the report folder is told, and the message goes out all the same."""
    monkeypatch.setattr("readiness.operations.notify.delivery.send", lambda *_, **__: "")
    (tmp_path / "reports").write_text("in the way")
    told = tell(EVENT, config(critical=("${OK}",)), tmp_path / "reports", environ={"OK": "json://127.0.0.1:1/x"})
    assert [d.outcome for d in told.deliveries] == ["sent"]
    assert "cannot be remembered" in told.notes[0]


def test_a_fault_of_ours_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in here, the caller gets an answer and no exception; one channel costs no other."""

    def broken(url: str, *_: object, **__: object) -> str:
        if "bad" in url:
            raise RuntimeError(SECRET)
        return ""

    monkeypatch.setattr("readiness.operations.notify.delivery.send", broken)
    environ = {"OK": "json://127.0.0.1:1/x", "BAD": "json://127.0.0.1:1/bad"}
    told = tell(EVENT, config(critical=("${BAD}", "${OK}")), tmp_path, environ=environ)
    assert [(d.outcome, d.reason) for d in told.deliveries] == [
        ("failed", "by a fault of ours: RuntimeError"),
        ("sent", ""),
    ]
    monkeypatch.setattr("readiness.operations.notify.state.NoticeMemory", broken)
    told = tell(EVENT, config(critical=("${OK}",)), tmp_path, environ=environ)
    assert told.notes == ("people were not told, by a fault of ours: TypeError",)


def test_the_demonstration_tells_nobody(tmp_path: Path, post: Post) -> None:
    """The embedded hub's contacts are made up: nothing goes to them, even where there is a mail server."""
    demo = dataclasses.replace(config({"on_call": "on-call@example.com"}), demo=True)
    assert tell(EVENT, demo, tmp_path, environ={"READINESS_MAIL_URL": post.url}) == Notified()


def test_a_process_ends_though_a_message_is_on_its_way(hooks: Hooks, tmp_path: Path) -> None:
    """A channel that hangs keeps no rollback from ending: what was not awaited is left to its own child."""
    code = (
        "import sys, time; from pathlib import Path; from types import MappingProxyType as M\n"
        "from readiness.config.model import Config; from readiness.findings import Severity\n"
        "from readiness.operations.notify.people import Event, Pacing, People\n"
        "people = People(Config(notify=M({'low': ('${SLOW}',)})), Path(sys.argv[1]), pacing=Pacing(deadline=9))\n"
        "people(Event(kind='start', severity=Severity.HIGH, title='x')); people.settle(0.3)\n"
    )
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, timeout=30, check=True,
        env={**os.environ, "SLOW": hooks.url("slow/x?rto=60")},
    )  # fmt: skip
    assert time.monotonic() - began < 6


@dataclasses.dataclass(frozen=True)
class Foreign:
    """An event of a module that does not know ours."""

    kind: str = "start"
    severity: str = "high"
    title: str = "rolling back"
    lines: tuple[str, ...] = ()
    report: Path | None = Path("reports/readiness.html")
    ends_alarm: bool = False


def test_a_teller_returns_at_once_and_keeps_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback that tells people does not wait for them; at the end it learns what came of each, in order."""
    titles: list[str] = []

    def slow(_url: str, title: str, *_: object, **__: object) -> str:
        time.sleep(0.1)
        titles.append(title)
        return ""

    monkeypatch.setattr("readiness.operations.notify.delivery.send", slow)
    monkeypatch.setenv("CHAT", "json://127.0.0.1:1/x")
    people = People(config(low=("${CHAT}",)), tmp_path, pacing=QUICK)
    began = time.monotonic()
    people(Foreign())  # type: ignore[arg-type]
    people(dataclasses.replace(EVENT, kind="outcome"))
    assert time.monotonic() - began < 0.09
    assert "2 messages were still on their way" in people.settle(0.0)[-1][1].notes[0]
    done = people.settle(10)
    assert [event.kind for event, _ in done] == ["start", "outcome"]
    assert [told.sent[0].channel for _, told in done] == ["[notify.low] CHAT (json, 127.0.0.1)"] * 2
    assert people.settle(1) == []
    assert titles == ["readiness · high: rolling back", f"readiness · critical: {EVENT.title}"]


@pytest.mark.parametrize(
    ("kind", "severity", "security", "who"),
    [
        ("alarm", Severity.LOW, False, ()),
        ("alarm", Severity.MEDIUM, False, ("on_call",)),
        ("alarm", Severity.HIGH, False, ("on_call",)),
        ("alarm", Severity.CRITICAL, False, ("on_call", "tech_lead")),
        ("plan", Severity.CRITICAL, False, ("on_call", "tech_lead", "product")),
        ("outcome", Severity.HIGH, False, ("on_call", "tech_lead", "product")),
        ("alarm", Severity.HIGH, True, ("on_call", "security")),
        ("alarm", Severity.LOW, True, ("on_call", "security")),
    ],
)
def test_contacts_hear_by_severity_and_subject(kind: Any, severity: Severity, security: bool, who: tuple[str]) -> None:  # noqa: FBT001 - a case
    """Warnings go to on-call, what is critical to the tech lead too, rollbacks to product, leaks to security."""
    assert audience(Event(kind=kind, severity=severity, title="x", security=security)) == who


def test_a_severity_hears_of_what_is_as_bad_or_worse() -> None:
    """`[notify.high]` hears of high and critical; a variable that stands twice is one channel."""
    told_by = config({"on_call": "${B}"}, critical=("${A}",), high=("${B}",), low=("${C}", "${A}"))
    environ = {name: f"json://127.0.0.1/{name}" for name in "ABC"}
    heard = {
        severity: [c.name for c in channels(told_by, environ, Event(kind="alarm", severity=severity, title="x"))]
        for severity in Severity
    }
    assert heard == {
        Severity.CRITICAL: ["A", "B", "C"],
        Severity.HIGH: ["B", "C", "A"],
        Severity.MEDIUM: ["C", "A", "B"],
        Severity.LOW: ["C", "A"],
    }


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"slack://{SECRET}/b/c", "keep it in the environment and write ${VARIABLE}"),
        ("call ${A}", "write the reference alone"),
        ("${NOT_SET}", "the variable NOT_SET is not set"),
        ("${SPLIT}", "the variable SPLIT holds no address"),
        ("${PORT}", "cannot be read"),
        ("ada@example.com", "the variable READINESS_MAIL_URL is not set"),
    ],
)
def test_a_contact_that_is_no_channel_says_why(value: str, problem: str) -> None:
    """What looks like an address and cannot be used is named with its remedy, and never shown itself."""
    environ = {"SPLIT": "json://a\nb", "PORT": "json://h:99999999/x"}
    [channel] = every_channel(config({"on_call": value}), environ)
    assert problem in channel.problem
    assert SECRET not in repr(channel)


def test_a_mail_contact_needs_a_mail_server() -> None:
    """Another service in the mail server's place is refused; recipients in it are replaced by the contact."""
    told_by = config({"on_call": "ada@example.com"})
    [wrong] = every_channel(told_by, {"READINESS_MAIL_URL": "slack://a/b/c"})
    assert "holds no mail server" in wrong.problem
    [right] = every_channel(told_by, {"READINESS_MAIL_URL": "mailtos://me:pw@mx.example.com/x@y.z?to=a@b.c&from=r@x.y"})
    assert right.url == "mailtos://me:pw@mx.example.com/?from=r%40x.y&to=ada%40example.com"
    assert "pw" not in repr(right)


def test_names_and_numbers_are_people_not_channels() -> None:
    """A name is nothing to send to, and that is no mistake."""
    told_by = config({"on_call": "Ops rota, +44 20 7946 0018", "tech_lead": "Maya Lindqvist, maya@example.com"})
    assert unreachable(told_by) == ["on_call", "tech_lead"]
    assert every_channel(told_by, {}) == []


def test_a_token_in_the_place_of_a_host_is_not_shown() -> None:
    """Only services whose host is a host are named with it: for a chat it is often the token."""
    found = every_channel(
        config(low=("${A}", "${B}")), {"A": f"discord://{SECRET}/x", "B": "jsons://hub.example.com/x"}
    )
    assert [c.label for c in found] == ["[notify.low] A (discord)", "[notify.low] B (jsons, hub.example.com)"]
    assert SECRET.lower() not in cleaned(f"no such host {SECRET.lower()}", f"discord://{SECRET}/x")


def test_hostile_text_is_harmless() -> None:
    """Mentions, links with another target, markup and control characters of a hub reach nobody's chat."""
    text = harmless("@channel <!here> <@U1> [ok](http://evil) **b** `c` ~s~ __d__\x1b[31m\u202e\r\n# x|y", 500)
    assert not set(text) & set("@<>[]*`~|\x1b\u202e\n\\")
    assert "__" not in text
    assert harmless("# heading", 50) == "· # heading"
    assert harmless("config/mcp_hub.json", 50) == "config/mcp_hub.json"


def test_a_message_is_short_whatever_happened() -> None:
    """A hundred long lines become a dozen short ones and a word on the rest; secrets are redacted first."""
    event = dataclasses.replace(EVENT, title="x" * 9999, lines=tuple(f"{i} {SECRET} " + "y" * 9999 for i in range(100)))
    title, body = message(event, lambda text: str(text).replace(SECRET, "«redacted»"), extra=("ours",))
    assert len(title) < 250
    assert len(body) < (LINES + 4) * (LINE + 60)
    assert body.splitlines()[-1] == "ours"
    assert f"and {100 - LINES} more lines in the report" in body
    assert SECRET not in title + body


def test_a_drill_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is woken up by a rollback on purpose reads so in the first word."""
    assert message(EVENT, str)[0].startswith("readiness · critical")
    monkeypatch.setenv("READINESS_DRILL", "1")
    assert message(EVENT, str)[0].startswith("DRILL · readiness · critical")


def test_the_verb_tests_every_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`readiness notify --test` sends to each channel, says what came of each, and fails where one is dead."""
    file = tmp_path / "readiness.toml"
    file.write_text(
        '[notify.critical]\nurls = ["${HOOK_A}"]\n[notify.low]\nurls = ["${HOOK_B}"]\n[contacts]\non_call = "Ops rota"\n'
    )
    titles: list[str] = []
    monkeypatch.setattr(
        "readiness.operations.notify.delivery.send", lambda _url, title, *_, **__: titles.append(title) or ""
    )
    monkeypatch.setenv("HOOK_A", f"json://127.0.0.1:1/{SECRET}")
    assert notify_command.main(["--test", "--readiness-config", str(file)]) == 1
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "not a channel: [contacts] on_call is a name or a number; nothing can be sent to it",
        "sent: [notify.critical] HOOK_A (json, 127.0.0.1)",
        "failed: [notify.low] HOOK_B: the variable HOOK_B is not set",
    ]
    assert titles == ["readiness · low: test of the channels for production"]


def test_the_verb_says_when_nobody_is_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a channel the verb says so and is no success."""
    file = tmp_path / "readiness.toml"
    file.write_text('environment = "staging"\n')
    assert notify_command.main(["--test", "--readiness-config", str(file)]) == 4
    assert "no channel is configured" in capsys.readouterr().out


def test_a_wrong_call_of_the_verb_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--test` nothing is sent: the status is that of a call that cannot be understood."""
    assert notify_command.main([]) == 4
    assert "--test" in capsys.readouterr().err


@pytest.mark.parametrize(("url", "is_raw"), [("json://127.0.0.1:1/x", True), ("slack://a/b/c", False)])
def test_a_program_gets_the_text_as_it_is(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_raw: bool
) -> None:
    """What reads JSON obeys no mention: it gets the characters that were said, and a chat gets those that look alike."""
    sent: list[str] = []

    def send(_url: str, _title: str, body: str, **_: object) -> str:
        sent.append(body)
        return ""

    monkeypatch.setattr("readiness.operations.notify.delivery.send", send)
    event = dataclasses.replace(EVENT, lines=("call <@ops> about a|b *now*",))
    tell(event, config(critical=("${OK}",)), tmp_path / "reports", environ={"OK": url})
    assert ("call <@ops> about a|b *now*" in sent[0]) is is_raw
