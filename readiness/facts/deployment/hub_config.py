"""The hub's deployed configuration: its files as the hub reads them, its schema, references, servers' commands and LLM.

The hub reads JSON5, and several files, later ones over earlier ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release import Release, substitute_variables
from readiness.support import Unreadable, file_reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.config import Config

SIZE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a configuration file at most."""
SLOW_LIMIT: Final = 512 * 1024
"""Characters of what is no plain JSON: the reader of JSON5 needs a second for 160,000."""
PREDEFINED: Final = frozenset({"workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator", "cwd"})
"""Names that the hub itself gives a value in `${…}`, in every version."""
LLM_PROVIDERS: Final = ("gemini", "openai", "anthropic")
"""LLM providers that hubs know."""
MODES: Final = ("static", "server-allowlist", "category", "hybrid", "prompt-based")
"""Filtering modes that hubs know."""
SCHEMAS: Final = (
    "config.schema.json",
    "config/config.schema.json",
    "schemas/config.schema.json",
    "dist/config.schema.json",
)
_FALSY: Final = (None, False, 0, "")
"""What JavaScript takes for no; an empty table is none of them."""
_RESOLVED: Final = ("args", "headers", "url", "command", "cwd")
"""Settings of a server, besides `env`, in which the hub replaces references."""
_MOST_ERRORS: Final = 50
_LINE: Final = re.compile(r"<string>:(\d+)")
_SOURCE: Final = re.compile(r"^<string>:\d+\s*")
_VARIABLE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_:]\w*\}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The hub configuration as deployed: its files in order, and what they say together."""

    files: tuple[Path, ...]
    data: dict[str, Any] = dataclasses.field(repr=False)
    table: dict[str, Any] | None = dataclasses.field(default=None, repr=False)
    """The servers of all files as they stand there; None where no file has a table."""

    @property
    def server_names(self) -> tuple[str, ...]:
        """The servers that are not disabled, in the files' order."""
        return tuple(name for name, server in self.servers.items() if not server.get("disabled"))

    @property
    def servers(self) -> dict[str, dict[str, Any]]:
        """Each server's settings."""
        return {str(name): value for name, value in (self.table or {}).items() if isinstance(value, dict)}

    @property
    def has_servers(self) -> bool:
        """Whether there is a table of servers at all, be it empty."""
        return self.table is not None

    @property
    def refused(self) -> str:
        """Why the hub refuses all of the configuration because of one server; empty where it does not."""
        for name, value in (self.table or {}).items():
            if not isinstance(value, dict):
                return f"server {name} is {json.dumps(value)[:40]}, no object"
            if "command" in value and "url" in value:
                return f"server {name} has both a command and a url"
        return ""

    def claims(self, *path: str) -> bool:
        """Whether `path` is an object that is enabled."""
        node: Any = self.data
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return isinstance(node, dict) and node.get("enabled") is True

    @property
    def references(self) -> frozenset[str]:
        """Names of the variables that the configuration takes from the environment; a disabled server takes none."""
        rest = {key: value for key, value in self.data.items() if key not in {"mcpServers", "servers"}}
        names = set(_references(rest))
        for name in self.server_names:
            names |= _server_references(self.servers[name])
        return frozenset(names) - PREDEFINED

    @property
    def names(self) -> str:
        """The files in words."""
        return ", ".join(str(file) for file in self.files)

    @property
    def changed(self) -> float:
        """When the newest file was last written, seconds since the epoch. Raises OSError."""
        return max(file_reading.last_change(file.stat()) for file in self.files)


def read(config: Config) -> Deployed:
    """Read the deployed configuration. Raises Unreadable."""
    if config.target.release is None:
        raise Unreadable(
            "what was deployed cannot be read: set [target] release, or declare [expect] release as not expected",
            "untold",
        )
    return read_files(Release(config.target.release, config).config_files())


def read_files(files: tuple[Path, ...]) -> Deployed:
    """Read configuration files as the hub does. Raises Unreadable.

    A server or a setting of a later file replaces one of an earlier file as a whole. In each file VS Code's key `servers` counts before
    `mcpServers`, unless it is null, false, 0 or an empty text. Source: `ConfigManager.loadConfig` of mcp-hub 4.2.1.
    """
    data: dict[str, Any] = {}
    table: dict[str, Any] | None = None
    for file in files:
        one = _json5(file)
        data |= one
        editors = one.get("servers")
        servers = one.get("mcpServers") if editors in _FALSY else editors
        if isinstance(servers, dict):
            table = (table or {}) | servers
    return Deployed(files=files, data=data, table=table)


def _json5(file: Path) -> dict[str, Any]:
    text = file_reading.text(file, SIZE_LIMIT)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = _slowly(text, file)
    if not isinstance(document, dict):
        raise Unreadable(f"{file} holds no object", "broken", file)
    return document


def _slowly(text: str, file: Path) -> object:
    """Read what `json` refuses: comments, trailing commas, single quotes."""
    if len(text) > SLOW_LIMIT:
        size = len(text) // 1024
        raise Unreadable(f"{file} is no JSON, and with {size} KB too large to be read as JSON5", "large", file)
    try:
        return json.loads(_as_json(text))
    except (ValueError, RecursionError) as error:
        match = _LINE.search(str(error))
        line = int(match[1]) if match else None
        where = file if line is None else f"{file}:{line}"
        raise Unreadable(f"{where} is no JSON5: {_SOURCE.sub('', str(error))[:120]}", "broken", file, line) from None


@functools.lru_cache(maxsize=4)
def _as_json(text: str) -> str:
    """JSON5 as JSON, kept by its text: reading JSON5 takes 10 ms a time, and a preflight asks twenty times."""
    import json5

    return json.dumps(json5.loads(text))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "env" and isinstance(inner, dict):
                # null means: taken from the hub's own environment
                yield from (str(name) for name, given in inner.items() if given is None)
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _server_references(server: Mapping[str, Any]) -> set[str]:
    """What one server takes from the environment: its own `env` gives the rest of its settings values first."""
    own = server.get("env")
    own = own if isinstance(own, dict) else {}
    rest = {key: server[key] for key in _RESOLVED if key in server}
    return set(_references({"env": own})) | (set(_references(rest)) - set(own))


class HubConfig:
    """Each question reads the disk again; nothing here judges."""

    providers = LLM_PROVIDERS
    modes = MODES

    def __init__(self, release: Release) -> None:
        self.release = release
        self.file = release.config_files()[-1]

    def read(self) -> Deployed:
        """The configuration. Raises Unreadable."""
        return read(self.release.config)

    def line(self, text: str) -> int | None:
        """The first line that holds `text`."""
        try:
            lines = file_reading.text(self.file).splitlines()
        except Unreadable:
            return None
        return next((number for number, line in enumerate(lines, 1) if text in line), None)

    def schema(self) -> Path:
        """The release's own schema of its configuration. Raises Unreadable where it brings none."""
        schema_path = next((path for name in SCHEMAS if file_reading.exists(path := self.release.root / name)), None)
        if schema_path is None:
            raise Unreadable(
                f"{self.release.root} has no config.schema.json: declare [expect] config_schema as not expected",
                "untold",
            )
        return schema_path

    def schema_errors(self) -> list[tuple[str, str, bool]]:
        """Place, message, and whether it is only a property that the schema does not know. Raises Unreadable."""
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        file = self.schema()
        try:
            schema = json.loads(file_reading.text(file))
        except (ValueError, RecursionError):
            raise Unreadable(f"{file} is no JSON", "broken", file) from None
        data = self.read().data
        try:
            kind = validator_for(schema)
            kind.check_schema(schema)
            errors = [*_first(kind(schema).iter_errors(data))]
        except SchemaError as error:
            raise Unreadable(f"{file} is no JSON schema: {error.message[:120]}", "broken", file) from None
        except Exception as error:  # noqa: BLE001 - a schema may refer to what is not there, in many ways
            raise Unreadable(f"{file} cannot be applied: {str(error)[:120]}", "broken", file) from None
        return [(one.json_path, _message(one), _is_extra(one)) for one in errors]

    def unresolved(self) -> dict[str, str]:
        """Name of a variable that the configuration takes, to why it has no value. Raises Unreadable."""
        given = self.release.service_environment()
        reasons = {name: given.missing(name) for name in sorted(self.read().references)}
        return {name: reason for name, reason in reasons.items() if reason}

    def doubts(self) -> dict[str, str]:
        """Those of `unresolved` that may have a value nevertheless, to whom that depends on. Raises Unreadable."""
        given = self.release.service_environment()
        return {name: doubt for name in self.unresolved() if (doubt := given.doubt(name))}

    def server(self, name: str) -> Mapping[str, Any]:
        """What is configured for a server; empty where it is none. Raises Unreadable."""
        return self.read().servers.get(name, {})

    def command(self, name: str) -> tuple[str, str | None]:
        """A server's command, and where it is; None where there is nothing to execute. Raises Unreadable."""
        server = self.server(name)
        command = server.get("command")
        if not isinstance(command, str) or not command.strip():
            return "", None
        values = self.release.environment()
        own = server.get("env")
        values |= {key: text for key, text in own.items() if isinstance(text, str)} if isinstance(own, dict) else {}
        text = os.path.expanduser(_plain(command, values))  # noqa: PTH111 - the text is not always a path
        folder = server.get("cwd")
        base = self.release.path(_plain(folder, values)) if isinstance(folder, str) else self.release.root
        if "/" in text:
            return text, str(base / text) if _executable(base / text) else None
        return text, shutil.which(text, path=self._search(values))

    def _search(self, values: Mapping[str, str]) -> str:
        folders = [values.get("PATH", os.environ.get("PATH", os.defpath))]
        with contextlib.suppress(Unreadable):
            started = self.release.artifact()
            if started.is_managed:
                folders.insert(0, str(started.folder / "node_modules" / ".bin"))
        return os.pathsep.join(folders)

    def llm(self) -> Mapping[str, Any]:
        """toolFiltering.llmCategorization; empty where it is none. Raises Unreadable."""
        settings = self.filtering().get("llmCategorization")
        return settings if isinstance(settings, dict) else {}

    def filtering(self) -> Mapping[str, Any]:
        """toolFiltering; empty where it is none. Raises Unreadable."""
        settings = self.read().data.get("toolFiltering")
        return settings if isinstance(settings, dict) else {}

    def value(self, text: str) -> str:
        """A configured text with its references replaced by their values; empty where one has none. Never print it."""
        resolved = _plain(text, self.release.environment())
        return "" if "${" in resolved else resolved

    @staticmethod
    def reference(text: str) -> str:
        """The reference that a configured text is, to be printed; a literal value is not shown."""
        return text if _REFERENCE.fullmatch(text) else "(a literal)"


def _plain(text: str, values: Mapping[str, str]) -> str:
    return substitute_variables(text.replace("${env:", "${"), values)


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _first(errors: Any) -> Any:  # noqa: ANN401 - jsonschema's errors
    for number, error in enumerate(errors):
        if number >= _MOST_ERRORS:
            return
        yield error


_KINDS: Final = {
    "object": "an object",
    "array": "a list",
    "integer": "a whole number",
    "null": "null",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
}


def _is_extra(error: Any) -> bool:  # noqa: ANN401 - jsonschema's error
    return error.validator in {"additionalProperties", "unevaluatedProperties"}


def _message(error: Any) -> str:  # noqa: ANN401 - jsonschema's error
    """What is wrong, without the value, which may be a secret, and without the schema's own text."""
    if _is_extra(error) or error.validator in {"required", "dependentRequired"}:
        return str(error.message)[:160]
    wanted = error.validator_value
    if error.validator in {"oneOf", "anyOf"}:
        return _alternatives(error)
    if error.validator == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return f"must be {' or '.join(_KINDS.get(str(kind), str(kind)) for kind in kinds)}"
    if error.validator == "enum" and isinstance(wanted, list):
        return f"must be one of {', '.join(json.dumps(one, default=str) for one in wanted)[:100]}"
    if error.validator == "const":
        return f"must be {json.dumps(wanted, default=str)[:100]}"
    plain = isinstance(wanted, str | int | float) and not isinstance(wanted, bool)
    return f"does not hold to {error.validator} {json.dumps(wanted)[:60] if plain else 'of the schema'}"


def _alternatives(error: Any) -> str:  # noqa: ANN401 - jsonschema's error
    """Why a value is none of the forms that the schema allows: by the form that it comes nearest to."""
    forms: dict[int, list[Any]] = {}
    for inner in error.context or ():
        forms.setdefault(inner.schema_path[0] if inner.schema_path else 0, []).append(inner)
    if not forms:
        return "fits more than one of the forms that the schema allows"
    # the form that was meant is the one that goes wrong furthest inside
    nearest = min(forms.values(), key=lambda wrong: (-max(len(one.path) for one in wrong), len(wrong)))
    why = "; ".join(dict.fromkeys(_at(one, error) + _message(one) for one in nearest[:3]))
    count = len(error.validator_value)
    return f"is none of the {count} forms that the schema allows; the nearest: {why[:200]}"


def _at(inner: Any, error: Any) -> str:  # noqa: ANN401 - jsonschema's errors
    place = str(inner.json_path).removeprefix(error.json_path).lstrip(".")
    return f"{place} " if place else ""
