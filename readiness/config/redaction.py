"""The redactor of a run: knows the secrets of its environment, of `readiness.toml` and of the deployed files it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support.redaction import MAX_FILE, Redactor, known_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness.config.model import Config
    from readiness.support.redaction import Secret


def redactor_for(config: Config, environ: Mapping[str, str]) -> Redactor:
    """One that knows `secrets_for` the same."""
    return Redactor(secrets_for(config, environ))


def secrets_for(config: Config, environ: Mapping[str, str]) -> list[Secret]:
    """What a run may not show: from `environ`, `readiness.toml`, the env files and the deployed configuration."""
    target = config.target
    secrets = known_secrets(environ, config=_read(config.path), tokens=(target.token_env,) if target.token_env else ())
    if target.release is not None:
        for path in dict.fromkeys((target.release / target.env_file, target.release / ".env")):
            secrets += known_secrets({}, env_file=_read(path))
        secrets += known_secrets(environ, config=_read(target.release / target.config))
    return list(dict.fromkeys(secrets))


def _read(path: Path | None) -> str:
    """The text of a small regular file, or "": what cannot be read holds nothing that we could show."""
    try:
        if path is None or not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.read(MAX_FILE)
    except (OSError, ValueError):
        return ""
