"""The hub's deployed configuration in detail: its schema, its references, its servers' commands, its LLM."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.deployment import deployed
from readiness.facts.release.entry import substituted
from readiness.support import disk
from readiness.support.disk import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.facts.deployment.deployed import Deployed
    from readiness.facts.release.release import Release

PROVIDERS: Final = ("gemini", "openai", "anthropic")
"""LLM providers that hubs know."""
MODES: Final = ("static", "server-allowlist", "category", "hybrid", "prompt-based")
"""Filtering modes that hubs know."""
SCHEMAS: Final = (
    "config.schema.json",
    "config/config.schema.json",
    "schemas/config.schema.json",
    "dist/config.schema.json",
)
_MOST: Final = 50
_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_:]\w*\}")


class HubConfig:
    """Each question reads the disk again; nothing here judges."""

    providers = PROVIDERS
    modes = MODES

    def __init__(self, release: Release) -> None:
        self.release = release
        self.file = release.config.target.config_file or release.root / release.config.target.config

    def read(self) -> Deployed:
        """The configuration. Raises Unreadable."""
        return deployed.read(self.release.config)

    def line(self, text: str) -> int | None:
        """The first line that holds `text`."""
        try:
            lines = disk.text(self.file).splitlines()
        except Unreadable:
            return None
        return next((number for number, line in enumerate(lines, 1) if text in line), None)

    def schema(self) -> Path:
        """The release's own schema of its configuration. Raises Unreadable where it brings none."""
        found = next((path for name in SCHEMAS if disk.exists(path := self.release.root / name)), None)
        if found is None:
            raise Unreadable(
                f"{self.release.root} has no config.schema.json: declare [expect] config_schema as not expected",
                "untold",
            )
        return found

    def schema_errors(self) -> list[tuple[str, str, bool]]:
        """Place, message, and whether it is only a property that the schema does not know. Raises Unreadable."""
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        file = self.schema()
        try:
            schema = json.loads(disk.text(file))
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
        values = self.release.environment()
        found = {}
        for name in sorted(self.read().references):
            if name not in values:
                found[name] = "is not set"
            elif not values[name].strip():
                found[name] = "is set to nothing"
        return found

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
        return os.pathsep.join([values.get("PATH", os.environ.get("PATH", os.defpath))])

    def llm(self) -> Mapping[str, Any]:
        """toolFiltering.llmCategorization; empty where it is none. Raises Unreadable."""
        found = self.filtering().get("llmCategorization")
        return found if isinstance(found, dict) else {}

    def filtering(self) -> Mapping[str, Any]:
        """toolFiltering; empty where it is none. Raises Unreadable."""
        found = self.read().data.get("toolFiltering")
        return found if isinstance(found, dict) else {}

    def value(self, text: str) -> str:
        """A configured text with its references replaced by their values; empty where one has none. Never print it."""
        found = _plain(text, self.release.environment())
        return "" if "${" in found else found

    @staticmethod
    def reference(text: str) -> str:
        """The reference that a configured text is, to be printed; a literal value is not shown."""
        return text if _REFERENCE.fullmatch(text) else "(a literal)"


def _plain(text: str, values: Mapping[str, str]) -> str:
    return substituted(text.replace("${env:", "${"), values)


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _first(errors: Any) -> Any:  # noqa: ANN401 - jsonschema's errors
    for number, error in enumerate(errors):
        if number >= _MOST:
            return
        yield error


def _is_extra(error: Any) -> bool:  # noqa: ANN401 - jsonschema's error
    return error.validator in {"additionalProperties", "unevaluatedProperties"}


def _message(error: Any) -> str:  # noqa: ANN401 - jsonschema's error
    """What is wrong, without the value: it may be a secret."""
    if _is_extra(error) or error.validator in {"required", "dependentRequired"}:
        return str(error.message)[:160]
    wanted = json.dumps(error.validator_value, default=str)[:120]
    return f"does not hold to {error.validator}: {wanted}"
