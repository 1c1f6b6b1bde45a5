"""Every key of `readiness.toml`: its kind and its meaning. Defaults stand in `readiness.config.model`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from readiness.config.kinds import (
    Kind,
    Schema,
    Setting,
    argv,
    boolean,
    choice,
    day,
    exact,
    free_table,
    integer,
    list_of,
    mapping,
    number,
    path,
    read_table,
    reference,
    table,
    text,
    url,
    variable,
    window,
)
from readiness.config.mistakes import Bad, SettingPlace, did_you_mean, nearest
from readiness.config.target_kinds import kind_named, known_kinds
from readiness.findings import PHASES, TRIGGERS, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLAIM_WORDS: Final = 'true, or { expected = false, reason = "…" }'
_CLAIM_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_ALIASES: Final = {
    "auth": "authentication",
    "https": "tls",
    "ssl": "tls",
    "filter": "filtering",
    "metrics": "telemetry",
}
_NEAR_MISS: Final = 0.75
"""Likeness from which a free key is taken for a misspelt known one; `llm_cache` and `llm` are 0.5 alike."""

CLAIM: Final[Schema] = {
    "expected": Setting(boolean(), "whether it is claimed", required=True),
    "reason": Setting(text("why"), "why not; required where `expected` is false"),
    "owner": Setting(text("who answers for it"), "who answers for the exception"),
    "expires": Setting(day(), "the last day of the exception; afterwards it counts as claimed"),
}
TOOL_CALL: Final[Schema] = {
    "server": Setting(text("a server's name"), "which MCP server; left out where names of tools carry no server"),
    "tool": Setting(text("a tool's name"), "which of its tools; one that changes nothing", required=True),
    "arguments": Setting(free_table(), "what it is called with"),
    "contains": Setting(text("a text", empty=True), "what its answer must contain"),
}
EXPECTED_CALL: Final[Schema] = {
    **TOOL_CALL,
    "tool": Setting(text("a tool's name"), "which of its tools; one that changes nothing"),
    "resource": Setting(text("a resource's URI"), "instead of a tool: which of its resources is read"),
    "nothing_to_call": Setting(text("why"), "instead of a tool: why nothing of this server is called"),
}
_ONE_OF: Final = ("tool", "resource", "nothing_to_call")


def _claim_kind() -> Kind:
    return Kind(_CLAIM_WORDS, lambda value, place: read_claim(value, place))  # noqa: PLW0108 - defined further down


EXPECT: Final[Schema] = {
    "filtering": Setting(_claim_kind(), "tool filtering; default: what the deployed configuration claims"),
    "llm": Setting(_claim_kind(), "an LLM provider; default: what the deployed configuration claims"),
    "prompt_analysis": Setting(
        _claim_kind(), "agents get their tools by hub__analyze_prompt; default: what the deployed configuration claims"
    ),
    "telemetry": Setting(_claim_kind(), "LLM metrics; default: claimed"),
    "authentication": Setting(_claim_kind(), "clients must authenticate; default: claimed in production only"),
    "oauth": Setting(
        _claim_kind(), "agents log in by OAuth, where the endpoint's 401 leads them; default: not claimed"
    ),
    "tls": Setting(_claim_kind(), "clients must use TLS; default: claimed in production only"),
    "public_address": Setting(
        _claim_kind(), "agents get in through [target] url; not expected where this machine cannot reach it as they do"
    ),
    "held_session": Setting(_claim_kind(), "a session outlives `[probe] hold`; default: expected where that is set"),
    "audit": Setting(
        _claim_kind(),
        "known vulnerabilities of the dependencies can be looked up; not expected needs `owner` and `expires`, and is degraded",
    ),
    "config_api": Setting(_claim_kind(), "the hub serves /api/config"),
    "tools_api": Setting(_claim_kind(), "the hub serves /api/tools"),
    "servers": Setting(list_of(text("a server's name"), unique=True), "MCP servers that must be connected"),
    "min_servers": Setting(integer(0, 10_000), "fewer than all but not fewer than this: degraded; default: all"),
    "tools": Setting(
        path(),
        "the list of tools that a person accepted (`readiness baseline --accept-tools`); relative to this file's folder",
    ),
    "accepted_tools": Setting(_claim_kind(), "the tools are those of `tools`; default: expected where that is set"),
    "tool_call": Setting(list_of(table(EXPECTED_CALL)), "harmless calls, one a server: [[expect.tool_call]]"),
}
_PLAIN: Final = frozenset({"tools", "servers", "min_servers", "tool_call"})
CLAIMS: Final = tuple(name for name in EXPECT if name not in _PLAIN)
"""The claims that are known; others are free keys for a check's `needs`."""


def expect() -> Kind:
    """The whole of `[expect]`: the keys above, and free ones that are claims too."""
    return Kind("a table of claims", read_expect)


def read_expect(value: Any, place: SettingPlace) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    """The valid keys of `[expect]`, claims apart under `claims`."""
    if not isinstance(value, dict):
        raise Bad("a table of claims")
    known = {name: inner for name, inner in value.items() if name in _PLAIN}
    kept = read_table({name: EXPECT[name] for name in sorted(_PLAIN)}, known, place)
    kept["claims"] = {}
    for name, inner in value.items():
        if name in _PLAIN or not _good_name(name, place):
            continue
        try:
            kept["claims"][name] = read_claim(inner, place.at(name))
        except Bad as bad:
            place.at(name).wrong(inner, bad)
    _cross_check(kept, place)
    return kept


def _good_name(name: str, place: SettingPlace) -> bool:
    if name in EXPECT:
        return True
    near = _ALIASES.get(name.lower()) or nearest(name, EXPECT, _NEAR_MISS)
    if near or not _CLAIM_NAME.fullmatch(name):
        place.unknown_key(name, EXPECT, 'a claim of your own needs a name like "my_claim"; ', near)
        return False
    return True


def read_claim(value: Any, place: SettingPlace) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    """One claim as the fields of `Claim`."""
    if isinstance(value, bool):
        if not value:
            raise Bad(_CLAIM_WORDS, hint="what is declared away needs a reason")
        return {"expected": True}
    if not isinstance(value, dict):
        raise Bad(_CLAIM_WORDS)
    kept = read_table(CLAIM, value, place)
    if value.get("expected") is False and "reason" not in value:
        place.missing("reason", "why this is not expected")
    return kept


def _cross_check(kept: Mapping[str, Any], place: SettingPlace) -> None:
    for index, call in enumerate(kept.get("tool_call", ())):
        given = [name for name in _ONE_OF if name in call]
        if not given:
            place.at("tool_call", index).missing(
                "tool", 'which tool is called; or resource, or nothing_to_call = "why"'
            )
        for extra in given[1:]:
            place.at("tool_call", index, extra).wrong(
                call[extra], Bad(f"one of {', '.join(_ONE_OF)}, not {given[0]} and this")
            )
    servers, least = kept.get("servers"), kept.get("min_servers")
    if servers is None:
        return
    if least is not None and least > len(servers):
        place.at("min_servers").wrong(least, Bad(f"at most {len(servers)}, the number of servers"))
    for index, call in enumerate(kept.get("tool_call", ())):
        server = call.get("server")
        if server is not None and server not in servers:
            near = nearest(server, servers)
            bad = Bad("one of [expect] servers", hint=f'did you mean "{near}"?' if near else "")
            place.at("tool_call", index, "server").wrong(server, bad)


_SCRIPT_PATH: Final = text('a path relative to `release`, or "none"', pattern=r"(?!/)(?!.*\.\./).+")
SCRIPTS: Final[Schema] = {
    role: Setting(_SCRIPT_PATH, f"the script that {deed}")
    for role, deed in {
        "orchestrator": "runs the whole deployment",
        "deploy": "deploys",
        "rollback": "goes back",
        "validate": "looks whether a deployment works",
        "start": "starts the hub",
        "stop": "stops the hub",
        "backup": "makes a backup",
    }.items()
}


def _scripts() -> Kind:
    """A boolean, or the table above."""
    words = f"true, false, or a table with {', '.join(SCRIPTS)}"
    return Kind(words, lambda value, place: boolean().read(value, place) if isinstance(value, bool) else read_table(SCRIPTS, value, place, words))  # fmt: skip


HOST: Final = r"local://.*|(ssh|safe-ssh|paramiko|docker|podman|kubectl|openshift|lxc|chroot|salt|ansible|winrm)://[^?#\s]+(\?.*)?"
"""testinfra's backends, by its list of them; each but `local` says which host."""

ENVIRONMENTS: Final = ("production", "staging", "test", "development", "ci", "local")
PROVIDERS: Final = ("gemini", "openai", "anthropic")
FORMATS: Final = (
    *("json", "html", "markdown", "junit", "sarif", "github", "gitlab"),
    *("prometheus", "otlp", "nagios", "tap", "badge"),
)
CHECK_ID: Final = text("a check's id: words in lower case joined by '-'", pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*")

A_VERSION: Final = re.compile(r"v?\d+(?:\.\d+){0,3}(?:[-+][0-9A-Za-z.+-]{1,60})?")
"""What an MCP Hub's versions look like; a build of another kind may be a commit or a tag."""
_VERSION: Final = text("a version like 4.3.0", pattern=r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}")
_VARIABLES: Final = list_of(variable(), unique=True)
_MANY: Final = 10**9


def _target_kind() -> Kind:
    words = "a kind of target: mcp-hub, mcp, bridge, litellm, contextforge or one that is installed"

    def read(value: Any, _place: SettingPlace) -> Any:  # noqa: ANN401 - whatever the file holds; a TargetKind
        if not isinstance(value, str):
            raise Bad(words)
        try:
            kind = kind_named(value)
        except ValueError as error:
            raise Bad(f"{words} ({error})") from None
        if kind is None:
            raise Bad(f"one of {', '.join(known_kinds())}", hint=did_you_mean(value, known_kinds()))
        return kind

    return Kind(words, read)


_HEADER: Final = r"[A-Za-z][A-Za-z0-9-]{0,60}"

TARGET: Final[Schema] = {
    "kind": Setting(_target_kind(), "what answers there; default: an MCP Hub"),
    "url": Setting(url("http", "https"), "what clients use; a path that ends in the endpoint's (…/mcp) is understood"),
    "endpoint": Setting(
        text("a path like /mcp", pattern=r"/[^\s?#]*"),
        "the path below `url` at which agents connect; default: the kind's",
    ),
    "authorization_server": Setting(
        url("http", "https"),
        "the authorization server that agents log in at, whose metadata may be asked for; default: only one on `url`'s own host",
    ),
    "request_budget": Setting(
        number(0, 1_000_000, above=True),
        "requests a minute that it bears from one address: a run, and two runs in a row, keep to it; default: the kind's",
    ),
    "internal_url": Setting(
        url("http", "https"), "the hub's own port, where it can be reached; facts are fetched there"
    ),
    "plain_url": Setting(url("http"), "the address that must redirect to https; default: port 80 of `url`'s host"),
    "release": Setting(path(), "the release tree, for preflight; relative to this file's folder"),
    "version": Setting(_VERSION, "what should be running; default: the version in the release's package.json"),
    "config": Setting(path(), "the hub's configuration, relative to `release`"),
    "env_file": Setting(path(), "the hub's environment file, relative to `release`"),
    "backups": Setting(
        path(),
        "where backups are kept, relative to `release`; default: `readiness-backups` in it, or beside it where it is a link",
    ),
    "state": Setting(path(), "the hub's log and state folder; default: `.local/state/mcp-hub` of its user"),
    "hosts": Setting(
        list_of(text("a testinfra backend like local:// or ssh://hub-1", pattern=HOST), least=1, unique=True),
        "hosts for infra",
    ),
    "open_ports": Setting(
        list_of(integer(1, 65535), unique=True), "TCP ports that the hosts may have open to everybody"
    ),
    "proxy_config": Setting(path(), "the main file of the hosts' nginx; default: /etc/nginx/nginx.conf"),
    "where": Setting(choice("host", "ci"), "`ci`: checks that only the host can prove are not applicable"),
    "token_env": Setting(variable(), "the *name* of the variable that holds the token for `url`"),
    "token_header": Setting(
        text(
            "a header's name, perhaps with a scheme: X-API-Key, Authorization: Basic",
            pattern=rf"{_HEADER}(: ?[A-Za-z]+)?",
        ),
        "the header that carries the token; default: `Authorization: Bearer`. With Basic the variable holds user:password",
    ),
    "headers": Setting(
        mapping(text("a header's name", pattern=_HEADER), variable()),
        "further headers: by name the *name* of the variable that holds the value",
    ),
    "ca_file": Setting(path(), "a PEM file of further authorities to trust; relative to this file's folder"),
    "proxy": Setting(
        text("an address like http://proxy:3128 without credentials, or none", pattern=r"none|https?://[^\s/@?#]+/?"),
        "the egress proxy of this machine, for health and e2e alike; `none`: none; default: HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
    ),
    "scripts": Setting(
        _scripts(),
        'whether the release brings lifecycle scripts; or a table of what each is for: a path relative to `release`, or "none"; default: as found',
    ),
    "unit": Setting(path(), "the service's systemd unit: a path relative to `release`, or a name; default: as found"),
    "pid": Setting(integer(1, 2**31 - 1), "the process that was deployed, where something outside the hub knows it"),
}
LIMIT: Final[Schema] = {
    "warning": Setting(number(0, _MANY), "past it the check is degraded, in the check's unit"),
    "critical": Setting(number(0, _MANY), "past it the check fails"),
    "rollback": Setting(number(0, _MANY), "past it the check's trigger fires; default: `critical`"),
    "samples": Setting(integer(1, _MANY), "fewer make the check unknown"),
}
GATE: Final[Schema] = {
    "ready": Setting(exact(0, 100), "score from which a run may be READY"),
    "conditional": Setting(exact(0, 100), "score from which a run may be CONDITIONAL; at most `ready`"),
    "category": Setting(exact(0, 100), "score each category needs for READY"),
    "proven": Setting(exact(0, 1), "share of the weight that must be proven"),
    "high_failures": Setting(integer(0, 1000), "failed checks of high severity that do not block yet"),
    "weights": Setting(
        mapping(
            text("a phase or category like health or health/security", pattern=r"[a-z0-9]+(?:/[a-z0-9_-]+)?"),
            exact(0, 1000),
        ),
        "weight of a phase or category; 1 where none is given",
    ),
}
PROBE: Final[Schema] = {
    "attempts": Setting(integer(1, 100), "times a check with a settle time is asked at least"),
    "interval": Setting(number(0, 300, above=True), "seconds between two attempts"),
    "timeout": Setting(number(0, 300, above=True), "seconds for one request, in total"),
    "settle": Setting(
        number(0, 3600),
        "start-up budget of the hub in seconds; default: 30, while servers connect 60 (hub 4.3 and later) or 330 (earlier)",
    ),
    "rate": Setting(number(0, 10_000, above=True), "requests a second through `url` at most"),
    "budget": Setting(
        number(0, 86_400, above=True),
        "seconds for all checks of health, alerts and e2e; what has not begun then is unknown, out of time. Waiting for the "
        "hub's start, load and drills do not count",
    ),
    "retry_after": Setting(
        number(0, 3600),
        "seconds that a run waits in total where the target answers 429, or 503 with `Retry-After`; what is left after a 429 is unknown, rate limited",
    ),
    "hold": Setting(
        number(0, 3600),
        "seconds that an agent's session is left alone and then asked again: longer than a proxy lets a stream be silent. 0: not done",
    ),
}
RELEASE: Final[Schema] = {
    "build": Setting(argv(), "builds the release, in a copy"),
    "test": Setting(argv(), "runs the release's tests"),
    "lint": Setting(argv(), "runs the release's linter"),
    "timeout": Setting(number(0, 86_400, above=True), "seconds for each of the three at most"),
    "branch": Setting(text("a branch's name"), "where releases come from"),
    "windows": Setting(list_of(window()), "when deploys are allowed; none: always"),
    "rotation": Setting(path(), "record of when secrets were rotated, relative to `release`"),
    "required_variables": Setting(_VARIABLES, "variables that the hub's environment must set"),
    "previous": Setting(
        path(), "the release that a rollback returns to, relative to `release`; default: looked for beside it"
    ),
    "rehearsal": Setting(
        path(),
        "record of the last rehearsed rollback, relative to `release`; default: rehearsal.json among the reports",
    ),
    "osv": Setting(
        path(),
        "a folder with an export of the OSV database (npm/all.zip, or unpacked), relative to `release`: known vulnerabilities are "
        "looked up there, and no registry is asked",
    ),
    "osv_days": Setting(integer(1, 365), "days after which that database shows no more that nothing is known"),
    "lock": Setting(path(), "the file that a running deployment holds, relative to `release`"),
    "bake": Setting(integer(0, 10_080), "minutes to watch after a deploy"),
    "switch": Setting(argv(), "lets clients reach the candidate of `readiness release --candidate-url`"),
    "switch_back": Setting(argv(), "lets clients reach the hub from before again"),
}
WAIVER: Final[Schema] = {
    "check": Setting(CHECK_ID, "the check that may fail", required=True),
    "instance": Setting(text("an instance's name"), "only this instance; default: all"),
    "reason": Setting(text("why it may fail"), "why it may fail", required=True),
    "owner": Setting(text("who mends it"), "who mends it", required=True),
    "expires": Setting(day(), "the last day it holds, at most 90 days ahead", required=True),
}
KNOWN_SECRET: Final[Schema] = {
    "fingerprint": Setting(
        text("8 hexadecimal digits, as a finding names them", pattern=r"[0-9a-f]{8}"), "which value", required=True
    ),
    "reason": Setting(text("why it is allowed"), "why it is no secret, or may stand there", required=True),
    "owner": Setting(text("who answers for it"), "who answers for it", required=True),
    "expires": Setting(day(), "the last day; afterwards it counts again", required=True),
}
DRILL: Final[Schema] = {
    "allowed": Setting(boolean(), "whether this target may be broken on purpose"),
    "window": Setting(window(empty=True), "when it may be, like Sun 02:00-04:00 UTC; production needs one"),
    "start": Setting(argv(), "starts the hub where no supervisor does, and returns: systemctl, docker, setsid"),
    "llm_down": Setting(argv(), "takes the hub's LLM away"),
    "llm_up": Setting(argv(), "gives it back"),
    "deploy": Setting(argv(), "deploys a release that is known to be broken, for the drill of a rollback"),
    "server": Setting(text("a server's name"), "the MCP server that is killed; default: one that can be told"),
    "call": Setting(table(TOOL_CALL), "a slow call, in flight when the hub is told to stop; default: a known one"),
    "timeout": Setting(number(0, 3600, above=True), "seconds for each of these commands"),
    "soak": Setting(number(0, 10_080, above=True), "minutes of traffic in which memory is watched"),
    "rate": Setting(number(0, 1000, above=True), "requests a second meanwhile"),
}
LOAD: Final[Schema] = {
    "allowed_hosts": Setting(
        list_of(text("a host's name or address"), unique=True), "hosts that may be put under load"
    ),
    "rate": Setting(number(0, 100_000, above=True), "requests a second"),
    "duration": Setting(number(0, 3600, above=True), "seconds"),
    "workers": Setting(integer(1, 256), "generator processes"),
    "mix": Setting(
        list_of(free_table()), "what is sent, by weight; default: a hub's routes and the configured tool calls"
    ),
    "arrivals": Setting(choice("constant", "poisson", "ramp", "step", "spike"), "how arrivals lie in time"),
    "locustfile": Setting(
        path(), "user behaviour as Locust knows it, instead of `mix`; relative to this file's folder"
    ),
    "p99": Setting(number(0, 600_000, above=True), "milliseconds that the p99 latency may have"),
    "window": Setting(window(empty=True), "when load may be given, like Sun 02:00-04:00 UTC; production needs one"),
    "bind": Setting(text("an address"), "the address that several workers' master listens on"),
    "port": Setting(integer(0, 65_535), "its port; 0: any free one"),
    "remote": Setting(integer(0, 256), "workers that join from elsewhere by `readiness load-worker`"),
}
ACTION: Final[Schema] = {
    "name": Setting(text("a name"), "its name in plans and journals", required=True),
    "triggers": Setting(list_of(choice(*TRIGGERS), least=1, unique=True), "what it answers to", required=True),
    "command": Setting(
        argv(least=1), "what is run; never a shell string; @restore-backup: the built-in one", required=True
    ),
    "timeout": Setting(number(0, 86_400, above=True), "seconds until its whole process group is ended"),
    "verify": Setting(list_of(choice(*PHASES), unique=True), "phases that must hold afterwards"),
}
ROLLBACK: Final[Schema] = {
    "mode": Setting(
        choice("plan", "ask", "auto"), "plan: decide and record; ask: confirm on a terminal; auto: execute"
    ),
    "window": Setting(integer(0, 1440), "minutes after a recorded deploy in which a rollback may be planned"),
    "cooldown": Setting(
        integer(0, 1440), "minutes after a rollback in which the same deploy is not rolled back by itself again"
    ),
    "objective": Setting(integer(1, 1440), "minutes from the failed verdict to a proven hub that a rollback may take"),
    "steady": Setting(integer(0, 600), "seconds that the new process must have run for before it counts as back"),
    "stop": Setting(argv(), "stops the hub, for @restore-backup"),
    "start": Setting(argv(), "starts it and returns, with the hub in a session of its own, for @restore-backup"),
    "action": Setting(list_of(table(ACTION)), "what can be done, in order"),
}
NOTIFY: Final[Schema] = {
    "urls": Setting(
        list_of(reference(), unique=True),
        "whom to tell of this severity and worse, each a reference like ${SLACK_URL}",
        required=True,
    ),
}
CONTACTS: Final[Schema] = {
    "on_call": Setting(
        text("a name or address"),
        "who is called first; a mail address or a reference like ${VAR} is told, a name is shown",
    ),
    "tech_lead": Setting(text("a name or address"), "who decides on a rollback, and is told what is critical"),
    "product": Setting(text("a name or address"), "who is told about a rollback"),
    "security": Setting(text("a name or address"), "who is told about a failed check of security"),
}

IDENTITY: Final[Schema] = {
    "version": Setting(
        text(
            "a field like serverInfo.version, or a route and a pointer like /health commit",
            pattern=r"(/[^\s?#]* )?[A-Za-z_][\w.-]{0,200}",
        ),
        "where the build that answers shows; default: the kind's",
    ),
}

SECTIONS: Final[dict[str, Schema]] = {
    "target": TARGET,
    "identity": IDENTITY,
    "expect": EXPECT,
    "gate": GATE,
    "probe": PROBE,
    "release": RELEASE,
    "secrets": {
        "resolve": Setting(argv(), "turns a secret reference into its value; none: not applicable"),
        "known": Setting(
            list_of(table(KNOWN_SECRET)), "what looks like a secret and may stand where it is: [[secrets.known]]"
        ),
    },
    "llm": {"base_url": Setting(mapping(choice(*PROVIDERS), url("http", "https")), "base URL by provider")},
    "drill": DRILL,
    "load": LOAD,
    "rollback": ROLLBACK,
    "contacts": CONTACTS,
    "report": {
        "formats": Setting(list_of(choice(*FORMATS), unique=True), "what is written beside the journal"),
        "keep": Setting(integer(1, 100_000), "runs the history keeps"),
    },
}
"""Sections that stand once, with fixed keys; `[expect]` takes free keys besides."""

ROOT: Final[Schema] = {
    "environment": Setting(choice(*ENVIRONMENTS), "production asks for authentication and TLS"),
    "target": Setting(table(TARGET), "where the hub and its release are"),
    "identity": Setting(table(IDENTITY), "where the build shows, for kinds that have no fixed place"),
    "expect": Setting(expect(), "what is claimed"),
    "limits": Setting(mapping(CHECK_ID, table(LIMIT)), "numbers of one check, [limits.ID]"),
    "gate": Setting(table(GATE), "limits of the verdict"),
    "probe": Setting(table(PROBE), "how facts are fetched"),
    "release": Setting(table(RELEASE), "how a release is built, tested and watched"),
    "secrets": Setting(table(SECTIONS["secrets"]), "how secret references are resolved"),
    "llm": Setting(table(SECTIONS["llm"]), "where LLM providers are"),
    "waiver": Setting(list_of(table(WAIVER)), "known failures that somebody owns, [[waiver]]"),
    "drill": Setting(table(SECTIONS["drill"]), "whether the target may be broken on purpose"),
    "load": Setting(table(LOAD), "load and who may get it"),
    "rollback": Setting(table(ROLLBACK), "what to do when a deploy went wrong"),
    "notify": Setting(mapping(choice(*(s.value for s in Severity)), table(NOTIFY)), "whom to tell, [notify.SEVERITY]"),
    "contacts": Setting(table(CONTACTS), "people"),
    "report": Setting(table(SECTIONS["report"]), "what is written"),
}
