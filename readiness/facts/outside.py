"""The hub as strangers see it: through the address that clients use, without any credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readiness.errors import CouldNotLook, Unknown

if TYPE_CHECKING:
    from readiness.config.model import Config
    from readiness.facts.answer import Answer
    from readiness.facts.http import Transport


class Outside:
    """Answers as they are, whatever their status; nothing is shared between two questions."""

    def __init__(self, transport: Transport | None, config: Config) -> None:
        """`transport` without a token; None where the configuration names no address for clients."""
        self._transport, self.config = transport, config

    @property
    def transport(self) -> Transport:
        """How it is spoken to. Raises Unknown without `[target] url`."""
        if self._transport is None:
            raise Unknown("no [target] url: what strangers see cannot be asked")
        return self._transport

    @property
    def plain_url(self) -> str:
        """The http:// address that must redirect: configured, else port 80 of `url`'s host. Raises Unknown."""
        from urllib.parse import urlsplit

        if self.config.target.plain_url:
            return self.config.target.plain_url
        host = urlsplit(self.transport.settings.base).hostname or ""
        return f"http://[{host}]" if ":" in host else f"http://{host}"

    def get(self, path: str, **headers: str) -> Answer:
        """GET `path` with `headers` (`_` for `-`). Raises CouldNotLook where the requests are limited, else as a transport."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return _unlimited(self.transport.get(path, headers=named))

    def post(self, path: str, *, json: Any = None, content: bytes | None = None) -> Answer:  # noqa: ANN401 - any JSON
        """POST to `path`. Raises CouldNotLook where the requests are limited, else as a transport."""
        return _unlimited(self.transport.post(path, json=json, content=content))

    def plain(self) -> Answer:
        """GET / of the plain address, no redirect followed. Raises as a transport."""
        from readiness.facts.http import Settings, Transport

        transport = Transport(Settings(base=self.plain_url, timeout=self.config.probe.timeout, follow=False))
        try:
            return _unlimited(transport.get("/api/health"))
        finally:
            transport.close()


def _unlimited(answer: Answer) -> Answer:
    if answer.status == 429 or (answer.status == 503 and answer.from_proxy):  # noqa: PLR2004 - HTTP's own numbers
        raise CouldNotLook(f"{answer.what} answered {answer.status}: the requests are limited on the way")
    return answer
