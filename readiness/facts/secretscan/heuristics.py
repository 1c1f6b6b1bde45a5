"""Likely secrets by their context: literals under names such as `api_key`, and what detect-secrets finds, by line.

For configuration and small tracked texts only. Its entropy plugins are left out: they take every hash for a secret. Its
plugins see only lines that a quick search found worth a look, since they read 1 MB a second.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release import secret_manager
from readiness.support import require_extra
from readiness.support.redaction import harmless_value, secret_name, secret_value, token_shaped

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of a text at most; larger ones are searched for known values and providers' shapes alone."""
_LINE_LIMIT: Final = 2_000
"""Characters of a line at most: longer ones are minified programs and data."""
_NAMED_KEYS: Final = ("api", "auth", "service", "account", "db", "database", "private", "client", "access")
_WORDS: Final = re.compile(
    rb"(?:key(?:"
    + b"|".join(b"(?<=%bkey)|(?<=%b.key)" % (name.encode(), name.encode()) for name in _NAMED_KEYS)
    + rb")|passw|_pass|pwd|secret|token)\w{0,40}[\]'\"`]{0,3}\s{0,4}(?:[:=(]|,)"
)
"""Names of secrets that something is assigned to, in lower case."""
_MARKS: Final = tuple(
    re.compile(mark)
    # each begins with a literal, which makes the search for it fast
    for mark in (
        rb"://[^\s/@]{1,200}@",
        rb"cloudant",
        rb"softlayer",
        rb"-us\d",
        rb"sq0csp-",
        rb"_live_",
        rb"hooks\.slack",
    )
)
_AZURE: Final = "Azure Storage Account access key"
"""The one kind that is nothing but base64 of 64 bytes, as every sha512 is."""
_KEYWORD: Final = "Secret Keyword"
_PLUGINS: Final = frozenset(
    {
        _AZURE,
        "Basic Auth Credentials",
        "Cloudant Credentials",
        "Mailchimp Access Key",
        _KEYWORD,
        "Slack Token",
        "SoftLayer Credentials",
        "Square OAuth Secret",
        "Stripe Access Key",
    }
)
"""Kinds that neither the table of tokens nor the names of secrets cover already."""
_SHORT: Final = 6
"""Characters below which a value in a configuration is a switch."""
_LEAST: Final = 12
"""Characters below which a literal under a secret's name in source code is a test's password."""
_SPELT: Final = re.compile(r"[A-Za-z]{0,15}\d{0,4}(?:[-_.:/][A-Za-z]{0,15}\d{0,4})*")
"""Words and short numbers, joined."""
_QUOTED: Final = re.compile(r"^[\"'`]|[\"'`;,)\]}]+$")


class Guesser:
    """Looks for likely secrets in texts; the library is loaded at the first line that is worth a look."""

    @functools.cached_property
    def _plugins(self) -> tuple[Any, ...]:
        require_extra("preflight")
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

        classes = get_mapping_from_secret_type_to_class()
        return tuple(classes[kind]() for kind in sorted(_PLUGINS & set(classes)))

    def guesses(self, name: str, content: bytes) -> Iterator[tuple[str, str, int]]:
        """Likely secrets in a text: value, kind and line. `name` is the file's, by whose ending quotes are expected."""
        if b"\0" in content[:8192]:
            return
        reached, line = 0, 1
        for place in _suspicious(content):
            if place < reached:
                continue
            begin = content.rfind(b"\n", 0, place) + 1
            end = content.find(b"\n", place)
            end = len(content) if end < 0 else end
            line += content.count(b"\n", reached, begin)
            if end - begin <= _LINE_LIMIT:
                text = content[begin:end].decode("utf-8", "replace")
                yield from ((value, kind, line) for value, kind in self._in_line(name, text))
            reached, line = end + 1, line + content.count(b"\n", begin, end + 1)

    def _in_line(self, name: str, text: str) -> Iterator[tuple[str, str]]:
        plugins = self._plugins  # which says so where the library is not installed
        from detect_secrets.plugins.keyword import QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP, REGEX_BY_FILETYPE
        from detect_secrets.util.filetype import determine_file_type

        for plugin in plugins:
            kind = str(plugin.secret_type)
            if kind == _AZURE and "accountkey" not in text.lower():
                continue
            # never analyze_line: it may ask the service that a secret belongs to whether it is valid
            if kind == _KEYWORD:
                shapes = REGEX_BY_FILETYPE.get(determine_file_type(name), QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP)
                secrets = plugin.analyze_string(text, denylist_regex_to_group=shapes)
            else:
                secrets = plugin.analyze_string(text)
            for secret in secrets:
                value = _QUOTED.sub("", str(secret or "").strip())
                if _likely(value):
                    yield value, "a literal under a telling name" if kind == _KEYWORD else f"looks like: {kind}"


def _suspicious(content: bytes) -> list[int]:
    """Offsets of what makes a line worth a look, in order."""
    lower = content.lower()
    positions = [match.start() for match in _WORDS.finditer(lower)]
    for mark in _MARKS:
        positions += [match.start() for match in mark.finditer(lower)]
    return sorted(positions)


def _likely(value: str) -> bool:
    if len(value) < _LEAST or " " in value or secret_manager(value) or harmless_value(value) or _SPELT.fullmatch(value):
        return False
    # a call, a property or a template is a program that fetches a secret
    return token_shaped(value) and re.search(r"[()\[\]{}<>$]|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$", value) is None


def secret_literals(data: object) -> Iterator[tuple[str, str, str]]:
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
    return before if isinstance(before, str) and before.startswith("-") and "=" not in before else ""


def _literal(name: str, value: str) -> str:
    if value.startswith("-") and "=" in value:  # an argument, --token=value
        name, _, value = value.partition("=")
    scheme, _, rest = value.strip().partition(" ")
    if rest and scheme.lower() in {"bearer", "basic", "token"}:
        name, value = "authorization", rest
    value = value.strip()
    if (
        value.startswith("--")
        or not secret_name(name.lstrip("-"))
        or not value
        or " " in value
        or secret_manager(value)
        or "${" in value
    ):
        return ""
    return value if len(value) >= _SHORT and secret_value(name.lstrip("-"), value) else ""
