"""Who hears of what: the addresses of `[notify.SEVERITY]` and the people of `[contacts]`, as channels.

An address is a secret: it is read from the environment when a message goes out, and a channel is named by its variable.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from readiness.findings import Severity
from readiness.operations.notify.events import ROLLBACK_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.config import Config
    from readiness.operations.notify.events import Event

MAIL_VARIABLE: Final = "READINESS_MAIL_URL"
"""The variable that holds the mail server for contacts that are mail addresses, like mailtos://user:password@host."""
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,99})\}")
_MAIL: Final = re.compile(r"(?:[^<>@]*<)?([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})>?")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,30})://")
_HOSTED: Final = frozenset(
    ("json", "jsons", "xml", "xmls", "form", "forms", "http", "https", "mailto", "mailtos", "gotify", "gotifys")
)
"""Schemes whose host is a host. Elsewhere a token stands in its place (slack, tgram, discord): it is not shown."""
_MAX_URL: Final = 4_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One address that messages go to. `name` and `label` may be shown, `url` never; `problem` says why it has none."""

    name: str
    label: str
    url: str = dataclasses.field(default="", repr=False)
    problem: str = ""


def channels(config: Config, environ: Mapping[str, str], event: Event) -> list[Channel]:
    """The channels of everyone who should hear of `event`, each address once."""
    found = [*_notified(config, environ, event.severity), *_contacted(config, environ, audience(event))]
    return _once(found)


def every_channel(config: Config, environ: Mapping[str, str]) -> list[Channel]:
    """All that are configured, whatever they hear of."""
    return _once([*_notified(config, environ, Severity.CRITICAL), *_contacted(config, environ, tuple(config.contacts))])


def unreachable(config: Config) -> list[str]:
    """Contacts that are a name or a number: people can read them, nothing can be sent to them."""
    return [who for who, value in config.contacts.items() if _nobody(value)]


def audience(event: Event) -> tuple[str, ...]:
    """The keys of `[contacts]` that hear of `event`."""
    if event.severity is Severity.LOW and event.kind not in ROLLBACK_KINDS and not event.security:
        return ()
    hear = ["on_call"]
    if event.severity is Severity.CRITICAL or event.kind in ROLLBACK_KINDS:
        hear.append("tech_lead")
    if event.kind in ROLLBACK_KINDS:
        hear.append("product")
    if event.security:
        hear.append("security")
    return tuple(hear)


def _notified(config: Config, environ: Mapping[str, str], severity: Severity) -> Iterator[Channel]:
    for level in Severity:
        # `[notify.high]` hears of what is high or worse
        if level.weight <= severity.weight:
            for reference in config.notify.get(level.value, ()):
                yield _referred(reference, environ, f"[notify.{level.value}]")


def _contacted(config: Config, environ: Mapping[str, str], who: tuple[str, ...]) -> Iterator[Channel]:
    for key in who:
        value = config.contacts.get(key, "").strip()
        if _nobody(value):
            continue
        if _SCHEME.match(value):
            problem = "an address of a service is a secret: keep it in the environment and write ${VARIABLE} here"
            yield Channel(name=f"[contacts] {key}", label=f"[contacts] {key}", problem=problem)
        elif "${" in value:
            yield _referred(value, environ, f"[contacts] {key}")
        else:
            yield _mailed(key, value, environ)


def _nobody(value: str) -> bool:
    value = value.strip()
    return not (_SCHEME.match(value) or "${" in value or _MAIL.fullmatch(value))


def _referred(reference: str, environ: Mapping[str, str], where: str) -> Channel:
    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        problem = "write the reference alone, like ${SLACK_URL}"
        return Channel(name=where, label=where, problem=problem)
    name = match[1]
    url = environ.get(name, "").strip()
    problem = _wrong(name, url)
    label = f"{where} {name}" if problem else f"{where} {name} ({_shown(url)})"
    return Channel(name=name, label=label, url="" if problem else url, problem=problem)


def _mailed(key: str, value: str, environ: Mapping[str, str]) -> Channel:
    """The mail server's address with this person as its only recipient."""
    match = _MAIL.fullmatch(value)
    address = match[1] if match else ""
    where = f"[contacts] {key}"
    server = environ.get(MAIL_VARIABLE, "").strip()
    problem = _wrong(MAIL_VARIABLE, server)
    if not problem and urlsplit(server).scheme.lower() not in {"mailto", "mailtos"}:
        problem = f"the variable {MAIL_VARIABLE} holds no mail server: it starts with mailto:// or mailtos://"
    if problem:
        return Channel(name=f"{where} by mail", label=f"{where} by mail", problem=problem)
    parts = urlsplit(server)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() not in {"to", "cc", "bcc"}]
    url = f"{parts.scheme}://{parts.netloc}/?{urlencode([*query, ('to', address)], quote_via=quote)}"
    return Channel(name=f"{where} by mail", label=f"{where} ({_shown(server)})", url=url)


def _wrong(name: str, url: str) -> str:
    if not url:
        return f"the variable {name} is not set"
    if len(url) > _MAX_URL or not url.isprintable() or not _SCHEME.match(url):
        return f"the variable {name} holds no address like slack://… or mailtos://…"
    try:
        _ = urlsplit(url).port
    except ValueError:
        return f"the variable {name} holds an address that cannot be read"
    return ""


def _shown(url: str) -> str:
    """The kind of service, and the host where it is one."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    if scheme not in _HOSTED or not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", host):
        return scheme
    return f"{scheme}, {host}"


def _once(audience: list[Channel]) -> list[Channel]:
    by_name: dict[str, Channel] = {}
    for channel in audience:
        by_name.setdefault(channel.name, channel)
    kept: dict[str, Channel] = {}
    for channel in by_name.values():
        kept.setdefault(channel.url or f"problem {channel.name}", channel)
    return list(kept.values())
