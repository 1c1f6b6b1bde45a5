"""The secrets of a deployment: every value of its env file, of the variables its configuration refers to, and behind references.

Values that would be found everywhere by chance (numbers, switches, paths, common words, placeholders) are none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from readiness.errors import Unknown
from readiness.facts.deployment import hub_config
from readiness.facts.release import PROVIDER_VARIABLES, SecretResolver, env_file, secret_manager
from readiness.support import file_reading
from readiness.support.redaction import provider_token, secret_name, secret_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.config import Config


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecrets:
    """Secret value to what it is called, and what could not be learnt. Never print the keys."""

    values: Mapping[str, str] = dataclasses.field(repr=False)
    missed: tuple[str, ...] = ()


def gather_known_secrets(config: Config, resolver: SecretResolver) -> KnownSecrets:
    """The values to look for. What cannot be read is named in `missed`, and searched for by pattern alone."""
    found: dict[str, str] = {}
    missed: list[str] = []
    for name, value in _pairs(config, missed):
        with contextlib.suppress(Unknown):
            plain = resolver.value(name, value) if resolver.able and secret_name(name) else value
            for secret in _secrets(name, plain):
                found.setdefault(secret, f"the value of {name}")
    return KnownSecrets(values=found, missed=tuple(missed))


def _pairs(config: Config, missed: list[str]) -> Iterator[tuple[str, str]]:
    file = config.target.environment_file
    given: Mapping[str, str] = {}
    if file is not None and file_reading.exists(file):
        try:
            given = env_file.read(file)
        except file_reading.Unreadable as error:
            missed.append(str(error))
    yield from given.items()
    names = set(PROVIDER_VARIABLES) | ({config.target.token_env} if config.target.token_env else set())
    with contextlib.suppress(file_reading.Unreadable):  # said by the check of the configuration itself
        names |= hub_config.read(config).references
    yield from ((name, os.environ[name]) for name in sorted(names) if os.environ.get(name) and name not in given)


def _secrets(name: str, value: str) -> Iterator[str]:
    value = value.strip()
    if not value or secret_manager(value):
        return
    if "://" in value:
        yield from _in_url(name, value)
    elif secret_value(name, value):
        yield value


def _in_url(name: str, url: str) -> Iterator[str]:
    """The password of an address, any provider's token in it, and all of it where its name says that it is secret."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        yield from dict.fromkeys((password, unquote(password)))
    elif secret_name(name) and (parts.path.strip("/") or parts.query):
        yield url
    yield from (part for part in (*parts.path.split("/"), *parts.query.split("&")) if provider_token(part))


def secret_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Those of an env file's variables that hold a secret or refer to one, unset ones left out."""
    return {
        name: value
        for name, value in values.items()
        if value.strip()
        and (name in PROVIDER_VARIABLES or secret_value(name, value) or (secret_name(name) and secret_manager(value)))
    }
