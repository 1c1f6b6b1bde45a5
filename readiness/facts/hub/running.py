"""Which files a running hub says it read its servers from, asked once and in passing: a release is judged without a hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from readiness.config.model import Config

SECONDS: Final = 1.0
"""A hub that does not answer by then is not within reach."""


def sources(config: Config) -> tuple[Path, ...]:
    """The files, each once; none where no hub is configured or none answers at once. Never raises."""
    from readiness.facts.http.client import Settings, Transport, token_of
    from readiness.facts.hub.hub import Hub

    url = config.target.facts_url
    if url is None:
        return ()
    try:
        token = token_of(config.target.token_env)
        transport = Transport(Settings(base=url, timeout=SECONDS, ca_file=config.target.ca_file, token=token))
    except Unknown:
        return ()
    try:
        with transport.within(SECONDS):
            servers = Hub(transport, config).health().servers
    except Unknown:
        return ()
    finally:
        transport.close()
    return tuple(dict.fromkeys(Path(server.config_source) for server in servers if server.config_source))
