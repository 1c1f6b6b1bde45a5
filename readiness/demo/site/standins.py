"""`python standins.py curl|jq …`: stand for two programs where a machine has not got them, as far as a site's scripts use them.

Only put on the PATH of a site, and only what is missing: the scripts themselves are the same everywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Final

NAMES: Final = ("curl", "jq")
_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of an answer or an input at most."""
_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that curl takes for passing trouble."""
_HTTP_ERROR, _NO_CONNECTION, _TOO_LATE = 22, 7, 28


def main(argv: list[str]) -> int:
    """The exit status that the program would have; 2 for an option that is not known here."""
    return _curl(argv[1:]) if argv[0] == "curl" else _jq(argv[1:])


def _curl(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    for flag in ("--fail", "--silent", "--show-error"):
        parser.add_argument(flag, action="store_true")
    for number, default in (
        ("--max-time", 60.0),
        ("--connect-timeout", 60.0),
        ("--retry", 0.0),
        ("--retry-delay", 1.0),
    ):
        parser.add_argument(number, type=float, default=default)
    parser.add_argument("url")
    given = parser.parse_args(argv)
    status = 0
    for left in range(int(given.retry), -1, -1):
        status, passing = _once(given.url, given.max_time, fail=given.fail)
        if not passing or not left:
            break
        time.sleep(given.retry_delay)
    if status and (given.show_error or not given.silent):
        sys.stderr.write(f"curl: ({status}) {given.url}\n")
    return status


def _once(url: str, seconds: float, *, fail: bool) -> tuple[int, bool]:
    """One request; its exit status, and whether the trouble may pass."""
    if not url.startswith(("http://127.0.0.1:", "http://localhost:")):
        return 2, False
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:  # noqa: S310 - loopback, as was just asked
            sys.stdout.write(answer.read(_LIMIT).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return (_HTTP_ERROR if fail else 0), error.code in _BUSY
    except TimeoutError:
        return _TOO_LATE, True
    except OSError as error:
        late = isinstance(getattr(error, "reason", None), TimeoutError)
        return (_TOO_LATE if late else _NO_CONNECTION), late
    return 0, False


def _jq(argv: list[str]) -> int:
    import jq

    parser = argparse.ArgumentParser(prog="jq", allow_abbrev=False)
    parser.add_argument("-r", "--raw-output", action="store_true")
    parser.add_argument("-e", "--exit-status", action="store_true")
    parser.add_argument("program")
    parser.add_argument("file", nargs="?")
    given = parser.parse_args(argv)
    try:
        with open(given.file or 0, encoding="utf-8", closefd=given.file is not None) as source:
            text = source.read(_LIMIT)
        values = jq.compile(given.program).input_text(text).all() if text.strip() else []
    except (OSError, ValueError) as error:
        sys.stderr.write(f"jq: {error}\n")
        return 5
    for value in values:
        raw = given.raw_output and isinstance(value, str)
        sys.stdout.write((value if raw else json.dumps(value, indent=2)) + "\n")
    if not given.exit_status:
        return 0
    return 4 if not values else int(values[-1] in (None, False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
