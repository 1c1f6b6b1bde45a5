"""`readiness init`: look at a hub and write a first `readiness.toml` for a person to confirm."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import re
import secrets
import shlex
import sys
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config import (
    ENVIRONMENTS,
    FILE_NAME,
    KINDS,
    Bad,
    ProbeSettings,
    could_be_secret,
    is_loopback,
    literal_kind,
    parse,
    printable,
    read_url,
)
from readiness.errors import ConfigError, ReadinessError, Unknown
from readiness.support import missing_libraries, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness.config import TargetKind
    from readiness.facts.host import RunningHub
    from readiness.facts.http import HttpAnswer, HttpTransport

_USAGE: Final = 4
_LONGEST_WORD: Final = 40
_ANALYSIS: Final = "prompt_analysis"
_CLAIMS: Final = ("filtering", "llm", _ANALYSIS, "telemetry", "config_api", "tools_api")
"""`prompt_analysis` stands only where the hub filters at all: without filtering it is not asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when a file was written, 1 when none could be, 4 for a call that cannot be understood."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    try:
        url = read_url(given.url, ("http", "https"), "an address like https://hub.example.com")
    except Bad as bad:
        sys.stderr.write(f"readiness init: --url: expected {bad.wanted}\n")
        return _USAGE
    output = Path(given.output)
    try:
        _refuse_early(output, force=given.force)
        release = _release(given.release)
        way = Credentials(variable=given.token_env, header=given.token_header)
        text, seen = first_file(url, release, output.absolute().parent, given.environment, way)
        write(output, text, force=given.force)
    except ReadinessError as error:
        sys.stderr.write(f"readiness init: {error}\n")
        return 1
    sys.stdout.write(_summary(output, text, seen))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness init",
        description=__doc__,
        epilog="exit: 0 a file was written, 1 none could be, 4 a wrong call",
    )
    parser.add_argument(
        "--url", required=True, help="address of the hub, or of any MCP endpoint (…/mcp), as clients use it"
    )
    parser.add_argument("--token-env", metavar="NAME", help="the variable that holds the token, where it asks for one")
    parser.add_argument(
        "--token-header", metavar="HEADER", help="the header that carries it (default: Authorization: Bearer)"
    )
    parser.add_argument("--release", metavar="DIR", help="the release tree, for preflight")
    parser.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        help="what the hub is for; default: by where it listens, and asked for on a terminal where that does not say it",
    )
    parser.add_argument("--output", default=FILE_NAME, metavar="FILE", help="what to write (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    return parser


def _refuse_early(output: Path, *, force: bool) -> None:
    if output.is_dir():
        raise ReadinessError(f"{output} is a directory; name a file")
    if not force and os.path.lexists(output):
        raise ReadinessError(f"{output} is there already and was left as it is; --force replaces it")


def _release(given: str | None) -> Path | None:
    if given is None:
        return None
    # absolute: in the file it would be relative to the file's folder, on the command line it is to the working one
    release = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would freeze a `current` link to today's release
    if not release.is_dir():
        raise ReadinessError(f"--release {printable(given)}: there is no such directory")
    return release


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The variable that holds the token, and the header that carries it, as the command line names them."""

    variable: str | None = None
    header: str | None = None

    def lines(self) -> list[str]:
        """The same as settings of [target]."""
        named = {"token_env": self.variable, "token_header": self.header}
        return [f"{name} = {_toml(value)}" for name, value in named.items() if value]

    def headers(self) -> dict[str, str]:
        """The headers that carry it. Raises ReadinessError for a variable that is not set, or a setting that is none."""
        if self.variable is None:
            return {}
        from readiness.facts.http import credentials

        try:
            document = tomllib.loads("\n".join(["[target]", *self.lines()]))
            return credentials(parse(document, source_name="the options", folder=Path()).target)
        except (ConfigError, ValueError, Unknown) as error:
            raise ReadinessError(printable(str(error))) from None


NO_CREDENTIALS: Final = Credentials()


def first_file(
    url: str,
    release: Path | None,
    folder: Path,
    environment: str | None = None,
    way: Credentials = NO_CREDENTIALS,
) -> tuple[str, HubProfile | EndpointProfile]:
    """The file's text, proven to load from `folder`, and what was seen. Raises ReadinessError."""
    headers = way.headers()
    seen: HubProfile | EndpointProfile
    try:
        seen = look(url, headers=headers)
        if environment is None and _is_unsure(seen):
            environment = _asked()
        text = compose(seen, release, folder, environment, way)
    except NoHubError as error:
        found = look_for_endpoint(url, headers)
        if found is None:
            raise
        if isinstance(found, str):
            raise ReadinessError(found) from error
        seen, text = found, compose_endpoint(found, release, environment, way)
    try:
        parse(tomllib.loads(text), source_name=FILE_NAME, folder=folder)
    except (ConfigError, ValueError) as error:
        raise ReadinessError(f"what was seen makes no valid file, write it by hand: {printable(str(error))}") from error
    return text, seen


def _is_unsure(seen: HubProfile) -> bool:
    """Whether it cannot be seen who may reach the hub: it is asked by loopback, and is not shown to listen there alone."""
    return is_loopback(seen.url) and seen.exposed is not False


def _asked() -> str | None:
    """What a person at the terminal says the hub is for; None where nobody is there, or nothing fitting was said."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(
        f"This hub may be reached from other machines. What is it for: {', '.join(ENVIRONMENTS)}?\n"
        '"production" asks for authentication and TLS. [development] '
    )
    sys.stderr.flush()
    word = sys.stdin.readline(_LONGEST_WORD).strip().lower()
    return next((name for name in ENVIRONMENTS if word and name.startswith(word)), None)


def compose(
    seen: HubProfile,
    release: Path | None,
    folder: Path | None = None,
    environment: str | None = None,
    way: Credentials = NO_CREDENTIALS,
) -> str:
    """The text of a readiness.toml in `folder` that claims what was seen."""
    if release is None and seen.here is not None:
        release = seen.here.release
    lines = [
        "# Written by `readiness init` from what the hub showed. Confirm each line: it says what this deployment claims.",
        _environment_line(seen, environment),
        "",
        "[target]",
        f"url = {_toml(seen.url)}",
        *way.lines(),
        *_target_lines(seen, release, folder),
        "",
        "[expect]",
        *_expect_lines(seen),
        *_unseen_lines(seen, release),
        "",
        "[probe]",
        f"settle = {ProbeSettings().startup(seen.version):g}  # seconds to start: so long does this hub wait for a server that connects",
    ]
    for call in seen.calls:
        lines += ["", "[[expect.tool_call]]", *_call_lines(call)]
    return "\n".join(lines) + "\n"


def compose_endpoint(
    seen: EndpointProfile, release: Path | None, environment: str | None = None, way: Credentials = NO_CREDENTIALS
) -> str:
    """The text of a readiness.toml for a target that is no MCP Hub, with what showed its kind."""
    environment = environment or ("local" if is_loopback(seen.url) else "production")
    lines = [
        "# Written by `readiness init` from what the endpoint showed. Confirm each line: it says what this deployment claims.",
        f"environment = {_toml(environment)}",
        "",
        "[target]",
        f"kind = {_toml(seen.kind)}  # {printable(seen.why)}",
        f"url = {_toml(seen.url)}",
    ]
    if seen.endpoint != KINDS[seen.kind].endpoint:
        lines.append(f"endpoint = {_toml(seen.endpoint)}  # where agents connect")
    lines += way.lines()
    if release is not None:
        lines.append(f"release = {_toml(str(release))}")
    if seen.version:
        lines.append(f"version = {_toml(seen.version)}  # what it says of itself; what is deployed must say the same")
    else:
        lines.append('# version = ""  # it shows none: [identity] version may say where the build shows')
    for call in seen.calls:
        lines += ["", "[[expect.tool_call]]", *(line for line in _call_lines(call) if not line.startswith("server ="))]
    if not seen.calls:
        lines += [
            "",
            "# No tool says that it only reads and needs no arguments: name a harmless call, or nothing is proven of calls.",
            "# [[expect.tool_call]]",
            f"# tool = {_toml(seen.tools[0] if seen.tools else 'name')}",
            '# contains = ""  # what its answer must contain',
        ]
    return "\n".join(lines) + "\n"


def _environment_line(seen: HubProfile, environment: str | None) -> str:
    """The claim follows where the hub listens; where that does not say who may reach it, the line says so."""
    if environment is not None:
        return f"environment = {_toml(environment)}"
    if not _is_unsure(seen):
        return f"environment = {_toml('local' if is_loopback(seen.url) else 'production')}"
    why = "it listens on more than loopback" if seen.exposed else "where it listens was not seen"
    return (
        f'# Who may call this hub is not known: {why}. If others depend on it, say "production": that asks for\n'
        "# authentication and TLS.\n"
        'environment = "development"'
    )


def _target_lines(seen: HubProfile, release: Path | None, folder: Path | None) -> list[str]:
    lines, here = [], seen.here
    if release is not None:
        within = "." if folder is not None and os.path.realpath(release) == os.path.realpath(folder) else str(release)
        lines.append(f"release = {_toml(within)}")
    elif seen.folder is not None:
        lines.append(f"# release = {_toml(seen.folder)}  # where the hub runs; needed for preflight")
    if seen.version is not None:
        lines.append(f"version = {_toml(seen.version)}")
    else:
        lines.append('# version = ""  # this hub publishes none')
    if here is not None and len(here.configs) > 1:
        names = ", ".join(printable(_relative(str(path), release)) for path in here.configs)
        lines.append(f"# config: the hub reads several, as what starts it names them: {names}")
    elif seen.config is not None:
        lines.append(f"config = {_toml(_relative(seen.config, release))}")
    if here is not None and here.state is not None:
        lines.append(f"state = {_toml(os.path.normpath(here.state))}")
    if here is not None and here.unit:
        lines.append(f"unit = {_toml(here.unit)}")
    if here is not None and here.env_file is not None:
        lines.append(f"env_file = {_toml(_relative(str(here.env_file), release))}")
    return lines


def _relative(path: str, release: Path | None) -> str:
    for top in () if release is None else (release, Path(os.path.realpath(release))):
        with contextlib.suppress(ValueError):
            return str(Path(path).relative_to(top))
    return path


def _expect_lines(seen: HubProfile) -> list[str]:
    lines = []
    for claim in _CLAIMS:
        claimed = seen.claims.get(claim)
        if claimed is True:
            lines.append(f"{claim} = true")
        elif isinstance(claimed, str):
            lines.append(f"{claim} = {{ expected = false, reason = {_toml(claimed)} }}")
        elif claim != _ANALYSIS:
            lines.append(f"# {claim} = true  # not known: {seen.unclear.get(claim, 'the hub does not say')}")
    if seen.servers:
        lines.append(f"servers = [{', '.join(_toml(name) for name in seen.servers)}]")
    else:
        lines.append('# servers = [""]  # the hub showed none: declare those it should have')
    return lines


def _unseen_lines(seen: HubProfile, release: Path | None) -> list[str]:
    """What this look could not have seen, as claims to confirm: checks of it are left out, with that reason."""
    unseen = {}
    here = seen.here
    if release is None:
        program = "" if here is None else clean(here.program)
        where = f"the hub runs {program}, which is in no release tree" if program else "no release tree was named"
        unseen["release"] = f"{where} (readiness init --release DIR)"
    elif here is not None:
        absent = {"git": here.no_git, "unit": here.no_unit, "env_file": here.no_env_file}
        unseen |= {claim: why for claim, why in absent.items() if why}
    if not is_loopback(seen.url):
        unseen["logs"] = "the hub runs on another host"
    elif seen.version is not None and seen.version.startswith("4.2."):
        unseen["logs"] = f"the log file of {seen.version} carries no levels"
    return [f"{claim} = {{ expected = false, reason = {_toml(why)} }}" for claim, why in unseen.items()]


def _call_lines(call: HarmlessCall) -> list[str]:
    if call.nothing:
        return [f"server = {_toml(call.server)}", f"nothing_to_call = {_toml(call.nothing)}"]
    lines = [f"server = {_toml(call.server)}", f"tool = {_toml(call.tool)}"]
    if call.message is None:
        return [*lines, '# contains = ""  # what its answer must contain']
    return [*lines, f"arguments = {{ message = {_toml(call.message)} }}", f"contains = {_toml(call.message)}"]


def _toml(text: str) -> str:
    """`text` as a TOML basic string: JSON's escapes are a subset of TOML's, and nothing unprintable is left in it."""
    return json.dumps(printable(text), ensure_ascii=False)


def write(path: Path, text: str, *, force: bool) -> None:
    """Write `path` whole or not at all, and never over a file unless `force`. Raises ReadinessError."""
    if force:
        replace_file(path, text)
        return
    ready = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    replace_file(ready, text)
    try:
        os.link(ready, path)  # fails where a file is, even one that came this very moment
    except FileExistsError:
        raise ReadinessError(f"{path} is there already and was left as it is; --force replaces it") from None
    except OSError as error:
        raise ReadinessError(f"cannot write {path}: {error.strerror}") from None
    finally:
        ready.unlink(missing_ok=True)


def _summary(output: Path, text: str, seen: HubProfile | EndpointProfile) -> str:
    if isinstance(seen, HubProfile):
        count = f"{len(seen.servers)} server{'' if len(seen.servers) == 1 else 's'}"
        what = f"MCP Hub{f' {seen.version}' if seen.version else ''} at {seen.url}, {count}"
    else:
        what = f"{seen.words}, of {seen.url}, {len(seen.tools)} tool{'' if len(seen.tools) == 1 else 's'}"
    lines = [f"wrote {printable(str(output))}: {what}", "", "confirm these lines:"]
    lines += [f"  {line}" for line in text.splitlines()[1:] if line]
    lines += ["", *(f"note: {note}" for note in seen.notes)] if seen.notes else []
    option = "" if output.name == FILE_NAME else f" --readiness-config {printable(str(output))}"
    phases = " -m health" if isinstance(seen, HubProfile) else ""
    # without it most of what an endpoint is judged by stays unknown
    first = "" if phases or not missing_libraries("e2e") else "pip install 'mcp-hub-readiness[e2e]', then "
    return "\n".join([*lines, "", f"next: {first}readiness check{phases}{option}"]) + "\n"


SECONDS: Final = 5.0
"""How long the hub is looked at, all requests together."""
ONE_REQUEST: Final = 2.0
"""Seconds for each request after the first, so that one slow route does not hide the others."""
MAX_SERVERS: Final = 200
MAX_TOOLS: Final = 500
"""Tools looked at of one server."""
MAX_NAME: Final = 200
ROUTES: Final = ("/api/servers", "/api/tools", "/api/filtering/stats", "/api/config")
UNIT_FOLDERS: Final = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))

_OK: Final = 200
_NO_SUCH: Final = frozenset({404, 405, 410, 501})
_VERSION: Final = re.compile(r"v?\d{1,6}(?:\.\d{1,6}){1,3}(?:[-+][0-9A-Za-z.+-]{1,40})?")
_TELLING: Final = re.compile(r"env|secret|token|cred|key|passw|config|log", re.IGNORECASE)
"""Names of tools whose answers may hold secrets: server-everything's get-env prints the whole environment."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HarmlessCall:
    """A harmless call of a tool; `message` for the well-known echo, None for a tool without arguments."""

    server: str
    tool: str = ""
    message: str | None = None
    nothing: str = ""
    """Why nothing of this server is called, instead of a tool."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubProfile:
    """What a hub showed; every text is clean: printable, short, no secret."""

    url: str
    version: str | None = None
    servers: tuple[str, ...] = ()
    claims: dict[str, bool | str] = dataclasses.field(default_factory=dict)
    """By claim: True, or the reason why it is not expected."""
    unclear: dict[str, str] = dataclasses.field(default_factory=dict)
    """By claim: why nothing could be said about it."""
    calls: tuple[HarmlessCall, ...] = ()
    config: str | None = None
    """Path of the hub's configuration on its host."""
    folder: str | None = None
    """The working directory of the hub on its host: often its release."""
    here: RunningHub | None = None
    """What this host shows of its process; None where it is not proven to run here."""
    exposed: bool | None = None
    """Whether this host's kernel shows it listening where other machines reach it; None: not shown."""
    notes: tuple[str, ...] = ()


class NoHubError(ReadinessError):
    """What answers there is no MCP Hub, or does not show it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProfile:
    """What a target of another kind showed; every text is clean."""

    url: str
    kind: str
    why: str
    words: str
    endpoint: str
    version: str | None = None
    """The build, where this kind shows it."""
    tools: tuple[str, ...] = ()
    calls: tuple[HarmlessCall, ...] = ()
    notes: tuple[str, ...] = ()


def look_for_endpoint(url: str, headers: Mapping[str, str]) -> EndpointProfile | str | None:
    """What else answers at `url`, or why nobody is let in there; None for nothing that is known."""
    from readiness.facts.http import HttpTransport, Manners, RateLimited, TransportSettings, detect

    parts = urlsplit(url)
    paths = [parts.path] if parts.path else []
    transport = HttpTransport(
        TransportSettings(
            base=f"{parts.scheme}://{parts.netloc}",
            timeout=SECONDS,
            headers=headers,
            manners=Manners(place=parts.netloc.lower()),
        )
    )
    try:
        found = detect(transport, paths)
        if found is None or (found.probe is None and not found.refusal):
            return None
        if found.probe is None:
            how = (
                f"; name it: readiness init --url {printable(url)} --token-env NAME" if " 401" in found.refusal else ""
            )
            return f"no file was written: {clean(found.refusal, 500)}{how}"
        kind = KINDS[found.kind or "mcp"]
        version = _shown_version(transport, kind, found.probe.opened)
    except RateLimited as error:
        return f"no file was written: {clean(str(error), 500)}"
    except Unknown:
        return None
    finally:
        transport.close()
    return EndpointProfile(
        url=f"{parts.scheme}://{parts.netloc}",
        kind=kind.name,
        why=clean(found.why),
        words=clean(found.words, 400),
        endpoint=found.endpoint,
        version=version,
        tools=tuple(filter(None, (_name(tool) for tool in found.probe.tools or ()))),
        calls=_harmless_calls(found.probe.definitions[:MAX_TOOLS], kind.separator),
    )


def _shown_version(transport: HttpTransport, kind: TargetKind, opened: dict[str, Any]) -> str | None:
    """The build, from where this kind shows it: what a gateway says in initialize may be its library's version."""
    if "version" in kind.lacks:
        return None
    route, _, pointer = kind.version.rpartition(" ")
    document: Any = (_object(_ask(transport, route)) if route else opened) or {}
    for name in pointer.split("."):
        document = _dict(document).get(name)
    return document if _is_version(document) else None


def _harmless_calls(tools: Sequence[dict[str, Any]], separator: str) -> tuple[HarmlessCall, ...]:
    """The best call of an endpoint; where names of tools begin with their server's, of each of them."""
    usable = sorted(filter(None, (_usable("", tool, separator) for tool in tools)), key=lambda one: one[0])
    best: dict[str, HarmlessCall] = {}
    for _, call in usable:
        best.setdefault(call.tool.partition(separator)[0] if separator else "", call)
    return tuple(best.values())


def look(url: str, seconds: float = SECONDS, headers: Mapping[str, str] = MappingProxyType({})) -> HubProfile:
    """What the hub at `url` shows within `seconds`. Raises ReadinessError in one sentence if no hub answers there."""
    from readiness.facts.http import HttpTransport, TransportSettings

    transport = HttpTransport(TransportSettings(base=url, timeout=seconds, headers=headers))
    try:
        with transport.within(seconds):
            health = _health(transport, url)
            answers = {route: _ask(transport, route) for route in ROUTES}
    finally:
        transport.close()
    return _on_host(_seen(url, health, answers), health)


def _on_host(seen: HubProfile, health: dict[str, Any]) -> HubProfile:
    """What was seen, with what this host shows of the hub's process: that outranks what a shared file of workspaces says."""
    from readiness.facts.host import inspect_hub
    from readiness.facts.hub import is_exposed

    if not is_loopback(seen.url):
        return seen
    claimed = _workspace(seen.url, health).get("pid")
    here = inspect_hub(seen.url, *([claimed] if isinstance(claimed, int) else []))
    seen = dataclasses.replace(seen, here=here, exposed=is_exposed(seen.url))
    if here is None:
        return seen
    version = seen.version or (here.version if _is_version(here.version) else None)
    config = clean(here.configs[0]) if here.configs else seen.config
    return dataclasses.replace(seen, version=version, config=os.path.normpath(config) if config else None)


def _is_version(version: object) -> bool:
    return isinstance(version, str) and bool(_VERSION.fullmatch(version)) and not could_be_secret(version)


def _health(transport: HttpTransport, url: str) -> dict[str, Any]:
    try:
        answer = transport.get("/api/health")
    except Unknown as error:
        raise NoHubError(f"no hub answers at {url}: {clean(error)}") from None
    if answer.redirect is not None:
        raise NoHubError(f"no hub answers at {url}: it redirects to another host")
    if answer.status in {401, 403}:
        raise NoHubError(f"{url} asks for credentials; look at the hub's own port instead, from its host")
    health = _object(answer)
    if answer.status != _OK or health is None or health.get("server_id") != "mcp-hub":
        kind = clean(answer.content_type) or "no content type"
        raise NoHubError(f"what answers at {url} is no MCP Hub: /api/health gave {answer.status}, {kind}")
    return health


def _ask(transport: HttpTransport, route: str) -> HttpAnswer | str:
    try:
        return transport.get(route, timeout=ONE_REQUEST, tries=1)
    except Unknown as error:
        return clean(error)


def _object(answer: HttpAnswer | str) -> dict[str, Any] | None:
    """The JSON object of a good answer, else None."""
    if isinstance(answer, str) or answer.status != _OK or answer.redirect is not None:
        return None
    try:
        return answer.json_object()
    except Unknown:
        return None


def clean(value: object, limit: int = MAX_NAME) -> str:
    """`value` as one line of printable characters, at most `limit`; nothing if it looks like a secret."""
    text = "".join(character for character in str(value)[: 4 * limit] if character.isprintable()).strip()[:limit]
    return "" if literal_kind(text) else text


def _name(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _seen(url: str, health: dict[str, Any], answers: dict[str, HttpAnswer | str]) -> HubProfile:
    version = health.get("version")
    known = str(version) if _is_version(version) else None
    records = _list((_object(answers["/api/servers"]) or health).get("servers"))
    servers, notes = _servers(records)
    if _name(health.get("state")) not in {"ready", "restarted"}:
        notes.insert(0, f"the hub is not ready ({_name(health.get('state')) or 'no state'}): look again when it is")
    claims, unclear = _claims(known or "this hub", answers)
    config, folder = _deployed(url, health)
    config = config or next((path for record in records if (path := _name(record.get("config_source")))), None)
    if config is not None and not config.startswith("/"):
        if folder is None:
            notes.append(f"the hub reads {config}, relative to a folder that it does not name: set [target] config")
        config = None if folder is None else os.path.normpath(Path(folder, config))
    called = [call for record in records if (call := _harmless_call(record)) and call.server in servers]
    calls = tuple({call.server: call for call in called}.values())
    without = [name for name in servers if name not in {call.server for call in calls}]
    notes += [f"no harmless tool call was found for {name}: add one" for name in without]
    return HubProfile(
        url=url,
        version=known,
        servers=tuple(servers),
        claims=claims,
        unclear=unclear,
        calls=calls,
        config=config,
        folder=folder,
        notes=tuple(notes),
    )


def _servers(records: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    names: list[str] = []
    notes: list[str] = []
    for record in records[:MAX_SERVERS]:
        raw, name = record.get("name"), _name(record.get("name"))
        if not name or name in names:
            notes.append("a server was left out: its name is missing, unusable or there twice")
            continue
        if record.get("status") == "disabled":
            notes.append(f"{name} is disabled and was left out")
            continue
        if raw != name:
            notes.append(f"{name}: its name holds characters that were dropped")
        if record.get("status") != "connected":
            notes.append(f"{name} was not connected when it was seen")
        names.append(name)
    if len(records) > MAX_SERVERS:
        notes.append(f"only the first {MAX_SERVERS} of {len(records)} servers were taken")
    return names, notes


def _claims(hub: str, answers: dict[str, HttpAnswer | str]) -> tuple[dict[str, bool | str], dict[str, str]]:
    """What the routes prove: a claim, a reason against it, or why neither can be said."""
    claims: dict[str, bool | str] = {}
    unclear: dict[str, str] = {}
    for claim, route in (("config_api", "/api/config"), ("tools_api", "/api/tools")):
        _served(claim, route, answers[route], f"{hub} has no {route}", claims, unclear)
    route = "/api/filtering/stats"
    statistics = _object(answers[route])
    if statistics is None:
        what = {"filtering": "filtering statistics", "llm": "LLM state", "telemetry": "LLM metrics"}
        for claim, missing in what.items():
            _served(claim, route, answers[route], f"{hub} publishes no {missing}", claims, unclear)
        return claims, unclear
    claims["telemetry"] = True if _dict(statistics.get("llm")) else f"{hub} publishes no LLM metrics"
    _switch("filtering", statistics.get("enabled"), "filtering was off when this file was written", claims, unclear)
    mode = _name(statistics.get("mode"))
    if statistics.get("enabled") is True and mode:
        claims["prompt_analysis"] = (
            mode == "prompt-based" or f"filtering had the mode {mode} when this file was written"
        )
    llm = _dict(statistics.get("llm")).get("enabled")
    config = _object(answers["/api/config"])
    if not isinstance(llm, bool) and config is not None:
        filtering = _dict(_dict(config.get("config")).get("toolFiltering"))
        llm = _dict(filtering.get("llmCategorization")).get("enabled") is True
    _switch("llm", llm, "no LLM was configured when this file was written", claims, unclear)
    return claims, unclear


def _served(  # noqa: PLR0913, PLR0917 - one row of a table
    claim: str,
    route: str,
    answer: HttpAnswer | str,
    reason: str,
    claims: dict[str, bool | str],
    unclear: dict[str, str],
) -> None:
    if _object(answer) is not None:
        claims[claim] = True
    elif not isinstance(answer, str) and answer.status in _NO_SUCH:
        claims[claim] = reason
    else:
        unclear[claim] = answer if isinstance(answer, str) else f"{route} answered {answer.status}"


def _switch(claim: str, value: object, off: str, claims: dict[str, bool | str], unclear: dict[str, str]) -> None:
    if isinstance(value, bool):
        claims[claim] = value or off
    else:
        unclear[claim] = "the hub does not say"


def _harmless_call(record: dict[str, Any]) -> HarmlessCall | None:
    """The well-known echo, or a tool that says it only reads and needs no arguments, or why there is none; None if nobody can say."""
    server = _name(record.get("name"))
    tools = _list(_dict(record.get("capabilities")).get("tools"))[:MAX_TOOLS]
    candidates = sorted(filter(None, (_usable(server, tool) for tool in tools)), key=lambda one: one[0])
    if server and not tools and record.get("status") == "connected":
        offers = _dict(record.get("capabilities"))
        kinds = [kind for kind in ("resources", "prompts") if _list(offers.get(kind))]
        return HarmlessCall(server=server, nothing=f"{' and '.join(kinds)} only") if kinds else None
    return candidates[0][1] if server and candidates else None


def _usable(server: str, tool: dict[str, Any], separator: str = "") -> tuple[tuple[int, str], HarmlessCall] | None:
    """A call with its rank (echo first, then closed-world tools, then by name), or None.

    `separator`: what stands between a server and its tool in the name.
    """
    name, schema, hints = _name(tool.get("name")), _dict(tool.get("inputSchema")), _dict(tool.get("annotations"))
    required = schema.get("required", [])
    if not name or name != tool.get("name") or not isinstance(required, list) or hints.get("destructiveHint") is True:
        return None
    is_echo = name == "echo" or (separator and name.endswith(f"{separator}echo"))
    if is_echo and "message" in _dict(schema.get("properties")) and required in ([], ["message"]):
        return (0, name), HarmlessCall(server=server, tool=name, message="ready?")
    if hints.get("readOnlyHint") is not True or required or _TELLING.search(name):
        return None
    return (2 if hints.get("openWorldHint") is True else 1, name), HarmlessCall(server=server, tool=name)


def _deployed(url: str, health: dict[str, Any]) -> tuple[str | None, str | None]:
    """The hub's configuration and working directory: of its unit, where that is visible, else as it says itself."""
    if is_loopback(url) and (config_and_unit := unit_config(UNIT_FOLDERS, _port(url))):
        return config_and_unit
    mine = _workspace(url, health)
    files = mine.get("config_files")
    first = files[0] if isinstance(files, list) and files else None
    return _name(first) or None, _name(mine.get("cwd")) or None


def _port(url: str) -> str:
    parts = urlsplit(url)
    return str(parts.port or {"http": 80, "https": 443}[parts.scheme])


def _workspace(url: str, health: dict[str, Any]) -> dict[str, Any]:
    """What the hub's file of workspaces says about this hub."""
    workspaces = _dict(_dict(health.get("workspaces")).get("allActive"))
    return _dict(workspaces.get(_port(url)) or (next(iter(workspaces.values())) if len(workspaces) == 1 else None))


def unit_config(folders: Iterable[Path], port: str) -> tuple[str, str | None] | None:
    """Configuration and working directory of the systemd unit that starts a hub on `port`, where one is visible."""
    for folder in folders:
        for unit in sorted(folder.glob("*hub*.service")):
            with contextlib.suppress(OSError, ValueError):
                configured = _of_unit(unit.read_bytes()[:65_536].decode("utf-8", "replace"), port)
                if configured:
                    return configured
    return None


def _of_unit(text: str, port: str) -> tuple[str, str | None] | None:
    lines = text.replace("\\\n", " ").splitlines()
    settings = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    words = shlex.split(settings.get("ExecStart", "").lstrip("-@:+!"))
    options = dict(itertools.pairwise(words))
    options |= dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
    config, folder = clean(options.get("--config", "")), clean(settings.get("WorkingDirectory", ""))
    if not config or options.get("--port") != port:
        return None
    return str(Path(folder, config)) if folder.startswith("/") else config, folder or None
