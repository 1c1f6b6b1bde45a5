"""One message on one channel, in a child process: whatever a service or its library does, the caller goes on.

The address goes to the child through its standard input: arguments and environment can be read by others.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.support import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHILD: Final = Path(__file__).with_name("child.py")
_REASON: Final = 300
_GRACE: Final = 3.0
"""Seconds past the deadline until the child is ended from outside, should it not have ended itself."""
_INHERITED: Final = (
    *("PATH", "LANG", "LC_ALL", "TZ", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
)
"""What the child gets of this environment: how to reach the network, and no secret but the one address."""


def send(  # noqa: PLR0913 - a message and how long it may take
    url: str, title: str, body: str, *, kind: str = "info", deadline: float, pauses: Sequence[float] = ()
) -> str:
    """Send within `deadline` seconds, once and again after each of `pauses` seconds; "" or why it did not arrive.

    `kind` is Apprise's type of message: info, success, warning or failure.
    """
    message = {"url": url, "title": title, "body": body, "kind": kind}
    order = json.dumps(message | {"deadline": deadline, "pauses": list(pauses)})
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    try:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
            [sys.executable, "-P", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return f"no child process could be started: {error.strerror or type(error).__name__}"
    try:
        answer, _ = child.communicate(order.encode("ascii"), timeout=deadline + _GRACE)
    except subprocess.TimeoutExpired:
        return f"no answer within {deadline:g} s"
    except (OSError, ValueError):
        return "the child process could not be spoken to"
    finally:
        _end(child)
    return _reason(answer, child.returncode, deadline)


def _reason(answer: bytes, code: int, deadline: float) -> str:
    try:
        document = json.loads(answer)
        if document["sent"] is True:
            return ""
        return one_line(str(document["reason"]), _REASON) or "the service did not take it"
    except (ValueError, KeyError, TypeError, RecursionError):
        if code == -signal.SIGALRM:
            return f"no answer within {deadline:g} s"
        return f"the child process that sends ended with status {code} and said nothing"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End its whole group: a plugin may have started something."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
