"""How long a host takes to connect to an address, measured with curl or else python3."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# three connections each: the median counts, since one may meet a busy moment
SCRIPT: Final = r"""
if command -v curl >/dev/null; then
for u; do
  i=0
  while [ $i -lt 3 ]; do
    o=$(curl -q -sS -o /dev/null --head --noproxy '*' --proto '=http,https' --connect-timeout 3 --max-time 4 \
      -w '%{time_namelookup} %{time_connect}' "$u" 2>/dev/null)
    c=$?
    printf '%s %s\n' "$c" "$o"
    # no second try after a time-out: the connection was timed, if there was one
    [ "$c" = 28 ] && break
    case $o in *' 0.000000'|'') break ;; esac
    i=$((i+1))
  done
  printf '.\n'
done
elif command -v python3 >/dev/null; then
python3 -c '
import socket, sys, time
from urllib.parse import urlsplit
def once(parts):
    start = time.monotonic()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return 6, 0.0, 0.0
    known, code = time.monotonic() - start, 7
    for family, kind, number, _, address in found:
        with socket.socket(family, kind, number) as one:
            one.settimeout(3)
            try:
                one.connect(address)
                return 0, known, time.monotonic() - start
            except socket.timeout:
                code = 28
            except OSError:
                pass
    return code, known, 0.0
for url in sys.argv[1:]:
    for _ in range(3):
        said = once(urlsplit(url))
        print("%d %.6f %.6f" % said, flush=True)
        if said[0]:
            break
    print(".", flush=True)
' "$@"
else
exit 127
fi
"""
"""Prints for each address the status, seconds of the lookup and of lookup and connection, a line a try, then a dot."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How an endpoint is reached from the host: `milliseconds` to connect (the median), or why not."""

    url: str
    milliseconds: float | None
    why: str = ""

    @property
    def host(self) -> str:
        """The endpoint's host."""
        return urlsplit(self.url).hostname or ""


def blocks(lines: list[str]) -> Iterator[list[str]]:
    """The tries of each address."""
    block: list[str] = []
    for line in lines:
        if line == ".":
            yield block
            block = []
        else:
            block.append(line)


def reach(url: str, lines: list[str]) -> Reach:
    """What the tries of `url` come to."""
    times, codes = [], []
    for line in lines:
        code, *numbers = line.split()
        codes.append(code)
        try:
            lookup, connect = map(float, numbers)
        except ValueError:
            continue
        if connect > 0:
            times.append(1000 * (connect - lookup))
    if times:
        return Reach(url=url, milliseconds=max(0.0, statistics.median(times)))
    reasons = {"6": "its name is not found", "7": "the connection is refused", "28": "no connection within 3 s"}
    code = codes[-1] if codes else "?"
    return Reach(url=url, milliseconds=None, why=reasons.get(code, f"curl ended with status {code}"))
