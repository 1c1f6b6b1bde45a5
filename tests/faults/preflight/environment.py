"""Env files that are wrong in the ways such files are, and some that only look so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.preflight.changes import DEGRADED, FAILED, UNIT, git, mode, nothing
from tests.faults.preflight.mutation import Mutation, each, edit, remove, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.preflight.mutation import Change

ENV: Final = ".env.production"
TEMPLATE: Final = ".env.production.example"
KEY: Final = "OPENAI_API_KEY=op://mcp-hub/openai/credential"


def crlf(tree: Path) -> None:
    """The env file saved with the line ends of another system."""
    path = tree / ENV
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def committed(tree: Path) -> None:
    """The env file was forced into the repository."""
    git("add", "--force", ENV)(tree)
    git("commit", "-q", "-m", "Deploy\n\nReviewed-by: Grace Reviewer <grace@example.com>")(tree)
    git("update-ref", "refs/remotes/origin/main", "HEAD")(tree)


def motto(value: str, reader: str, text: str) -> Change:
    """One more variable in the env file and its template, and a file that lets something read it."""
    return each(
        edit(ENV, "PORT=", f"HUB_MOTTO={value}\nPORT="),
        edit(TEMPLATE, "PORT=", "HUB_MOTTO=\nPORT="),
        write(reader, text),
    )


COMPOSE: Final = "services:\n  hub:\n    env_file: .env.production\n"
EXPORT: Final = "#!/usr/bin/env bash\nset -e\nexport $(grep -v '^#' .env.production | xargs)\n"
SOURCE: Final = "#!/usr/bin/env bash\nset -ea\n. ./.env.production\n"

MUTATIONS: Final = (
    Mutation(
        name="compose-replaces-a-dollar",
        sentence="compose reads the env file, and replaces what follows a dollar in a value",
        mutate=motto("pa$word", "docker-compose.yml", COMPOSE),
        committed=True,
        expected={"env-file-is-read-as-it-was-meant": FAILED},
        words=("$word is replaced",),
    ),
    Mutation(
        name="export-cuts-a-value-at-its-space",
        sentence="`export $(… | xargs)` takes the quotes away and then ends the value at its space",
        mutate=motto("'Acme hub'", "docker/env.sh", EXPORT),
        committed=True,
        expected={"env-file-is-read-as-it-was-meant": FAILED},
        words=("ends at its first space",),
    ),
    Mutation(
        name="export-fails-at-a-comment",
        sentence="`export $(… | xargs)` fails at a comment behind a value, under set -e",
        mutate=motto("info  # error, warn", "docker/env.sh", EXPORT),
        committed=True,
        expected={"required-variables-are-set": FAILED},
        words=("is no name to set",),
    ),
    Mutation(
        name="a-shell-runs-a-value-as-a-command",
        sentence="a script sources the env file, and a value has a space without quotes",
        mutate=motto("Acme hub", "docker/env.sh", SOURCE),
        committed=True,
        expected={"required-variables-are-set": FAILED},
        words=("is run as a command",),
    ),
    Mutation(
        name="a-value-is-quoted-for-its-reader",
        sentence="spaces and a dollar in single quotes, for a shell that sources the file",
        mutate=motto("'Acme hub for pa$word'", "docker/env.sh", SOURCE),
        committed=True,
    ),
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
        name="a-value-is-a-placeholder",
        sentence="the template was copied and not filled in",
        mutate=edit(ENV, KEY, "OPENAI_API_KEY=your_api_key_here"),
        expected={"no-placeholder-values": FAILED, "api-keys-work": FAILED, "secrets-come-from-a-manager": FAILED},
        words=("words that stand for a value",),
    ),
    Mutation(
        name="a-placeholder-in-the-right-format",
        sentence="a placeholder that has the form of a provider's key",
        mutate=edit(ENV, KEY, "OPENAI_API_KEY=sk-proj-your-openai-api-key-goes-here-0000"),
        expected={"no-placeholder-values": FAILED, "api-keys-work": FAILED, "secrets-come-from-a-manager": FAILED},
        words=("words inside the shape of a key",),
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
