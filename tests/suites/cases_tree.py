"""Rows about the artifact and the configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.suites.preflight_vocabulary import (
    CLI,
    ENV,
    HUB,
    UNIT,
    both,
    case,
    git,
    gone,
    mode,
    near,
    package,
    swap,
    write,
)

if TYPE_CHECKING:
    from tests.suites.preflight_vocabulary import Break


def refers(name: str) -> Break:
    """Let a server of the hub's configuration take a variable from the environment."""
    return swap(HUB, '"memory"] },', f'"memory"], "env": {{ "TAKEN": "${{{name}}}" }} }},')


def here(setting: str, name: str) -> Break:
    """Give the unit a setting with the path of a file of the release."""
    return lambda root: swap(UNIT, "Restart=always", f"{setting}{root}/{name}")(root)


ARTIFACT = [
    case("artifact-is-executable", mode(CLI, 0o644), "its mode is 644"),
    case("artifact-is-executable", gone(CLI), "dist/cli.js is missing"),
    case("artifact-is-executable", write(CLI, ""), "is empty"),
    case("artifact-is-executable", write(CLI, "console.log(1)", 0o755), "no first line like"),
    case("artifact-is-executable", swap(UNIT, "/dist/cli.js --port", "/dist/other.js --port"), "other.js is missing"),
    near("artifact-is-executable", mode(CLI, 0o700), "for its owner alone"),
    case("artifact-size-is-plausible", write(CLI, "#!/bin/sh\n"), "0.0 KB"),
    case("artifact-size-is-plausible", lambda root: os.truncate(root / CLI, 2 * 1024**3), "2.14748e+06 KB"),
    near("artifact-size-is-plausible", lambda root: os.truncate(root / CLI, 100_000), "exactly 100 KB"),
    case("artifact-runs-and-reports-its-version", package(version="4.3.1"), "says it is 4.3.0, package.json 4.3.1"),
    case("artifact-runs-and-reports-its-version", write(CLI, "#!/bin/sh\nexit 3\n"), "ended with status 3"),
    case("artifact-runs-and-reports-its-version", write(CLI, "#!/bin/sh\necho fine\n"), "no version at all"),
    case("artifact-runs-and-reports-its-version", write(CLI, "#!/bin/sh\necho 4.3.0-rc.1\n"), "4.3.0-rc.1"),
    near("artifact-runs-and-reports-its-version", write(CLI, "#!/bin/sh\necho mcp-hub v4.3.0\n"), "v and a name"),
    case("build-succeeds-in-a-copy", write("tools/build.sh", "echo no >&2; exit 1"), "ended with status 1: no"),
    case("build-succeeds-in-a-copy", write("tools/build.sh", "rm -rf dist"), "left no dist/cli.js"),
    case("build-succeeds-in-a-copy", write("tools/build.sh", "true"), "did not write", "degraded"),
    case("build-succeeds-in-a-copy", write("tools/build.sh", "no-such-tool"), "install the release's", "unknown"),
    case("build-succeeds-in-a-copy", package(scripts={"build": "echo built"}), "builds nothing", release={"build": ()}),
    case("build-succeeds-in-a-copy", package(scripts={}), "no build command", "unknown", release={"build": ()}),
    case("test-suite-passes", write("tools/test.sh", "echo '# tests 0'; echo '# pass 0'"), "ran no test"),
    case(
        "test-suite-passes",
        write("tools/test.sh", "echo '# tests 2'; echo '# pass 1'; echo '# fail 1'; exit 1"),
        "1 failed",
    ),
    case(
        "test-suite-passes", write("tools/test.sh", "echo '# tests 2'; echo '# pass 1'; echo '# fail 1'"), "although 1"
    ),
    case("test-suite-passes", write("tools/test.sh", "make >/dev/null; exit 0"), "did not say how many", "degraded"),
    case("test-suite-passes", write("tools/test.sh", "sleep 30"), "did not end within", release={"timeout": 0.3}),
    case("test-suite-passes", lambda root: None, "tests nothing", release={"test": ("echo", "5 passed")}),
    case("lint-passes", write("tools/lint.sh", "echo src/cli.js:1 unused; exit 1"), "unused"),
    case(
        "lint-passes", package(scripts={"lint": "echo 'no linter configured'"}), "checks nothing", release={"lint": ()}
    ),
    case("lint-passes", package(scripts={"lint": "eslint . || true"}), "throws its result away", release={"lint": ()}),
    case(
        "lint-passes",
        package(scripts={"lint": "npm run l2", "l2": "echo none"}),
        "checks nothing",
        release={"lint": ()},
    ),
    case("worktree-is-clean", swap("src/cli.js", "\n", "\n\n"), "differ from the commit: src/cli.js"),
    case("worktree-is-clean", write("new.js", "1"), "unknown to git: new.js", "degraded"),
    near("worktree-is-clean", write("logs/hub.log", "x"), "an ignored file"),
    case("worktree-is-clean", lambda root: (root / ".git").rename(root.parent / "g"), "no git working tree", "unknown"),
    case(
        "release-commit-is-on-the-expected-branch",
        both(git("branch", "stable", "HEAD~1"), git("update-ref", "refs/remotes/origin/stable", "HEAD~1")),
        "is not on stable",
        release={"branch": "stable"},
    ),
    case(
        "release-commit-is-on-the-expected-branch",
        lambda root: None,
        "no branch no",
        "unknown",
        release={"branch": "no"},
    ),
    near("release-commit-is-on-the-expected-branch", git("checkout", "-q", "--detach"), "a detached HEAD"),
    case("version-is-documented", gone("CHANGELOG.md"), "no changelog"),
    case("version-is-documented", swap("CHANGELOG.md", "4.3.0", "4.3.0-rc.1"), "no heading for version 4.3.0"),
    near("version-is-documented", write("CHANGELOG.md", "4.3.0 (2026-01-31)\n====\n\n* x\n"), "underlined"),
]

CONFIGURATION = [
    case("config-parses", gone(HUB), "is missing"),
    case("config-parses", write(HUB, "{\n a: 1,\n b c }"), "mcp-hub.json:3 is no JSON5"),
    case("config-parses", write(HUB, "[]"), "holds no object"),
    case("config-parses", write(HUB, "{}"), "no table mcpServers"),
    case("config-parses", write(HUB, '{"mcpServers": {}}'), "names no server"),
    case("config-parses", swap(HUB, '"mcpServers"', '"servers": {}, "mcpServers"'), "names no server"),
    case("config-parses", write(HUB, "{mcpServers: {a: {command: 'x'}, b: null}}"), "server b is null, no object"),
    case("config-parses", write(HUB, "{mcpServers: {a: {command: 'x', url: 'x'}}}"), "a has both a command and a url"),
    near("config-parses", write(HUB, "{servers: {a: {command: 'x'}}} // fine"), "an editor's key"),
    near(
        "config-parses", swap(HUB, '"mcpServers"', '"servers": null, "mcpServers"'), "an editor's key without a value"
    ),
    case("config-matches-its-schema", swap(HUB, '"prompt-based"', '"magic"'), "$.toolFiltering.mode"),
    case(
        "config-matches-its-schema",
        swap(HUB, '  "toolFiltering"', '  extra: 1, "toolFiltering"'),
        "'extra' was unexpected",
        "degraded",
    ),
    case("config-matches-its-schema", gone("config.schema.json"), "has no config.schema.json", "unknown"),
    case("config-references-resolve", swap(HUB, '"mcpServers"', "x: '${env:LOST}', \"mcpServers\""), "LOST is not set"),
    case(
        "config-references-resolve",
        swap(ENV, "OPENAI_API_KEY=op://mcp-hub/openai/credential", "OPENAI_API_KEY="),
        "to nothing",
    ),
    near(
        "config-references-resolve", swap(HUB, '"mcpServers"', "x: '${workspaceFolder}', \"mcpServers\""), "predefined"
    ),
    *(
        near("config-references-resolve", both(refers(name), swap(UNIT, "Restart=always", more)), f"{name}: {more}")
        for name, more in (
            ("HOME", "Restart=always"),
            ("USER", "Restart=always"),
            ("PATH", "Restart=always"),
            ("SHELL", "Restart=always"),
            ("INVOCATION_ID", "Restart=always"),
            ("JOURNAL_STREAM", "Restart=always"),
            ("STATE_DIRECTORY", "Restart=always"),
            ("RUNTIME_DIRECTORY", "RuntimeDirectory=mcp-hub"),
            ("CREDENTIALS_DIRECTORY", "LoadCredential=key:/etc/key"),
            ("NOTIFY_SOCKET", "NotifyAccess=main"),
            ("TEAM", "Environment='TEAM=a b' OTHER=c"),
        )
    ),
    *(
        case("config-references-resolve", both(refers(name), swap(UNIT, old, new)), f"{name} is not set")
        for name, old, new in (
            ("HOME", "User=mcp-hub\n", ""),
            ("HOME", "Restart=always", "SetLoginEnvironment=no"),
            ("HOME", "Restart=always", "UnsetEnvironment=HOME LANG"),
            ("TEAM", "Restart=always", "Environment=TEAM=a\nUnsetEnvironment=TEAM"),
            ("RUNTIME_DIRECTORY", "Restart=always", "Restart=on-failure"),
        )
    ),
    case(
        "config-references-resolve",
        both(refers("TEAM"), swap(UNIT, "Restart=always", "PassEnvironment=TEAM")),
        "takes TEAM from the service manager",
        "unknown",
    ),
    case(
        "config-references-resolve",
        both(refers("TEAM"), swap(UNIT, "Restart=always", "EnvironmentFile=-%h/more.env")),
        "holds a specifier",
        "unknown",
    ),
    near(
        "config-references-resolve",
        both(refers("TEAM"), write("more.env", "TEAM=a"), here("EnvironmentFile=", "more.env")),
        "a second env file",
    ),
    near(
        "config-references-resolve",
        swap(HUB, '"memory"] },', '"memory", "${STORE}"], "env": { "STORE": "/srv" } },'),
        "the server's own env gives it",
    ),
    near(
        "config-references-resolve",
        swap(HUB, '"memory"] },', '"memory", "${STORE}"], "disabled": true },'),
        "a disabled server needs nothing",
    ),
    near("env-template-lists-every-variable", refers("HOME"), "systemd sets it"),
    case(
        "mcp-server-commands-exist",
        write(HUB, '{mcpServers: {a: {command: "no-such"}}}'),
        "no-such is not there",
        server="a",
    ),
    case(
        "mcp-server-commands-exist", write(HUB, '{mcpServers: {a: {command: "./x"}}}'), "./x is not there", server="a"
    ),
    case("mcp-server-commands-exist", write(HUB, "{mcpServers: {a: {}}}"), "neither a command nor a url", server="a"),
    near("mcp-server-commands-exist", write(HUB, "{mcpServers: {a: {url: 'https://x'}}}"), "remote", server="a"),
    near(
        "mcp-server-commands-exist",
        write(HUB, "{mcpServers: {a: {command: '${SH:-}', command: 'sh'}}}"),
        "PATH",
        server="a",
    ),
    case("llm-provider-is-configured", swap(HUB, '"openai"', '"opneai"'), "'opneai'"),
    case("llm-provider-is-configured", swap(HUB, "${OPENAI_API_KEY}", "${LOST}"), "apiKey ${LOST} has no value"),
    case("llm-provider-is-configured", swap(HUB, '"apiKey": "${OPENAI_API_KEY}",', ""), "has no apiKey"),
    case("filtering-mode-is-valid", swap(HUB, '"prompt-based"', '"Prompt-based"'), "'Prompt-based'"),
]
