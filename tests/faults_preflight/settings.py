"""Configurations and env files that are wrong in the ways such files are, and some that only look so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults_preflight.changes import DEGRADED, FAILED, UNIT, UNKNOWN, data, folder, git, mode, nothing
from tests.faults_preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]

CONFIG: Final = "config/mcp-hub.json"
ENV: Final = ".env.production"
TEMPLATE: Final = ".env.production.example"
UNPARSED: Final = {
    "config-parses": FAILED,
    "config-matches-its-schema": UNKNOWN,
    "config-references-resolve": UNKNOWN,
    "mcp-server-commands-exist": UNKNOWN,
    "llm-provider-is-configured": UNKNOWN,
    "filtering-mode-is-valid": UNKNOWN,
}


def unparsed(name: str, sentence: str, mutate: Change, word: str, **more: str) -> Mutation:
    """A configuration that cannot be read: what it would say is unknown."""
    expected = UNPARSED | {check.replace("_", "-"): outcome for check, outcome in more.items()}
    # the backup is of the day before, when the configuration was still well
    return Mutation(name=name, sentence=sentence, mutate=mutate, expected=expected, words=(word,), backed_up=False)


CONFIGURATION: Final = (
    unparsed("config-is-missing", "the hub would start without servers", remove(CONFIG), "is missing"),
    unparsed("config-is-empty", "a file of no bytes", data(CONFIG, b"", 0o644), "mcp-hub.json"),
    unparsed("config-is-a-folder", "a folder bears the file's name", folder(CONFIG), "folder"),
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


def crlf(tree: Path) -> None:
    """The env file saved with the line ends of another system."""
    path = tree / ENV
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def committed(tree: Path) -> None:
    """The env file was forced into the repository."""
    git("add", "--force", ENV)(tree)
    git("commit", "-q", "-m", "Deploy\n\nReviewed-by: Grace Reviewer <grace@example.com>")(tree)
    git("update-ref", "refs/remotes/origin/main", "HEAD")(tree)


ENVIRONMENT: Final = (
    Mutation(
        name="node-env-is-development",
        sentence="the development settings were deployed",
        mutate=edit(ENV, "NODE_ENV=production", "NODE_ENV=development"),
        expected={"node-env-is-production": FAILED},
        words=("development",),
    ),
    Mutation(
        name="node-env-is-missing",
        sentence="NODE_ENV stands in a comment",
        mutate=edit(ENV, "NODE_ENV=production", "# NODE_ENV=production"),
        expected={"node-env-is-production": FAILED, "required-variables-are-set": FAILED},
        words=("NODE_ENV",),
    ),
    Mutation(
        name="a-required-variable-is-missing",
        sentence="this deployment needs a variable that nobody set",
        mutate=nothing,
        config={"release": {"required_variables": ["HUB_REGION"]}},
        expected={"required-variables-are-set": FAILED, "env-template-lists-every-variable": FAILED},
        words=("HUB_REGION",),
    ),
    Mutation(
        name="log-level-is-unknown",
        sentence="a level of another logger",
        mutate=edit(ENV, "LOG_LEVEL=info", "LOG_LEVEL=verbose"),
        expected={"log-level-is-valid": FAILED},
        words=("verbose",),
    ),
    Mutation(
        name="log-level-is-not-set",
        sentence="the hub takes its default",
        mutate=edit(ENV, "LOG_LEVEL=info\n", ""),
    ),
    Mutation(
        name="port-is-no-port",
        sentence="a number too large for a port",
        mutate=edit(ENV, "PORT=7000", "PORT=70000"),
        expected={"port-is-valid-and-matches": FAILED, "release-is-what-the-unit-runs": FAILED},
        words=("70000",),
    ),
    Mutation(
        name="port-differs-from-the-unit",
        sentence="the env file says 3000, the unit 7000",
        mutate=edit(ENV, "PORT=7000", "PORT=3000"),
        expected={"port-is-valid-and-matches": FAILED, "release-is-what-the-unit-runs": FAILED},
        words=("3000", "7000"),
    ),
    Mutation(
        name="fast-logger-is-off",
        sentence="the fast logger is switched off",
        mutate=edit(ENV, "ENABLE_PINO_LOGGER=true", "ENABLE_PINO_LOGGER=false"),
        expected={"fast-logger-is-enabled": FAILED},
        words=("five to ten times",),
    ),
    Mutation(
        name="template-lacks-a-variable",
        sentence="the env file sets what the template does not name",
        mutate=edit(ENV, "PORT=7000\n", "PORT=7000\nHUB_REGION=eu\n"),
        expected={"env-template-lists-every-variable": FAILED},
        words=("HUB_REGION",),
    ),
    Mutation(
        name="template-is-missing",
        sentence="nobody can tell what is to be set",
        mutate=remove(TEMPLATE),
        expected={"env-template-lists-every-variable": FAILED},
        words=("template",),
    ),
    Mutation(
        name="env-file-is-open-to-all",
        sentence="mode 644",
        mutate=mode(ENV, 0o644),
        expected={"env-file-is-private": FAILED},
        words=("644",),
    ),
    Mutation(
        name="env-file-is-read-only",
        sentence="mode 400: for the owner alone, who may not change it either",
        mutate=mode(ENV, 0o400),
    ),
    Mutation(
        name="env-file-is-tracked",
        sentence="somebody committed it",
        mutate=committed,
        committed=False,
        expected={"env-file-is-not-tracked": FAILED},
        words=(ENV,),
    ),
    Mutation(
        name="env-file-has-crlf",
        sentence="every value ends in a carriage return for a shell",
        mutate=crlf,
        expected={"required-variables-are-set": DEGRADED},
        words=("CRLF",),
    ),
    Mutation(
        name="env-file-sets-a-name-twice",
        sentence="two values for one name, of which the last counts",
        mutate=edit(ENV, "LOG_LEVEL=info", "LOG_LEVEL=debug\nLOG_LEVEL=info"),
        expected={"required-variables-are-set": DEGRADED},
        words=("LOG_LEVEL is set 2 times",),
    ),
    Mutation(
        name="env-file-has-a-line-that-is-none",
        sentence="a sentence without a # before it",
        mutate=edit(ENV, "LOG_LEVEL=info", "the level is\nLOG_LEVEL=info"),
        expected={"required-variables-are-set": DEGRADED},
        words=("no KEY=value",),
    ),
    Mutation(
        name="env-file-exports-for-the-secrets-manager",
        sentence="`export` before a name, in a file that no systemd reads",
        mutate=edit(ENV, "LOG_LEVEL=info", "export LOG_LEVEL=info"),
    ),
    Mutation(
        name="env-file-has-quotes",
        sentence="values in quotes, with a comment behind one",
        mutate=each(
            edit(ENV, "NODE_ENV=production", 'NODE_ENV="production"'),
            edit(ENV, "LOG_LEVEL=info", "LOG_LEVEL='info' # as in staging"),
        ),
    ),
    Mutation(
        name="unit-takes-references-literally",
        sentence="systemd reads the env file itself: the hub would get op://… for a key",
        mutate=each(
            edit(UNIT, "/usr/bin/op run --env-file=", "EXEC"),
            lambda tree: _literally(tree / UNIT),
        ),
        expected={"secret-references-are-resolved-by-the-loader": FAILED},
        words=("literally",),
    ),
)


def _literally(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    head, _, rest = text.partition("ExecStart=EXEC")
    file, _, command = rest.partition(" -- ")
    unit.write_text(f"{head}EnvironmentFile={file}\nExecStart={command}", encoding="utf-8")


MUTATIONS: Final = (*CONFIGURATION, *ENVIRONMENT)
