"""Files of a host: whole texts, and what `stat` says. Names travel as base64, so that no name breaks a line."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness.facts.host.batch import HostAnswer

STAT: Final = r"""
tell() {
  b=$(printf %s "$1" | base64 -w0)
  if s=$(stat -L -c '%a %u %g %Y %s %W %F' -- "$1" 2>/dev/null); then printf '%s %s\n' "$b" "$s"; return; fi
  p=${1%/*}
  while [ -n "$p" ] && [ ! -e "$p" ]; do p=${p%/*}; done
  if [ -x "${p:-/}" ]; then printf '%s missing\n' "$b"; else printf '%s hidden\n' "$b"; fi
}
"""
"""A shell function that tells what `stats` reads."""
_FIELDS: Final = 7


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file with its text; `real` is what it is a link to in the end, or itself."""

    path: Path
    real: Path
    text: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What is known of one path. `kind` is stat's word ("regular file", "directory"), "missing" or "hidden" (not for us to see).

    `changed` and `born` in seconds since the epoch, `born` 0 where the file system does not tell; `size` in bytes.
    """

    path: str
    kind: str
    mode: int = 0
    uid: int = -1
    gid: int = -1
    changed: int = 0
    size: int = 0
    born: int = 0

    @property
    def there(self) -> bool:
        """Whether it is there. Raises Unknown where we may not see that."""
        if self.kind == "hidden":
            raise Unknown(f"{self.path} is in a folder that this login may not look into")
        return self.kind != "missing"


def decoded(word: str) -> str:
    """The text behind base64. Raises Unknown."""
    try:
        return base64.b64decode(word, validate=True).decode("utf-8", "backslashreplace")
    except (binascii.Error, ValueError):
        raise Unknown("an answer of the host is garbled") from None


def encoded(text: str) -> str:
    """As the host writes a name."""
    return base64.b64encode(text.encode()).decode()


def dumped(answer: HostAnswer) -> tuple[RemoteFile, ...]:
    """Files that were printed as `@file NAME REAL` with each of their lines after a bar. Raises Unknown."""
    files: list[tuple[Path, Path, list[str]]] = []
    for line in answer.text.split("\n"):
        if line.startswith("@file "):
            path, _, real = line.removeprefix("@file ").partition(" ")
            path_text = decoded(path)
            files.append((Path(path_text), Path(decoded(real.strip()).rstrip("\n") or path_text), []))
        elif line.startswith("|") and files:
            files[-1][2].append(line[1:])
    return tuple(RemoteFile(path=path, real=real, text="\n".join(lines)) for path, real, lines in files)


def stats(lines: Iterable[str]) -> tuple[Stat, ...]:
    """What the shell function `tell` of STAT printed; other lines are passed over. Raises Unknown."""
    return tuple(one for one in map(stat_of, lines) if one is not None)


def stat_of(line: str) -> Stat | None:
    """What one line of `tell` says; None for any other line. Raises Unknown."""
    name, _, rest = line.partition(" ")
    words = rest.split(" ", _FIELDS - 1)
    if words in (["missing"], ["hidden"]):
        return Stat(path=decoded(name), kind=words[0])
    numbers = words[: _FIELDS - 1]
    if len(words) != _FIELDS or not all(word.isdigit() or word == "-" for word in numbers):
        return None
    uid, gid, changed, size, born = (int(word) if word.isdigit() else 0 for word in numbers[1:])
    mode = int(numbers[0], 8)
    return Stat(path=decoded(name), kind=words[-1], mode=mode, uid=uid, gid=gid, changed=changed, size=size, born=born)
