"""Configurations of the hub that are wrong in the ways such files are, and some that only look so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.preflight.changes import DEGRADED, FAILED, UNKNOWN, data, folder
from tests.faults.preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

CONFIG: Final = "config/mcp-hub.json"
UNPARSED: Final = {
    "config-parses": FAILED,
    "config-matches-its-schema": UNKNOWN,
    "config-references-resolve": UNKNOWN,
    "mcp-server-commands-exist": UNKNOWN,
    "llm-provider-is-configured": UNKNOWN,
    "filtering-mode-is-valid": UNKNOWN,
}


UNREAD: Final = {"no_secret_in_configuration": UNKNOWN}
"""Where there is no file, no secret was looked for."""


def unparsed(name: str, sentence: str, mutate: Change, word: str, **more: str) -> Mutation:
    """A configuration that cannot be read: what it would say is unknown."""
    expected = UNPARSED | {check.replace("_", "-"): outcome for check, outcome in more.items()}
    # the backup is of the day before, when the configuration was still well
    return Mutation(name=name, sentence=sentence, mutate=mutate, expected=expected, words=(word,), backed_up=False)


CONFIGURATION: Final = (
    unparsed("config-is-missing", "the hub would start without servers", remove(CONFIG), "is missing", **UNREAD),
    unparsed("config-is-empty", "a file of no bytes", data(CONFIG, b"", 0o644), "mcp-hub.json"),
    unparsed("config-is-a-folder", "a folder bears the file's name", folder(CONFIG), "folder", **UNREAD),
    unparsed(
        "config-is-binary",
        "an archive was copied over it",
        data(CONFIG, b"\x89PNG\x00\xff" * 500, 0o644),
        "mcp-hub.json",
    ),
    unparsed(
        "config-has-a-slip", "a bracket was lost", edit(CONFIG, '"mcpServers": {', '"mcpServers": '), "mcp-hub.json"
    ),
    unparsed("config-is-a-list", "a list stands where an object belongs", write(CONFIG, "[1, 2, 3]\n"), "mcp-hub.json"),
    unparsed(
        "config-leads-in-a-circle",
        "a symbolic link to itself",
        each(remove(CONFIG), lambda tree: (tree / CONFIG).symlink_to("mcp-hub.json")),
        "mcp-hub.json",
        **UNREAD,
    ),
    Mutation(
        name="config-in-plain-json",
        sentence="no comment, no trailing comma",
        mutate=lambda tree: _plain(tree / CONFIG),
    ),
    Mutation(
        name="config-knows-a-key-too-many",
        sentence="a misspelt key, which the hub ignores without a word",
        mutate=edit(CONFIG, '"mode": "prompt-based",', '"mode": "prompt-based", "modes": "all",'),
        expected={"config-matches-its-schema": DEGRADED},
        words=("modes",),
    ),
    Mutation(
        name="config-has-a-wrong-type",
        sentence="the arguments of a server are one text",
        mutate=edit(CONFIG, '["-m", "readiness.demo.stdio", "memory"]', '"-m readiness.demo.stdio memory"'),
        expected={"config-matches-its-schema": FAILED},
        words=("memory",),
    ),
    Mutation(
        name="config-names-a-variable-nobody-sets",
        sentence="a server wants a variable that is set nowhere",
        mutate=edit(CONFIG, '"memory"] },', '"memory"], "env": { "STORE": "${MEMORY_STORE}" } },'),
        expected={"config-references-resolve": FAILED, "env-template-lists-every-variable": FAILED},
        words=("MEMORY_STORE",),
    ),
    Mutation(
        name="config-names-what-systemd-sets",
        sentence="servers take the home of the service's user and the unit's state directory, which systemd sets",
        mutate=edit(CONFIG, '"memory"] },', '"memory"], "env": { "STORE": "${STATE_DIRECTORY}${HOME}" } },'),
    ),
    Mutation(
        name="disabled-server-names-a-variable-nobody-sets",
        sentence="a server that is switched off wants a variable that is set nowhere",
        mutate=edit(CONFIG, '"memory"] },', '"memory"] }, "old": { "command": "${LOST}/x", "disabled": true },'),
    ),
    Mutation(
        name="config-names-a-variable-in-a-comment",
        sentence="a comment speaks of a variable that is set nowhere",
        mutate=edit(CONFIG, "// never the key itself", "// never the key itself, nor ${OLD_KEY}"),
    ),
    Mutation(
        name="server-command-is-not-there",
        sentence="a server's package was never installed",
        mutate=lambda tree: _first_command(tree / CONFIG, "mcp-server-that-nobody-has"),
        expected={"mcp-server-commands-exist": FAILED},
        words=("mcp-server-that-nobody-has",),
    ),
    Mutation(
        name="server-command-may-not-be-executed",
        sentence="a server's command is a file without the right to execute it",
        mutate=each(
            write("servers/run", "#!/bin/sh\n"), lambda tree: _first_command(tree / CONFIG, str(tree / "servers/run"))
        ),
        expected={"mcp-server-commands-exist": FAILED},
        words=("servers/run",),
    ),
    Mutation(
        name="provider-is-unknown",
        sentence="a provider that hubs do not know",
        mutate=edit(CONFIG, '"provider": "openai"', '"provider": "mistral"'),
        expected={"llm-provider-is-configured": FAILED, "config-matches-its-schema": FAILED},
        words=("mistral",),
    ),
    Mutation(
        name="provider-is-switched-off",
        sentence="the LLM is configured and not enabled, and the deployment claims it",
        mutate=edit(
            CONFIG, '"llmCategorization": {\n      "enabled": true', '"llmCategorization": {\n      "enabled": false'
        ),
        expected={"llm-provider-is-configured": FAILED},
        words=("not enabled",),
    ),
    Mutation(
        name="filtering-mode-is-unknown",
        sentence="a mode that hubs do not know",
        mutate=edit(CONFIG, '"mode": "prompt-based"', '"mode": "prompt_based"'),
        expected={"filtering-mode-is-valid": FAILED, "config-matches-its-schema": FAILED},
        words=("prompt_based",),
    ),
)


def _plain(path: Path) -> None:
    import json

    import json5

    path.write_text(json.dumps(json5.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")


def _first_command(path: Path, command: str) -> None:
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition('"everything": { "command": "')
    path.write_text(f'{head}"everything": {{ "command": "{command}"{rest[rest.index(chr(34)) + 1 :]}', encoding="utf-8")


MUTATIONS: Final = CONFIGURATION
