"""The shape of a configuration: frozen values with their defaults, one class a section of `readiness.toml`.

Nothing here validates; `readiness.config.loading` does, and it alone makes these from a user's input.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.config.target_kinds import MCP_HUB, TargetKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping


def _nothing() -> Mapping[str, Any]:
    # a factory, not a constant: before Python 3.12 a mappingproxy is unhashable, and dataclasses refuse it as a default
    return MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a deployment claims under one key of `[expect]`.

    `expected` None means: never declared. `reason` is required where it is False.
    """

    expected: bool | None = None
    reason: str = ""
    owner: str = ""
    expires: dt.date | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One harmless call of a tool with the text its answer must contain; `server` is empty where names carry no server."""

    server: str = ""
    tool: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=_nothing)
    contains: str = ""


OWN_BACKUPS: Final = "readiness-backups"
"""The folder of backups that are ours alone."""
_USUAL_BACKUPS: Final = "backups"
_OWN_BACKUP: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
"""As `readiness backup` names them."""
_MANY_FOLDERS: Final = 200


def moving_link(release: Path) -> Path | None:
    """The link that a deploy lets lead to another release: `release` itself, or a folder above it; None where there is none.

    Above it only one that leads to a folder beside it counts, `current` → `releases/4.3.0`: that a whole disk is linked in
    its place is not a deploy.
    """
    try:
        if release.is_symlink():
            return release
        for folder in release.parents:
            if folder.is_symlink() and folder.resolve().is_relative_to(folder.parent.resolve()):
                return folder if folder.parent != Path(folder.anchor) else None
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return None
    return None


def foreign_backups(folder: Path) -> tuple[str, ...]:
    """The names of folders in the folder of backups `folder` that `readiness backup` did not make."""
    return tuple(
        one.name for one in _folders_in(folder) if not (one.name.startswith(".") or _OWN_BACKUP.fullmatch(one.name))
    )


def _has_own_backups(folder: Path) -> bool:
    return any(_OWN_BACKUP.fullmatch(one.name) for one in _folders_in(folder))


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [folder / name for name in names[-_MANY_FOLDERS:]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCall(ToolCall):
    """What is asked of a server, by one of `tool`, `resource` and `nothing_to_call`; the others are empty."""

    tool: str = ""
    resource: str = ""
    nothing_to_call: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`[target]`: where the hub and its release are."""

    kind: TargetKind = MCP_HUB
    url: str | None = None
    """What clients use, without the endpoint's path."""
    internal_url: str | None = None
    endpoint: str | None = None
    """The path at which agents connect; None: the kind's."""
    authorization_server: str | None = None
    """The address of the authorization server that may be asked for its metadata; None: only one on the target's own host is."""
    request_budget: float | None = None
    """Requests a minute that it bears; None: the kind's."""
    plain_url: str | None = None
    """The http:// address that must redirect; default: port 80 of `url`'s host."""
    release: Path | None = None
    version: str | None = None
    config: str = "config/mcp-hub.json"
    env_file: str = ".env.production"
    backups: str | None = None
    """Where backups are kept; None: in a folder of our own, beside the link where `release` is one that moves."""
    state: str | None = None
    """The hub's log and state folder, default: its user's `.local/state/mcp-hub`."""
    hosts: tuple[str, ...] = ("local://",)
    open_ports: tuple[int, ...] = (22, 80, 443)
    """TCP ports that a host may have open to everybody: ssh, https, and http for its redirect."""
    proxy_config: str | None = None
    """The main file of the hosts' nginx; None: its usual place."""
    where: Literal["host", "ci"] = "host"
    token_env: str | None = None
    token_header: str | None = None
    """The header that carries the token, perhaps with a scheme: "X-API-Key", "Authorization: Basic"; None: `Authorization: Bearer`."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=_nothing)
    """Further headers: by name the variable that holds the value."""
    ca_file: Path | None = None
    """A PEM file of further certificate authorities to trust; verification itself cannot be turned off."""
    proxy: str | None = None
    """The proxy through which this machine reaches everything but itself; "none" for none; default: the environment's."""
    scripts: bool | Mapping[str, str] | None = None
    """Whether the release brings lifecycle scripts, or what each is for: role to path, or "none"; None: as found."""
    unit: str | None = None
    """The service's systemd unit: a path (relative to `release`) or a name like mcp-hub.service."""
    pid: int | None = None
    """The process that was deployed, where something outside the hub knows it (a unit's MainPID)."""

    @property
    def script_roles(self) -> Mapping[str, str]:
        """The roles of scripts that are declared."""
        return {} if self.scripts is None or isinstance(self.scripts, bool) else self.scripts

    @property
    def config_file(self) -> Path | None:
        """The hub's deployed configuration; None where the release is not known."""
        return self.beneath(self.config)

    @property
    def environment_file(self) -> Path | None:
        """The hub's environment file; None where the release is not known."""
        return self.beneath(self.env_file)

    @property
    def backups_dir(self) -> Path | None:
        """The folder that backups are written to; None where the release is not known."""
        if self.backups is not None or self.release is None:
            return None if self.backups is None else self.beneath(self.backups)
        # below a link that moves they would go with the release that they are to bring back
        base = moving_link(self.release)
        base = self.release if base is None else base.parent
        usual = base / _USUAL_BACKUPS
        # a release's own script takes the newest of its folder for one of its own
        return usual if _has_own_backups(usual) and not foreign_backups(usual) else base / OWN_BACKUPS

    @property
    def backups_dirs(self) -> tuple[Path, ...]:
        """The folders that backups are looked for in, the one that they are written to first."""
        own = self.backups_dir
        if own is None or self.release is None or self.backups is not None:
            return () if own is None else (own,)
        link, folders = moving_link(self.release), [self.release / _USUAL_BACKUPS, self.release / OWN_BACKUPS]
        if link is not None:
            # earlier versions wrote into the release, and each release may have those of its own script
            trees = [one / self.release.relative_to(link) for one in _folders_in(link.resolve().parent)]
            kept = [tree / name for tree in trees for name in (_USUAL_BACKUPS, OWN_BACKUPS)]
            kept += [link.parent / _USUAL_BACKUPS, link.parent / OWN_BACKUPS]
            # what lies beside a release may be anybody's
            folders += [one for one in kept if _has_own_backups(one) or (one.parent / self.config).is_file()]
        by_place = {os.path.realpath(own): own}
        for folder in folders:
            if folder.is_dir():
                by_place.setdefault(os.path.realpath(folder), folder)
        return tuple(by_place.values())

    @property
    def state_dir(self) -> Path | None:
        """The hub's log and state folder, where it was configured."""
        return None if self.state is None else self.beneath(self.state)

    def beneath(self, path: str) -> Path | None:
        """`path` as an absolute one, or relative to the release; None where that is needed and not known."""
        given = Path(path)
        with contextlib.suppress(RuntimeError):  # no such user
            given = given.expanduser()
        if given.is_absolute():
            return given
        return None if self.release is None else self.release / given

    @property
    def facts_url(self) -> str | None:
        """Where facts are fetched: the hub's own port where it can be reached, else what clients use."""
        return self.internal_url or self.url

    @property
    def bearable(self) -> float | None:
        """Requests a minute that it bears from this address: configured, else the kind's; None: as many as `[probe] rate` gives."""
        return self.request_budget or self.kind.request_budget

    @property
    def endpoint_path(self) -> str:
        """Where agents connect, below `url`: configured, else by the kind's custom."""
        return self.kind.endpoint if self.endpoint is None else self.endpoint

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The names of the variables that hold credentials, each once."""
        return tuple(dict.fromkeys((*filter(None, (self.token_env,)), *self.headers.values())))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """`[expect]`: what this deployment claims."""

    claims: Mapping[str, Claim] = dataclasses.field(default_factory=_nothing)
    servers: tuple[str, ...] | None = None
    """Names of the MCP servers; None: never declared here (the deployed file may say)."""
    min_servers: int | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    """Those that call a tool."""
    other_calls: tuple[ExpectedCall, ...] = ()
    """Servers of which a resource is read, or nothing is called."""
    tools: Path | None = None
    """The list of tools that a person has accepted; None: none was."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LimitOverride:
    """`[limits.ID]`: numbers that replace a check's declared ones; None leaves them."""

    warning: float | None = None
    critical: float | None = None
    rollback: float | None = None
    samples: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """`[gate]`: limits of the verdict; scores 0 to 100, `proven` a share 0 to 1."""

    ready: Fraction = Fraction(90)
    conditional: Fraction = Fraction(75)
    category: Fraction = Fraction(70)
    proven: Fraction = Fraction(4, 5)
    high_failures: int = 2
    weights: Mapping[str, Fraction] = dataclasses.field(default_factory=_nothing)
    """Weight of a category (`health/security`) or a whole phase (`health`); 1 unless given."""


SECONDS_FOR_A_BUDGET: Final = 600.0
"""Seconds that a run may wait beyond `[probe] budget` for its place in a target's budget of requests."""
STARTUP_SECONDS: Final = 30.0
"""Seconds that a hub gets to start which waits for none of its servers."""
CONNECTING_SECONDS: Final = 60.0
CONNECTING_SECONDS_OF_OLD: Final = 330.0
"""Seconds after which a hub gives up a server that does not connect: from 4.3 on, and before."""
SILENT_SECONDS: Final = 60.0
"""Seconds after which what takes no connection starts no more, whatever `[probe] settle`: a hub listens before its servers connect."""
_QUICKER: Final = (4, 3)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """`[probe]`: how facts are fetched; seconds, `rate` in requests a second through `url`."""

    attempts: int = 3
    interval: float = 2.0
    timeout: float = 5.0
    settle: float | None = None
    """The start-up budget in seconds; None: what `startup` says."""
    rate: float = 8.0
    budget: float = 120.0
    """Seconds that the checks of a running hub may take in one process, waiting for its start, load and drills apart."""
    retry_after: float = 60.0
    """Seconds that a run waits in total where the target asks it to come back later."""
    hold: float = 0.0
    """Seconds that one agent's session is left alone before it is asked again; 0: none is."""

    def startup(self, version: str | None, *, connecting: bool = True) -> float:
        """Seconds that a hub gets to start; `connecting`: it still waits for one of its servers.

        A hub ends that wait itself, after a time that belongs to its version; one that does not say its version may be any.
        """
        if self.settle is not None:
            return self.settle
        if not connecting:
            return STARTUP_SECONDS
        numbers = re.match(r"v?(\d{1,6})\.(\d{1,6})", version or "")
        is_new = numbers is not None and (int(numbers[1]), int(numbers[2])) >= _QUICKER
        return CONNECTING_SECONDS if is_new else CONNECTING_SECONDS_OF_OLD


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """`[release]`: how a release is built, tested and watched. `timeout` of each command in seconds, `bake` in minutes."""

    build: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    lint: tuple[str, ...] = ()
    timeout: float = 900.0
    branch: str = "main"
    windows: tuple[str, ...] = ()
    rotation: str = "secrets.toml"
    required_variables: tuple[str, ...] = ()
    previous: str | None = None
    """The release that a rollback returns to; None: looked for beside the release."""
    rehearsal: str | None = None
    """The record of the last rehearsed rollback; None: `rehearsal.json` in the folder of reports."""
    osv: str | None = None
    """A folder with an export of the OSV database; None: the package registry is asked."""
    osv_days: int = 7
    lock: str = ".deploy.lock"
    """The file that a running deployment holds, relative to the release."""
    bake: int = 60
    switch: tuple[str, ...] = ()
    """Lets clients reach the candidate of `readiness release --candidate-url`, and `switch_back` the hub from before."""
    switch_back: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecret:
    """`[[secrets.known]]`: a value, by its fingerprint, that looks like a secret and is allowed where it stands."""

    fingerprint: str
    reason: str
    owner: str
    expires: dt.date


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """`[secrets]`: `resolve` is the argv that turns a secret reference into its value."""

    resolve: tuple[str, ...] = ()
    known: tuple[KnownSecret, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LlmSettings:
    """`[llm]`: base URL by provider (gemini, openai, anthropic)."""

    base_url: Mapping[str, str] = dataclasses.field(default_factory=_nothing)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """`[[waiver]]`: a known failure that somebody owns until a day at most 90 days ahead."""

    check: str
    reason: str
    owner: str
    expires: dt.date
    instance: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrillSettings:
    """`[drill]`: whether this target may be broken on purpose, when, and by which commands (argv, never a shell string).

    `timeout` of each command in seconds, `soak` in minutes, `rate` in requests a second while it lasts.
    """

    allowed: bool = False
    window: str = ""
    start: tuple[str, ...] = ()
    """Starts the hub where no supervisor does; it must return with the hub in a session of its own."""
    llm_down: tuple[str, ...] = ()
    llm_up: tuple[str, ...] = ()
    deploy: tuple[str, ...] = ()
    """Deploys a release that is known to be broken, by the way that deploys go; run in the release, with a time-out."""
    server: str | None = None
    """The MCP server that is killed; None: one that can be told among the hub's children."""
    call: ToolCall | None = None
    """The slow call that is in flight when the hub is told to stop; None: a known one where a server offers it."""
    timeout: float = 60.0
    soak: float = 30.0
    rate: float = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """`[load]`: rate in requests a second, duration in seconds, `p99` in milliseconds."""

    allowed_hosts: tuple[str, ...] = ("127.0.0.1",)
    rate: float = 100.0
    duration: float = 30.0
    workers: int = 1
    mix: tuple[Mapping[str, Any], ...] = ()
    arrivals: Literal["constant", "poisson", "ramp", "step", "spike"] = "constant"
    locustfile: Path | None = None
    """User behaviour as Locust knows it, instead of `mix`."""
    p99: float = 5000.0
    window: str = ""
    bind: str = "127.0.0.1"
    """The address that the master of several workers listens on, and its `port`; 0: any free one."""
    port: int = 0
    remote: int = 0
    """Workers that join from elsewhere, by `readiness load-worker`, beside those of this machine."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackAction:
    """`[[rollback.action]]`: an argv, never a shell string; `timeout` in seconds."""

    name: str
    triggers: tuple[str, ...]
    command: tuple[str, ...]
    """Or `@restore-backup`, the built-in one."""
    timeout: float = 600.0
    verify: tuple[str, ...] = ("health", "e2e")

    @property
    def restores(self) -> bool:
        """Whether it is the built-in one, which puts the backup from before the deploy back."""
        return self.command == ("@restore-backup",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RollbackSettings:
    """`[rollback]`: `window` is how long after a recorded deploy a rollback may be planned, in minutes."""

    mode: Literal["plan", "ask", "auto"] = "plan"
    window: int = 30
    cooldown: int = 30
    """Minutes after a rollback in which the same deploy is not rolled back by itself once more."""
    objective: int = 15
    """Minutes from the failed verdict to a proven hub."""
    steady: int = 30
    """Seconds that the new process must have run for before it counts as back."""
    stop: tuple[str, ...] = ()
    """Stops the hub, for `@restore-backup`."""
    start: tuple[str, ...] = ()
    """Starts it and returns, with the hub in a session of its own."""
    actions: tuple[RollbackAction, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """`[identity]`: where the build that answers shows, for kinds that have no fixed place."""

    version: str | None = None
    """A field of the answer to initialize, or a route and a pointer ("/health commit"); None: the kind's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`[report]`: formats to write beside the JSON, and how many runs the history keeps."""

    formats: tuple[str, ...] = ("json", "html")
    keep: int = 500


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a run: the file, the environment and the options; frozen, made once a process."""

    environment: str = "production"
    path: Path | None = None
    """The file it was read from; None: a first look (or the embedded hub, see `demo`)."""
    demo: bool = False
    strict: bool = False
    drill_requested: bool = False
    report_dir: Path = Path("reports")
    target: Target = dataclasses.field(default_factory=Target)
    identity: IdentitySettings = dataclasses.field(default_factory=IdentitySettings)
    expect: Expect = dataclasses.field(default_factory=Expect)
    limits: Mapping[str, LimitOverride] = dataclasses.field(default_factory=_nothing)
    gate: GateSettings = dataclasses.field(default_factory=GateSettings)
    probe: ProbeSettings = dataclasses.field(default_factory=ProbeSettings)
    release: ReleaseSettings = dataclasses.field(default_factory=ReleaseSettings)
    secrets: SecretSettings = dataclasses.field(default_factory=SecretSettings)
    llm: LlmSettings = dataclasses.field(default_factory=LlmSettings)
    waivers: tuple[Waiver, ...] = ()
    drill: DrillSettings = dataclasses.field(default_factory=DrillSettings)
    load: LoadSettings = dataclasses.field(default_factory=LoadSettings)
    rollback: RollbackSettings = dataclasses.field(default_factory=RollbackSettings)
    notify: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=_nothing)
    """URLs of `[notify.SEVERITY]`, as `${VAR}` references: a literal secret is refused."""
    contacts: Mapping[str, str] = dataclasses.field(default_factory=_nothing)
    report: ReportSettings = dataclasses.field(default_factory=ReportSettings)

    @property
    def first_look(self) -> bool:
        """Whether nothing was declared: no file, and not the embedded hub."""
        return self.path is None and not self.demo

    @property
    def production(self) -> bool:
        """Whether the rules for production hold."""
        return self.environment == "production"

    def own_claims(self) -> dict[str, Claim]:
        """What the target and the environment claim where `[expect]` is silent, before anything deployed is read."""
        claimed = {}
        for key in ("authentication", "tls"):
            outside = f"not expected outside production (environment = {self.environment!r})"
            claimed[key] = Claim(expected=True) if self.production else Claim(expected=False, reason=outside)
        if self.target.release is not None:
            claimed["release"] = Claim(expected=True)
        if self.target.version or self.target.release is not None:
            claimed["version"] = Claim(expected=True)
        elif not self.target.kind.is_hub:
            claimed["version"] = Claim(expected=False, reason="[target] version is not set: no build is expected")
        if self.expect.servers is not None:
            claimed["servers"] = Claim(expected=True)
        accepted = self.expect.tools is not None
        claimed["accepted_tools"] = Claim(
            expected=accepted, reason="" if accepted else "[expect] tools names no accepted list: any tools are taken"
        )
        claimed["oauth"] = Claim(expected=False, reason="[expect] oauth is not set: no login by OAuth is expected")
        held = self.probe.hold > 0
        claimed["held_session"] = Claim(
            expected=held, reason="" if held else "[probe] hold is not set: no session is held"
        )
        return claimed

    @property
    def accepted_tools_file(self) -> Path:
        """Where the accepted list of tools is, or would be."""
        return self.expect.tools or (self.path.parent if self.path else Path()) / "accepted-tools.json"

    @property
    def seconds_for_checks(self) -> float:
        """Seconds that the checks of a running hub may take in one process: a budget of requests makes them wait, which is no slowness."""
        waiting = 0.0 if self.target.bearable is None else SECONDS_FOR_A_BUDGET
        return self.probe.budget + self.probe.hold + waiting

    def claim(self, key: str) -> Claim:
        """What was declared under `key` of `[expect]`; never declared gives `expected=None`."""
        return self.expect.claims.get(key) or Claim()
