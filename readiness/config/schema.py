"""Every key of `readiness.toml`: its kind and its meaning. Defaults stand in `readiness.config.model`."""

from __future__ import annotations

from typing import Final

from readiness.config.expect import EXPECT, TOOL_CALL, expect
from readiness.config.kinds import (
    Key,
    Schema,
    boolean,
    choice,
    day,
    exact,
    integer,
    number,
    path,
    reference,
    text,
    url,
    variable,
)
from readiness.config.tables import argv, free_table, list_of, mapping, table
from readiness.config.windows import window
from readiness.findings import PHASES, TRIGGERS, Severity

HOST: Final = r"local://.*|(ssh|safe-ssh|paramiko|docker|podman|kubectl|openshift|lxc|chroot|salt|ansible|winrm)://[^?#\s]+(\?.*)?"
"""testinfra's backends, by its list of them; each but `local` says which host."""

ENVIRONMENTS: Final = ("production", "staging", "test", "development", "ci", "local")
PROVIDERS: Final = ("gemini", "openai", "anthropic")
FORMATS: Final = (
    *("json", "html", "markdown", "junit", "sarif", "github", "gitlab"),
    *("prometheus", "otlp", "nagios", "tap", "badge"),
)
CHECK_ID: Final = text("a check's id: words in lower case joined by '-'", pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*")

_VERSION: Final = text("a version like 4.3.0", pattern=r"v?\d+(?:\.\d+){0,3}(?:[-+][0-9A-Za-z.+-]{1,60})?")
_VARIABLES: Final = list_of(variable(), unique=True)
_MANY: Final = 10**9

TARGET: Final[Schema] = {
    "url": Key(url("http", "https"), "what clients use"),
    "internal_url": Key(url("http", "https"), "the hub's own port, where it can be reached; facts are fetched there"),
    "plain_url": Key(url("http"), "the address that must redirect to https; default: port 80 of `url`'s host"),
    "release": Key(path(), "the release tree, for preflight; relative to this file's folder"),
    "version": Key(_VERSION, "what should be running; default: the version in the release's package.json"),
    "config": Key(path(), "the hub's configuration, relative to `release`"),
    "env_file": Key(path(), "the hub's environment file, relative to `release`"),
    "backups": Key(path(), "where backups are kept, relative to `release`"),
    "state": Key(path(), "the hub's log and state folder; default: `.local/state/mcp-hub` of its user"),
    "hosts": Key(
        list_of(text("a testinfra backend like local:// or ssh://hub-1", pattern=HOST), least=1, unique=True),
        "hosts for infra",
    ),
    "open_ports": Key(list_of(integer(1, 65535), unique=True), "TCP ports that the hosts may have open to everybody"),
    "proxy_config": Key(path(), "the main file of the hosts' nginx; default: /etc/nginx/nginx.conf"),
    "where": Key(choice("host", "ci"), "`ci`: checks that only the host can prove are not applicable"),
    "token_env": Key(variable(), "the *name* of the variable that holds the token for `url`"),
    "ca_file": Key(path(), "a PEM file of further authorities to trust; relative to this file's folder"),
    "scripts": Key(boolean(), "whether the release brings lifecycle scripts; default: as found"),
    "unit": Key(path(), "the service's systemd unit: a path relative to `release`, or a name; default: as found"),
    "pid": Key(integer(1, 2**31 - 1), "the process that was deployed, where something outside the hub knows it"),
}
LIMIT: Final[Schema] = {
    "warning": Key(number(0, _MANY), "past it the check is degraded, in the check's unit"),
    "critical": Key(number(0, _MANY), "past it the check fails"),
    "rollback": Key(number(0, _MANY), "past it the check's trigger fires; default: `critical`"),
    "samples": Key(integer(1, _MANY), "fewer make the check unknown"),
}
GATE: Final[Schema] = {
    "ready": Key(exact(0, 100), "score from which a run may be READY"),
    "conditional": Key(exact(0, 100), "score from which a run may be CONDITIONAL; at most `ready`"),
    "category": Key(exact(0, 100), "score each category needs for READY"),
    "proven": Key(exact(0, 1), "share of the weight that must be proven"),
    "high_failures": Key(integer(0, 1000), "failed checks of high severity that do not block yet"),
    "weights": Key(
        mapping(
            text("a phase or category like health or health/security", pattern=r"[a-z0-9]+(?:/[a-z0-9_-]+)?"),
            exact(0, 1000),
        ),
        "weight of a phase or category; 1 where none is given",
    ),
}
PROBE: Final[Schema] = {
    "attempts": Key(integer(1, 100), "times a check with a settle time is asked at least"),
    "interval": Key(number(0, 300, above=True), "seconds between two attempts"),
    "timeout": Key(number(0, 300, above=True), "seconds for one request, in total"),
    "settle": Key(number(0, 3600), "start-up budget of the hub in seconds; default: 30, or what its version needs"),
    "rate": Key(number(0, 10_000, above=True), "requests a second through `url` at most"),
}
RELEASE: Final[Schema] = {
    "build": Key(argv(), "builds the release, in a copy"),
    "test": Key(argv(), "runs the release's tests"),
    "lint": Key(argv(), "runs the release's linter"),
    "timeout": Key(number(0, 86_400, above=True), "seconds for each of the three at most"),
    "branch": Key(text("a branch's name"), "where releases come from"),
    "windows": Key(list_of(window()), "when deploys are allowed; none: always"),
    "rotation": Key(path(), "record of when secrets were rotated, relative to `release`"),
    "required_variables": Key(_VARIABLES, "variables that the hub's environment must set"),
    "previous": Key(
        path(), "the release that a rollback returns to, relative to `release`; default: looked for beside it"
    ),
    "rehearsal": Key(
        path(),
        "record of the last rehearsed rollback, relative to `release`; default: rehearsal.json among the reports",
    ),
    "lock": Key(path(), "the file that a running deployment holds, relative to `release`"),
    "bake": Key(integer(0, 10_080), "minutes to watch after a deploy"),
    "switch": Key(argv(), "lets clients reach the candidate of `readiness release --candidate-url`"),
    "switch_back": Key(argv(), "lets clients reach the hub from before again"),
}
WAIVER: Final[Schema] = {
    "check": Key(CHECK_ID, "the check that may fail", required=True),
    "instance": Key(text("an instance's name"), "only this instance; default: all"),
    "reason": Key(text("why it may fail"), "why it may fail", required=True),
    "owner": Key(text("who mends it"), "who mends it", required=True),
    "expires": Key(day(), "the last day it holds, at most 90 days ahead", required=True),
}
DRILL: Final[Schema] = {
    "allowed": Key(boolean(), "whether this target may be broken on purpose"),
    "window": Key(window(empty=True), "when it may be, like Sun 02:00-04:00 UTC; production needs one"),
    "start": Key(argv(), "starts the hub where no supervisor does, and returns: systemctl, docker, setsid"),
    "llm_down": Key(argv(), "takes the hub's LLM away"),
    "llm_up": Key(argv(), "gives it back"),
    "deploy": Key(argv(), "deploys a release that is known to be broken, for the drill of a rollback"),
    "server": Key(text("a server's name"), "the MCP server that is killed; default: one that can be told"),
    "call": Key(table(TOOL_CALL), "a slow call, in flight when the hub is told to stop; default: a known one"),
    "timeout": Key(number(0, 3600, above=True), "seconds for each of these commands"),
    "soak": Key(number(0, 10_080, above=True), "minutes of traffic in which memory is watched"),
    "rate": Key(number(0, 1000, above=True), "requests a second meanwhile"),
}
LOAD: Final[Schema] = {
    "allowed_hosts": Key(list_of(text("a host's name or address"), unique=True), "hosts that may be put under load"),
    "rate": Key(number(0, 100_000, above=True), "requests a second"),
    "duration": Key(number(0, 3600, above=True), "seconds"),
    "workers": Key(integer(1, 256), "generator processes"),
    "mix": Key(list_of(free_table()), "what is sent, by weight; default: a hub's routes and the configured tool calls"),
    "arrivals": Key(choice("constant", "poisson", "ramp", "step", "spike"), "how arrivals lie in time"),
    "locustfile": Key(path(), "user behaviour as Locust knows it, instead of `mix`; relative to this file's folder"),
    "p99": Key(number(0, 600_000, above=True), "milliseconds that the p99 latency may have"),
    "window": Key(window(empty=True), "when load may be given, like Sun 02:00-04:00 UTC; production needs one"),
    "bind": Key(text("an address"), "the address that several workers' master listens on"),
    "port": Key(integer(0, 65_535), "its port; 0: any free one"),
    "remote": Key(integer(0, 256), "workers that join from elsewhere by `readiness load-worker`"),
}
ACTION: Final[Schema] = {
    "name": Key(text("a name"), "its name in plans and journals", required=True),
    "triggers": Key(list_of(choice(*TRIGGERS), least=1, unique=True), "what it answers to", required=True),
    "command": Key(
        argv(least=1), "what is run; never a shell string; @restore-backup: the built-in one", required=True
    ),
    "timeout": Key(number(0, 86_400, above=True), "seconds until its whole process group is ended"),
    "verify": Key(list_of(choice(*PHASES), unique=True), "phases that must hold afterwards"),
}
ROLLBACK: Final[Schema] = {
    "mode": Key(choice("plan", "ask", "auto"), "plan: decide and record; ask: confirm on a terminal; auto: execute"),
    "window": Key(integer(0, 1440), "minutes after a recorded deploy in which a rollback may be planned"),
    "cooldown": Key(
        integer(0, 1440), "minutes after a rollback in which the same deploy is not rolled back by itself again"
    ),
    "objective": Key(integer(1, 1440), "minutes from the failed verdict to a proven hub that a rollback may take"),
    "steady": Key(integer(0, 600), "seconds that the new process must have run for before it counts as back"),
    "stop": Key(argv(), "stops the hub, for @restore-backup"),
    "start": Key(argv(), "starts it and returns, with the hub in a session of its own, for @restore-backup"),
    "action": Key(list_of(table(ACTION)), "what can be done, in order"),
}
NOTIFY: Final[Schema] = {
    "urls": Key(
        list_of(reference(), unique=True),
        "whom to tell of this severity and worse, each a reference like ${SLACK_URL}",
        required=True,
    ),
}
CONTACTS: Final[Schema] = {
    "on_call": Key(
        text("a name or address"),
        "who is called first; a mail address or a reference like ${VAR} is told, a name is shown",
    ),
    "tech_lead": Key(text("a name or address"), "who decides on a rollback, and is told what is critical"),
    "product": Key(text("a name or address"), "who is told about a rollback"),
    "security": Key(text("a name or address"), "who is told about a failed check of security"),
}

SECTIONS: Final[dict[str, Schema]] = {
    "target": TARGET,
    "expect": EXPECT,
    "gate": GATE,
    "probe": PROBE,
    "release": RELEASE,
    "secrets": {"resolve": Key(argv(), "turns a secret reference into its value; none: not applicable")},
    "llm": {"base_url": Key(mapping(choice(*PROVIDERS), url("http", "https")), "base URL by provider")},
    "drill": DRILL,
    "load": LOAD,
    "rollback": ROLLBACK,
    "contacts": CONTACTS,
    "report": {
        "formats": Key(list_of(choice(*FORMATS), unique=True), "what is written beside the journal"),
        "keep": Key(integer(1, 100_000), "runs the history keeps"),
    },
}
"""Sections that stand once, with fixed keys; `[expect]` takes free keys besides."""

ROOT: Final[Schema] = {
    "environment": Key(choice(*ENVIRONMENTS), "production asks for authentication and TLS"),
    "target": Key(table(TARGET), "where the hub and its release are"),
    "expect": Key(expect(), "what is claimed"),
    "limits": Key(mapping(CHECK_ID, table(LIMIT)), "numbers of one check, [limits.ID]"),
    "gate": Key(table(GATE), "limits of the verdict"),
    "probe": Key(table(PROBE), "how facts are fetched"),
    "release": Key(table(RELEASE), "how a release is built, tested and watched"),
    "secrets": Key(table(SECTIONS["secrets"]), "how secret references are resolved"),
    "llm": Key(table(SECTIONS["llm"]), "where LLM providers are"),
    "waiver": Key(list_of(table(WAIVER)), "known failures that somebody owns, [[waiver]]"),
    "drill": Key(table(SECTIONS["drill"]), "whether the target may be broken on purpose"),
    "load": Key(table(LOAD), "load and who may get it"),
    "rollback": Key(table(ROLLBACK), "what to do when a deploy went wrong"),
    "notify": Key(mapping(choice(*(s.value for s in Severity)), table(NOTIFY)), "whom to tell, [notify.SEVERITY]"),
    "contacts": Key(table(CONTACTS), "people"),
    "report": Key(table(SECTIONS["report"]), "what is written"),
}
