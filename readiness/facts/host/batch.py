"""Many questions to a host in one shell script, and the reader of what came back.

The script needs a POSIX sh and coreutils there. Every answer travels as base64 between lines of its own, so that neither a
hostile file name nor a locale can be taken for the frame; each has its own time-out and size limit on the far side.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import shlex
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECONDS: Final = 5
"""How long one question may take on the host unless it says otherwise."""
LIMIT: Final = 128 * 1024
"""Bytes of one answer unless a question says otherwise; what is longer is cut, and says so."""
OUTPUT_LIMIT: Final = 24 * 1024 * 1024
"""Bytes of a whole batch's output."""
_MISSING: Final = 127
_TIMED_OUT: Final = frozenset({124, 137})
"""What coreutils' `timeout` answers: in time after TERM, or after KILL."""

_HEAD: Final = r"""
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C LANGUAGE=C TERM=dumb SYSTEMD_COLORS=0 SYSTEMD_PAGER= PAGER=cat
unset LD_PRELOAD POSIXLY_CORRECT BASH_ENV ENV CDPATH IFS
export PATH LC_ALL LANGUAGE TERM SYSTEMD_COLORS SYSTEMD_PAGER PAGER
umask 077
SUDO= PRIVILEGED=1
if [ "$(id -u)" != 0 ]; then
  if timeout -k 1 5 sudo -n true </dev/null >/dev/null 2>&1; then SUDO='sudo -n'; else PRIVILEGED=0; fi
fi
export SUDO PRIVILEGED
ask() {
  n=$1 s=$2 l=$3 e=$4 c=$5
  shift 5
  printf '\n@@ %s\n' "$n"
  {
    if [ "$e" = 1 ]; then timeout -k 1 "$s" sh -c "$c" sh "$@" 2>&1; else timeout -k 1 "$s" sh -c "$c" sh "$@" 2>/dev/null; fi
    printf '\n@%s' "$?"
  } </dev/null | head -c "$l" | base64
}
printf '\n@@ hello\n'
printf '%s' "$PRIVILEGED" | base64
"""
_FOOT: Final = "printf '\\n@@ .\\n'\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostQuestion:
    """One question: a POSIX shell snippet written here, with everything that comes from elsewhere as `args` ($1, $2, …).

    `$SUDO` stands before what needs the administrator's rights; it is empty where the shell has them, or where nobody can have
    them (`$PRIVILEGED` is 0 then). `errors`: its standard error belongs to the answer. `seconds` and `limit` (bytes) bound it.
    """

    name: str
    script: str
    args: tuple[str, ...] = ()
    seconds: int = SECONDS
    limit: int = LIMIT
    errors: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswer:
    """The answer to one question. `code` is the snippet's exit status; None where the answer was cut short."""

    name: str
    code: int | None
    text: str = dataclasses.field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the snippet ended with status 0 and its answer is whole."""
        return self.code == 0

    @property
    def missing(self) -> bool:
        """Whether the program asked for is not installed there."""
        return self.code == _MISSING

    @property
    def timed_out(self) -> bool:
        """Whether it was ended because its time was over."""
        return self.code in _TIMED_OUT

    @property
    def lines(self) -> list[str]:
        """The answer's lines, without empty ones at the end."""
        return self.text.rstrip("\n").split("\n") if self.text.strip() else []

    @property
    def trouble(self) -> str:
        """Why there is no whole answer, in words; empty where there is one."""
        if self.ok:
            return ""
        if self.code is None:
            return f"{self.name}: the answer is longer than what is read of it"
        if self.missing:
            return f"{self.name}: what it asks is not installed there"
        if self.timed_out:
            return f"{self.name}: no answer in time"
        return f"{self.name}: ended with status {self.code}"


class HostAnswers:
    """What a host answered, by question."""

    def __init__(self, answers: Mapping[str, HostAnswer], *, privileged: bool) -> None:
        self._said, self.privileged = dict(answers), privileged

    def get(self, name: str) -> HostAnswer:
        """The answer to `name`. Raises Unknown where it was not asked or got lost on the way."""
        answer = self._said.get(name)
        if answer is None:
            raise Unknown(f"the host was not asked for {name}, or its answer was lost")
        return answer

    def demand(self, name: str) -> HostAnswer:
        """The answer to `name`, if it is a whole one with status 0; else raises Unknown with what is in the way."""
        answer = self.get(name)
        if not answer.ok:
            raise Unknown(answer.trouble)
        return answer

    def __contains__(self, name: str) -> bool:
        return name in self._said

    def with_more(self, other: HostAnswers) -> HostAnswers:
        """These and those of a later round trip."""
        return HostAnswers(self._said | other._said, privileged=self.privileged)

    def to_json(self) -> dict[str, Any]:
        """As kept in the run's private folder, for its other processes."""
        return {
            "privileged": self.privileged,
            "said": [[one.name, one.code, one.text] for one in self._said.values()],
        }

    @classmethod
    def from_json(cls, value: Any) -> HostAnswers:  # noqa: ANN401 - JSON, written by `to_json`
        """Read back what `to_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
        answers = {name: HostAnswer(name=name, code=code, text=text) for name, code, text in value["said"]}
        return cls(answers, privileged=bool(value["privileged"]))


def command(asks: Iterable[HostQuestion], seconds: int) -> str:
    """The command line that asks everything, in any login shell; the whole of it ends after `seconds`."""
    lines = [_HEAD]
    for one in asks:
        words = (one.name, one.seconds, one.limit, int(one.errors), one.script, *one.args)
        lines.append("ask " + " ".join(shlex.quote(str(word)) for word in words) + "\n")
    packed = base64.b64encode("".join([*lines, _FOOT]).encode("utf-8", "surrogateescape")).decode()
    # as base64, because nothing in it means anything to a login shell, whichever that is
    return f"printf %s {packed} | base64 -d | timeout -k 2 {seconds} sh"


def parse(output: str) -> HostAnswers | None:
    """The answers in a batch's output; None where the host did not even say hello."""
    answers: dict[str, HostAnswer] = {}
    privileged: bool | None = None
    for block in output.split("\n@@ ")[1:]:
        name, _, rest = block.partition("\n")
        data = _decoded(rest)
        if name == "hello":
            privileged = data.strip() == b"1"
        elif name != "." and data is not None:
            text = data.decode("utf-8", "backslashreplace")
            body, at, code = text.rpartition("\n@")
            known = bool(at) and code.isdigit()
            answers[name] = HostAnswer(name=name, code=int(code) if known else None, text=body if known else text)
    return None if privileged is None else HostAnswers(answers, privileged=privileged)


def _decoded(text: str) -> bytes:
    packed = "".join(text.split())
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return b""
