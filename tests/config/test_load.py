"""Where settings come from, and what they become."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest

from readiness.config.loading import load, missing_target, unknown_names
from readiness.config.model import Config
from readiness.errors import ConfigError
from readiness.findings import Check, Severity
from tests.sources import ROOT

TODAY = dt.datetime.now(tz=dt.UTC).date()


def write(folder: Path, text: str) -> Path:
    """A readiness.toml with `text` in `folder`."""
    path = folder / "readiness.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_gives_the_defaults_of_the_model(tmp_path: Path) -> None:
    """Each default stands in the model alone: an empty file changes nothing but what depends on the environment."""
    path = write(tmp_path, "")
    config = load(file=path, environ={})
    plain = Config(path=path)
    assert config.environment == "production"
    for name in ("target", "gate", "probe", "release", "secrets", "llm", "waivers", "drill", "load", "rollback"):
        assert getattr(config, name) == getattr(plain, name), name
    for name in ("notify", "contacts", "limits"):
        assert dict(getattr(config, name)) == {}
    assert not config.first_look
    assert not config.demo


def test_the_nearest_file_above_is_found(tmp_path: Path) -> None:
    """A run started deep in a project reads the nearest file above it."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    write(tmp_path, '[target]\nversion = "1.0.0"')
    near = write(tmp_path / "a", '[target]\nversion = "2.0.0"')
    config = load(start=deep, environ={})
    assert config.path == near
    assert config.target.version == "2.0.0"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A file that was asked for is never silently replaced by defaults."""
    with pytest.raises(ConfigError, match=r"missing\.toml: there is no such file"):
        load(file=tmp_path / "missing.toml", environ={})


def test_a_dangling_link_is_no_first_look(tmp_path: Path) -> None:
    """A readiness.toml that leads nowhere is an error, not the absence of one."""
    (tmp_path / "readiness.toml").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="no such file"):
        load(start=tmp_path, environ={})


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("http://127.0.0.1:3000", "local"),
        ("http://127.9.9.9", "local"),
        ("http://localhost:3000/", "local"),
        ("http://[::1]:3000", "local"),
        ("http://hub.localhost", "local"),
        ("https://hub.example.com", "production"),
        ("http://10.0.0.1", "production"),
        ("http://localhost.example.com", "production"),
    ],
)
def test_a_first_look_takes_its_environment_from_the_url(tmp_path: Path, url: str, environment: str) -> None:
    """Without a file, only a loopback address is a local hub."""
    config = load(start=tmp_path, environ={"MCP_HUB_URL": url})
    assert config.first_look
    assert config.environment == environment
    assert config.target.url == url.rstrip("/")
    assert config.claim("tls").expected is (environment == "production")
    assert bool(config.claim("tls").reason) is (environment == "local")


def test_a_first_look_may_name_a_release_alone(tmp_path: Path) -> None:
    """MCP_HUB_RELEASE is enough for preflight, relative to where the run starts."""
    config = load(start=tmp_path, environ={"MCP_HUB_RELEASE": "hub"})
    assert config.target.release == tmp_path / "hub"
    assert config.environment == "production"


def test_the_file_wins_over_the_environment_which_fills_what_it_leaves_out(tmp_path: Path) -> None:
    """A stray variable never redirects a declared target; an undeclared one may come from it."""
    path = write(tmp_path, '[target]\nurl = "https://hub.example.com"')
    config = load(file=path, environ={"MCP_HUB_URL": "http://127.0.0.1:1", "MCP_HUB_RELEASE": "/opt/hub"})
    assert config.target.url == "https://hub.example.com"
    assert config.target.release == Path("/opt/hub")
    assert config.environment == "production"


def test_a_bad_variable_is_named_and_its_password_hidden(tmp_path: Path) -> None:
    """MCP_HUB_URL is checked as strictly as the file."""
    with pytest.raises(ConfigError, match="MCP_HUB_URL") as caught:
        load(start=tmp_path, environ={"MCP_HUB_URL": "http://me:hunter2@hub.example.com"})
    assert "hunter2" not in str(caught.value)


def test_the_embedded_hub_ignores_file_and_environment(tmp_path: Path) -> None:
    """A demo run is about the embedded hub, whatever lies around."""
    write(tmp_path, "this is no TOML")
    config = load(
        start=tmp_path,
        environ={"MCP_HUB_URL": "https://hub.example.com", "MCP_HUB_RELEASE": "/opt/hub"},
        demo_url="http://127.0.0.1:4000",
        demo_release=tmp_path / "sample",
    )
    assert config.demo
    assert config.path is None
    assert not config.first_look
    assert config.environment == "local"
    assert config.target.url == "http://127.0.0.1:4000"
    assert config.target.release == tmp_path / "sample"
    assert config.target.version == "4.3.0"
    assert config.expect.servers == ("everything", "memory")
    assert config.limits["hub-stays-up"].critical == 0
    assert all(config.claim(name).expected for name in ("filtering", "llm", "telemetry"))
    assert {call.server for call in config.expect.tool_calls} == {"everything", "memory"}


def test_a_demo_that_has_not_started_has_no_address_yet(tmp_path: Path) -> None:
    """The settings are read once before the embedded hub starts, and again with its address."""
    config = load(start=tmp_path, environ={}, demo=True)
    assert config.demo
    assert config.target.url is None
    assert missing_target(config, {"health"}) is None


def test_options_are_kept(tmp_path: Path) -> None:
    """What the command line says arrives unchanged."""
    config = load(start=tmp_path, environ={}, strict=True, drill=True, report_dir=tmp_path / "out")
    assert (config.strict, config.drill_requested, config.report_dir) == (True, True, tmp_path / "out")
    assert load(start=tmp_path, environ={}).report_dir == Path("reports")


def test_gate_numbers_are_exact(tmp_path: Path) -> None:
    """0.8 is four fifths, not the nearest binary fraction."""
    config = load(file=write(tmp_path, "[gate]\nproven = 0.8\nready = 89.95\nweights = {health = 0.1}"), environ={})
    assert config.gate.proven == Fraction(4, 5)
    assert config.gate.ready == Fraction(8995, 100)
    assert config.gate.weights["health"] == Fraction(1, 10)


def test_everything_of_the_documented_example_is_read(tmp_path: Path) -> None:
    """The documentation's own file loads, and its values arrive."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = text.split("```toml\n", 1)[1].split("```", 1)[0].replace("2026-01-31", str(TODAY))
    config = load(file=write(tmp_path, example), environ={})
    assert config.target.config_file == Path("/opt/mcp-hub/config/mcp-hub.json")
    assert config.target.facts_url == "http://127.0.0.1:7000"
    assert config.claim("telemetry").reason == "4.3.0 publishes no LLM metrics"
    assert config.claim("config_api").expected is False
    assert config.expect.tool_calls[0].arguments == {"message": "ready?"}
    assert config.limits["llm-success-rate"].samples == 20
    assert config.rollback.actions[0].command == ("scripts/rollback-deployment.sh", "--yes")
    assert config.waivers[0].expires == TODAY
    assert config.notify["critical"] == ("${PAGER_URL}",)
    assert config.llm.base_url["openai"].startswith("https://")


def test_paths_are_taken_from_the_release_and_the_files_folder(tmp_path: Path) -> None:
    """A relative release stands beside the file; what the hub owns stands beneath the release."""
    config = load(file=write(tmp_path, '[target]\nrelease = "hub"\nbackups = "/srv/backups"\nstate = "s"'), environ={})
    assert config.target.release == tmp_path / "hub"
    assert config.target.config_file == tmp_path / "hub" / "config" / "mcp-hub.json"
    assert config.target.environment_file == tmp_path / "hub" / ".env.production"
    assert config.target.backups_dir == Path("/srv/backups")
    assert config.target.state_dir == tmp_path / "hub" / "s"
    assert Config().target.config_file is None
    assert Config().target.state_dir is None


def test_an_expired_exception_counts_as_claimed(tmp_path: Path) -> None:
    """What was declared away until a day is expected again after it; on that day it still is not."""
    yesterday = TODAY - dt.timedelta(days=1)
    line = '%s = {expected = false, reason = "soon", owner = "ops", expires = %s}\n'
    config = load(file=write(tmp_path, "[expect]\n" + line % ("tls", yesterday) + line % ("llm", TODAY)), environ={})
    assert config.claim("tls").expected is True
    assert "exception ended" in config.claim("tls").reason
    assert config.claim("llm").expected is False


def test_claims_without_a_word_stay_undeclared(tmp_path: Path) -> None:
    """Filtering and LLM are decided by the deployed configuration; telemetry is claimed unless declared away."""
    config = load(file=write(tmp_path, ""), environ={})
    assert config.claim("filtering").expected is None
    assert config.claim("llm").expected is None
    assert config.claim("telemetry").expected is True
    assert config.claim("authentication").expected is True


def test_expired_waivers_are_kept_for_the_report(tmp_path: Path) -> None:
    """An expired waiver is ignored and reported later: it is no mistake of the file."""
    text = '[[waiver]]\ncheck = "a-b"\nreason = "r"\nowner = "o"\nexpires = 2020-01-01'
    assert load(file=write(tmp_path, text), environ={}).waivers[0].expires == dt.date(2020, 1, 1)


def test_no_target_says_what_to_set(tmp_path: Path) -> None:
    """The usage error names every way to say what to look at."""
    text = missing_target(load(start=tmp_path, environ={}), {"health", "preflight"})
    assert text is not None
    for word in ("MCP_HUB_URL", "[target] url", "MCP_HUB_RELEASE", "--readiness-demo", "readiness init"):
        assert word in text
    config = load(file=write(tmp_path, ""), environ={})
    assert "readiness.toml names none" in str(missing_target(config, {"preflight"}))
    assert missing_target(config, {"infra"}) is None
    only_release = load(start=tmp_path, environ={"MCP_HUB_RELEASE": "."})
    assert missing_target(only_release, {"health", "preflight"}) is None
    assert "MCP_HUB_URL" in str(missing_target(only_release, {"health"})), "a release tree is no running hub"


def _unknown(tmp_path: Path, text: str, *ids: str) -> list[tuple[str, bool]]:
    config = load(file=write(tmp_path, text), environ={})
    checks = [
        Check(id=name, title="", phase="health", topic="security", severity=Severity.LOW, needs=("logs",))
        for name in ids
    ]
    return [(name.sentence, name.is_misspelt) for name in unknown_names(config, checks)]


WAIVER = '[[waiver]]\ncheck = "{}"\nreason = "r"\nowner = "o"\nexpires = ' + str(TODAY)


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ("[limits.hub-stay-up]\ncritical = 5", "[limits.hub-stay-up]", "hub-stays-up"),
        ("[limits.hub-stasy-up]\ncritical = 5", "[limits.hub-stasy-up]", "hub-stays-up"),
        (WAIVER.format("hub-answer"), "[[waiver]] 1 check", "hub-answers"),
        ('[gate.weights]\n"health/securty" = 2', "[gate.weights]", "health/security"),
        ('[expect]\nlogz = { expected = false, reason = "none" }', "[expect]", "logs"),
        ('[expect]\ntelemetri = { expected = false, reason = "none" }', "[expect]", "telemetry"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_a_mistake(tmp_path: Path, text: str, place: str, meant: str) -> None:
    """A limit, a waiver, a weight or a claim under a name that is a letter or two wrong would do nothing in silence."""
    try:
        ((sentence, is_misspelt),) = _unknown(tmp_path, text, "hub-stays-up", "hub-answers", "llm-p95-latency")
    except ConfigError as error:
        sentence, is_misspelt = str(error), True
    assert is_misspelt
    assert place in sentence
    assert f'did you mean "{meant}"?' in sentence


@pytest.mark.parametrize(
    "name", ["llm-p99-latency", "hub-stays-up-in-the-east", "hub-is-up", "disk-answers", "own-check", "stays-up", "up"]
)
def test_a_name_that_is_only_unknown_is_no_mistake(tmp_path: Path, name: str) -> None:
    """It may belong to a check that this run does not collect: another number, a word more or less, another word."""
    known = ("hub-stays-up", "hub-answers", "llm-p95-latency")
    ((sentence, is_misspelt),) = _unknown(tmp_path, f"[limits.{name}]\ncritical = 5", *known)
    assert (is_misspelt, f'[limits.{name}] = "{name}": there is no such check' in sentence) == (False, True)
    assert _unknown(tmp_path, f"[limits.{name}]\ncritical = 5", *known, name) == []


def test_a_server_may_be_asked_for_something_else_than_a_tool(tmp_path: Path) -> None:
    """A resource, or nothing with a reason, stands apart from the calls of tools that load and drills make."""
    text = """
[[expect.tool_call]]
server = "docs"
resource = "file:///guide.md"
contains = "Guide"
[[expect.tool_call]]
server = "mail"
nothing_to_call = "every tool sends"
[[expect.tool_call]]
server = "echo"
tool = "echo"
"""
    file = tmp_path / "readiness.toml"
    file.write_text(text)
    expect = load(file=file, environ={}).expect
    assert [call.server for call in expect.tool_calls] == ["echo"]
    assert [(one.server, one.resource, one.nothing_to_call) for one in expect.other_calls] == [
        ("docs", "file:///guide.md", ""),
        ("mail", "", "every tool sends"),
    ]
