"""Rows about dependencies, release and process."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from tests.suites.preflight_vocabulary import UNIT, both, case, git, gone, near, package, previous, swap, write

if TYPE_CHECKING:
    from tests.suites.preflight_vocabulary import Break

TODAY = dt.datetime.now(dt.UTC)

LOCKED = {"": {"dependencies": {"left-pad": "^1.3.0"}}, "node_modules/left-pad": {"version": "1.3.0"}}


def lock(packages: dict[str, Any]) -> Break:
    """A lock file of npm with these packages."""
    return write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))


PADDED = package(dependencies={"left-pad": "^1.3.0"})
DEPENDENCIES = [
    case("lockfile-is-present-and-in-step", both(PADDED, gone("package-lock.json")), "no lock file fixes the 1"),
    case("lockfile-is-present-and-in-step", PADDED, "left-pad is missing from the lock file"),
    case(
        "lockfile-is-present-and-in-step",
        both(package(dependencies={"left-pad": "^1.2.0"}), lock(LOCKED)),
        "asks for ^1.2.0",
    ),
    case("lockfile-is-present-and-in-step", lock(LOCKED), "no longer asked for"),
    case("lockfile-is-present-and-in-step", write("package-lock.json", "{"), "is no JSON"),
    near("lockfile-is-present-and-in-step", both(PADDED, lock(LOCKED)), "in step"),
    near("lockfile-is-present-and-in-step", gone("package-lock.json"), "nothing to lock"),
    near(
        "lockfile-is-present-and-in-step",
        both(
            PADDED,
            gone("package-lock.json"),
            write(
                "bun.lock",
                '{"workspaces": {"": {"dependencies": {"left-pad": "^1.3.0",},},}, "packages": {"left-pad": ["left-pad@1.3.0", "a,}"],},}',
            ),
        ),
        "bun",
    ),
    near(
        "lockfile-is-present-and-in-step",
        both(
            PADDED,
            gone("package-lock.json"),
            write("yarn.lock", '"left-pad@^1.2.0", left-pad@^1.3.0:\n  version "1.3.0"\n'),
        ),
        "yarn",
    ),
    case(
        "lockfile-is-present-and-in-step",
        both(
            PADDED,
            gone("package-lock.json"),
            write(
                "pnpm-lock.yaml",
                "importers:\n  .:\n    dependencies:\n      left-pad: {specifier: ^1.2.0, version: 1.2.0}\n",
            ),
        ),
        "for ^1.2.0",
    ),
    case("dependencies-are-pinned", package(dependencies={"a": "latest"}), "a latest"),
    case("dependencies-are-pinned", package(dependencies={"a": "github:x/y#main"}), "without a commit"),
    case("dependencies-are-pinned", both(PADDED, gone("package-lock.json")), "left-pad ^1.3.0"),
    near(
        "dependencies-are-pinned",
        package(dependencies={"a": "^1.2.3", "b": "2.0.0", "c": f"x/y#{'a' * 40}"}),
        "bounded",
    ),
    near("no-known-vulnerabilities", gone("package-lock.json"), "no dependencies, nobody asked"),
    case("no-known-vulnerabilities", both(PADDED, gone("package-lock.json")), "no package-lock.json", "unknown"),
    case("update-bot-is-configured", gone(".github/dependabot.yml"), "neither Dependabot nor Renovate"),
    case(
        "update-bot-is-configured",
        write(".github/dependabot.yml", "updates:\n- package-ecosystem: docker\n"),
        "no npm or bun",
    ),
    case("update-bot-is-configured", write(".github/dependabot.yml", ""), "no npm or bun"),
    near(
        "update-bot-is-configured",
        both(gone(".github/dependabot.yml"), write("renovate.json5", "{extends: ['x'],}")),
        "Renovate",
    ),
    case("runtime-version-is-supported", package(engines={"node": ">=99"}), "package.json supports >=99"),
    case("runtime-version-is-supported", package(engines={"node": "new"}), "cannot be read", "unknown"),
    case("runtime-version-is-supported", package(engines=None), "does not say which versions", "degraded"),
    case("runtime-version-is-supported", package(engines={"no-such-runtime": "1"}), "is not installed", "unknown"),
]

RELEASE = [
    case("release-is-what-the-unit-runs", swap(UNIT, "/dist/cli.js --port", "/src/cli.js --port"), "starts src/cli.js"),
    case("release-is-what-the-unit-runs", swap(UNIT, "/config/mcp-hub.json", "/mcp-servers.json"), "--config"),
    case("release-is-what-the-unit-runs", swap(UNIT, "--port 7000", "--port 7001"), "PORT is 7000"),
    case("release-is-what-the-unit-runs", gone(UNIT), "is missing"),
    case("release-is-what-the-unit-runs", write(UNIT, "[Unit]\n"), "no [Service] section"),
    near("release-is-what-the-unit-runs", swap(UNIT, "--port 7000", "--port=${PORT}"), "a variable for the port"),
    near("release-is-what-the-unit-runs", swap(UNIT, " -- ", " -- \\\n   "), "a line that goes on"),
    near(
        "release-is-what-the-unit-runs",
        both(
            package(scripts={"start": "node dist/cli.js --config config/mcp-hub.json"}),
            lambda root: (root / UNIT).write_text(
                f"[Service]\nWorkingDirectory={root}\nExecStart=/usr/bin/npm start\n"
            ),
        ),
        "npm start",
    ),
    case(
        "release-is-what-the-unit-runs",
        both(
            package(scripts={"start": "node src/utils/cli.js --port 3000 --config ./mcp-servers.json"}),
            lambda root: (root / UNIT).write_text(
                f"[Service]\nWorkingDirectory={root}\nExecStart=/usr/local/bin/bun start\n"
            ),
        ),
        "starts src/utils/cli.js",
    ),
    case("previous-release-is-kept", lambda root: (root.parent / "releases").rename(root.parent / "r"), "is missing"),
    case("previous-release-is-kept", previous("package.json", '"4.2.1"', '"4.2.0"'), "is 4.2.0 and says"),
    case(
        "previous-release-is-kept", lambda root: (root / "../releases/4.2.1/dist/cli.js").unlink(), "cli.js is missing"
    ),
    case("previous-release-is-kept", write("../releases/4.2.1/dist/cli.js", "#!/bin/sh\nexit 4"), "does not start"),
    case(
        "hub-state-is-readable",
        write("../home/.local/state/mcp-hub/workspaces.json", "{"),
        "workspaces.json is no JSON",
    ),
    case(
        "hub-state-is-readable",
        write("../home/.local/state/mcp-hub/workspaces.json", b"\0"),
        "workspaces.json is binary",
    ),
]

PROCESS = [
    case("no-other-deployment-is-running", write(".deploy.lock", "somebody"), "names no process", "unknown"),
    near("no-other-deployment-is-running", write(".deploy.lock", "4194303\n"), "left over"),
    near("no-other-deployment-is-running", write(".deploy.lock", ""), "empty, as flock leaves it"),
    case(
        "deployment-window-is-open",
        lambda root: None,
        "outside of every",
        release={"windows": (f"{TODAY + dt.timedelta(days=3):%a} 09:00-10:00 UTC",)},
    ),
    near(
        "deployment-window-is-open",
        lambda root: None,
        "daily",
        release={"windows": ("daily 00:00-24:00 Europe/Berlin",)},
    ),
    near(
        "release-commit-was-reviewed",
        both(git("commit", "--allow-empty", "-qm", "x\n\nReviewed-by: Cy <cy@example.com>")),
        "a trailer",
    ),
    case("release-commit-was-reviewed", git("commit", "--allow-empty", "-qm", "x"), "is no merge"),
    case(
        "release-commit-was-reviewed",
        git("commit", "--allow-empty", "-qm", "x\n\nReviewed-by: Bo <bo@example.com>"),
        "of another person",
    ),
]
