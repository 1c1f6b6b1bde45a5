"""Takes secrets out of texts: the values that are known, in any encoding, then what looks like a secret.

Pure: nothing is read from the environment or from files here (`known` beside this gathers the values).
`docs/security.md` says what is guaranteed and what is not.
"""

from __future__ import annotations

import enum
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from readiness.support.redaction.patterns import (
    COMMON,
    MARKERS,
    PATH,
    PATTERNS,
    REFERENCE,
    SHORT_NUMBER,
    WORDY,
    WORDY_SECRET,
    forms,
    harmless_value,
    looks_random,
    mentions_secret,
    provider_token,
    secret_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LIMIT: Final = 100_000
"""Characters kept of one text that leaves a process: enough to diagnose, too little to choke a report."""

RUN: Final = 12
"""Characters of a known value that give it away: every run of at least this length is redacted."""

SHORTEST: Final = 6
"""Known values below this length are words rather than secrets: redacting them would garble every text."""

_STRIDE: Final = 6
_SEED: Final = RUN - _STRIDE + 1
"""Every run of RUN characters holds a seed of this length that starts at a multiple of _STRIDE."""

_LONGEST: Final = 32_768
_OBEYED: Final = re.compile(
    r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\[[0-9;]{0,20}m)"
)
_ESCAPE: Final = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[ -/]+[0-~]|.)?", re.DOTALL
)
"""Colours and other CSI sequences, links and titles (OSC), and whatever else begins with ESC."""
_WITHHELD: Final = "«withheld: this text could not be redacted»"
_DEPTH: Final = 40
_MAX_INT: Final = 2**63
_EDGE: Final = 512


class Secret(NamedTuple):
    """A known value and the name it is shown by; `whole`: only the entire value is a secret, not its parts."""

    name: str
    value: str
    whole: bool = False


class _Index:
    """Known values in all their encodings, arranged so that a clean text is passed in one quick sweep."""

    def __init__(self) -> None:
        self.grams: dict[str, str] = {}
        self.seeds: set[str] = set()
        self.whole: dict[str, tuple[str, bool]] = {}

    def add(self, secret: Secret) -> None:
        """Index every encoding of `secret`; what is shorter than a run is kept to be found whole."""
        value = secret.value[:_LONGEST]
        for form in forms(value):
            if secret.whole or len(form) < RUN:
                if len(form) >= SHORTEST:
                    self.whole.setdefault(form, (secret.name, form == value))
                continue
            for start in range(len(form) - RUN + 1):
                gram = form[start : start + RUN]
                if gram.count(gram[0]) < RUN - 2:  # a ruler or a row of zeros gives nothing away
                    self.grams.setdefault(gram, secret.name)
            self.seeds.update(form[start : start + _SEED] for start in range(len(form) - _SEED + 1))

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """Start, end and name of each stretch of `text` that gives a known value away, in order, disjoint."""
        found = self._whole_spans(text) if self.whole else []
        seeds = self.seeds
        if seeds:
            hits = [i for i in range(0, len(text) - _SEED + 1, _STRIDE) if text[i : i + _SEED] in seeds]
            if hits:
                found.extend(self._run_spans(text, hits))
        return _merged(found) if found else found

    def _run_spans(self, text: str, hits: list[int]) -> list[tuple[int, int, str]]:
        grams, spans, done = self.grams, [], 0
        for hit in hits:
            for start in range(max(hit - _STRIDE + 1, done, 0), hit + 1):
                name = grams.get(text[start : start + RUN])
                if name is None:
                    continue
                end = start + RUN
                while end < len(text) and text[end - RUN + 1 : end + 1] in grams:
                    end += 1
                spans.append((start, end, name))
                done = end - RUN + 1  # the next run may begin inside this one
                break
        return spans

    def _whole_spans(self, text: str) -> list[tuple[int, int, str]]:
        spans = []
        for form in [form for form in self.whole if form in text]:
            name, plain = self.whole[form]
            start = text.find(form)
            while start >= 0:
                end = start + len(form)
                # a short plain value inside a longer word is a coincidence; an encoded one always has neighbours
                if not (plain and (_in_word(text, start - 1) or _in_word(text, end))):
                    spans.append((start, end, name))
                start = text.find(form, end)
        return spans


def _in_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    spans.sort()
    result = [spans[0]]
    for start, end, name in spans[1:]:
        last = result[-1]
        if start <= last[1]:
            result[-1] = (last[0], max(end, last[1]), last[2])
        else:
            result.append((start, end, name))
    return result


class Redactor:
    """Replaces secrets by «redacted:NAME», where NAME says which variable or what kind of secret stood there.

    `known` maps names to values, or holds `Secret`s or bare values. The index is built at the first use. No method
    raises: a text that cannot be treated is withheld as a whole.
    """

    def __init__(self, known: Mapping[str, str] | Iterable[Secret | str] = ()) -> None:
        self._pending: list[Secret] = []
        self._index = _Index()
        items: Iterable[Any] = known.items() if hasattr(known, "items") else known
        for item in items:
            if isinstance(item, str):
                self.learn("secret", item)
            else:
                self.learn(*item)

    def learn(self, name: str, value: str, whole: bool = False) -> None:  # noqa: FBT001, FBT002 - the fields of Secret
        """Know one more value, for example one that was resolved while the run was on."""
        if isinstance(value, str) and len(value) >= SHORTEST:
            label = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:60] or "secret"
            self._pending.append(Secret(label, value, whole))

    def names(self, text: str) -> tuple[str, ...]:
        """Names of the known values that `text` gives away, each once; () where it gives none."""
        return tuple(dict.fromkeys(name for _, _, name in self._ready().spans(text)))

    def text(self, text: object) -> str:
        """`text` without secrets; any object is taken, bytes are decoded."""
        try:
            return self._redact(_as_text(text))
        except Exception:  # noqa: BLE001 - an unforeseen text must neither pass unread nor end the run
            return _WITHHELD

    def clean(self, text: object, limit: int = LIMIT) -> str:
        """`text` cut to about `limit` characters, without secrets and without lone surrogates."""
        try:
            return scrub(self._redact(bounded(_as_text(text), limit)))
        except Exception:  # noqa: BLE001 - as in `text`
            return _WITHHELD

    def value(self, obj: object) -> Any:  # noqa: ANN401 - the type that went in, as far as it can leave the process
        """`obj` rebuilt from plain values that execnet and JSON carry, each text in it cleaned.

        Enums become their values, subclasses their base, anything else its cleaned text; identical when clean.
        """
        return self._plain(obj, 0)

    def _ready(self) -> _Index:
        while self._pending:
            self._index.add(self._pending.pop())
        return self._index

    def _redact(self, text: str) -> str:
        if len(text) < SHORTEST:
            return text
        if "\x1b" in text:  # colours may cut a secret in pieces: they are dropped only if the bare text holds one
            bare = _ESCAPE.sub("", text)
            shown = self._redact_plain(bare)
            if shown != bare:
                return shown
        return self._redact_plain(text)

    def _redact_plain(self, text: str) -> str:
        spans = (self._ready() if self._pending else self._index).spans(text)
        if spans:
            text = _replaced(text, spans)
        low = text.lower()
        markers = [marker for marker in MARKERS if marker in low]
        return _by_pattern(text, low) if markers else text

    def _plain(self, obj: Any, depth: int) -> Any:  # noqa: ANN401 - as `value`
        kind = type(obj)
        if obj is None or kind is bool or kind is float or (kind is int and -_MAX_INT <= obj < _MAX_INT):
            return obj
        if kind is str:
            return self.clean(obj)
        if depth > _DEPTH:
            return "…"
        if isinstance(obj, dict):
            return {self._plain(k, depth + 1): self._plain(v, depth + 1) for k, v in obj.items()}
        if isinstance(obj, (list, tuple, set, frozenset)):
            rebuilt = (self._plain(item, depth + 1) for item in obj)
            base = next(base for base in (list, tuple, set, frozenset) if isinstance(obj, base))
            return base(rebuilt)
        return self._leaf(obj, depth)

    def _leaf(self, obj: Any, depth: int) -> Any:  # noqa: ANN401 - as `value`
        if isinstance(obj, str):
            return self.clean(str.__str__(obj))
        if isinstance(obj, int) and -_MAX_INT <= obj < _MAX_INT:
            return int(obj)
        if isinstance(obj, float):
            return float(obj)
        if isinstance(obj, int):
            return hex(obj)[:80]
        if isinstance(obj, enum.Enum):
            return self._plain(obj.value, depth + 1)
        return self.clean(obj)


def _replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    parts, done = [], 0
    for start, end, name in spans:
        parts += [text[done:start], f"«redacted:{name}»"]
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _by_pattern(text: str, low: str) -> str:
    for pattern in PATTERNS:
        if not any(marker in low for marker in pattern.markers):
            continue
        spans = []
        for match in pattern.regex.finditer(text):
            group = match.lastgroup or 0
            if group != "maybe" or looks_random(match[group]):
                spans.append((*match.span(group), pattern.label))
        if spans:
            text = _replaced(text, spans)
    return text


def _as_text(obj: object) -> str:
    if isinstance(obj, str):
        return str.__str__(obj)
    if isinstance(obj, (bytes, bytearray)):
        return bytes(obj).decode("utf-8", "backslashreplace")
    return str(obj)


def bounded(text: str, limit: int = LIMIT) -> str:
    """`text` if it has at most `limit` characters, else its head and tail and how much was cut between.

    The cuts fall on white space where there is some near: half a token would no longer be recognised.
    """
    if len(text) <= limit:
        return text
    half = max(limit // 2, 1)
    head, tail = text[:half], text[-half:]
    edge = min(_EDGE, half // 2)
    if (gap := max(head.rfind(" ", half - edge), head.rfind("\n", half - edge))) >= 0:
        head = head[:gap]
    if (match := re.search(r"\s", tail[:edge])) is not None:
        tail = tail[match.start() :]
    return f"{head}\n… [{len(text) - len(head) - len(tail)} characters cut] …\n{tail}"


def scrub(text: str) -> str:
    r"""`text` as every reader can take it, with escapes for the rest: `\ud800`, `\x1b`.

    Lone surrogates cross neither execnet nor a UTF-8 file. Control characters and direction overrides would be obeyed by
    a terminal; tabs, line ends and colours (pytest's own) stay.
    """
    if _OBEYED.search(text):
        text = _OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


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
    secrets = [s for n in named if (v := environ.get(n)) for s in secrets_in(n, v, declared=True)]
    for name, value in environ.items():
        if mentions_secret(name) or provider_token(value) or ("@" in value and _URL.match(value)):
            secrets += secrets_in(name, value)
    for name, value in env_file_values(env_file).items():
        secrets += secrets_in(name, value, declared=name in named)
    for name in references(config):
        secrets += secrets_in(name, environ.get(name, ""))
    if (data := _json(config) if config.lstrip()[:1] in ("{", "/") else None) is not None:
        secrets += config_secrets(data)
    return list(dict.fromkeys(secrets))
