"""The keys of the LLM providers: which there are, whether each looks like its provider's, whether the provider takes it.

A key is sent to one place only, in a header, to list models: what costs nothing and changes nothing. Redirects are not
followed, and a first look sends no key to anybody.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, HubDown, Unknown
from readiness.facts.deployment import hub_config
from readiness.facts.http import is_loopback
from readiness.facts.release import PROVIDER_VARIABLES, SecretResolver, env_file, secret_manager
from readiness.support import file_reading
from readiness.support.redaction import PROVIDER_KEYS, placeholder

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.http import HttpAnswer

SHORTEST: Final = 20
"""Characters of any provider's key at least."""
_REFERENCE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")
_OWN: Final = re.compile(r"/v\d+(?:beta\d*|alpha\d*)?$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where one provider lists its models. `host` is asked where no base URL is configured."""

    name: str
    host: str
    version: str
    """The path of its API's version, added where a base URL does not end with one."""
    query: str
    models: str
    """The key of the answer under which the models are listed."""

    def headers(self, key: str) -> dict[str, str]:
        """What carries the key: never the address, which proxies write into their logs."""
        if self.name == "gemini":
            return {"x-goog-api-key": key}
        if self.name == "anthropic":
            return {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return {"authorization": f"Bearer {key}"}

    def url(self, base: str | None) -> str:
        """Where its models are listed."""
        start = (base or self.host).rstrip("/")
        versioned = start if _OWN.search(urlsplit(start).path) else f"{start}{self.version}"
        return f"{versioned}/models{self.query}"


PROVIDERS: Final = {
    "gemini": Provider(
        name="gemini",
        host="https://generativelanguage.googleapis.com",
        version="/v1beta",
        query="?pageSize=1",
        models="models",
    ),
    "openai": Provider(
        name="openai",
        host="https://api.openai.com",
        version="/v1",
        query="",
        models="data",
    ),
    "anthropic": Provider(
        name="anthropic",
        host="https://api.anthropic.com",
        version="/v1",
        query="?limit=1",
        models="data",
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A provider's key: where it is set (`name`, and `line` of the env file), and the address it is meant for."""

    provider: str
    name: str
    value: str = dataclasses.field(repr=False)
    base: str | None = None
    foreign: bool = False
    """Whether the deployed configuration takes it to another service than the provider's own."""
    line: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A provider's answer to a key: it works, it is refused, or that is unclear."""

    key: Key
    said: Literal["works", "refused", "unclear"]
    why: str

    def __str__(self) -> str:
        return f"{self.key.name}: {self.why}"


class ProviderKeys:
    """The keys of one deployment."""

    def __init__(self, config: Config, resolver: SecretResolver | None = None) -> None:
        self.config = config
        self.resolver = resolver or SecretResolver(config)

    @property
    def file(self) -> Path:
        """The env file that sets them. Raises Unreadable."""
        file = self.config.target.environment_file
        if file is None:
            raise file_reading.Unreadable("no [target] release: its env file cannot be read", "untold")
        return file

    def found(self) -> tuple[Key, ...]:
        """Every key that the env file sets, and the one that the configuration names. Raises Unreadable."""
        read = env_file.parse(self.file)
        given = read.values
        wanted = dict(PROVIDER_VARIABLES)
        keys: dict[str, Key] = {}
        llm = self._llm()
        used, provider = str(llm.get("apiKey") or ""), str(llm.get("provider") or "").lower()
        reference = _REFERENCE.fullmatch(used.strip())
        if provider in PROVIDERS and reference:
            wanted[reference[1]] = provider
        elif provider in PROVIDERS and used.strip():
            name = "toolFiltering.llmCategorization.apiKey"
            keys[name] = self._key(provider, name, used, llm, None)
        for name, owner in wanted.items():
            if given.get(name, "").strip():
                keys[name] = self._key(owner, name, given[name], llm, read.line(name))
        return tuple(keys.values())

    def _llm(self) -> dict[str, Any]:
        try:
            filtering = hub_config.read(self.config).data.get("toolFiltering")
        except file_reading.Unreadable:
            return {}  # said by the check of the configuration itself
        llm = filtering.get("llmCategorization") if isinstance(filtering, dict) else None
        return llm if isinstance(llm, dict) else {}

    def _key(self, provider: str, name: str, value: str, llm: dict[str, Any], line: int | None) -> Key:
        """With where it is meant for: `[llm] base_url`, else the deployed configuration's, else the provider itself."""
        own = llm.get("baseURL") if str(llm.get("provider") or "").lower() == provider else None
        elsewhere = own if isinstance(own, str) and own.startswith(("http://", "https://")) else None
        usual = urlsplit(PROVIDERS[provider].host).hostname
        return Key(
            provider=provider,
            name=name,
            value=value,
            base=self.config.llm.base_url.get(provider) or elsewhere,
            foreign=elsewhere is not None and urlsplit(elsewhere).hostname != usual,
            line=line,
        )

    def misshapen(self, key: Key) -> str:
        """What is wrong with the form of a key, without showing it; an empty text where nothing is. Raises Unknown."""
        value = self.resolver.value(key.name, key.value)
        return "" if not value else _misshapen(key, value)

    def trial(self, key: Key) -> Trial:
        """Ask the provider to list its models. Never raises for what the network or the provider does."""
        try:
            value = self.resolver.value(key.name, key.value)
            refusal = self._refusal(key, value)
            answer = None if refusal else self._asked(key, value)
        except Unknown as error:
            return Trial(key=key, said="unclear", why=str(error))
        if answer is None:
            return Trial(key=key, said="unclear", why=refusal)
        return _judged(key, answer)

    def _refusal(self, key: Key, value: str) -> str:
        """Why a key is not sent at all."""
        if not value.isascii() or not value.isprintable() or not value.strip():
            return "it cannot be sent: it holds characters that no header takes"
        if self.config.first_look and not is_loopback(key.base or ""):
            return "a first look sends no key to anybody: write readiness.toml with `readiness init` to have it tried"
        base = key.base or ""
        if base.startswith("http://") and not is_loopback(base):
            return f"it is not sent over plain HTTP to {urlsplit(base).netloc}"
        return ""

    def _asked(self, key: Key, value: str) -> HttpAnswer:
        from readiness.facts.http import HttpTransport, TransportSettings

        provider = PROVIDERS[key.provider]
        url = provider.url(key.base)
        settings = TransportSettings(
            base=f"{urlsplit(url).scheme}://{urlsplit(url).netloc}",
            timeout=self.config.probe.timeout,
            ca_file=self.config.target.ca_file,
            follow=False,
        )
        transport = HttpTransport(settings)
        try:
            return transport.get(url, headers=provider.headers(value.strip()))
        except HubDown as error:
            raise CouldNotLook(str(error)) from None  # it is the provider that is down, not the hub
        finally:
            transport.close()


def _misshapen(key: Key, value: str) -> str:
    others = [name for name in PROVIDERS if name != key.provider and _fits(name, value)]
    fits = key.foreign or _fits(
        key.provider, value
    )  # whoever speaks a provider's API elsewhere gives keys as they like
    wrong = {
        "is a reference to a reference": secret_manager(value) is not None,
        "holds white space: a blank or a line break was copied with it": re.search(r"\s", value) is not None,
        "has a quotation mark in it that belongs to the file": value[0] in "\"'" or value[-1] in "\"'",
        "is a placeholder, not a key": placeholder(value) and not fits,
        f"is a key of {', '.join(others)}, not of {key.provider}": bool(others) and not fits,
        f"is no key of {key.provider}: expected {PROVIDER_KEYS[key.provider][1]}; it has {len(value)} characters": not fits,
    }
    return next((text for text, is_so in wrong.items() if is_so), "")


def _fits(provider: str, value: str) -> bool:
    return re.fullmatch(PROVIDER_KEYS[provider][0], value) is not None


def _judged(key: Key, answer: HttpAnswer) -> Trial:
    where = urlsplit(answer.url).netloc
    if answer.status in {401, 403} or (answer.status == 400 and _names_the_key(answer)):  # noqa: PLR2004 - HTTP's own
        return Trial(key=key, said="refused", why=f"{where} refuses it ({answer.status})")
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own
        return Trial(key=key, said="unclear", why=f"{where} answered {answer.status}{_because(answer.status)}")
    data = _json(answer)
    if not isinstance(data, dict) or not isinstance(data.get(PROVIDERS[key.provider].models), list):
        return Trial(key=key, said="unclear", why=f"{where} answered 200, but no list of models")
    return Trial(key=key, said="works", why=f"{where} lists its models")


def _because(status: int) -> str:
    reasons = {404: ": the base URL is not that of such an API", 429: ": too many requests, or no credit is left"}
    return reasons.get(status, "")


def _names_the_key(answer: HttpAnswer) -> bool:
    """Whether a 400 says that the key is not valid, as Gemini's API does where others answer 401."""
    data = _json(answer)
    error = data.get("error") if isinstance(data, dict) else None
    return "API_KEY_INVALID" in str(error) or "API key not valid" in str(error)


def _json(answer: HttpAnswer) -> object:
    import json

    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
