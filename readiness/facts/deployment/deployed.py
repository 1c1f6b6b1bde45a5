"""What was deployed, read from the release on disk: the hub's configuration files, its version, what they claim.

The hub reads JSON5, and several files; a file that cannot be read leaves everything claimed.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from readiness.config.model import Claim
from readiness.support import disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from readiness.config.model import Config

SIZE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a configuration file at most."""
_LINE: Final = re.compile(r"<string>:(\d+)")
_SOURCE: Final = re.compile(r"^<string>:\d+\s*")
_REFERENCE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")


SLOW_LIMIT: Final = 512 * 1024
"""Characters of what is no plain JSON: the reader of JSON5 needs a second for 160,000."""
JOBS: Final = {"build": "build", "test": "tests", "lint": "lint"}
"""The commands of `[release]`, and the key of `[expect]` that declares each."""
PREDEFINED: Final = frozenset({"workspaceFolder", "workspaceFolderBasename", "userHome", "pathSeparator"})
"""Names that the hub itself gives a value in `${…}`, in every version."""

Unreadable: TypeAlias = disk.Unreadable
"""A deployed file is missing, too large or no JSON5."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The hub configuration as deployed: its files in order, and what they say together."""

    files: tuple[Path, ...]
    data: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def server_names(self) -> tuple[str, ...]:
        """The servers that are not disabled, in the files' order."""
        return tuple(name for name, server in self.servers.items() if not server.get("disabled"))

    @property
    def servers(self) -> dict[str, dict[str, Any]]:
        """Each server's settings; VS Code's key `servers` counts where `mcpServers` is absent, as in the hub."""
        found = self.data.get("mcpServers", self.data.get("servers"))
        if not isinstance(found, dict):
            return {}
        return {str(name): value for name, value in found.items() if isinstance(value, dict)}

    @property
    def has_servers(self) -> bool:
        """Whether there is a table of servers at all, be it empty."""
        return isinstance(self.data.get("mcpServers", self.data.get("servers")), dict)

    def claims(self, *path: str) -> bool:
        """Whether `path` is an object that is enabled."""
        found: Any = self.data
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return isinstance(found, dict) and found.get("enabled") is True

    @property
    def references(self) -> frozenset[str]:
        """Names of the variables that the configuration takes from the environment."""
        return frozenset(_references(self.data)) - PREDEFINED

    @property
    def names(self) -> str:
        """The files in words."""
        return ", ".join(str(file) for file in self.files)

    def foreign(self, sources: Iterable[str]) -> list[str]:
        """Those of `sources`, paths that the hub read servers from, that are none of these files."""
        own = {str(file) for file in self.files} | {str(disk.real(file)) for file in self.files}
        return sorted({source for source in sources if not {source, str(disk.real(Path(source)))} & own})

    @property
    def changed(self) -> float:
        """When the newest file was last written, seconds since the epoch. Raises OSError."""
        return max(file.stat().st_mtime for file in self.files)


def read(config: Config) -> Deployed:
    """Read the deployed configuration. Raises Unreadable."""
    if config.target.release is None:
        raise Unreadable(
            "what was deployed cannot be read: set [target] release, or declare [expect] release as not expected",
            "untold",
        )
    return read_files((config.target.release / config.target.config,))


def read_files(files: tuple[Path, ...]) -> Deployed:
    """Read configuration files, later ones over earlier ones as the hub does. Raises Unreadable."""
    data: dict[str, Any] = {}
    for file in files:
        one = _json5(file)
        for key, value in one.items():
            before = data.get(key)
            data[key] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
    return Deployed(files=files, data=data)


def _json5(file: Path) -> dict[str, Any]:
    text = disk.text(file, SIZE_LIMIT)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _slowly(text, file)
    if not isinstance(found, dict):
        raise Unreadable(f"{file} holds no object", "broken", file)
    return found


def _slowly(text: str, file: Path) -> object:
    """Read what `json` refuses: comments, trailing commas, single quotes."""
    if len(text) > SLOW_LIMIT:
        size = len(text) // 1024
        raise Unreadable(f"{file} is no JSON, and with {size} KB too large to be read as JSON5", "large", file)
    try:
        return json.loads(_as_json(text))
    except (ValueError, RecursionError) as error:
        told = _LINE.search(str(error))
        line = int(told[1]) if told else None
        where = file if line is None else f"{file}:{line}"
        raise Unreadable(f"{where} is no JSON5: {_SOURCE.sub('', str(error))[:120]}", "broken", file, line) from None


@functools.lru_cache(maxsize=4)
def _as_json(text: str) -> str:
    """JSON5 as JSON, kept by its text: reading JSON5 takes 10 ms a time, and a preflight asks twenty times."""
    import json5

    return json.dumps(json5.loads(text))


def claims(config: Config) -> Mapping[str, Claim]:
    """What is claimed where `[expect]` is silent: by the deployed files, the target and the environment.

    A key that nothing claims or denies is absent; a configuration that cannot be read leaves its claims standing.
    """
    found = _circumstances(config)
    if config.target.release is not None:
        from readiness.facts.release import secretrefs
        from readiness.facts.scripts import inventory as shell_found

        found |= _deployed_claims(config) | secretrefs.claims(config)
        found["scripts"] = shell_found.claim(config)
    return found


def _circumstances(config: Config) -> dict[str, Claim]:
    found = {"release": Claim(expected=True)} if config.target.release is not None else {}
    for key in ("authentication", "tls"):
        found[key] = _claim(
            config.production, f"not expected outside production (environment = {config.environment!r})"
        )
    if config.target.version or config.target.release:
        found["version"] = Claim(expected=True)
    if config.expect.servers is not None:
        found["servers"] = Claim(expected=True)
    return found | _tree_claims(config)


def _tree_claims(config: Config) -> dict[str, Claim]:
    """What a release tree shows that it has, for a first look at it."""
    root = config.target.release
    if root is None:
        return {}
    seen = {"runtime": True, "git": disk.exists(root / ".git"), "unit": config.target.unit is not None}
    seen |= {"config_schema": disk.exists(root / "config.schema.json")}
    seen |= {name: bool(getattr(config.release, job)) for job, name in JOBS.items()}
    seen |= {"previous_release": config.release.previous is not None}
    return {name: Claim(expected=True) for name, there in seen.items() if there}


def _deployed_claims(config: Config) -> dict[str, Claim]:
    try:
        deployed = read(config)
    except Unreadable:
        return {key: Claim(expected=True) for key in ("filtering", "llm", "prompt_analysis", "servers")}
    filtering = deployed.claims("toolFiltering")
    llm = filtering and deployed.claims("toolFiltering", "llmCategorization")
    return {
        "filtering": _claim(filtering, "the deployed configuration does not enable toolFiltering"),
        "llm": _claim(llm, "the deployed configuration does not enable llmCategorization"),
        "prompt_analysis": _claim(
            filtering and deployed.data["toolFiltering"].get("mode") == "prompt-based",
            "the deployed configuration's toolFiltering.mode is not prompt-based",
        ),
        "servers": Claim(expected=True),
    }


def _claim(holds: bool, otherwise: str) -> Claim:  # noqa: FBT001 - private, reads as a sentence
    return Claim(expected=True) if holds else Claim(expected=False, reason=otherwise)


def expected_servers(config: Config) -> tuple[str, ...] | None:
    """Names of the servers that should run: declared, else deployed; None where neither is known. Raises Unreadable."""
    if config.expect.servers is not None:
        return config.expect.servers
    return None if config.target.release is None else read(config).server_names


def expected_version(config: Config) -> str | None:
    """The version that should run: declared, else the release's package.json; None where neither is known."""
    if config.target.version:
        return config.target.version
    if config.target.release is None:
        return None
    try:
        text = (config.target.release / "package.json").read_text(encoding="utf-8")[:SIZE_LIMIT]
        version = json.loads(text).get("version")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return version if isinstance(version, str) else None


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "env" and isinstance(inner, dict):
                # null means: taken from the hub's own environment
                yield from (str(name) for name, given in inner.items() if given is None)
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


class Deployment:
    """What was deployed, as checks ask for it; each question reads the disk again."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def declared_empty(self) -> bool:
        """Whether `[expect] servers = []` says that this hub runs without servers."""
        return self.config.expect.servers == ()

    def files(self) -> Deployed:
        """The deployed hub configuration. Raises Unreadable."""
        return read(self.config)

    def servers(self) -> tuple[str, ...] | None:
        """Names of the servers that should run; None where nobody said. Raises Unreadable."""
        return expected_servers(self.config)

    def version(self) -> str | None:
        """The version that should run; None where nobody said."""
        return expected_version(self.config)

    def built(self) -> float | None:
        """When the release's entry point was built, seconds since the epoch; None where there is none to see."""
        if self.config.target.release is None:
            return None
        try:
            return (self.config.target.release / "dist" / "cli.js").stat().st_mtime
        except OSError:
            return None

    def environment(self) -> frozenset[str]:
        """Names of the variables that the deployed env file sets. Raises Unreadable."""
        from readiness.facts.release import envfile

        return frozenset(envfile.of(self.config))
