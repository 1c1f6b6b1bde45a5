"""A lock file pins what is installed by it: npm, pnpm, yarn and bun, in scripts, images and workflows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from readiness.config.model import Config, Target
from readiness.facts.release import package_json
from readiness.facts.release.dependencies import installs, locked, lockfile
from tests.suites.preflight_tree import judge

LOCKS = Path(__file__).parents[2] / "data" / "locks"
"""Lock files that npm 10, pnpm 9, yarn 1, yarn 4 and bun 1.3 wrote for one package.json."""
ALL = {"npm": "package-lock.json", "pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock", "bun": "bun.lock"}


def release(folder: Path, files: dict[str, str], manager: str = "npm") -> Config:
    """A release with a range and a lock file, and these files."""
    (folder / "package.json").write_text(json.dumps({"name": "x", "dependencies": {"left": "^1.0.0"}}))
    (folder / ALL[manager]).write_text("{}")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Config(target=Target(release=folder))


def _workflow(command: str) -> str:
    return f"jobs:\n  it:\n    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          set -e\n          {command}\n"


@pytest.mark.parametrize(
    ("manager", "name", "text", "place"),
    [
        ("npm", "scripts/deploy.sh", "#!/bin/bash\nset -e\nnpm install --production\n", "scripts/deploy.sh:3"),
        ("npm", "deploy.sh", 'cd "$ROOT" && sudo -u hub -H npm i\n', "deploy.sh:1"),
        ("npm", "deploy.sh", 'cd "$ROOT" && sudo npm i 2>&1\n', "deploy.sh:1"),
        ("npm", "deploy.sh", "if ! NODE_ENV=production npm install; then exit 1; fi\n", "deploy.sh:1"),
        ("npm", "deploy.sh", "npm ci --omit=dev\n", None),
        ("npm", "deploy.sh", "# npm install\necho npm install\nnpm install -g pm2\nnpm install --save left\n", None),
        ("npm", "deploy.sh", "cat <<EOF\nnpm install\nEOF\nnpm --prefix docs install\n", None),
        ("npm", "Dockerfile", "FROM node:20\nCOPY . .\nRUN apt-get update && \\\n    npm install\n", "Dockerfile:3"),
        ("npm", "Dockerfile", 'FROM node:20\nRUN ["npm", "ci"]\n', None),
        ("npm", ".github/workflows/ci.yml", _workflow("npm install"), ".github/workflows/ci.yml:7"),
        ("npm", ".github/workflows/ci.yml", _workflow("npm ci"), None),
        ("npm", "README.md", "npm install\n", None),
        ("pnpm", "deploy.sh", "pnpm install --prod\n", "deploy.sh:1"),
        ("pnpm", "deploy.sh", "pnpm i --frozen-lockfile\n", None),
        ("pnpm", ".github/workflows/ci.yml", _workflow("pnpm install"), None),
        ("pnpm", ".github/workflows/ci.yml", _workflow("pnpm install --no-frozen-lockfile"), ":7"),
        ("yarn", "deploy.sh", "yarn\n", "deploy.sh:1"),
        ("yarn", "deploy.sh", "yarn --frozen-lockfile\n", None),
        ("yarn", "deploy.sh", "yarn build\nyarn install --immutable\n", None),
        ("bun", "deploy.sh", "bun install\n", "deploy.sh:1"),
        ("bun", "deploy.sh", "bun run build\nbun install --frozen-lockfile --production\n", None),
    ],
)
def test_a_lock_file_pins_what_is_installed_by_it(
    manager: str, name: str, text: str, place: str | None, tmp_path: Path
) -> None:
    """An install that may write the lock file anew is named by its line; one that takes it as it is, or installs other things, is not."""
    found = judge("dependencies-are-pinned", release(tmp_path, {name: text}, manager))
    assert (found.outcome == "failed") == (place is not None), found
    assert (place or "") in found.reason


@pytest.mark.parametrize(
    ("manager", "file", "setting"),
    [
        ("pnpm", ".npmrc", "frozen-lockfile=true\n"),
        ("yarn", ".yarnrc.yml", "enableImmutableInstalls: true\n"),
        ("bun", "bunfig.toml", "[install]\nfrozenLockfile = true\n"),
    ],
)
def test_a_managers_settings_pin_as_its_options_do(manager: str, file: str, setting: str, tmp_path: Path) -> None:
    """A plain install takes the lock file as it is where the release's settings say so."""
    config = release(tmp_path, {"deploy.sh": f"{manager} install\n", file: setting}, manager)
    assert judge("dependencies-are-pinned", config).outcome == "passed"


def test_exact_versions_need_no_lock_file(tmp_path: Path) -> None:
    """Where package.json leaves nothing open, a plain install changes nothing of what it names."""
    config = release(tmp_path, {"deploy.sh": "npm install\n"})
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "dependencies": {"left": "1.0.0"}}))
    assert judge("dependencies-are-pinned", config).outcome == "passed"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("npm install --production\nnpm run build\n", 1),
        ("export NODE_ENV=production\nnpm ci\nnpm run build\n", 2),
        ("NODE_ENV=production npm ci && npm run build\n", 1),
        ("npm ci\nnpm run build\nnpm prune --omit=dev\n", None),
        ("npm ci --omit=dev\nnpm ci --include=dev\nnpm run build\n", None),
        ("npm run build\nnpm ci --omit=dev\n", None),
    ],
)
def test_an_install_for_production_before_a_build_is_seen(text: str, line: int | None, tmp_path: Path) -> None:
    """What the script installs is what its build has."""
    release(tmp_path, {"deploy.sh": text})
    found = installs.before_build(tmp_path, package_json.read(tmp_path))
    assert (found and found.line) == line


@pytest.mark.parametrize("manager", ["npm", "pnpm", "yarn1", "yarn4", "bun"])
def test_every_lock_file_says_what_runs_in_production(manager: str) -> None:
    """What is locked for production is the same, whoever wrote the lock file; development's packages are not among it."""
    package = package_json.read(LOCKS / manager)
    (lock,) = package.locks
    found = locked.production(package, lock)
    asked = locked.production(npm := package_json.read(LOCKS / "npm"), npm.locks[0])
    assert lockfile.out_of_step(package, lock) == []
    assert {("express", "4.17.1"), ("ms", "2.0.0"), ("fsevents", "2.3.3"), ("qs", "6.7.0")} <= found
    assert asked <= found
    assert not {"mkdirp", "minimist", "ajv-formats", "ajv"} & {name for name, _ in found}


def test_buns_binary_lock_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    """It cannot be read here, which is no fault of the release: unknown, with the command that mends it."""
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "dependencies": {"left": "^1.0.0"}}))
    (tmp_path / "bun.lockb").write_bytes(b"#!/usr/bin/env bun\nbun-lockfile-format-v0\n\0")
    found = judge("lockfile-is-present-and-in-step", Config(target=Target(release=tmp_path)))
    assert (found.outcome, "--save-text-lockfile" in found.reason) == ("unknown", True), found


@pytest.mark.parametrize("lock", ["npm", "pnpm"])
def test_a_member_of_a_workspace_is_locked_at_its_top(lock: str, tmp_path: Path) -> None:
    """The lock file of a workspace stands at its top, and names each member by its folder."""
    member = tmp_path / "packages" / "hub"
    member.mkdir(parents=True)
    (member / "package.json").write_text(json.dumps({"name": "hub", "dependencies": {"ms": "^2.0.0"}}))
    (tmp_path / "package.json").write_text(json.dumps({"name": "top", "workspaces": ["packages/*"]}))
    if lock == "npm":
        packages = {
            "": {"name": "top"},
            "packages/hub": {"dependencies": {"ms": "^2.0.0"}},
            "node_modules/ms": {"version": "2.1.3"},
        }
        (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    else:
        text = "lockfileVersion: '9.0'\nimporters:\n  .: {}\n  packages/hub:\n    dependencies:\n      ms: {specifier: ^2.0.0, version: 2.1.3}\n"
        (tmp_path / "pnpm-lock.yaml").write_text(text + "packages:\n  ms@2.1.3: {}\nsnapshots:\n  ms@2.1.3: {}\n")
    config = Config(target=Target(release=member))
    assert judge("lockfile-is-present-and-in-step", config).outcome == "passed"
    package = package_json.read(member)
    assert locked.production(package, package.locks[0]) == {("ms", "2.1.3")}
