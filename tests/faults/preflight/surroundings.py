"""Dependencies, units, kept releases, state folders and people that are not fit for a deploy, and some that only look so."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING, Final

from tests.faults.preflight.changes import (
    CLI,
    DEGRADED,
    FAILED,
    PREVIOUS,
    STATE,
    UNIT,
    UNKNOWN,
    data,
    nothing,
    package,
)
from tests.faults.preflight.mutation import Mutation, each, edit, remove, write
from tests.helpers.registry import WANTED, lasting, lock

if TYPE_CHECKING:
    from pathlib import Path


def previous_gone(tree: Path) -> None:
    """Whoever tidied up removed the release before."""
    shutil.rmtree(tree / PREVIOUS)


LOCK: Final = """{
  "name": "mcp-hub", "version": "4.3.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": {"name": "mcp-hub", "version": "4.3.0", "dependencies": {"left": "latest"}},
    "node_modules/left": {"version": "1.0.0", "resolved": "http://127.0.0.1:9/left.tgz", "integrity": "sha512-eA=="}
  }
}
"""


def vulnerable(severity: str, sentence: str, outcome: str | None) -> Mutation:
    """A locked dependency that the registry knows an advisory of this severity about."""

    def asks(tree: Path) -> None:
        write(".npmrc", f"registry=http://127.0.0.1:{lasting(severity)}/\n")(tree)

    return Mutation(
        name=f"advisory-of-{severity}-severity",
        sentence=sentence,
        mutate=each(package(dependencies=WANTED), write("package-lock.json", lock("mcp-hub", "4.3.0")), asks),
        expected={"no-known-vulnerabilities": outcome} if outcome else {},
        words=(f"lodash ({severity}",) if outcome else (),
        tool="npm",
    )


def offline(name: str, sentence: str, outcome: str | None, *, days: int = 0, level: str = "LOW") -> Mutation:
    """A locked dependency, held against a database of OSV in a folder whose one advisory about it changed `days` ago."""

    def fetched(tree: Path) -> None:
        changed = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        affected = {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.12"}]}],
        }
        advisory = {"id": "GHSA-1", "modified": f"{changed:%Y-%m-%dT%H:%M:%SZ}", "affected": [affected]}
        (tree.parent / "osv").mkdir()
        (tree.parent / "osv" / "GHSA-1.json").write_text(
            json.dumps(advisory | {"database_specific": {"severity": level}}), encoding="utf-8"
        )

    return Mutation(
        name=name,
        sentence=sentence,
        mutate=each(package(dependencies=WANTED), write("package-lock.json", lock("mcp-hub", "4.3.0")), fetched),
        config={"release": {"osv": "../osv"}},
        expected={"no-known-vulnerabilities": outcome} if outcome else {},
        words={FAILED: ("lodash 4.17.11",), UNKNOWN: (f"{days} days old",)}.get(str(outcome), ()),
    )


DEPENDENCIES: Final = (
    offline("offline-advisory", "a database in a folder knows the locked version", FAILED, level="HIGH"),
    offline("offline-advisory-of-low-severity", "a database in a folder knows what hardly matters", None),
    offline("offline-database-is-old", "the database was fetched ten days ago", UNKNOWN, days=10),
    Mutation(
        name="audit-is-declared-away",
        sentence="no registry answers, and somebody answers for that until a day",
        mutate=each(package(dependencies=WANTED), write("package-lock.json", lock("mcp-hub", "4.3.0"))),
        config={
            "expect": {"audit": {"expected": False, "reason": "no network", "owner": "Ada", "expires": dt.date.max}}
        },
        expected={"no-known-vulnerabilities": DEGRADED},
        words=("Ada answers for that",),
    ),
    Mutation(
        name="install-passes-over-the-lock-file",
        sentence="the deploy script installs by npm install, which may write the lock file anew",
        mutate=each(
            package(dependencies=WANTED),
            write("package-lock.json", lock("mcp-hub", "4.3.0")),
            write("tools/install.sh", "#!/bin/sh\nset -e\nnpm install --omit=dev\n"),
            write(".npmrc", f"registry=http://127.0.0.1:{lasting('low')}/\n"),
        ),
        expected={"dependencies-are-pinned": FAILED},
        words=("tools/install.sh:3", "npm ci"),
        tool="npm",
    ),
    Mutation(
        name="install-by-the-lock-file",
        sentence="a range, and a script that installs by npm ci",
        mutate=each(
            package(dependencies=WANTED),
            write("package-lock.json", lock("mcp-hub", "4.3.0")),
            write("tools/install.sh", "#!/bin/sh\nset -e\nnpm ci --omit=dev\n"),
            write(".npmrc", f"registry=http://127.0.0.1:{lasting('low')}/\n"),
        ),
        tool="npm",
    ),
    Mutation(
        name="lock-file-is-missing",
        sentence="a dependency, and no lock file that fixes it",
        mutate=each(package(dependencies={"left": "1.0.0"}), remove("package-lock.json")),
        expected={
            "lockfile-is-present-and-in-step": FAILED,
            "no-known-vulnerabilities": UNKNOWN,
        },
        words=("no lock file", "blocked by lockfile-is-present-and-in-step"),
    ),
    Mutation(
        name="lock-file-is-out-of-step",
        sentence="package.json asks for a linter that the lock file does not know",
        mutate=package(devDependencies={"a-linter": "9.1.0"}),
        expected={"lockfile-is-present-and-in-step": FAILED},
        words=("a-linter",),
    ),
    Mutation(
        name="version-is-ahead",
        sentence="package.json was given the next version, and nothing was built or written down",
        mutate=package(version="4.3.1"),
        expected={"artifact-runs-and-reports-its-version": FAILED, "version-is-documented": FAILED},
        words=("4.3.1",),
    ),
    Mutation(
        name="lock-file-is-no-json",
        sentence="a merge left its marks in the lock file",
        mutate=write("package-lock.json", "<<<<<<< HEAD\n{}\n"),
        expected={"lockfile-is-present-and-in-step": FAILED},
        words=("package-lock.json",),
    ),
    Mutation(
        name="a-dependency-follows-latest",
        sentence="a dependency without an end, and a registry that cannot be asked about it",
        mutate=each(
            package(dependencies={"left": "latest"}),
            write("package-lock.json", LOCK),
            write(".npmrc", "registry=http://127.0.0.1:9/\n"),
        ),
        expected={"dependencies-are-pinned": FAILED, "no-known-vulnerabilities": UNKNOWN},
        words=("left latest",),
    ),
    vulnerable("critical", "a dependency that lets strangers in", FAILED),
    vulnerable("high", "a dependency with a vulnerability of high severity", FAILED),
    vulnerable("moderate", "a dependency with a vulnerability of moderate severity", DEGRADED),
    vulnerable("low", "a dependency with a vulnerability that hardly matters", None),
    Mutation(
        name="no-update-bot",
        sentence="nobody proposes newer versions",
        mutate=remove(".github/dependabot.yml"),
        expected={"update-bot-is-configured": FAILED},
        words=("Dependabot",),
    ),
    Mutation(
        name="update-bot-for-something-else",
        sentence="the bot renews the workflows alone",
        mutate=edit(".github/dependabot.yml", "npm", "github-actions"),
        expected={"update-bot-is-configured": FAILED},
        words=("no npm",),
    ),
    Mutation(
        name="renovate-instead",
        sentence="Renovate renews the packages, configured with a comment",
        mutate=each(
            remove(".github/dependabot.yml"),
            write("renovate.json5", '{ // weekly\n  extends: ["config:recommended"],\n}\n'),
        ),
    ),
    Mutation(
        name="runtime-is-too-old",
        sentence="the release wants a Node that is not out yet",
        mutate=package(engines={"node": ">=999"}),
        expected={"runtime-version-is-supported": FAILED},
        words=(">=999",),
    ),
    Mutation(
        name="runtime-is-anybodys-guess",
        sentence="package.json does not say what it runs on",
        mutate=package(engines=None),
        expected={"runtime-version-is-supported": DEGRADED},
        words=("engines",),
    ),
)

NAMELESS: Final = {
    "artifact-runs-and-reports-its-version": FAILED,
    "dependencies-are-pinned": UNKNOWN,
    "lockfile-is-present-and-in-step": UNKNOWN,
    "no-known-vulnerabilities": UNKNOWN,
    "previous-release-is-kept": UNKNOWN,
    "release-is-what-the-unit-runs": UNKNOWN,
    "runtime-version-is-supported": UNKNOWN,
    "update-bot-is-configured": UNKNOWN,
    "version-is-documented": UNKNOWN,
}
"""Without package.json the version is not known: one cause, and all that need what it says wait for it."""
PACKAGE: Final = (
    Mutation(
        name="package-json-is-missing",
        sentence="package.json was not brought along",
        mutate=remove("package.json"),
        expected=NAMELESS,
        words=("package.json is missing", "blocked by artifact-runs-and-reports-its-version"),
    ),
    Mutation(
        name="package-json-is-cut-in-half",
        sentence="package.json does not parse",
        mutate=write("package.json", '{"name": "mcp-hub",'),
        expected=NAMELESS,
        words=("package.json:1 is no JSON", "blocked by artifact-runs-and-reports-its-version"),
    ),
    Mutation(
        name="neither-package-json-nor-artifact",
        sentence="half of the release is missing: two causes",
        mutate=each(remove("package.json"), remove(CLI)),
        expected=NAMELESS | {"artifact-is-executable": FAILED, "artifact-size-is-plausible": UNKNOWN},
        words=("dist/cli.js is missing", "package.json is missing", "blocked by artifact-is-executable"),
    ),
)

ASTRAY: Final = {
    "release-is-what-the-unit-runs": FAILED,
    "artifact-is-executable": UNKNOWN,
    "artifact-size-is-plausible": UNKNOWN,
    "artifact-runs-and-reports-its-version": UNKNOWN,
    "runtime-version-is-supported": UNKNOWN,
}
"""What is said of the artifact is said of what the unit starts: where that is not to be found, the unit is the one cause."""
BLOCKED: Final = "blocked by release-is-what-the-unit-runs"


def by_node(tree: Path) -> None:
    """The unit starts a file of the sources with node."""
    edit(UNIT, f"{tree}/dist/cli.js", f"node {tree}/src/hub.mjs")(tree)


SOURCES: Final = each(
    write("src/hub.mjs", 'import { say } from "./say.mjs";\nsay();\n'),
    write("src/say.mjs", 'export const say = () => console.log("4.3.0");\n'),
    by_node,
)
RELEASE: Final = (
    Mutation(
        name="unit-starts-the-sources",
        sentence="the unit starts a file of the sources with node, and not what was built: small, not executable, and one cause",
        mutate=SOURCES,
        expected={"release-is-what-the-unit-runs": FAILED},
        words=("starts src/hub.mjs",),
        tool="node",
    ),
    Mutation(
        name="release-runs-from-its-sources",
        sentence="package.json and the unit agree on a small file that node starts and that imports the rest",
        mutate=each(SOURCES, package(bin="src/hub.mjs")),
        tool="node",
    ),
    Mutation(
        name="sources-lack-a-part",
        sentence="the same, without the file that it imports",
        mutate=each(SOURCES, package(bin="src/hub.mjs"), remove("src/say.mjs")),
        expected={"artifact-size-is-plausible": FAILED, "artifact-runs-and-reports-its-version": UNKNOWN},
        words=("imports what is not there: ./say.mjs", "blocked by artifact-size-is-plausible"),
        tool="node",
    ),
    Mutation(
        name="unit-runs-another-tree",
        sentence="the unit still starts what lies elsewhere",
        mutate=edit(UNIT, "/release/dist/cli.js", "/elsewhere/dist/cli.js"),
        expected=ASTRAY,
        words=("elsewhere", BLOCKED),
    ),
    Mutation(
        name="unit-reads-another-configuration",
        sentence="the unit starts the hub with a configuration of its own",
        mutate=edit(UNIT, "config/mcp-hub.json", "config/other.json"),
        expected={"release-is-what-the-unit-runs": FAILED},
        words=("other.json",),
    ),
    Mutation(
        name="unit-is-missing",
        sentence="no unit, and the configuration names one",
        mutate=remove(UNIT),
        expected=ASTRAY | {"secret-references-are-resolved-by-the-loader": UNKNOWN},
        words=("mcp-hub.service", BLOCKED),
    ),
    Mutation(
        name="unit-is-missing-in-ci",
        sentence="no unit, and nobody asks about it where the host is out of reach: the artifact's own check tells",
        mutate=remove(UNIT),
        config={"target": {"where": "ci"}},
        expected={
            "artifact-is-executable": FAILED,
            "artifact-size-is-plausible": UNKNOWN,
            "artifact-runs-and-reports-its-version": UNKNOWN,
        },
        words=("mcp-hub.service", "blocked by artifact-is-executable"),
    ),
    Mutation(
        name="previous-release-is-gone",
        sentence="there is nothing to go back to",
        mutate=previous_gone,
        expected={"previous-release-is-kept": FAILED},
        words=("4.2.1",),
    ),
    Mutation(
        name="previous-release-does-not-start",
        sentence="the release before was kept without what it needs",
        mutate=data(f"{PREVIOUS}/{CLI}", b"#!/bin/sh\nexit 127\n"),
        expected={"previous-release-is-kept": FAILED},
        words=("127",),
    ),
    Mutation(
        name="previous-release-is-this-one",
        sentence="the configuration names the tree itself as the release before",
        mutate=nothing,
        config={"release": {"previous": "."}},
        expected={"previous-release-is-kept": FAILED},
        words=("is the one that is deployed",),
    ),
    Mutation(
        name="state-does-not-parse",
        sentence="too many streams at once cut workspaces.json in half",
        mutate=write(f"{STATE}/workspaces.json", '{"7000": {"pid": 1'),
        expected={"hub-state-is-readable": FAILED},
        words=("workspaces.json",),
    ),
    Mutation(
        name="state-is-a-file",
        sentence="a file stands where the state folder is to be",
        mutate=each(lambda tree: shutil.rmtree(tree / STATE), write(STATE, "")),
        expected={"hub-state-is-readable": FAILED, "no-secret-in-logs": UNKNOWN},
        words=("is a file, and a folder is to be there",),
    ),
    Mutation(
        name="state-is-not-there-yet",
        sentence="the hub has never run here, or [target] state is mistyped: there is no log to look into",
        mutate=lambda tree: shutil.rmtree(tree / STATE),
        expected={"no-secret-in-logs": UNKNOWN},
        words=("correct [target] state",),
    ),
    Mutation(
        name="state-is-empty",
        sentence="the hub has never run here, and its state folder was made",
        mutate=each(lambda tree: shutil.rmtree(tree / STATE), lambda tree: (tree / STATE).mkdir(parents=True)),
    ),
)

MUTATIONS: Final = (*PACKAGE, *DEPENDENCIES, *RELEASE)
