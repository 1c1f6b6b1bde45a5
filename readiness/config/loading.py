"""From a file, the environment and options to one frozen Config; every mistake is named, all at once."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import os
import re
import stat
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.config.kinds import is_loopback, read_table, url
from readiness.config.mistakes import (
    Bad,
    Mistakes,
    SettingPlace,
    could_be_secret,
    did_you_mean,
    find_literals,
    near_miss,
    nearest,
    printable,
    quoted,
)
from readiness.config.model import (
    Claim,
    Config,
    DrillSettings,
    Expect,
    ExpectedCall,
    GateSettings,
    IdentitySettings,
    KnownSecret,
    LimitOverride,
    LlmSettings,
    LoadSettings,
    ProbeSettings,
    ReleaseSettings,
    ReportSettings,
    RollbackAction,
    RollbackSettings,
    SecretSettings,
    Target,
    ToolCall,
    Waiver,
)
from readiness.config.schema import A_VERSION, ROOT, SECTIONS
from readiness.config.target_kinds import MCP_HUB
from readiness.errors import ConfigError
from readiness.findings import PHASES
from readiness.support import EXPECTED_VERSION, INTERNAL_URL, WINDOW
from readiness.support.redaction import MAX_FILE, Redactor, known_secrets, secrets_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from readiness.findings import Check
    from readiness.support.redaction import Secret

URL_VARIABLE: Final = "MCP_HUB_URL"
RELEASE_VARIABLE: Final = "MCP_HUB_RELEASE"


def load(  # noqa: PLR0913 - one keyword a source; all optional
    *,
    file: Path | None = None,
    start: Path | None = None,
    environ: Mapping[str, str] | None = None,
    demo: bool = False,
    demo_url: str | None = None,
    demo_release: Path | None = None,
    strict: bool = False,
    drill: bool = False,
    hold: float = 0.0,
    report_dir: Path | None = None,
) -> Config:
    """What a run was told.

    `file`, or the nearest readiness.toml in `start` (default: the working directory) or above it; what it leaves out of
    url and release comes from MCP_HUB_URL and MCP_HUB_RELEASE, which are all there is without a file (a first look).
    `hold` in place of `[probe] hold`, where it is above 0. `demo` and `demo_url` ask for the embedded hub's own settings and ignore file and environment.
    Raises ConfigError with every mistake, one a line.
    """
    options = Config(
        demo=demo or demo_url is not None,
        strict=strict,
        drill_requested=drill,
        report_dir=Path("reports") if report_dir is None else report_dir,
    )
    here = Path.cwd() if start is None else start
    if options.demo:
        return _demo(options, demo_url, demo_release, here)
    path = file
    if path is None and (path := find_file(here)) is not None:
        refuse_strangers(path, here)
    document = read_file(path) if path is not None else {}
    config = _from_document(document, options, path, here, os.environ if environ is None else environ)
    return dataclasses.replace(config, probe=dataclasses.replace(config.probe, hold=hold)) if hold > 0 else config


def parse(document: dict[str, Any], *, source_name: str, folder: Path) -> Config:
    """A Config from an already parsed document alone, as if it were a file in `folder`. Raises ConfigError."""
    return _from_document(document, Config(), folder / source_name, folder, {})


def _demo(options: Config, demo_url: str | None, release: Path | None, here: Path) -> Config:
    from readiness.config.demo import demo_settings

    settings = demo_settings(release)
    where = {"url": demo_url, "release": None if release is None else str(release)}
    settings["target"] |= {name: value for name, value in where.items() if value is not None}
    return _from_document(settings, options, None, here, {})


def _from_document(
    document: dict[str, Any], options: Config, path: Path | None, here: Path, environ: Mapping[str, str]
) -> Config:
    folder = here if path is None else Path(os.path.abspath(path)).parent  # noqa: PTH100 - as find_file
    book = Mistakes("" if path is None else printable(str(path)))
    today = dt.datetime.now(tz=dt.UTC).date()
    try:
        refuse_literals(document, book)
        values = _read(document, SettingPlace(book))
        cross_check(values, SettingPlace(book), folder, today)
    except RecursionError:
        raise ConfigError(f"{book.source}: nested far too deeply; a setting is at most a few levels deep") from None
    book.source = ""
    target = values.setdefault("target", {})
    _fill_in(target, book, here, environ)
    if environ.get(EXPECTED_VERSION):
        target["version"] = environ[EXPECTED_VERSION]
    if environ.get(INTERNAL_URL):
        target["internal_url"] = environ[INTERNAL_URL]
    if environ.get(WINDOW, "").isdecimal():
        values.setdefault("rollback", {})["window"] = int(environ[WINDOW])
    book.raise_all()
    if path is None and (options.demo or is_loopback(target.get("url"))):
        values["environment"] = "local"
    return build(values, dataclasses.replace(options, path=path), folder, today)


def _read(document: dict[str, Any], place: SettingPlace) -> dict[str, Any]:
    known = {name: value for name, value in document.items() if name in ROOT}
    for name in document.keys() - known.keys():
        place.unknown_key(name, ROOT, _elsewhere(name))
    return read_table(ROOT, known, place)


def _elsewhere(name: str) -> str:
    homes = [section for section, keys in SECTIONS.items() if name in keys]
    return f"did you mean {name} under [{homes[0]}]? " if homes else ""


def _fill_in(target: dict[str, Any], book: Mistakes, here: Path, environ: Mapping[str, str]) -> None:
    """Take from the environment what the file leaves out."""
    if "url" not in target and environ.get(URL_VARIABLE):
        place = SettingPlace(book, (URL_VARIABLE,))
        try:
            target["url"] = url("http", "https").read(environ[URL_VARIABLE], place)
        except Bad as bad:
            place.wrong(environ[URL_VARIABLE], bad)
    if "release" not in target and environ.get(RELEASE_VARIABLE):
        release = environ[RELEASE_VARIABLE]
        if release.isprintable():
            target["release"] = str(here / release)
        else:
            SettingPlace(book, (RELEASE_VARIABLE,)).wrong(release, Bad("a path"))


def missing_target(config: Config, phases: Collection[str]) -> str | None:
    """What to set, as the text of a usage error, where nothing says what to look at; None where something does.

    `phases` are those a run selects; infra alone with a file needs neither a URL nor a release, and phases that ask the
    running hub alone are not served by a release.
    """
    target = config.target
    if config.demo or target.facts_url or (target.release and "preflight" in phases):
        return None
    if config.path is not None and set(phases) <= {"infra"}:
        return None
    hub = f"[target] url (or {URL_VARIABLE}) to the address of the hub"
    release = f"[target] release (or {RELEASE_VARIABLE}) to the release tree"
    wanted = release if set(phases) == {"preflight"} else f"{hub}, and for preflight {release}"
    where = f"{printable(str(config.path))} names none" if config.path else f"there is no {FILE_NAME} here or above"
    return (
        f"nothing says which hub or release to look at: {where}. Set {wanted}; "
        f"`readiness init --url URL` writes a first {FILE_NAME}; --readiness-demo runs against the embedded hub"
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnknownName:
    """A name in the configuration that nothing here goes by: what it was meant for does not happen."""

    sentence: str
    is_misspelt: bool
    """It is a letter or two away from one that is known; else it may belong to a check that this run did not collect."""


def unknown_names(config: Config, checks: Iterable[Check]) -> list[UnknownName]:
    """Names of checks, claims and categories in the configuration that none of `checks` has, nor readiness itself."""
    from readiness.config.schema import EXPECT

    known = list(checks)
    ids = {check.id for check in known}
    claims = set(EXPECT).union(*(check.needs for check in known))
    topics = {check.category for check in known}
    path = printable(str(config.path)) if config.path else "the configuration"
    named = [(f"[limits.{name}]", name, "check", ids) for name in config.limits]
    named += [(f"[[waiver]] {index} check", one.check, "check", ids) for index, one in enumerate(config.waivers, 1)]
    named += [("[gate.weights]", name, "category", topics) for name in config.gate.weights if "/" in name]
    named += [("[expect]", name, "claim of a check", claims) for name in config.expect.claims]
    unknown = []
    for place, name, kind, options in named:
        if name not in options:
            near = near_miss(name, options)
            hint = f"did you mean {quoted(near)}?" if near else did_you_mean(name, options)
            sentence = f"{path}: {place} = {quoted(name)}: there is no such {kind}" + (f"; {hint}" if hint else "")
            unknown.append(UnknownName(sentence=sentence, is_misspelt=bool(near)))
    return unknown


FILE_NAME: Final = "readiness.toml"
MAX_BYTES: Final = 1024 * 1024
"""Size of a configuration at most: 1 MiB; more is not one that a person wrote."""

_WHERE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_MENDING: Final = (
    ("initial character", "a line is `key = value` or `[section]`; a comment starts with #"),
    ("after a key", "a line is `key = value`; a section's name stands in brackets"),
    ("table declaration", "a section is [name], its brackets closed on the same line"),
    ("Invalid date", "there is no such day or time; dates are 2026-01-31"),
    ("Invalid value", 'put text in double quotes ("…"); dates are 2026-01-31, booleans true and false'),
    ("twice", "the same section stands here twice: merge the two"),
    ("overwrite", "the same key or section stands here twice: keep one"),
    ("Cannot mutate", "this table was written inline before: add to it there"),
    ("Cannot declare", "the same name stands here twice: keep one"),
    ("after a statement", "one setting a line; put text in double quotes"),
    ("nclosed", "a bracket or brace is never closed"),
    ("Unterminated", 'a text is never closed: add the missing quote (")'),
    ("Illegal character", 'a text on one line ends on it: close its quote ("), or use three'),
    ("escape", "in double quotes a backslash is written twice; or use single quotes"),
    ("backslash", "in double quotes a backslash is written twice; or use single quotes"),
)
_GENERAL: Final = "TOML wants `key = value`, text in double quotes, sections like [target]"


def find_file(start: Path) -> Path | None:
    """The nearest readiness.toml in `start` or above it; None if there is none."""
    here = Path(os.path.abspath(start))  # noqa: PTH100 - resolve() would leave the folder a link stands in
    for folder in (here, *here.parents):
        candidate = folder / FILE_NAME
        if os.path.lexists(candidate):
            return candidate
    return None


def refuse_strangers(path: Path, start: Path) -> None:
    """Raise ConfigError where the file that was found, and not named, is another user's, or above `start` one that all may write.

    It says which commands are run: who is root must not run those of whoever can write into a folder further up. The owner of the
    working directory is believed there.
    """
    if not hasattr(os, "geteuid"):
        return
    here = Path(os.path.abspath(start))  # noqa: PTH100 - as find_file
    believed = {os.geteuid(), 0}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        believed.add(int(os.environ["SUDO_UID"]))
    try:
        if path.parent == here:
            believed.add(here.stat().st_uid)
        facts = [path.lstat(), path.stat()]
    except OSError:
        return  # reading it says why
    stranger = next((one.st_uid for one in facts if one.st_uid not in believed), None)
    if stranger is not None:
        why = f"belongs to another user (uid {stranger}), not to you, root or the owner of the working directory"
    elif path.parent != here and facts[1].st_mode & stat.S_IWOTH:
        why = "stands above the working directory and may be written by every user"
    else:
        return
    shown = printable(str(path))
    raise ConfigError(
        f"{shown}: {why}, and its commands would be run; if it is yours, name it: --readiness-config {shown}, or mend that: "
        f"chown {os.geteuid()} {shown} && chmod o-w {shown}"
    )


def read_file(path: Path) -> dict[str, Any]:
    """The parsed file, numbers with a point as Decimal. Raises ConfigError, with the line of a syntax error."""
    text = _text(path)
    import tomllib

    try:
        return tomllib.loads(text, parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {_explained(str(error), text)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested far too deeply; a setting is at most a few levels deep") from None
    except (ValueError, ArithmeticError, OverflowError) as error:
        # dates like 2026-02-31 and numbers of thousands of digits: the parser lets these through
        raise ConfigError(
            f"{path}: a value cannot be read ({_harmless(str(error))}); look at its dates and numbers"
        ) from None


def _text(path: Path) -> str:
    try:
        content = _bytes(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `readiness init --url URL` writes a first one") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise ConfigError(f"{printable(str(path))}: is not a path") from None
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8; save the file with that encoding") from None


def _bytes(path: Path) -> bytes:
    # not blocking: a pipe laid in its place must not hang the run
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
            raise ConfigError(f"{path}: is {what}; name the file itself")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1024} KiB; is this the right file?")
    return content


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent beyond what Decimal can hold
        return Decimal("Infinity")


def _explained(message: str, text: str) -> str:
    where = _WHERE.search(message)
    what = _WHERE.sub("", message)
    if where and where[1]:
        line, column = int(where[1]), int(where[2])
    else:
        line, column = text.count("\n") + 1, len(text.rpartition("\n")[2]) + 1
    hint = next((hint for sign, hint in _MENDING if sign in what), _GENERAL)
    if where is not None and where[1] is None and (hint is _GENERAL or "Invalid value" in what):
        hint = "the file ends too soon: a quote, bracket or brace is never closed"
    return f"line {line}, column {column}: {_harmless(what)}; {hint}"


def _harmless(message: str) -> str:
    """The parser's words, which may quote a key: without what could be a secret, on one line."""
    shown = printable(message)[:200]
    return "the syntax is wrong" if could_be_secret(shown) else shown


Values = dict[str, Any]

_PLAIN: Final[dict[str, type]] = {
    "identity": IdentitySettings,
    "probe": ProbeSettings,
    "release": ReleaseSettings,
    "report": ReportSettings,
}
_FOR_PRODUCTION: Final = ("authentication", "tls")


def build(values: Values, config: Config, folder: Path, today: dt.date) -> Config:
    """`config` with everything that `values` says; relative paths of the file are taken from `folder`."""
    environment = values.get("environment", config.environment)
    sections: Values = {name: make(**values[name]) for name, make in _PLAIN.items() if name in values}
    gate = values.get("gate", {})
    return dataclasses.replace(
        config,
        environment=environment,
        target=_target(values.get("target", {}), folder),
        expect=_expect(values.get("expect", {}), environment, today, folder),
        limits=_frozen({name: LimitOverride(**numbers) for name, numbers in values.get("limits", {}).items()}),
        gate=GateSettings(**gate | ({"weights": _frozen(gate["weights"])} if "weights" in gate else {})),
        secrets=_secrets(values.get("secrets", {})),
        llm=LlmSettings(base_url=_frozen(values.get("llm", {}).get("base_url", {}))),
        waivers=tuple(Waiver(**waiver) for waiver in values.get("waiver", ())),
        drill=_drill(values.get("drill", {})),
        load=_load(values.get("load", {}), folder),
        rollback=_rollback(values.get("rollback", {})),
        notify=_frozen({severity: one["urls"] for severity, one in values.get("notify", {}).items()}),
        contacts=_frozen(values.get("contacts", {})),
        **sections,
    )


def _frozen(values: Values) -> MappingProxyType[str, Any]:
    return MappingProxyType(dict(values))


def _target(values: Values, folder: Path) -> Target:
    paths: Values = {
        name: folder / Path(values[name]).expanduser() for name in ("release", "ca_file") if name in values
    }
    made: Values = {"headers": _frozen(values["headers"])} if "headers" in values else {}
    if not values.get("kind", MCP_HUB).is_hub:
        made["hosts"] = values.get("hosts", ())  # where this runs is a hub's host by custom, and nobody else's
    return _without_endpoint(Target(**values | paths | made))


def _without_endpoint(target: Target) -> Target:
    """`target` with an address of its endpoint (…/mcp) taken apart; an MCP Hub's address is left: its own check names that mistake."""
    if target.kind.is_hub or not target.url:
        return target
    parts = urlsplit(target.url)
    given = parts.path.rstrip("/")
    if not given:
        return target
    wanted = target.endpoint_path.rstrip("/")
    if wanted and given.endswith(wanted):
        kept, endpoint = given.removesuffix(wanted), target.endpoint
    elif target.endpoint is None:
        kept, endpoint = "", given
    else:
        return target
    return dataclasses.replace(target, url=f"{parts.scheme}://{parts.netloc}{kept}", endpoint=endpoint)


def _expect(values: Values, environment: str, today: dt.date, folder: Path) -> Expect:
    claims = {name: _live(Claim(**claim), today) for name, claim in values.get("claims", {}).items()}
    for name in _FOR_PRODUCTION:
        reason = f"environment is {environment}: {name} is expected in production only"
        away = Claim(expected=False, reason=reason)
        claims.setdefault(name, Claim(expected=True) if environment == "production" else away)
    claims.setdefault("telemetry", Claim(expected=True))
    calls = values.get("tool_call", ())
    return Expect(
        claims=_frozen(claims),
        servers=values.get("servers"),
        min_servers=values.get("min_servers"),
        tools=folder / Path(values["tools"]).expanduser() if "tools" in values else None,
        tool_calls=tuple(_call(call) for call in calls if "tool" in call),
        other_calls=tuple(
            ExpectedCall(**call | {"arguments": _frozen(call.get("arguments", {}))})
            for call in calls
            if "tool" not in call
        ),
    )


def _live(claim: Claim, today: dt.date) -> Claim:
    """`claim`, or claimed again where its exception has run out."""
    if claim.expected is False and claim.expires is not None and claim.expires < today:
        reason = f"the exception ended on {claim.expires}: {claim.reason}"
        return dataclasses.replace(claim, expected=True, reason=reason)
    return claim


def _call(values: Values) -> ToolCall:
    return ToolCall(**values | {"arguments": _frozen(values.get("arguments", {}))})


def _drill(values: Values) -> DrillSettings:
    return DrillSettings(**values | ({"call": _call(values["call"])} if "call" in values else {}))


def _secrets(values: Values) -> SecretSettings:
    known = tuple(KnownSecret(**one) for one in values.get("known", ()))
    return SecretSettings(**values | {"known": known})


def _load(values: Values, folder: Path) -> LoadSettings:
    made: Values = {"mix": tuple(_frozen(one) for one in values["mix"])} if "mix" in values else {}
    if "locustfile" in values:
        made["locustfile"] = folder / Path(values["locustfile"]).expanduser()
    return LoadSettings(**values | made)


def _rollback(values: Values) -> RollbackSettings:
    actions = tuple(RollbackAction(**action) for action in values.get("action", ()))
    return RollbackSettings(**{name: value for name, value in values.items() if name != "action"}, actions=actions)


MAX_WAIVER_DAYS: Final = 90
"""Days a waiver may reach ahead: long enough to mend something, too short to forget it."""


def refuse_literals(document: dict[str, Any], book: Mistakes) -> None:
    """Note every literal secret, before anything else could show it."""
    from readiness.config.mistakes import render

    for path, kind in find_literals(document):
        how = "name the variable that holds it, or write ${VAR}"
        book.add(
            path, f"{render(path)} holds a literal secret ({kind}); {how}, and change the secret: it was written down"
        )


def cross_check(values: Values, place: SettingPlace, folder: Path, today: dt.date) -> None:
    """Note what does not fit together."""
    _gate(values.get("gate", {}), place.at("gate"))
    for name, numbers in values.get("limits", {}).items():
        _limits(numbers, place.at("limits", name))
    _waivers(values.get("waiver", ()), place.at("waiver"), today)
    _actions(values.get("rollback", {}).get("action", ()), place.at("rollback", "action"))
    _files(values.get("target", {}), place.at("target"), folder)
    _of_its_kind(values, place)
    _of_a_hub(values, place)


def _of_its_kind(values: Values, place: SettingPlace) -> None:
    """What is claimed and no target of this kind can show: it would be left out without a word."""
    kind = values.get("target", {}).get("kind", MCP_HUB)
    for name, claim in values.get("expect", {}).get("claims", {}).items():
        if claim.get("expected") is True and name in kind.lacks:
            place.at("expect", name).wrong(claim["expected"], Bad(f"no such claim: {kind.lacks[name]}"))


def _of_a_hub(values: Values, place: SettingPlace) -> None:
    """What an MCP Hub demands: its versions are numbers, and a call names its server, which stands in the tool's name."""
    target = values.get("target", {})
    if not target.get("kind", MCP_HUB).is_hub:
        return
    if "version" in target and not A_VERSION.fullmatch(target["version"]):
        place.at("target", "version").wrong(target["version"], Bad("a version like 4.3.0"))
    listed = enumerate(values.get("expect", {}).get("tool_call", ()))
    calls: dict[tuple[str | int, ...], Values] = {("expect", "tool_call", index): call for index, call in listed}
    if "call" in values.get("drill", {}):
        calls["drill", "call"] = values["drill"]["call"]
    for where, call in calls.items():
        if "server" not in call:
            place.at(*where).missing("server", "a server's name")


def _gate(gate: Values, place: SettingPlace) -> None:
    ready, conditional = gate.get("ready", 90), gate.get("conditional", 75)
    if conditional > ready:
        key = "conditional" if "conditional" in gate else "ready"
        wanted = f"conditional at most ready, but {float(conditional):g} is above {float(ready):g}"
        place.at(key).wrong(float(gate[key]), Bad(wanted))
    weights = gate.get("weights", {})
    for name in weights:
        phase = name.partition("/")[0]
        if phase not in PHASES:
            place.at("weights").unknown_key(name, PHASES, near=nearest(phase, PHASES))
    if all(weights.get(phase) == 0 for phase in PHASES):
        place.at("weights").wrong({}, Bad("at least one weight above 0: nothing would count"))


def _limits(numbers: Values, place: SettingPlace) -> None:
    given = [(name, numbers[name]) for name in ("warning", "critical", "rollback") if name in numbers]
    ordered = [value for _, value in given]
    if ordered not in (sorted(ordered), sorted(ordered, reverse=True)):
        name, value = given[-1]
        place.at(name).wrong(
            value, Bad("warning, critical and rollback in one direction, each worse than the one before")
        )


def _waivers(waivers: tuple[Values, ...], place: SettingPlace, today: dt.date) -> None:
    seen = set()
    for index, waiver in enumerate(waivers):
        expires = waiver.get("expires")
        latest = today + dt.timedelta(days=MAX_WAIVER_DAYS)
        if expires is not None and expires > latest:
            wanted = f"a day at most {MAX_WAIVER_DAYS} days ahead, {latest} today"
            place.at(index, "expires").wrong(expires, Bad(wanted))
        covered = (waiver.get("check"), waiver.get("instance"))
        if covered[0] is not None and covered in seen:
            place.at(index, "check").wrong(covered[0], Bad("one waiver for one check and instance"))
        seen.add(covered)


def _actions(actions: tuple[Values, ...], place: SettingPlace) -> None:
    names = [action.get("name") for action in actions]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            place.at(index, "name").wrong(name, Bad("a name of its own: another action has it"))


def _files(target: Values, place: SettingPlace, folder: Path) -> None:
    for name in ("release", "ca_file"):
        if name not in target:
            continue
        try:
            path = folder / Path(target[name]).expanduser()
            absent = name == "ca_file" and not path.is_file()
        except (OSError, RuntimeError, ValueError):
            absent = True
        if absent:
            place.at(name).wrong(
                target[name], Bad("the path of a file that is there" if name == "ca_file" else "a path")
            )


def redactor_for(config: Config, environ: Mapping[str, str]) -> Redactor:
    """One that knows `secrets_for` the same."""
    return Redactor(secrets_for(config, environ))


def secrets_for(config: Config, environ: Mapping[str, str]) -> list[Secret]:
    """What a run may not show: from `environ`, `readiness.toml`, the env files and the deployed configuration."""
    target = config.target
    secrets = known_secrets(environ, config=_text_of(config.path), tokens=target.secret_variables)
    pair = environ.get(target.token_env or "", "")
    if ":" in pair and "basic" in (target.token_header or "").lower():
        # the password alone, and the header as it is sent
        for value in (pair.partition(":")[2], base64.b64encode(pair.encode()).decode()):
            secrets += secrets_in(str(target.token_env), value, declared=True)
    if target.release is not None:
        for path in dict.fromkeys((target.release / target.env_file, target.release / ".env")):
            secrets += known_secrets({}, env_file=_text_of(path))
        secrets += known_secrets(environ, config=_text_of(target.release / target.config))
    return list(dict.fromkeys(secrets))


def _text_of(path: Path | None) -> str:
    """The text of a small regular file, or "": what cannot be read holds nothing that we could show."""
    try:
        if path is None or not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.read(MAX_FILE)
    except (OSError, ValueError):
        return ""
