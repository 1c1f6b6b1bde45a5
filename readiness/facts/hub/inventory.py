"""Which tools the hub lists, which it listed at the last good run, and which a person accepted.

A run notes its inventory in its private folder; `keep_last_good` makes it the last good one once the verdict is known.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from readiness.errors import Unknown
from readiness.support import content_or_none, file_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.hub.records import HubTool

FILE: Final = "inventory.json"
_LIMIT: Final = 8 * 1024 * 1024

Tools = dict[str, dict[str, str]]
"""Server to tool to the first 16 hex digits of its schema's SHA-256; empty where the hub publishes no schema."""


class Inventory:
    """The tools of this run and of the last good one."""

    def __init__(self, config: Config, run_dir: Path | None, redact: Callable[[str], str] = str) -> None:
        """`redact` takes secrets out of names: an inventory is kept, and compared, as it may be shown."""
        self.config, self.run_dir, self.redact = config, run_dir, redact

    def of(self, with_schemas: Iterable[HubTool], listed: Iterable[HubTool]) -> Tools:
        """The inventory: every listed tool, and its schema's hash where the servers' records hold it."""
        tools: Tools = {}
        for tool in listed:
            tools.setdefault(self.redact(tool.server), {})[self.redact(tool.name)] = ""
        for tool in with_schemas:
            names = tools.get(self.redact(tool.server), {})
            if (name := self.redact(tool.name)) in names:
                names[name] = _hash(tool.definition)
        return tools

    @property
    def subject(self) -> str:
        """What an inventory is about: runs against another environment or host are not compared."""
        host = urlsplit(self.config.target.facts_url or "").hostname or ""
        return f"{self.config.environment} {host}{' demo' if self.config.demo else ''}"

    def note(self, tools: Tools) -> None:
        """Write this run's inventory into its private folder; without one nothing is kept."""
        if self.run_dir is not None:
            # the check has its answer without this: a full disk is no fault of the hub
            with contextlib.suppress(OSError):
                _write(self.run_dir / FILE, {"subject": self.subject, "tools": tools, "seen": time.time()})

    def last_good(self) -> Tools | None:
        """The inventory of the last good run of this environment; None if there is none that can be read."""
        document = _read(self.config.report_dir / FILE)
        return None if document is None else self._tools(document)

    def noted(self) -> Tools | None:
        """What this run noted; None if it listed no tools."""
        document = None if self.run_dir is None else _read(self.run_dir / FILE)
        return None if document is None else self._tools(document)

    def last_seen(self) -> str | None:
        """When the last good run listed its tools, ISO 8601 in UTC; None if there is none."""
        file = self.config.report_dir / FILE
        document = _read(file)
        if document is None or self._tools(document) is None:
            return None
        seen = document.get("seen")
        try:
            # files of earlier versions do not say it: they were written when their run ended
            moment = float(seen) if isinstance(seen, (int, float)) else file.stat().st_mtime
            return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        except (OSError, ValueError, OverflowError):
            return None

    def _tools(self, document: Mapping[str, Any]) -> Tools | None:
        if document.get("subject") != self.subject:
            return None
        tools = document.get("tools")
        return tools if isinstance(tools, dict) and all(isinstance(t, dict) for t in tools.values()) else None


def keep_last_good(run_dir: Path, report_dir: Path) -> None:
    """Make the inventory that a run noted the last good one; call it after a run that was good. Raises OSError."""
    document = _read(run_dir / FILE)
    if document is not None:
        report_dir.mkdir(parents=True, exist_ok=True)
        _write(report_dir / FILE, document)


def _hash(definition: Any) -> str:  # noqa: ANN401 - any JSON
    schema = definition.get("inputSchema") if isinstance(definition, dict) else None
    if schema is None:
        return ""
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path) -> dict[str, Any] | None:
    content = content_or_none(file, _LIMIT)  # never waits for a pipe that somebody put there
    try:
        document = None if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _write(file: Path, value: Mapping[str, Any]) -> None:
    own = file.with_name(f".{file.name}.{os.getpid()}")
    own.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    own.replace(file)


# --- the accepted list ----------------------------------------------------------------------------------------------

_FIELDS: Final = {
    "description": "description",
    "inputSchema": "input schema",
    "outputSchema": "output schema",
    "annotations": "annotations",
    "title": "title",
}
"""What of a tool agents read and act on, and its name in a reason."""
_VERSION: Final = "1"


class AcceptedTools:
    """The list of tools that a person has accepted: `[expect] tools`, a JSON file that belongs beside readiness.toml."""

    def __init__(self, config: Config, redact: Callable[[str], str] = str) -> None:
        """`redact` takes secrets out of what a server says of its tools: it is kept, and compared, as it may be shown."""
        self.file, self.redact = config.accepted_tools_file, redact

    def of(self, tools: Iterable[HubTool]) -> dict[str, dict[str, Any]]:
        """Tools as they are kept: by server and name, each with what agents read of it."""
        kept: dict[str, dict[str, Any]] = {}
        for tool in tools:
            definition = tool.definition if isinstance(tool.definition, dict) else {}
            shown = {key: definition[key] for key in _FIELDS if definition.get(key) not in (None, "", {})}
            name = self.redact(f"{tool.server}/{tool.name}".lstrip("/"))
            # a tool that is listed twice under one name is two tools: an agent may take either
            again = len([other for other in kept if other == name or other.startswith(f"{name} (again ")])
            kept[f"{name} (again {again})" if again else name] = json.loads(self.redact(json.dumps(shown)))
        return dict(sorted(kept.items()))

    def read(self) -> dict[str, dict[str, Any]]:
        """What was accepted. Raises Unknown where the file is not there or is damaged."""
        content = content_or_none(self.file, _LIMIT)
        if content is None:
            raise Unknown(
                f"{self.file} is not there, or no file of at most {_LIMIT >> 20} MB: run readiness baseline --accept-tools"
            )
        damaged = f"{self.file} is damaged: look what changed it, then run readiness baseline --accept-tools"
        try:
            document = json.loads(content)
            tools, version = dict(document["tools"]), document["schema_version"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unknown(damaged) from None
        if version != _VERSION or not all(isinstance(one, dict) for one in tools.values()):
            raise Unknown(damaged)
        return tools

    def write(self, tools: Iterable[HubTool]) -> int:
        """Accept these; how many they are. Raises OSError."""
        kept = self.of(tools)
        file_writing.replace_file(
            self.file, json.dumps({"schema_version": _VERSION, "tools": kept}, indent=2, ensure_ascii=True) + "\n"
        )
        return len(kept)

    def differences(self, tools: Iterable[HubTool]) -> list[str]:
        """How the tools of now differ from the accepted ones, as sentences. Raises Unknown as `read` does."""
        before, now = self.read(), self.of(tools)
        new = [f"{name} is new" for name in now if name not in before]
        gone = [f"{name} is gone" for name in before if name not in now]
        changed = [
            f"{name}: its {' and '.join(fields)} changed"
            for name, tool in now.items()
            if name in before
            and (fields := [word for key, word in _FIELDS.items() if tool.get(key) != before[name].get(key)])
        ]
        return [*new, *changed, *gone]
