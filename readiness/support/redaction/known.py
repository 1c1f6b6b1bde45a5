"""Which values are secret: those of the environment, the env file and the configuration that may not be shown.

Reading is tolerant and bounded: a broken file yields what can be read of it, never an error.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from readiness.support.redaction.names import (
    COMMON,
    PATH,
    REFERENCE,
    SHORT_NUMBER,
    WORDY,
    WORDY_SECRET,
    harmless_value,
    mentions_secret,
    secret_name,
)
from readiness.support.redaction.patterns import looks_random, provider_token
from readiness.support.redaction.redactor import SHORTEST, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_FILE: Final = 1_000_000
"""Characters read of an env file or a configuration."""

_VARIABLE: Final = re.compile(r"\$\{(?:env:)?\s*([A-Za-z_][A-Za-z0-9_]*)")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_LINE: Final = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[\w.-]+)[ \t]*[=:][ \t]*
    (?:'(?P<single>[^']{0,8192})'|"(?P<double>(?:\\.|[^"\\]){0,8192})"|`(?P<back>[^`]{0,8192})`|(?P<bare>[^\r\n]*))""",
    re.MULTILINE | re.VERBOSE | re.DOTALL,
)


def env_file_values(text: str) -> dict[str, str]:
    """Names and values of an env file's lines, as dotenv reads them; what is malformed is passed over.

    A bare value with a `#` is read both ways (dotenv cuts there, systemd does not): the longer one is kept.
    """
    values: dict[str, str] = {}
    for match in _LINE.finditer(text[:MAX_FILE].lstrip("\ufeff")):
        if (double := match["double"]) is not None:
            value = double.replace("\\n", "\n").replace("\\r", "\r").replace('\\"', '"').replace("\\\\", "\\")
        else:
            value = next(v for v in (match["single"], match["back"], match["bare"], "") if v is not None)
            value = re.sub(r"\s+#.*", "", value) if match["bare"] is not None else value
        values[match["name"]] = value.strip()
    return values


def references(text: str) -> tuple[str, ...]:
    """Names of the variables that a configuration refers to as `${NAME}` or `${env:NAME}`."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text[:MAX_FILE])))


def secrets_in(name: str, value: str, *, declared: bool = False) -> Iterator[Secret]:
    """The secrets that the variable `name` holds in `value`: none, the value itself, or parts of a URL or JSON.

    `declared`: it is secret whatever it looks like. Otherwise what is evidently harmless (numbers, paths, hosts, common
    words) yields nothing, and what could be a sentence or a name is a secret as a whole only.
    """
    value = value.strip()
    if len(value) < SHORTEST or len(set(value)) < 3 or value.lower() in COMMON or REFERENCE.fullmatch(value):  # noqa: PLR2004
        return
    declared = declared or secret_name(name)
    if _URL.match(value):
        yield from _url_secrets(name, value, declared=declared)
    elif value[0] in "{[" and (data := _json(value)) is not None:
        yield from config_secrets(data, name, everything=declared)
    elif provider_token(value) or (declared and not PATH.fullmatch(value) and not SHORT_NUMBER.fullmatch(value)):
        yield Secret(name, value)
    elif not declared and not harmless_value(value):
        if not WORDY.fullmatch(value):
            yield Secret(name, value)
        elif len(value) >= WORDY_SECRET:
            yield Secret(name, value, whole=True)


def _url_secrets(name: str, url: str, *, declared: bool) -> Iterator[Secret]:
    """User information, query values and random-looking path segments; of a declared one also the whole URL."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
        query = parse_qsl(parts.query)
    except ValueError:
        yield Secret(name, url)
        return
    if password:
        yield from _both(name, password)
    elif user:
        yield from _both(name, user)
    for key, value in query:
        if secret_name(key) or looks_random(value):
            yield from _both(name, value)
    for segment in (*parts.path.split("/"), parts.fragment):
        if len(segment) >= WORDY_SECRET and looks_random(segment) and not WORDY.fullmatch(segment):
            yield from _both(name, segment)
    if declared and (parts.path.strip("/") or parts.query):
        yield Secret(name, url, whole=True)


def _both(name: str, part: str) -> Iterator[Secret]:
    yield from (Secret(name, form) for form in dict.fromkeys((part, unquote(part))))


def config_secrets(data: object, name: str = "config", *, everything: bool = False) -> Iterator[Secret]:
    """Literal secrets in a parsed configuration: under secret names, in `env` and `headers`, in arguments."""
    if isinstance(data, dict):
        for key, value in data.items():
            inside = everything or str(key).lower() in {"env", "headers"}
            if isinstance(value, str):
                yield from _config_leaf(str(key), value, everything=everything)
            else:
                yield from config_secrets(value, str(key), everything=inside)
    elif isinstance(data, list):
        for before, item in zip([name, *data], data, strict=False):
            option = before if isinstance(before, str) and before.startswith("-") else name
            yield from config_secrets(item, option, everything=everything)
    elif isinstance(data, str):
        yield from _config_leaf(name, data, everything=everything)


def _config_leaf(key: str, value: str, *, everything: bool) -> Iterator[Secret]:
    if value.startswith("-") and "=" in value:  # an argument, --token=value
        key, _, value = value.partition("=")
    scheme, _, rest = value.partition(" ")
    if scheme.lower() in {"bearer", "basic", "token"} and rest:
        yield from secrets_in(key, rest, declared=True)
    elif everything or secret_name(key) or provider_token(value) or ("://" in value and "@" in value):
        yield from secrets_in(key, value)


def _json(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    """The value of a JSON or JSON5 text; None if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        import json5

        return json5.loads(text[:100_000])  # its parser is slow: 100 kB/s
    except Exception:  # noqa: BLE001 - a third party's parser on a stranger's text
        return None


def known_secrets(
    environ: Mapping[str, str],
    *,
    env_file: str = "",
    config: str = "",
    tokens: Iterable[str] = (),
) -> list[Secret]:
    """Everything that may not be shown.

    `env_file` and `config` (JSON or JSON5, or TOML of which only the references are read) are texts; `tokens` names
    variables that are secret by declaration. Values of variables that `config` refers to count as those of the env file.
    """
    named = set(tokens)
    found = [s for n in named if (v := environ.get(n)) for s in secrets_in(n, v, declared=True)]
    for name, value in environ.items():
        if mentions_secret(name) or provider_token(value) or ("@" in value and _URL.match(value)):
            found += secrets_in(name, value)
    for name, value in env_file_values(env_file).items():
        found += secrets_in(name, value, declared=name in named)
    for name in references(config):
        found += secrets_in(name, environ.get(name, ""))
    if (data := _json(config) if config.lstrip()[:1] in ("{", "/") else None) is not None:
        found += config_secrets(data)
    return list(dict.fromkeys(found))
