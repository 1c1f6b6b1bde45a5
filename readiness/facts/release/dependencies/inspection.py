"""What a release depends on: packages, locks, advisories, the bot that renews them, and the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.release.dependencies import audit, installs, locked, lockfile, semver
from readiness.facts.release.entry_point import RUNTIMES
from readiness.facts.release.package_json import LOCKS
from readiness.support import Unreadable, child_process, file_reading, require_extra

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.release.dependencies.audit import Advisory
    from readiness.facts.release.dependencies.installs import Install
    from readiness.facts.release.entry_point import EntryPoint
    from readiness.facts.release.release import Release

SECONDS: Final = 15.0
"""Seconds for a runtime to say its version."""
_RENOVATE: Final = (
    *("renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"),
    *(".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5"),
)
_DEPENDABOT: Final = (".github/dependabot.yml", ".github/dependabot.yaml")
_SHELLS: Final = frozenset({"sh", "bash", "dash"})
_ECOSYSTEMS: Final = frozenset({"npm", "bun"})


class Dependencies:
    """Each question reads the disk again; nothing here judges."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def wanted(self) -> dict[str, str]:
        """Name to range of everything that package.json asks for. Raises Unreadable."""
        return self.release.package().wanted(*lockfile.KINDS)

    def production(self) -> dict[str, str]:
        """Name to range of what runs in production. Raises Unreadable."""
        return self.release.package().wanted(*locked.RUNNING)

    @staticmethod
    def manager_of(lock: Path) -> str:
        """Whose lock file it is."""
        return LOCKS[lock.name]

    def locks(self) -> tuple[Path, ...]:
        """The lock files. Raises Unreadable."""
        return self.release.package().locks

    def out_of_step(self, lock: Path) -> list[str]:
        """How a lock file differs from package.json. Raises Unreadable."""
        return lockfile.out_of_step(self.release.package(), lock)

    def unpinned(self) -> list[str]:
        """Production dependencies that may be something else tomorrow. Raises Unreadable."""
        package = self.release.package()
        return lockfile.unpinned(package, locked=bool(package.locks))

    def careless_installs(self) -> list[Install]:
        """Installs of the release that do not take what the lock file says, where that matters. Raises Unreadable."""
        package = self.release.package()
        if not package.locks or not lockfile.unpinned(package, locked=False):
            return []
        return [one for one in installs.of_release(self.release.root, package) if not one.frozen]

    def advisories(self) -> tuple[list[Advisory], str]:
        """Known vulnerabilities, worst first, and what was asked. Raises Unreadable, NotInstalled, CouldNotLook."""
        if self.release.config.release.osv is not None:
            return audit.look_up(self.release)
        return audit.ask(self.release), "the package registry was asked"

    @staticmethod
    def at_least(advisories: list[Advisory], level: str) -> list[Advisory]:
        """Those of at least `level`."""
        return audit.at_least(advisories, level)

    def bots(self) -> dict[Path, str]:
        """Each configuration of an update bot, to what is wrong with it: an empty text where it renews packages."""
        root = self.release.root
        bots_by_path = {path: _dependabot(path) for name in _DEPENDABOT if file_reading.exists(path := root / name)}
        bots_by_path |= {path: _renovate(path) for name in _RENOVATE if file_reading.exists(path := root / name)}
        package = self.release.package()
        if isinstance(package.data.get("renovate"), dict):
            bots_by_path[package.file] = ""
        return bots_by_path

    def runtime(self) -> tuple[str, str]:
        """Name and version of what runs the artifact here. Raises Unreadable, NotInstalled."""
        artifact = self.release.artifact()
        name, program = self._program(artifact)
        done = child_process.run([program, "--version"], timeout=SECONDS)
        version_words = (done.out or done.err).strip().removeprefix("Python ").split()
        if not done.ok or not version_words:
            raise Unreadable(f"{program} does not say its version: it {done.ending}", "untold")
        return name, version_words[0].removeprefix("v")

    def _program(self, artifact: EntryPoint) -> tuple[str, str]:
        """The runtime's name, and what to start; where a shell starts the artifact, the first of `engines`."""
        name = artifact.runtime_name
        if name in _SHELLS:
            name = next(iter(self.release.package().engines), "node")
        elif artifact.runtime and RUNTIMES.fullmatch(artifact.runtime[0].rpartition("/")[2]):
            return name, artifact.runtime[0]
        elif artifact.shebang and artifact.shebang[0].rpartition("/")[2] != "env":
            return name, artifact.shebang[0]
        return name, "python3" if name == "python" else name

    @staticmethod
    def satisfies(version: str, wanted: str) -> bool | None:
        """Whether a version is in a range; None where either cannot be read."""
        return semver.satisfies(version, wanted)


def _dependabot(path: Path) -> str:
    require_extra("preflight")
    import yaml

    try:
        data = yaml.safe_load(file_reading.text(path, 256 * 1024))
    except Unreadable as error:
        return str(error)
    except (yaml.YAMLError, ValueError, RecursionError):
        return f"{path} is no YAML"
    updates = data.get("updates") if isinstance(data, dict) else None
    systems = [one.get("package-ecosystem") for one in updates or () if isinstance(one, dict)]
    return "" if _ECOSYSTEMS & {str(one) for one in systems} else f"{path} updates no npm or bun packages"


def _renovate(path: Path) -> str:
    try:
        data = _json(file_reading.text(path, 256 * 1024))
    except Unreadable as error:
        return str(error)
    except (ValueError, RecursionError):
        return f"{path} is no JSON5"
    if not isinstance(data, dict) or not data:
        return f"{path} configures nothing"
    return f"{path} switches the bot off" if data.get("enabled") is False else ""


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        import json5

        return json5.loads(text)
