"""The child that sends one message: started as a file by `readiness.operations.notify.send`, it needs Apprise and nothing of ours.

It reads one order (JSON) from its standard input and writes one answer. What Apprise logs is the only source of reasons;
every part of the address is taken out of it here, before it leaves the process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import signal
import sys
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_SHORTEST: Final = 3
"""Parts of an address from this many characters on are taken out; shorter ones would leave no word whole."""
_MEMORY: Final = 1 << 30
"""Bytes of address space: a service that answers without end must not take the host's memory."""
_HEARD: Final = 4


class Heard(logging.Handler):
    """Keeps the last few warnings of Apprise, and prints none."""

    def __init__(self) -> None:
        """Hear warnings and worse."""
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what was said."""
        with contextlib.suppress(Exception):  # a message that cannot be formatted says nothing
            self.said = [*self.said, record.getMessage()[:1000]][-_HEARD:]


def parts(url: str) -> list[str]:
    """Everything in an address that may be a secret, longest first; not its scheme, host and port."""
    secrets = {url, url.partition("://")[2]}
    with contextlib.suppress(ValueError):
        split = urlsplit(url)
        scheme_words = {"true", "false", "yes", "no", "post", "get"}
        pieces = [split.username or "", split.password or "", *split.path.split("/"), split.query, split.fragment]
        pieces += [side for pair in split.query.split("&") for side in pair.partition("=")[::2][1:]]
        if split.scheme.lower() not in {"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"}:
            pieces += [split.hostname or "", split.netloc.rpartition("@")[2]]
        secrets |= {piece for piece in pieces if piece.lower() not in scheme_words}
    secrets |= {unquote(piece) for piece in secrets}
    # a host in lower case may be a token that was written otherwise
    return sorted({piece for piece in secrets if len(piece) >= _SHORTEST}, key=len, reverse=True)


def cleaned(text: str, url: str) -> str:
    """`text` without any part of `url` that may be a secret, whatever the case it stands in."""
    for piece in parts(url):
        text = re.sub(re.escape(piece), "«redacted»", text, flags=re.IGNORECASE)
    return text


def deliver(order: dict[str, Any], heard: Heard) -> str:
    """Send what `order` says; "" or why it did not arrive."""
    try:
        import apprise
    except ModuleNotFoundError as error:
        if error.name != "apprise":
            raise
        return "Apprise is not installed: pip install 'mcp-hub-readiness[notify]'"
    asset = apprise.AppriseAsset(async_mode=False, secure_logging=True, app_id="readiness", app_desc="readiness")
    channel = apprise.Apprise.instantiate(order["url"], asset=asset, suppress_exceptions=True)
    if channel is None:
        return "the address names no service that Apprise knows, or lacks a part that the service needs"
    outlet = apprise.Apprise(asset=asset)
    outlet.add(channel)
    attempts = [0.0, *order["pauses"]]
    for pause in attempts:
        time.sleep(pause)
        heard.said.clear()
        if outlet.notify(
            title=order["title"], body=order["body"], body_format=apprise.NotifyFormat.TEXT, notify_type=order["kind"]
        ):
            return ""
    why = "; ".join(dict.fromkeys(answer.strip() for answer in heard.said if answer.strip()))
    asked = "asked once" if len(attempts) == 1 else f"asked {len(attempts)} times"
    return f"{why or 'the service did not take it'} ({asked})"


def main() -> int:
    """Read the order, obey, answer."""
    order = json.loads(sys.stdin.buffer.read(100_000))
    signal.setitimer(signal.ITIMER_REAL, float(order["deadline"]))  # ends this process, whatever it waits for
    with contextlib.suppress(Exception):  # where there are no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    heard = Heard()
    logging.getLogger().handlers = [logging.NullHandler()]
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [heard], False
    logger.setLevel(logging.WARNING)
    try:
        reason = deliver(order, heard)
    except Exception as error:  # noqa: BLE001 - a plugin's fault is this channel's failure; its text may hold the address
        reason = f"Apprise failed: {type(error).__name__}"
    answer = {"sent": not reason, "reason": cleaned(reason, str(order["url"]))}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
