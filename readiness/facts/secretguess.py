"""Secrets by the company they keep: literals under telling names, and what detect-secrets knows, line by line.

For configuration and small tracked texts only. Its entropy plugins are left out: they take every hash for a secret. Its
plugins see only lines that a quick search found worth a look, since they read 1 MB a second.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.secretrefs import manager
from readiness.secret_words import harmless, secret_name, token_shaped

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of a text at most; larger ones are searched for known values and providers' shapes alone."""
_LINE_LIMIT: Final = 2_000
"""Characters of a line at most: longer ones are minified programs and data."""
_SUSPECT: Final = re.compile(
    rb"(?i)(?:api[_.-]?key|auth_?key|service_?key|account_?key|db_?key|private_?key|client_?key|passw|_pass\b|pwd|secret|token)"
    rb"\w{0,40}[\]'\"`]{0,3}\s{0,4}(?:[:=]|\()|://[^\s/]{1,200}@|cloudant|softlayer|(?:ibm|watson)\w{0,20}[_-]?key"
    rb"|-us\d{1,2}\b|sq0csp-|_live_|\bAKC|\bAP[0-9A-Z]|\b(?:AC|SK)[a-z0-9]{32}|[MNO][\w-]{23,25}\.[\w-]{6}\.|hooks\.slack"
)
_PLUGINS: Final = frozenset(
    {
        "Artifactory Credentials",
        "Azure Storage Account access key",
        "Basic Auth Credentials",
        "Cloudant Credentials",
        "Discord Bot Token",
        "IBM Cloud IAM Key",
        "IBM COS HMAC Credentials",
        "Mailchimp Access Key",
        "Secret Keyword",
        "Slack Token",
        "SoftLayer Credentials",
        "Square OAuth Secret",
        "Stripe Access Key",
        "Twilio API Key",
    }
)
"""Kinds that the shapes of `secretscan` do not cover already."""
_LEAST: Final = 12
"""Characters below which a literal under a telling name in somebody's source is a test's password."""
_SPELT: Final = re.compile(r"[A-Za-z]{0,15}\d{0,4}(?:[-_.:/][A-Za-z]{0,15}\d{0,4})*")
"""Words and short numbers, joined."""
_QUOTED: Final = re.compile(r"^[\"'`]|[\"'`;,)\]}]+$")


@functools.cache
def _plugins() -> tuple[Any, ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    found = get_mapping_from_secret_type_to_class()
    return tuple(found[kind]() for kind in sorted(_PLUGINS & set(found)))


def guesses(name: str, content: bytes) -> Iterator[tuple[str, str, int]]:
    """Likely secrets in a text: value, kind and line. `name` is the file's, by whose ending quotes are expected."""
    if b"\0" in content[:8192]:
        return
    reached, line = 0, 1
    for match in _SUSPECT.finditer(content):
        if match.start() < reached:
            continue
        begin = content.rfind(b"\n", 0, match.start()) + 1
        end = content.find(b"\n", match.end())
        end = len(content) if end < 0 else end
        line += content.count(b"\n", reached, begin)
        if end - begin <= _LINE_LIMIT:
            text = content[begin:end].decode("utf-8", "replace")
            yield from ((value, kind, line) for value, kind in _in_line(name, text, line))
        reached, line = end + 1, line + content.count(b"\n", begin, end + 1)


def _in_line(name: str, text: str, number: int) -> Iterator[tuple[str, str]]:
    for plugin in _plugins():
        for found in plugin.analyze_line(filename=name, line=text, line_number=number):
            value = _QUOTED.sub("", str(found.secret_value or "").strip())
            if _likely(value):
                yield value, _kind(str(found.type))


def _kind(kind: str) -> str:
    return "a literal under a telling name" if kind == "Secret Keyword" else f"looks like: {kind}"


def _likely(value: str) -> bool:
    if len(value) < _LEAST or " " in value or manager(value) or harmless(value) or _SPELT.fullmatch(value):
        return False
    # a call, a property or a template is a program that fetches a secret
    return token_shaped(value) and re.search(r"[()\[\]{}<>$]|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$", value) is None


def literals(data: object) -> Iterator[tuple[str, str, str]]:
    """Values under secret names in a parsed configuration that stand for themselves: path, name and value."""
    waiting: list[tuple[str, str, object]] = [("", "", data)]
    while waiting:
        path, name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{key}"[-200:].lstrip("."), str(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(path, _option(value, number) or name, inner) for number, inner in enumerate(value)]
        elif isinstance(value, str) and (secret := _literal(name, value)):
            yield path, name, secret


def _option(items: list[object], number: int) -> str:
    """The command line option that stands before an argument."""
    before = items[number - 1] if number else ""
    return before if isinstance(before, str) and before.startswith("-") else ""


def _literal(name: str, value: str) -> str:
    if value.startswith("-") and "=" in value:  # an argument, --token=value
        name, _, value = value.partition("=")
    scheme, _, rest = value.strip().partition(" ")
    if rest and scheme.lower() in {"bearer", "basic", "token"}:
        name, value = "authorization", rest
    value = value.strip()
    if not secret_name(name.lstrip("-")) or not value or " " in value or manager(value) or "${" in value:
        return ""
    from readiness.secret_words import secret_value

    return value if len(value) >= _SHORT and secret_value(name.lstrip("-"), value) else ""


_SHORT: Final = 6
"""Characters below which a value in a configuration is a switch."""
