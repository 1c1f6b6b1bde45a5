"""Every mistake is named with its place, the bad value, what is valid and the nearest right key; no secret is shown."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest

from readiness.config.loading import load
from readiness.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

LATE = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=91)
ACTION = '[[rollback.action]]\nname = "a"\ntriggers = ["latency"]\ncommand = ["x"]\n'


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    """What loading `text` complains about, one line each."""
    path = folder / "readiness.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load(file=path, environ={})
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(path)) for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


WRONG = [
    ('environment = "Production"', "environment", 'did you mean "production"?'),
    ('url = "x"', "url", "did you mean url under [target]?"),
    ("targets = {}", "targets", 'did you mean "target"?'),
    ("target = 3", "target = 3", "expected a table"),
    ("target = [1]", "target = a list of 1", "expected a table"),
    ('[target]\nurll = "x"', "[target] urll", 'did you mean "url"?'),
    ('[target]\nurl = "hub.example.com"', "[target] url", 'did you mean "https://hub.example.com"?'),
    ('[target]\nurl = "ftp://hub"', "[target] url", "http:// or https://"),
    ('[target]\nurl = "https://"', "[target] url", "with a host"),
    ('[target]\nurl = "https://a b"', "[target] url", "without spaces"),
    ('[target]\nurl = "https://hub:99999"', "[target] url", "an address"),
    ('[target]\nurl = "https://hub:0"', "[target] url", "an address"),
    ('[target]\nurl = "https://[::1"', "[target] url", "an address"),
    ('[target]\nurl = "https://hub/?a=1"', "[target] url", "without credentials or query"),
    ('[target]\nurl = ""', "[target] url", "an address"),
    (
        '[target]\nkind = "mcp"\n[expect]\ntelemetry = true',
        "[expect] telemetry = true",
        "kind mcp publishes no metrics",
    ),
    (
        '[target]\nkind = "contextforge"\n[expect]\nsessions = {expected = true}',
        "[expect] sessions",
        "keeps no sessions",
    ),
    ('[target]\nplain_url = "https://hub"', "[target] plain_url", "http://"),
    ('[target]\nrelease = ""', "[target] release", "a path, not empty"),
    ('[target]\nrelease = "a\\u0000b"', "[target] release", "printable"),
    ('[target]\nrelease = "~nobody-has-this-name/x"', "[target] release", "a path"),
    ('[target]\nca_file = "gone.pem"', "[target] ca_file", "a file that is there"),
    ('[target]\nversion = "latest"', "[target] version", "a version like 4.3.0"),
    ("[target]\nversion = 4.3", "[target] version = 4.3", "a version"),
    ('[target]\nhosts = "local://"', "[target] hosts", 'write ["…"]'),
    ('[target]\nhosts = ["a", 3]', "[target] hosts[2] = 3", "a testinfra backend"),
    ('[target]\nhosts = ["ssh://a", "ssh://a"]', "[target] hosts", "none twice"),
    ('[target]\nhosts = ["hub-1"]', '[target] hosts[1] = "hub-1"', "like local:// or ssh://hub-1"),
    ('[target]\nhosts = ["ssh://"]', '[target] hosts[1] = "ssh://"', "a testinfra backend"),
    ('[target]\nhosts = ["telnet://hub-1"]', "[target] hosts[1]", "a testinfra backend"),
    ("[target]\nhosts = []", "[target] hosts", "not empty"),
    ('[target]\nwhere = "hosts"', "[target] where", 'did you mean "host"?'),
    ('[target]\nscripts = "yes"', "[target] scripts", "true, false, or a table with orchestrator"),
    ('[target]\nscripts = {rollbck = "none"}', "[target] scripts.rollbck", "rollback"),
    ('[target]\nscripts = {deploy = "/srv/deploy.sh"}', "[target] scripts.deploy", "a path relative to `release`"),
    ("[target]\npid = true", "[target] pid = true", "a whole number"),
    ("[target]\npid = 0", "[target] pid = 0", "from 1"),
    ("[expect]\nfiltering = false", "[expect] filtering = false", "needs a reason"),
    ("[expect]\nfiltering = 1", "[expect] filtering = 1", "expected true, or {"),
    ("[expect]\ntls = {expected = false}", "[expect] tls.reason is missing", "why"),
    ('[expect]\ntls = {expected = false, reason = " "}', "[expect] tls.reason", "not empty"),
    ('[expect]\ntls = {reason = "x"}', "[expect] tls.expected is missing", "true or false"),
    ("[expect]\ntls = {expected = true, reasn = 1}", "[expect] tls.reasn", 'did you mean "reason"?'),
    ('[expect]\ntls = {expected = true, expires = "2026-01-01"}', "[expect] tls.expires", "without quotes"),
    ("[expect]\nfilterin = true", "[expect] filterin", 'did you mean "filtering"?'),
    ("[expect]\nauth = true", "[expect] auth", 'did you mean "authentication"?'),
    ("[expect]\ntool_calls = true", "[expect] tool_calls", 'did you mean "tool_call"?'),
    ('[expect]\nserver = ["a"]', "[expect] server", 'did you mean "servers"?'),
    ('[expect]\n"my claim" = true', '[expect] "my claim"', "needs a name like"),
    ('[expect]\nservers = ["a"]\nmin_servers = 2', "[expect] min_servers = 2", "at most 1"),
    ('[expect]\nservers = [""]', '[expect] servers[1] = ""', "not empty"),
    ('[expect]\ntool_call = {server = "a"}', "[expect] tool_call = a table", "expected a list"),
    ('[[expect.tool_call]]\nserver = "a"', "[[expect.tool_call]] 1 tool is missing", "or resource, or nothing_to_call"),
    (
        '[[expect.tool_call]]\nserver = "a"\ntool = "t"\nnothing_to_call = "x"',
        "[[expect.tool_call]] 1 nothing_to_call",
        "not tool and this",
    ),
    (
        '[expect]\nservers = ["memory"]\n[[expect.tool_call]]\nserver = "memori"\ntool = "t"',
        "[[expect.tool_call]] 1 server",
        'did you mean "memory"?',
    ),
    (
        '[[expect.tool_call]]\nserver = "a"\ntool = "t"\narguments = {when = 2026-01-01}',
        "[[expect.tool_call]] 1 arguments",
        "put the date in quotes",
    ),
    ("[limits.llm-success-rate]\ncritical = 'high'", '[limits.llm-success-rate] critical = "high"', "a number from 0"),
    ("[limits.a]\ncritical = inf", "[limits.a] critical = infinity", "finite"),
    ("[limits.a]\ncritical = 1e99999999999999999999", "[limits.a] critical", "finite"),
    ("[limits.a]\ncritical = 1e-999999", "[limits.a] critical", "decimal places"),
    ("[limits.a]\ncritical = -1", "[limits.a] critical = -1", "from 0"),
    ("[limits.a]\nsamples = 2.5", "[limits.a] samples = 2.5", "a whole number"),
    ("[limits.a]\ncritcal = 1", "[limits.a] critcal", 'did you mean "critical"?'),
    ("[limits.a]\nwarning = 1\ncritical = 5\nrollback = 3", "[limits.a] rollback", "one direction"),
    ("[limits.Bad_Id]\ncritical = 1", "[limits.Bad_Id]", "lower case"),
    ("[gate]\nready = nan", "[gate] ready = nan", "finite"),
    ("[gate]\nready = true", "[gate] ready = true", "a number"),
    ("[gate]\nready = 100.1", "[gate] ready = 100.1", "from 0 to 100"),
    ("[gate]\nproven = 80", "[gate] proven = 80", "from 0 to 1"),
    ("[gate]\nconditional = 91", "[gate] conditional", "at most ready"),
    ("[gate]\nready = 50", "[gate] ready", "75 is above 50"),
    ("[gate]\nhigh_failures = -1", "[gate] high_failures = -1", "from 0"),
    ("[gate]\nweights = {helth = 1}", "[gate] weights.helth", 'did you mean "health"?'),
    ("[gate]\nweights = {health = -1}", "[gate] weights.health = -1", "from 0"),
    (
        "[gate]\nweights = {preflight=0,health=0,alerts=0,e2e=0,infra=0,load=0,drill=0}",
        "[gate] weights",
        "at least one weight above 0",
    ),
    ("[probe]\nattempts = 0", "[probe] attempts = 0", "from 1 to 100"),
    ("[probe]\nattempts = 101", "[probe] attempts = 101", "from 1 to 100"),
    ("[probe]\ninterval = 0", "[probe] interval = 0", "above 0"),
    ("[probe]\ntimeout = 301", "[probe] timeout = 301", "to 300"),
    ("[probe]\nrate = 0.0", "[probe] rate = 0.0", "above 0"),
    ('[release]\nbuild = "npm run build"', '[release] build = "npm" and more words', "a shell string is refused"),
    ('[release]\nrequired_variables = ["A B"]', "[release] required_variables[1]", "an environment variable"),
    ("[release]\nbranch = 1", "[release] branch = 1", "a branch's name"),
    ('[llm.base_url]\nopenia = "https://x"', "[llm] base_url.openia", 'did you mean "openai"?'),
    ('[llm.base_url]\nopenai = "x"', "[llm] base_url.openai", "an address"),
    ("[[waiver]]\ncheck = 'a'\nreason = 'r'\nowner = ''\nexpires = 2020-01-01", "[[waiver]] 1 owner", "not empty"),
    (f"[[waiver]]\ncheck = 'a'\nreason = 'r'\nowner = 'o'\nexpires = {LATE}", "[[waiver]] 1 expires", "90 days"),
    ("[[waiver]]\ncheck = 'a'\nreason = 'r'\nowner = 'o'", "[[waiver]] 1 expires is missing", "a date"),
    ("[[waiver]]\nexpires = 2020-01-01T10:00:00", "[[waiver]] 1 expires", "a date like"),
    ("[waiver]\ncheck = 'a'", "waiver = a table", "expected a list"),
    ('[drill]\nallowed = "no"', "[drill] allowed", "true or false"),
    ("[load]\nrate = 0", "[load] rate = 0", "above 0"),
    ("[load]\nworkers = 0", "[load] workers = 0", "from 1"),
    ('[rollback]\nmode = "automatic"', "[rollback] mode", 'did you mean "auto"?'),
    (ACTION.replace('"latency"', '"latencies"'), "[[rollback.action]] 1 triggers[1]", 'did you mean "latency"?'),
    (ACTION.replace('["latency"]', "[]"), "[[rollback.action]] 1 triggers", "not empty"),
    (ACTION.replace('["x"]', "[]"), "[[rollback.action]] 1 command", "a command as a list"),
    (ACTION.replace('["x"]', '"a --b"'), "[[rollback.action]] 1 command", "a shell string is refused"),
    (ACTION + "timeout = 0", "[[rollback.action]] 1 timeout = 0", "above 0"),
    (ACTION + 'verify = ["smoke"]', "[[rollback.action]] 1 verify[1]", '"health"'),
    (ACTION + ACTION, "[[rollback.action]] 2 name", "another action has it"),
    ('[notify.urgent]\nurls = ["${A}"]', "[notify.urgent]", '"critical"'),
    ('[notify.critical]\nurls = ["https://example.com/x"]', "[notify.critical] urls[1] = [redacted]", "a reference"),
    ("[notify.critical]", "[notify.critical] urls is missing", "a list"),
    ('[contacts]\noncall = "x"', "[contacts] oncall", 'did you mean "on_call"?'),
    ('[report]\nformats = ["pdf"]', "[report] formats[1]", '"json", "html", "markdown"'),
    ("[report]\nkeep = 0", "[report] keep = 0", "from 1"),
]


@pytest.mark.parametrize(("text", "place", "valid"), WRONG, ids=[row[0][:50] for row in WRONG])
def test_a_mistake_is_named_with_its_place_and_what_is_valid(tmp_path: Path, text: str, place: str, valid: str) -> None:
    """One wrong setting gives a line that starts with its place and says what would be right."""
    found = [line for line in mistakes(tmp_path, text) if line.startswith(place)]
    assert len(found) == 1
    assert valid in found[0]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one error at a time."""
    found = mistakes(tmp_path, "[probe]\nattempts = 0\ninterval = 0\n[gate]\nready = nan\n[x]\n")
    assert [line.split(" = ")[0].split(":")[0] for line in found] == [
        "x",
        "[probe] attempts",
        "[probe] interval",
        "[gate] ready",
    ]


def test_thousands_of_mistakes_stay_readable(tmp_path: Path) -> None:
    """A wholly wrong file does not flood the terminal."""
    path = tmp_path / "readiness.toml"
    path.write_text("\n".join(f"k{index} = 1" for index in range(3000)))
    with pytest.raises(ConfigError) as caught:
        load(file=path, environ={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 51
    assert lines[-1] == "… and 2950 more"


SECRET = "q7Zp4xV9mN2kL8sT3wR6"
LITERALS = [
    f'[target]\ntoken_env = "{SECRET}"',
    f'[target]\ntoken_env = "sk-{SECRET}"',
    f'[target]\nversion = "sk-ant-{SECRET}"',
    f'[target]\nurl = "https://ops:{SECRET}@hub.example.com"',
    f'[target]\nurl = "https://{SECRET}@hub.example.com"',
    f'[target]\nurl = "https://hub.example.com/?token={SECRET}"',
    f'[target]\nurl = "ftp://x/{SECRET}"',
    f'[target]\nconfig = "AIza{SECRET}"',
    f'[target]\napi_key = "{SECRET}"',
    f'[contacts]\non_call = "glpat-{SECRET}"',
    f'[contacts]\nsecurity = "ghp_{SECRET}"',
    f'[contacts]\nproduct = "github_pat_{SECRET}"',
    f'[contacts]\nproduct = "xoxb-{SECRET}"',
    '[contacts]\nproduct = "AKIAQ7ZP4XV9MN2KL8ST"',
    f'[contacts]\nproduct = "eyJ{SECRET}.e30.x"',
    f'[contacts]\nproduct = "see https://hooks.slack.com/services/T0/B0/{SECRET}"',
    f'[notify.critical]\nurls = ["https://hooks.slack.com/services/T0/B0/{SECRET}"]',
    f'[notify.critical]\nurls = ["https://example.com/{SECRET}"]',
    f'[notify.critical]\nurls = ["${{{SECRET}}}"]',
    f'[secrets]\nresolve = ["curl", "--token={SECRET}"]',
    f'[secrets]\nresolve = ["curl", "-H", "Authorization: Bearer {SECRET}"]',
    f'[release]\nbuild = "curl -u ops:{SECRET} https://x"',
    f'[release]\nrequired_variables = ["{SECRET}"]',
    f'[[expect.tool_call]]\nserver = "a"\ntool = "t"\narguments = {{password = "{SECRET}"}}',
    f'[[expect.tool_call]]\nserver = "a"\ntool = "t"\narguments = {{key = "{SECRET}"}}',
    f'[[expect.tool_call]]\nserver = "a"\ntool = "t"\narguments = {{x = {{authToken = "{SECRET}"}}}}',
    f'environment = "{SECRET}"',
    f'"sk-{SECRET}" = 1',
    f'[limits."{SECRET}"]\ncritical = 1',
    f"[x]\n{SECRET}\n",
    f"{SECRET} = 1\n{SECRET} = 2",
    f"[{SECRET}]\n[{SECRET}]",
]


@pytest.mark.parametrize("text", LITERALS, ids=[f"{index}" for index in range(len(LITERALS))])
def test_a_literal_secret_is_refused_and_never_shown(tmp_path: Path, text: str) -> None:
    """Wherever a secret was written down, loading fails, and no message repeats a piece of it."""
    complaint = "\n".join(mistakes(tmp_path, text))
    assert complaint
    for secret in (SECRET, "AKIAQ7ZP4XV9MN2KL8ST"):
        assert not any(secret[index : index + 6] in complaint for index in range(len(secret) - 5))


@pytest.mark.parametrize(
    "text",
    [
        '[target]\ntoken_env = "MCP_HUB_TOKEN"',
        '[[expect.tool_call]]\nserver = "a"\ntool = "get"\narguments = {key = "greeting"}',
        '[secrets]\nresolve = ["op", "read"]',
        '[release]\nrotation = "secrets.toml"\nrequired_variables = ["OPENAI_API_KEY", "GOOGLEAPPLICATIONCREDENTIALS"]',
        '[notify.high]\nurls = ["${SLACK_WEBHOOK_URL}"]',
        '[expect]\nmy_token = {expected = false, reason = "there is none"}',
        "[limits.rate-limit-answers-429]\ncritical = 1",
        '[target]\nrelease = "/opt/releases/20261122200713/risk-assessment-of-everything"',
    ],
)
def test_what_only_names_a_secret_is_accepted(tmp_path: Path, text: str) -> None:
    """Variables, references and harmless words are no literal secrets."""
    path = tmp_path / "readiness.toml"
    path.write_text(text)
    assert load(file=path, environ={}).path == path


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ("[target]\nurl = hub", "line 2, column 7", "double quotes"),
        ("[target\n", "line 1, column 8", "brackets"),
        ("a = 1\na = 2", "line 2", "keep one"),
        ("[probe]\n[probe]\n", "line 2", "stand"),
        ('a = "x', "line 1, column 7", "quote"),
        ('a = "C:\\dir"', "line 1", "backslash"),
        ("a = [1,", "line 1", "never closed"),
        ("a b = 1", "line 1, column 3", "key = value"),
        ("when = 2026-02-31", "line 1", "dates"),
        ("n = " + "9" * 5000, "", "numbers"),
        ("a = " + "[" * 5000, "", "deep"),
        ("a." * 40 + "b = 1", "", "deep"),
        ("n = 0x" + "f" * 5000, "n: there is no such key", "valid here"),
    ],
)
def test_wrong_syntax_is_explained(tmp_path: Path, text: str, where: str, hint: str) -> None:
    """A file that is no TOML names the line, the column and how to mend it."""
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(where)
    assert hint in line


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, a directory, a pipe and a huge file each get their own sentence."""
    assert mistakes(tmp_path, b"a = 1\nb = '\xff'") == ["line 2 is not UTF-8; save the file with that encoding"]
    assert "larger than 1024 KiB" in mistakes(tmp_path, b"#" * (1024 * 1024 + 1))[0]
    for name, make, sentence in (("d", os.mkdir, "is a directory"), ("p", os.mkfifo, "no regular file")):
        make(tmp_path / name)
        with pytest.raises(ConfigError, match=sentence):
            load(file=tmp_path / name, environ={})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "readiness.toml"
    path.write_bytes(b"\xef\xbb\xbf[probe]\nattempts = 5")
    assert load(file=path, environ={}).probe.attempts == 5


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """Whatever keys and values hold, the message is plain."""
    text = '[target]\n"\\u001b[31m" = 1\nversion = "\\u001b]0;x\\u0007\\u202e"\nhosts = ["\\u009b"]'
    found = mistakes(tmp_path, text)
    assert len(found) == 3
    assert all(character.isprintable() for line in found for character in line)
